//! Nanoseconds per `between` and `add`, whatever the span, beside a calendar that walks from day to day.
//!
//! ```text
//! cargo bench --bench business_time
//! ```
//!
//! Europe/Berlin, Monday to Friday 09:00-17:00, ten holidays a year, random instants of eight years. The smallest
//! of several rounds is shown.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use firstline::Calendar;
use firstline::calendar::{Definition, WORKDAYS, Zone};

const HOLIDAYS: [(u32, u32); 10] =
    [(1, 1), (1, 6), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25), (12, 26)];
const YEARS: std::ops::Range<i32> = 2014..2036;
const SPANS: [(&str, i64); 5] = [("1 h", 1), ("3 d", 72), ("30 d", 720), ("1 y", 8_766), ("5 y", 43_830)];

fn holidays() -> impl Iterator<Item = NaiveDate> {
    YEARS.flat_map(|year| {
        HOLIDAYS.into_iter().filter_map(move |(month, day)| NaiveDate::from_ymd_opt(year, month, day))
    })
}

/// What most crates do: look at every date from start to end.
struct DayWalk {
    zone: chrono_tz::Tz,
    holidays: HashSet<NaiveDate>,
    hours: (NaiveTime, NaiveTime),
}

impl DayWalk {
    fn hours(&self, date: NaiveDate) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if date.weekday().num_days_from_monday() > 4 || self.holidays.contains(&date) {
            return None;
        }
        let utc =
            |time| Some(self.zone.from_local_datetime(&date.and_time(time)).earliest()?.with_timezone(&Utc));
        Some((utc(self.hours.0)?, utc(self.hours.1)?))
    }

    fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        let date = |at: DateTime<Utc>| at.with_timezone(&self.zone).date_naive();
        let dates = date(start).iter_days().take_while(|day| *day <= date(end));
        let open = dates.filter_map(|date| self.hours(date));
        open.map(|(open, close)| (close.min(end) - open.max(start)).max(TimeDelta::zero())).sum()
    }

    fn add(&self, start: DateTime<Utc>, duration: TimeDelta) -> DateTime<Utc> {
        let (mut left, mut date) = (duration, start.with_timezone(&self.zone).date_naive());
        loop {
            if let Some((open, close)) = self.hours(date) {
                let open = open.max(start);
                if close - open >= left {
                    return open + left;
                }
                left -= (close - open).max(TimeDelta::zero());
            }
            date = date + Days::new(1);
        }
    }
}

/// Nanoseconds per question: the best of several rounds.
fn time<Q: Copy, T>(questions: &[(DateTime<Utc>, Q)], ask: impl Fn(DateTime<Utc>, Q) -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for &(at, question) in questions {
            black_box(ask(black_box(at), black_box(question)));
        }
        start.elapsed().as_nanos() as f64 / questions.len() as f64
    };
    (0..15).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let builder = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00");
    let builder = holidays().fold(builder, |builder, date| builder.holiday(&date.to_string(), ""));
    let definition: Definition = builder.definition().unwrap();
    let zone = Zone::named(definition.tz()).unwrap();
    let best = |build: &dyn Fn()| {
        let round = || {
            let start = Instant::now();
            build();
            start.elapsed().as_secs_f64() * 1e6
        };
        (0..30).map(|_| round()).fold(f64::INFINITY, f64::min)
    };
    let reading = best(&|| drop(black_box(Zone::named(definition.tz()))));
    let compiling = best(&|| drop(black_box(definition.compile_in(&zone))));
    let calendar = definition.compile_in(&zone).unwrap();
    let nine_to_five =
        (NaiveTime::from_hms_opt(9, 0, 0).unwrap(), NaiveTime::from_hms_opt(17, 0, 0).unwrap());
    let walk =
        DayWalk { zone: chrono_tz::Europe::Berlin, holidays: holidays().collect(), hours: nine_to_five };

    println!(
        "zone read in {reading:.0} us, calendar compiled in {compiling:.0} us: {} bytes",
        calendar.compiled_bytes()
    );
    println!("\n{:>6} {:>22} {:>22} {:>14}", "span", "between / add, ns", "day by day, ns", "times faster");
    let from = NaiveDate::from_ymd_opt(2019, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc().timestamp();
    for (name, hours) in SPANS {
        // A small generator: the same instants in every run.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: i64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as i64
        };
        let mut questions = |count: usize| -> Vec<_> {
            let instant = |seconds| DateTime::from_timestamp(from + seconds, 0).unwrap();
            let span = |random: i64| TimeDelta::seconds(hours * 3600 / 2 + random);
            (0..count).map(|_| (instant(random(8 * 31_557_600)), span(random(hours * 3600)))).collect()
        };
        let fast = questions(100_000);
        // Sums are as long as the open time of the spans is, so that both walk as far.
        let sums = |questions: &[(DateTime<Utc>, TimeDelta)]| -> Vec<_> {
            questions.iter().map(|&(at, span)| (at, calendar.between(at, at + span))).collect()
        };
        let slow = questions((2_000_000 / hours as usize).clamp(50, 10_000));
        for (at, span) in &slow {
            assert_eq!(calendar.between(*at, *at + *span), walk.between(*at, *at + *span));
        }
        let ends = |questions: &[(DateTime<Utc>, TimeDelta)]| -> Vec<_> {
            questions.iter().map(|&(at, span)| (at, at + span)).collect()
        };
        let ours = (
            time(&ends(&fast), |start, end| calendar.between(start, end)),
            time(&sums(&fast), |at, open| calendar.add(at, open)),
        );
        let theirs = (
            time(&ends(&slow), |start, end| walk.between(start, end)),
            time(&sums(&slow), |at, open| walk.add(at, open)),
        );
        println!(
            "{name:>6} {:>10.1} / {:>9.1} {:>10.0} / {:>9.0} {:>6.0} / {:>5.0}",
            ours.0,
            ours.1,
            theirs.0,
            theirs.1,
            theirs.0 / ours.0,
            theirs.1 / ours.1
        );
    }
}

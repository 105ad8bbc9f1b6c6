//! Nanoseconds per `between` and `add` for short and long spans, compared with a calendar that walks day by
//! day.
//!
//! ```text
//! cargo bench --bench business_time
//! ```
//!
//! Setup: Europe/Berlin, Monday to Friday 09:00-17:00, ten holidays a year, random instants over eight years,
//! `DateTime<Utc>` in and out. `add` receives the open part of a span of calendar time. The table shows the
//! fastest of several rounds.
//!
//! The floors put the results in proportion. Every calendar that works in local time needs one chrono-tz
//! conversion in each direction. `add` also needs chrono's arithmetic from seconds to a date.
//!
//! The bytes per year cover the years with holidays. The clock changes of 400 years are always stored.
//!
//! `benches/peers` compares firstline with ule-hours and workclock. autumn-web is optional there, because it is
//! a web framework of about 340 packages.

use std::collections::HashSet;
use std::hint::black_box;
use std::ops::Range;
use std::time::Instant;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use firstline::Calendar;
use firstline::calendar::{WORKDAYS, Zone};

const HOLIDAYS: [(u32, u32); 10] =
    [(1, 1), (1, 6), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25), (12, 26)];
/// The years with holidays: for the queries, and for the largest calendar that is compiled.
const YEARS: Range<i32> = 2014..2036;
const ALL_YEARS: Range<i32> = 1970..2101;
const SPANS: [(&str, i64); 5] = [("1 h", 1), ("3 d", 72), ("30 d", 720), ("1 y", 8_766), ("5 y", 43_830)];

fn holidays(years: Range<i32>) -> impl Iterator<Item = NaiveDate> {
    years.flat_map(|year| {
        HOLIDAYS.into_iter().filter_map(move |(month, day)| NaiveDate::from_ymd_opt(year, month, day))
    })
}

/// The usual approach: it looks at every date from start to end.
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

/// Nanoseconds per question. The fastest of several rounds counts.
fn time<Q: Copy, T>(questions: &[Q], ask: impl Fn(Q) -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for &question in questions {
            // A reference is enough: the answers must be written, but nothing reads them.
            black_box(&ask(question));
        }
        start.elapsed().as_nanos() as f64 / questions.len() as f64
    };
    (0..15).map(|_| round()).fold(f64::INFINITY, f64::min)
}

/// Microseconds. The fastest of several rounds counts.
fn micros<T>(build: impl Fn() -> T) -> f64 {
    (0..30).map(|_| time(&[()], |()| build())).fold(f64::INFINITY, f64::min) / 1e3
}

/// A small generator. It yields the same questions in every run.
struct Questions(u64);

impl Questions {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64
    }

    /// An instant from 2019 to 2026.
    fn instant(&mut self) -> DateTime<Utc> {
        DateTime::from_timestamp(1_546_300_800 + self.below(8 * 31_557_600), 0).unwrap()
    }

    /// An instant, a later instant, and the share of a 40-hour week in the time between them.
    fn spans(&mut self, hours: i64, count: usize) -> Vec<(DateTime<Utc>, DateTime<Utc>, TimeDelta)> {
        let mut span = || {
            let (start, seconds) = (self.instant(), hours * 1800 + self.below(hours * 3600));
            (start, start + TimeDelta::seconds(seconds), TimeDelta::seconds(seconds * 40 / 168))
        };
        (0..count).map(|_| span()).collect()
    }
}

fn compiling() -> Calendar {
    let definition = |years| {
        let builder = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00");
        let builder = holidays(years).fold(builder, |builder, date| builder.holiday(&date.to_string(), ""));
        builder.definition().unwrap()
    };
    let zone = Zone::named("Europe/Berlin").unwrap();
    let reading = micros(|| Zone::named("Europe/Berlin"));
    println!("reading the zone, shared by all its calendars: {reading:.0} us");
    for years in [YEARS, ALL_YEARS] {
        let definition = definition(years.clone());
        let compiling = micros(|| definition.compile_in(&zone));
        let cold = micros(|| definition.compile_in(&Zone::named("Europe/Berlin").unwrap()));
        let bytes = definition.compile_in(&zone).unwrap().compiled_bytes();
        println!(
            "holidays of {}-{}: compiled in {compiling:.0} us, with the zone in {cold:.0} us; {bytes} bytes, {} a year",
            years.start,
            years.end - 1,
            bytes / years.len()
        );
    }
    definition(YEARS).compile_in(&zone).unwrap()
}

/// Measures one conversion from local time to UTC, one back, and one from seconds to a date.
fn floors() -> f64 {
    let instants: Vec<_> = (0..100_000).scan(Questions(0x9e37), |some, _| Some(some.instant())).collect();
    let local: Vec<_> = instants.iter().map(DateTime::naive_utc).collect();
    let berlin = chrono_tz::Europe::Berlin;
    let to_local = time(&instants, |at| at.with_timezone(&berlin).naive_local());
    let to_utc = time(&local, |at| berlin.from_local_datetime(&at).earliest().map(|at| at.to_utc()));
    let seconds: Vec<_> = instants.iter().map(DateTime::timestamp).collect();
    let to_date = time(&seconds, |at| DateTime::from_timestamp(at, 0));
    println!(
        "\nfloors, ns: chrono-tz UTC to local {to_local:.1}, local to UTC {to_utc:.1}; chrono seconds to date {to_date:.1}"
    );
    to_utc
}

fn main() {
    let calendar = compiling();
    let floor = floors();
    let time_of = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let walk = DayWalk {
        zone: chrono_tz::Europe::Berlin,
        holidays: holidays(YEARS).collect(),
        hours: (time_of(9), time_of(17)),
    };

    println!(
        "\n{:>6} {:>17} {:>17} {:>17} {:>19} {:>15}",
        "span", "between / add, ns", "to local to UTC", "to the first", "day by day, ns", "times faster"
    );
    let mut first = None;
    for (name, hours) in SPANS {
        let mut questions = Questions(0x9e37_79b9_7f4a_7c15);
        let fast = questions.spans(hours, 100_000);
        let slow = questions.spans(hours, (2_000_000 / hours as usize).clamp(50, 10_000));
        for &(start, end, open) in &slow {
            assert_eq!(calendar.between(start, end), walk.between(start, end));
            assert_eq!(calendar.add(start, open), Some(walk.add(start, open)));
        }
        let ours = [
            time(&fast, |(start, end, _)| calendar.between(start, end)),
            time(&fast, |(start, _, open)| calendar.add(start, open)),
        ];
        let theirs = [
            time(&slow, |(start, end, _)| walk.between(start, end)),
            time(&slow, |(start, _, open)| walk.add(start, open)),
        ];
        let base = *first.get_or_insert(ours);
        println!(
            "{name:>6} {:>8.1} / {:>6.1} {:>8.2} / {:>6.2} {:>8.2} / {:>6.2} {:>8.0} / {:>8.0} {:>6.0} / {:>6.0}",
            ours[0],
            ours[1],
            ours[0] / floor,
            ours[1] / floor,
            ours[0] / base[0],
            ours[1] / base[1],
            theirs[0],
            theirs[1],
            theirs[0] / ours[0],
            theirs[1] / ours[1],
        );
    }
}

//! Nanoseconds per `between` and `add` for firstline, ule-hours, workclock and autumn-web.
//!
//! Setup: Europe/Berlin, Monday to Friday 09:00-17:00, ten holidays a year, random instants over eight years.
//! Each crate receives its own instant type, and all must return the same answers. autumn-web's
//! `sla::BusinessCalendar` is part of a web framework of about 340 packages; the feature `autumn` includes it.

use std::hint::black_box;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use firstline::Calendar;
use firstline::calendar::WORKDAYS;
use jiff::civil::{Date, date, time};
use jiff::{SignedDuration, Timestamp};

const HOLIDAYS: [(i8, i8); 10] =
    [(1, 1), (1, 6), (4, 3), (4, 6), (5, 1), (5, 14), (5, 25), (10, 3), (12, 25), (12, 26)];
const SPANS: [(&str, i64); 5] = [("1 h", 1), ("3 d", 72), ("30 d", 720), ("1 y", 8_766), ("5 y", 43_830)];

fn holidays() -> impl Iterator<Item = Date> {
    (2014..2036).flat_map(|year| HOLIDAYS.into_iter().map(move |(month, day)| date(year, month, day)))
}

/// A start, an end, and the share of a 40-hour week in the seconds between them. `add` receives this share.
type Question = (i64, i64, i64);

/// Nanoseconds per question. The fastest of several rounds counts.
fn best<Q: Copy, T>(questions: &[Q], ask: impl Fn(Q) -> T) -> f64 {
    let round = || {
        let start = Instant::now();
        for &question in questions {
            black_box(&ask(question));
        }
        start.elapsed().as_nanos() as f64 / questions.len() as f64
    };
    (0..15).map(|_| round()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let ours = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00");
    let ours = holidays().fold(ours, |builder, date| builder.holiday(&date.to_string(), "")).build().unwrap();
    let ule = ule_hours::Schedule::builder("Europe/Berlin").unwrap().mon_fri("09:00-17:00").unwrap();
    let ule = holidays().fold(ule, |builder, date| builder.closed_on(date)).build();
    let workclock = workclock::Schedule::builder()
        .time_zone("Europe/Berlin")
        .rule(workclock::WorkDay::new(time(9, 0, 0, 0), time(17, 0, 0, 0), workclock::Weekdays::MON_TO_FRI))
        .rule(workclock::Holidays::new(holidays()))
        .build()
        .unwrap();

    #[cfg(feature = "autumn")]
    let autumn = autumn();

    let chrono = |at: i64| DateTime::<Utc>::from_timestamp(at, 0).unwrap();
    let jiff = |at: i64| Timestamp::new(at, 0).unwrap();
    print!("ns per between / add\n{:>6} {:>19} {:>19} {:>19}", "span", "firstline", "ule-hours", "workclock");
    println!("{}", if cfg!(feature = "autumn") { "          autumn-web" } else { "" });
    for (name, hours) in SPANS {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = |below: i64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as i64
        };
        let questions: Vec<Question> = (0..(2_000_000 / hours).clamp(100, 20_000))
            .map(|_| {
                let start = 1_546_300_800 + random(8 * 31_557_600);
                let end = start + hours * 1800 + random(hours * 3600);
                (start, end, (end - start) * 40 / 168)
            })
            .collect();
        for &(start, end, sum) in &questions {
            let open = ours.between(chrono(start), chrono(end)).num_seconds();
            assert_eq!(ule.between(jiff(start), jiff(end)).as_secs(), open);
            assert_eq!(workclock.between(jiff(start), jiff(end)).as_secs(), open);
            let due = ours.add(chrono(start), TimeDelta::seconds(sum)).unwrap().timestamp();
            assert_eq!(workclock.add(jiff(start), SignedDuration::from_secs(sum)).unwrap().as_second(), due);
            #[cfg(feature = "autumn")]
            {
                use std::time::Duration;
                let between = autumn.working_time(chrono(start), chrono(end), chrono_tz::Europe::Berlin);
                assert_eq!(between, Duration::from_secs(open as u64));
                let sum = Duration::from_secs(sum as u64);
                let at = autumn.deadline(chrono(start), sum, chrono_tz::Europe::Berlin).unwrap();
                assert_eq!(at.timestamp(), due);
            }
        }
        // Instants are converted in advance, so that only the work of the crates is measured.
        let in_chrono: Vec<_> =
            questions.iter().map(|&(a, b, n)| (chrono(a), chrono(b), TimeDelta::seconds(n))).collect();
        let in_jiff: Vec<_> =
            questions.iter().map(|&(a, b, n)| (jiff(a), jiff(b), SignedDuration::from_secs(n))).collect();
        print!(
            "{name:>6} {:>8.1} / {:>8.1} {:>8.0} / {:>8.0} {:>8.0} / {:>8.0}",
            best(&in_chrono, |(a, b, _)| ours.between(a, b)),
            best(&in_chrono, |(a, _, n)| ours.add(a, n)),
            best(&in_jiff, |(a, b, _)| ule.between(a, b)),
            best(&in_jiff, |(a, _, n)| ule.add(a, n)),
            best(&in_jiff, |(a, b, _)| workclock.between(a, b)),
            best(&in_jiff, |(a, _, n)| workclock.add(a, n)),
        );
        #[cfg(feature = "autumn")]
        {
            let zone = chrono_tz::Europe::Berlin;
            let with_std: Vec<_> = in_chrono.iter().map(|&(a, b, n)| (a, b, n.to_std().unwrap())).collect();
            print!(
                " {:>8.0} / {:>8.0}",
                best(&with_std, |(a, b, _)| autumn.working_time(a, b, zone)),
                best(&with_std, |(a, _, n)| autumn.deadline(a, n, zone)),
            );
        }
        println!();
    }
}

#[cfg(feature = "autumn")]
fn autumn() -> autumn_web::sla::BusinessCalendar {
    use autumn_web::sla::{BusinessCalendar, WorkingHours};
    use chrono::{NaiveDate, NaiveTime};

    let at = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let calendar = BusinessCalendar::weekdays(WorkingHours::new(at(9), at(17)).unwrap());
    holidays().fold(calendar, |calendar, date| {
        let (year, month, day) = (date.year().into(), date.month() as u32, date.day() as u32);
        calendar.holiday(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    })
}

//! The compiled-in zone tables contain every clock change, and their rules continue after the tables end.

use chrono::{DateTime, NaiveTime, TimeDelta, Timelike, Utc};
use firstline::Calendar;
use firstline::calendar::EVERY_DAY;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Compares all zones of the compiled-in tables with jiff's own data. The two may come from different releases of the
/// time zone database, so up to 30 zones may differ.
#[test]
fn the_tables_agree_with_jiff() {
    let mut differing = Vec::new();
    let (mut compared, end) = (0, at("2500-01-01T00:00:00Z"));
    // The calendar is open in every other hour, so a wall clock that is off by an hour shows at once.
    let hours: Vec<String> =
        (0..12).map(|hour| format!("{:02}:00-{:02}:00", hour * 2, hour * 2 + 1)).collect();
    for tz in chrono_tz::TZ_VARIANTS {
        let Ok(other) = jiff::tz::TimeZone::get(tz.name()) else { continue };
        compared += 1;
        let calendar = Calendar::builder(tz.name()).hours(EVERY_DAY, &hours.join(",")).build().unwrap();
        let start = jiff::Timestamp::new(at("1971-01-01T00:00:00Z").timestamp(), 0).unwrap();
        let changes = other.following(start).map(|change| change.timestamp().as_second());
        let differs = changes.take_while(|&change| change < end.timestamp()).any(|change| {
            [-1, 0, 86_400 * 5].into_iter().any(|after| {
                let local = other.to_datetime(jiff::Timestamp::new(change + after, 0).unwrap());
                calendar.is_open(DateTime::from_timestamp(change + after, 0).unwrap())
                    != (local.hour() % 2 == 0)
            })
        });
        if differs {
            differing.push(tz.name());
        }
    }
    println!("{compared} zones compared, these differ: {differing:?}");
    assert!(compared > 400, "{compared}");
    assert!(differing.len() <= 30, "{differing:?}");
    for steady in [
        "Europe/Berlin",
        "Australia/Sydney",
        "Asia/Jerusalem",
        "America/New_York",
        "America/Noronha",
        "America/Recife",
    ] {
        assert!(!differing.contains(&steady), "{steady}");
    }
}

/// The two closest opposite changes: America/Noronha had seven days of summer time in 2000.
#[test]
fn changes_close_together_are_found() {
    let zone = chrono_tz::America::Noronha;
    let calendar = Calendar::builder("America/Noronha").hours(EVERY_DAY, "12:00-12:20").build().unwrap();
    let readings = (0..60 * 24 * 20).map(|minute| {
        let at = at("2000-10-01T00:00:00Z") + TimeDelta::minutes(minute);
        let local: NaiveTime = at.with_timezone(&zone).time();
        assert_eq!(calendar.is_open(at), local.hour() == 12 && local.minute() < 20, "{at}");
        at.with_timezone(&zone).naive_local() - at.naive_utc()
    });
    let distances: Vec<TimeDelta> = readings.collect();
    assert_eq!(distances.windows(2).filter(|pair| pair[0] != pair[1]).count(), 2);
}

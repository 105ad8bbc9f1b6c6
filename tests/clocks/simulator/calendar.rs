//! Calendars of the simulator: for each minute, the reading of the wall clock decides. No code of the crate is used.

use std::sync::OnceLock;

use chrono::{DateTime, Datelike, Days, NaiveDate, Timelike, Utc, Weekday};
use chrono_tz::{America, Europe, Tz};

use super::Minute;

/// The reason why a minute does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    Week,
    Holiday(&'static str),
    Exception,
}

/// Hours as minutes of the day. The end may lie on the next day.
type Hours = &'static [(u32, u32)];

/// A month and a day of 2026.
type Date = (u32, u32);

/// A calendar as data.
#[derive(Debug)]
pub(super) struct Calendar {
    pub(super) zone: Tz,
    pub(super) days: &'static [Weekday],
    pub(super) hours: Hours,
    pub(super) holidays: &'static [(Date, &'static str)],
    pub(super) exceptions: &'static [(Date, Hours)],
}

const WORKDAYS: &[Weekday] = &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];
const ALL_WEEK: &[Weekday] =
    &[Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// The histories take place around the clock changes of Berlin on 2026-03-29 and 2026-10-25, and of New York on
/// 2026-11-01.
pub(super) const CALENDARS: [Calendar; 5] = [
    Calendar { zone: Tz::UTC, days: ALL_WEEK, hours: &[(0, 1440)], holidays: &[], exceptions: &[] },
    Calendar {
        zone: Europe::Berlin,
        days: WORKDAYS,
        hours: &[(9 * 60, 12 * 60), (13 * 60, 17 * 60)],
        holidays: &[((3, 30), "Moving day"), ((4, 3), "Good Friday"), ((10, 26), "Stocktaking")],
        exceptions: &[((3, 28), &[(10 * 60, 14 * 60)]), ((10, 27), &[])],
    },
    Calendar {
        zone: America::New_York,
        days: ALL_WEEK,
        hours: &[(20 * 60, 29 * 60)], // from 20:00 to 05:00
        holidays: &[((3, 29), "Spring"), ((10, 24), "Autumn")],
        exceptions: &[((3, 31), &[(12 * 60, 14 * 60)]), ((10, 31), &[(22 * 60, 24 * 60)])],
    },
    Calendar {
        zone: Europe::Berlin,
        days: ALL_WEEK,
        hours: &[(60, 4 * 60), (10 * 60, 20 * 60)], // the first shift lies across the clock change
        holidays: &[((3, 27), "Feast"), ((10, 29), "Feast")],
        exceptions: &[((10, 29), &[(11 * 60, 13 * 60)])],
    },
    Calendar {
        zone: America::New_York,
        days: WORKDAYS,
        hours: &[(8 * 60, 18 * 60)],
        holidays: &[],
        exceptions: &[((3, 27), &[(8 * 60, 12 * 60)]), ((10, 23), &[])],
    },
];

/// The first minutes of the two periods in which the histories take place: 2026-03-25 and 2026-10-21.
pub(super) const STARTS: [Minute; 2] = [29_573_280, 29_875_680];
/// The length of a period: the longest history, and the time to the last deadline.
const PERIOD: Minute = 40 * 1440;

impl Calendar {
    /// Returns the reason why this minute is closed; `None` if it is open.
    fn closed(&self, minute: Minute) -> Option<Closed> {
        let local =
            DateTime::<Utc>::from_timestamp(minute * 60, 0).unwrap().with_timezone(&self.zone).naive_local();
        let (date, of_day) = (local.date(), local.hour() * 60 + local.minute());
        let within = |hours: Hours, minute: u32| hours.iter().any(|it| (it.0..it.1).contains(&minute));
        let yesterday = date - Days::new(1);
        if within(self.of(date).0, of_day) || within(self.of(yesterday).0, of_day + 1440) {
            return None;
        }
        // The nights of a holiday are closed by the week.
        let usual =
            |date: NaiveDate, minute| self.days.contains(&date.weekday()) && within(self.hours, minute);
        if usual(date, of_day) {
            Some(self.of(date).1)
        } else if usual(yesterday, of_day + 1440) {
            Some(self.of(yesterday).1)
        } else {
            Some(Closed::Week)
        }
    }

    /// Returns the hours that open on a date, and the reason for its closed minutes.
    fn of(&self, date: NaiveDate) -> (Hours, Closed) {
        let is = |day: Date| (date.month(), date.day()) == day;
        let holiday = self.holidays.iter().find(|it| is(it.0)).map(|it| Closed::Holiday(it.1));
        if let Some(exception) = self.exceptions.iter().find(|it| is(it.0)) {
            (exception.1, holiday.unwrap_or(Closed::Exception))
        } else if let Some(holiday) = holiday {
            (&[], holiday)
        } else if self.days.contains(&date.weekday()) {
            (self.hours, Closed::Week)
        } else {
            (&[], Closed::Week)
        }
    }
}

/// Returns the reason why a minute is closed in the calendar with this number; `None` if it is open. Each half
/// hour of the two periods is computed once, because all hours and clock changes are at such times.
pub(super) fn closed(calendar: usize, minute: Minute) -> Option<Closed> {
    static MINUTES: OnceLock<Vec<Vec<Option<Closed>>>> = OnceLock::new();
    let minutes = MINUTES.get_or_init(|| {
        let of = |calendar: &Calendar, start: Minute| {
            (start..start + PERIOD).step_by(30).map(|minute| calendar.closed(minute)).collect()
        };
        CALENDARS.iter().flat_map(|calendar| STARTS.map(|start| of(calendar, start))).collect()
    });
    let period = usize::from(minute >= STARTS[1]);
    minutes[calendar * 2 + period][usize::try_from((minute - STARTS[period]) / 30).unwrap()]
}

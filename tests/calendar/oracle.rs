//! Compares calendars with an oracle that reads the wall clock minute by minute, for random calendars, zones and
//! instants. The oracle has no notion of weeks, segments or clock changes.

use crate::soak;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike, Utc,
};
use firstline::Calendar;
use firstline::calendar::{CalendarDefinition, OpenState};
use proptest::prelude::*;
use serde_json::json;

/// Zones with every kind of clock change, and with offsets of odd seconds in their early years. chrono-tz and jiff
/// agree on their data.
const ZONES: [&str; 16] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Jerusalem",
    "Pacific/Chatham",
    "Africa/Monrovia",
    "America/Havana",
    "Asia/Manila",
    "Europe/Dublin",
    "Antarctica/Troll",
    "America/St_Johns",
    "Africa/Cairo",
    "UTC",
];

type Hours = Vec<(u32, u32)>;

/// A calendar in plain data.
#[derive(Debug, Clone)]
struct Plan {
    tz: &'static str,
    weekly: [Hours; 7],
    holidays: BTreeMap<NaiveDate, &'static str>,
    annual_holidays: BTreeSet<(u32, u32)>,
    exceptions: BTreeMap<NaiveDate, Hours>,
    annual_exceptions: BTreeMap<(u32, u32), Hours>,
    calendar_day: bool,
}

impl Plan {
    /// The shifts that begin on a date, and the state of its closed time if the weekly hours do not apply.
    fn hours(&self, date: NaiveDate) -> (Option<OpenState<'static>>, &Hours) {
        const CLOSED: &Hours = &Vec::new();
        let day = (date.month(), date.day());
        let holiday = self.holiday(date).map(OpenState::Holiday);
        match self.exceptions.get(&date).or_else(|| self.annual_exceptions.get(&day)) {
            Some(hours) => (holiday.or(Some(OpenState::Exception)), hours),
            None if holiday.is_some() => {
                (holiday, if self.calendar_day { self.weekly(date) } else { CLOSED })
            }
            None => (None, self.weekly(date)),
        }
    }

    fn holiday(&self, date: NaiveDate) -> Option<&'static str> {
        let annual = self.annual_holidays.contains(&(date.month(), date.day()));
        self.holidays.get(&date).copied().or(annual.then_some("annual"))
    }

    fn weekly(&self, date: NaiveDate) -> &Hours {
        &self.weekly[date.weekday().num_days_from_monday() as usize]
    }

    fn is_cut(&self, date: NaiveDate) -> bool {
        let day = (date.month(), date.day());
        let excepted = self.exceptions.contains_key(&date) || self.annual_exceptions.contains_key(&day);
        self.calendar_day && self.holiday(date).is_some() && !excepted
    }

    /// True if the calendar is open at this local time.
    fn is_open(&self, local: NaiveDateTime) -> bool {
        let (today, minute) = (local.date(), local.hour() * 60 + local.minute());
        let yesterday = today - Days::new(1);
        let opens_today = |hours: &Hours| hours.iter().any(|&(open, close)| covers(open, close, minute));
        let opened_yesterday =
            |hours: &Hours| hours.iter().any(|&(open, close)| covers(open, close, minute + 1440));
        !self.is_cut(today) && (opens_today(self.hours(today).1) || opened_yesterday(self.hours(yesterday).1))
    }

    fn state(&self, local: NaiveDateTime) -> OpenState<'static> {
        if self.is_open(local) {
            return OpenState::Open;
        }
        let (today, minute) = (local.date(), local.hour() * 60 + local.minute());
        let mut state = OpenState::OffHours;
        for (date, minute) in [(today - Days::new(1), minute + 1440), (today, minute)] {
            let (ground, _) = self.hours(date);
            if self.weekly(date).iter().any(|&(open, close)| covers(open, close, minute)) {
                state = ground.unwrap_or(state);
                if self.is_cut(today) {
                    state = OpenState::Holiday(self.holiday(today).unwrap_or_default());
                }
            }
        }
        state
    }

    fn definition(&self) -> CalendarDefinition {
        let time = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
        let hours = |hours: &Hours| -> Vec<_> { hours.iter().map(|&(a, b)| (time(a), time(b))).collect() };
        let day = |&(month, day): &(u32, u32)| format!("{month:02}-{day:02}");
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let weekly: BTreeMap<_, _> =
            days.iter().zip(&self.weekly).map(|(day, open)| (day, hours(open))).collect();
        let dated = self.holidays.iter().map(|(date, name)| json!({"date": date, "name": name}));
        let annual = self.annual_holidays.iter().map(|on| json!({"date": day(on), "name": "annual"}));
        let exceptions = self.exceptions.iter().map(|(date, open)| (date.to_string(), hours(open)));
        let annual_exceptions = self.annual_exceptions.iter().map(|(on, open)| (day(on), hours(open)));
        let json = json!({
            "tz": self.tz,
            "weekly": weekly,
            "holidays": dated.chain(annual).collect::<Vec<_>>(),
            "exceptions": exceptions.chain(annual_exceptions).collect::<BTreeMap<_, _>>(),
            "holiday_cut": if self.calendar_day { "calendar_day" } else { "shifts" },
        });
        serde_json::from_str(&json.to_string()).unwrap()
    }

    /// The offset from UTC in seconds: from chrono-tz within its tables, and from jiff's own data after them.
    fn offset(&self, at: i64) -> i64 {
        let utc = DateTime::from_timestamp(at, 0).unwrap();
        if utc.year() < 2095 {
            let zone: chrono_tz::Tz = self.tz.parse().unwrap();
            return zone.offset_from_utc_datetime(&utc.naive_utc()).fix().local_minus_utc().into();
        }
        jiff::tz::TimeZone::get(self.tz)
            .unwrap()
            .to_offset(jiff::Timestamp::new(at, 0).unwrap())
            .seconds()
            .into()
    }

    fn local(&self, at: i64) -> NaiveDateTime {
        DateTime::from_timestamp(at + self.offset(at), 0).unwrap().naive_utc()
    }

    /// The instants at which the oracle reads the wall clock, and their distance in seconds: a minute, or a second if
    /// the offset is not a whole number of minutes.
    fn steps(&self, from: i64, to: i64) -> (Vec<i64>, i64) {
        let even = [from, to].iter().all(|&at| at % 60 == 0 && self.offset(at) % 60 == 0);
        let step = if even { 60 } else { 1 };
        ((from..to).step_by(step as usize).collect(), step)
    }
}

fn covers(open: u32, close: u32, minute: u32) -> bool {
    let close = if close <= open { close + 1440 } else { close };
    (open..close).contains(&minute)
}

fn hours() -> impl Strategy<Value = Hours> {
    let shift = prop_oneof![
        (0u32..1440, 0u32..=1440),
        (0u32..24, 0u32..=24).prop_map(|(open, close)| (open * 60, close * 60)),
        Just((0, 1440)),
    ];
    prop::collection::vec(shift.prop_filter("empty", |(open, close)| open != close), 0..4)
}

fn week() -> impl Strategy<Value = [Hours; 7]> {
    prop_oneof![
        6 => prop::array::uniform7(hours()),
        2 => hours().prop_map(|hours| std::array::from_fn(|day| if day < 5 { hours.clone() } else { Vec::new() })),
        1 => Just(std::array::from_fn(|_| vec![(0, 1440)])),
        1 => Just(std::array::from_fn(|_| Vec::new())),
    ]
}

/// A plan with special days close to a window of time, and the window.
fn plan_and_window() -> impl Strategy<Value = (Plan, i64, i64)> {
    let start = |year: i32| {
        NaiveDate::from_ymd_opt(year, 1, 1).unwrap().and_time(Default::default()).and_utc().timestamp()
    };
    let years = prop_oneof![6 => 1900..2200, 1 => -3000..1900, 1 => 2200..9000];
    let at = (years, 0i64..366 * 1440).prop_map(move |(year, minute)| start(year) + minute * 60);
    let day = -6i64..6;
    let special = (
        prop::collection::btree_map(day.clone(), prop::sample::select(vec!["", "Easter"]), 0..4),
        prop::collection::btree_set(day.clone(), 0..2),
        prop::collection::btree_map(day.clone(), hours(), 0..4),
        prop::collection::btree_map(day, hours(), 0..2),
        -4000i64..4000,
    );
    let window = (-5i64 * 1440..0, 0i64..5 * 1440, any::<bool>(), any::<bool>());
    (prop::sample::select(&ZONES[..]), week(), at, special, window).prop_map(
        move |(tz, weekly, at, special, (before, after, to_change, calendar_day))| {
            let zone = jiff::tz::TimeZone::get(tz).unwrap();
            let near = jiff::Timestamp::new(at, 0).unwrap();
            let change = zone.following(near).next().map(|change| change.timestamp().as_second());
            let at = change
                .filter(|change| to_change && change - at < 400 * 86_400 && *change < start(9000))
                .unwrap_or(at);
            let date =
                |day: i64| (DateTime::from_timestamp(at, 0).unwrap() + TimeDelta::days(day)).date_naive();
            let of_year = |day: i64| (date(day).month(), date(day).day());
            let (holidays, annual_holidays, exceptions, annual_exceptions, far) = special;
            // An entry with a date has a year from 1 to 9999. Outside of these years only the annual entries
            // apply.
            let dated = (start(2)..start(9990)).contains(&at);
            let mut holidays: BTreeMap<_, _> =
                holidays.into_iter().map(|(day, name)| (date(day), name)).collect();
            let mut exceptions: BTreeMap<_, _> =
                exceptions.into_iter().map(|(day, hours)| (date(day), hours)).collect();
            if !dated {
                (holidays, exceptions) = Default::default();
            } else if far % 3 == 0 {
                // One entry is far away, so that the window lies in the middle of the table as well as at its ends.
                holidays.insert(date(far).max(NaiveDate::from_ymd_opt(1, 1, 1).unwrap()), "far");
            }
            let plan = Plan {
                tz,
                weekly,
                holidays,
                annual_holidays: annual_holidays.into_iter().map(of_year).collect(),
                exceptions,
                annual_exceptions: annual_exceptions
                    .into_iter()
                    .map(|(day, hours)| (of_year(day), hours))
                    .collect(),
                calendar_day,
            };
            // Reading every second is slow, so such a window is a day long.
            let odd = plan.offset(at) % 60 != 0 || plan.offset(at - 1) % 60 != 0;
            let scale = if odd { 10 } else { 1 };
            (plan, at + before / scale * 60, at + after / scale * 60)
        },
    )
}

fn utc(at: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(at, 0).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(soak::drawn(160)))]

    #[test]
    fn the_calendar_agrees_with_a_clock_read_minute_by_minute((plan, from, to) in plan_and_window()) {
        let calendar = plan.definition().compile().unwrap();
        let (steps, step) = plan.steps(from, to);
        let states: Vec<OpenState> = steps.iter().map(|&at| plan.state(plan.local(at))).collect();
        let open: Vec<bool> = states.iter().map(|state| *state == OpenState::Open).collect();
        let total: i64 = open.iter().map(|&open| i64::from(open) * step).sum();

        prop_assert_eq!(calendar.between(utc(from), utc(to)), TimeDelta::seconds(total));
        prop_assert_eq!(calendar.between(utc(to), utc(from)), TimeDelta::seconds(-total));

        for (i, &at) in steps.iter().enumerate().step_by(1 + steps.len() / 300) {
            prop_assert_eq!(calendar.is_open(utc(at)), open[i], "at {}", utc(at));
            prop_assert_eq!(calendar.state_at(utc(at)), states[i], "at {}", utc(at));
            let next_open = (i..open.len()).find(|&j| open[j]);
            let next_close = next_open.and_then(|j| (j..open.len()).find(|&k| !open[k]));
            match next_open {
                Some(j) => prop_assert_eq!(calendar.next_open(utc(at)), Some(utc(steps[j]))),
                None => prop_assert!(calendar.next_open(utc(at)).is_none_or(|next| next >= utc(to))),
            }
            match next_close {
                Some(j) => prop_assert_eq!(calendar.next_close(utc(at)), Some(utc(steps[j]))),
                None => prop_assert!(calendar.next_close(utc(at)).is_none_or(|next| next >= utc(to))),
            }
        }

        // `add` gives the end of the nth open step after the start; `subtract` gives the beginning of the nth before
        // the end.
        let opens: Vec<i64> = steps.iter().zip(&open).filter(|(_, open)| **open).map(|(&at, _)| at).collect();
        for n in (1..=opens.len()).step_by(1 + opens.len() / 100) {
            let duration = TimeDelta::seconds(n as i64 * step);
            prop_assert_eq!(calendar.add(utc(from), duration), Some(utc(opens[n - 1] + step)));
            prop_assert_eq!(calendar.subtract(utc(to), duration), Some(utc(opens[opens.len() - n])));
        }
        let beyond = TimeDelta::seconds(total + 1);
        prop_assert!(calendar.add(utc(from), beyond).is_none_or(|due| due > utc(to)));
        prop_assert!(calendar.subtract(utc(to), beyond).is_none_or(|since| since < utc(from)));

        // Spans and periods are built from the same readings.
        let mut runs: Vec<(i64, OpenState)> = Vec::new();
        for (&at, &state) in steps.iter().zip(&states) {
            if runs.last().is_none_or(|run| run.1 != state) {
                runs.push((at, state));
            }
        }
        let spans: Vec<_> = calendar.spans(utc(from), utc(to)).collect();
        prop_assert_eq!(spans.iter().map(|span| (span.start.timestamp(), span.state)).collect::<Vec<_>>(), runs);
        prop_assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
        prop_assert_eq!(spans.last().map_or(utc(to), |span| span.end), utc(to));
        let open_spans = spans.iter().filter(|span| span.state == OpenState::Open);
        let periods: Vec<_> = open_spans.map(|&span| span.start..span.end).collect();
        prop_assert_eq!(calendar.periods(utc(from), utc(to)).collect::<Vec<_>>(), periods);
    }

    #[test]
    fn with_at_closing_next_opening_a_sum_ends_where_the_next_open_minute_begins((plan, from, to) in plan_and_window()) {
        let mut json = serde_json::to_value(plan.definition()).unwrap();
        json["at_closing"] = json!("next_opening");
        let calendar = serde_json::from_value::<CalendarDefinition>(json).unwrap().compile().unwrap();
        let (steps, step) = plan.steps(from, to);
        let opens: Vec<i64> = steps.into_iter().filter(|&at| plan.is_open(plan.local(at))).collect();
        for n in (0..opens.len()).step_by(1 + opens.len() / 100) {
            let duration = TimeDelta::seconds(n as i64 * step);
            prop_assert_eq!(calendar.add(utc(from), duration), Some(utc(opens[n])));
        }
    }
}

fn open_all_hours() -> Calendar {
    Calendar::builder("Europe/Berlin").always_open().build().unwrap()
}

#[test]
fn the_oracle_follows_clock_changes() {
    let plan = Plan {
        tz: "Europe/Berlin",
        weekly: std::array::from_fn(|_| vec![(120, 180)]),
        holidays: BTreeMap::new(),
        annual_holidays: BTreeSet::new(),
        exceptions: BTreeMap::new(),
        annual_exceptions: BTreeMap::new(),
        calendar_day: false,
    };
    let count = |from: &str| {
        let from: DateTime<Utc> = from.parse().unwrap();
        let (steps, step) = plan.steps(from.timestamp(), from.timestamp() + 86_400);
        steps.into_iter().filter(|&at| plan.is_open(plan.local(at))).count() as i64 * step
    };
    assert_eq!(count("2026-03-27T22:00:00Z"), 3600);
    assert_eq!(count("2026-03-28T22:00:00Z"), 0);
    assert_eq!(count("2026-10-24T22:00:00Z"), 7200);
    // Also beyond the tables: on the last Sunday of March 2150.
    assert_eq!(count("2150-03-28T22:00:00Z"), 0);
    assert_eq!(open_all_hours().between(utc(0), utc(86_400)), TimeDelta::days(1));
}

//! The agenda: where local time departs from the weekly hours, and how.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Datelike, NaiveDate, Weekday};

use super::date_rule::DateRule;
use super::definition::{Definition, Ground, HolidayCut};
use super::shift::Shift;
use super::week::{DAY, EVERY_DAY, Week, union};
use super::zone::days_since_epoch;

/// 1970-01-05: the Monday from which local weeks are counted, in local seconds since 1970.
pub(super) const MONDAY: i64 = 4 * DAY;

/// A departure from the weekly hours, in local seconds since 1970.
///
/// From `start` it is open until `open`, then closed until `resume`, and from there on the week holds again,
/// until the next departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) start: i64,
    pub(super) open: i64,
    pub(super) resume: i64,
}

/// The week of a definition, without holidays and exceptions.
pub(super) fn week(definition: &Definition) -> Week {
    let days = (0..7).zip(EVERY_DAY);
    Week::new(days.flat_map(|(day, weekday)| {
        definition.hours(weekday).iter().map(move |shift| {
            let (open, close) = shift.seconds();
            (day * DAY + open, day * DAY + close)
        })
    }))
}

/// The days on which hours other than the week's may open, in order; annual ones in these years.
pub(super) fn special_days(definition: &Definition, years: Range<i32>) -> Vec<i64> {
    let mut days = BTreeSet::new();
    for occasion in definition.occasions() {
        match occasion {
            DateRule::On(date) => {
                days.insert(days_since_epoch(date));
            }
            DateRule::Every { month, day } => days.extend(
                years
                    .clone()
                    .filter_map(|year| NaiveDate::from_ymd_opt(year, month.into(), day.into()))
                    .map(days_since_epoch),
            ),
        }
    }
    days.into_iter().collect()
}

/// The departures that these days bring, in order.
///
/// What opens on a day can stay open to the end of the next one. So days whose reach touches are taken together:
/// before the first and after the last of them the agenda and the week read the same.
pub(super) fn override_s(definition: &Definition, days: &[i64]) -> Vec<Override> {
    let mut override_s = Vec::new();
    for days in days.chunk_by(|day, next| next - day <= 2) {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { continue };
        let window = first * DAY..(last + 2) * DAY;
        let dates = first - 1..=last + 1;
        let holes = match definition.holiday_cut() {
            HolidayCut::Shifts => Vec::new(),
            HolidayCut::CalendarDay => {
                let is_holiday =
                    |day| matches!(definition.day(date_of(day)?).0, Ground::Holiday(_)).then_some(day);
                let holidays = days.iter().filter_map(|&day| is_holiday(day));
                union(holidays.map(|day| (day * DAY, (day + 1) * DAY)).collect())
            }
        };
        let open = in_window(&window, dates.clone(), |date| definition.day(date).1);
        let weekly = in_window(&window, dates, |date| definition.hours(date.weekday()));
        compare(&window, &open, &holes, &weekly, &mut override_s);
    }
    override_s
}

/// The open times inside a window of what opens on these days.
fn in_window<'d>(
    window: &Range<i64>,
    days: impl Iterator<Item = i64>,
    hours: impl Fn(NaiveDate) -> &'d [Shift],
) -> Vec<(i64, i64)> {
    let mut open = Vec::new();
    for day in days {
        for shift in date_of(day).map_or(&[][..], &hours) {
            let (from, to) = shift.seconds();
            open.push(((day * DAY + from).max(window.start), (day * DAY + to).min(window.end)));
        }
    }
    union(open)
}

/// The fewest departures that turn the weekly hours of a window into its open times less its holes.
fn compare(
    window: &Range<i64>,
    open: &[(i64, i64)],
    holes: &[(i64, i64)],
    weekly: &[(i64, i64)],
    override_s: &mut Vec<Override>,
) {
    let mut edges: Vec<i64> =
        [open, holes, weekly].concat().into_iter().flat_map(|(from, to)| [from, to]).collect();
    edges.extend([window.start, window.end]);
    edges.sort_unstable();
    edges.dedup();
    let covers = |list: &[(i64, i64)], at: i64| {
        let later = list.partition_point(|&(from, _)| from <= at);
        later.checked_sub(1).is_some_and(|last| at < list[last].1)
    };

    let mut current: Option<Override> = None;
    for edge in edges.windows(2) {
        let (from, to) = (edge[0], edge[1]);
        let is_open = covers(open, from) && !covers(holes, from);
        match (is_open, covers(weekly, from)) {
            // The week holds.
            (true, true) => override_s.extend(current.take()),
            // Open beyond the week: a longer stretch, or a new one.
            (true, false) => match &mut current {
                Some(Override { open, resume, .. }) if (*open, *resume) == (from, from) => {
                    (*open, *resume) = (to, to);
                }
                _ => override_s.extend(current.replace(Override { start: from, open: to, resume: to })),
            },
            // Closed against the week. What was open before stays the same departure, as does what is closed.
            (false, true) => match &mut current {
                Some(override_) => override_.resume = to,
                None => current = Some(Override { start: from, open: from, resume: to }),
            },
            // Both closed: the week may resume here, or later.
            (false, false) => {}
        }
    }
    override_s.extend(current);
}

/// The date of a day since 1970.
pub(super) fn date_of(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(day + 719_163).ok()?)
}

/// The weekday of a day since 1970.
pub(super) fn weekday_of(day: i64) -> Weekday {
    EVERY_DAY[(day + 3).rem_euclid(7) as usize]
}

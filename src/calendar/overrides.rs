//! Overrides: the intervals of local time that do not follow the weekly hours.

use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{Datelike, NaiveDate, Weekday};

use super::date_rule::DateRule;
use super::definition::{CalendarDefinition, HolidayCut, HoursSource};
use super::shift::Shift;
use super::week::{DAY, EVERY_DAY, Week, union};
use super::zone::days_since_epoch;

/// The Monday from which local weeks are counted, 1970-01-05, in local seconds since 1970.
pub(super) const MONDAY: i64 = 4 * DAY;

/// An interval that overrides the weekly hours, in local seconds since 1970.
///
/// The calendar is open from `start` to `open` and closed from `open` to `resume`. From `resume` to the next override
/// it follows the weekly hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) start: i64,
    pub(super) open: i64,
    pub(super) resume: i64,
}

/// Returns the weekly hours of a definition, without holidays and exceptions.
pub(super) fn week(definition: &CalendarDefinition) -> Week {
    let days = (0..7).zip(EVERY_DAY);
    Week::new(days.flat_map(|(day, weekday)| {
        definition.hours(weekday).iter().map(move |shift| {
            let (open, close) = shift.seconds();
            (day * DAY + open, day * DAY + close)
        })
    }))
}

/// Returns the days that have a holiday or an exception, in order. Annual rules are expanded over `years`.
pub(super) fn special_days(definition: &CalendarDefinition, years: Range<i32>) -> Vec<i64> {
    let mut days = BTreeSet::new();
    for rule in definition.date_rules() {
        match rule {
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

/// Returns the overrides for these days, in order.
///
/// A shift can stay open to the end of the next date, so each day affects two dates. Days at most two apart are
/// processed as one window. Outside the windows the calendar follows the weekly hours.
pub(super) fn for_days(definition: &CalendarDefinition, days: &[i64]) -> Vec<Override> {
    let mut overrides = Vec::new();
    for days in days.chunk_by(|day, next| next - day <= 2) {
        let (Some(&first), Some(&last)) = (days.first(), days.last()) else { continue };
        let window = first * DAY..(last + 2) * DAY;
        let dates = first - 1..=last + 1;
        let holes = match definition.holiday_cut() {
            HolidayCut::Shifts => Vec::new(),
            HolidayCut::CalendarDay => {
                let is_holiday = |day| {
                    matches!(definition.hours_on(date_of(day)?).0, HoursSource::Holiday(_)).then_some(day)
                };
                let holidays = days.iter().filter_map(|&day| is_holiday(day));
                union(holidays.map(|day| (day * DAY, (day + 1) * DAY)).collect())
            }
        };
        let open = in_window(&window, dates.clone(), |date| definition.hours_on(date).1);
        let weekly = in_window(&window, dates, |date| definition.hours(date.weekday()));
        diff(&window, &open, &holes, &weekly, &mut overrides);
    }
    overrides
}

/// Returns the open intervals of the shifts that open on `days`, clipped to `window`.
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

/// Appends the fewest overrides that turn the weekly hours of a window into `open` minus `holes`.
fn diff(
    window: &Range<i64>,
    open: &[(i64, i64)],
    holes: &[(i64, i64)],
    weekly: &[(i64, i64)],
    overrides: &mut Vec<Override>,
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
            // The same as the weekly hours.
            (true, true) => overrides.extend(current.take()),
            // Open, against the weekly hours: extend the current override or start a new one.
            (true, false) => match &mut current {
                Some(Override { open, resume, .. }) if (*open, *resume) == (from, from) => {
                    (*open, *resume) = (to, to);
                }
                _ => overrides.extend(current.replace(Override { start: from, open: to, resume: to })),
            },
            // Closed, against the weekly hours: extend the current override, open or closed, or start a new one.
            (false, true) => match &mut current {
                Some(current) => current.resume = to,
                None => current = Some(Override { start: from, open: from, resume: to }),
            },
            // Closed in both: the current override may end here or later.
            (false, false) => {}
        }
    }
    overrides.extend(current);
}

/// Returns the date of a day, given as the number of days since 1970-01-01.
pub(super) fn date_of(day: i64) -> Option<NaiveDate> {
    NaiveDate::from_num_days_from_ce_opt(i32::try_from(day + 719_163).ok()?)
}

/// Returns the weekday of a day, given as the number of days since 1970-01-01.
pub(super) fn weekday_of(day: i64) -> Weekday {
    EVERY_DAY[(day + 3).rem_euclid(7) as usize]
}

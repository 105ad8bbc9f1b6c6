//! Open periods, and spans with the reason why the calendar is open or closed.

use std::iter::{self, FusedIterator};
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::compiled::Calendar;
use super::definition::{HolidayCut, HoursSource};
use super::overrides::{date_of, weekday_of};
use super::shift::Shift;
use super::week::DAY;

/// The reason why an instant is open or closed.
///
/// A closed instant has the state of a holiday or exception only if the calendar would otherwise be open by its weekly
/// hours. For an office with day hours, the night of a holiday is [`OffHours`](OpenState::OffHours), like any other
/// night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenState<'a> {
    /// The calendar is open.
    Open,
    /// Closed by the weekly hours.
    OffHours,
    /// Closed by the holiday with this name. The name is empty if the holiday has none.
    Holiday(&'a str),
    /// Closed by an exception that replaces the weekly hours of a date.
    Exception,
}

/// An interval with one [`OpenState`]; see [`Calendar::spans`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span<'a> {
    /// The first instant of the span.
    pub start: DateTime<Utc>,
    /// The first instant after the span.
    pub end: DateTime<Utc>,
    /// The reason why the span is open or closed.
    pub state: OpenState<'a>,
}

impl Calendar {
    /// Returns the open periods from `start` to `end`, in order and clipped to that interval. Computing a period takes
    /// about as long as a call of [`next_close`](Calendar::next_close).
    ///
    /// ```
    /// use firstline::Calendar;
    /// use firstline::calendar::WORKDAYS;
    ///
    /// let calendar = Calendar::builder("UTC").hours(WORKDAYS, "09:00-12:00, 13:00-17:00").build()?;
    /// let week = calendar.periods("2026-01-05T00:00:00Z".parse()?, "2026-01-12T00:00:00Z".parse()?);
    /// assert_eq!(week.count(), 10);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn periods(
        &self,
        start: DateTime<Utc>,
        end: DateTime<Utc>,
    ) -> impl FusedIterator<Item = Range<DateTime<Utc>>> {
        let mut from = start;
        iter::from_fn(move || {
            let start = self.next_open(from).filter(|start| *start < end)?;
            from = self.next_close(start).map_or(end, |close| close.min(end));
            Some(start..from)
        })
        .fuse()
    }

    /// Returns the reason why the calendar is open or closed at `at`.
    pub fn state_at(&self, at: DateTime<Utc>) -> OpenState<'_> {
        self.state_until(at.timestamp()).0
    }

    /// Divides the time from `start` to `end` into spans, in order.
    ///
    /// The spans have no gaps between them, so their lengths add up to `end - start`. The iterator is empty if `end` is
    /// not after `start`.
    ///
    /// ```
    /// use firstline::Calendar;
    /// use firstline::calendar::{EVERY_DAY, OpenState};
    ///
    /// let calendar = Calendar::builder("UTC").hours(EVERY_DAY, "09:00-17:00").holiday("12-25", "Christmas Day").build()?;
    /// let spans = calendar.spans("2026-12-25T12:00:00Z".parse()?, "2026-12-26T12:00:00Z".parse()?);
    /// let states: Vec<OpenState> = spans.map(|span| span.state).collect();
    /// assert_eq!(states, [OpenState::Holiday("Christmas Day"), OpenState::OffHours, OpenState::Open]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spans(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> impl FusedIterator<Item = Span<'_>> {
        let mut from = start;
        iter::from_fn(move || {
            if from >= end {
                return None;
            }
            let start = from;
            let (state, mut until) = self.state_until(start.timestamp());
            while let Some(at) = until.filter(|&at| at < end.timestamp()) {
                let (next, next_until) = self.state_until(at);
                if next != state {
                    break;
                }
                until = next_until;
            }
            let until = until.and_then(|at| DateTime::from_timestamp(at, 0));
            from = until.map_or(end, |at| at.min(end));
            Some(Span { start, end: from, state })
        })
        .fuse()
    }

    /// Returns the state of a second, and an instant up to which the state stays the same; `None` if it stays forever.
    fn state_until(&self, at: i64) -> (OpenState<'_>, Option<i64>) {
        let timeline = &self.0.timeline;
        if timeline.is_open(at) {
            return (OpenState::Open, timeline.closed_from(at));
        }
        let opening = timeline.instant_of(timeline.open_before(at) + 1).map(|end| end - 1);
        let end = earlier(opening, timeline.piece_end(at));
        match timeline.override_at(at, &self.0.zone) {
            None => (OpenState::OffHours, end),
            Some(active) => {
                let (state, seconds) = self.state_of(active.local);
                (state, earlier(end, Some(at + seconds.min(active.seconds))))
            }
        }
    }

    /// Returns the state of a closed local time inside an override, and the number of seconds for which the state
    /// holds.
    fn state_of(&self, local: i64) -> (OpenState<'_>, i64) {
        let definition = &self.0.definition;
        let today = local.div_euclid(DAY);
        let mut state = OpenState::OffHours;
        let mut until = (today + 1) * DAY;
        // If weekly shifts of both days cover this time, the state of today's shift takes precedence.
        for day in [today - 1, today] {
            let Some(date) = date_of(day) else { continue };
            let (source, _) = definition.hours_on(date);
            for shift in definition.hours(weekday_of(day)) {
                let (open, close) = seconds_of(shift, day);
                until = [open, close].into_iter().filter(|&edge| edge > local).fold(until, i64::min);
                if open <= local && local < close {
                    state = match (source, definition.holiday(date)) {
                        (HoursSource::Weekly, _) => state,
                        (_, Some(name)) => OpenState::Holiday(name),
                        (_, None) => OpenState::Exception,
                    };
                    // A holiday that cuts the calendar day also closes the end of the previous day's shift.
                    if definition.holiday_cut() == HolidayCut::CalendarDay
                        && let Some(today) = date_of(today)
                        && let (HoursSource::Holiday(name), _) = definition.hours_on(today)
                    {
                        state = OpenState::Holiday(name);
                    }
                }
            }
        }
        (state, until - local)
    }
}

fn seconds_of(shift: &Shift, day: i64) -> (i64, i64) {
    let (open, close) = shift.seconds();
    (day * DAY + open, day * DAY + close)
}

fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

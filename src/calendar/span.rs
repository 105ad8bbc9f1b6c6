//! Open periods, and spans labeled with the reason why the calendar is open or closed.

use std::iter::FusedIterator;

use chrono::{DateTime, Utc};

use super::compiled::Calendar;
use super::definition::{HolidayCut, HoursSource};
use super::overrides::{date_of, weekday_of};
use super::shift::Shift;
use super::week::DAY;

/// An uninterrupted open period; see [`Calendar::periods`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// The first open instant.
    pub start: DateTime<Utc>,
    /// The first instant after the period.
    pub end: DateTime<Utc>,
}

/// The reason why an instant is open or closed.
///
/// A closed instant has the label of a holiday or exception only if the calendar would otherwise be open by its weekly
/// hours. For an office with day hours, the night of a holiday is [`OffHours`](Label::OffHours), like any other night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label<'a> {
    /// The calendar is open.
    Open,
    /// Closed by the weekly hours.
    OffHours,
    /// Closed by the holiday with this name. The name is empty if the holiday has none.
    Holiday(&'a str),
    /// Closed by an exception that replaces the weekly hours of a date.
    Exception,
}

/// An interval with one [`Label`]; see [`Calendar::spans`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span<'a> {
    /// The first instant of the span.
    pub start: DateTime<Utc>,
    /// The first instant after the span.
    pub end: DateTime<Utc>,
    /// The reason why the span is open or closed.
    pub label: Label<'a>,
}

/// An iterator over open periods, in order; see [`Calendar::periods`].
#[derive(Debug, Clone)]
pub struct Periods<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl Iterator for Periods<'_> {
    type Item = Period;

    fn next(&mut self) -> Option<Period> {
        let start = self.calendar.next_open(self.from).filter(|start| *start < self.to)?;
        let end = self.calendar.next_close(start).map_or(self.to, |end| end.min(self.to));
        self.from = end;
        Some(Period { start, end })
    }
}

impl FusedIterator for Periods<'_> {}

/// An iterator over spans, in order and without gaps; see [`Calendar::spans`].
#[derive(Debug, Clone)]
pub struct Spans<'a> {
    pub(super) calendar: &'a Calendar,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
}

impl<'a> Iterator for Spans<'a> {
    type Item = Span<'a>;

    fn next(&mut self) -> Option<Span<'a>> {
        if self.from >= self.to {
            return None;
        }
        let start = self.from;
        let (label, mut until) = self.calendar.label_until(start.timestamp());
        while let Some(at) = until.filter(|&at| at < self.to.timestamp()) {
            let (next, next_until) = self.calendar.label_until(at);
            if next != label {
                break;
            }
            until = next_until;
        }
        let until = until.and_then(|at| DateTime::from_timestamp(at, 0));
        self.from = until.map_or(self.to, |at| at.min(self.to));
        Some(Span { start, end: self.from, label })
    }
}

impl FusedIterator for Spans<'_> {}

impl Calendar {
    /// Returns the open periods from `start` to `end`, clipped to that interval. Computing a period takes about as long
    /// as a call of [`next_close`](Calendar::next_close).
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
    pub fn periods(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> Periods<'_> {
        Periods { calendar: self, from: start, to: end }
    }

    /// Returns the reason why the calendar is open or closed at `at`.
    pub fn label_at(&self, at: DateTime<Utc>) -> Label<'_> {
        self.label_until(at.timestamp()).0
    }

    /// Divides the time from `start` to `end` into labeled spans.
    ///
    /// The spans have no gaps between them, so their lengths add up to `end - start`. The iterator is empty if `end` is
    /// not after `start`.
    ///
    /// ```
    /// use firstline::Calendar;
    /// use firstline::calendar::{EVERY_DAY, Label};
    ///
    /// let calendar = Calendar::builder("UTC").hours(EVERY_DAY, "09:00-17:00").holiday("12-25", "Christmas Day").build()?;
    /// let spans = calendar.spans("2026-12-25T12:00:00Z".parse()?, "2026-12-26T12:00:00Z".parse()?);
    /// let labels: Vec<Label> = spans.map(|span| span.label).collect();
    /// assert_eq!(labels, [Label::Holiday("Christmas Day"), Label::OffHours, Label::Open]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spans(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> Spans<'_> {
        Spans { calendar: self, from: start, to: end }
    }

    /// Returns the label of a second, and an instant up to which the label stays the same; `None` if it stays forever.
    fn label_until(&self, at: i64) -> (Label<'_>, Option<i64>) {
        let timeline = &self.0.timeline;
        if timeline.is_open(at) {
            return (Label::Open, timeline.closed_from(at));
        }
        let opening = timeline.instant_of(timeline.open_before(at) + 1).map(|end| end - 1);
        let end = earlier(opening, timeline.piece_end(at));
        match timeline.override_at(at, &self.0.zone) {
            None => (Label::OffHours, end),
            Some(active) => {
                let (label, seconds) = self.label_of(active.local);
                (label, earlier(end, Some(at + seconds.min(active.seconds))))
            }
        }
    }

    /// Returns the label of a closed local time inside an override, and the number of seconds for which the label
    /// holds.
    fn label_of(&self, local: i64) -> (Label<'_>, i64) {
        let definition = &self.0.definition;
        let today = local.div_euclid(DAY);
        let mut label = Label::OffHours;
        let mut until = (today + 1) * DAY;
        // If weekly shifts of both days cover this time, the label of today's shift takes precedence.
        for day in [today - 1, today] {
            let Some(date) = date_of(day) else { continue };
            let (source, _) = definition.hours_on(date);
            for shift in definition.hours(weekday_of(day)) {
                let (open, close) = seconds_of(shift, day);
                until = [open, close].into_iter().filter(|&edge| edge > local).fold(until, i64::min);
                if open <= local && local < close {
                    label = match (source, definition.holiday(date)) {
                        (HoursSource::Weekly, _) => label,
                        (_, Some(name)) => Label::Holiday(name),
                        (_, None) => Label::Exception,
                    };
                    // A holiday that cuts the calendar day also closes the end of the previous day's shift.
                    if definition.holiday_cut() == HolidayCut::CalendarDay
                        && let Some(today) = date_of(today)
                        && let (HoursSource::Holiday(name), _) = definition.hours_on(today)
                    {
                        label = Label::Holiday(name);
                    }
                }
            }
        }
        (label, until - local)
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

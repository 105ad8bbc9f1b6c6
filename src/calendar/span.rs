//! Stretches of time: open periods, and spans that say why they are closed.

use std::iter::FusedIterator;

use chrono::{DateTime, Utc};

use super::compiled::Calendar;
use super::definition::{Ground, HolidayCut};
use super::overrides::{date_of, weekday_of};
use super::shift::Shift;
use super::week::DAY;

/// A stretch during which the calendar is open without a break; see [`Calendar::periods`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// When it opens: the first instant in it.
    pub start: DateTime<Utc>,
    /// When it closes: the first instant after it.
    pub end: DateTime<Utc>,
}

/// Why an instant is open or closed.
///
/// A closed instant is put down to a holiday or an exception if the weekly hours would have it open; the
/// night after an office's holiday is off hours, as any night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label<'a> {
    /// It is open.
    Open,
    /// The weekly hours have it closed.
    OffHours,
    /// A holiday of this name takes away the weekly hours. The name is empty if the holiday has none.
    Holiday(&'a str),
    /// Hours of a date of its own take the place of the weekly hours, and have it closed.
    Exception,
}

/// A stretch of time of one [`Label`]; see [`Calendar::spans`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span<'a> {
    /// The first instant in it.
    pub start: DateTime<Utc>,
    /// The first instant after it.
    pub end: DateTime<Utc>,
    /// Why it is open or closed.
    pub label: Label<'a>,
}

/// The open periods of a stretch of time, in order; see [`Calendar::periods`].
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

/// The spans of a stretch of time, in order and without gaps; see [`Calendar::spans`].
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
    /// The open periods from `start` to `end`, the first and the last cut to fit. Each costs as much as a look-up.
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

    /// Why it is open or closed at an instant.
    pub fn label_at(&self, at: DateTime<Utc>) -> Label<'_> {
        self.label_until(at.timestamp()).0
    }

    /// The time from `start` to `end` as spans that say why they are open or closed. They leave no gaps, so that
    /// their lengths add up to the time on the wall. None if `end` is not after `start`.
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

    /// The label of a second, and an instant until which it is the same; `None` if it stays so for ever.
    fn label_until(&self, at: i64) -> (Label<'_>, Option<i64>) {
        let timeline = &self.0.timeline;
        if timeline.is_open(at) {
            return (Label::Open, timeline.closed_from(at));
        }
        let opening = timeline.instant_of(timeline.open_before(at) + 1).map(|end| end - 1);
        let end = earlier(opening, timeline.piece_end(at));
        match timeline.departure_at(at, &self.0.zone) {
            None => (Label::OffHours, end),
            Some(override_) => {
                let (label, seconds) = self.label_of(override_.local);
                (label, earlier(end, Some(at + seconds.min(override_.seconds))))
            }
        }
    }

    /// Why a local time at which the agenda departs from the week is closed, and for how many seconds that is so.
    fn label_of(&self, local: i64) -> (Label<'_>, i64) {
        let definition = &self.0.definition;
        let today = local.div_euclid(DAY);
        let mut label = Label::OffHours;
        let mut until = (today + 1) * DAY;
        // Where shifts of both days would be open, what happened to today's is the nearer reason.
        for day in [today - 1, today] {
            let Some(date) = date_of(day) else { continue };
            let (ground, _) = definition.day(date);
            for shift in definition.hours(weekday_of(day)) {
                let (open, close) = seconds_of(shift, day);
                until = [open, close].into_iter().filter(|&edge| edge > local).fold(until, i64::min);
                if open <= local && local < close {
                    label = match (ground, definition.holiday(date)) {
                        (Ground::Weekly, _) => label,
                        (_, Some(name)) => Label::Holiday(name),
                        (_, None) => Label::Exception,
                    };
                    // What is left open on its own date can only be cut by the holiday into which it reaches.
                    if definition.holiday_cut() == HolidayCut::CalendarDay
                        && let Some(today) = date_of(today)
                        && let (Ground::Holiday(name), _) = definition.day(today)
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

//! Business time: when we work, and how much of that lies between two instants.
//!
//! A [`Calendar`] answers in the same few nanoseconds whether the span is an hour or a century, exactly to the
//! nanosecond and over every change of clocks:
//!
//! ```
//! use firstline::Calendar;
//! use firstline::calendar::WORKDAYS;
//! use firstline::time::{DateTime, TimeDelta, Utc};
//!
//! let calendar = Calendar::builder("Europe/Berlin")
//!     .hours(WORKDAYS, "09:00-17:00")
//!     .breaks(WORKDAYS, "12:30-13:00")
//!     .holiday("12-25", "Christmas Day")
//!     .exception("12-24", "09:00-12:00")
//!     .build()?;
//!
//! // Asked on Thursday, 24 December 2026 at 11:00 in Berlin, with four working hours to answer in.
//! let asked: DateTime<Utc> = "2026-12-24T10:00:00Z".parse()?;
//! let due = calendar.add(asked, TimeDelta::hours(4)).ok_or("this calendar never opens")?;
//! assert_eq!(due.to_rfc3339(), "2026-12-28T11:00:00+00:00"); // Monday at noon
//! assert_eq!(calendar.between(asked, due), TimeDelta::hours(4));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts as open
//! - An instant is open if the wall clock of the zone shows a time inside a shift. Nothing else decides: hours
//!   that clocks skip count for nothing, and hours that they repeat count twice.
//! - Shifts are half-open: the opening minute is in, the closing minute is out. Where they overlap, time counts
//!   once. A shift may cross midnight; it belongs to the date on which it opens.
//! - An exception of a date overrides a holiday, and a holiday overrides the week. A holiday takes away what
//!   *opens* on it, a night shift's hours after midnight included, or, if asked to, the 24 hours of the date:
//!   [`HolidayCut`].
//! - [`add`](Calendar::add) gives the *earliest* instant: a sum that is reached at closing time ends there, not
//!   at the next opening, unless asked to: [`AtClosing`].
//! - A calendar that never opens (again) gives `None`; this is known, not searched for.
//!
//! # Data and compiled form
//! A [`Definition`] is the data: it goes into JSON or TOML and is kept. A [`Calendar`] is compiled from it. That takes
//! a millisecond or two, most of which reads the zone's tables, and a quarter of a millisecond more for each annual
//! holiday: compile once and share it, as a clone is one count of references. A dated holiday takes 60 bytes. A zone
//! that goes on changing its clocks takes 85 KB, and an annual holiday 55 KB, since 400 years of either are laid out:
//! after so many, everything repeats.
//!
//! # Time zones
//! [`Zone`] tells where the data comes from and how it goes on after the last tabulated year.

mod agenda;
mod builder;
mod definition;
#[cfg(feature = "ics")]
mod ics;
mod index;
mod occasion;
mod shift;
mod span;
mod timeline;
#[cfg(feature = "tzif")]
mod tzif;
mod week;
mod zone;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use builder::{Builder, EVERY_DAY, WORKDAYS};
pub use definition::{AtClosing, Definition, HolidayCut};
#[cfg(feature = "ics")]
pub use ics::holidays_from_ics;
pub use occasion::{Holiday, Occasion};
pub use shift::Shift;
pub use span::{Label, Period, Periods, Span, Spans};
pub use zone::Zone;

use timeline::Timeline;

/// A working calendar, compiled: immutable, cheap to clone, and shared between threads.
///
/// Instants are UTC; durations are real elapsed time while the calendar is open. No question allocates, reads a
/// zone's table or panics: answers outside the range of [`DateTime<Utc>`] are `None`. A leap second counts as the
/// end of the second before it.
///
/// See the [module](self) for what counts as open.
#[derive(Clone)]
pub struct Calendar(Arc<Compiled>);

struct Compiled {
    definition: Definition,
    zone: Zone,
    timeline: Timeline,
}

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

impl Calendar {
    /// A calendar in the making, for the time zone of this IANA name. It starts closed on all days.
    pub fn builder(tz: &str) -> Builder {
        Builder::new(tz)
    }

    fn of(definition: &Definition, zone: &Zone) -> Calendar {
        let timeline = Timeline::new(definition, zone);
        Calendar(Arc::new(Compiled { definition: definition.clone(), zone: zone.clone(), timeline }))
    }

    /// What it was compiled from.
    pub fn definition(&self) -> &Definition {
        &self.0.definition
    }

    /// The time zone and the data it was compiled with.
    pub fn zone(&self) -> &Zone {
        &self.0.zone
    }

    /// Bytes that the compiled form takes, without the definition and the zone's table, which calendars share.
    pub fn compiled_bytes(&self) -> usize {
        size_of::<Timeline>() + self.0.timeline.heap_bytes()
    }

    /// Whether it is open at an instant.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.0.timeline.is_open(at.timestamp())
    }

    /// The open time from `start` to `end`, the latter not included; negative if `end` is before `start`.
    ///
    /// ```
    /// use firstline::Calendar;
    /// use firstline::calendar::EVERY_DAY;
    /// use firstline::time::TimeDelta;
    ///
    /// // The clocks went from 02:00 to 03:00 that night.
    /// let calendar = Calendar::builder("Europe/Berlin").hours(EVERY_DAY, "01:00-05:00").build()?;
    /// let open = calendar.between("2026-03-28T23:00:00Z".parse()?, "2026-03-29T22:00:00Z".parse()?);
    /// assert_eq!(open, TimeDelta::hours(3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        let (from, to) = (self.elapsed(start), self.elapsed(end));
        let nanos = i64::from(to.nanos) - i64::from(from.nanos);
        // Seconds of all time are far inside the range of `TimeDelta`.
        let seconds = to.seconds - from.seconds + nanos.div_euclid(SECOND.into());
        TimeDelta::new(seconds, nanos.rem_euclid(SECOND.into()) as u32).unwrap_or(TimeDelta::MAX)
    }

    /// The earliest instant, not before `start`, until which `duration` has been open since `start`.
    ///
    /// With [`AtClosing::NextOpening`] it is the latest such instant. A negative duration is
    /// [subtracted](Calendar::subtract). `None` if it never opens for so long again, or not while there are instants.
    ///
    /// ```
    /// use firstline::Calendar;
    /// use firstline::calendar::WORKDAYS;
    /// use firstline::time::{DateTime, TimeDelta, Utc};
    ///
    /// let calendar = Calendar::builder("UTC").hours(WORKDAYS, "09:00-17:00").build()?;
    /// let friday: DateTime<Utc> = "2026-01-09T16:00:00Z".parse()?;
    /// let due = |minutes| calendar.add(friday, TimeDelta::minutes(minutes)).map(|due| due.to_rfc3339());
    /// assert_eq!(due(60).as_deref(), Some("2026-01-09T17:00:00+00:00")); // closing time, not Monday
    /// assert_eq!(due(61).as_deref(), Some("2026-01-12T09:01:00+00:00"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn add(&self, start: DateTime<Utc>, duration: TimeDelta) -> Option<DateTime<Utc>> {
        // Whole seconds, as nearly all deadlines are, have nothing to carry.
        let (seconds, nanos) = (duration.num_seconds(), duration.subsec_nanos());
        let is_whole = nanos == 0 && start.timestamp_subsec_nanos() == 0;
        if is_whole && seconds > 0 && self.0.definition.at_closing() == AtClosing::Closing {
            let timeline = &self.0.timeline;
            return timeline.date_time_of(timeline.open_before(start.timestamp()) + seconds);
        }
        self.add_any(start, duration)
    }

    fn add_any(&self, start: DateTime<Utc>, duration: TimeDelta) -> Option<DateTime<Utc>> {
        if duration < TimeDelta::zero() {
            return self.latest_at(self.elapsed(start).plus(Open::of(duration)));
        }
        match self.0.definition.at_closing() {
            AtClosing::Closing if duration.is_zero() => Some(start),
            AtClosing::Closing => self.earliest_at(self.elapsed(start).plus(Open::of(duration))),
            AtClosing::NextOpening if duration.is_zero() && self.is_open(start) => Some(start),
            AtClosing::NextOpening => self.latest_at(self.elapsed(start).plus(Open::of(duration))),
        }
    }

    /// The latest instant, not after `end`, since which `duration` has been open until `end`.
    ///
    /// A negative duration is [added](Calendar::add). `None` if it was never open for so long before, or not while
    /// there were instants.
    #[inline]
    pub fn subtract(&self, end: DateTime<Utc>, duration: TimeDelta) -> Option<DateTime<Utc>> {
        self.add(end, -duration)
    }

    /// The first open instant from `at` on: `at` itself if it is open. `None` if it never opens again.
    pub fn next_open(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let timeline = &self.0.timeline;
        let second = at.timestamp();
        if timeline.is_open(second) {
            return Some(at);
        }
        DateTime::from_timestamp(timeline.instant_of(timeline.open_before(second) + 1)? - 1, 0)
    }

    /// The end of the open period in which `at` lies, or of the next one. `None` if it never closes again, or never
    /// opens again.
    pub fn next_close(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let open = self.next_open(at)?;
        DateTime::from_timestamp(self.0.timeline.closed_from(open.timestamp())?, 0)
    }

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

    /// How much has been open before an instant.
    #[inline(always)]
    fn elapsed(&self, at: DateTime<Utc>) -> Open {
        let (second, nanos) = (at.timestamp(), at.timestamp_subsec_nanos());
        let open = nanos > 0 && self.0.timeline.is_open(second);
        // chrono counts a leap second as nanoseconds beyond the 59th second.
        let nanos = if open { nanos.min(SECOND - 1) } else { 0 };
        Open { seconds: self.0.timeline.open_before(second), nanos }
    }

    /// The earliest instant before which so much has been open.
    #[inline(always)]
    fn earliest_at(&self, open: Open) -> Option<DateTime<Utc>> {
        match open.nanos {
            0 => DateTime::from_timestamp(self.0.timeline.instant_of(open.seconds)?, 0),
            _ => self.latest_at(open),
        }
    }

    /// The latest instant before which so much has been open: there the next open second begins, or is going on.
    #[inline]
    fn latest_at(&self, open: Open) -> Option<DateTime<Utc>> {
        let end = self.0.timeline.instant_of(open.seconds.saturating_add(1))?;
        DateTime::from_timestamp(end - 1, open.nanos)
    }
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Calendar").field(&self.0.definition).finish()
    }
}

/// Open time, counted from an instant before all others.
#[derive(Debug, Clone, Copy)]
struct Open {
    seconds: i64,
    /// Below [`SECOND`]; of the open second that follows.
    nanos: u32,
}

impl Open {
    #[inline]
    fn of(duration: TimeDelta) -> Open {
        // chrono's parts have the sign of the whole.
        let (seconds, nanos) = (duration.num_seconds(), duration.subsec_nanos());
        if nanos < 0 {
            Open { seconds: seconds - 1, nanos: nanos.saturating_add_unsigned(SECOND) as u32 }
        } else {
            Open { seconds, nanos: nanos as u32 }
        }
    }

    #[inline]
    fn plus(self, other: Open) -> Open {
        let nanos = self.nanos + other.nanos;
        let carry = i64::from(nanos >= SECOND);
        Open { seconds: self.seconds + other.seconds + carry, nanos: nanos % SECOND }
    }
}

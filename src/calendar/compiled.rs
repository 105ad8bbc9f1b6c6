//! The compiled calendar.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::definition::{CalendarDefinition, DueAtClosing};
use super::timeline::Timeline;
use super::zone::Zone;
use crate::error::{Error, Result};

impl CalendarDefinition {
    /// Compiles the calendar, using the time zone tables built into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the time zone is unknown.
    pub fn compile(&self) -> Result<Calendar> {
        self.compile_in(&Zone::named(self.tz())?)
    }

    /// Compiles the calendar with the given time zone data.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the zone's name differs from the definition's.
    pub fn compile_in(&self, zone: &Zone) -> Result<Calendar> {
        if zone.name() != self.tz() {
            let problem = format!("the calendar is for {:?}, not for {:?}", self.tz(), zone.name());
            return Err(Error::definition("time zone", problem));
        }
        Ok(Calendar::of(self, zone))
    }
}

/// A compiled business calendar.
///
/// A calendar is immutable, cheap to clone and can be shared between threads. Instants are UTC. Durations are elapsed
/// time during which the calendar is open. Methods that compute an instant return `None` if the result is outside the
/// range of [`DateTime<Utc>`]. Queries neither allocate nor panic. A leap second counts as the last nanosecond of the
/// second before it.
///
/// The [module documentation](super) defines which time counts as open.
#[derive(Clone)]
pub struct Calendar(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    pub(super) definition: CalendarDefinition,
    pub(super) zone: Zone,
    pub(super) timeline: Timeline,
}

/// Nanoseconds in a second.
const SECOND: u32 = 1_000_000_000;

impl Calendar {
    fn of(definition: &CalendarDefinition, zone: &Zone) -> Calendar {
        let timeline = Timeline::new(definition, zone);
        Calendar(Arc::new(Compiled { definition: definition.clone(), zone: zone.clone(), timeline }))
    }

    /// Returns the definition that the calendar was compiled from.
    pub fn definition(&self) -> &CalendarDefinition {
        &self.0.definition
    }

    /// Returns the time zone data that the calendar was compiled with.
    pub fn zone(&self) -> &Zone {
        &self.0.zone
    }

    /// Returns the size of the compiled form in bytes, without the definition and the zone's table.
    /// Clones of a [`Zone`] share its table.
    pub fn compiled_bytes(&self) -> usize {
        size_of::<Timeline>() + self.0.timeline.heap_bytes()
    }

    /// Returns true if the calendar is open at `at`.
    pub fn is_open(&self, at: DateTime<Utc>) -> bool {
        self.0.timeline.is_open(at.timestamp())
    }

    /// Returns the open time from `start` (inclusive) to `end` (exclusive). It is negative if `end` is before `start`.
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
        // The seconds between any two instants are well inside the range of `TimeDelta`.
        let seconds = to.seconds - from.seconds + nanos.div_euclid(SECOND.into());
        TimeDelta::new(seconds, nanos.rem_euclid(SECOND.into()) as u32).unwrap_or(TimeDelta::MAX)
    }

    /// Returns the earliest instant at which `duration` of open time has passed since `start`.
    ///
    /// With [`DueAtClosing::NextOpening`], returns the latest such instant instead. A negative duration is
    /// [subtracted](Calendar::subtract). Returns `None` if less than `duration` of open time remains after `start`, or
    /// if the result is outside the range of [`DateTime<Utc>`].
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
        // Fast path: nearly all deadlines are whole seconds, which need no carry.
        let (seconds, nanos) = (duration.num_seconds(), duration.subsec_nanos());
        let is_whole = nanos == 0 && start.timestamp_subsec_nanos() == 0;
        if is_whole && seconds > 0 && self.0.definition.at_closing() == DueAtClosing::Closing {
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
            DueAtClosing::Closing if duration.is_zero() => Some(start),
            DueAtClosing::Closing => self.earliest_at(self.elapsed(start).plus(Open::of(duration))),
            DueAtClosing::NextOpening if duration.is_zero() && self.is_open(start) => Some(start),
            DueAtClosing::NextOpening => self.latest_at(self.elapsed(start).plus(Open::of(duration))),
        }
    }

    /// Returns the latest instant from which `duration` of open time passes until `end`.
    ///
    /// A negative duration is [added](Calendar::add). Returns `None` if there is less than `duration` of open time
    /// before `end`, or if the result is outside the range of [`DateTime<Utc>`].
    #[inline]
    pub fn subtract(&self, end: DateTime<Utc>, duration: TimeDelta) -> Option<DateTime<Utc>> {
        self.add(end, -duration)
    }

    /// Returns the first open instant at or after `at`, or `None` if the calendar never opens again.
    pub fn next_open(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let timeline = &self.0.timeline;
        let second = at.timestamp();
        if timeline.is_open(second) {
            return Some(at);
        }
        DateTime::from_timestamp(timeline.instant_of(timeline.open_before(second) + 1)? - 1, 0)
    }

    /// Returns the end of the open period that contains `at`, or of the next one if `at` is closed.
    ///
    /// Returns `None` if the calendar never opens again, or never closes after it has opened.
    pub fn next_close(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let open = self.next_open(at)?;
        DateTime::from_timestamp(self.0.timeline.closed_from(open.timestamp())?, 0)
    }

    /// Returns the open time before `at`, counted from a fixed origin.
    #[inline(always)]
    fn elapsed(&self, at: DateTime<Utc>) -> Open {
        let (second, nanos) = (at.timestamp(), at.timestamp_subsec_nanos());
        let open = nanos > 0 && self.0.timeline.is_open(second);
        // chrono counts a leap second as nanoseconds beyond the 59th second.
        let nanos = if open { nanos.min(SECOND - 1) } else { 0 };
        Open { seconds: self.0.timeline.open_before(second), nanos }
    }

    /// Returns the earliest instant with this much open time before it.
    #[inline(always)]
    fn earliest_at(&self, open: Open) -> Option<DateTime<Utc>> {
        match open.nanos {
            0 => DateTime::from_timestamp(self.0.timeline.instant_of(open.seconds)?, 0),
            _ => self.latest_at(open),
        }
    }

    /// Returns the latest instant with this much open time before it. It is in the next open second, or at its start.
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

/// Open time since a fixed origin.
#[derive(Debug, Clone, Copy)]
struct Open {
    seconds: i64,
    /// Nanoseconds of the next open second; less than [`SECOND`].
    nanos: u32,
}

impl Open {
    #[inline]
    fn of(duration: TimeDelta) -> Open {
        // Both parts of a negative `TimeDelta` are negative.
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

impl From<&Calendar> for CalendarDefinition {
    fn from(calendar: &Calendar) -> CalendarDefinition {
        calendar.definition().clone()
    }
}

impl From<&CalendarDefinition> for CalendarDefinition {
    fn from(definition: &CalendarDefinition) -> CalendarDefinition {
        definition.clone()
    }
}

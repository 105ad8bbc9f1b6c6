//! A calendar ready for use.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::definition::{AtClosing, Definition};
use super::timeline::Timeline;
use super::zone::Zone;
use crate::error::{Error, Result};

impl Definition {
    /// The calendar, with the time zone from the tables compiled into the program.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if the time zone is not known.
    pub fn compile(&self) -> Result<Calendar> {
        self.compile_in(&Zone::named(self.tz())?)
    }

    /// The calendar, with the data of this time zone.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if it is not the definition's zone.
    pub fn compile_in(&self, zone: &Zone) -> Result<Calendar> {
        if zone.name() != self.tz() {
            let problem = format!("the calendar is for {:?}, not for {:?}", self.tz(), zone.name());
            return Err(Error::definition("time zone", problem));
        }
        Ok(Calendar::of(self, zone))
    }
}

/// A working calendar, compiled: immutable, cheap to clone, and shared between threads.
///
/// Instants are UTC; durations are real elapsed time while the calendar is open. No question allocates, reads a
/// zone's table or panics: answers outside the range of [`DateTime<Utc>`] are `None`. A leap second counts as the
/// end of the second before it.
///
/// See the [module](super) for what counts as open.
#[derive(Clone)]
pub struct Calendar(pub(super) Arc<Compiled>);

pub(super) struct Compiled {
    pub(super) definition: Definition,
    pub(super) zone: Zone,
    pub(super) timeline: Timeline,
}

/// Nanoseconds of a second.
const SECOND: u32 = 1_000_000_000;

impl Calendar {
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

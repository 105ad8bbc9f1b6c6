//! Where the time comes from.
//!
//! Nothing below the desk reads a clock: every decision gets its `now` as an argument. The desk asks its
//! [`TimeSource`], which is the machine's clock unless the host brings another.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use chrono::{DateTime, TimeDelta, Utc};

/// A source of the present time.
pub trait TimeSource: Send + Sync + fmt::Debug {
    /// The present instant. The desk rounds it down to whole microseconds, which is what stores keep.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock: the default.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTime;

impl TimeSource for SystemTime {
    #[allow(clippy::disallowed_methods)] // The one place where the crate reads the wall clock.
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that moves only when told to: for tests, simulations and demonstrations.
///
/// Clones share the same time.
///
/// ```
/// use firstline::time::{ManualTime, TimeDelta, TimeSource};
///
/// let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
/// time.advance(TimeDelta::minutes(90));
/// assert_eq!(time.now().to_rfc3339(), "2026-01-05T10:30:00+00:00");
/// ```
#[derive(Debug, Clone)]
pub struct ManualTime(Arc<Mutex<DateTime<Utc>>>);

impl ManualTime {
    /// A clock that shows this instant.
    pub fn at(now: DateTime<Utc>) -> ManualTime {
        ManualTime(Arc::new(Mutex::new(now)))
    }

    /// Moves the clock by this much. Past the ends of the calendar it stands still.
    pub fn advance(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add_signed(by).unwrap_or(*now);
    }

    /// Sets the clock to this instant.
    pub fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl TimeSource for ManualTime {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time that passes while something runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub(crate) fn elapsed(self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// Rounded down to the resolution that every store keeps, so that what is returned equals what is read back. A
/// leap second, which no count of microseconds has room for, becomes the second after it.
pub(crate) fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

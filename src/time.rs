//! Sources of the current time.
//!
//! A desk reads the time from its [`TimeSource`], which is the system clock by default. Code below the desk does not
//! read a clock: it receives the current time as an argument.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

pub use chrono::{DateTime, TimeDelta, Utc};

/// A source of the current time.
pub trait TimeSource: Send + Sync + fmt::Debug {
    /// Returns the current instant. The desk rounds it down to whole microseconds, the resolution of stores.
    fn now(&self) -> DateTime<Utc>;
}

/// The system clock, which is the default [`TimeSource`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl TimeSource for SystemClock {
    #[allow(clippy::disallowed_methods)] // The only place in the crate that reads the wall clock.
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that changes only through [`advance`](ManualTime::advance) and [`set`](ManualTime::set), for tests and
/// simulations.
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
    /// Creates a clock that shows this instant.
    pub fn at(now: DateTime<Utc>) -> ManualTime {
        ManualTime(Arc::new(Mutex::new(now)))
    }

    /// Moves the clock by a duration, which may be negative. If the result is out of range, the clock does not move.
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

/// A stopwatch for measuring elapsed time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    pub(crate) fn elapsed(self) -> std::time::Duration {
        self.0.elapsed()
    }

    /// A stopwatch that was started earlier.
    #[cfg(all(test, feature = "sqlite"))]
    pub(crate) fn earlier(self, by: std::time::Duration) -> Stopwatch {
        Stopwatch(self.0 - by)
    }
}

/// Rounds an instant down to microseconds, the resolution of every store, so that a returned instant equals the stored
/// one.
///
/// An instant in a leap second becomes an instant in the following second, because a count of microseconds cannot
/// express leap seconds.
pub(crate) fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

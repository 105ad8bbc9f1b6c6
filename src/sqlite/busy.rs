//! Waiting for another writer.
//!
//! SQLite's own `busy_timeout` sleeps in fixed, growing steps. While a program that has waited for some time is in a
//! long sleep, the other program writes again, so one of two busy programs starves. Short sleeps of random length give
//! both the same chance.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use rusqlite::{Error, ErrorCode, Result};

use crate::time::Stopwatch;

/// The deadline for acquiring a connection and a write lock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    timeout: Duration,
    since: Stopwatch,
}

impl Deadline {
    /// Creates a deadline that is this duration from now.
    pub(super) fn after(timeout: Duration) -> Deadline {
        Deadline { timeout, since: Stopwatch::start() }
    }

    pub(super) fn remaining(self) -> Duration {
        self.timeout.saturating_sub(self.since.elapsed())
    }
}

/// True if another program or connection holds a conflicting lock.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Makes an attempt, and repeats it while the database is busy and the deadline has not passed. Sleeps 50 to 1,600 µs
/// between attempts.
pub(super) fn retry<T>(deadline: Deadline, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        let answer = attempt();
        let left = deadline.remaining();
        if left.is_zero() || !answer.as_ref().is_err_and(is_busy) {
            return answer;
        }
        // Each `RandomState` has new random keys: a cheap source of random bits without a dependency.
        let random = RandomState::new().build_hasher().finish();
        std::thread::sleep(Duration::from_micros(50 + random % 1_550).min(left));
    }
}

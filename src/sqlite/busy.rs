//! Waiting for another writer.
//!
//! SQLite's own `busy_timeout` waits in fixed, growing steps: whoever came late sleeps long while whoever just wrote
//! writes again, and one of two busy programs starves. Short sleeps of random length give both the same chance.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use rusqlite::{Error, ErrorCode, Result};

use crate::time::Stopwatch;

/// How long somebody still waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    whole: Duration,
    begun: Stopwatch,
}

impl Patience {
    /// One that begins now.
    pub(super) fn of(whole: Duration) -> Patience {
        Patience { whole, begun: Stopwatch::start() }
    }

    pub(super) fn left(self) -> Duration {
        self.whole.saturating_sub(self.begun.elapsed())
    }
}

/// Whether another program or connection is in the way.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Tries once, and then again and again as long as the database is busy and the acquire_timeout lasts.
pub(super) fn tried<T>(acquire_timeout: Patience, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    loop {
        let answer = attempt();
        let left = acquire_timeout.left();
        if left.is_zero() || !answer.as_ref().is_err_and(is_busy) {
            return answer;
        }
        // Each `RandomState` is keyed anew: a cheap source of random bits without a dependency.
        let random = RandomState::new().build_hasher().finish();
        std::thread::sleep(Duration::from_micros(50 + random % 1_550).min(left));
    }
}

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
        std::thread::sleep(pause(random).min(left));
    }
}

/// The pause between two attempts. It does not depend on the number of attempts, so a program that has waited for a
/// long time tries as often as one that has just begun.
fn pause(random: u64) -> Duration {
    Duration::from_micros(50 + random % 1_550)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_short_and_of_any_length() {
        let pauses: Vec<_> = (0..1_550).map(|random| pause(random).as_micros()).collect();
        assert!(pauses.iter().copied().eq(50..1_600));
    }

    /// Each attempt finds the database busy except the last one.
    #[test]
    fn attempts_are_repeated_until_one_succeeds() {
        let busy = || Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
        let mut tries = 0;
        let answer = retry(Deadline::after(Duration::from_secs(600)), || {
            tries += 1;
            if tries < 100 { Err(busy()) } else { Ok(tries) }
        });
        assert_eq!(answer.unwrap(), 100);
        let mut tries = 0;
        let answer = retry(Deadline::after(Duration::ZERO), || {
            tries += 1;
            Err::<(), _>(busy())
        });
        assert_eq!((answer.unwrap_err().sqlite_error_code(), tries), (Some(ErrorCode::DatabaseBusy), 1));
    }
}

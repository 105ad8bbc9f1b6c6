//! Waiting for another writer.
//!
//! SQLite's own `busy_timeout` sleeps in fixed, growing steps. While a program that has waited for some time is in a
//! long sleep, the other program writes again, so one of two busy programs starves. Short sleeps of random length give
//! both the same chance.
//!
//! A store that writes without a break would still leave the others little chance: it takes the lock again as soon as
//! it has released it. So it leaves the database free from time to time, for longer than the longest sleep.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
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

/// Waits for another writer, for about ten seconds in all. Returns false after that.
///
/// This is a busy handler for your own connections to the file of a store. SQLite's `busy_timeout`, which `rusqlite`
/// sets to five seconds, sleeps for up to 100 ms between two attempts, and a store that writes without a break leaves
/// the file free for about two milliseconds at a time. Your transaction could then miss all of these breaks. This
/// handler sleeps for 50 to 1,600 µs.
///
/// ```
/// use firstline::sqlite::{Sqlite, busy_handler};
///
/// # let dir = tempfile::tempdir().unwrap();
/// # let file = dir.path().join("shop.db");
/// let store = Sqlite::open(&file)?;
/// let mut connection = rusqlite::Connection::open(&file)?;
/// connection.busy_handler(Some(busy_handler))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn busy_handler(attempts: i32) -> bool {
    const MAX_ATTEMPTS: i32 = 12_000; // Of 825 µs on average.
    std::thread::sleep(pause(random()));
    attempts < MAX_ATTEMPTS
}

/// Makes an attempt, and repeats it while the database is busy and the deadline has not passed. Sleeps 50 to 1,600 µs
/// between attempts. Calls `busy` whenever an attempt finds the database busy.
pub(super) fn retry<T>(
    deadline: Deadline,
    mut attempt: impl FnMut() -> Result<T>,
    mut busy: impl FnMut(),
) -> Result<T> {
    loop {
        let answer = attempt();
        if answer.as_ref().is_err_and(is_busy) {
            busy();
        }
        let left = deadline.remaining();
        if left.is_zero() || !answer.as_ref().is_err_and(is_busy) {
            return answer;
        }
        std::thread::sleep(pause(random()).min(left));
    }
}

fn random() -> u64 {
    // Each `RandomState` has new random keys: a cheap source of random bits without a dependency.
    RandomState::new().build_hasher().finish()
}

/// The pause between two attempts. It does not depend on the number of attempts, so a program that has waited for a
/// long time tries as often as one that has just begun.
fn pause(random: u64) -> Duration {
    Duration::from_micros(50 + random % 1_550)
}

/// The breaks of a store that writes without a pause.
#[derive(Debug)]
pub(super) struct Breaks(Mutex<Work>);

#[derive(Debug)]
struct Work {
    /// The start of the last break.
    since: Stopwatch,
    /// The end of the last write transaction.
    ended: Stopwatch,
    /// The last time that another program was writing.
    met: Option<Stopwatch>,
}

impl Breaks {
    /// The time for which the file is free. Longer than the longest pause, so each waiting program makes an attempt.
    const BREAK: Duration = Duration::from_micros(1_800);

    /// The longest work without a break if another program has been writing recently, and if none has. A program that
    /// waits cannot be noticed before it has written once.
    const AMONG_OTHERS: Duration = Duration::from_millis(50);
    const ALONE: Duration = Duration::from_millis(500);

    /// The time for which another program counts as recent.
    const RECENT: Duration = Duration::from_secs(2);

    pub(super) fn new() -> Breaks {
        Breaks(Mutex::new(Work { since: Stopwatch::start(), ended: Stopwatch::start(), met: None }))
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sleeps if a break is due. Called before a write transaction, while none is open.
    pub(super) fn take(&self) {
        let left = {
            let mut work = self.work();
            let free = work.ended.elapsed();
            let is_among_others = work.met.is_some_and(|met| met.elapsed() < Breaks::RECENT);
            let longest = if is_among_others { Breaks::AMONG_OTHERS } else { Breaks::ALONE };
            let left = Breaks::BREAK.saturating_sub(free);
            if !left.is_zero() && work.since.elapsed() < longest {
                return;
            }
            work.since = Stopwatch::start();
            left
        };
        if !left.is_zero() {
            std::thread::sleep(left);
        }
    }

    /// Called when an attempt to begin a write transaction finds that another program is writing.
    pub(super) fn met_another(&self) {
        self.work().met = Some(Stopwatch::start());
    }

    /// Called when a write transaction has ended.
    pub(super) fn transaction_ended(&self) {
        self.work().ended = Stopwatch::start();
    }
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
        let (mut tries, mut noted) = (0, 0);
        let answer = retry(
            Deadline::after(Duration::from_secs(600)),
            || {
                tries += 1;
                if tries < 100 { Err(busy()) } else { Ok(tries) }
            },
            || noted += 1,
        );
        assert_eq!((answer.unwrap(), noted), (100, 99));
        let mut tries = 0;
        let answer = retry(
            Deadline::after(Duration::ZERO),
            || {
                tries += 1;
                Err::<(), _>(busy())
            },
            || (),
        );
        assert_eq!((answer.unwrap_err().sqlite_error_code(), tries), (Some(ErrorCode::DatabaseBusy), 1));
    }

    /// A store that never pauses takes breaks, and more of them among other programs.
    #[test]
    fn a_busy_store_leaves_the_file_free_from_time_to_time() {
        let worked_for = |breaks: &Breaks, since: Duration| {
            let before = Stopwatch::start();
            breaks.work().since = before.earlier(since);
            breaks.transaction_ended();
            breaks.take();
            // A machine that pauses here makes the break shorter, but not the time between two transactions.
            before.elapsed()
        };
        let breaks = Breaks::new();
        let took_break = |spent: Duration| spent >= Breaks::BREAK;
        assert!(took_break(worked_for(&breaks, Breaks::ALONE)));
        breaks.met_another();
        assert!(took_break(worked_for(&breaks, Breaks::AMONG_OTHERS)));
        // A new stretch of work begins with the break.
        let before = Stopwatch::start();
        assert!(took_break(worked_for(&breaks, Breaks::AMONG_OTHERS)));
        assert!(breaks.work().since.elapsed() <= before.elapsed());
    }
}

//! Waiting for another writer.
//!
//! SQLite's own `busy_timeout` waits in fixed, growing steps: whoever came late sleeps long while whoever just wrote
//! writes again, and one of two busy programs starves. Short sleeps of random length give both the same chance.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// How often to try before giving up: with an average wait of 0.8 ms, about ten seconds.
const MAX_TRIES: i32 = 12_000;

/// Called by SQLite when it finds the database locked: sleeps a little, and says whether to try again.
pub(super) fn wait(tries: i32) -> bool {
    if tries >= MAX_TRIES {
        return false;
    }
    // Each `RandomState` is keyed anew: a cheap source of random bits without a dependency.
    let random = RandomState::new().build_hasher().finish();
    std::thread::sleep(Duration::from_micros(50 + random % 1_550));
    true
}

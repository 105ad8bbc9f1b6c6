//! Counters and the histogram of commands, recorded with the crate `metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{counter, histogram};

use crate::time::Stopwatch;

#[derive(Debug, Default)]
pub(super) struct Meter {
    verb: &'static str,
    /// `None` if the command is not watched.
    begun: Option<Stopwatch>,
    /// The time of all decisions so far, in nanoseconds.
    deciding: AtomicU64,
}

impl Meter {
    pub(super) fn begin(verb: &'static str) -> Meter {
        Meter { verb, begun: Some(Stopwatch::start()), deciding: AtomicU64::new(0) }
    }

    pub(super) fn deciding<T>(&self, decide: impl FnOnce() -> T) -> T {
        let begun = Stopwatch::start();
        let decided = decide();
        let nanos = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.deciding.fetch_add(nanos, Ordering::Relaxed);
        decided
    }

    pub(super) fn retried(&self) {
        counter!("firstline_retries_total", "verb" => self.verb).increment(1);
    }

    pub(super) fn ended(&self, outcome: &'static str) {
        let Some(begun) = self.begun else { return };
        let deciding = self.deciding.load(Ordering::Relaxed) as f64 / 1e9;
        let store = (begun.elapsed().as_secs_f64() - deciding).max(0.0);
        counter!("firstline_commands_total", "verb" => self.verb, "outcome" => outcome).increment(1);
        if outcome == "conflict" {
            counter!("firstline_conflicts_total", "verb" => self.verb).increment(1);
        }
        histogram!("firstline_store_seconds", "verb" => self.verb).record(store);
    }
}

//! The number of cases of random tests. `FIRSTLINE_SOAK=10` runs ten times as many.

#![allow(dead_code)] // No test target uses all of it.

use proptest::test_runner::{Config, RngSeed};

/// The factor of `FIRSTLINE_SOAK`: 1 if the variable is not set.
fn factor() -> u32 {
    std::env::var("FIRSTLINE_SOAK").map_or(1, |factor| {
        factor.parse().ok().filter(|factor| *factor > 0).expect("FIRSTLINE_SOAK is a number from 1")
    })
}

/// This number of random cases, times `FIRSTLINE_SOAK`.
pub(crate) fn cases(usual: u32) -> u32 {
    usual.saturating_mul(factor())
}

/// The configuration of a random test that counts the outcomes of its cases: every run draws the same cases, so the
/// counts are the same too.
pub(crate) fn fixed(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

/// The further cases of such a test during a soak, drawn with a new seed; `None` outside of a soak. Counts over these
/// cases depend on luck and must not be asserted.
pub(crate) fn further(usual: u32) -> Option<Config> {
    let cases = cases(usual) - usual;
    (cases > 0).then(|| Config { cases, failure_persistence: None, ..Config::default() })
}

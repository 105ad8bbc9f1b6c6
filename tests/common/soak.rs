//! The number of cases of random tests, from the variable `FIRSTLINE_SOAK`.
//!
//! | `FIRSTLINE_SOAK` | tests that use `cases` | tests that use `drawn` |
//! |---|---|---|
//! | not set | all cases | a tenth of the cases |
//! | 1, as in `.ci/run` | all cases | all cases |
//! | 10, as in `.ci/soak` | ten times as many | ten times as many |
//!
//! The seed is the variable `PROPTEST_RNG_SEED`: a constant in `.cargo/config.toml`, a new number in `.ci/soak`.

#![allow(dead_code)] // No test target uses all of it.

use proptest::test_runner::{Config, RngSeed};

/// The part of [`drawn`] cases of a plain run.
const PLAIN: u32 = 10;

/// The factor of `FIRSTLINE_SOAK`, if the variable is set.
fn factor() -> Option<u32> {
    let factor = std::env::var("FIRSTLINE_SOAK").ok()?;
    let factor = factor.parse().ok().filter(|factor| *factor > 0);
    Some(factor.expect("FIRSTLINE_SOAK is a number from 1"))
}

/// This number of cases in a plain run, times `FIRSTLINE_SOAK`.
pub(crate) fn cases(usual: u32) -> u32 {
    usual.saturating_mul(factor().unwrap_or(1))
}

/// This number of cases, times `FIRSTLINE_SOAK`; a tenth in a plain run. For tests with many similar cases.
pub(crate) fn drawn(all: u32) -> u32 {
    factor().map_or((all / PLAIN).max(1), |factor| all.saturating_mul(factor))
}

/// The configuration of a random test that counts the outcomes of its cases. The seed never changes, so the counts do
/// not change either.
pub(crate) fn fixed(cases: u32) -> Config {
    Config { cases, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() }
}

/// The number of fixed cases of a test that counts outcomes: all with `FIRSTLINE_SOAK`, a tenth in a plain run. The
/// least counts are divided in the same way.
pub(crate) fn counted(all: u32) -> u32 {
    drawn(all).min(all)
}

/// The further cases of such a test during a soak, drawn with the seed of the environment; `None` outside of a soak.
/// Counts over these cases depend on luck and must not be asserted.
pub(crate) fn further(usual: u32) -> Option<Config> {
    let cases = cases(usual) - usual;
    (cases > 0).then(|| Config { cases, failure_persistence: None, ..Config::default() })
}

//! Random bits.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Returns random bits. Each `RandomState` has new random keys: a cheap source without a dependency.
pub(super) fn random_bits() -> u64 {
    RandomState::new().build_hasher().finish()
}

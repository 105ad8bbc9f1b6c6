//! The test data outside the repository: calendar vectors and real logs.
//!
//! A test with missing data is reported as ignored, or fails if `CI` is true.

#[path = "common/data.rs"]
mod data;
#[path = "data/logs.rs"]
mod logs;
#[path = "data/replay.rs"]
mod replay;
#[path = "data/vectors.rs"]
mod vectors;

use libtest_mimic::{Arguments, Failed};

fn main() -> Result<(), Failed> {
    let mut trials = vectors::trials()?;
    trials.extend(logs::trials());
    trials.extend(replay::trials());
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

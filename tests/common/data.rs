//! Where the test data lies: outside the repository, because it is not ours to hand on.

#![allow(dead_code)] // Every user needs its own part of it.

use std::path::PathBuf;

/// Below `FIRSTLINE_DATA`, else below `../shared/data`.
pub(crate) fn path(path: &str) -> PathBuf {
    let data = std::env::var_os("FIRSTLINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    data.join(path)
}

/// A file of the test data, if it is there.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    Some(path(name)).filter(|file| file.is_file())
}

/// Whether absent data fails a test instead of leaving it out.
pub(crate) fn required() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

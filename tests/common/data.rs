//! The location of the test data: outside the repository, because its licences do not allow redistribution here.

#![allow(dead_code)] // No test target uses all of it.

use std::path::PathBuf;

/// A path below `FIRSTLINE_DATA`, or below `../shared/data` if that is not set.
pub(crate) fn path(path: &str) -> PathBuf {
    let data = std::env::var_os("FIRSTLINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    data.join(path)
}

/// A file of the test data, if it exists.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    Some(path(name)).filter(|file| file.is_file())
}

/// True if missing data fails a test instead of skipping it.
pub(crate) fn required() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

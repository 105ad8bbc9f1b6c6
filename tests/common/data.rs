//! Where the test data lies: outside the repository, because it is not ours to hand on.

use std::path::PathBuf;

/// A file of the test data, if it is there: below `FIRSTLINE_DATA`, else below `../shared/data`.
pub(crate) fn file(path: &str) -> Option<PathBuf> {
    let data = std::env::var_os("FIRSTLINE_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data")), PathBuf::from);
    Some(data.join(path)).filter(|file| file.is_file())
}

/// Whether absent data fails a test instead of leaving it out.
pub(crate) fn required() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

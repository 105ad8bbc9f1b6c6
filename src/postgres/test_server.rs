//! The server of the unit tests.

/// Returns the URL of the server, or `None` if there is none. In CI a missing server fails the test.
pub(super) fn url() -> Option<String> {
    let url = std::env::var("FIRSTLINE_POSTGRES").ok().filter(|url| !url.is_empty());
    let is_ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(url.is_some() || !is_ci, "in CI, set FIRSTLINE_POSTGRES to the URL of a server");
    url
}

//! The parts of a written definition that could not be read.
//!
//! A check must not report what is only a consequence of such a part, and must still report everything else. An
//! unreadable part may therefore be anything: a status of any state, a transition from and to any status.

use std::collections::BTreeSet;

/// The paths of the parts that could not be read. Empty for a definition that was written in code.
#[derive(Debug, Default)]
pub(crate) struct Gaps(BTreeSet<String>);

impl Gaps {
    pub(crate) fn add(&mut self, path: &str) {
        self.0.insert(path.to_owned());
    }

    /// True if the part, or a part that contains it, could not be read.
    pub(crate) fn cover(&self, path: &str) -> bool {
        let mut path = path;
        loop {
            if self.0.contains(path) {
                return true;
            }
            if path.is_empty() {
                return false;
            }
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }

    /// True if the part, a part that contains it, or a part of it could not be read.
    pub(crate) fn touch(&self, path: &str) -> bool {
        let inside = |it: &String| it[path.len()..].starts_with(['.', '[']);
        self.cover(path) || self.0.range(path.to_owned()..).take_while(|it| it.starts_with(path)).any(inside)
    }
}

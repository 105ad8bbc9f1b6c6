//! State that all transactions of a store share.

use super::recent::Recent;

/// The state that all transactions of a store share: its statements and its cache of parsed tickets.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    pub(crate) sql: S,
    pub(crate) recent: Recent,
}

impl<S> Shared<S> {
    pub(crate) fn new(sql: S) -> Shared<S> {
        Shared { sql, recent: Recent::default() }
    }
}

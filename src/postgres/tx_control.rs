//! The statements around a transaction.

use std::borrow::Cow;

/// The statements that begin and end a transaction.
#[derive(Debug)]
pub(super) struct TxControl {
    pub(super) begin: Option<Cow<'static, str>>,
    pub(super) commit: &'static str,
    /// Ends the transaction without writing, also after a failed statement.
    pub(super) leave: Option<&'static str>,
    /// True for a transaction of the store's own: its commit is final. False inside the host's transaction.
    pub(super) own: bool,
}

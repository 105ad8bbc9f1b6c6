//! What a decision lacks: the ticket's history.

use crate::error::{Error, ErrorKind};
use crate::id::TicketId;

/// A decision must measure a clock from times before its last update, and was given no history.
///
/// A desk reads the history and decides again, so none of its commands fails with this. Who decides without a desk adds the
/// history to the [`DecisionContext`](crate::ticket::decision::DecisionContext).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the decision needs the history of the ticket {ticket}")]
#[non_exhaustive]
pub struct MissingHistory {
    /// The ticket.
    pub ticket: TicketId,
}

impl MissingHistory {
    pub(in crate::ticket) fn of(ticket: TicketId) -> Error {
        Error::of(ErrorKind::Invalid, MissingHistory { ticket })
    }
}

impl Error {
    /// The ticket whose history a decision lacks, if that is why it failed.
    pub fn missing_history(&self) -> Option<&MissingHistory> {
        self.facts()
    }
}

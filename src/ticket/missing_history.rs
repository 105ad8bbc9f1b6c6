//! The error of a decision that needs the ticket's history.

use crate::error::{Error, ErrorKind};
use crate::id::TicketId;

/// A decision has to measure a clock from a time before the clock's last update, and its context has no history.
///
/// Commands of a desk never fail with this error: the desk reads the history and decides again. A caller that decides
/// without a desk adds the [history](crate::ticket::decision::DecisionContext::history) to the context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the decision needs the history of the ticket {ticket}")]
pub(crate) struct MissingHistory {
    /// The ticket.
    pub(crate) ticket: TicketId,
}

impl MissingHistory {
    pub(in crate::ticket) fn of(ticket: TicketId) -> Error {
        Error::of(ErrorKind::Invalid, MissingHistory { ticket })
    }
}

impl Error {
    /// Returns the details if a decision failed because it needs the ticket's history.
    pub(crate) fn missing_history(&self) -> Option<&MissingHistory> {
        self.facts()
    }
}

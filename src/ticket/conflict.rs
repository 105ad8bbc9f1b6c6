//! The error for a version conflict.

use crate::error::{Error, ErrorKind};
use crate::id::TicketId;
use crate::lifecycle::State;
use crate::ticket::kind::TicketNumber;

/// Somebody has edited the ticket since the version that the command expected. Read the ticket again and repeat the
/// decision.
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let (anna, ben) = (Actor::agent("anna"), Actor::agent("ben"));
/// let seen_by_both = desk.open_ticket(NewTicket::new("No sound"))?;
/// desk.act(seen_by_both.id(), Action::start(), &anna)?;
///
/// let error = desk.act(seen_by_both.id(), Action::cancel(), ben.expected_version(seen_by_both.version)).unwrap_err();
/// let conflict = error.conflict().unwrap();
/// assert_eq!((conflict.expected, conflict.found), (1, 2));
/// assert_eq!(conflict.state.to_string(), "active");
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ticket {} is at version {found}, {state}; version {expected} was expected", self.name())]
#[non_exhaustive]
pub struct Conflict {
    /// The ticket.
    pub ticket: TicketId,
    /// The ticket's number, if it is known. The message then names the ticket by it.
    pub number: Option<TicketNumber>,
    /// The version that was expected.
    pub expected: u64,
    /// The current version.
    pub found: u64,
    /// The current state.
    pub state: State,
}

impl Conflict {
    /// Creates a conflict. A store returns it if the ticket is not at the expected version.
    pub fn new(ticket: TicketId, expected: u64, found: u64, state: State) -> Conflict {
        Conflict { ticket, number: None, expected, found, state }
    }

    /// Adds the ticket's number.
    #[must_use]
    pub fn numbered(mut self, number: TicketNumber) -> Conflict {
        self.number = Some(number);
        self
    }

    fn name(&self) -> String {
        self.number.as_ref().map_or_else(|| self.ticket.to_string(), ToString::to_string)
    }
}

impl From<Conflict> for Error {
    fn from(conflict: Conflict) -> Error {
        Error::of(ErrorKind::Conflict, conflict)
    }
}

impl Error {
    /// Returns the details if the error is a version conflict.
    pub fn conflict(&self) -> Option<&Conflict> {
        self.facts()
    }
}

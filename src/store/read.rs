//! What a decision may ask a store, and what the store answers.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::id::{DeskId, RequestKey, ThreadKey, TicketId};
use crate::store::commit::KeptReceipt;
use crate::store::query::Query;
use crate::ticket::event::{Event, ExternalRef};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// One question to the store, within one desk.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Read {
    /// The receipt kept under a key. Answered by [`Answer::Receipt`].
    Receipt(RequestKey),
    /// The ticket to which a thread leads. Answered by [`Answer::Id`].
    Thread(ThreadKey),
    /// The ticket that is called so in another system. Answered by [`Answer::Id`].
    External(ExternalRef),
    /// The ticket of a running number. Answered by [`Answer::Id`].
    Number(u64),
    /// The version of a definition that holds at an instant. Answered by [`Answer::Adoption`].
    InForce(DefinitionKind, DateTime<Utc>),
    /// The newest version of a definition, whether it holds yet or not. Answered by [`Answer::Adoption`].
    Newest(DefinitionKind),
    /// The text of a definition. Answered by [`Answer::Definition`].
    Definition(Fingerprint),
    /// A ticket. Answered by [`Answer::Ticket`].
    Ticket(TicketId),
    /// The running number for a new ticket: that after the highest which any ticket of the desk has had. Answered by
    /// [`Answer::Number`]. In a transaction that writes it is nobody else's until the transaction ends, and used up only
    /// if a ticket is opened under it: what was asked for in vain leaves no gap.
    NextNumber {
        /// Which of several new tickets of this transaction, from 0: so many numbers further on.
        place: u32,
    },
    /// A ticket's events after a version, in order, at most so many. Answered by [`Answer::Events`].
    History {
        /// The ticket.
        ticket: TicketId,
        /// After which version.
        after: u64,
        /// How many at most.
        limit: usize,
    },
    /// Timers due until an instant, the earliest first, after a place in that order, at most so many. Never
    /// claims anything. Answered by [`Answer::Due`].
    Due {
        /// Until when, inclusively.
        until: DateTime<Utc>,
        /// After which one.
        after: Option<Box<DueTimer>>,
        /// How many at most.
        limit: usize,
    },
    /// Tickets. Never claims anything. Answered by [`Answer::Tickets`].
    Find(Query),
    /// Tickets of all desks that have a timer due until an instant, the earliest first, after a place in that order,
    /// at most so many. Never claims anything. Answered by [`Answer::Owed`].
    ///
    /// It alone looks beyond the desk, and brings back no more than ids and instants: enough for a
    /// [`Worker`](crate::Worker) to go to that desk.
    Owed {
        /// Until when, inclusively.
        until: DateTime<Utc>,
        /// After which one.
        after: Option<Box<Owed>>,
        /// How many at most.
        limit: usize,
    },
}

/// The running number at a place after the last one. At the end of all numbers it stays there, and is refused as taken.
pub(crate) fn number_after(last: u64, place: u32) -> u64 {
    last.saturating_add(u64::from(place)).saturating_add(1)
}

/// The store's answer to a [`Read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A ticket's id, if there is one.
    Id(Option<TicketId>),
    /// A ticket, if there is one.
    Ticket(Option<Arc<Snapshot>>),
    /// A kept receipt, if there is one.
    Receipt(Option<Box<KeptReceipt>>),
    /// A number.
    Number(u64),
    /// A version of a definition, if there is one.
    Adoption(Option<Adoption>),
    /// The text of a definition, if it is known.
    Definition(Option<String>),
    /// Events.
    Events(Vec<Event>),
    /// Due timers.
    Due(Vec<DueTimer>),
    /// Tickets.
    Tickets(Vec<Arc<Snapshot>>),
    /// Tickets to which the clock owes something, and their desks.
    Owed(Vec<Owed>),
}

/// A timer that fell due, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueTimer {
    /// The timer.
    pub timer: Timer,
    /// The ticket.
    pub ticket: TicketId,
}

/// A ticket of some desk to which the clock owes something since an instant. A ticket with several timers due at one
/// instant is listed once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owed {
    /// Since when.
    pub due: DateTime<Utc>,
    /// Which desk.
    pub desk: DeskId,
    /// Which ticket.
    pub ticket: TicketId,
}

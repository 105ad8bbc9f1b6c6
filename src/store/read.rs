//! What a decision may ask a store, and what the store answers.

use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::id::{DeskId, TicketId};
use crate::store::lock::{Lock, LockMode};
use crate::store::query::Query;
use crate::store::record::{Changes, DueRecord, Index, Record, RecordCount, RecordKind, RecordRange};
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// One question to the store, within one desk.
///
/// A store that meets a read it does not know answers with [`Error::unsupported`](crate::Error::unsupported).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Read {
    /// The record under a key. Answered by [`Answer::Record`]. A transaction that writes locks the key, whether there is a
    /// record or not, except of kinds that [never change](crate::store::Changes::Never).
    Record {
        /// The kind.
        kind: RecordKind,
        /// The key.
        key: String,
        /// Whether others may read it for writing at the same time.
        mode: LockMode,
    },
    /// A range of records, in order. Never locks anything. Answered by [`Answer::Records`].
    Records(RecordRange),
    /// How many records of a kind have each value of an index key, in the order of the values, for at most so many values.
    /// Never locks anything. Answered by [`Answer::Counts`].
    CountRecords {
        /// The kind.
        kind: RecordKind,
        /// Which index key.
        index: Index,
        /// The least value.
        from: Bound<String>,
        /// The greatest value.
        until: Bound<String>,
        /// How many values at most.
        limit: usize,
    },
    /// Records of one kind at all desks that are due until an instant: by instant, desk and key, after a place in that order,
    /// at most so many. Never locks anything. Answered by [`Answer::DueRecords`].
    DueRecords {
        /// The kind.
        kind: RecordKind,
        /// Until when, inclusively.
        until: DateTime<Utc>,
        /// After which one.
        after: Option<Box<DueRecord>>,
        /// How many at most.
        limit: usize,
    },
    /// The ticket of a running number. Answered by [`Answer::Id`].
    Number(u64),
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
    /// at most so many. Never claims anything. Answered by [`Answer::DueTickets`].
    ///
    /// It alone looks beyond the desk, and brings back no more than ids and instants: enough for a
    /// [`Worker`](crate::Worker) to go to that desk.
    DueTickets {
        /// Until when, inclusively.
        until: DateTime<Utc>,
        /// After which one.
        after: Option<Box<DueTicket>>,
        /// How many at most.
        limit: usize,
    },
}

impl Read {
    /// The record under a key. A transaction that writes has it to itself.
    pub fn record(kind: RecordKind, key: impl Into<String>) -> Read {
        Read::Record { kind, key: key.into(), mode: LockMode::Exclusive }
    }

    /// What this read locks in a transaction that writes. Lists, counts and searches lock nothing, nor do records of kinds that
    /// [never change](Changes::Never).
    pub fn lock(&self) -> Option<(Lock, LockMode)> {
        Some(match self {
            Read::Record { kind, .. } if kind.changes() == Changes::Never => return None,
            Read::Record { kind, key, mode } => (Lock::Record(*kind, key.clone()), *mode),
            Read::Ticket(ticket) | Read::History { ticket, .. } => {
                (Lock::Ticket(*ticket), LockMode::Exclusive)
            }
            Read::Number(_) | Read::NextNumber { .. } => (Lock::Numbers, LockMode::Exclusive),
            Read::Records(_)
            | Read::CountRecords { .. }
            | Read::DueRecords { .. }
            | Read::Due { .. }
            | Read::DueTickets { .. }
            | Read::Find(_) => return None,
        })
    }

    /// All events of a ticket.
    pub(crate) fn whole_history(ticket: TicketId) -> Read {
        Read::History { ticket, after: 0, limit: usize::MAX }
    }

    /// The record under a key, which the transaction relies on but does not write.
    pub fn shared_record(kind: RecordKind, key: impl Into<String>) -> Read {
        Read::Record { kind, key: key.into(), mode: LockMode::Shared }
    }
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
    /// A record, if there is one.
    Record(Option<Box<Record>>),
    /// Records, in the order of their range.
    Records(Vec<Record>),
    /// Counts, in the order of the index keys.
    Counts(Vec<RecordCount>),
    /// Due records.
    DueRecords(Vec<DueRecord>),
    /// A number.
    Number(u64),
    /// Events.
    Events(Vec<Event>),
    /// Due timers.
    Due(Vec<DueTimer>),
    /// Tickets.
    Tickets(Vec<Arc<Snapshot>>),
    /// Tickets to which the clock owes something, and their desks.
    DueTickets(Vec<DueTicket>),
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
pub struct DueTicket {
    /// Since when.
    pub due: DateTime<Utc>,
    /// Which desk.
    pub desk: DeskId,
    /// Which ticket.
    pub ticket: TicketId,
}

//! The reads of a decision, and the store's answers.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::id::{DeskId, TicketId};
use crate::store::group::GroupBy;
use crate::store::lock::{Lock, LockMode};
use crate::store::query::Query;
use crate::store::record::{Changes, DueRecord, Index, Record, RecordKind, RecordRange};
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// A read from the store, within one desk.
///
/// A store answers an unknown read with [`Error::unsupported`](crate::Error::unsupported).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Read {
    /// The record under a key. Answered by [`Answer::Record`].
    ///
    /// In [`Mode::Write`](crate::store::Mode::Write) it locks the key, even if there is no record, except for kinds
    /// that [never change](Changes::Never).
    Record {
        /// The kind.
        kind: RecordKind,
        /// The key.
        key: String,
        /// The mode of the lock.
        mode: LockMode,
    },
    /// A range of records, in order. Takes no locks. Answered by [`Answer::Records`].
    Records(RecordRange),
    /// The number of records of a kind for each value of an index key, in the order of the values. Takes no locks.
    /// Answered by [`Answer::Counts`].
    CountRecords {
        /// The kind.
        kind: RecordKind,
        /// The index key.
        index: Index,
        /// The lower bound of the values.
        from: Bound<String>,
        /// The upper bound of the values.
        until: Bound<String>,
        /// The maximum number of values.
        limit: usize,
    },
    /// The records of one kind at all desks that are due until an instant, ordered by instant, desk and key. Takes no
    /// locks. Answered by [`Answer::DueRecords`].
    DueRecords {
        /// The kind.
        kind: RecordKind,
        /// The last instant, inclusive.
        until: DateTime<Utc>,
        /// Only records after this one, in the order above.
        after: Option<Box<DueRecord>>,
        /// The maximum number of records.
        limit: usize,
    },
    /// The id of the ticket with a running number. Answered by [`Answer::TicketId`].
    TicketByNumber(u64),
    /// A ticket. Answered by [`Answer::Ticket`].
    Ticket(TicketId),
    /// The running number for a new ticket: one more than the highest number that a ticket of the desk has had.
    /// Answered by [`Answer::Number`].
    ///
    /// In [`Mode::Write`](crate::store::Mode::Write) the number is reserved until the transaction ends. Unused numbers
    /// leave no gap.
    NextNumber {
        /// The index of the new ticket among the new tickets of this transaction, from 0. It is added to the number.
        place: u32,
    },
    /// A ticket's events after a version, in order. Answered by [`Answer::Events`].
    History {
        /// The ticket.
        ticket: TicketId,
        /// The version before the first event.
        after: u64,
        /// The maximum number of events.
        limit: usize,
    },
    /// The timers of the desk that are due until an instant, the earliest first. Takes no locks. Answered by
    /// [`Answer::DueTimers`].
    DueTimers {
        /// The last instant, inclusive.
        until: DateTime<Utc>,
        /// Only timers after this one, in the same order.
        after: Option<Box<DueTimer>>,
        /// The maximum number of timers.
        limit: usize,
    },
    /// The tickets that match a query. Takes no locks. Answered by [`Answer::Tickets`].
    Find(Query),
    /// The number of tickets that match a query, by group, without regard to the query's cursor and limit. Takes no
    /// locks. Answered by [`Answer::Groups`]. [`Query::count`] counts tickets in memory.
    Count {
        /// The query.
        query: Query,
        /// The groups.
        by: GroupBy,
    },
    /// The tickets of all desks that have a timer due until an instant, the earliest first. Takes no locks. Answered by
    /// [`Answer::DueTickets`].
    ///
    /// The answer contains only ids and instants, which tell a [`Worker`](crate::Worker) at which desk there is work.
    DueTickets {
        /// The last instant, inclusive.
        until: DateTime<Utc>,
        /// Only tickets after this one, in the same order.
        after: Option<Box<DueTicket>>,
        /// The maximum number of tickets.
        limit: usize,
    },
}

impl Read {
    /// Creates a read of the record under a key, with an exclusive lock.
    pub fn record(kind: RecordKind, key: impl Into<String>) -> Read {
        Read::Record { kind, key: key.into(), mode: LockMode::Exclusive }
    }

    /// Returns the lock that this read takes in [`Mode::Write`](crate::store::Mode::Write).
    ///
    /// `None` for lists, counts and searches, and for records of kinds that [never change](Changes::Never).
    pub fn lock(&self) -> Option<(Lock, LockMode)> {
        Some(match self {
            Read::Record { kind, .. } if kind.changes() == Changes::Never => return None,
            Read::Record { kind, key, mode } => (Lock::Record(*kind, key.clone()), *mode),
            Read::Ticket(ticket) | Read::History { ticket, .. } => {
                (Lock::Ticket(*ticket), LockMode::Exclusive)
            }
            Read::TicketByNumber(_) | Read::NextNumber { .. } => (Lock::Numbers, LockMode::Exclusive),
            Read::Records(_)
            | Read::CountRecords { .. }
            | Read::DueRecords { .. }
            | Read::DueTimers { .. }
            | Read::DueTickets { .. }
            | Read::Find(_)
            | Read::Count { .. } => return None,
        })
    }

    /// Creates a read of all events of a ticket.
    pub(crate) fn whole_history(ticket: TicketId) -> Read {
        Read::History { ticket, after: 0, limit: usize::MAX }
    }

    /// Creates a read of the record under a key, with a shared lock, for a transaction that does not write the record.
    pub fn shared_record(kind: RecordKind, key: impl Into<String>) -> Read {
        Read::Record { kind, key: key.into(), mode: LockMode::Shared }
    }
}

/// Returns the running number for the new ticket with the index `place`. It saturates at the largest number; the commit
/// of a second ticket with that number fails.
pub(crate) fn number_after(last: u64, place: u32) -> u64 {
    last.saturating_add(u64::from(place)).saturating_add(1)
}

/// The store's answer to a [`Read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The id of a ticket; `None` if there is no such ticket.
    TicketId(Option<TicketId>),
    /// A ticket; `None` if there is no such ticket.
    Ticket(Option<Arc<Snapshot>>),
    /// A record; `None` if there is no such record.
    Record(Option<Box<Record>>),
    /// Records, in the order of their range.
    Records(Vec<Record>),
    /// The values of an index key and the number of records with each of them, in the order of the values.
    Counts(Vec<(String, u64)>),
    /// Numbers of tickets by group.
    Groups(BTreeMap<String, u64>),
    /// Due records.
    DueRecords(Vec<DueRecord>),
    /// A running number.
    Number(u64),
    /// Events.
    Events(Vec<Event>),
    /// Due timers.
    DueTimers(Vec<DueTimer>),
    /// Tickets.
    Tickets(Vec<Arc<Snapshot>>),
    /// Tickets with due timers, and their desks.
    DueTickets(Vec<DueTicket>),
}

/// A due timer and its ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueTimer {
    /// The timer.
    pub timer: Timer,
    /// The ticket.
    pub ticket: TicketId,
}

/// A ticket of any desk with a due timer. A ticket with several timers due at the same instant is listed once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueTicket {
    /// The instant at which the timer was due.
    pub due: DateTime<Utc>,
    /// The desk.
    pub desk: DeskId,
    /// The ticket.
    pub ticket: TicketId,
}

//! What a decision may ask a store, and what the store answered.

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::Halt;
use crate::id::{RequestKey, ThreadKey, TicketId};
use crate::store::commit::KeptReceipt;
use crate::store::query::Query;
use crate::ticket::event::{Event, ExternalRef};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// One question to the store, within one desk.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The next running number, kept for this transaction. Answered by [`Answer::Number`]. Asked again in the same
    /// transaction with another place, it gives the next one after.
    NextNumber {
        /// Which of several numbers of this transaction, from 0.
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
    /// Timers due until an instant, the earliest first, at most so many. Never claims anything. Answered by
    /// [`Answer::Due`].
    Due {
        /// Until when, inclusively.
        until: DateTime<Utc>,
        /// How many at most.
        limit: usize,
    },
    /// Tickets. Never claims anything. Answered by [`Answer::Tickets`].
    Find(Query),
}

/// The store's answer to a [`Read`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// A ticket's id, if there is one.
    Id(Option<TicketId>),
    /// A ticket, if there is one.
    Ticket(Option<Box<Snapshot>>),
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
    Tickets(Vec<Snapshot>),
}

/// A timer that fell due, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueTimer {
    /// The timer.
    pub timer: Timer,
    /// The ticket.
    pub ticket: TicketId,
}

/// What a decision has seen so far. Asking for more halts it; the driver loads what was asked for and lets it
/// decide again, from the start.
#[derive(Debug, Default)]
pub struct Seen(Vec<(Read, Answer)>);

macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*): $read:expr => $variant:ident($found:ident) -> $out:ty = $value:expr;)*) => {
        /// Questions. Each gives the answer, or halts the decision until it is there.
        ///
        /// # Errors
        /// [`Halt::Need`] if it was not asked before; [`Halt::Stop`] if the store's answer is of another sort.
        impl Seen {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Halt::Need`] until the driver has loaded it.
            pub fn $name(&self, $($arg: $type),*) -> Result<$out, Halt> {
                let read = $read;
                match self.answer(&read)? {
                    Answer::$variant($found) => Ok($value),
                    other => Err(Halt::Stop(mismatch(&read, other))),
                }
            }
        )*}
    };
}

asks! {
    /// A ticket.
    ticket(id: TicketId): Read::Ticket(id) => Ticket(found) -> Option<&Snapshot> = found.as_deref();
    /// The ticket to which a thread leads.
    thread(key: &ThreadKey): Read::Thread(key.clone()) => Id(found) -> Option<TicketId> = *found;
    /// The ticket that is called so in another system.
    external(name: &ExternalRef): Read::External(name.clone()) => Id(found) -> Option<TicketId> = *found;
    /// The ticket of a running number.
    number(value: u64): Read::Number(value) => Id(found) -> Option<TicketId> = *found;
    /// The receipt kept under a key.
    receipt(key: &RequestKey): Read::Receipt(key.clone()) => Receipt(found) -> Option<&KeptReceipt> = found.as_deref();
    /// The running number for a new ticket, the first of this transaction having place 0.
    next_number(place: u32): Read::NextNumber { place } => Number(found) -> u64 = *found;
    /// The version of a definition in force at an instant.
    in_force(kind: DefinitionKind, at: DateTime<Utc>): Read::InForce(kind, at) => Adoption(found) -> Option<Adoption> = *found;
    /// The newest version of a definition.
    newest(kind: DefinitionKind): Read::Newest(kind) => Adoption(found) -> Option<Adoption> = *found;
    /// The text of a definition.
    definition(hash: Fingerprint): Read::Definition(hash) => Definition(found) -> Option<&str> = found.as_deref();
    /// Events of a ticket.
    history(ticket: TicketId, after: u64, limit: usize): Read::History { ticket, after, limit } => Events(found) -> &[Event] = found;
    /// Due timers.
    due(until: DateTime<Utc>, limit: usize): Read::Due { until, limit } => Due(found) -> &[DueTimer] = found;
    /// Tickets.
    find(query: &Query): Read::Find(query.clone()) => Tickets(found) -> &[Snapshot] = found;
}

impl Seen {
    /// Keeps the store's answer.
    pub fn put(&mut self, read: Read, answer: Answer) {
        self.0.push((read, answer));
    }

    fn answer(&self, read: &Read) -> Result<&Answer, Halt> {
        let found = self.0.iter().find(|(asked, _)| asked == read);
        found.map(|(_, answer)| answer).ok_or_else(|| Halt::Need(vec![read.clone()]))
    }

    /// Whether it was answered already.
    pub(crate) fn has(&self, read: &Read) -> bool {
        self.0.iter().any(|(asked, _)| asked == read)
    }
}

fn mismatch(read: &Read, answer: &Answer) -> Error {
    Error::new(ErrorKind::Storage, format!("the store answered {read:?} with {answer:?}"))
}

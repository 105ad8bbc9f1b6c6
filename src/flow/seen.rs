//! What a decision has seen so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::Halt;
use crate::id::{RequestKey, ThreadKey, TicketId};
use crate::store::{Answer, DueTimer, KeptReceipt, Owed, Query, Read};
use crate::ticket::event::{Event, ExternalRef};
use crate::ticket::snapshot::Snapshot;

/// What a decision has seen so far. Asking for more halts it; the driver loads what was asked for and lets it
/// decide again, from the start.
#[derive(Debug, Default)]
pub struct Seen(HashMap<Read, Answer>);

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
    due(until: DateTime<Utc>, after: Option<&DueTimer>, limit: usize): Read::Due { until, after: after.cloned().map(Box::new), limit } => Due(found) -> &[DueTimer] = found;
    /// Tickets.
    find(query: &Query): Read::Find(query.clone()) => Tickets(found) -> &[Arc<Snapshot>] = found;
    /// Tickets of all desks to which the clock owes something.
    owed(until: DateTime<Utc>, after: Option<&Owed>, limit: usize): Read::Owed { until, after: after.cloned().map(Box::new), limit } => Owed(found) -> &[Owed] = found;
}

impl Seen {
    /// Keeps the store's answers to these reads.
    ///
    /// # Errors
    /// A storage error if the store did not answer each of them.
    pub fn put(&mut self, reads: Vec<Read>, answers: Vec<Answer>) -> Result<()> {
        if reads.len() != answers.len() {
            let problem = format!("the store gave {} answers to {} reads", answers.len(), reads.len());
            return Err(Error::new(ErrorKind::Storage, problem));
        }
        self.0.extend(reads.into_iter().zip(answers));
        Ok(())
    }

    /// Halts the decision until all of these are answered, so that many questions take one round.
    ///
    /// # Errors
    /// [`Halt::Need`] for those that were not asked before.
    pub fn need(&self, reads: impl IntoIterator<Item = Read>) -> Result<(), Halt> {
        let mut asked = HashSet::new();
        let missing: Vec<_> =
            reads.into_iter().filter(|read| !self.has(read) && asked.insert(read.clone())).collect();
        if missing.is_empty() { Ok(()) } else { Err(Halt::Need(missing)) }
    }

    pub(crate) fn answer(&self, read: &Read) -> Result<&Answer, Halt> {
        self.0.get(read).ok_or_else(|| Halt::Need(vec![read.clone()]))
    }

    /// Everything that was answered, in no order.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Read> {
        self.0.keys()
    }

    /// Whether it was answered already.
    pub(crate) fn has(&self, read: &Read) -> bool {
        self.0.contains_key(read)
    }
}

fn mismatch(read: &Read, answer: &Answer) -> Error {
    Error::new(ErrorKind::Storage, format!("the store answered {read:?} with {answer:?}"))
}

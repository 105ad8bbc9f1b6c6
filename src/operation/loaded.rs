//! What a decision has seen so far.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::operation::Interrupt;
use crate::store::kinds::{self, ADOPTION, Adoptions};
use crate::store::{
    Answer, DueRecord, DueTicket, DueTimer, LockMode, Query, Read, Record, RecordKind, RecordRange,
};
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;

/// What a decision has seen so far. Asking for more halts it; the driver loads what was asked for and lets it
/// decide again, from the start.
#[derive(Debug, Default)]
pub struct Loaded(HashMap<Read, Answer>);

macro_rules! asks {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*): $read:expr => $variant:ident($found:ident) -> $out:ty = $value:expr;)*) => {
        /// Questions. Each gives the answer, or halts the decision until it is there.
        ///
        /// # Errors
        /// [`Interrupt::Load`] if it was not asked before; [`Interrupt::Fail`] if the store's answer is of another sort.
        impl Loaded {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`Interrupt::Load`] until the driver has loaded it.
            pub fn $name(&self, $($arg: $type),*) -> Result<$out, Interrupt> {
                let read = $read;
                match self.answer(&read)? {
                    Answer::$variant($found) => Ok($value),
                    other => Err(Interrupt::Fail(mismatch(&read, other))),
                }
            }
        )*}
    };
}

asks! {
    /// A ticket.
    ticket(id: TicketId): Read::Ticket(id) => Ticket(found) -> Option<&Snapshot> = found.as_deref();
    /// The ticket of a running number.
    number(value: u64): Read::Number(value) => Id(found) -> Option<TicketId> = *found;
    /// The running number for a new ticket, the first of this transaction having place 0.
    next_number(place: u32): Read::NextNumber { place } => Number(found) -> u64 = *found;
    /// Events of a ticket.
    history(ticket: TicketId, after: u64, limit: usize): Read::History { ticket, after, limit } => Events(found) -> &[Event] = found;
    /// Due timers.
    due(until: DateTime<Utc>, after: Option<&DueTimer>, limit: usize): Read::Due { until, after: after.cloned().map(Box::new), limit } => Due(found) -> &[DueTimer] = found;
    /// Tickets.
    find(query: &Query): Read::Find(query.clone()) => Tickets(found) -> &[Arc<Snapshot>] = found;
    /// Tickets of all desks to which the clock owes something.
    due_tickets(until: DateTime<Utc>, after: Option<&DueTicket>, limit: usize): Read::DueTickets { until, after: after.cloned().map(Box::new), limit } => DueTickets(found) -> &[DueTicket] = found;
}

/// Records, and what the crate keeps in them.
impl Loaded {
    /// The record under a key. A command that writes has the key to itself until it ends.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn record(&self, kind: RecordKind, key: impl Into<String>) -> Result<Option<&Record>, Interrupt> {
        self.found(&Read::record(kind, key))
    }

    /// The record under a key, which the command relies on but does not write.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn shared_record(
        &self,
        kind: RecordKind,
        key: impl Into<String>,
    ) -> Result<Option<&Record>, Interrupt> {
        self.found(&Read::shared_record(kind, key))
    }

    /// The answer to a read of one record.
    pub(super) fn found(&self, read: &Read) -> Result<Option<&Record>, Interrupt> {
        match self.answer(read)? {
            Answer::Record(found) => Ok(found.as_deref()),
            other => Err(Interrupt::Fail(mismatch(read, other))),
        }
    }

    /// A range of records.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn records(&self, range: &RecordRange) -> Result<&[Record], Interrupt> {
        let read = Read::Records(range.clone());
        match self.answer(&read)? {
            Answer::Records(found) => Ok(found),
            other => Err(Interrupt::Fail(mismatch(&read, other))),
        }
    }

    pub(super) fn due_records(&self, read: &Read) -> Result<&[DueRecord], Interrupt> {
        match self.answer(read)? {
            Answer::DueRecords(due) => Ok(due),
            other => Err(Interrupt::Fail(mismatch(read, other))),
        }
    }

    /// The newest adopted versions of a definition, to be added to or only relied on.
    pub(crate) fn adoptions(&self, kind: DefinitionKind, mode: LockMode) -> Result<Adoptions<'_>, Interrupt> {
        let read = Read::Record { kind: ADOPTION, key: kind.as_str().to_owned(), mode };
        Ok(Adoptions::read(kind, self.found(&read)?)?)
    }

    /// The version of a definition in force at an instant.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn in_force(&self, kind: DefinitionKind, at: DateTime<Utc>) -> Result<Option<Adoption>, Interrupt> {
        let newest = self.adoptions(kind, LockMode::Shared)?;
        let found = newest.in_force(at)?;
        if found.is_some() || newest.are_all() {
            return Ok(found);
        }
        let earlier = self.shared_record(ADOPTION, kinds::earlier_adoptions(kind))?;
        Ok(newest.earlier(earlier)?.in_force(at)?)
    }

    /// The text of a definition.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn definition(&self, hash: Fingerprint) -> Result<Option<&str>, Interrupt> {
        let record = self.found(&kinds::definition(hash))?;
        Ok(record.map(kinds::text_of).transpose()?)
    }
}

impl Loaded {
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

    /// All events of a ticket, if they were read.
    pub(crate) fn read_history(&self, ticket: TicketId) -> Result<Option<&[Event]>, Interrupt> {
        match self.history(ticket, 0, usize::MAX) {
            Ok(events) => Ok(Some(events)),
            Err(Interrupt::Load(_)) => Ok(None),
            Err(stop) => Err(stop),
        }
    }

    /// Halts the decision until all of these are answered, so that many questions take one round.
    ///
    /// # Errors
    /// [`Interrupt::Load`] for those that were not asked before.
    pub fn need(&self, reads: impl IntoIterator<Item = Read>) -> Result<(), Interrupt> {
        let mut asked = HashSet::new();
        let missing: Vec<_> =
            reads.into_iter().filter(|read| !self.has(read) && asked.insert(read.clone())).collect();
        if missing.is_empty() { Ok(()) } else { Err(Interrupt::Load(missing)) }
    }

    pub(crate) fn answer(&self, read: &Read) -> Result<&Answer, Interrupt> {
        self.0.get(read).ok_or_else(|| Interrupt::Load(vec![read.clone()]))
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

/// The reads that several decisions of one flow ask for, so that one round answers all of them.
#[derive(Debug, Default)]
pub(crate) struct Needs(Vec<Read>);

impl Needs {
    /// What was decided; `None` if that takes reads which are kept here.
    pub(crate) fn keep<T>(&mut self, decided: Result<T, impl Into<Interrupt>>) -> Result<Option<T>> {
        match decided.map_err(Into::into) {
            Ok(out) => Ok(Some(out)),
            Err(Interrupt::Load(reads)) => {
                self.0.extend(reads);
                Ok(None)
            }
            Err(Interrupt::Fail(error)) => Err(error),
        }
    }

    /// Halts the flow until all of the reads are answered.
    pub(crate) fn answered(self, loaded: &Loaded) -> Result<(), Interrupt> {
        loaded.need(self.0)
    }
}

fn mismatch(read: &Read, answer: &Answer) -> Error {
    Error::new(ErrorKind::Storage, format!("the store answered {read:?} with {answer:?}"))
}

//! The data that has been loaded for a decision.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::operation::Interrupt;
use crate::store::kinds::{self, ADOPTION, Adoptions};
use crate::store::{
    Answer, DueRecord, DueTicket, DueTimer, GroupBy, LockMode, Query, Read, Record, RecordKind, RecordRange,
};
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;

/// The data that has been loaded for a decision.
///
/// A method whose data is not loaded returns [`Interrupt::Load`]. The driver then loads it and calls the
/// decision again from the start.
#[derive(Debug, Default)]
pub struct Loaded(HashMap<Read, Answer>);

macro_rules! typed_reads {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*): $read:expr => $variant:ident($found:ident) -> $out:ty = $value:expr;)*) => {
        /// Typed reads. Each method returns the answer, or interrupts the decision until the answer is loaded.
        impl Loaded {$(
            $(#[$doc])*
            ///
            /// # Errors
            /// - [`Interrupt::Load`] until the driver has loaded the answer
            /// - [`Interrupt::Fail`] if the store's answer has the wrong type
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

typed_reads! {
    /// Returns a ticket.
    ticket(id: TicketId): Read::Ticket(id) => Ticket(found) -> Option<&Snapshot> = found.as_deref();
    /// Returns the id of the ticket with a running number.
    ticket_by_number(value: u64): Read::TicketByNumber(value) => TicketId(found) -> Option<TicketId> = *found;
    /// Returns the running number for a new ticket. The first new ticket of a transaction has place 0.
    next_number(place: u32): Read::NextNumber { place } => Number(found) -> u64 = *found;
    /// Returns up to `limit` events of a ticket after a version.
    history(ticket: TicketId, after: u64, limit: usize): Read::History { ticket, after, limit } => Events(found) -> &[Event] = found;
    /// Returns up to `limit` timers of the desk that are due until an instant.
    due_timers(until: DateTime<Utc>, after: Option<&DueTimer>, limit: usize): Read::DueTimers { until, after: after.cloned().map(Box::new), limit } => DueTimers(found) -> &[DueTimer] = found;
    /// Returns the tickets that match a query.
    find(query: &Query): Read::Find(query.clone()) => Tickets(found) -> &[Arc<Snapshot>] = found;
    /// Returns the number of tickets that match a query, by group.
    count(query: &Query, by: GroupBy): Read::Count { query: query.clone(), by } => Groups(found) -> &BTreeMap<String, u64> = found;
    /// Returns up to `limit` tickets of all desks with a timer that is due until an instant.
    due_tickets(until: DateTime<Utc>, after: Option<&DueTicket>, limit: usize): Read::DueTickets { until, after: after.cloned().map(Box::new), limit } => DueTickets(found) -> &[DueTicket] = found;
}

/// Reads of records, and of the definitions in them.
impl Loaded {
    /// Returns the record under a key. In a command that writes, the key is locked exclusively until the transaction
    /// ends.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub fn record(&self, kind: RecordKind, key: impl Into<String>) -> Result<Option<&Record>, Interrupt> {
        self.found(&Read::record(kind, key))
    }

    /// Returns the record under a key, with a shared lock: for a record that the command relies on but does not write.
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

    /// Returns the answer to a read of one record.
    pub(super) fn found(&self, read: &Read) -> Result<Option<&Record>, Interrupt> {
        match self.answer(read)? {
            Answer::Record(found) => Ok(found.as_deref()),
            other => Err(Interrupt::Fail(mismatch(read, other))),
        }
    }

    /// Returns a range of records.
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

    /// Returns the due records of a kind at all desks.
    pub(crate) fn due_records(&self, read: &Read) -> Result<&[DueRecord], Interrupt> {
        match self.answer(read)? {
            Answer::DueRecords(due) => Ok(due),
            other => Err(Interrupt::Fail(mismatch(read, other))),
        }
    }

    /// Returns the newest adopted versions of a definition. A command that adds a version reads them with
    /// [`LockMode::Exclusive`].
    pub(crate) fn adoptions(&self, kind: DefinitionKind, mode: LockMode) -> Result<Adoptions<'_>, Interrupt> {
        let read = Read::Record { kind: ADOPTION, key: kind.as_str().to_owned(), mode };
        Ok(Adoptions::read(kind, self.found(&read)?)?)
    }

    /// Returns the version of a definition in force at an instant.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub(crate) fn in_force(
        &self,
        kind: DefinitionKind,
        at: DateTime<Utc>,
    ) -> Result<Option<Adoption>, Interrupt> {
        let newest = self.adoptions(kind, LockMode::Shared)?;
        let found = newest.in_force(at)?;
        if found.is_some() || newest.is_complete() {
            return Ok(found);
        }
        let earlier = self.shared_record(ADOPTION, kinds::earlier_adoptions(kind))?;
        Ok(newest.earlier(earlier)?.in_force(at)?)
    }

    /// Returns the versions of a definition that were in force between two instants, in order: the one that was in
    /// force just before `from`, and those that came into force from then until `until`, inclusive.
    pub(crate) fn in_force_between(
        &self,
        kind: DefinitionKind,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Adoption>, Interrupt> {
        let newest = self.adoptions(kind, LockMode::Shared)?;
        let mut versions = newest.between(from, until)?;
        if !newest.is_complete() && versions.first().is_none_or(|first| first.from >= from) {
            let earlier = self.shared_record(ADOPTION, kinds::earlier_adoptions(kind))?;
            versions.splice(0..0, newest.earlier(earlier)?.between(from, until)?);
        }
        // A version that was replaced at the instant of its adoption was never in force.
        let next = versions.iter().skip(1).map(|next| Some(next.from)).chain([None]);
        let in_force: Vec<_> =
            versions.iter().zip(next).filter(|(it, next)| Some(it.from) != *next).collect();
        Ok(in_force.into_iter().map(|(version, _)| *version).collect())
    }

    /// Returns the text of a definition.
    ///
    /// # Errors
    /// [`Interrupt::Load`] until the driver has loaded it.
    pub(crate) fn definition(&self, hash: Fingerprint) -> Result<Option<&str>, Interrupt> {
        let record = self.found(&kinds::definition(hash))?;
        Ok(record.map(kinds::text_of).transpose()?)
    }
}

impl Loaded {
    /// Adds the store's answers to these reads.
    ///
    /// # Errors
    /// A storage error if the numbers of reads and answers differ.
    pub fn put(&mut self, reads: Vec<Read>, answers: Vec<Answer>) -> Result<()> {
        if reads.len() != answers.len() {
            let problem = format!("the store returned {} answers to {} reads", answers.len(), reads.len());
            return Err(Error::new(ErrorKind::Storage, problem));
        }
        self.0.extend(reads.into_iter().zip(answers));
        Ok(())
    }

    /// Returns all events of a ticket, or `None` if they are not loaded.
    pub(crate) fn read_history(&self, ticket: TicketId) -> Result<Option<&[Event]>, Interrupt> {
        match self.history(ticket, 0, usize::MAX) {
            Ok(events) => Ok(Some(events)),
            Err(Interrupt::Load(_)) => Ok(None),
            Err(fail) => Err(fail),
        }
    }

    /// Interrupts the decision until all of these reads are answered. One round answers all of them.
    ///
    /// # Errors
    /// [`Interrupt::Load`] with the reads that are not answered yet.
    pub fn need(&self, reads: impl IntoIterator<Item = Read>) -> Result<(), Interrupt> {
        let mut added = HashSet::new();
        let missing: Vec<_> =
            reads.into_iter().filter(|read| !self.has(read) && added.insert(read.clone())).collect();
        if missing.is_empty() { Ok(()) } else { Err(Interrupt::Load(missing)) }
    }

    pub(crate) fn answer(&self, read: &Read) -> Result<&Answer, Interrupt> {
        self.0.get(read).ok_or_else(|| Interrupt::Load(vec![read.clone()]))
    }

    /// Returns all answered reads, in no particular order.
    pub(crate) fn reads(&self) -> impl Iterator<Item = &Read> {
        self.0.keys()
    }

    /// True if the read is answered.
    pub(crate) fn has(&self, read: &Read) -> bool {
        self.0.contains_key(read)
    }
}

/// Collects the reads that several decisions of one operation need, so that one round answers all of them.
#[derive(Debug, Default)]
pub(crate) struct Needs(Vec<Read>);

impl Needs {
    /// Returns the result of a decision; `None` if the decision needs more reads, which are then collected.
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

    /// Interrupts the operation until all collected reads are answered.
    pub(crate) fn answered(self, loaded: &Loaded) -> Result<(), Interrupt> {
        loaded.need(self.0)
    }
}

fn mismatch(read: &Read, answer: &Answer) -> Error {
    Error::new(ErrorKind::Storage, format!("the store answered {read:?} with {answer:?}"))
}

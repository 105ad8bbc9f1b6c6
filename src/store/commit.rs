//! The writes of one command, as a value.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};
use crate::store::kinds;
use crate::store::record::RecordWrite;
use crate::ticket::decision::TicketWrite;

/// One part of a commit.
///
/// If a part is unknown to a store, the store fails with [`Error::unsupported`] and writes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Write {
    /// A ticket with its new events.
    Ticket(Box<TicketWrite>),
    /// A record.
    Record(Box<RecordWrite>),
}

/// All writes of one command. A store writes all of them or nothing. No ticket and no record occurs twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The parts, in no particular order.
    pub writes: Vec<Write>,
}

impl From<TicketWrite> for Write {
    fn from(write: TicketWrite) -> Write {
        Write::Ticket(Box::new(write))
    }
}

impl From<RecordWrite> for Write {
    fn from(write: RecordWrite) -> Write {
        Write::Record(Box::new(write))
    }
}

impl<T: Into<Write>> FromIterator<T> for Commit {
    fn from_iter<I: IntoIterator<Item = T>>(writes: I) -> Commit {
        Commit { writes: writes.into_iter().map(Into::into).collect() }
    }
}

impl<T: Into<Write>> Extend<T> for Commit {
    fn extend<I: IntoIterator<Item = T>>(&mut self, writes: I) {
        self.writes.extend(writes.into_iter().map(Into::into));
    }
}

impl Commit {
    /// Creates an empty commit.
    pub fn new() -> Commit {
        Commit::default()
    }

    /// True if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Adds a part.
    pub fn push(&mut self, write: impl Into<Write>) {
        self.writes.push(write.into());
    }

    /// Returns the writes of tickets.
    pub fn tickets(&self) -> impl Iterator<Item = &TicketWrite> {
        self.writes.iter().filter_map(|write| match write {
            Write::Ticket(ticket) => Some(&**ticket),
            Write::Record(_) => None,
        })
    }

    /// Returns the writes of tickets, mutably.
    pub fn tickets_mut(&mut self) -> impl Iterator<Item = &mut TicketWrite> {
        self.writes.iter_mut().filter_map(|write| match write {
            Write::Ticket(ticket) => Some(&mut **ticket),
            Write::Record(_) => None,
        })
    }

    /// Returns the writes of records.
    pub fn records(&self) -> impl Iterator<Item = &RecordWrite> {
        self.writes.iter().filter_map(|write| match write {
            Write::Record(record) => Some(&**record),
            Write::Ticket(_) => None,
        })
    }

    /// Splits the commit into tickets and records, after [checking](Commit::check) it.
    pub(crate) fn into_parts(self) -> Result<(Vec<TicketWrite>, Vec<RecordWrite>)> {
        self.check()?;
        let (mut tickets, mut records) = (Vec::new(), Vec::new());
        for write in self.writes {
            match write {
                Write::Ticket(ticket) => tickets.push(*ticket),
                Write::Record(record) => records.push(*record),
            }
        }
        Ok((tickets, records))
    }

    /// Checks the parts against each other and against the declarations of their kinds. Every store does this before it
    /// writes anything.
    ///
    /// ```
    /// use firstline::store::{Changes, Commit, Content, Expected, DataPolicy, RecordKind, RecordWrite};
    ///
    /// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, DataPolicy::IMPERSONAL);
    /// let write = || RecordWrite::put(NOTE, "n-1", Expected::Any, Content::new(*b"remember the milk"));
    /// assert!(Commit::from_iter([write()]).check().is_ok());
    /// assert!(Commit::from_iter([write(), write()]).check().is_err());
    /// ```
    ///
    /// # Errors
    /// A storage error if
    /// - a ticket or a record occurs twice;
    /// - a record has a due time although its kind is never due;
    /// - a kind has a code that is reserved for this crate.
    pub fn check(&self) -> Result<()> {
        let mut tickets = HashSet::new();
        if let Some(twice) = self.tickets().find(|it| !tickets.insert(it.snapshot.id)) {
            let problem = format!("a commit writes the ticket {} twice", twice.snapshot.id);
            return Err(Error::new(ErrorKind::Storage, problem));
        }
        let mut seen = HashSet::new();
        for RecordWrite { kind, key, content, .. } in self.records() {
            if !seen.insert((*kind, &**key)) {
                let problem = format!("a commit writes the same {} twice", kind.name());
                return Err(Error::new(ErrorKind::Storage, problem));
            }
            if !kind.may_be_due() && content.as_ref().is_some_and(|content| content.due.is_some()) {
                let problem =
                    format!("a commit sets a due time on a {}, a kind that is never due", kind.name());
                return Err(Error::new(ErrorKind::Storage, problem));
            }
            let is_own = || kinds::ALL.iter().any(|own| own.is_declared_as(*kind));
            if kind.code().chars().count() < 2 && !is_own() {
                let problem =
                    format!("the code {:?} of the record kind {:?} is reserved", kind.code(), kind.name());
                return Err(
                    Error::new(ErrorKind::Storage, problem).allowing("a code of at least two letters")
                );
            }
        }
        Ok(())
    }

    /// Creates the commit of these decisions. A decision without events writes nothing.
    pub fn of(decisions: impl IntoIterator<Item = TicketWrite>) -> Commit {
        decisions.into_iter().filter(|decision| !decision.events.is_empty()).collect()
    }
}

/// Returns the highest running number among the newly opened tickets; 0 if there are none.
pub(crate) fn highest_number(tickets: &[TicketWrite]) -> u64 {
    let opened = tickets.iter().filter(|write| write.expected == 0);
    opened.map(|write| write.snapshot.number.value).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::kinds::{ALL, THREAD};
    use crate::store::{Content, Expected};
    use crate::time::{DateTime, Utc};

    #[test]
    fn a_due_time_on_a_kind_that_is_never_due_is_refused() {
        assert!(!THREAD.may_be_due());
        for kind in ALL {
            let due = Content::new([]).due(DateTime::<Utc>::UNIX_EPOCH);
            for (content, refused) in [(Content::new([]), false), (due, !kind.may_be_due())] {
                let commit = Commit::from_iter([RecordWrite::put(*kind, "k", Expected::Absent, content)]);
                assert_eq!(commit.into_parts().is_err(), refused, "{kind:?}");
            }
        }
    }
}

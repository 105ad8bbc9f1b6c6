//! The kinds of records of this crate, and the form of their facts.
//!
//! Facts of kinds that plain commands write are binary, and the codes of these kinds have one letter: both keep the write-ahead
//! log small.

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::store::handling::{Erasure, Export, Handling, Moving, PersonalData, Retention};
use crate::store::read::Read;
use crate::store::record::{Changes, Content, Expected, Index, Record, RecordKind, RecordRange, RecordWrite};

/// Which versions of a definition there are. The key is the name of the [`DefinitionKind`].
pub const ADOPTION: RecordKind =
    RecordKind::new("a", "list of adopted versions", Changes::Appended, Handling::IMPERSONAL);

/// The text of a definition. The key is its hash.
pub const DEFINITION: RecordKind = RecordKind::new("d", "definition", Changes::Never, Handling::IMPERSONAL);

/// The receipt of a command with an idempotency key, under that key. The second index key is the hour in which it expires.
pub const RECEIPT: RecordKind =
    RecordKind::new("r", "idempotency key", Changes::Replaced, keyed(Retention::UntilDone));

/// The ticket to which a thread leads, under the thread's key.
pub const THREAD: RecordKind = RecordKind::new("t", "thread", Changes::Replaced, keyed(Retention::Ticket));

/// The ticket that another system calls by a name, under that name.
pub const EXTERNAL_NAME: RecordKind =
    RecordKind::new("x", "external name", Changes::Replaced, keyed(Retention::Ticket));

/// Every kind of this crate.
pub const ALL: &[RecordKind] = &[ADOPTION, DEFINITION, RECEIPT, THREAD, EXTERNAL_NAME];

/// The key may name a person.
const fn keyed(retention: Retention) -> Handling {
    Handling {
        personal: PersonalData::Key,
        erasure: Erasure::RowGoes,
        export: Export::No,
        moving: Moving::Copied,
        retention,
    }
}

fn corrupt(kind: RecordKind) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored {} cannot be read", kind.name()))
}

/// Reads bytes from the front.
struct Bytes<'b>(&'b [u8], RecordKind);

impl<'b> Bytes<'b> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(|| corrupt(self.1))?;
        self.0 = rest;
        Ok(*head)
    }

    fn instant(&mut self) -> Result<DateTime<Utc>> {
        let kind = self.1;
        let micros = i64::from_be_bytes(self.take()?);
        DateTime::from_timestamp_micros(micros).ok_or_else(|| corrupt(kind))
    }

    fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(corrupt(self.1)) }
    }
}

/// The facts of a record that leads to a ticket: the 16 bytes of its id.
pub(crate) fn leads_to(ticket: TicketId) -> Content {
    Content::new(*ticket.as_uuid().as_bytes())
}

/// The ticket to which a record leads.
pub(crate) fn ticket_of(kind: RecordKind, record: &Record) -> Result<TicketId> {
    let mut bytes = Bytes(&record.content.facts, kind);
    let id = uuid::Uuid::from_bytes(bytes.take()?);
    bytes.end()?;
    Ok(id.into())
}

/// The write that lets a record lead to a ticket, in place of what was read.
pub(crate) fn led(kind: RecordKind, key: String, before: Option<&Record>, ticket: TicketId) -> RecordWrite {
    RecordWrite::put(kind, key, expected(before), leads_to(ticket))
}

/// What a write expects that replaces what was read.
pub(crate) fn expected(before: Option<&Record>) -> Expected {
    before.map_or(Expected::Absent, |record| Expected::Version(record.version))
}

/// The facts of a [`RECEIPT`]: enough to return the first result of a repeated command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptReceipt {
    /// The request's fingerprint: the same key with another request is refused.
    pub(crate) request: Fingerprint,
    /// The ticket.
    pub(crate) ticket: TicketId,
    /// Its version before the command.
    pub(crate) before: u64,
    /// Its version after the command.
    pub(crate) after: u64,
    /// Until when the receipt counts.
    pub(crate) expires: DateTime<Utc>,
}

impl KeptReceipt {
    pub(crate) fn read(record: &Record) -> Result<KeptReceipt> {
        let mut bytes = Bytes(&record.content.facts, RECEIPT);
        let receipt = KeptReceipt {
            request: Fingerprint::from_bytes(bytes.take()?),
            ticket: uuid::Uuid::from_bytes(bytes.take()?).into(),
            before: u64::from_be_bytes(bytes.take()?),
            after: u64::from_be_bytes(bytes.take()?),
            expires: bytes.instant()?,
        };
        bytes.end()?;
        Ok(receipt)
    }

    pub(crate) fn content(&self) -> Content {
        let mut facts = Vec::with_capacity(72);
        facts.extend_from_slice(self.request.as_bytes());
        facts.extend_from_slice(self.ticket.as_uuid().as_bytes());
        facts.extend_from_slice(&self.before.to_be_bytes());
        facts.extend_from_slice(&self.after.to_be_bytes());
        facts.extend_from_slice(&self.expires.timestamp_micros().to_be_bytes());
        // The hour at whose end it has expired for certain.
        Content::new(facts).indexed(Index::Second, hour(self.expires.timestamp_micros().div_euclid(HOUR)))
    }

    /// The receipts of a desk that have expired by an instant, but for those of the last hour.
    pub(crate) fn expired(now: DateTime<Utc>, limit: usize) -> RecordRange {
        let last = hour(now.timestamp_micros().div_euclid(HOUR) - 1);
        RecordRange::by_index(RECEIPT, Index::Second).until(std::ops::Bound::Included(last)).limit(limit)
    }
}

/// Microseconds.
const HOUR: i64 = 3_600_000_000;

/// An hour since 1970 as an index key of fixed width. Before 1970 and after the year 3883 all hours are one.
fn hour(hours: i64) -> String {
    format!("{:06x}", hours.clamp(0, 0xff_ffff))
}

/// The read of a definition's text.
pub(crate) fn definition(hash: Fingerprint) -> Read {
    Read::record(DEFINITION, hash.to_string())
}

/// The write of a definition's text that is not stored yet.
pub(crate) fn define(hash: Fingerprint, text: &str) -> RecordWrite {
    RecordWrite::put(DEFINITION, hash.to_string(), Expected::Any, Content::new(text))
}

/// The text of a definition.
pub(crate) fn text_of(record: &Record) -> Result<&str> {
    std::str::from_utf8(&record.content.facts).map_err(|error| corrupt(DEFINITION).caused_by(error))
}

/// All adopted versions of a definition, the first one first: the facts of an [`ADOPTION`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Adoptions {
    kind: DefinitionKind,
    versions: Vec<(DateTime<Utc>, Fingerprint)>,
}

impl Adoptions {
    pub(crate) fn read(kind: DefinitionKind, record: Option<&Record>) -> Result<Adoptions> {
        let facts = record.map_or(&[][..], |record| &record.content.facts);
        let (mut bytes, mut versions) = (Bytes(facts, ADOPTION), Vec::with_capacity(facts.len() / 40));
        while !bytes.0.is_empty() {
            versions.push((bytes.instant()?, Fingerprint::from_bytes(bytes.take()?)));
        }
        Ok(Adoptions { kind, versions })
    }

    fn at(&self, place: usize) -> Option<Adoption> {
        let (from, hash) = *self.versions.get(place)?;
        Some(Adoption { kind: self.kind, version: place as u64 + 1, from, hash })
    }

    /// The version in force at an instant: of those that hold by then the one that was adopted last.
    pub(crate) fn in_force(&self, at: DateTime<Utc>) -> Option<Adoption> {
        self.at(self.versions.iter().rposition(|(from, _)| *from <= at)?)
    }

    /// The version that was adopted last, whether it holds yet or not.
    pub(crate) fn newest(&self) -> Option<Adoption> {
        self.at(self.versions.len().checked_sub(1)?)
    }

    /// The write that adds a version.
    pub(crate) fn adopt(mut self, from: DateTime<Utc>, hash: Fingerprint) -> RecordWrite {
        let expected = match self.versions.len() as u64 {
            0 => Expected::Absent,
            version => Expected::Version(version),
        };
        self.versions.push((from, hash));
        let bytes = |(from, hash): &(DateTime<Utc>, Fingerprint)| {
            from.timestamp_micros().to_be_bytes().into_iter().chain(*hash.as_bytes())
        };
        let facts: Vec<u8> = self.versions.iter().flat_map(bytes).collect();
        RecordWrite::put(ADOPTION, self.kind.as_str(), expected, Content::new(facts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_603_600 + seconds, 0).unwrap()
    }

    fn stored(write: RecordWrite, version: u64) -> Record {
        Record { key: write.key, version, content: write.content.unwrap() }
    }

    #[test]
    fn the_version_in_force_is_the_last_adopted_one_that_holds_already() {
        let kind = DefinitionKind::Policy;
        // Version 3 holds from an earlier date than version 2 and so overrules it from the beginning; 4 is yet to come.
        let starts = [0, 100, 50, 1_000];
        let mut record = None;
        for (count, start) in (1_u64..).zip(starts) {
            let before = Adoptions::read(kind, record.as_ref()).unwrap();
            assert_eq!(before.newest().map(|it| it.version), (count > 1).then_some(count - 1));
            let write = before.adopt(at(start), Fingerprint::of(count.to_string()));
            assert_eq!(write.expected, expected(record.as_ref()));
            record = Some(stored(write, count));
            let adopted = Adoptions::read(kind, record.as_ref()).unwrap();
            for instant in [-1, 0, 1, 49, 50, 51, 99, 100, 101, 999, 1_000, 9_999] {
                let known = (1..).zip(&starts[..count as usize]);
                let wanted = known.rev_find(|start| *start <= instant);
                let found = adopted.in_force(at(instant));
                assert_eq!(found.map(|it| it.version), wanted, "second {instant} after {count}");
                assert!(found.is_none_or(|it| it.hash == Fingerprint::of(it.version.to_string())));
            }
        }
    }

    trait RevFind {
        fn rev_find(self, holds: impl Fn(&i64) -> bool) -> Option<u64>;
    }

    impl<'a, I: Iterator<Item = (u64, &'a i64)>> RevFind for I {
        fn rev_find(self, holds: impl Fn(&i64) -> bool) -> Option<u64> {
            self.filter(|(_, start)| holds(start)).last().map(|(version, _)| version)
        }
    }

    #[test]
    fn a_receipt_comes_back_and_is_listed_within_two_hours_of_its_expiry() {
        for micros in [0, 1, 3_599_999_999, 3_600_000_000] {
            let expires = at(0) + TimeDelta::microseconds(micros);
            let (request, ticket) = (Fingerprint::of("it"), uuid::Uuid::from_u128(7).into());
            let kept = KeptReceipt { request, ticket, before: 3, after: 5, expires };
            let record = Record { key: "k".to_owned(), version: 1, content: kept.content() };
            assert_eq!(KeptReceipt::read(&record).unwrap(), kept);
            assert!(!KeptReceipt::expired(expires, 9).contains(&record), "it still counts");
            assert!(KeptReceipt::expired(expires + TimeDelta::hours(2), 9).contains(&record));
            let mut short = record.clone();
            short.content.facts.pop();
            assert_eq!(KeptReceipt::read(&short).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}

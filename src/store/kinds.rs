//! The kinds of records of this crate, and the form of their facts.
//!
//! Facts of kinds that plain commands write are binary, and the codes of these kinds have one letter: both keep the write-ahead
//! log small.

use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::store::handling::{Erasure, Export, Handling, Moving, PersonalData, Retention};
use crate::store::read::Read;
use crate::store::record::{
    Changes, Content, Expected, Index, Record, RecordKind, RecordPlace, RecordRange, RecordWrite,
};
use crate::ticket::kind::{Link, LinkKind};

/// Which versions of a definition there are. The key is the name of the [`DefinitionKind`].
pub const ADOPTION: RecordKind =
    RecordKind::new("a", "list of adopted versions", Changes::Appended, Handling::IMPERSONAL);

/// The text of a definition. The key is its hash.
pub const DEFINITION: RecordKind = RecordKind::new("d", "definition", Changes::Never, Handling::IMPERSONAL);

/// The receipt of a command with an idempotency key, under that key. The second index key is the instant at which it expires.
pub const RECEIPT: RecordKind =
    RecordKind::new("r", "idempotency key", Changes::Replaced, keyed(Retention::UntilDone));

/// The ticket to which a thread leads, under the thread's key.
pub const THREAD: RecordKind = RecordKind::new("t", "thread", Changes::Replaced, keyed(Retention::Ticket));

/// The ticket that another system calls by a name, under that name.
pub const EXTERNAL_NAME: RecordKind =
    RecordKind::new("x", "external name", Changes::Replaced, keyed(Retention::Ticket));

/// A link that leads to a ticket from another one. The key is the ticket, the kind of link and the other ticket.
pub const LINK: RecordKind = RecordKind::new("l", "link", Changes::Never, LINKING);

/// Every kind of this crate.
pub const ALL: &[RecordKind] = &[ADOPTION, DEFINITION, RECEIPT, THREAD, EXTERNAL_NAME, LINK];

/// The tickets at the other ends have the links too.
const LINKING: Handling = Handling {
    personal: PersonalData::None,
    erasure: Erasure::Nothing,
    export: Export::WithTicket,
    moving: Moving::Rebuilt,
    retention: Retention::Ticket,
};

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

    /// A number as [`push_number`] writes it.
    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for place in 0..10 {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << (place * 7);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(corrupt(self.1))
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

/// The write that adds or takes away a link of a ticket, found from its other end.
///
/// Whichever of the two it is seen from, the key is that of the ticket to which the [own](LinkKind::is_own) direction leads.
pub(crate) fn set_link(from: TicketId, link: Link, linked: bool) -> RecordWrite {
    let (to, kind, from) = match link.kind.is_own() {
        true => (link.to, link.kind, from),
        false => (from, link.kind.inverse(), link.to),
    };
    let key = format!("{}{}", links_to(to, kind), from.as_uuid().simple());
    match linked {
        true => RecordWrite::put(LINK, key, Expected::Any, Content::new([])),
        false => RecordWrite::delete(LINK, key, Expected::Any),
    }
}

/// How the keys of the links of a kind that lead to a ticket begin.
fn links_to(to: TicketId, kind: LinkKind) -> String {
    format!("{}{}", to.as_uuid().simple(), letter_of(kind))
}

/// How a kind of link is written in keys. Only the ticket's own kinds are.
const fn letter_of(kind: LinkKind) -> char {
    match kind {
        LinkKind::CausedBy | LinkKind::CauseOf => 'c',
        LinkKind::DuplicateOf | LinkKind::DuplicatedBy => 'd',
        LinkKind::FollowUpOf | LinkKind::FollowedUpBy => 'f',
        LinkKind::ChildOf | LinkKind::ParentOf => 'p',
    }
}

/// The links of other tickets that lead to a ticket, after one of them, at most so many.
pub(crate) fn incoming_links(to: TicketId, after: Option<Link>, limit: usize) -> RecordRange {
    let all = RecordRange::by_key(LINK).starting_with(to.as_uuid().simple().to_string()).limit(limit);
    match after {
        Some(after) => {
            let key = format!("{}{}", links_to(to, after.kind.inverse()), after.to.as_uuid().simple());
            all.after(RecordPlace { index: String::new(), key })
        }
        None => all,
    }
}

/// The link in a record of [`incoming_links`], seen from the ticket to which it leads.
pub(crate) fn incoming_link(record: &Record) -> Result<Link> {
    let rest = record.key.get(32..).and_then(|rest| rest.split_at_checked(1));
    let (kind, id) = rest.ok_or_else(|| corrupt(LINK))?;
    let kind = match kind {
        "c" => LinkKind::CauseOf,
        "d" => LinkKind::DuplicatedBy,
        "f" => LinkKind::FollowedUpBy,
        "p" => LinkKind::ParentOf,
        _ => return Err(corrupt(LINK)),
    };
    let to = uuid::Uuid::try_parse(id).map_err(|error| corrupt(LINK).caused_by(error))?;
    Ok(Link { kind, to: to.into() })
}

/// What a write expects that replaces what was read.
pub(crate) fn expected(before: Option<&Record>) -> Expected {
    before.map_or(Expected::Absent, |record| Expected::Version(record.version))
}

/// The first half of a request's fingerprint. That two requests under one key have the same is as good as impossible, and every
/// byte of a receipt costs a part of the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestMark([u8; 16]);

impl From<Fingerprint> for RequestMark {
    fn from(request: Fingerprint) -> RequestMark {
        let mut mark = [0; 16];
        mark.copy_from_slice(&request.as_bytes()[..16]);
        RequestMark(mark)
    }
}

/// The facts of a [`RECEIPT`]: enough to return the first result of a repeated command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptReceipt {
    /// The mark of the request: the same key with another request is refused.
    pub(crate) request: RequestMark,
    /// The ticket.
    pub(crate) ticket: TicketId,
    /// Its version before the command.
    pub(crate) before: u64,
    /// Its version after the command.
    pub(crate) after: u64,
    /// Until when the receipt counts, in whole milliseconds.
    pub(crate) expires: DateTime<Utc>,
}

impl KeptReceipt {
    pub(crate) fn read(record: &Record) -> Result<KeptReceipt> {
        let mut bytes = Bytes(&record.content.facts, RECEIPT);
        let expires = record.content.index(Index::Second).and_then(instant_of);
        let receipt = KeptReceipt {
            request: RequestMark(bytes.take()?),
            ticket: uuid::Uuid::from_bytes(bytes.take()?).into(),
            before: bytes.number()?,
            after: bytes.number()?,
            expires: expires.ok_or_else(|| corrupt(RECEIPT))?,
        };
        bytes.end()?;
        Ok(receipt)
    }

    pub(crate) fn content(&self) -> Content {
        let mut facts = Vec::with_capacity(36);
        facts.extend_from_slice(&self.request.0);
        facts.extend_from_slice(self.ticket.as_uuid().as_bytes());
        push_number(&mut facts, self.before);
        push_number(&mut facts, self.after);
        Content::new(facts).indexed(Index::Second, sortable(self.expires))
    }

    /// The receipts of a desk that expired before an instant.
    pub(crate) fn expired(now: DateTime<Utc>, limit: usize) -> RecordRange {
        RecordRange::by_index(RECEIPT, Index::Second).until(Bound::Excluded(sortable(now))).limit(limit)
    }
}

/// The 64 digits of sortable keys, in the order of their bytes.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// How many digits an instant has: enough for the milliseconds of chrono's whole range.
const WIDTH: u32 = 9;

/// An instant as an index key of fixed width, which sorts as instants do. It is rounded up to a millisecond.
fn sortable(at: DateTime<Utc>) -> String {
    let whole = at.timestamp_millis();
    let above = i64::from(at.timestamp_subsec_nanos() % 1_000_000 > 0);
    let millis = (whole + above - DateTime::<Utc>::MIN_UTC.timestamp_millis()).cast_unsigned();
    (0..WIDTH).rev().map(|place| char::from(DIGITS[(millis >> (place * 6) & 63) as usize])).collect()
}

/// The instant of a sortable key. The millisecond after the last one is the end of chrono's range, rounded up.
fn instant_of(key: &str) -> Option<DateTime<Utc>> {
    if key.len() != WIDTH as usize {
        return None;
    }
    let digit = |sum: u64, byte: u8| Some(sum << 6 | DIGITS.binary_search(&byte).ok()? as u64);
    let millis = key.bytes().try_fold(0, digit)?.cast_signed() + DateTime::<Utc>::MIN_UTC.timestamp_millis();
    let end = DateTime::<Utc>::MAX_UTC;
    let rounded_up = (millis == end.timestamp_millis() + 1).then_some(end);
    DateTime::from_timestamp_millis(millis).or(rounded_up)
}

/// Writes a number in as few bytes as it needs, seven bits in each.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
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
    fn a_receipt_comes_back_and_is_listed_once_it_has_expired() {
        let versions = [(0, 1), (3, 5), (127, 128), (16_383, 16_384), (u64::MAX - 1, u64::MAX)];
        for (before, after) in versions {
            for millis in [0, 1, 3_600_000] {
                let expires = at(0) + TimeDelta::milliseconds(millis);
                let (request, ticket) = (Fingerprint::of("it").into(), uuid::Uuid::from_u128(7).into());
                let kept = KeptReceipt { request, ticket, before, after, expires };
                let record = Record { key: "k".to_owned(), version: 1, content: kept.content() };
                assert_eq!(KeptReceipt::read(&record).unwrap(), kept);
                assert!(!KeptReceipt::expired(expires, 9).contains(&record), "it still counts");
                let later = expires + TimeDelta::milliseconds(1);
                assert!(KeptReceipt::expired(later, 9).contains(&record));
                let mut short = record.clone();
                short.content.facts.pop();
                assert_eq!(KeptReceipt::read(&short).unwrap_err().kind(), ErrorKind::Corrupt);
                let mut long = record.clone();
                long.content.facts.push(0);
                assert_eq!(KeptReceipt::read(&long).unwrap_err().kind(), ErrorKind::Corrupt);
            }
        }
    }

    #[test]
    fn sortable_keys_sort_as_their_instants_do() {
        assert!(DIGITS.is_sorted());
        let (first, last) =
            (DateTime::<Utc>::MIN_UTC.timestamp_millis(), DateTime::<Utc>::MAX_UTC.timestamp_millis());
        let millis = [first, first + 1, -64, -1, 0, 1, 63, 64, 4_095, 1 << 40, (1 << 40) + 1, last];
        let instants = millis.map(|it| DateTime::from_timestamp_millis(it).unwrap());
        let keys = instants.map(sortable);
        assert!(keys.is_sorted() && keys.iter().all(|key| key.len() == WIDTH as usize), "{keys:?}");
        for (key, instant) in keys.iter().zip(instants) {
            assert_eq!(instant_of(key), Some(instant));
        }
        for (key, instant) in keys.iter().zip(instants).skip(1) {
            assert_eq!(sortable(instant - TimeDelta::microseconds(999)), *key);
        }
        let end = sortable(DateTime::<Utc>::MAX_UTC);
        assert!(end > keys[11]);
        assert_eq!(instant_of(&end), Some(DateTime::<Utc>::MAX_UTC));
        for other in ["", "é", "zzzzzzzzzzzzzzz", "not a key!"] {
            assert_ne!(instant_of(other).map(sortable).as_deref(), Some(other));
        }
    }
}

//! The record kinds of this crate, and the format of their facts.
//!
//! The kinds that ordinary commands write have binary facts and codes of one letter. Both keep the write-ahead log
//! small.

#[cfg(test)]
mod tests;

use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::store::data_policy::{DataPolicy, DeskTransfer, Erasure, PersonalData, Retention};
use crate::store::read::Read;
use crate::store::record::{
    Changes, Content, Expected, Index, Record, RecordCursor, RecordKind, RecordRange, RecordWrite,
};
use crate::ticket::kind::{Link, LinkKind};

/// The adopted versions of a definition. The key is the name of the kind of definition; archived versions have the same
/// key followed by ` earlier`.
pub const ADOPTION: RecordKind =
    RecordKind::new("a", "list of adopted versions", Changes::Appended, DataPolicy::IMPERSONAL).never_due();

/// The text of a definition. The key is its hash.
pub const DEFINITION: RecordKind =
    RecordKind::new("d", "definition", Changes::Never, DataPolicy::IMPERSONAL).never_due();

/// The receipt of a command with an idempotency key, under that key. The second index key is the instant at which it
/// expires.
pub const RECEIPT: RecordKind =
    RecordKind::new("r", "idempotency key", Changes::Replaced, keyed(Retention::UntilDone)).never_due();

/// The ticket of a thread, under the thread's key.
pub const THREAD: RecordKind =
    RecordKind::new("t", "thread", Changes::Replaced, keyed(Retention::Ticket)).never_due();

/// The ticket that has a name in another system, under that name.
pub const EXTERNAL_NAME: RecordKind =
    RecordKind::new("x", "external name", Changes::Replaced, keyed(Retention::Ticket)).never_due();

/// A link from another ticket to a ticket. The key is the ticket, the kind of link and the other ticket.
pub const LINK: RecordKind = RecordKind::new("l", "link", Changes::Never, LINKING).never_due();

/// An adopted version of the agreements to which the clocks of open tickets have to migrate. It is due when the version
/// comes into force, and is deleted when all clocks have migrated. The key is the number of the version.
pub const MIGRATION: RecordKind =
    RecordKind::new("m", "migration of clocks", Changes::Replaced, DataPolicy::IMPERSONAL);

/// Every record kind of this crate.
pub const ALL: &[RecordKind] = &[ADOPTION, DEFINITION, RECEIPT, THREAD, EXTERNAL_NAME, LINK, MIGRATION];

/// Rebuilt on moving, because the tickets at the other ends contain the links too.
const LINKING: DataPolicy = DataPolicy {
    personal: PersonalData::None,
    erasure: Erasure::Nothing,
    exported: true,
    transfer: DeskTransfer::Rebuilt,
    retention: Retention::Ticket,
};

/// The treatment of a kind with keys that may name a person.
const fn keyed(retention: Retention) -> DataPolicy {
    DataPolicy {
        personal: PersonalData::Key,
        erasure: Erasure::RemoveRow,
        exported: false,
        transfer: DeskTransfer::Copied,
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

    /// Reads a number as [`push_number`] writes it.
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

/// Returns the facts of a record that points to a ticket: the 16 bytes of the ticket's id.
pub(crate) fn ticket_facts(ticket: TicketId) -> Content {
    Content::new(*ticket.as_uuid().as_bytes())
}

/// Returns the ticket that a record points to.
pub(crate) fn ticket_of(kind: RecordKind, record: &Record) -> Result<TicketId> {
    let mut bytes = Bytes(&record.content.facts, kind);
    let id = uuid::Uuid::from_bytes(bytes.take()?);
    bytes.end()?;
    Ok(id.into())
}

/// Returns the write that makes a record point to a ticket. `before` is the record as it was read.
pub(crate) fn point_to(
    kind: RecordKind,
    key: String,
    before: Option<&Record>,
    ticket: TicketId,
) -> RecordWrite {
    RecordWrite::put(kind, key, expected(before), ticket_facts(ticket))
}

/// Returns the write that adds or removes the record of a link.
///
/// Both ends of a link give the same key: it begins with the target of the [own](LinkKind::is_own) direction.
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

/// Returns the prefix of the keys of all links of a kind to a ticket.
fn links_to(to: TicketId, kind: LinkKind) -> String {
    format!("{}{}", to.as_uuid().simple(), letter_of(kind))
}

/// Returns the letter of a kind of link in keys. Both directions have the letter of the own direction.
const fn letter_of(kind: LinkKind) -> char {
    match kind {
        LinkKind::CausedBy | LinkKind::CauseOf => 'c',
        LinkKind::DuplicateOf | LinkKind::DuplicatedBy => 'd',
        LinkKind::FollowUpOf | LinkKind::FollowedUpBy => 'f',
        LinkKind::Mentions | LinkKind::MentionedBy => 'm',
        LinkKind::ChildOf | LinkKind::ParentOf => 'p',
    }
}

/// Returns the range of up to `limit` links from other tickets to a ticket, after a given link.
pub(crate) fn incoming_links(to: TicketId, after: Option<Link>, limit: usize) -> RecordRange {
    let all = RecordRange::by_key(LINK).starting_with(to.as_uuid().simple().to_string()).limit(limit);
    match after {
        Some(after) => {
            let key = format!("{}{}", links_to(to, after.kind.inverse()), after.to.as_uuid().simple());
            all.after(RecordCursor { index: String::new(), key })
        }
        None => all,
    }
}

/// Returns the range of the newest follow-ups of a ticket, the newest first.
pub(crate) fn newest_follow_ups(of: TicketId, limit: usize) -> RecordRange {
    RecordRange::by_key(LINK).starting_with(links_to(of, LinkKind::FollowUpOf)).descending().limit(limit)
}

/// Returns the link in a record of [`incoming_links`], seen from its target.
pub(crate) fn incoming_link(record: &Record) -> Result<Link> {
    let rest = record.key.get(32..).and_then(|rest| rest.split_at_checked(1));
    let (kind, id) = rest.ok_or_else(|| corrupt(LINK))?;
    let kind = match kind {
        "c" => LinkKind::CauseOf,
        "d" => LinkKind::DuplicatedBy,
        "f" => LinkKind::FollowedUpBy,
        "m" => LinkKind::MentionedBy,
        "p" => LinkKind::ParentOf,
        _ => return Err(corrupt(LINK)),
    };
    let to = uuid::Uuid::try_parse(id).map_err(|error| corrupt(LINK).caused_by(error))?;
    Ok(Link { kind, to: to.into() })
}

/// Returns the condition of a write that replaces the record as it was read.
pub(crate) fn expected(before: Option<&Record>) -> Expected {
    before.map_or(Expected::Absent, |record| Expected::Version(record.version))
}

/// The first half of a request's fingerprint.
///
/// Half is enough, because two different requests practically never share it. Every byte of a receipt adds to the
/// write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestMark([u8; 16]);

impl From<Fingerprint> for RequestMark {
    fn from(request: Fingerprint) -> RequestMark {
        let mut mark = [0; 16];
        mark.copy_from_slice(&request.as_bytes()[..16]);
        RequestMark(mark)
    }
}

/// The facts of a [`RECEIPT`]: enough to return the first result to a repeated command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeptReceipt {
    /// The mark of the request. Another request with the same key is refused.
    pub(crate) request: RequestMark,
    /// The ticket.
    pub(crate) ticket: TicketId,
    /// The ticket's version before the command.
    pub(crate) before: u64,
    /// The ticket's version after the command.
    pub(crate) after: u64,
    /// The instant at which the receipt expires, in whole milliseconds.
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

    /// Returns the range of receipts of a desk that expired before an instant.
    pub(crate) fn expired(now: DateTime<Utc>, limit: usize) -> RecordRange {
        RecordRange::by_index(RECEIPT, Index::Second).until(Bound::Excluded(sortable(now))).limit(limit)
    }
}

/// The 64 digits of sortable keys, in the order of their bytes.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";

/// The number of digits of an instant: enough for the milliseconds of chrono's whole range.
const WIDTH: u32 = 9;

/// Formats an instant as an index key of fixed width. The keys sort like the instants. The instant is rounded up to
/// whole milliseconds.
fn sortable(at: DateTime<Utc>) -> String {
    let whole = at.timestamp_millis();
    let above = i64::from(!at.timestamp_subsec_nanos().is_multiple_of(1_000_000));
    let millis = (whole + above - DateTime::<Utc>::MIN_UTC.timestamp_millis()).cast_unsigned();
    (0..WIDTH).rev().map(|place| char::from(DIGITS[(millis >> (place * 6) & 63) as usize])).collect()
}

/// Parses a sortable key. The end of chrono's range is rounded up to a millisecond outside the range; that key is
/// parsed as the end.
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

/// Writes a number in base 128, in as few bytes as possible.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Returns the write that makes the clocks of open tickets migrate to the agreements of this version. The order of the
/// keys is the order of the versions, and so of their due instants.
pub(crate) fn migrate_clocks(adoption: &Adoption) -> RecordWrite {
    let key = format!("{:020}", adoption.version);
    RecordWrite::put(MIGRATION, key, Expected::Any, Content::new([]).due(adoption.from))
}

/// Returns the read of a definition's text.
pub(crate) fn definition(hash: Fingerprint) -> Read {
    Read::record(DEFINITION, hash.to_string())
}

/// Returns the write of a definition's text. Writing the same text again changes nothing, because the key is its hash.
pub(crate) fn define(hash: Fingerprint, text: &str) -> RecordWrite {
    RecordWrite::put(DEFINITION, hash.to_string(), Expected::Any, Content::new(text))
}

/// Returns the text of a definition.
pub(crate) fn text_of(record: &Record) -> Result<&str> {
    std::str::from_utf8(&record.content.facts).map_err(|error| corrupt(DEFINITION).caused_by(error))
}

/// An adopted version: the instant from which it applies, the instant from which its agreements apply, and its hash.
type AdoptionEntry = [u8; 48];

/// The newest adopted versions of a definition, in the order of adoption: the facts of an [`ADOPTION`].
///
/// Every command reads this record. To keep it small, outdated versions are moved to an archive, a separate record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Adoptions<'r> {
    kind: DefinitionKind,
    /// True if a version, archived or not, lets clocks migrate to later ones.
    migrates: bool,
    /// The number of archived versions.
    earlier: u64,
    entries: &'r [AdoptionEntry],
    /// The condition of a write that replaces the record.
    stored: Expected,
}

/// The minimum number of versions already in effect that stay outside the archive.
const KEPT: usize = 16;

/// Returns the key of the archive.
pub(crate) fn earlier_adoptions(kind: DefinitionKind) -> String {
    format!("{} earlier", kind.as_str())
}

impl<'r> Adoptions<'r> {
    pub(crate) fn read(kind: DefinitionKind, record: Option<&'r Record>) -> Result<Adoptions<'r>> {
        let stored = expected(record);
        let Some(record) = record else {
            return Ok(Adoptions { kind, migrates: false, earlier: 0, entries: &[], stored });
        };
        let mut bytes = Bytes(&record.content.facts, ADOPTION);
        // The number of archived versions, twice, plus one if clocks migrate.
        let head = bytes.number()?;
        let (earlier, migrates) = (head >> 1, head & 1 == 1);
        let (entries, rest) = bytes.0.as_chunks();
        if rest.is_empty() {
            Ok(Adoptions { kind, migrates, earlier, entries, stored })
        } else {
            Err(corrupt(ADOPTION))
        }
    }

    /// Reads the archived versions from their record.
    pub(crate) fn earlier<'e>(&self, record: Option<&'e Record>) -> Result<Adoptions<'e>> {
        let earlier = Adoptions::read(self.kind, record)?;
        let complete = earlier.is_complete() && earlier.entries.len() as u64 == self.earlier;
        if complete { Ok(earlier) } else { Err(corrupt(ADOPTION)) }
    }

    /// True if a version lets clocks migrate to later ones. Open clocks may still be pinned to it.
    pub(crate) fn migrates(&self) -> bool {
        self.migrates
    }

    /// True if no version is archived.
    pub(crate) fn is_complete(&self) -> bool {
        self.earlier == 0
    }

    fn at(&self, place: usize) -> Result<Option<Adoption>> {
        let Some(entry) = self.entries.get(place) else { return Ok(None) };
        let mut bytes = Bytes(entry, ADOPTION);
        let (from, agreements_from) = (bytes.instant()?, bytes.instant()?);
        Ok(Some(Adoption {
            version: self.earlier + place as u64 + 1,
            from,
            agreements_from,
            hash: Fingerprint::from_bytes(bytes.take()?),
        }))
    }

    /// Returns the number of versions up to and including the version in force at an instant: the last adopted version
    /// that applies by then.
    fn up_to(&self, at: DateTime<Utc>) -> Result<usize> {
        for (place, entry) in self.entries.iter().enumerate().rev() {
            if Bytes(entry, ADOPTION).instant()? <= at {
                return Ok(place + 1);
            }
        }
        Ok(0)
    }

    /// Returns the version in force at an instant. Returns `None` if that version is in the archive, or if no version
    /// applies yet.
    pub(crate) fn in_force(&self, at: DateTime<Utc>) -> Result<Option<Adoption>> {
        self.up_to(at)?.checked_sub(1).map_or(Ok(None), |place| self.at(place))
    }

    /// Returns the version in force just before `from`, if it is not in the archive, and the versions that came into
    /// force from then until `until`, inclusive.
    pub(crate) fn between(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Result<Vec<Adoption>> {
        let mut versions = Vec::new();
        for place in (0..self.up_to(until)?).rev() {
            versions.extend(self.at(place)?);
            if versions.last().is_some_and(|version| version.from < from) {
                break;
            }
        }
        versions.reverse();
        Ok(versions)
    }

    /// Returns the versions that come into force after an instant, in the order of adoption.
    pub(crate) fn planned(&self, at: DateTime<Utc>) -> Result<Vec<Adoption>> {
        let mut planned = Vec::new();
        for place in self.up_to(at)?..self.entries.len() {
            planned.extend(self.at(place)?);
        }
        Ok(planned)
    }

    /// Returns the version that was adopted last, even if it does not apply yet.
    pub(crate) fn newest(&self) -> Result<Option<Adoption>> {
        self.entries.len().checked_sub(1).map_or(Ok(None), |place| self.at(place))
    }

    /// Returns the number of versions to archive. It is 0 until there are enough to be worth a write.
    pub(crate) fn outdated(&self, now: DateTime<Utc>) -> Result<usize> {
        let held = self.up_to(now)?;
        Ok(if held < 2 * KEPT { 0 } else { held - KEPT })
    }

    /// Returns the write that adds the oldest versions to the archive.
    pub(crate) fn archive(&self, outdated: usize, earlier: Option<&Record>) -> RecordWrite {
        let mut facts = earlier.map_or_else(|| vec![0], |record| record.content.facts.clone());
        facts.extend(self.entries.iter().take(outdated).flatten());
        RecordWrite::put(ADOPTION, earlier_adoptions(self.kind), expected(earlier), Content::new(facts))
    }

    /// Returns the write that adds a version and removes the archived ones. `migrates` is true if the version lets
    /// clocks migrate to later ones.
    pub(crate) fn adopt(&self, adoption: &Adoption, migrates: bool, outdated: usize) -> RecordWrite {
        let mut facts = Vec::new();
        let earlier = self.earlier + outdated as u64;
        push_number(&mut facts, earlier << 1 | u64::from(self.migrates || migrates));
        facts.extend(self.entries.iter().skip(outdated).flatten());
        facts.extend(adoption.from.timestamp_micros().to_be_bytes());
        facts.extend(adoption.agreements_from.timestamp_micros().to_be_bytes());
        facts.extend(adoption.hash.as_bytes());
        RecordWrite::put(ADOPTION, self.kind.as_str(), self.stored, Content::new(facts))
    }
}

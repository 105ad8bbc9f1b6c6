//! Records: rows of any kind that a store keeps without interpreting them.
//!
//! A record has a kind, a key, a version that every write increases, facts as bytes, an optional personal part, up to
//! three index keys, and an optional instant at which it is due. A new subsystem declares a [`RecordKind`]; stores do
//! not change.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind};
use crate::id::DeskId;
use crate::store::data_policy::{DataPolicy, Erasure};
use crate::time::to_micros;

/// A kind of record, with its [data policy](crate::store::DataPolicy). Kinds with the same code are equal.
///
/// ```
/// use firstline::store::{Changes, DataPolicy, RecordKind};
///
/// const DELIVERY: RecordKind = RecordKind::new("shop.delivery", "delivery", Changes::Replaced, DataPolicy::IMPERSONAL);
/// assert_eq!(DELIVERY.name(), "delivery");
/// ```
#[derive(Clone, Copy)]
pub struct RecordKind {
    code: &'static str,
    name: &'static str,
    changes: Changes,
    data_policy: DataPolicy,
    may_be_due: bool,
}

/// How records of a kind may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Changes {
    /// A write replaces the content.
    Replaced,
    /// The facts only grow. Each write replaces the content with the earlier facts followed by new ones. The writer
    /// supplies all facts, because a store does not append. If a commit gets no answer, stored facts that start with
    /// the written ones prove that the write took effect.
    Appended,
    /// Records never change: the same key always has the same content. Reading a record takes no lock.
    Never,
}

impl RecordKind {
    /// Creates a kind.
    ///
    /// The code is stored in every row and every index entry, so a short code saves space. Codes of one letter are
    /// reserved for this crate: a commit refuses them in any other kind. The code of a kind must never change; the name
    /// may.
    pub const fn new(
        code: &'static str,
        name: &'static str,
        changes: Changes,
        data_policy: DataPolicy,
    ) -> RecordKind {
        RecordKind { code, name, changes, data_policy, may_be_due: true }
    }

    /// Declares that records of this kind are never due. A read for writing then needs no lock against claims.
    pub(crate) const fn never_due(self) -> RecordKind {
        RecordKind { may_be_due: false, ..self }
    }

    pub(crate) const fn may_be_due(self) -> bool {
        self.may_be_due
    }

    /// True if both are the same declaration. Equality compares only the codes.
    pub(crate) fn is_declared_as(self, other: RecordKind) -> bool {
        (self.code, self.name, self.changes) == (other.code, other.name, other.changes)
            && self.data_policy == other.data_policy
            && self.may_be_due == other.may_be_due
    }

    /// Returns the stored code.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// Returns the name for people.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns how its records may change.
    pub const fn changes(self) -> Changes {
        self.changes
    }

    /// Returns the treatment of its personal data: erasure, export, moving and retention.
    pub const fn data_policy(self) -> DataPolicy {
        self.data_policy
    }

    /// Returns the write that erases the personal data of a record, as the kind's [data
    /// policy](RecordKind::data_policy) requires. `None` if there is nothing to erase.
    pub fn erase(self, record: &Record) -> Option<RecordWrite> {
        let (key, expected) = (record.key.as_str(), Expected::Version(record.version));
        match self.data_policy.erasure {
            Erasure::Nothing | Erasure::KeepFacts => None,
            Erasure::RemoveRow => Some(RecordWrite::delete(self, key, expected)),
            Erasure::RemovePersonalPart => {
                record.content.personal.as_ref()?;
                let content = Content { personal: None, ..record.content.clone() };
                Some(RecordWrite::put(self, key, expected, content))
            }
        }
    }

    /// Returns the error for a write with a stale expected version. It does not name the key, which may be personal.
    pub fn conflict(self) -> Error {
        Error::new(
            ErrorKind::Conflict,
            format!("another command changed the same {} at the same time", self.name),
        )
    }
}

impl PartialEq for RecordKind {
    fn eq(&self, other: &RecordKind) -> bool {
        self.code == other.code
    }
}

impl Eq for RecordKind {}

impl PartialOrd for RecordKind {
    fn partial_cmp(&self, other: &RecordKind) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RecordKind {
    fn cmp(&self, other: &RecordKind) -> Ordering {
        self.code.cmp(other.code)
    }
}

impl Hash for RecordKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.code.hash(state);
    }
}

impl fmt::Debug for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// One of the three index keys of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Index {
    /// For orders that are read page by page. Records with equal values are indexed in the order of their keys.
    First,
    /// For values that many records share.
    Second,
    /// Like [`Index::Second`].
    Third,
}

impl Index {
    /// All index keys.
    pub const ALL: [Index; 3] = [Index::First, Index::Second, Index::Third];

    fn place(self) -> usize {
        self as usize
    }
}

/// The content of a record: all of it except the key and the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Content {
    /// The facts, in the format of the kind.
    pub facts: Vec<u8>,
    /// The personal part. An empty one is stored as `None`.
    pub personal: Option<Vec<u8>>,
    /// The instant from which the record may be [claimed](crate::store::Store::claim). A claim sets it to the end of
    /// the lease.
    pub due: Option<DateTime<Utc>>,
    /// The number of claims so far.
    pub tries: u32,
    indexes: [Option<String>; 3],
}

impl Content {
    /// Creates content with only these facts.
    pub fn new(facts: impl Into<Vec<u8>>) -> Content {
        Content { facts: facts.into(), ..Content::default() }
    }

    /// Sets the personal part.
    #[must_use]
    pub fn personal(mut self, personal: impl Into<Vec<u8>>) -> Content {
        self.personal = Some(personal.into()).filter(|it| !it.is_empty());
        self
    }

    /// Sets an index key. Keys are sorted byte by byte, so write numbers and times with a fixed width.
    #[must_use]
    pub fn indexed(mut self, index: Index, key: impl Into<String>) -> Content {
        self.indexes[index.place()] = Some(key.into());
        self
    }

    /// Sets the instant at which the record is due.
    #[must_use]
    pub fn due(mut self, due: DateTime<Utc>) -> Content {
        self.due = Some(due);
        self
    }

    /// Sets the number of claims so far.
    #[must_use]
    pub fn tried(mut self, tries: u32) -> Content {
        self.tries = tries;
        self
    }

    /// Returns an index key.
    pub fn index(&self, index: Index) -> Option<&str> {
        self.indexes[index.place()].as_deref()
    }
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The key, unique within the kind and the desk.
    pub key: String,
    /// The version: 1 after the first write, increased by 1 with each further write.
    pub version: u64,
    /// The content.
    pub content: Content,
}

/// The condition of a write on the record that is stored under the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// There is no record.
    Absent,
    /// The record has this version.
    Version(u64),
    /// Like [`Version`](Expected::Version), but the write is skipped if the condition does not hold. It takes no lock
    /// on the key. A deletion also skips a record that another transaction is writing at that moment. Meant for
    /// clean-ups.
    VersionOrSkip(u64),
    /// No condition. The write takes no lock on the key. A deletion skips a record that another transaction is writing
    /// at that moment.
    Any,
}

/// The write of one record in a commit.
///
/// ```
/// use firstline::store::{Changes, Content, Expected, DataPolicy, RecordKind, RecordWrite};
///
/// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, DataPolicy::IMPERSONAL);
/// let new = RecordWrite::put(NOTE, "n-1", Expected::Absent, Content::new(*b"remember the milk"));
/// let gone = RecordWrite::delete(NOTE, "n-1", Expected::Version(1));
/// assert_eq!((new.key, gone.content), ("n-1".to_owned(), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RecordWrite {
    /// The kind.
    pub kind: RecordKind,
    /// The key.
    pub key: String,
    /// The condition on the stored record.
    pub expected: Expected,
    /// The new content; `None` deletes the record.
    pub content: Option<Content>,
}

impl RecordWrite {
    /// Creates a write of content under a key. The due instant is rounded down to whole microseconds, the precision of
    /// stores.
    pub fn put(
        kind: RecordKind,
        key: impl Into<String>,
        expected: Expected,
        mut content: Content,
    ) -> RecordWrite {
        content.due = content.due.map(to_micros);
        content.personal = content.personal.filter(|it| !it.is_empty());
        RecordWrite { kind, key: key.into(), expected, content: Some(content) }
    }

    /// Creates a deletion of the record under a key. With [`Expected::Any`] it succeeds if there is no record.
    ///
    /// A later record under the same key begins at version 1. In a kind with
    /// [claims](Claimed), do not reuse the key of a deleted record.
    pub fn delete(kind: RecordKind, key: impl Into<String>, expected: Expected) -> RecordWrite {
        RecordWrite { kind, key: key.into(), expected, content: None }
    }
}

/// A position in an order of records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordCursor {
    /// The index key; empty in the order of keys.
    pub index: String,
    /// The key of the record.
    pub key: String,
}

/// A range of the records of one kind. Records that are read in ranges should have keys that increase with time.
///
/// ```
/// use firstline::store::{Changes, DataPolicy, Index, RecordKind, RecordRange};
///
/// const ORDER: RecordKind = RecordKind::new("shop.order", "order", Changes::Replaced, DataPolicy::IMPERSONAL);
/// let page = RecordRange::by_index(ORDER, Index::First).starting_with("2026-").descending().limit(20);
/// # let _ = page;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a range does nothing until it is read"]
pub struct RecordRange {
    /// The kind.
    pub kind: RecordKind,
    /// The index key by which the range is ordered, and then by the key of the record. Records without that index key
    /// are left out. `None` orders the range by the key of the record alone.
    pub index: Option<Index>,
    /// The lower bound, on the value by which the range is ordered.
    pub from: Bound<String>,
    /// The upper bound, on the value by which the range is ordered.
    pub until: Bound<String>,
    /// True if the range is read in reverse order.
    pub descending: bool,
    /// Only records after this position. For the next page, use the position of the last record of this page.
    pub after: Option<RecordCursor>,
    /// The maximum number of records.
    pub limit: usize,
}

impl RecordRange {
    /// Creates the range of all records of a kind, by key, with a limit of 100.
    pub fn by_key(kind: RecordKind) -> RecordRange {
        RecordRange::ordered(kind, None)
    }

    /// Creates the range of all records of a kind that have this index key, with a limit of 100.
    pub fn by_index(kind: RecordKind, index: Index) -> RecordRange {
        RecordRange::ordered(kind, Some(index))
    }

    fn ordered(kind: RecordKind, index: Option<Index>) -> RecordRange {
        let (from, until) = (Bound::Unbounded, Bound::Unbounded);
        RecordRange { kind, index, from, until, descending: false, after: None, limit: 100 }
    }

    /// Sets the lower bound.
    pub fn from(mut self, from: Bound<String>) -> RecordRange {
        self.from = from;
        self
    }

    /// Sets the upper bound.
    pub fn until(mut self, until: Bound<String>) -> RecordRange {
        self.until = until;
        self
    }

    /// Selects only this value.
    pub fn equal_to(self, value: impl Into<String>) -> RecordRange {
        let value = value.into();
        self.from(Bound::Included(value.clone())).until(Bound::Included(value))
    }

    /// Selects only values with this prefix.
    pub fn starting_with(self, prefix: impl Into<String>) -> RecordRange {
        let prefix = prefix.into();
        let end = next_prefix(&prefix).map_or(Bound::Unbounded, Bound::Excluded);
        self.from(Bound::Included(prefix)).until(end)
    }

    /// Reverses the order.
    pub fn descending(mut self) -> RecordRange {
        self.descending = true;
        self
    }

    /// Sets the position after which the range begins.
    pub fn after(mut self, cursor: impl Into<Option<RecordCursor>>) -> RecordRange {
        self.after = cursor.into();
        self
    }

    /// Sets the maximum number of records.
    pub fn limit(mut self, limit: usize) -> RecordRange {
        self.limit = limit;
        self
    }

    /// Returns the record's position in this order; `None` if the record lacks the index key of the order.
    pub fn cursor_of(&self, record: &Record) -> Option<RecordCursor> {
        let index = match self.index {
            None => String::new(),
            Some(index) => record.content.index(index)?.to_owned(),
        };
        Some(RecordCursor { index, key: record.key.clone() })
    }

    /// True if the record is in this range, ignoring the kind and the limit.
    pub fn contains(&self, record: &Record) -> bool {
        let value = match self.index {
            None => Some(&*record.key),
            Some(index) => record.content.index(index),
        };
        let Some(value) = value else { return false };
        is_between(value, &self.from, &self.until)
            && self.after.as_ref().is_none_or(|after| match self.descending {
                false => self.cursor_of(record).is_some_and(|place| place > *after),
                true => self.cursor_of(record).is_some_and(|place| place < *after),
            })
    }
}

/// Returns the smallest string that is greater than every string with this prefix. Returns `None` if no string is
/// greater.
fn next_prefix(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // A range of characters skips the surrogates.
        if let Some(next) = (last..=char::MAX).nth(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

pub(crate) fn is_between(value: &str, from: &Bound<String>, until: &Bound<String>) -> bool {
    let after_from = match from {
        Bound::Included(from) => value >= from.as_str(),
        Bound::Excluded(from) => value > from.as_str(),
        Bound::Unbounded => true,
    };
    let before_until = match until {
        Bound::Included(until) => value <= until.as_str(),
        Bound::Excluded(until) => value < until.as_str(),
        Bound::Unbounded => true,
    };
    after_from && before_until
}

/// A due record of any desk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueRecord {
    /// The instant at which the record was due.
    pub due: DateTime<Utc>,
    /// The desk.
    pub desk: DeskId,
    /// The key of the record.
    pub key: String,
}

/// A claimed record.
///
/// Its version is the token of the claim, because the next claim increases it. To delete the record, give it back or
/// extend the lease, the claimant commits a [`RecordWrite`] with this expected version.
///
/// A record under a reused key begins at version 1 again, so an old token could match it. In a kind with claims, never
/// reuse the key of a deleted record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The desk.
    pub desk: DeskId,
    /// The record as the claim has left it.
    pub record: Record,
}

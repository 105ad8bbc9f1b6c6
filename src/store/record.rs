//! Records: rows of any kind, which a store keeps without knowing what they mean.
//!
//! A record has a kind, a key, a version that every write raises, facts as bytes, an optional personal part, up to three index
//! keys, and optionally an instant at which it is due. A new subsystem declares a [`RecordKind`] and changes no store.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind};
use crate::id::DeskId;
use crate::store::handling::{Erasure, Handling};
use crate::time::to_micros;

/// A kind of records, with its entry for the registry. Two kinds are equal if their codes are.
///
/// ```
/// use firstline::store::{Changes, Handling, RecordKind};
///
/// const DELIVERY: RecordKind = RecordKind::new("shop.delivery", "delivery", Changes::Replaced, Handling::IMPERSONAL);
/// assert_eq!(DELIVERY.name(), "delivery");
/// ```
#[derive(Clone, Copy)]
pub struct RecordKind {
    code: &'static str,
    name: &'static str,
    changes: Changes,
    handling: Handling,
    may_be_due: bool,
}

/// How records of a kind change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Changes {
    /// A write replaces the content.
    Replaced,
    /// Facts are added at the end. Now and then the oldest ones move to another record.
    Appended,
    /// Never: two records with one key have the same content. Reading one locks nothing.
    Never,
}

impl RecordKind {
    /// A kind. The code is stored in every row and every index entry, so a short one saves space; codes of one letter belong
    /// to this crate. The code never changes, the name may.
    pub const fn new(
        code: &'static str,
        name: &'static str,
        changes: Changes,
        handling: Handling,
    ) -> RecordKind {
        RecordKind { code, name, changes, handling, may_be_due: true }
    }

    /// The same kind, none of whose records is ever due: reading one for writing need not keep it from claims.
    pub(crate) const fn never_due(self) -> RecordKind {
        RecordKind { may_be_due: false, ..self }
    }

    pub(crate) const fn may_be_due(self) -> bool {
        self.may_be_due
    }

    /// The stored code.
    pub const fn code(self) -> &'static str {
        self.code
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// How its records change.
    pub const fn changes(self) -> Changes {
        self.changes
    }

    /// What of it is personal, and how it is erased, exported, moved and retained.
    pub const fn handling(self) -> Handling {
        self.handling
    }

    /// The write that erases what is personal in a record, as its [handling](RecordKind::handling) says; `None` if nothing is.
    pub fn erase(self, record: &Record) -> Option<RecordWrite> {
        let (key, expected) = (record.key.as_str(), Expected::Version(record.version));
        match self.handling.erasure {
            Erasure::Nothing | Erasure::FactStays => None,
            Erasure::RowGoes => Some(RecordWrite::delete(self, key, expected)),
            Erasure::PersonalPartGoes => {
                record.content.personal.as_ref()?;
                let content = Content { personal: None, ..record.content.clone() };
                Some(RecordWrite::put(self, key, expected, content))
            }
        }
    }

    /// The error for a write whose expected version is not the stored one. It does not name the key, which may be personal.
    pub fn conflict(self) -> Error {
        Error::new(ErrorKind::Conflict, format!("another command changed the same {} meanwhile", self.name))
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
    /// For orders that are read page by page: within equal values it is sorted by the records' keys too.
    First,
    /// For values that many records share.
    Second,
    /// As the second.
    Third,
}

impl Index {
    /// All three.
    pub const ALL: [Index; 3] = [Index::First, Index::Second, Index::Third];

    fn place(self) -> usize {
        self as usize
    }
}

/// What a record holds beside its key and version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Content {
    /// The facts, in the form of the kind.
    pub facts: Vec<u8>,
    /// The personal part. An empty one is stored as none.
    pub personal: Option<Vec<u8>>,
    /// When it is due: when it may be [claimed](crate::store::Store::claim), and when the lease of a claim ends.
    pub due: Option<DateTime<Utc>>,
    /// How often it was claimed.
    pub tries: u32,
    indexes: [Option<String>; 3],
}

impl Content {
    /// Content with these facts and nothing else.
    pub fn new(facts: impl Into<Vec<u8>>) -> Content {
        Content { facts: facts.into(), ..Content::default() }
    }

    /// The same with a personal part.
    #[must_use]
    pub fn personal(mut self, personal: impl Into<Vec<u8>>) -> Content {
        self.personal = Some(personal.into()).filter(|it| !it.is_empty());
        self
    }

    /// The same with an index key. Keys sort byte by byte, so numbers and times are written with a fixed width.
    #[must_use]
    pub fn indexed(mut self, index: Index, key: impl Into<String>) -> Content {
        self.indexes[index.place()] = Some(key.into());
        self
    }

    /// The same, due at an instant.
    #[must_use]
    pub fn due(mut self, due: DateTime<Utc>) -> Content {
        self.due = Some(due);
        self
    }

    /// The same after so many tries.
    #[must_use]
    pub fn tried(mut self, tries: u32) -> Content {
        self.tries = tries;
        self
    }

    /// An index key.
    pub fn index(&self, index: Index) -> Option<&str> {
        self.indexes[index.place()].as_deref()
    }
}

/// A stored record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Record {
    /// The key, unique within the kind and the desk.
    pub key: String,
    /// The version: 1 after the first write, one more after each further write.
    pub version: u64,
    /// What it holds.
    pub content: Content,
}

/// What must be stored under the key when a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Expected {
    /// Nothing.
    Absent,
    /// A record of this version.
    Version(u64),
    /// A record of this version; the write is skipped if anything else is stored, or nothing. It takes no lock on the key, and a
    /// deletion also skips a record that another transaction is writing at that moment. For clean-ups.
    VersionOrSkip(u64),
    /// Anything or nothing. The write takes no lock on the key, and a deletion skips a record that another transaction is writing
    /// at that moment.
    Any,
}

/// One record's part of a commit.
///
/// ```
/// use firstline::store::{Changes, Content, Expected, Handling, RecordKind, RecordWrite};
///
/// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, Handling::IMPERSONAL);
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
    /// What must be stored now.
    pub expected: Expected,
    /// The new content; `None` deletes the record.
    pub content: Option<Content>,
}

impl RecordWrite {
    /// Writes content under a key. It is due at a whole microsecond, as stores keep it: the instant is rounded down.
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

    /// Deletes what is stored under a key. With [`Expected::Any`] there may be nothing.
    ///
    /// A later record under the same key begins at version 1. Do not use a key again in a kind whose records are
    /// [claimed](Claimed).
    pub fn delete(kind: RecordKind, key: impl Into<String>, expected: Expected) -> RecordWrite {
        RecordWrite { kind, key: key.into(), expected, content: None }
    }
}

/// By which key a range of records is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordOrder {
    /// By the records' own keys.
    Key,
    /// By an index key, then by the record's key. Records without that index key are not in the range.
    Index(Index),
}

/// A place in an order of records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordPlace {
    /// The index key; empty in the order of keys.
    pub index: String,
    /// The record's key.
    pub key: String,
}

/// A range of the records of one kind. Records that are read by ranges should have keys that grow with time.
///
/// ```
/// use firstline::store::{Changes, Handling, Index, RecordKind, RecordRange};
///
/// const ORDER: RecordKind = RecordKind::new("shop.order", "order", Changes::Replaced, Handling::IMPERSONAL);
/// let page = RecordRange::by_index(ORDER, Index::First).starting_with("2026-").descending().limit(20);
/// # let _ = page;
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a range does nothing until it is read"]
pub struct RecordRange {
    /// The kind.
    pub kind: RecordKind,
    /// The order.
    pub order: RecordOrder,
    /// Where it begins.
    pub from: Bound<String>,
    /// Where it ends.
    pub until: Bound<String>,
    /// Whether it is read from its end to its beginning.
    pub descending: bool,
    /// After which place; the next page begins where the last one ended.
    pub after: Option<RecordPlace>,
    /// How many records at most.
    pub limit: usize,
}

impl RecordRange {
    /// All records of a kind, by their keys, at most 100.
    pub fn by_key(kind: RecordKind) -> RecordRange {
        RecordRange::ordered(kind, RecordOrder::Key)
    }

    /// All records of a kind that have this index key, at most 100.
    pub fn by_index(kind: RecordKind, index: Index) -> RecordRange {
        RecordRange::ordered(kind, RecordOrder::Index(index))
    }

    fn ordered(kind: RecordKind, order: RecordOrder) -> RecordRange {
        let (from, until) = (Bound::Unbounded, Bound::Unbounded);
        RecordRange { kind, order, from, until, descending: false, after: None, limit: 100 }
    }

    /// Only from this value on.
    pub fn from(mut self, from: Bound<String>) -> RecordRange {
        self.from = from;
        self
    }

    /// Only up to this value.
    pub fn until(mut self, until: Bound<String>) -> RecordRange {
        self.until = until;
        self
    }

    /// Only this value.
    pub fn equal_to(self, value: impl Into<String>) -> RecordRange {
        let value = value.into();
        self.from(Bound::Included(value.clone())).until(Bound::Included(value))
    }

    /// Only values with this beginning.
    pub fn starting_with(self, beginning: impl Into<String>) -> RecordRange {
        let beginning = beginning.into();
        let end = after_all_with(&beginning).map_or(Bound::Unbounded, Bound::Excluded);
        self.from(Bound::Included(beginning)).until(end)
    }

    /// The same range, read from its end.
    pub fn descending(mut self) -> RecordRange {
        self.descending = true;
        self
    }

    /// After this place.
    pub fn after(mut self, place: impl Into<Option<RecordPlace>>) -> RecordRange {
        self.after = place.into();
        self
    }

    /// At most so many records.
    pub fn limit(mut self, limit: usize) -> RecordRange {
        self.limit = limit;
        self
    }

    /// The record's place in this order, if it has one.
    pub fn place(&self, record: &Record) -> Option<RecordPlace> {
        let index = match self.order {
            RecordOrder::Key => String::new(),
            RecordOrder::Index(index) => record.content.index(index)?.to_owned(),
        };
        Some(RecordPlace { index, key: record.key.clone() })
    }

    /// Whether the record belongs into the answer, however many there are.
    pub fn contains(&self, record: &Record) -> bool {
        let value = match self.order {
            RecordOrder::Key => Some(&*record.key),
            RecordOrder::Index(index) => record.content.index(index),
        };
        let Some(value) = value else { return false };
        is_between(value, &self.from, &self.until)
            && self.after.as_ref().is_none_or(|after| match self.descending {
                false => self.place(record).is_some_and(|place| place > *after),
                true => self.place(record).is_some_and(|place| place < *after),
            })
    }
}

/// The least text that is greater than every text with this beginning. `None` if there is no such text.
fn after_all_with(beginning: &str) -> Option<String> {
    let mut end = beginning.to_owned();
    while let Some(last) = end.pop() {
        // A range of characters leaves out the surrogates.
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

/// How many records share an index key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordCount {
    /// The index key.
    pub index: String,
    /// How many records have it.
    pub count: u64,
}

/// A record of some desk that is due.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueRecord {
    /// Since when.
    pub due: DateTime<Utc>,
    /// The desk.
    pub desk: DeskId,
    /// The record's key.
    pub key: String,
}

/// A record that was claimed. Its version is the token: whoever claims it again gets another one. The claimant deletes the
/// record, gives it back or extends the lease by a [`RecordWrite`] at this version.
///
/// Versions begin at 1 again if a key is used again after a deletion, and an old token could then match. So a kind whose records
/// are claimed never uses a key twice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claimed {
    /// The desk.
    pub desk: DeskId,
    /// The record as it is since the claim.
    pub record: Record,
}

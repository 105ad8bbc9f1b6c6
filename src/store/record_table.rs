//! The records of one desk in memory.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::id::DeskId;
use crate::store::read::{Answer, Read};
use crate::store::record::{DueRecord, Expected, Record, RecordKind, RecordWrite, is_between};

/// The records of one desk, for stores that keep them in memory. It answers all reads of records and applies writes.
///
/// ```
/// use firstline::store::{Answer, Changes, Content, Expected, DataPolicy, Read, RecordKind, RecordTable, RecordWrite};
///
/// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, DataPolicy::IMPERSONAL);
/// let mut records = RecordTable::default();
/// let write = RecordWrite::put(NOTE, "n-1", Expected::Absent, Content::new(*b"remember the milk"));
/// records.check(&write)?;
/// records.write(write.clone());
/// assert!(records.check(&write).unwrap_err().is_conflict());
/// assert!(matches!(records.answer(&Read::record(NOTE, "n-1"))?, Answer::Record(Some(it)) if it.version == 1));
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct RecordTable(BTreeMap<RecordKind, BTreeMap<String, Record>>);

impl RecordTable {
    fn get(&self, kind: RecordKind, key: &str) -> Option<&Record> {
        self.0.get(&kind)?.get(key)
    }

    fn all(&self, kind: RecordKind) -> impl Iterator<Item = &Record> {
        self.0.get(&kind).into_iter().flat_map(BTreeMap::values)
    }

    /// Checks that the [`Expected`] of a write holds for the stored record.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if it does not hold.
    pub fn check(&self, write: &RecordWrite) -> Result<()> {
        let stored = self.get(write.kind, &write.key).map(|record| record.version);
        match (write.expected, stored) {
            (Expected::Any | Expected::VersionOrSkip(_), _) | (Expected::Absent, None) => Ok(()),
            (Expected::Version(expected), Some(stored)) if expected == stored => Ok(()),
            _ => Err(write.kind.conflict()),
        }
    }

    /// Applies a write that was [checked](RecordTable::check).
    pub fn write(&mut self, write: RecordWrite) {
        let RecordWrite { kind, key, expected, content } = write;
        let records = self.0.entry(kind).or_default();
        if let Expected::VersionOrSkip(version) = expected
            && records.get(&key).is_none_or(|record| record.version != version)
        {
            return;
        }
        match content {
            None => drop(records.remove(&key)),
            Some(content) => {
                let version = records.get(&key).map_or(1, |record| record.version + 1);
                records.insert(key.clone(), Record { key, version, content });
            }
        }
    }

    /// Answers a read of this desk's records.
    ///
    /// # Errors
    /// [Unsupported](Error::unsupported) for other reads, including [`Read::DueRecords`]: see [`due_records`].
    pub fn answer(&self, read: &Read) -> Result<Answer> {
        Ok(match read {
            Read::Record { kind, key, .. } => Answer::Record(self.get(*kind, key).cloned().map(Box::new)),
            Read::Records(range) => {
                let mut found: Vec<_> = self.all(range.kind).filter(|it| range.contains(it)).collect();
                found.sort_by_cached_key(|record| range.cursor_of(record));
                if range.descending {
                    found.reverse();
                }
                Answer::Records(found.into_iter().take(range.limit).cloned().collect())
            }
            Read::CountRecords { kind, index, from, until, limit } => {
                let mut counts = BTreeMap::new();
                let values = self.all(*kind).filter_map(|record| record.content.index(*index));
                for value in values.filter(|value| is_between(value, from, until)) {
                    *counts.entry(value.to_owned()).or_insert(0) += 1;
                }
                let counts = counts.into_iter().take(*limit);
                Answer::Counts(counts.collect())
            }
            other => return Err(Error::unsupported(other)),
        })
    }
}

/// Answers [`Read::DueRecords`] from the tables of all desks.
pub fn due_records<'t>(
    tables: impl IntoIterator<Item = (&'t DeskId, &'t RecordTable)>,
    kind: RecordKind,
    until: DateTime<Utc>,
    after: Option<&DueRecord>,
    limit: usize,
) -> Answer {
    let mut all = Vec::new();
    for (desk, table) in tables {
        for record in table.all(kind) {
            if let Some(due) = record.content.due.filter(|due| *due <= until) {
                all.push(DueRecord { due, desk: desk.clone(), key: record.key.clone() });
            }
        }
    }
    all.retain(|due| after.is_none_or(|after| due > after));
    all.sort();
    all.truncate(limit);
    Answer::DueRecords(all)
}

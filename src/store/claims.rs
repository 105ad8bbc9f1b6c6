//! Claims as every store can run them: list the due records, then write each record with the version that was read.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::record::{Claimed, DueRecord, Expected, Record, RecordKind, RecordWrite};
use crate::time::{Stopwatch, to_micros};

/// The parameters of a claim. The lease begins at `now`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) kind: RecordKind,
    pub(crate) limit: usize,
    pub(crate) now: DateTime<Utc>,
    pub(crate) lease: TimeDelta,
    since: Stopwatch,
}

impl Claim {
    /// Creates a claim at an instant of the store's clock.
    pub(crate) fn new(kind: RecordKind, limit: usize, now: DateTime<Utc>, lease: TimeDelta) -> Claim {
        Claim { kind, limit, now, lease, since: Stopwatch::start() }
    }

    /// Advances `now` by the time that has passed since the claim was created, so that a lease begins after the wait
    /// for a transaction.
    pub(crate) fn at_present(self) -> Claim {
        let waited = TimeDelta::from_std(self.since.elapsed()).unwrap_or_default();
        let now = self.now.checked_add_signed(waited).unwrap_or(self.now);
        Claim::new(self.kind, self.limit, to_micros(now), self.lease)
    }

    /// Returns the read that lists the due records of all desks.
    pub(crate) fn listing(&self) -> Read {
        Read::DueRecords { kind: self.kind, until: self.now, after: None, limit: self.limit }
    }

    /// Returns the reads of the listed records, by desk.
    pub(crate) fn by_desk(&self, due: &[DueRecord]) -> BTreeMap<DeskId, Vec<Read>> {
        let mut desks: BTreeMap<DeskId, Vec<Read>> = BTreeMap::new();
        for DueRecord { desk, key, .. } in due {
            desks.entry(desk.clone()).or_default().push(Read::record(self.kind, key.as_str()));
        }
        desks
    }

    /// Returns the writes that claim the records that are still due, with the records as these writes leave them.
    pub(crate) fn take<'a>(
        &self,
        desk: &DeskId,
        records: impl IntoIterator<Item = &'a Record>,
    ) -> (Commit, Vec<Claimed>) {
        let (mut commit, mut claimed) = (Commit::new(), Vec::new());
        let due = |record: &&Record| record.content.due.is_some_and(|due| due <= self.now);
        for record in records.into_iter().filter(due) {
            let mut taken = record.clone();
            taken.version += 1;
            taken.content.tries = taken.content.tries.saturating_add(1);
            taken.content.due = Some(self.leased_until());
            let expected = Expected::Version(record.version);
            commit.push(RecordWrite::put(self.kind, &*record.key, expected, taken.content.clone()));
            claimed.push(Claimed { desk: desk.clone(), record: taken });
        }
        (commit, claimed)
    }

    /// Returns the end of the lease.
    pub(crate) fn leased_until(&self) -> DateTime<Utc> {
        to_micros(self.now.checked_add_signed(self.lease).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// Returns the due records in an answer.
pub(crate) fn due_in(answers: &[Answer]) -> Result<&[DueRecord]> {
    match answers {
        [Answer::DueRecords(due)] => Ok(due),
        other => Err(Error::new(
            ErrorKind::Storage,
            format!("the store answered the read of due records with {other:?}"),
        )),
    }
}

/// Returns the records in these answers.
pub(crate) fn records_in(answers: &[Answer]) -> impl Iterator<Item = &Record> {
    answers.iter().filter_map(|answer| match answer {
        Answer::Record(record) => record.as_deref(),
        _ => None,
    })
}

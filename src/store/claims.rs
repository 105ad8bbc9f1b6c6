//! Claims by the means that every store has: list what is due, then write each record at the version that was read.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::record::{Claimed, DueRecord, Expected, Record, RecordKind, RecordWrite};
use crate::time::{Stopwatch, to_micros};

/// A claim: which records, how many, and for how long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim {
    pub(crate) kind: RecordKind,
    pub(crate) limit: usize,
    pub(crate) now: DateTime<Utc>,
    pub(crate) lease: TimeDelta,
    since: Stopwatch,
}

impl Claim {
    /// A claim at this instant, by the store's clock.
    pub(crate) fn new(kind: RecordKind, limit: usize, now: DateTime<Utc>, lease: TimeDelta) -> Claim {
        Claim { kind, limit, now, lease, since: Stopwatch::start() }
    }

    /// The same claim at the present instant: a lease begins when the waiting for a transaction has ended.
    pub(crate) fn at_present(self) -> Claim {
        let waited = TimeDelta::from_std(self.since.elapsed()).unwrap_or_default();
        let now = self.now.checked_add_signed(waited).unwrap_or(self.now);
        Claim::new(self.kind, self.limit, to_micros(now), self.lease)
    }

    /// Lists what is due at all desks.
    pub(crate) fn listing(&self) -> Read {
        Read::DueRecords { kind: self.kind, until: self.now, after: None, limit: self.limit }
    }

    /// The reads by which the listed records are claimed, desk by desk.
    pub(crate) fn by_desk(&self, due: &[DueRecord]) -> BTreeMap<DeskId, Vec<Read>> {
        let mut desks: BTreeMap<DeskId, Vec<Read>> = BTreeMap::new();
        for DueRecord { desk, key, .. } in due {
            desks.entry(desk.clone()).or_default().push(Read::record(self.kind, key.as_str()));
        }
        desks
    }

    /// The writes that claim those of these records that are still due, and the records as they will be.
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

    /// When the lease ends.
    pub(crate) fn leased_until(&self) -> DateTime<Utc> {
        to_micros(self.now.checked_add_signed(self.lease).unwrap_or(DateTime::<Utc>::MAX_UTC))
    }
}

/// The due records in an answer.
pub(crate) fn due_in(answers: &[Answer]) -> Result<&[DueRecord]> {
    match answers {
        [Answer::DueRecords(due)] => Ok(due),
        other => Err(Error::new(ErrorKind::Storage, format!("the store listed due records as {other:?}"))),
    }
}

/// The records in these answers.
pub(crate) fn records_in(answers: &[Answer]) -> impl Iterator<Item = &Record> {
    answers.iter().filter_map(|answer| match answer {
        Answer::Record(record) => record.as_deref(),
        _ => None,
    })
}

//! The reference store: everything in memory, one writer at a time.
//!
//! It keeps nothing beyond the process and is not fast on many tickets, because it sorts and scans where a
//! database has an index. What it does is the truth against which the other stores are tested.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, Fingerprint};
use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, RequestKey, ThreadKey, TicketId};
use crate::store::commit::{Commit, KeptReceipt, TicketWrite, highest_number};
use crate::store::read::{Answer, DueTimer, Owed, Read, number_after};
use crate::store::{Mode, Store, Tx};
use crate::ticket::conflict::Conflict;
use crate::ticket::event::{Event, ExternalRef};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// A store in memory. Clones share the same content.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<HashMap<DeskId, Rows>>>);

/// A ticket with its history and its timers.
type Kept = (Arc<Snapshot>, Vec<Event>, Vec<Timer>);

/// The rows of one desk.
#[derive(Debug, Clone, Default)]
struct Rows {
    tickets: BTreeMap<TicketId, Kept>,
    numbers: HashMap<u64, TicketId>,
    externals: HashMap<ExternalRef, TicketId>,
    threads: HashMap<ThreadKey, TicketId>,
    receipts: HashMap<RequestKey, KeptReceipt>,
    definitions: HashMap<Fingerprint, String>,
    adoptions: Vec<Adoption>,
    last_number: u64,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// A desk in this store.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Memory> {
        Desk::over(self.clone(), settings)
    }
}

impl Desk<Memory> {
    /// A desk in memory, called `main`: for tests and for looking around.
    pub fn memory() -> Desk<Memory> {
        Memory::new().desk("main")
    }
}

impl Store for Memory {
    type Tx<'a> = MemoryTx<'a>;

    fn begin(&self, desk: &DeskId, _: Mode) -> Result<MemoryTx<'_>> {
        // A panic in another thread cannot have left half a commit: `commit` checks first and then cannot fail.
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desks.entry(desk.clone()).or_default();
        Ok(MemoryTx { desks, desk: desk.clone() })
    }
}

/// A transaction in memory: the lock on everything, until it is dropped.
#[derive(Debug)]
pub struct MemoryTx<'a> {
    desks: MutexGuard<'a, HashMap<DeskId, Rows>>,
    desk: DeskId,
}

impl MemoryTx<'_> {
    /// Over all desks.
    fn owed(&self, until: DateTime<Utc>, after: Option<&Owed>, limit: usize) -> Vec<Owed> {
        let mut owed = BTreeSet::new();
        for (desk, rows) in self.desks.iter() {
            for (ticket, (_, _, timers)) in &rows.tickets {
                let due = timers.iter().filter(|timer| timer.due <= until);
                owed.extend(due.map(|timer| Owed { due: timer.due, desk: desk.clone(), ticket: *ticket }));
            }
        }
        owed.into_iter().filter(|it| after.is_none_or(|after| it > after)).take(limit).collect()
    }

    fn rows(&mut self) -> &mut Rows {
        self.desks.entry(self.desk.clone()).or_default()
    }
}

impl Tx for MemoryTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let answer = |read: &Read| match read {
            Read::Owed { until, after, limit } => Answer::Owed(self.owed(*until, after.as_deref(), *limit)),
            read => self.rows().answer(read),
        };
        Ok(reads.iter().map(answer).collect())
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let rows = self.rows();
        commit.tickets.iter().try_for_each(|write| rows.check(write))?;
        only_one_of_each(&commit)?;
        rows.write(commit);
        Ok(())
    }
}

/// Of the tickets that one commit opens, no two have the same number or the same name elsewhere.
fn only_one_of_each(commit: &Commit) -> Result<()> {
    let (mut ids, mut numbers, mut externals) = (HashSet::new(), HashSet::new(), HashSet::new());
    for TicketWrite { expected, snapshot, .. } in &commit.tickets {
        let opens = *expected == 0;
        let one = ids.insert(snapshot.id)
            && (!opens || numbers.insert(snapshot.number.value))
            && (!opens || snapshot.external.as_ref().is_none_or(|name| externals.insert(name)));
        if !one {
            let problem = format!("the commit has two tickets where one can be: {}", snapshot.number);
            return Err(Error::new(ErrorKind::Storage, problem));
        }
    }
    Ok(())
}

impl Rows {
    fn answer(&self, read: &Read) -> Answer {
        match read {
            Read::Receipt(key) => Answer::Receipt(self.receipts.get(key).cloned().map(Box::new)),
            Read::Thread(key) => Answer::Id(self.threads.get(key).copied()),
            Read::External(name) => Answer::Id(self.externals.get(name).copied()),
            Read::Number(value) => Answer::Id(self.numbers.get(value).copied()),
            Read::InForce(kind, at) => {
                let holds = |it: &&Adoption| it.kind == *kind && it.from <= *at;
                Answer::Adoption(self.adoptions.iter().rev().find(holds).copied())
            }
            Read::Newest(kind) => {
                Answer::Adoption(self.adoptions.iter().rev().find(|it| it.kind == *kind).copied())
            }
            Read::Definition(hash) => Answer::Definition(self.definitions.get(hash).cloned()),
            Read::Ticket(id) => {
                Answer::Ticket(self.tickets.get(id).map(|(snapshot, ..)| Arc::clone(snapshot)))
            }
            Read::NextNumber { place } => Answer::Number(number_after(self.last_number, *place)),
            Read::History { ticket, after, limit } => {
                let events = self.tickets.get(ticket).map_or(&[][..], |(_, events, _)| events);
                Answer::Events(events.iter().filter(|it| it.version > *after).take(*limit).cloned().collect())
            }
            Read::Due { until, after, limit } => {
                let timers = self.tickets.iter().flat_map(|(id, (_, _, timers))| {
                    timers.iter().map(|timer| DueTimer { timer: timer.clone(), ticket: *id })
                });
                let mut due: Vec<_> = timers
                    .filter(|it| it.timer.due <= *until && after.as_deref().is_none_or(|after| it > after))
                    .collect();
                due.sort();
                due.truncate(*limit);
                Answer::Due(due)
            }
            // Answered over all desks, by the transaction.
            Read::Owed { .. } => Answer::Owed(Vec::new()),
            Read::Find(query) => {
                let snapshots = self.tickets.values().map(|(snapshot, ..)| snapshot);
                let mut found: Vec<_> = snapshots
                    .filter(|it| query.matches(it))
                    .map(|it| (query.place(it), it))
                    .filter(|(place, _)| query.cursor().is_none_or(|cursor| place > cursor))
                    .collect();
                found.sort_by(|(a, _), (b, _)| a.cmp(b));
                Answer::Tickets(
                    found.into_iter().take(query.page_size()).map(|(_, it)| Arc::clone(it)).collect(),
                )
            }
        }
    }

    /// Everything that could be refused, before anything is written.
    fn check(&self, write: &TicketWrite) -> Result<()> {
        let id = write.snapshot.id;
        match self.tickets.get(&id) {
            Some((stored, ..)) if stored.version != write.expected => {
                Err(Conflict::new(id, write.expected, stored.version, stored.state.clone()).into())
            }
            None if write.expected != 0 => Err(Error::not_found(format_args!("ticket {id}"))),
            None if self.numbers.contains_key(&write.snapshot.number.value) => {
                Err(Error::new(ErrorKind::Storage, format!("number {} is taken", write.snapshot.number)))
            }
            None if write.snapshot.external.as_ref().is_some_and(|it| self.externals.contains_key(it)) => {
                Err(Error::new(ErrorKind::Storage, "the external reference is taken"))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, commit: Commit) {
        let Commit { tickets, threads, definitions, adoptions, receipt, forget_receipts_before } = commit;
        self.last_number = self.last_number.max(highest_number(&tickets));
        for TicketWrite { snapshot, events, timers, .. } in tickets {
            self.numbers.insert(snapshot.number.value, snapshot.id);
            if let Some(name) = &snapshot.external {
                self.externals.insert(name.clone(), snapshot.id);
            }
            let row = self.tickets.entry(snapshot.id);
            let snapshot = Arc::new(snapshot);
            let (stored, history, armed) =
                row.or_insert_with(|| (Arc::clone(&snapshot), Vec::new(), Vec::new()));
            *stored = snapshot;
            history.extend(events);
            *armed = timers;
        }
        self.threads.extend(threads);
        for (hash, text) in definitions {
            self.definitions.entry(hash).or_insert(text);
        }
        self.adoptions.extend(adoptions);
        if let Some(before) = forget_receipts_before {
            self.receipts.retain(|_, it| it.expires >= before);
        }
        if let Some(receipt) = receipt {
            self.receipts.insert(receipt.key.clone(), receipt);
        }
    }
}

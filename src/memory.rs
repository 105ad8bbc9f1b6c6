//! The reference store, which keeps everything in memory.
//!
//! It allows one transaction at a time, and its content is lost when the process ends. It is slow with many tickets,
//! because it sorts and scans where a database uses an index. The other stores are tested against its behavior.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, TicketId};
use crate::store::commit::{Commit, highest_number};
use crate::store::read::{Answer, DueTicket, DueTimer, Read, number_after};
use crate::store::{Mode, RecordTable, Store, Tx, due_records};
use crate::ticket::conflict::Conflict;
use crate::ticket::decision::TicketWrite;
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// A store in memory. Clones share their content.
#[derive(Debug, Clone, Default)]
pub struct Memory(Arc<Mutex<HashMap<DeskId, Rows>>>);

/// A ticket with its history and its timers.
type TicketRow = (Arc<Snapshot>, Vec<Event>, Vec<Timer>);

/// The rows of one desk.
#[derive(Debug, Clone, Default)]
struct Rows {
    tickets: BTreeMap<TicketId, TicketRow>,
    numbers: HashMap<u64, TicketId>,
    records: RecordTable,
    last_number: u64,
}

impl Memory {
    /// Creates an empty store.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Returns a desk in this store.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Memory> {
        Desk::over(self.clone(), settings)
    }
}

impl Desk<Memory> {
    /// Creates a desk called `main` in a new memory store, for tests and experiments.
    pub fn memory() -> Desk<Memory> {
        Memory::new().desk("main")
    }
}

impl Store for Memory {
    type Tx<'a> = MemoryTx<'a>;

    fn begin(&self, desk: &DeskId, _: Mode) -> Result<MemoryTx<'_>> {
        // A poisoned lock is safe to use: `commit` checks everything before it changes the rows, so a panic in another
        // thread cannot have left a partial commit.
        let mut desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desks.entry(desk.clone()).or_default();
        Ok(MemoryTx { desks, desk: desk.clone() })
    }
}

/// A transaction in memory. It holds the lock on the whole store until it is dropped.
#[derive(Debug)]
pub struct MemoryTx<'a> {
    desks: MutexGuard<'a, HashMap<DeskId, Rows>>,
    desk: DeskId,
}

impl MemoryTx<'_> {
    /// Returns the due tickets of all desks, in order.
    fn due_tickets(&self, until: DateTime<Utc>, after: Option<&DueTicket>, limit: usize) -> Vec<DueTicket> {
        let mut due_tickets = BTreeSet::new();
        for (desk, rows) in self.desks.iter() {
            for (ticket, (_, _, timers)) in &rows.tickets {
                let due = timers.iter().filter(|timer| timer.due <= until);
                due_tickets.extend(due.map(|timer| DueTicket {
                    due: timer.due,
                    desk: desk.clone(),
                    ticket: *ticket,
                }));
            }
        }
        due_tickets.into_iter().filter(|it| after.is_none_or(|after| it > after)).take(limit).collect()
    }

    fn rows(&mut self) -> &mut Rows {
        self.desks.entry(self.desk.clone()).or_default()
    }
}

impl Tx for MemoryTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let answer = |read: &Read| match read {
            Read::DueTickets { until, after, limit } => {
                Ok(Answer::DueTickets(self.due_tickets(*until, after.as_deref(), *limit)))
            }
            Read::DueRecords { kind, until, after, limit } => {
                let tables = self.desks.iter().map(|(desk, rows)| (desk, &rows.records));
                Ok(due_records(tables, *kind, *until, after.as_deref(), *limit))
            }
            read => self.rows().answer(read),
        };
        reads.iter().map(answer).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let rows = self.rows();
        let (tickets, records) = commit.into_parts()?;
        records.iter().try_for_each(|write| rows.records.check(write))?;
        tickets.iter().try_for_each(|write| rows.check(write))?;
        check_unique(&tickets)?;
        // The writes below cannot fail.
        records.into_iter().for_each(|write| rows.records.write(write));
        rows.write(tickets);
        Ok(())
    }
}

/// Checks that a commit does not write a ticket twice or open two tickets with the same number.
fn check_unique(tickets: &[TicketWrite]) -> Result<()> {
    let (mut ids, mut numbers) = (HashSet::new(), HashSet::new());
    for TicketWrite { expected, snapshot, .. } in tickets {
        let is_unique = ids.insert(snapshot.id) && (*expected > 0 || numbers.insert(snapshot.number.value));
        if !is_unique {
            let problem = format!("the commit contains ticket {} twice", snapshot.number);
            return Err(Error::new(ErrorKind::Storage, problem));
        }
    }
    Ok(())
}

impl Rows {
    fn answer(&self, read: &Read) -> Result<Answer> {
        Ok(match read {
            Read::Record { .. } | Read::Records(_) | Read::CountRecords { .. } => {
                self.records.answer(read)?
            }
            Read::TicketByNumber(value) => Answer::TicketId(self.numbers.get(value).copied()),
            Read::Ticket(id) => {
                Answer::Ticket(self.tickets.get(id).map(|(snapshot, ..)| Arc::clone(snapshot)))
            }
            Read::NextNumber { place } => Answer::Number(number_after(self.last_number, *place)),
            Read::History { ticket, after, limit } => {
                let events = self.tickets.get(ticket).map_or(&[][..], |(_, events, _)| events);
                Answer::Events(events.iter().filter(|it| it.version > *after).take(*limit).cloned().collect())
            }
            Read::DueTimers { until, after, limit } => {
                let timers = self.tickets.iter().flat_map(|(id, (_, _, timers))| {
                    timers.iter().map(|timer| DueTimer { timer: timer.clone(), ticket: *id })
                });
                let mut due: Vec<_> = timers
                    .filter(|it| it.timer.due <= *until && after.as_deref().is_none_or(|after| it > after))
                    .collect();
                due.sort();
                due.truncate(*limit);
                Answer::DueTimers(due)
            }
            // These reads cover all desks. `MemoryTx::load` answers them.
            Read::DueTickets { .. } | Read::DueRecords { .. } => return Err(Error::unsupported(read)),
            Read::Count { query, by } => {
                let snapshots = self.tickets.values().map(|(snapshot, ..)| &**snapshot);
                Answer::Groups(query.count(*by, snapshots))
            }
            Read::Find(query) => {
                let snapshots = self.tickets.values().map(|(snapshot, ..)| snapshot);
                let mut found: Vec<_> = snapshots
                    .filter(|it| query.matches(it))
                    .map(|it| (query.cursor_of(it), it))
                    .filter(|(place, _)| query.cursor().is_none_or(|cursor| place > cursor))
                    .collect();
                found.sort_by(|(a, _), (b, _)| a.cmp(b));
                Answer::Tickets(
                    found.into_iter().take(query.page_size()).map(|(_, it)| Arc::clone(it)).collect(),
                )
            }
        })
    }

    /// Checks that a write can succeed, before anything is written.
    fn check(&self, write: &TicketWrite) -> Result<()> {
        let id = write.snapshot.id;
        match self.tickets.get(&id) {
            Some((stored, ..)) if stored.version != write.expected => {
                Err(Conflict::new(id, write.expected, stored.version, stored.state.clone())
                    .numbered(stored.number.clone())
                    .into())
            }
            None if write.expected != 0 => Err(Error::not_found(format_args!("ticket {id}"))),
            None if self.numbers.contains_key(&write.snapshot.number.value) => {
                Err(Error::new(ErrorKind::Storage, format!("number {} is taken", write.snapshot.number)))
            }
            _ => Ok(()),
        }
    }

    fn write(&mut self, tickets: Vec<TicketWrite>) {
        self.last_number = self.last_number.max(highest_number(&tickets));
        for TicketWrite { snapshot, events, timers, .. } in tickets {
            self.numbers.insert(snapshot.number.value, snapshot.id);
            let row = self.tickets.entry(snapshot.id);
            let snapshot = Arc::new(snapshot);
            let (stored, history, armed) =
                row.or_insert_with(|| (Arc::clone(&snapshot), Vec::new(), Vec::new()));
            *stored = snapshot;
            history.extend(events);
            *armed = timers;
        }
    }
}

//! A store of one's own, in one file: implement `Store` and `Tx`, and every verb of the desk
//! works on it. This one keeps nothing but events and folds a ticket from its events whenever it is asked for.
//!
//! `cargo run --example custom_store`

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firstline::definition::{Adoption, Fingerprint};
use firstline::store::{Answer, Commit, DueTimer, KeptReceipt, Mode, Owed, Read, Store, TicketWrite, Tx};
use firstline::{
    Action, Actor, Conflict, DateTime, Desk, DeskId, Error, ErrorKind, Event, HoldReason, NewTicket, Query,
    RequestKey, Result, Snapshot, StateKind, ThreadKey, TicketId, Utc,
};

/// Everything in memory, behind one lock: a transaction holds it, so that nothing it read can change.
#[derive(Debug, Default)]
pub(crate) struct EventStore(Mutex<HashMap<DeskId, Rows>>);

/// What one desk keeps.
#[derive(Debug, Default)]
struct Rows {
    events: BTreeMap<TicketId, Vec<Event>>,
    threads: HashMap<ThreadKey, TicketId>,
    receipts: HashMap<RequestKey, KeptReceipt>,
    definitions: HashMap<Fingerprint, String>,
    adoptions: Vec<Adoption>,
}

impl Store for EventStore {
    type Tx<'a> = Transaction<'a>;

    fn begin(&self, desk: &DeskId, _mode: Mode) -> Result<Transaction<'_>> {
        // A commit checks everything before it writes anything, so a panic elsewhere left nothing half-written.
        let desks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Transaction { desks, desk: desk.clone() })
    }
}

pub(crate) struct Transaction<'a> {
    desks: MutexGuard<'a, HashMap<DeskId, Rows>>,
    desk: DeskId,
}

impl Tx for Transaction<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.desks.entry(self.desk.clone()).or_default();
        let answer = |read: &Read| match (read, &self.desks[&self.desk]) {
            (Read::Owed { until, after, limit }, _) => self.owed(*until, after.as_deref(), *limit),
            (read, rows) => rows.answer(read),
        };
        reads.iter().map(answer).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        // Without `..`: the compiler tells when a later version has more to be written.
        let Commit { tickets, threads, definitions, adoptions, receipt, forget_receipts_before } = commit;
        let rows = self.desks.entry(self.desk.clone()).or_default();
        let mut known = rows.tickets()?;
        for TicketWrite { expected, snapshot: new, .. } in &tickets {
            let stored = known.iter().find(|it| it.id == new.id);
            let version = stored.map_or(0, |it| it.version);
            if version != *expected {
                let state = stored.unwrap_or(new).state.clone();
                return Err(Conflict::new(new.id, *expected, version, state).into());
            }
            let same_name = |it: &Snapshot| it.external.is_some() && it.external == new.external;
            if version == 0 && known.iter().any(|it| it.number == new.number || same_name(it)) {
                return Err(Error::new(ErrorKind::Storage, "another ticket is called so"));
            }
            known.push(new.clone());
        }
        // From here on nothing can fail. Rows and timers are not kept: both follow from the events.
        for write in tickets {
            rows.events.entry(write.snapshot.id).or_default().extend(write.events);
        }
        rows.threads.extend(threads);
        for (hash, text) in definitions {
            rows.definitions.entry(hash).or_insert(text);
        }
        rows.adoptions.extend(adoptions);
        if let Some(before) = forget_receipts_before {
            rows.receipts.retain(|_, receipt| receipt.expires >= before);
        }
        rows.receipts.extend(receipt.map(|receipt| (receipt.key.clone(), receipt)));
        Ok(())
    }
}

impl Transaction<'_> {
    /// What the clock owes at all desks: the only question that looks beyond the transaction's own.
    fn owed(&self, until: DateTime<Utc>, after: Option<&Owed>, limit: usize) -> Result<Answer> {
        let mut owed = BTreeSet::new();
        for (desk, rows) in self.desks.iter() {
            for DueTimer { timer, ticket } in rows.timers()? {
                owed.insert(Owed { due: timer.due, desk: desk.clone(), ticket });
            }
        }
        owed.retain(|it| it.due <= until && after.is_none_or(|after| it > after));
        Ok(Answer::Owed(owed.into_iter().take(limit).collect()))
    }
}

impl Rows {
    fn timers(&self) -> Result<Vec<DueTimer>> {
        let of = |it: Snapshot| it.timers().into_iter().map(move |timer| DueTimer { timer, ticket: it.id });
        Ok(self.tickets()?.into_iter().flat_map(of).collect())
    }

    fn ticket(&self, id: TicketId) -> Result<Option<Snapshot>> {
        self.events.get(&id).map(Snapshot::fold).transpose()
    }

    fn tickets(&self) -> Result<Vec<Snapshot>> {
        self.events.values().map(Snapshot::fold).collect()
    }

    /// The first ticket of which this holds.
    fn id_of(&self, holds: impl Fn(&Snapshot) -> bool) -> Result<Answer> {
        Ok(Answer::Id(self.tickets()?.into_iter().find(holds).map(|ticket| ticket.id)))
    }

    fn answer(&self, read: &Read) -> Result<Answer> {
        Ok(match read {
            Read::Ticket(id) => Answer::Ticket(self.ticket(*id)?.map(Arc::new)),
            Read::Number(number) => self.id_of(|ticket| ticket.number.value == *number)?,
            Read::External(name) => self.id_of(|ticket| ticket.external.as_ref() == Some(name))?,
            Read::Thread(key) => Answer::Id(self.threads.get(key).copied()),
            Read::Receipt(key) => Answer::Receipt(self.receipts.get(key).cloned().map(Box::new)),
            Read::InForce(kind, at) => {
                let holds = |it: &&Adoption| it.kind == *kind && it.from <= *at;
                Answer::Adoption(self.adoptions.iter().rev().find(holds).copied())
            }
            Read::Newest(kind) => {
                Answer::Adoption(self.adoptions.iter().rev().find(|it| it.kind == *kind).copied())
            }
            Read::Definition(hash) => Answer::Definition(self.definitions.get(hash).cloned()),
            Read::NextNumber { place } => {
                let last = self.tickets()?.iter().map(|ticket| ticket.number.value).max();
                Answer::Number(last.unwrap_or(0) + u64::from(*place) + 1)
            }
            Read::History { ticket, after, limit } => {
                let events = self.events.get(ticket).into_iter().flatten();
                Answer::Events(events.filter(|it| it.version > *after).take(*limit).cloned().collect())
            }
            Read::Due { until, after, limit } => {
                let mut due = self.timers()?;
                due.retain(|it| it.timer.due <= *until && after.as_deref().is_none_or(|after| it > after));
                due.sort();
                due.truncate(*limit);
                Answer::Due(due)
            }
            Read::Find(query) => Answer::Tickets(self.find(query)?.into_iter().map(Arc::new).collect()),
            // A later version of the crate may ask more than this store knows.
            other => return Err(Error::new(ErrorKind::Storage, format!("{other:?} is not implemented"))),
        })
    }

    /// The query itself knows what matches and in which order; a store only has to ask it.
    fn find(&self, query: &Query) -> Result<Vec<Snapshot>> {
        let mut found = self.tickets()?;
        found.retain(|it| query.matches(it) && query.cursor().is_none_or(|cursor| query.place(it) > *cursor));
        found.sort_by_key(|it| query.place(it));
        found.truncate(query.page_size());
        Ok(found)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let desk = Desk::over(EventStore::default(), "acme");
    let anna = Actor::agent("anna");

    // The same request twice, as after a broken connection: one ticket.
    let request = NewTicket::new("Card declined").from("boris").thread("chat-9").once("order-4711");
    let ticket = desk.open_ticket(request.clone())?;
    assert_eq!(desk.open_ticket(request)?.id(), ticket.id());

    // It waits until Monday, and the sweep wakes it up then.
    let monday = "2100-01-04T09:00:00Z".parse()?;
    desk.act(ticket.id(), Action::hold_until(HoldReason::Scheduled, monday), &anna)?;
    assert_eq!(desk.find(Query::inbox().state(StateKind::OnHold))?.tickets.len(), 1);
    assert_eq!(desk.tick(monday)?.fired, 1);
    assert_eq!(desk.tick(monday)?.fired, 0);

    // Whoever saw an old version is told so, and nothing is written.
    let stale = desk.act(ticket.id(), Action::tag("late"), anna.expecting(ticket.version));
    assert!(stale.is_err_and(|error| error.is_conflict()));

    let history = desk.records().history(ticket.id())?;
    let ticket = desk.ticket("T-1")?;
    assert_eq!(Snapshot::fold(&history)?, *ticket.snapshot());
    println!("a store of one's own: {} is {} after {} events", ticket.number, ticket.state(), history.len());
    Ok(())
}

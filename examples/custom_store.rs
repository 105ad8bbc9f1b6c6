//! Your own store in one file: implement `Store` and `Tx`, and all methods of the desk work with it. This store keeps
//! only events, and folds a ticket from its events for every read.
//!
//! ```text
//! cargo run --example custom_store
//! ```

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firstline::store::{
    Answer, Changes, Commit, Content, DataPolicy, DueTicket, DueTimer, Expected, Index, Mode, Read,
    RecordKind, RecordTable, RecordWrite, Store, Tx, Write, due_records,
};
use firstline::{
    Action, Actor, Conflict, DateTime, Desk, DeskId, Error, ErrorKind, Event, HoldReason, NewTicket, Query,
    Result, Snapshot, StateKind, TicketId, TimeDelta, Utc,
};
#[path = "common/help.rs"]
mod help;

/// All desks in memory, behind one lock. A transaction holds the lock, so nothing that it has read can change.
#[derive(Debug, Default)]
pub(crate) struct EventStore(Mutex<HashMap<DeskId, Rows>>);

/// The data of one desk.
#[derive(Debug, Default)]
struct Rows {
    events: BTreeMap<TicketId, Vec<Event>>,
    records: RecordTable,
}

impl Store for EventStore {
    type Tx<'a> = Transaction<'a>;

    fn begin(&self, desk: &DeskId, _mode: Mode) -> Result<Transaction<'_>> {
        // A poisoned lock is safe to use: a commit checks everything before it writes anything.
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
            (Read::DueTickets { until, after, limit }, _) => {
                self.due_tickets(*until, after.as_deref(), *limit)
            }
            (Read::DueRecords { kind, until, after, limit }, _) => {
                let tables = self.desks.iter().map(|(desk, rows)| (desk, &rows.records));
                Ok(due_records(tables, *kind, *until, after.as_deref(), *limit))
            }
            (read, rows) => rows.answer(read),
        };
        reads.iter().map(answer).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let rows = self.desks.entry(self.desk.clone()).or_default();
        let mut known = rows.tickets()?;
        commit.check()?;
        for write in &commit.writes {
            match write {
                Write::Ticket(write) => {
                    let new = &write.snapshot;
                    let stored = known.iter().find(|it| it.id == new.id);
                    let version = stored.map_or(0, |it| it.version);
                    if version != write.expected {
                        let state = stored.unwrap_or(new).state.clone();
                        return Err(Conflict::new(new.id, write.expected, version, state).into());
                    }
                    if version == 0 && known.iter().any(|it| it.number == new.number) {
                        return Err(Error::new(ErrorKind::Storage, "another ticket has this number"));
                    }
                    known.push(new.clone());
                }
                Write::Record(write) => rows.records.check(write)?,
                // A later version of the crate may add writes that this store does not support.
                other => return Err(Error::unsupported(other)),
            }
        }
        // Nothing can fail from here on. Rows and timers are not stored: they follow from the events.
        for write in commit.writes {
            match write {
                Write::Ticket(write) => {
                    rows.events.entry(write.snapshot.id).or_default().extend(write.events)
                }
                Write::Record(write) => rows.records.write(*write),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Transaction<'_> {
    /// The due timers of all desks. This is the only read that looks at more than one desk.
    fn due_tickets(&self, until: DateTime<Utc>, after: Option<&DueTicket>, limit: usize) -> Result<Answer> {
        let mut due_tickets = BTreeSet::new();
        for (desk, rows) in self.desks.iter() {
            for DueTimer { timer, ticket } in rows.timers()? {
                due_tickets.insert(DueTicket { due: timer.due, desk: desk.clone(), ticket });
            }
        }
        due_tickets.retain(|it| it.due <= until && after.is_none_or(|after| it > after));
        Ok(Answer::DueTickets(due_tickets.into_iter().take(limit).collect()))
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

    /// The first ticket that matches.
    fn id_of(&self, holds: impl Fn(&Snapshot) -> bool) -> Result<Answer> {
        Ok(Answer::TicketId(self.tickets()?.into_iter().find(holds).map(|ticket| ticket.id)))
    }

    fn answer(&self, read: &Read) -> Result<Answer> {
        Ok(match read {
            Read::Ticket(id) => Answer::Ticket(self.ticket(*id)?.map(Arc::new)),
            Read::TicketByNumber(number) => self.id_of(|ticket| ticket.number.value == *number)?,
            Read::NextNumber { place } => {
                let last = self.tickets()?.iter().map(|ticket| ticket.number.value).max();
                Answer::Number(last.unwrap_or(0) + u64::from(*place) + 1)
            }
            Read::History { ticket, after, limit } => {
                let events = self.events.get(ticket).into_iter().flatten();
                Answer::Events(events.filter(|it| it.version > *after).take(*limit).cloned().collect())
            }
            Read::DueTimers { until, after, limit } => {
                let mut due = self.timers()?;
                due.retain(|it| it.timer.due <= *until && after.as_deref().is_none_or(|after| it > after));
                due.sort();
                due.truncate(*limit);
                Answer::DueTimers(due)
            }
            Read::Count { query, by } => Answer::Groups(query.count(*by, &self.tickets()?)),
            Read::Find(query) => Answer::Tickets(self.find(query)?.into_iter().map(Arc::new).collect()),
            // Reads of records. The table refuses every other read.
            other => self.records.answer(other)?,
        })
    }

    /// The query decides which tickets match, and their order.
    fn find(&self, query: &Query) -> Result<Vec<Snapshot>> {
        let mut found = self.tickets()?;
        found.retain(|it| {
            query.matches(it) && query.cursor().is_none_or(|cursor| query.cursor_of(it) > *cursor)
        });
        found.sort_by_key(|it| query.cursor_of(it));
        found.truncate(query.page_size());
        Ok(found)
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("custom_store.rs"));
    let desk = Desk::over(EventStore::default(), "acme");
    let anna = Actor::agent("anna");

    // The same request twice, as after a broken connection, opens one ticket.
    let request =
        NewTicket::new("Card declined").from("boris").thread("chat-9").idempotency_key("order-4711");
    let ticket = desk.open_ticket(request.clone())?;
    assert_eq!(desk.open_ticket(request)?.id(), ticket.id());
    println!("One request, sent twice, opened one ticket: {}", ticket.number);

    // The ticket is on hold until Monday, and the tick of Monday resumes it.
    let monday = "2100-01-04T09:00:00Z".parse()?;
    desk.act(ticket.id(), Action::hold_until(HoldReason::Scheduled, monday), &anna)?;
    assert_eq!(desk.find(Query::inbox().state(StateKind::OnHold))?.tickets.len(), 1);
    assert_eq!(desk.tick(monday)?.fired, 1);
    assert_eq!(desk.tick(monday)?.fired, 0);
    println!("It was on hold until Monday, and is {} again", desk.ticket("T-1")?.state());

    // An actor with an old version gets a conflict, and nothing is written.
    let stale = desk.act(ticket.id(), Action::tag("late"), anna.expected_version(ticket.version));
    assert!(stale.is_err_and(|error| error.is_conflict()));
    println!("A change to an old version was refused as a conflict");

    // Your own kind of record. One worker at a time can claim a record.
    const PARCEL: RecordKind =
        RecordKind::new("shop.parcel", "parcel", Changes::Replaced, DataPolicy::IMPERSONAL);
    let (store, shop) = (EventStore::default(), DeskId::from("shop"));
    let sent = Content::new(*b"lamp").indexed(Index::First, "berlin").due(DateTime::UNIX_EPOCH);
    let parcel = RecordWrite::put(PARCEL, "p-1", Expected::Absent, sent);
    store.begin(&shop, Mode::Write)?.commit([parcel].into_iter().collect())?;
    let claimed = store.claim(PARCEL, 10, TimeDelta::minutes(5))?;
    assert!(claimed.len() == 1 && store.claim(PARCEL, 10, TimeDelta::minutes(5))?.is_empty());
    let done = RecordWrite::delete(PARCEL, "p-1", Expected::Version(claimed[0].record.version));
    store.begin(&shop, Mode::Write)?.commit([done].into_iter().collect())?;
    println!("A record of the shop, {}, was claimed by one worker only", claimed[0].record.key);

    let history = desk.records().history(ticket.id())?;
    let ticket = desk.ticket("T-1")?;
    assert_eq!(Snapshot::fold(&history)?, *ticket.snapshot());
    println!("The fold of the {} events of {} is the ticket itself", history.len(), ticket.number);
    Ok(())
}

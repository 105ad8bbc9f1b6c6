//! The fixture of a check: a fresh store, a manual clock and helpers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::Candidate;
use super::alike::alike;
use super::failure::{CheckFailure, Checked, same};
use crate::desk::{Desk, Settings, TickReport};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{DeskId, IdSource, TicketId};
use crate::operation::{Engine, Interrupt, Job, Loaded, Operation};
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::store::kinds::{self, KeptReceipt, RECEIPT, THREAD};
use crate::store::{
    Answer, Changes, Claimed, Commit, DataPolicy, DueTicket, DueTimer, GroupBy, Query, Read, Record,
    RecordKind, RecordRange, TicketWrite,
};
use crate::ticket::action::Action;
use crate::ticket::decision::DecisionContext;
use crate::ticket::event::{Change, Event, Opened};
use crate::ticket::opening::NewTicket;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::time::ManualTime;
use crate::workflow::WorkflowSet;

/// The desk that most checks use.
pub(super) const ACME: &str = "acme";

/// A record kind that only the suite uses.
pub(super) const SAMPLE: RecordKind =
    RecordKind::new("conformance.sample", "sample", Changes::Replaced, DataPolicy::IMPERSONAL);

/// A fresh store with a manual clock.
pub(super) struct Scene<'c, C: Candidate> {
    pub(super) candidate: &'c C,
    pub(super) store: C::Engine,
    pub(super) time: ManualTime,
    ids: Counted,
}

/// A desk over a borrowed store.
pub(super) type DeskOf<'e, C> = Desk<Lent<'e, <C as Candidate>::Engine>>;

impl<'c, C: Candidate> Scene<'c, C> {
    pub(super) fn new(candidate: &'c C) -> Checked<Scene<'c, C>> {
        let store = candidate.create().map_err(|error| CheckFailure::from(error).at("a fresh store"))?;
        Ok(Scene { candidate, store, time: ManualTime::at(monday()), ids: Counted::default() })
    }

    /// Opens the same store through another handle, with the same clock and the same source of ids.
    pub(super) fn twin(&self) -> Checked<Scene<'c, C>> {
        let again = self.candidate.reopen(&self.store);
        let store = again.map_err(|error| CheckFailure::from(error).at("the same store, opened again"))?;
        Ok(Scene { candidate: self.candidate, store, time: self.time.clone(), ids: self.ids.clone() })
    }

    pub(super) fn lent(&self) -> Lent<'_, C::Engine> {
        Lent(&self.store)
    }

    pub(super) fn desk(&self, name: &str) -> DeskOf<'_, C> {
        Desk::over(Lent(&self.store), Settings::new(name).time(self.time.clone()).ids(self.ids.clone()))
    }

    /// Waits for a reply of a desk or of the store.
    pub(super) fn wait<'a, T: Send + 'a>(&self, reply: <C::Engine as Engine>::Reply<'a, T>) -> Result<T>
    where
        C::Engine: 'a,
    {
        self.candidate.wait(reply)
    }

    pub(super) fn run<F: Operation>(&self, desk: &str, operation: F) -> Result<F::Out> {
        self.wait(self.store.run(&DeskId::new(desk), operation))
    }

    /// Answers reads without locking, all from one state.
    pub(super) fn load(&self, desk: &str, reads: Vec<Read>) -> Result<Vec<Answer>> {
        self.wait(self.store.load(&DeskId::new(desk), reads))
    }

    /// Reads without locking.
    pub(super) fn read(&self, desk: &str, read: Read) -> Checked<Answer> {
        let asked = format!("{read:?}");
        let answers = self.load(desk, vec![read]).map_err(|error| CheckFailure::from(error).at(&asked))?;
        answers.into_iter().next().ok_or_else(|| CheckFailure::new(asked, "an answer", "none"))
    }

    pub(super) fn id(&self, desk: &str, read: Read) -> Checked<Option<TicketId>> {
        match self.read(desk, read.clone())? {
            Answer::TicketId(id) => Ok(id),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn ticket(&self, desk: &str, id: TicketId) -> Checked<Option<Arc<Snapshot>>> {
        match self.read(desk, Read::Ticket(id))? {
            Answer::Ticket(ticket) => Ok(ticket),
            other => Err(wrong_variant(&Read::Ticket(id), &other)),
        }
    }

    pub(super) fn slice(
        &self,
        desk: &str,
        ticket: TicketId,
        after: u64,
        limit: usize,
    ) -> Checked<Vec<Event>> {
        let read = Read::History { ticket, after, limit };
        match self.read(desk, read.clone())? {
            Answer::Events(events) => Ok(events),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn history(&self, desk: &str, ticket: TicketId) -> Checked<Vec<Event>> {
        self.slice(desk, ticket, 0, 1_000_000)
    }

    pub(super) fn record(&self, desk: &str, kind: RecordKind, key: &str) -> Checked<Option<Record>> {
        let read = Read::record(kind, key);
        match self.read(desk, read.clone())? {
            Answer::Record(record) => Ok(record.map(|it| *it)),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn records(&self, desk: &str, range: RecordRange) -> Checked<Vec<Record>> {
        let read = Read::Records(range);
        match self.read(desk, read.clone())? {
            Answer::Records(records) => Ok(records),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    /// Returns the ticket of a thread.
    pub(super) fn thread(&self, desk: &str, key: &str) -> Checked<Option<TicketId>> {
        let record = self.record(desk, THREAD, key)?;
        Ok(record.map(|record| kinds::ticket_of(THREAD, &record)).transpose()?)
    }

    /// Returns the ticket of a receipt.
    pub(super) fn receipt(&self, desk: &str, key: &str) -> Checked<Option<TicketId>> {
        let record = self.record(desk, RECEIPT, key)?;
        Ok(record.map(|record| KeptReceipt::read(&record)).transpose()?.map(|receipt| receipt.ticket))
    }

    pub(super) fn due(
        &self,
        desk: &str,
        until: DateTime<Utc>,
        after: Option<&DueTimer>,
        limit: usize,
    ) -> Checked<Vec<DueTimer>> {
        let read = Read::DueTimers { until, after: after.cloned().map(Box::new), limit };
        match self.read(desk, read.clone())? {
            Answer::DueTimers(due) => Ok(due),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn due_tickets(
        &self,
        until: DateTime<Utc>,
        after: Option<&DueTicket>,
        limit: usize,
    ) -> Checked<Vec<DueTicket>> {
        let read = Read::DueTickets { until, after: after.cloned().map(Box::new), limit };
        match self.read("nobody", read.clone())? {
            Answer::DueTickets(due_tickets) => Ok(due_tickets),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn find(&self, desk: &str, query: Query) -> Checked<Vec<Arc<Snapshot>>> {
        let read = Read::Find(query);
        match self.read(desk, read.clone())? {
            Answer::Tickets(tickets) => Ok(tickets),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    pub(super) fn count(&self, desk: &str, query: Query, by: GroupBy) -> Checked<BTreeMap<String, u64>> {
        let read = Read::Count { query, by };
        match self.read(desk, read.clone())? {
            Answer::Groups(counts) => Ok(counts),
            other => Err(wrong_variant(&read, &other)),
        }
    }

    /// Reads the records and tickets of the commit, then writes it.
    pub(super) fn put(&self, desk: &str, commit: Commit) -> Result<()> {
        self.run(desk, Put(commit))
    }

    /// Fails unless the row is the fold of the history and the history has no gaps. Returns the ticket.
    pub(super) fn sound(&self, desk: &str, id: TicketId) -> Checked<Arc<Snapshot>> {
        let ticket = self.ticket(desk, id)?;
        let ticket = ticket.ok_or_else(|| CheckFailure::new(format_args!("ticket {id}"), "a row", "none"))?;
        let history = self.history(desk, id)?;
        let versions: Vec<u64> = history.iter().map(|event| event.version).collect();
        same(format_args!("the versions of ticket {id}"), versions, (1..=ticket.version).collect())?;
        let fold = Snapshot::fold(&history)?;
        alike(format_args!("ticket {id}, compared with the fold of its history"), &*ticket, &fold)?;
        Ok(ticket)
    }
}

fn wrong_variant(read: &Read, answer: &Answer) -> CheckFailure {
    CheckFailure::new(
        format_args!("the answer to {read:?}"),
        "an answer of the matching variant",
        format_args!("{answer:?}"),
    )
}

/// A borrowed engine.
#[derive(Debug)]
pub(super) struct Lent<'e, E>(&'e E);

impl<E: Engine> Engine for Lent<'_, E> {
    type Reply<'a, T: Send + 'a>
        = E::Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> E::Reply<'a, F::Out> {
        self.0.run(desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> E::Reply<'a, J::Out> {
        self.0.run_job(desk, job)
    }

    fn now(&self) -> E::Reply<'_, DateTime<Utc>> {
        self.0.now()
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> E::Reply<'_, Vec<Claimed>> {
        self.0.claim(kind, limit, lease)
    }
}

/// Returns the number of timers that a sweep fired. Fails if the sweep was incomplete.
pub(super) fn complete(report: TickReport) -> Checked<usize> {
    match report.stopped.into_iter().chain(report.failed.into_iter().map(|it| it.error)).next() {
        Some(error) => Err(CheckFailure::from(error).at("a sweep")),
        None => Ok(report.fired),
    }
}

/// Sequential ids, in the order in which they were drawn.
#[derive(Debug, Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl IdSource for Counted {
    fn new_id(&self, _: DateTime<Utc>) -> Uuid {
        ticket_id(1_000_000 + self.0.fetch_add(1, Ordering::Relaxed)).as_uuid()
    }
}

/// Returns the id with this number.
pub(super) fn ticket_id(number: u64) -> TicketId {
    // The constant sets the version and variant bits, so that the id is a valid version 7 UUID.
    Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) | u128::from(number)).into()
}

/// The instant at which checks begin: a Monday morning.
pub(super) fn monday() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_767_603_600_000_000).unwrap_or_default()
}

pub(super) fn later(seconds: i64) -> DateTime<Utc> {
    monday() + TimeDelta::seconds(seconds)
}

pub(super) fn anna() -> Actor {
    Actor::agent("anna")
}

/// Reads all pages with `limit` items each.
pub(super) fn paged<T: Clone>(
    limit: usize,
    mut page: impl FnMut(Option<&T>) -> Checked<Vec<T>>,
) -> Checked<Vec<T>> {
    let mut all: Vec<T> = Vec::new();
    // The bound ends the loop if a store never returns a short page.
    for _ in 0..100 {
        let more = page(all.last())?;
        if more.len() > limit {
            let found = format_args!("{} of them", more.len());
            return Err(CheckFailure::new("a page", format_args!("at most {limit}"), found));
        }
        let last = more.len() < limit;
        all.extend(more);
        if last {
            break;
        }
    }
    Ok(all)
}

/// Writes a given commit.
#[derive(Debug)]
struct Put(Commit);

impl Operation for Put {
    type Out = ();

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.0.records().map(|it| Read::record(it.kind, it.key.as_str())));
        reads.extend(self.0.tickets().map(|it| Read::Ticket(it.snapshot.id)));
    }

    fn decide(&self, _: &Loaded) -> Result<(Commit, ()), Interrupt> {
        Ok((self.0.clone(), ()))
    }
}

/// Reads in order to write, then fails.
#[derive(Debug)]
pub(super) struct Leave(pub(super) Vec<Read>);

impl Operation for Leave {
    type Out = ();

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, ()), Interrupt> {
        loaded.need(self.0.iter().cloned())?;
        Err(Error::new(ErrorKind::Invalid, "the operation gave up on purpose").into())
    }
}

/// Returns an opening, ready to be written, as the domain decides it.
pub(super) fn opening(number: u64, request: &NewTicket, at: DateTime<Utc>) -> Result<TicketWrite> {
    let (policy, agreements, workflows) = (Policy::new(), AgreementSet::new(), WorkflowSet::default());
    let draft = request.draft(ticket_id(number), number, at, &policy, &agreements, &workflows)?;
    draft.finish()
}

pub(super) fn open(number: u64) -> Result<TicketWrite> {
    opening(number, &NewTicket::new(format!("Request {number}")).from("boris"), later(number as i64))
}

/// Returns the opening with edited facts.
pub(super) fn edited(mut write: TicketWrite, edit: impl FnOnce(&mut Opened)) -> Result<TicketWrite> {
    if let Some(Event { change: Change::Opened(opened), .. }) = write.events.first_mut() {
        edit(opened);
    }
    write.snapshot = Snapshot::fold(&write.events)?;
    write.timers = write.snapshot.timers();
    Ok(write)
}

/// Returns the write of a note to a ticket.
pub(super) fn noted(before: &Snapshot, words: &str, at: DateTime<Utc>) -> Result<TicketWrite> {
    let (by, policy) = (anna(), Policy::new());
    before.decide(&Action::note(words), &DecisionContext::new(at, &by, &policy)?)
}

/// Returns the write with another expected version.
pub(super) fn expecting(expected: u64, mut write: TicketWrite) -> TicketWrite {
    write.expected = expected;
    write
}

//! A fresh store on which a check plays, and what checks do with it.

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
use crate::operation::{Engine, Interrupt, Job, Load, Loaded, Operation};
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::store::kinds::{self, KeptReceipt, RECEIPT, THREAD};
use crate::store::{
    Answer, Changes, Claimed, Commit, DueTicket, DueTimer, Handling, Query, Read, Record, RecordKind,
    RecordRange, TicketWrite,
};
use crate::ticket::action::Action;
use crate::ticket::decision::DecisionContext;
use crate::ticket::event::{Change, Event, Opened};
use crate::ticket::opening::NewTicket;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::time::ManualTime;
use crate::workflow::Catalogue;

/// The desk at which most checks play.
pub(super) const ACME: &str = "acme";

/// A kind of the suite's own.
pub(super) const SAMPLE: RecordKind =
    RecordKind::new("conformance.sample", "sample", Changes::Replaced, Handling::IMPERSONAL);

/// A fresh store with a clock that stands still.
pub(super) struct Scene<'c, C: Candidate> {
    pub(super) candidate: &'c C,
    pub(super) store: C::Engine,
    pub(super) time: ManualTime,
    ids: Counted,
}

/// A desk over a store that is lent.
pub(super) type DeskOf<'e, C> = Desk<Lent<'e, <C as Candidate>::Engine>>;

impl<'c, C: Candidate> Scene<'c, C> {
    pub(super) fn new(candidate: &'c C) -> Checked<Scene<'c, C>> {
        let store = candidate.fresh().map_err(|error| CheckFailure::from(error).at("a fresh store"))?;
        Ok(Scene { candidate, store, time: ManualTime::at(monday()), ids: Counted::default() })
    }

    /// The same store, by the same clock, through another handle.
    pub(super) fn twin(&self) -> Checked<Scene<'c, C>> {
        let again = self.candidate.again(&self.store);
        let store = again.map_err(|error| CheckFailure::from(error).at("the same store once more"))?;
        Ok(Scene { candidate: self.candidate, store, time: self.time.clone(), ids: self.ids.clone() })
    }

    pub(super) fn lent(&self) -> Lent<'_, C::Engine> {
        Lent(&self.store)
    }

    pub(super) fn desk(&self, name: &str) -> DeskOf<'_, C> {
        Desk::over(Lent(&self.store), Settings::new(name).time(self.time.clone()).ids(self.ids.clone()))
    }

    /// Waits for what a desk or the store replies.
    pub(super) fn wait<'a, T: Send + 'a>(&self, reply: <C::Engine as Engine>::Reply<'a, T>) -> Result<T>
    where
        C::Engine: 'a,
    {
        self.candidate.wait(reply)
    }

    pub(super) fn run<F: Operation>(&self, desk: &str, operation: F) -> Result<F::Out> {
        self.wait(self.store.run(&DeskId::new(desk), operation))
    }

    /// Reads without claiming.
    pub(super) fn read(&self, desk: &str, read: Read) -> Checked<Answer> {
        let asked = format!("{read:?}");
        let answers =
            self.run(desk, Load(vec![read])).map_err(|error| CheckFailure::from(error).at(&asked))?;
        answers.into_iter().next().ok_or_else(|| CheckFailure::new(asked, "an answer", "none"))
    }

    pub(super) fn id(&self, desk: &str, read: Read) -> Checked<Option<TicketId>> {
        match self.read(desk, read.clone())? {
            Answer::Id(id) => Ok(id),
            other => Err(of_another_sort(&read, &other)),
        }
    }

    pub(super) fn ticket(&self, desk: &str, id: TicketId) -> Checked<Option<Arc<Snapshot>>> {
        match self.read(desk, Read::Ticket(id))? {
            Answer::Ticket(ticket) => Ok(ticket),
            other => Err(of_another_sort(&Read::Ticket(id), &other)),
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
            other => Err(of_another_sort(&read, &other)),
        }
    }

    pub(super) fn history(&self, desk: &str, ticket: TicketId) -> Checked<Vec<Event>> {
        self.slice(desk, ticket, 0, 1_000_000)
    }

    pub(super) fn record(&self, desk: &str, kind: RecordKind, key: &str) -> Checked<Option<Record>> {
        let read = Read::record(kind, key);
        match self.read(desk, read.clone())? {
            Answer::Record(record) => Ok(record.map(|it| *it)),
            other => Err(of_another_sort(&read, &other)),
        }
    }

    pub(super) fn records(&self, desk: &str, range: RecordRange) -> Checked<Vec<Record>> {
        let read = Read::Records(range);
        match self.read(desk, read.clone())? {
            Answer::Records(records) => Ok(records),
            other => Err(of_another_sort(&read, &other)),
        }
    }

    /// The ticket to which a thread leads.
    pub(super) fn thread(&self, desk: &str, key: &str) -> Checked<Option<TicketId>> {
        let record = self.record(desk, THREAD, key)?;
        Ok(record.map(|record| kinds::ticket_of(THREAD, &record)).transpose()?)
    }

    /// The ticket of a receipt.
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
        let read = Read::Due { until, after: after.cloned().map(Box::new), limit };
        match self.read(desk, read.clone())? {
            Answer::Due(due) => Ok(due),
            other => Err(of_another_sort(&read, &other)),
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
            other => Err(of_another_sort(&read, &other)),
        }
    }

    pub(super) fn find(&self, desk: &str, query: Query) -> Checked<Vec<Arc<Snapshot>>> {
        let read = Read::Find(query);
        match self.read(desk, read.clone())? {
            Answer::Tickets(tickets) => Ok(tickets),
            other => Err(of_another_sort(&read, &other)),
        }
    }

    /// Writes this, having read the records and tickets that are in it.
    pub(super) fn put(&self, desk: &str, commit: Commit) -> Result<()> {
        self.run(desk, Put(commit))
    }

    /// The row must be the fold of the history, and the history without gaps.
    pub(super) fn sound(&self, desk: &str, id: TicketId) -> Checked<Arc<Snapshot>> {
        let ticket = self.ticket(desk, id)?;
        let ticket = ticket.ok_or_else(|| CheckFailure::new(format_args!("ticket {id}"), "a row", "none"))?;
        let history = self.history(desk, id)?;
        let versions: Vec<u64> = history.iter().map(|event| event.version).collect();
        same(format_args!("the versions of ticket {id}"), versions, (1..=ticket.version).collect())?;
        let fold = Snapshot::fold(&history)?;
        alike(format_args!("ticket {id}, beside the fold of its history"), &*ticket, &fold)?;
        Ok(ticket)
    }
}

fn of_another_sort(read: &Read, answer: &Answer) -> CheckFailure {
    CheckFailure::new(
        format_args!("the answer to {read:?}"),
        "one of its own sort",
        format_args!("{answer:?}"),
    )
}

/// An engine that is lent.
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

    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> E::Reply<'a, J::Out> {
        self.0.work(desk, job)
    }

    fn now(&self) -> E::Reply<'_, DateTime<Utc>> {
        self.0.now()
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> E::Reply<'_, Vec<Claimed>> {
        self.0.claim(kind, limit, lease)
    }
}

/// How many timers a sweep fired. It must have come to its end.
pub(super) fn complete(report: TickReport) -> Checked<usize> {
    match report.stopped.into_iter().chain(report.failed.into_iter().map(|it| it.error)).next() {
        Some(error) => Err(CheckFailure::from(error).at("a sweep")),
        None => Ok(report.fired),
    }
}

/// Ids that are counted. Their order is that of drawing.
#[derive(Debug, Clone, Default)]
struct Counted(Arc<AtomicU64>);

impl IdSource for Counted {
    fn new_id(&self, _: DateTime<Utc>) -> Uuid {
        ticket_id(1_000_000 + self.0.fetch_add(1, Ordering::Relaxed)).as_uuid()
    }
}

/// An id by number.
pub(super) fn ticket_id(number: u64) -> TicketId {
    // The version and variant bits of a version 7 UUID, so that it is one for everybody who looks.
    Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) | u128::from(number)).into()
}

/// When checks begin: a Monday morning.
pub(super) fn monday() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_767_603_600_000_000).unwrap_or_default()
}

pub(super) fn later(seconds: i64) -> DateTime<Utc> {
    monday() + TimeDelta::seconds(seconds)
}

pub(super) fn anna() -> Actor {
    Actor::agent("anna")
}

/// Pages through what comes by places, with this many at once.
pub(super) fn paged<T: Clone>(
    limit: usize,
    mut page: impl FnMut(Option<&T>) -> Checked<Vec<T>>,
) -> Checked<Vec<T>> {
    let mut all: Vec<T> = Vec::new();
    // More pages than there can be, should a store always have one more.
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

/// Writes what it is told.
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

/// Reads in order to write, and then does not.
#[derive(Debug)]
pub(super) struct Leave(pub(super) Vec<Read>);

impl Operation for Leave {
    type Out = ();

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, ()), Interrupt> {
        loaded.need(self.0.iter().cloned())?;
        Err(Error::new(ErrorKind::Invalid, "it was thought better of").into())
    }
}

/// An opening to be written, as the domain decides it.
pub(super) fn opening(number: u64, request: &NewTicket, at: DateTime<Utc>) -> Result<TicketWrite> {
    let decision = request.decide(
        ticket_id(number),
        number,
        at,
        &Policy::default(),
        &AgreementSet::new(),
        &Catalogue::default(),
    )?;
    Ok(decision.into())
}

pub(super) fn open(number: u64) -> Result<TicketWrite> {
    opening(number, &NewTicket::new(format!("Request {number}")).from("boris"), later(number as i64))
}

/// The same opening with other facts.
pub(super) fn edited(mut write: TicketWrite, edit: impl FnOnce(&mut Opened)) -> Result<TicketWrite> {
    if let Some(Event { change: Change::Opened(opened), .. }) = write.events.first_mut() {
        edit(opened);
    }
    write.snapshot = Snapshot::fold(&write.events)?;
    write.timers = write.snapshot.timers();
    Ok(write)
}

/// What a note to a ticket as it stands writes.
pub(super) fn noted(before: &Snapshot, words: &str, at: DateTime<Utc>) -> Result<TicketWrite> {
    let (by, policy, rules, workflows) =
        (anna(), Policy::default(), AgreementSet::new(), Catalogue::default());
    let context = DecisionContext {
        now: at,
        by: &by,
        policy: &policy,
        agreements: &rules,
        workflows: &workflows,
        history: None,
    };
    Ok(before.decide(&Action::note(words), &context)?.into())
}

/// The same write with another expected version.
pub(super) fn expecting(expected: u64, mut write: TicketWrite) -> TicketWrite {
    write.expected = expected;
    write
}

//! The stage for scenarios: a desk over each compiled-in store, with a manual clock and sequential ids.

#![allow(dead_code)] // No test target uses all of it.

#[cfg(feature = "postgres")]
#[path = "postgres.rs"]
pub(crate) mod postgres;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firstline::desk::Settings;
use firstline::id::IdSource;
use firstline::memory::{Memory, MemoryTx};
use firstline::operation::{Engine, Job, Operation, blocking};
use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
use firstline::ticket::kind::Link;
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, DateTime, Desk, DeskId, Error, Event, NewTicket, Rejection, Snapshot, TicketId, TimeDelta,
    Utc,
};

/// A Monday morning.
pub(crate) fn monday() -> DateTime<Utc> {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

/// Sequential ids: the same run draws the same ids, in increasing order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counted(Arc<AtomicU64>);

impl IdSource for Counted {
    fn new_id(&self, _: DateTime<Utc>) -> uuid::Uuid {
        let count = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        // The version and variant bits of UUID version 7, so that every reader accepts the id.
        uuid::Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) | u128::from(count))
    }
}

/// Any of the stores, as one type.
#[derive(Debug, Clone)]
pub(crate) enum AnyStore {
    Memory(Memory),
    #[cfg(feature = "sqlite")]
    Sqlite(firstline::sqlite::Sqlite),
    /// A store that corrupts each commit, to prove that tests which compare stores can fail.
    Faulty(Memory, fn(&mut Commit)),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::Blocked>),
}

/// Runs the same code with any of the stores; calls to an asynchronous store block.
macro_rules! any_store {
    ($any:expr, $store:ident => $blocks:expr, $awaited:ident => $awaits:expr) => {
        match $any {
            AnyStore::Memory($store) => $blocks,
            #[cfg(feature = "sqlite")]
            AnyStore::Sqlite($store) => $blocks,
            AnyStore::Faulty(store, corrupt) => {
                let $store = &CorruptingStore(store, *corrupt);
                $blocks
            }
            #[cfg(feature = "postgres")]
            AnyStore::Postgres($awaited) => $awaits,
        }
    };
}

impl Engine for AnyStore {
    type Reply<'a, T: Send + 'a> = firstline::Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> firstline::Result<F::Out> {
        any_store!(self, store => blocking::drive(store, desk, &operation), awaited => awaited.run(desk, operation))
    }

    fn run_job<J: Job>(&self, desk: &DeskId, job: J) -> firstline::Result<J::Out> {
        any_store!(self, store => blocking::run_job(store, desk, job), awaited => awaited.run_job(desk, job))
    }
}

struct CorruptingStore<'s>(&'s Memory, fn(&mut Commit));

impl Store for CorruptingStore<'_> {
    type Tx<'a>
        = CorruptingTx<MemoryTx<'a>>
    where
        Self: 'a;

    fn begin(&self, desk: &DeskId, mode: Mode) -> firstline::Result<Self::Tx<'_>> {
        Ok(CorruptingTx(self.0.begin(desk, mode)?, self.1))
    }
}

struct CorruptingTx<T>(T, fn(&mut Commit));

impl<T: Tx> Tx for CorruptingTx<T> {
    fn load(&mut self, reads: &[Read]) -> firstline::Result<Vec<Answer>> {
        self.0.load(reads)
    }

    fn commit(&mut self, mut commit: Commit) -> firstline::Result<()> {
        (self.1)(&mut commit);
        self.0.commit(commit)
    }
}

/// A desk over any of the stores.
pub(crate) type AnyDesk = Desk<AnyStore>;

/// One store with a desk called `acme`.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    /// The store's name, for messages.
    pub(crate) name: &'static str,
    pub(crate) store: AnyStore,
    pub(crate) time: ManualTime,
    pub(crate) desk: AnyDesk,
}

impl Stage {
    pub(crate) fn new(name: &'static str, store: AnyStore) -> Stage {
        Stage::at(name, store, "acme")
    }

    /// The same with a given desk id, for many desks in one store.
    pub(crate) fn at(name: &'static str, store: AnyStore, desk: &str) -> Stage {
        let time = ManualTime::at(monday());
        let desk = Desk::over(store.clone(), settings(desk, &time));
        Stage { name, store, time, desk }
    }

    /// Another desk in the same store, with the same clock.
    pub(crate) fn other_desk(&self, id: &str) -> AnyDesk {
        Desk::over(self.store.clone(), settings(id, &self.time))
    }

    /// Opens a ticket with the requester `boris`.
    pub(crate) fn open(&self) -> TicketId {
        self.desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id()
    }

    /// Opens a ticket of `boris` and runs these actions as `anna`.
    pub(crate) fn opened_and(&self, actions: impl IntoIterator<Item = Action>) -> TicketId {
        let ticket = self.open();
        actions.into_iter().for_each(|action| self.does(ticket, action));
        ticket
    }

    /// Runs an action as the agent `anna`. The action must succeed.
    pub(crate) fn does(&self, ticket: TicketId, action: Action) {
        let action_text = format!("{action:?}");
        self.desk.act(ticket, action, anna()).unwrap_or_else(|error| panic!("{action_text}: {error}"));
    }

    pub(crate) fn ticket(&self, ticket: TicketId) -> Snapshot {
        self.desk.ticket(ticket).unwrap().into_snapshot()
    }

    pub(crate) fn history(&self, ticket: TicketId) -> Vec<Event> {
        self.desk.records().history(ticket).unwrap()
    }

    /// The ticket's own links and the links that lead to it.
    pub(crate) fn links(&self, ticket: TicketId) -> Vec<Link> {
        self.desk.records().links(ticket, None).unwrap()
    }

    /// Advances the clock.
    pub(crate) fn later(&self, by: TimeDelta) {
        self.time.advance(by);
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        firstline::time::TimeSource::now(&self.time)
    }

    /// Runs a call that must fail, and checks that it changed nothing on this ticket.
    #[track_caller]
    pub(crate) fn refuses<T: std::fmt::Debug>(
        &self,
        ticket: TicketId,
        attempt: impl FnOnce(&AnyDesk) -> firstline::Result<T>,
    ) -> Error {
        let before = (self.ticket(ticket), self.history(ticket));
        let error = attempt(&self.desk).expect_err("it was accepted");
        assert_eq!(
            (self.ticket(ticket), self.history(ticket)),
            before,
            "the refused call changed the ticket"
        );
        error
    }
}

fn settings(desk: &str, time: &ManualTime) -> Settings {
    Settings::new(desk).time(time.clone()).ids(Counted::default())
}

/// A new stage for every store.
pub(crate) fn stages() -> Vec<Stage> {
    let memory = Stage::new("memory", AnyStore::Memory(Memory::new()));
    [Some(memory), sqlite(), postgres()].into_iter().flatten().collect()
}

#[cfg(feature = "sqlite")]
fn sqlite() -> Option<Stage> {
    // Only a hang can reach this timeout.
    let acquire_timeout = std::time::Duration::from_secs(60);
    let store = firstline::sqlite::SqliteOptions::new().acquire_timeout(acquire_timeout).in_memory().unwrap();
    Some(Stage::new("SQLite", AnyStore::Sqlite(store)))
}

#[cfg(not(feature = "sqlite"))]
fn sqlite() -> Option<Stage> {
    None
}

/// Skipped if no server is set, which `tests/postgres.rs` reports. With `CI=true` a server is required.
#[cfg(feature = "postgres")]
fn postgres() -> Option<Stage> {
    let store = || AnyStore::Postgres(Box::new(postgres::Blocked::fresh()));
    (postgres::url().is_some() || postgres::required()).then(|| Stage::new("PostgreSQL", store()))
}

#[cfg(not(feature = "postgres"))]
fn postgres() -> Option<Stage> {
    None
}

/// Runs a scenario over every store.
pub(crate) fn on_each_store(scenario: impl Fn(&Stage)) {
    for stage in stages() {
        scenario(&stage);
    }
}

/// An agent.
pub(crate) fn anna() -> Actor {
    Actor::agent("anna")
}

/// The requester of [`Stage::open`].
pub(crate) fn boris() -> Actor {
    Actor::contact("boris")
}

/// The facts of a refusal.
#[track_caller]
pub(crate) fn rejection(error: &Error) -> &Rejection {
    error.rejection().unwrap_or_else(|| panic!("not a refusal: {error}"))
}

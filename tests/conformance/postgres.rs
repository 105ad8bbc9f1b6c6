//! PostgreSQL, in the store's own transactions and in the host's.

use std::sync::{Arc, Mutex};
use std::task::Poll;

use firstline::conformance::Candidate;
use firstline::operation::async_store::Reply;
use firstline::operation::{Engine, Job, Operation};
use firstline::postgres::Postgres;
use firstline::store::{Claimed, Mode, RecordKind};
use firstline::{DateTime, DeskId, Error, ErrorKind, Result, TimeDelta, Utc};
use tokio_postgres::{Client, IsolationLevel};

use super::server::{Place, block_on, pooler};

/// Polls a future `polls` times, each time when it has been woken, and then drops it.
fn abandon<T>(mut reply: Reply<'_, T>, polls: u32) {
    let mut left = polls;
    block_on(std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        reply.as_mut().poll(context).map(drop)
    }));
}

async fn connected(place: &Place, way: Way) -> Result<Postgres> {
    if way == Way::Pooler {
        let url = pooler().expect("FIRSTLINE_PGBOUNCER is the URL of a pooler; bash .ci/postgres starts one");
        return place.options().connections(4).connect(&format!("{url}/transaction")).await;
    }
    // Power failures are not tested here, so commits need not be synced.
    let joint = if place.url.contains('?') { '&' } else { '?' };
    let url = format!("{}{joint}options=-c%20synchronous_commit%3Doff", place.url);
    place.options().connections(4).connect(&url).await
}

/// The way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Direct,
    /// Through pgbouncer in transaction mode, with two server connections for all clients.
    Pooler,
}

pub(crate) struct Own(pub(crate) Way);

pub(crate) struct Owned {
    store: Postgres,
    way: Way,
    place: Arc<Place>,
}

impl Engine for Owned {
    type Reply<'a, T: Send + 'a> = Reply<'a, T>;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        self.store.run(desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        self.store.run_job(desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Engine::now(&self.store)
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Engine::claim(&self.store, kind, limit, lease)
    }
}

impl Candidate for Own {
    type Engine = Owned;

    fn create(&self) -> Result<Owned> {
        let place = Place::fresh();
        Ok(Owned { store: block_on(connected(&place, self.0))?, way: self.0, place: Arc::new(place) })
    }

    fn reopen(&self, store: &Owned) -> Result<Owned> {
        let Owned { way, place, .. } = store;
        Ok(Owned { store: block_on(connected(place, *way))?, way: *way, place: Arc::clone(place) })
    }

    fn wait<'a, T: Send + 'a>(&self, reply: Reply<'a, T>) -> Result<T> {
        block_on(reply)
    }

    fn abandon<'a, T: Send + 'a>(&self, reply: Reply<'a, T>, polls: u32) {
        abandon(reply, polls);
    }
}

/// Runs each operation in a transaction of the host, which commits regardless of the result.
pub(crate) struct InHost;

pub(crate) struct Hosted {
    store: Postgres,
    place: Arc<Place>,
    idle: Mutex<Vec<Client>>,
}

impl Hosted {
    async fn inside<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        let host = |error| Error::new(ErrorKind::Busy, "the host's transaction").caused_by(error);
        let idle = self.idle.lock().unwrap().pop();
        let mut client = match idle {
            Some(client) => client,
            None => self.place.host().await,
        };
        // A host that needs to read one state uses REPEATABLE READ.
        let begun = match operation.mode() {
            Mode::Read => client.build_transaction().isolation_level(IsolationLevel::RepeatableRead),
            Mode::Write => client.build_transaction(),
        };
        let mut tx = begun.start().await.map_err(host)?;
        let out = self.store.within(&mut tx).run(desk, operation).await;
        tx.commit().await.map_err(host)?;
        self.idle.lock().unwrap().push(client);
        out
    }
}

impl Engine for Hosted {
    type Reply<'a, T: Send + 'a> = Reply<'a, T>;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        let desk = desk.clone();
        Box::pin(async move { self.inside(&desk, operation).await })
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, mut job: J) -> Reply<'a, J::Out> {
        let home = desk.clone();
        Box::pin(async move {
            while let Some(step) = job.next() {
                let desk = step.desk().unwrap_or(&home).clone();
                let result = self.inside(&desk, step.clone()).await;
                step.complete(&mut job, result)?;
            }
            Ok(job.finish())
        })
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(async move {
            let host = |error| Error::new(ErrorKind::Busy, "the host's transaction").caused_by(error);
            let mut client = self.place.host().await;
            let mut tx = client.transaction().await.map_err(host)?;
            let claimed = Engine::claim(&self.store.within(&mut tx), kind, limit, lease).await;
            tx.commit().await.map_err(host)?;
            claimed
        })
    }
}

impl InHost {
    fn hosted(place: Arc<Place>) -> Result<Hosted> {
        let store = block_on(connected(&place, Way::Direct))?;
        Ok(Hosted { store, place, idle: Mutex::default() })
    }
}

impl Candidate for InHost {
    type Engine = Hosted;

    fn create(&self) -> Result<Hosted> {
        InHost::hosted(Arc::new(Place::fresh()))
    }

    fn reopen(&self, store: &Hosted) -> Result<Hosted> {
        InHost::hosted(Arc::clone(&store.place))
    }

    fn wait<'a, T: Send + 'a>(&self, reply: Reply<'a, T>) -> Result<T> {
        block_on(reply)
    }

    fn abandon<'a, T: Send + 'a>(&self, reply: Reply<'a, T>, polls: u32) {
        abandon(reply, polls);
    }
}

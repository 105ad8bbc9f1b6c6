//! The PostgreSQL server of the tests: `FIRSTLINE_POSTGRES` is its URL. `.ci/postgres` starts one.

#![allow(dead_code)] // No test target uses all of it.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use firstline::operation::{Engine, Job, Operation};
use firstline::postgres::{Postgres, PostgresOptions};
use firstline::store::{Claimed, RecordKind};
use firstline::{DeskId, Result, TimeDelta};
use tokio::runtime::Runtime;

/// The URL of the server, if one is set.
pub(crate) fn url() -> Option<String> {
    std::env::var("FIRSTLINE_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// The URL of pgbouncer without the database, if one is set. `.ci/postgres` starts it with the databases `transaction`,
/// `session` and `statement`, which are the same database in three modes.
pub(crate) fn pooler() -> Option<String> {
    std::env::var("FIRSTLINE_PGBOUNCER").ok().filter(|url| !url.is_empty())
}

/// True if a missing server fails a test instead of skipping it.
pub(crate) fn required() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// Adds settings for each connection to the URL.
pub(crate) fn with_options(url: &str, options: &str) -> String {
    let more = if url.contains('?') { '&' } else { '?' };
    format!("{url}{more}options={}", options.replace(' ', "%20").replace('=', "%3D"))
}

/// A schema that no other test uses. It is dropped with the value.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) schema: String,
}

impl Place {
    /// A place with a new name, so a schema that a killed run left behind is never reused.
    pub(crate) fn fresh() -> Place {
        let url = url().expect("FIRSTLINE_POSTGRES is the URL of a server; bash .ci/postgres starts one");
        #[allow(clippy::disallowed_methods)] // The name must be unique, not repeatable.
        let name = uuid::Uuid::now_v7().simple();
        Place { url, schema: format!("firstline_test_{name}") }
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        // Only a hang can reach this timeout.
        PostgresOptions::new().schema(&self.schema).acquire_timeout(Duration::from_secs(600))
    }

    /// The URL for sessions that [`lock_waiters`](Place::lock_waiters) finds.
    pub(crate) fn named_url(&self) -> String {
        let more = if self.url.contains('?') { '&' } else { '?' };
        format!("{}{more}application_name={}", self.url, self.schema)
    }

    /// Returns the process ids of the named sessions that wait for a lock. The server lists all locks at one instant.
    pub(crate) async fn lock_waiters(&self, watch: &tokio_postgres::Client) -> BTreeSet<i32> {
        let waiting = "SELECT pid FROM pg_locks WHERE NOT granted \
                       AND pid IN (SELECT pid FROM pg_stat_activity WHERE application_name = $1)";
        let rows = watch.query(waiting, &[&self.schema]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Waits until this number of named sessions waits for a lock.
    pub(crate) async fn until_waiting(&self, watch: &tokio_postgres::Client, count: usize) {
        while self.lock_waiters(watch).await.len() != count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn store(&self) -> Postgres {
        self.options().connect(&self.url).await.unwrap()
    }

    /// A connection of the host application.
    pub(crate) async fn host(&self) -> tokio_postgres::Client {
        connect(&self.url).await
    }

    pub(crate) async fn count(&self, what: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {}.{what}", self.schema);
        self.host().await.query_one(&query, &[]).await.unwrap().get(0)
    }
}

pub(crate) async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

impl Drop for Place {
    fn drop(&mut self) {
        let (url, schema) = (self.url.clone(), self.schema.clone());
        // On its own thread, because this may run inside the runtime.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = connect(&url).await;
                let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE")).await;
            });
        });
        let _ = dropped.join();
    }
}

/// A blocking engine over the asynchronous PostgreSQL store.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    store: Postgres,
    _place: Arc<Place>,
}

impl Blocked {
    pub(crate) fn fresh() -> Blocked {
        let place = Place::fresh();
        // The comparison of stores does not need durability.
        let url = with_options(&place.url, "-c synchronous_commit=off");
        // Only a hang can reach this timeout.
        let options = place.options().connections(4).acquire_timeout(Duration::from_secs(60));
        let store = block_on(options.connect(&url)).unwrap();
        Blocked { store, _place: Arc::new(place) }
    }
}

impl Engine for Blocked {
    type Reply<'a, T: Send + 'a> = Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        block_on(self.store.run(desk, operation))
    }

    fn run_job<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        block_on(self.store.run_job(desk, job))
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        block_on(Engine::claim(&self.store, kind, limit, lease))
    }
}

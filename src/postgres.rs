//! The PostgreSQL store: a desk in a schema of its own, awaited, for as many programs as like.
//!
//! ```no_run
//! use firstline::{Action, Actor, Desk, NewTicket};
//!
//! # async fn example() -> firstline::Result<()> {
//! let desk = Desk::connect("postgres://shop@localhost/shop").await?;
//! let ticket = desk.open_ticket(NewTicket::new("Card declined").from("customer-77")).await?;
//! desk.act(ticket.id(), Action::reply("It works again."), Actor::agent("anna")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What to rely on
//!
//! - Most commands take two round trips: one to claim and read, one to write and commit. One that learns only then what
//!   else it needs (the ticket of a thread, the other end of a link) takes one more. What it writes is one statement.
//! - Commands on different tickets do not wait for each other; on the same ticket, thread or key they do. Tickets are
//!   locked as rows; what may have no row (a thread, a key) is claimed by an advisory lock of the transaction. Every
//!   command claims in the same order, so that none waits for ever. What only reads claims nothing and waits for nobody,
//!   for whom a share of the [`connections`](Options::connections) is kept.
//! - Running numbers have no gaps. For that, openings at *one* desk queue up from the reading of the number to the
//!   commit: one desk opens as many tickets a second as the server syncs commits one after another.
//! - An acknowledged command is as safe as the server's `synchronous_commit` makes it.
//! - A command that meets a deadlock, a serialization failure or a server that is starting anew is tried again, for
//!   about as long as the [patience](Options::patience) lasts. If the connection breaks while it is committed, its locks
//!   are taken again and its events are looked for; without events, its records. The error is
//!   [`Unknown`](ErrorKind::Unknown) if the server stays away, or if the records do not prove what happened: one may have been
//!   claimed or deleted since.
//! - [`Options::connect`] does not encrypt, and refuses `sslmode=require`: for TLS there is [`Options::connect_with`].
//! - A server that has vanished without a word keeps nobody waiting for ever: where no answer comes, the connection is
//!   given up, and the command fails, or is looked for as above. A commit that was only too slow still has its claims:
//!   then the error may be [`Unknown`](ErrorKind::Unknown) too, and the commit may land later. In the host's
//!   transaction that is the host's affair.
//! - A future may be dropped at any time: its command is then written whole or not at all. Which of them is not known:
//!   repeat it with the same [key](crate::Actor::once). What it waited for is cancelled, and its connection counts as one of
//!   the [`connections`](Options::connections) until the server has let go of it.
//! - Inside a transaction of the host's, see [`Desk::within`], nothing is committed, rolled back or tried again that
//!   is the host's. Nor is the isolation ours: what is read at once there is of one state if it is `REPEATABLE READ`.
//!
//! # The URL
//!
//! It is that of `tokio-postgres`, see `tokio_postgres::Config`: `application_name` (`firstline`, if it says nothing),
//! `connect_timeout`, settings of each connection as `options=-c%20synchronous_commit%3Doff`, several hosts with
//! `target_session_attrs=read-write`. With `sslmode=require` it needs a connector for TLS, and [`Options::connect_with`].
//! This one is that of `tokio-postgres-rustls` 0.13, with `rustls` 0.23 and its features `ring`, `std` and `tls12`:
//!
//! ```text
//! let mut roots = rustls::RootCertStore::empty();
//! roots.add(std::fs::read("ca.der")?.into())?;
//! let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
//! let tls = rustls::ClientConfig::builder_with_provider(provider)
//!     .with_safe_default_protocol_versions()?
//!     .with_root_certificates(roots)
//!     .with_no_client_auth();
//! let tls = tokio_postgres_rustls::MakeRustlsConnect::new(tls);
//! let url = "postgres://shop@db.example/shop?sslmode=require";
//! let store = Options::new().connect_with(url, tls).await?;
//! ```
//!
//! # Deploying
//!
//! A program whose role may make tables needs nothing else. Otherwise the owner of the tables connects once for each new
//! version with [`Migrations::Apply`], which may be repeated at will, or runs the text of [`Options::migrations_sql`] once, and
//! that of [`Options::migrations_sql_from`] for each new version.
//! Then the owner lets the program's role in, here `shop`, and the program starts with [`Migrations::Verify`]:
//!
//! ```sql
//! GRANT USAGE ON SCHEMA firstline TO shop;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA firstline TO shop;
//! -- For the tables of later versions, by the role that makes them:
//! ALTER DEFAULT PRIVILEGES IN SCHEMA firstline GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop;
//! ```
//!
//! When the last clone of a [`Postgres`], and of its desks, is dropped, its connections are closed.
//!
//! # What it needs
//!
//! It needs a database in UTF8 and a tokio runtime. It is tested with PostgreSQL 15, and uses nothing that is younger than
//! version 12. The statements are plain SQL and every key starts with the desk, so that Citus may distribute the tables
//! by it. Neither Citus, nor servers that only speak PostgreSQL's protocol, nor connection poolers in between were tried.
//! Advisory locks, on which much of the above rests, are not had everywhere.

mod answer;
mod connect;
pub mod driver;
mod fault;
mod line;
mod options;
mod schema;
mod seats;
mod sql;
mod tx;
mod wire;
mod within;
mod write;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Pool;

use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::awaiting::{self, AsyncStore, AsyncTx, Reply};
use crate::flow::{Engine, Flow, Job};
use crate::id::DeskId;
use crate::store::{Claimed, Mode, RecordKind};
use fault::Fault;
use line::{Cancel, Limits, Line};
use seats::Seats;
use sql::Shared;
use tx::{Door, Work};

pub use options::{Migrations, Options};
pub use tx::PostgresTx;
pub use within::{Within, WithinTx};

/// A store in PostgreSQL. Clones share the connections.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    pool: Pool,
    seats: Seats,
    shared: Shared,
    limits: Limits,
    cancel: Cancel,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the pool, which knows a password.
        f.debug_struct("Postgres").field("schema", &self.0.shared.sql.schema).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to the database at a URL with the default [`Options`].
    ///
    /// # Errors
    /// See [`Options::connect`].
    pub async fn connect(url: &str) -> Result<Postgres> {
        Options::new().connect(url).await
    }

    /// A desk in this database. Several desks do not see each other.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Postgres> {
        Desk::over(self.clone(), settings)
    }

    /// A connection to spare, or one that is made.
    async fn line(&self, mode: Mode) -> Result<Line, Fault> {
        let Inner { pool, seats, limits, cancel, .. } = &*self.0;
        let seat = seats.take(mode, limits.patience).await?;
        let (connection, seat) = if pool.status().available > 0 {
            (pool.get().await?, seat)
        } else {
            // By a task, which makes it whether or not somebody still waits for it: a connection that is given up half
            // made is one more at the server, and callers with little time would never have one.
            let pool = pool.clone();
            let made = tokio::spawn(async move { pool.get().await.map(|connection| (connection, seat)) });
            made.await.map_err(|ended| Fault::new(None, true, ended.into()))??
        };
        Ok(Line::new(connection, seat, *limits, cancel.clone()))
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Desk<Postgres> {
    /// A desk called `main` in the database at a URL; its tables are made if they are not there. Another name, another
    /// clock, several desks, TLS: [`Options`] and [`Postgres::desk`].
    ///
    /// # Errors
    /// See [`Options::connect`].
    pub async fn connect(url: &str) -> Result<Desk<Postgres>> {
        Ok(Postgres::connect(url).await?.desk("main"))
    }
}

impl Engine for Postgres {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Flow>(&'a self, desk: &DeskId, flow: F) -> Reply<'a, F::Out> {
        awaiting::run(self, desk, flow)
    }

    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        awaiting::work(self, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(AsyncStore::now(self))
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(AsyncStore::claim(self, kind, limit, lease))
    }
}

/// What reads sees one state of the database, and waits for nobody.
const READS: Door = Door {
    begin: Some("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    commit: "COMMIT",
    leave: Some("COMMIT"),
    own: true,
};

/// What writes sees what it has claimed as it is.
const WRITES: Door = Door {
    begin: Some("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"),
    commit: "COMMIT",
    leave: Some("ROLLBACK"),
    own: true,
};

impl AsyncStore for Postgres {
    type Tx<'a> = PostgresTx<'a>;

    async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<PostgresTx<'_>> {
        in_runtime()?;
        let line = self.line(mode).await?;
        let door = match mode {
            Mode::Read => &READS,
            Mode::Write => &WRITES,
        };
        Ok(PostgresTx { work: Work::new(&self.0.shared, desk, mode, door), line: Some(line) })
    }

    async fn wait(&self, tries: u32, error: &Error) -> bool {
        fault::wait(tries, error, self.0.limits.patience).await
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Read).await?;
        let now = tx.now().await;
        tx.leave().await;
        now
    }

    async fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Write).await?;
        let claimed = tx.claim(kind, limit, lease).await;
        tx.leave().await;
        claimed
    }
}

/// Connections are tasks of a tokio runtime; outside of one, tokio would panic.
fn in_runtime() -> Result<()> {
    tokio::runtime::Handle::try_current().map(drop).map_err(|error| {
        Error::new(ErrorKind::Storage, "PostgreSQL is awaited inside a tokio runtime only").caused_by(error)
    })
}

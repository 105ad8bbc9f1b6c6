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
//!   about as long as the [patience](Options::patience) lasts. If the connection breaks while it is committed, its claims
//!   are taken once more and its events looked for; only if the server stays away the error is
//!   [`Unknown`](ErrorKind::Unknown).
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
mod schema;
mod seats;
mod sql;
mod tx;
mod wire;
mod within;
mod write;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
use sql::Sql;
use tx::{Door, Work};

pub use tx::PostgresTx;
pub use within::{Within, WithinTx};

/// What all transactions of a store share.
type Shared = crate::codec::Shared<Sql>;

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

/// Who makes the tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Migrations {
    /// The program itself, when it starts: in one transaction, however many start at once.
    #[default]
    Apply,
    /// Somebody else, with the statements of [`Options::migrations_sql`], and of [`Options::migrations_sql_from`] when a
    /// later version of the crate needs more, or with another program that applies them. The program only looks, says
    /// which version it found, and needs fewer rights: the [module's page](self) lists them.
    Verify,
}

/// How to connect. [`Postgres::connect`] and [`Desk::connect`] take the defaults.
///
/// ```
/// use firstline::postgres::{Migrations, Options};
///
/// let options = Options::new().schema("support").connections(32).migrations(Migrations::Verify);
/// assert!(options.migrations_sql()?.starts_with("BEGIN;\nCREATE SCHEMA IF NOT EXISTS \"support\";"));
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    schema: String,
    connections: usize,
    migrations: Migrations,
    patience: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            schema: "firstline".to_owned(),
            connections: 16,
            migrations: Migrations::Apply,
            patience: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// The schema `firstline`, up to 16 connections, tables made when they are not there, a patience of ten seconds.
    pub fn new() -> Options {
        Options::default()
    }

    /// Another schema: up to 50 lower-case ASCII letters, digits and `_`, not beginning with a digit or `pg_`. It is
    /// firstline's alone, so `public` is refused.
    pub fn schema(mut self, schema: impl Into<String>) -> Options {
        self.schema = schema.into();
        self
    }

    /// At most so many connections, from 1 to 1,000. Each command uses one, also while it waits for what another has
    /// claimed. Of three or more, a quarter, and at least one, is kept for reading; of one or two none is, and reading may
    /// then wait behind writing.
    ///
    /// As many as the server has cores, times two or three, are plenty for most. Of several processes each has so many:
    /// all of them together, and the host's own, must be fewer than the server's `max_connections`.
    pub fn connections(mut self, connections: usize) -> Options {
        self.connections = connections;
        self
    }

    /// How long a command waits for what it cannot have at once, from a tenth of a second to an hour: for a connection
    /// to spare, for a new one, for what another command has claimed, and for a server that is starting anew. In vain, it
    /// fails as [`Busy`](ErrorKind::Busy).
    ///
    /// An answer is waited for twice as long, and as long again for each further claim that is taken on the way to it
    /// (up to eight in all), so that a server that is there says itself what is in the way. Where none comes, because
    /// the server has vanished or an import's batch is too large for a slow one, the connection is given up, and a
    /// command that was not being committed is tried once more on a new one. One whose commit was only too slow still
    /// has its claims: looking for it may end as [`Unknown`](ErrorKind::Unknown), and the commit may land later. So a
    /// command ends within some times the patience, whatever became of the server.
    ///
    /// A `lock_timeout` in the URL's `options` has precedence where locks are concerned: a longer one makes the wait
    /// for an answer longer, and with 0, which is no limit, there is none for answers either. In the host's
    /// transaction, see [`Desk::within`], the host's settings hold instead.
    pub fn patience(mut self, patience: Duration) -> Options {
        self.patience = patience;
        self
    }

    /// Who makes the tables.
    pub fn migrations(mut self, migrations: Migrations) -> Options {
        self.migrations = migrations;
        self
    }

    /// All migrations as a text for `psql`, for those who let no program make tables. Where there are tables already,
    /// it is [those after their version](Options::migrations_sql_from) that are wanted.
    ///
    /// # Errors
    /// A [definition error](ErrorKind::Definition) if the schema's name has other characters.
    pub fn migrations_sql(&self) -> Result<String> {
        self.migrations_sql_from(0)
    }

    /// The migrations that bring tables of this version to that of the program, as a text for `psql`: one transaction,
    /// which changes nothing and says so if the tables have another version, or are being migrated by somebody else. The
    /// version is that of which [`connect`](Options::connect) complains; 0 is no tables at all.
    ///
    /// # Errors
    /// A [definition error](ErrorKind::Definition) if there is no such version, or the schema's name has other
    /// characters.
    pub fn migrations_sql_from(&self, version: usize) -> Result<String> {
        self.check()?;
        schema::script(&self.schema, version)
    }

    fn check(&self) -> Result<()> {
        let Options { schema, connections, patience, .. } = self;
        let plain = schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let begins_well = !schema.starts_with(|c: char| c.is_ascii_digit()) && !schema.starts_with("pg_");
        if matches!(schema.as_str(), "public" | "information_schema") {
            return Err(Error::definition("schema", format_args!("{schema:?} is everybody's"))
                .allowing("a schema that is firstline's alone"));
        }
        if !(plain && begins_well && (1..=50).contains(&schema.len())) {
            return Err(Error::definition("schema", format_args!("{schema:?} cannot be a schema's name"))
                .allowing(
                    "1 to 50 lower-case ASCII letters, digits and `_`, not beginning with a digit or `pg_`",
                ));
        }
        if !(1..=1_000).contains(connections) {
            return Err(Error::definition("connections", format_args!("{connections} are out of range"))
                .allowing("1 to 1,000"));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(3_600)).contains(patience) {
            return Err(Error::definition("patience", format_args!("{patience:?} is out of range"))
                .allowing("a tenth of a second to an hour"));
        }
        Ok(())
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

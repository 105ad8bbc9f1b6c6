//! The PostgreSQL store: an async store in its own schema, which any number of programs can share.
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
//! # Guarantees
//!
//! - Most commands take two round trips: one to lock and read, one to write and commit. A command takes one more if it
//!   learns from its first reads what else it needs, such as the ticket of a thread or the other end of a link. All
//!   rows of a command are written by one statement.
//! - Commands on different tickets do not wait for each other. Commands on the same ticket, thread or key do. Tickets
//!   are locked as rows. A thread or key may have no row yet, so it is locked by a transaction-level advisory lock.
//!   Every command takes its locks in the same order, which prevents deadlocks between commands.
//! - Read-only operations lock nothing and do not wait for writers. A share of the
//!   [`connections`](PostgresOptions::connections) is reserved for them.
//! - Running numbers have no gaps. To ensure this, openings at *one* desk run one after another from reading the number
//!   to the commit: a desk opens at most as many tickets per second as the server can sync commits.
//! - An acknowledged command is as durable as the server's `synchronous_commit` makes it.
//! - A command that fails with a deadlock, a serialization failure or a restarting server is retried for about the
//!   [`acquire_timeout`](PostgresOptions::acquire_timeout). If the connection breaks during the commit, the store takes
//!   the locks again and looks for the command's events, or for its records if it has no events. The error is
//!   [`Unknown`](ErrorKind::Unknown) if the server stays unreachable, or if the records do not prove the outcome
//!   because one may have been claimed or deleted in the meantime.
//! - [`PostgresOptions::connect`] does not encrypt, and refuses `sslmode=require`. Use
//!   [`PostgresOptions::connect_with`] for TLS.
//! - A server that vanishes without closing the connection blocks no command forever. If no answer arrives in time, the
//!   store drops the connection. The command then fails, or the store looks for its commit as above. A slow commit may
//!   still hold its locks at that point: then the error may be [`Unknown`](ErrorKind::Unknown) too, and the commit may
//!   take effect later. Inside the host's transaction these timeouts do not apply; the host sets its own.
//! - A future may be dropped at any time. Its command is then written completely or not at all; to find out which,
//!   repeat it with the same [key](crate::Actor::idempotency_key). If the command was waiting for a lock, the store
//!   cancels the wait. Its connection counts towards the [`connections`](PostgresOptions::connections) until the server
//!   has released it.
//! - Inside the host's transaction (see [`Desk::within`]) the store only rolls back to its own savepoints. It never
//!   commits, rolls back or retries the host's work. The host chooses the isolation level: several reads of one command
//!   see the same state only under `REPEATABLE READ`.
//!
//! # The URL
//!
//! The URL has the format of `tokio_postgres::Config`. Useful parameters are `application_name` (default: `firstline`),
//! `connect_timeout`, settings for each connection as `options=-c%20synchronous_commit%3Doff`, and several hosts with
//! `target_session_attrs=read-write`. `sslmode=require` needs a TLS connector and [`PostgresOptions::connect_with`].
//! This example uses the connector of `tokio-postgres-rustls` 0.13, with `rustls` 0.23 and its features `ring`, `std`
//! and `tls12`:
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
//! let store = PostgresOptions::new().connect_with(url, tls).await?;
//! ```
//!
//! # Deploying
//!
//! If the program's role may create tables, connecting is enough. Otherwise the owner of the tables migrates them for
//! each new version, in one of two ways:
//!
//! - connect once with [`Migrations::Apply`], which is safe to repeat;
//! - run the text of [`PostgresOptions::migrations_sql`] once, and the text of [`PostgresOptions::migrations_sql_from`]
//!   for each new version.
//!
//! The owner then grants access to the program's role, here `shop`, and the program connects with
//! [`Migrations::Verify`]:
//!
//! ```sql
//! GRANT USAGE ON SCHEMA firstline TO shop;
//! GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA firstline TO shop;
//! -- For tables of later versions. Run this as the role that creates them:
//! ALTER DEFAULT PRIVILEGES IN SCHEMA firstline GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop;
//! ```
//!
//! Dropping the last clone of a [`Postgres`] and of its desks closes the connections.
//!
//! # Requirements
//!
//! The store needs a UTF8 database and a tokio runtime. It is tested with PostgreSQL 15 and uses no feature newer than
//! version 12. All statements are plain SQL and every key starts with the desk, so Citus can distribute the tables by
//! desk. Citus and other servers that speak PostgreSQL's protocol are untested. The store depends on advisory locks,
//! which some of them lack.
//!
//! # Connection poolers
//!
//! The store works behind pgbouncer in session mode and in transaction mode, and is tested with pgbouncer 1.18. It
//! detects a pooler when it connects, and then does not prepare its statements, so each statement is planned again. If
//! you put a pooler in front of the server later, restart the program. In statement mode there are no transactions, so
//! connecting fails.
//!
//! A pooler does not pass on `options` of the URL, so a URL with `options` is refused. Set them at the server with
//! `ALTER ROLE … SET …`.

mod answer;
mod connect;
mod connection;
pub mod driver;
mod fault;
mod options;
mod permits;
mod random;
mod schema;
mod session;
mod sql;
#[cfg(test)]
mod test_server;
mod tx;
mod tx_control;
mod wire;
mod within;
mod write;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Pool;

use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::async_store::{self, AsyncStore, AsyncTx, Reply};
use crate::operation::{Engine, Job, Operation};
use crate::store::{Claimed, Mode, RecordKind};
use connection::{Cancel, Limits, PgConnection};
use fault::Fault;
use permits::Permits;
use session::Sessions;
use sql::Shared;
use tx::Work;

pub use options::{Migrations, PostgresOptions};
pub use tx::PostgresTx;
pub use within::PostgresWithin;

/// A store in PostgreSQL. Clones share one pool of connections.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    pool: Pool,
    permits: Permits,
    shared: Shared,
    limits: Limits,
    cancel: Cancel,
    sessions: Sessions,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool is left out because its configuration holds a password.
        f.debug_struct("Postgres").field("schema", &self.0.shared.sql.schema).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Connects to the database at a URL with the default [`PostgresOptions`].
    ///
    /// # Errors
    /// See [`PostgresOptions::connect`].
    pub async fn connect(url: &str) -> Result<Postgres> {
        PostgresOptions::new().connect(url).await
    }

    /// Returns a desk in this database. Each desk sees only its own data.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Postgres> {
        Desk::over(self.clone(), settings)
    }

    /// Returns an idle connection, or opens one.
    async fn connection(&self, mode: Mode) -> Result<PgConnection, Fault> {
        let Inner { pool, permits, limits, cancel, sessions, .. } = &*self.0;
        let permit = permits.take(mode, limits.acquire_timeout).await?;
        let (connection, permit) = if pool.status().available > 0 {
            (pool.get().await?, permit)
        } else {
            // A separate task opens the connection, even if the caller gives up. Otherwise an abandoned attempt would
            // leave a connection open at the server, and callers with little time would never get one.
            let pool = pool.clone();
            let made = tokio::spawn(async move { pool.get().await.map(|connection| (connection, permit)) });
            made.await.map_err(|ended| Fault::new(None, true, ended.into()))??
        };
        Ok(PgConnection::new(connection, permit, *limits, cancel.clone(), sessions.clone()))
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }
}

impl Desk<Postgres> {
    /// Opens the desk `main` in the database at a URL, and creates missing tables. For another name or clock, several
    /// desks or TLS, use [`PostgresOptions`] and [`Postgres::desk`].
    pub async fn connect(url: &str) -> Result<Desk<Postgres>> {
        Ok(Postgres::connect(url).await?.desk("main"))
    }
}

impl Engine for Postgres {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        async_store::run(self, desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        async_store::run_job(self, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(AsyncStore::now(self))
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(AsyncStore::claim(self, kind, limit, lease))
    }
}

impl AsyncStore for Postgres {
    type Tx<'a> = PostgresTx<'a>;

    async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<PostgresTx<'_>> {
        in_runtime()?;
        let connection = self.connection(mode).await?;
        let control = self.0.sessions.control(mode, connection.is_shared());
        Ok(PostgresTx { work: Work::new(&self.0.shared, desk, mode, control), connection: Some(connection) })
    }

    async fn wait(&self, tries: u32, error: &Error) -> bool {
        fault::wait(tries, error, self.0.limits.acquire_timeout).await
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Read).await?;
        let now = tx.now().await;
        tx.rollback().await;
        now
    }

    async fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Write).await?;
        let claimed = tx.claim(kind, limit, lease).await;
        tx.rollback().await;
        claimed
    }
}

/// Fails outside a tokio runtime, where tokio would panic: connections are tasks of the runtime.
fn in_runtime() -> Result<()> {
    tokio::runtime::Handle::try_current().map(drop).map_err(|error| {
        Error::new(ErrorKind::Storage, "the PostgreSQL store needs a tokio runtime: call it inside one")
            .caused_by(error)
    })
}

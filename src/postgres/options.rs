//! The options of a PostgreSQL store.

use std::time::Duration;

use crate::error::{Error, Result};

/// How the tables are created and migrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Migrations {
    /// The program applies missing migrations when it connects, in one transaction. Several programs may connect at
    /// once.
    #[default]
    Apply,
    /// The program only checks the version of the tables, and fails if they are missing or older. It needs fewer
    /// rights; see the [module docs](crate::postgres). The owner of the tables applies the migrations, either with a
    /// program that uses [`Apply`](Migrations::Apply), or with the statements of [`PostgresOptions::migrations_sql`]
    /// for new tables and of [`PostgresOptions::migrations_sql_from`] for later versions.
    Verify,
}

/// Connection options. [`Postgres::connect`](super::Postgres::connect) and [`Desk::connect`](crate::Desk::connect) use
/// the defaults.
///
/// ```
/// use firstline::postgres::{Migrations, PostgresOptions};
///
/// let options = PostgresOptions::new().schema("support").connections(32).migrations(Migrations::Verify);
/// assert!(options.migrations_sql()?.starts_with("BEGIN;\nCREATE SCHEMA IF NOT EXISTS \"support\";"));
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct PostgresOptions {
    pub(super) schema: String,
    pub(super) connections: usize,
    pub(super) migrations: Migrations,
    pub(super) acquire_timeout: Duration,
}

impl Default for PostgresOptions {
    fn default() -> PostgresOptions {
        PostgresOptions {
            schema: "firstline".to_owned(),
            connections: 16,
            migrations: Migrations::Apply,
            acquire_timeout: Duration::from_secs(10),
        }
    }
}

impl PostgresOptions {
    /// Returns the defaults: schema `firstline`, up to 16 connections, migrations applied when connecting, and an
    /// acquire timeout of ten seconds.
    pub fn new() -> PostgresOptions {
        PostgresOptions::default()
    }

    /// Sets the schema: 1 to 50 lower-case ASCII letters, digits and `_`, not beginning with a digit or `pg_`. The
    /// schema must belong to firstline alone, so `public` is refused.
    pub fn schema(mut self, schema: impl Into<String>) -> PostgresOptions {
        self.schema = schema.into();
        self
    }

    /// Sets the maximum number of connections, from 1 to 1,000. Each command uses one connection, even while it waits
    /// for a lock. With three or more connections, a quarter of them (at least one) is reserved for reads. With one or
    /// two, none is reserved, and reads may wait behind writes.
    ///
    /// Two or three times the number of the server's cores is usually plenty. The limit applies per process: all
    /// processes together, with the host's own connections, must stay below the server's `max_connections`.
    pub fn connections(mut self, connections: usize) -> PostgresOptions {
        self.connections = connections;
        self
    }

    /// Sets the longest time that a command waits for a connection, a lock or a restarting server, from 100 ms to one
    /// hour. A command that waits longer fails with [`Busy`](crate::ErrorKind::Busy).
    ///
    /// The limit for an answer is twice this time, plus this time again for each further lock that the statements take,
    /// up to eight locks in all. This leaves the server time to report why a lock was not acquired. If no answer
    /// arrives in this time, because the server has vanished or an import batch is too large for a slow server, the
    /// store drops the connection. If the command had not sent its commit, it is retried once on a new connection.
    /// Otherwise the store looks for the commit. A slow commit may still hold its locks: then the error may be
    /// [`Unknown`](crate::ErrorKind::Unknown), and the commit may take effect later. A command therefore ends within a
    /// few times the acquire timeout, even if the server vanishes.
    ///
    /// A `lock_timeout` in the URL's `options` overrides this time for locks. A longer one extends the limit for an
    /// answer too, and with 0 (no limit) answers have no limit either. In the host's transaction (see
    /// [`Desk::within`](crate::Desk::within)) the host's settings apply instead.
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> PostgresOptions {
        self.acquire_timeout = acquire_timeout;
        self
    }

    /// Sets how the tables are created and migrated. The default is [`Migrations::Apply`].
    pub fn migrations(mut self, migrations: Migrations) -> PostgresOptions {
        self.migrations = migrations;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let PostgresOptions { schema, connections, acquire_timeout, .. } = self;
        let plain = schema.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let valid_start = !schema.starts_with(|c: char| c.is_ascii_digit()) && !schema.starts_with("pg_");
        if matches!(schema.as_str(), "public" | "information_schema") {
            return Err(Error::definition("schema", format_args!("{schema:?} is a shared schema"))
                .allowing("a schema that only firstline uses"));
        }
        if !(plain && valid_start && (1..=50).contains(&schema.len())) {
            return Err(Error::definition("schema", format_args!("{schema:?} is not a valid schema name"))
                .allowing(
                    "1 to 50 lower-case ASCII letters, digits and `_`, not beginning with a digit or `pg_`",
                ));
        }
        if !(1..=1_000).contains(connections) {
            return Err(Error::definition("connections", format_args!("{connections} is out of range"))
                .allowing("1 to 1,000"));
        }
        if !(Duration::from_millis(100)..=Duration::from_secs(3_600)).contains(acquire_timeout) {
            return Err(Error::definition(
                "acquire_timeout",
                format_args!("{acquire_timeout:?} is out of range"),
            )
            .allowing("100 ms to one hour"));
        }
        Ok(())
    }
}

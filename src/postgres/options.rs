//! How to connect, and who makes the tables.

use std::time::Duration;

use crate::error::{Error, Result};

/// Who makes the tables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Migrations {
    /// The program itself, when it starts: in one transaction, however many start at once.
    #[default]
    Apply,
    /// Somebody else, with the statements of [`Options::migrations_sql`], and of [`Options::migrations_sql_from`] when a
    /// later version of the crate needs more, or with another program that applies them. The program only looks, says
    /// which version it found, and needs fewer rights: the [module's page](crate::postgres) lists them.
    Verify,
}

/// How to connect. [`Postgres::connect`](super::Postgres::connect) and [`Desk::connect`](crate::Desk::connect) take the defaults.
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
    pub(super) schema: String,
    pub(super) connections: usize,
    pub(super) migrations: Migrations,
    pub(super) acquire_timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            schema: "firstline".to_owned(),
            connections: 16,
            migrations: Migrations::Apply,
            acquire_timeout: Duration::from_secs(10),
        }
    }
}

impl Options {
    /// The schema `firstline`, up to 16 connections, tables made when they are not there, a acquire_timeout of ten seconds.
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
    /// fails as [`Busy`](crate::ErrorKind::Busy).
    ///
    /// An answer is waited for twice as long, and as long again for each further claim that is taken on the way to it
    /// (up to eight in all), so that a server that is there says itself what is in the way. Where none comes, because
    /// the server has vanished or an import's batch is too large for a slow one, the connection is given up, and a
    /// command that was not being committed is tried once more on a new one. One whose commit was only too slow still
    /// has its claims: looking for it may end as [`Unknown`](crate::ErrorKind::Unknown), and the commit may land later. So a
    /// command ends within some times the acquire_timeout, whatever became of the server.
    ///
    /// A `lock_timeout` in the URL's `options` has precedence where locks are concerned: a longer one makes the wait
    /// for an answer longer, and with 0, which is no limit, there is none for answers either. In the host's
    /// transaction, see [`Desk::within`](crate::Desk::within), the host's settings hold instead.
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Options {
        self.acquire_timeout = acquire_timeout;
        self
    }

    /// Who makes the tables.
    pub fn migrations(mut self, migrations: Migrations) -> Options {
        self.migrations = migrations;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let Options { schema, connections, acquire_timeout, .. } = self;
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
        if !(Duration::from_millis(100)..=Duration::from_secs(3_600)).contains(acquire_timeout) {
            return Err(Error::definition(
                "acquire_timeout",
                format_args!("{acquire_timeout:?} is out of range"),
            )
            .allowing("a tenth of a second to an hour"));
        }
        Ok(())
    }
}

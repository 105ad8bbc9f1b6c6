//! Options for opening a database.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::fault;
use crate::error::{Error, Result};

/// The commits that a power failure may lose.
///
/// This option applies to transactions of the store. In a transaction of the host, the `PRAGMA synchronous` of the host
/// applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Durability {
    /// No acknowledged commit is lost. Every commit is synced to the disk. On macOS, where a plain sync ends in the
    /// drive's cache, the store uses `PRAGMA fullfsync`.
    #[default]
    Full,
    /// The last commits may be lost, each as a whole. A killed process loses no acknowledged commit.
    Normal,
}

/// Options for opening a database. [`Sqlite::open`](super::Sqlite::open) and [`Desk::open`](crate::Desk::open) use the
/// defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteOptions {
    pub(super) prefix: String,
    durability: Durability,
    pub(super) acquire_timeout: Duration,
    pub(super) readers: usize,
    pub(super) share_at_own_risk: bool,
    /// The version number of the linked SQLite. Tests set another one.
    pub(super) sqlite: i32,
}

impl Default for SqliteOptions {
    fn default() -> SqliteOptions {
        SqliteOptions {
            prefix: "firstline_".to_owned(),
            durability: Durability::Full,
            acquire_timeout: Duration::from_secs(10),
            readers: 4,
            share_at_own_risk: false,
            sqlite: rusqlite::version_number(),
        }
    }
}

impl SqliteOptions {
    /// Returns the defaults: tables named `firstline_…`, full durability, an acquire timeout of ten seconds, and
    /// four connections for reads.
    pub fn new() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// Sets the prefix of table and index names. Default: `firstline_`.
    ///
    /// The prefix consists of 1 to 30 ASCII letters, digits and `_`, and does not begin with a digit or `sqlite_`.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> SqliteOptions {
        self.prefix = prefix.into();
        self
    }

    /// Sets the commits that a power failure may lose. Default: none ([`Durability::Full`]).
    pub fn durability(mut self, durability: Durability) -> SqliteOptions {
        self.durability = durability;
        self
    }

    /// Sets the time that a command waits for other writers. Default: ten seconds; from one millisecond to one hour.
    /// After that, the command fails with [`Busy`](crate::ErrorKind::Busy) and writes nothing.
    ///
    /// A file has one writer at a time. A command that writes waits for the other writers of this store and for other
    /// programs and connections, including transactions of the host. One timeout covers both. Reads do not wait, with
    /// two exceptions: a database in memory has a single connection, and recovery of the log after another program was
    /// killed blocks reads.
    ///
    #[cfg_attr(feature = "tokio", doc = "With [`Sqlite::into_async`](super::Sqlite::into_async),")]
    #[cfg_attr(not(feature = "tokio"), doc = "With `Sqlite::into_async` (feature `tokio`),")]
    /// the timeout applies to the writer thread. Time in its queue is not counted, and after a timeout all queued
    /// commands fail together, even those that have waited for less than the timeout.
    ///
    /// ```
    /// use firstline::sqlite::SqliteOptions;
    /// use std::time::Duration;
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("support.db");
    /// let desk = SqliteOptions::new().acquire_timeout(Duration::from_millis(100)).open(&file)?.desk("acme");
    /// let mut connection = rusqlite::Connection::open(&file)?;
    /// let ours = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    ///
    /// let error = desk.open_ticket(firstline::NewTicket::new("No sound")).unwrap_err();
    /// assert!(error.is_retryable());
    /// drop(ours);
    /// desk.open_ticket(firstline::NewTicket::new("No sound"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> SqliteOptions {
        self.acquire_timeout = acquire_timeout;
        self
    }

    /// Sets the number of connections for reads. Default: 4; from 1 to 1,000.
    ///
    /// If more threads read at once, they wait for a connection for up to the [acquire
    /// timeout](SqliteOptions::acquire_timeout). Each connection caches up to 16 MiB of pages. A database in memory has
    /// a single connection for everything.
    pub fn readers(mut self, readers: usize) -> SqliteOptions {
        self.readers = readers;
        self
    }

    /// Allows several stores to write to the file even if the linked SQLite has the WAL-reset bug.
    ///
    /// SQLite 3.7.0 to 3.51.2 has the bug, except 3.44.6 and later of the 3.44 series and 3.50.7 and later of the 3.50
    /// series. It can lose commits and damage the file when one connection writes while another makes a checkpoint.
    ///
    /// Without this option, a second store on the file is refused if SQLite has the bug, in this process or another.
    /// With a fixed SQLite, a second store is never refused. The store holds a lock on a file next to the database,
    /// `…-firstline-lock`. Programs that open the database without firstline ignore the lock. On an SQLite with the
    /// bug, the host's connections should leave checkpoints to the store: set `PRAGMA wal_autocheckpoint = 0`.
    pub fn share_at_own_risk(mut self) -> SqliteOptions {
        self.share_at_own_risk = true;
        self
    }

    #[cfg(test)]
    pub(super) fn with_sqlite(mut self, version: i32) -> SqliteOptions {
        self.sqlite = version;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let valid_characters = self.prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let valid_start = !self.prefix.starts_with(|c: char| c.is_ascii_digit())
            && !self.prefix.to_ascii_lowercase().starts_with("sqlite_");
        if !(valid_characters && valid_start && (1..=30).contains(&self.prefix.len())) {
            let problem = format_args!("{:?} is not a valid prefix of table names", self.prefix);
            return Err(Error::definition("table prefix", problem)
                .allowing("1 to 30 ASCII letters, digits and `_`, not beginning with a digit or `sqlite_`"));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(&self.acquire_timeout) {
            let problem = format_args!("{:?} is out of range", self.acquire_timeout);
            return Err(Error::definition("acquire_timeout", problem).allowing("1 millisecond to 1 hour"));
        }
        if !(1..=1_000).contains(&self.readers) {
            let problem = format_args!("{} is out of range", self.readers);
            return Err(Error::definition("readers", problem).allowing("1 to 1,000"));
        }
        Ok(())
    }

    /// Configures a connection.
    pub(super) fn prepare(&self, connection: &mut Connection) -> Result<()> {
        // On macOS a plain sync leaves the bytes in the drive's cache. On other systems `fullfsync` has no effect.
        let synced = match self.durability {
            Durability::Full => {
                "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON"
            }
            Durability::Normal => "PRAGMA synchronous = NORMAL",
        };
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(self.acquire_timeout).map_err(fault)?;
        // Without QPSG, SQLite replans some statements whenever other values are bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        // A checkpoint every 8,000 pages (32 MB): fewer checkpoints cost less in total. The size limit truncates the
        // log file to 64 MiB after a checkpoint.
        connection
            .execute_batch(&format!(
                "{synced}; PRAGMA wal_autocheckpoint = 8000; \
                 PRAGMA journal_size_limit = 67108864"
            ))
            .map_err(fault)
    }

    /// Configures a read connection. It writes nothing and makes no checkpoint: see `file_lock`.
    ///
    /// A read connection caches up to 16 MiB of pages, because the rows of an inbox are scattered over the file. The
    /// writer keeps the default cache: SQLite scans the cache after each commit, so a larger one would slow the writer
    /// down.
    pub(super) fn prepare_reader(&self, connection: &mut Connection) -> Result<()> {
        self.prepare(connection)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fault)?;
        connection
            .execute_batch(
                "PRAGMA query_only = ON; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384",
            )
            .map_err(fault)
    }
}

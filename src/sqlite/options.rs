//! How a database is opened.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::fault;
use crate::error::{Error, Result};

/// What a power cut may take of what the store wrote. In the host's own transaction, which the host commits, the
/// `synchronous` of the host's connection says so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Nothing that was acknowledged: every commit is synced to the disk; on macOS, where that alone does not do it,
    /// through the cache of the drive as well (`PRAGMA fullfsync`).
    #[default]
    Full,
    /// The last commits, never a part of one. A killed process still loses nothing.
    Normal,
}

/// How to open a database. [`Sqlite::open`](super::Sqlite::open) and [`Desk::open`](crate::Desk::open) take the defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    pub(super) prefix: String,
    durability: Durability,
    pub(super) acquire_timeout: Duration,
    pub(super) share_at_own_risk: bool,
    /// The version number of the linked SQLite; tests say another.
    pub(super) sqlite: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prefix: "firstline_".to_owned(),
            durability: Durability::Full,
            acquire_timeout: Duration::from_secs(10),
            share_at_own_risk: false,
            sqlite: rusqlite::version_number(),
        }
    }
}

impl Options {
    /// Tables called `firstline_…`, full durability, ten seconds of acquire_timeout.
    pub fn new() -> Options {
        Options::default()
    }

    /// Another beginning for the names of tables and indexes: up to 30 ASCII letters, digits and `_`, not beginning
    /// with a digit or `sqlite_`.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Options {
        self.prefix = prefix.into();
        self
    }

    /// What a power cut may take: at first nothing.
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// How long a command waits for others: ten seconds, if nothing else is said; from a millisecond to an hour. After that
    /// it ends with [`Busy`](crate::ErrorKind::Busy), and nothing was written.
    ///
    /// A file has one writer at a time. A command that writes waits for those of this store and for other programs and
    /// connections, a transaction of the host's among them, and does both within the same acquire_timeout. What only reads waits
    /// for nobody, except with a database in memory, and while another program mends the log of one that was killed.
    ///
    #[cfg_attr(feature = "tokio", doc = "With [`Sqlite::into_async`](super::Sqlite::into_async)")]
    #[cfg_attr(not(feature = "tokio"), doc = "With `Sqlite::into_async` (feature `tokio`)")]
    /// the acquire_timeout is that of the thread which writes: the time in its queue is not counted, and whoever came late hears
    /// that it is busy together with the others, before as long has passed for him.
    ///
    /// ```
    /// use firstline::sqlite::Options;
    /// use std::time::Duration;
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("support.db");
    /// let desk = Options::new().acquire_timeout(Duration::from_millis(100)).open(&file)?.desk("acme");
    /// let mut connection = rusqlite::Connection::open(&file)?;
    /// let ours = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    ///
    /// let error = desk.open_ticket(firstline::NewTicket::new("No sound")).unwrap_err();
    /// assert!(error.is_retryable());
    /// drop(ours);
    /// desk.open_ticket(firstline::NewTicket::new("No sound"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Options {
        self.acquire_timeout = acquire_timeout;
        self
    }

    /// Lets several stores and programs write to the file even where SQLite has the WAL-reset bug (3.7.0 to 3.51.2,
    /// but for 3.44.6 and 3.50.7), by which commits can be lost and the file be damaged when two connections write
    /// and make a checkpoint at the same instant.
    ///
    /// Without it a second store on the file is refused there, in this process or another, and with a mended SQLite
    /// never. The claim is a lock on a file beside the database, `…-firstline-lock`: programs that open the database
    /// without firstline do not heed it. Connections of the host's on such an old SQLite should leave the checkpoints to
    /// the store: `PRAGMA wal_autocheckpoint = 0`.
    pub fn share_at_own_risk(mut self) -> Options {
        self.share_at_own_risk = true;
        self
    }

    #[cfg(test)]
    pub(super) fn with_sqlite(mut self, version: i32) -> Options {
        self.sqlite = version;
        self
    }

    pub(super) fn check(&self) -> Result<()> {
        let plain = self.prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let begins_well = !self.prefix.starts_with(|c: char| c.is_ascii_digit())
            && !self.prefix.to_ascii_lowercase().starts_with("sqlite_");
        if !(plain && begins_well && (1..=30).contains(&self.prefix.len())) {
            let problem = format_args!("{:?} cannot begin a table's name", self.prefix);
            return Err(Error::definition("table prefix", problem)
                .allowing("1 to 30 ASCII letters, digits and `_`, not beginning with a digit or `sqlite_`"));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(&self.acquire_timeout) {
            let problem = format_args!("{:?} is out of bounds", self.acquire_timeout);
            return Err(Error::definition("acquire_timeout", problem).allowing("1 millisecond to 1 hour"));
        }
        Ok(())
    }

    /// Settings of every connection.
    pub(super) fn prepare(&self, connection: &mut Connection) -> Result<()> {
        // On macOS a sync leaves the bytes in the drive's cache, unless it is a full one; elsewhere the words do nothing.
        let synced = match self.durability {
            Durability::Full => {
                "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON"
            }
            Durability::Normal => "PRAGMA synchronous = NORMAL",
        };
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(self.acquire_timeout).map_err(fault)?;
        // Otherwise SQLite plans some statements anew whenever other values are bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        // A checkpoint every 8,000 pages (32 MB): rarer ones cost less in all, and the log stays small on disk.
        connection
            .execute_batch(&format!(
                "{synced}; PRAGMA wal_autocheckpoint = 8000; \
                 PRAGMA journal_size_limit = 67108864"
            ))
            .map_err(fault)
    }

    /// Settings of a connection for reading, which writes nothing and makes no checkpoint: see [`guard`]. It keeps up to 16 MB of pages
    /// in memory, because the rows of an inbox lie all over the file. The writer would lose by that what readers gain:
    /// after each commit SQLite looks through all that it keeps.
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

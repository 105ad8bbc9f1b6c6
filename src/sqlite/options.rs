//! How a database is opened.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::Shared;
use super::busy::Patience;
use super::guard::Claim;
use super::idle::Idle;
use super::sql::Sql;
use super::{IDLE_READERS, Inner, Place, Sqlite, busy, fault, guard, schema};
use crate::error::{Error, ErrorKind, Result};

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

/// How to open a database. [`Sqlite::open`] and [`Desk::open`](crate::Desk::open) take the defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    pub(super) prefix: String,
    durability: Durability,
    pub(super) patience: Duration,
    share_at_own_risk: bool,
    /// The version number of the linked SQLite; tests say another.
    sqlite: i32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            prefix: "firstline_".to_owned(),
            durability: Durability::Full,
            patience: Duration::from_secs(10),
            share_at_own_risk: false,
            sqlite: rusqlite::version_number(),
        }
    }
}

impl Options {
    /// Tables called `firstline_…`, full durability, ten seconds of patience.
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
    /// it ends with [`Busy`](ErrorKind::Busy), and nothing was written.
    ///
    /// A file has one writer at a time. A command that writes waits for those of this store and for other programs and
    /// connections, a transaction of the host's among them, and does both within the same patience. What only reads waits
    /// for nobody, except with a database in memory, and while another program mends the log of one that was killed.
    ///
    #[cfg_attr(feature = "tokio", doc = "With [`Sqlite::awaited`]")]
    #[cfg_attr(not(feature = "tokio"), doc = "With `Sqlite::awaited` (feature `tokio`)")]
    /// the patience is that of the thread which writes: the time in its queue is not counted, and whoever came late hears
    /// that it is busy together with the others, before as long has passed for him.
    ///
    /// ```
    /// use firstline::sqlite::Options;
    /// use std::time::Duration;
    ///
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("support.db");
    /// let desk = Options::new().patience(Duration::from_millis(100)).open(&file)?.desk("acme");
    /// let mut connection = rusqlite::Connection::open(&file)?;
    /// let ours = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    ///
    /// let error = desk.open_ticket(firstline::NewTicket::new("No sound")).unwrap_err();
    /// assert!(error.is_retryable());
    /// drop(ours);
    /// desk.open_ticket(firstline::NewTicket::new("No sound"))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn patience(mut self, patience: Duration) -> Options {
        self.patience = patience;
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

    /// Opens the database in this file, and makes it if it is not there.
    ///
    /// It is in SQLite's mode of a write-ahead log (WAL) from then on and for good, also for whoever else opens it: if it is
    /// the host's file, the host's connections use the log too, and a copy of an open file is made by SQLite's backup or
    /// `VACUUM INTO`, not by copying it.
    ///
    /// # Errors
    /// - [`Storage`](ErrorKind::Storage): the file cannot be opened, made or written, or another store has it
    ///   open and the linked SQLite cannot take two (see [`share_at_own_risk`](Options::share_at_own_risk));
    /// - [`Unknown`](ErrorKind::Unknown): the disk failed while its tables were committed; open it again;
    /// - [`Corrupt`](ErrorKind::Corrupt): it is not an SQLite database, or a broken one;
    /// - [`Schema`](ErrorKind::Schema): its tables are newer than this version, or not firstline's; untouched;
    /// - [`Definition`](ErrorKind::Definition): the table prefix has other characters, or the patience is out of bounds;
    /// - [`Busy`](ErrorKind::Busy): its tables have to be made, or its journal changed, and another program or connection
    ///   wrote to it for longer than the [patience](Options::patience).
    pub fn open(self, path: impl AsRef<Path>) -> Result<Sqlite> {
        self.check()?;
        let path = path.as_ref();
        let problem = || format!("the database {} cannot be opened", path.display());
        let connection = Connection::open(path).map_err(|error| Error::storage(problem(), error))?;
        // Connections for reading are opened later, when the program may have another working directory.
        let place = Place::of(path, &connection).map_err(|error| Error::storage(problem(), error))?;
        self.over(connection, Some(place)).map_err(|error| {
            if !error.is_retryable() {
                return error;
            }
            let problem = format!(
                "the database {} cannot be opened as long as another program or connection is writing to it",
                path.display()
            );
            Error::new(error.kind(), problem).caused_by(error)
        })
    }

    /// Opens a database in memory, gone with the last clone. It has one connection, so that reading waits for whoever
    /// writes.
    ///
    /// # Errors
    /// A storage error.
    pub fn in_memory(self) -> Result<Sqlite> {
        self.check()?;
        let connection = Connection::open_in_memory().map_err(fault)?;
        self.over(connection, None)
    }

    fn over(self, mut connection: Connection, place: Option<Place>) -> Result<Sqlite> {
        self.prepare(&mut connection)?;
        let claim = match guard::has_wal_reset_bug(self.sqlite) && !self.share_at_own_risk {
            true => Claim::on(&connection)?,
            false => None,
        };
        // First, because a database that is refused is left as it is, its journal mode too.
        schema::migrate(&mut connection, &self.prefix)?;
        if place.is_some() {
            // SQLite does not call the busy handler here if several programs start at once. The answer is the mode
            // that is now in use; SQLite keeps another one silently where it must.
            let set = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
            let mode: String = busy::tried(Patience::of(self.patience), set).map_err(fault)?;
            if mode != "wal" {
                let problem =
                    format!("the database cannot use a write-ahead log (it stays in mode {mode:?})");
                return Err(
                    Error::new(ErrorKind::Storage, problem).allowing("a file on a local, writable disk")
                );
            }
        }
        // From here on the one who writes waits as [`busy`] has it, and SQLite not at all.
        connection.busy_timeout(Duration::ZERO).map_err(fault)?;
        let shared = Shared::new(Sql::new(&self.prefix));
        let inner = Inner {
            options: self,
            place,
            shared,
            writer: Idle::new(1, vec![connection]),
            readers: Idle::new(IDLE_READERS, Vec::new()),
            claim,
        };
        Ok(Sqlite(Arc::new(inner)))
    }

    fn check(&self) -> Result<()> {
        let plain = self.prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let begins_well = !self.prefix.starts_with(|c: char| c.is_ascii_digit())
            && !self.prefix.to_ascii_lowercase().starts_with("sqlite_");
        if !(plain && begins_well && (1..=30).contains(&self.prefix.len())) {
            let problem = format_args!("{:?} cannot begin a table's name", self.prefix);
            return Err(Error::definition("table prefix", problem)
                .allowing("1 to 30 ASCII letters, digits and `_`, not beginning with a digit or `sqlite_`"));
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(3_600)).contains(&self.patience) {
            let problem = format_args!("{:?} is out of bounds", self.patience);
            return Err(Error::definition("patience", problem).allowing("1 millisecond to 1 hour"));
        }
        Ok(())
    }

    /// Settings of every connection.
    fn prepare(&self, connection: &mut Connection) -> Result<()> {
        // On macOS a sync leaves the bytes in the drive's cache, unless it is a full one; elsewhere the words do nothing.
        let synced = match self.durability {
            Durability::Full => {
                "PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON"
            }
            Durability::Normal => "PRAGMA synchronous = NORMAL",
        };
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_timeout(self.patience).map_err(fault)?;
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

impl Place {
    /// The place of the database that this connection was opened on by this path or URI.
    fn of(path: &Path, connection: &Connection) -> io::Result<Place> {
        let uri = path.to_str().filter(|it| it.starts_with("file:"));
        let (Some(uri), Some(file)) = (uri, connection.path().filter(|file| !file.is_empty())) else {
            let file = std::path::absolute(path)?;
            return Ok(Place { name: file.clone(), file });
        };
        // The path is SQLite's, which is whole; all else stays as it was asked for, but for the one mode that SQLite
        // refuses to whoever makes no file. What follows a `#` means nothing.
        let asked = uri.split('#').next().and_then(|it| it.split_once('?')).map_or("", |(_, asked)| asked);
        let asked = asked.split('&').filter(|it| *it != "mode=rwc").collect::<Vec<_>>().join("&");
        let path = file.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        Ok(Place { name: format!("file:{path}?{asked}").into(), file: file.into() })
    }
}

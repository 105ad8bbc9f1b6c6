//! Opening a database.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::busy::{self, Breaks, Deadline};
use super::file_lock::{self, Claim};
use super::idle::Idle;
use super::location::Location;
use super::options::SqliteOptions;
use super::sql::{Shared, Sql};
use super::{Inner, Sqlite, fault, schema};
use crate::error::{Error, ErrorKind, Result};

impl SqliteOptions {
    /// Opens the database file and creates it if it does not exist.
    ///
    /// The file is switched to SQLite's write-ahead log (WAL). The switch is permanent and applies to every program: if
    /// the file is the host's, the host's connections use the log too. Copy an open database with SQLite's backup or
    /// with `VACUUM INTO`; a copy of the file alone is incomplete.
    ///
    /// # Errors
    /// - [`Storage`](ErrorKind::Storage): the file cannot be opened, created or written; or another store has it open
    ///   and the linked SQLite is not safe with two (see [`share_at_own_risk`](SqliteOptions::share_at_own_risk)).
    /// - [`Unknown`](ErrorKind::Unknown): the disk failed while the new tables were committed. Open the file again.
    /// - [`Corrupt`](ErrorKind::Corrupt): the file is not an SQLite database, or it is damaged.
    /// - [`Schema`](ErrorKind::Schema): the tables are newer than this version, or firstline did not create them, or
    ///   the database stores text as UTF-16. The database is left untouched.
    /// - [`Definition`](ErrorKind::Definition): the [table prefix](SqliteOptions::table_prefix) is invalid, or the
    ///   acquire timeout is out of range.
    /// - [`Busy`](ErrorKind::Busy): the tables must be created or the journal mode changed, and another program or
    ///   connection wrote to the file for longer than the [acquire timeout](SqliteOptions::acquire_timeout).
    pub fn open(self, path: impl AsRef<Path>) -> Result<Sqlite> {
        self.check()?;
        let path = path.as_ref();
        let problem = || format!("the database {} cannot be opened", path.display());
        let connection = Connection::open(path).map_err(|error| Error::storage(problem(), error))?;
        // Read connections are opened later, when the working directory may have changed.
        let location = Location::of(path, &connection).map_err(|error| Error::storage(problem(), error))?;
        self.finish_open(connection, Some(location)).map_err(|error| {
            if !error.is_retryable() {
                return error;
            }
            let problem = format!(
                "the database {} cannot be opened while another program or connection is writing to it",
                path.display()
            );
            Error::new(error.kind(), problem).caused_by(error)
        })
    }

    /// Opens a database in memory. It is lost when the last clone of the store is dropped. It has one connection, so
    /// reads wait for writes.
    ///
    /// # Errors
    /// A storage error.
    pub fn in_memory(self) -> Result<Sqlite> {
        self.check()?;
        let connection = Connection::open_in_memory().map_err(fault)?;
        self.finish_open(connection, None)
    }

    fn finish_open(self, mut connection: Connection, mut location: Option<Location>) -> Result<Sqlite> {
        self.prepare(&mut connection)?;
        let claim = match file_lock::has_wal_reset_bug(self.sqlite) && !self.share_at_own_risk {
            true => Claim::on(&connection, location.as_ref())?,
            false => None,
        };
        // Before the journal mode is set, so that a refused database is left unchanged.
        let encoding: String =
            connection.query_row("PRAGMA encoding", [], |row| row.get(0)).map_err(fault)?;
        if encoding != "UTF-8" {
            // Other encodings sort and compare keys by other bytes.
            let problem = format!("the database stores text as {encoding}");
            return Err(Error::new(ErrorKind::Schema, problem).allowing("a database with the encoding UTF-8"));
        }
        schema::migrate(&mut connection, &self.prefix)?;
        if let Some(location) = &mut location {
            // SQLite does not call the busy handler here if several programs start at once. The pragma returns the mode
            // in use: if SQLite cannot switch to WAL, it keeps the old mode without an error.
            let set = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
            let mode: String =
                busy::retry(Deadline::after(self.acquire_timeout), set, || ()).map_err(fault)?;
            if mode != "wal" {
                let problem =
                    format!("the database cannot use a write-ahead log (it stays in mode {mode:?})");
                return Err(
                    Error::new(ErrorKind::Storage, problem).allowing("a file on a local, writable disk")
                );
            }
            // SQLite creates the log when it first uses the database in this mode.
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(fault)?;
            location.remember_log()?;
        }
        // From here on `busy` waits for other writers, so SQLite itself must not wait.
        connection.busy_timeout(Duration::ZERO).map_err(fault)?;
        let shared = Shared::new(Sql::new(&self.prefix));
        let readers = Idle::new(self.readers, Vec::new());
        let inner = Inner {
            options: self,
            location,
            shared,
            writer: Idle::new(1, vec![connection]),
            readers,
            breaks: Breaks::new(),
            claim,
        };
        Ok(Sqlite(Arc::new(inner)))
    }
}

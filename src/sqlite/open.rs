//! Opening a database.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use super::busy::{self, Patience};
use super::file_lock::{self, Claim};
use super::idle::Idle;
use super::options::Options;
use super::sql::{Shared, Sql};
use super::{IDLE_READERS, Inner, Place, Sqlite, fault, schema};
use crate::error::{Error, ErrorKind, Result};

impl Options {
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
    /// - [`Definition`](ErrorKind::Definition): the table prefix has other characters, or the acquire_timeout is out of bounds;
    /// - [`Busy`](ErrorKind::Busy): its tables have to be made, or its journal changed, and another program or connection
    ///   wrote to it for longer than the [acquire_timeout](Options::acquire_timeout).
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
        let claim = match file_lock::has_wal_reset_bug(self.sqlite) && !self.share_at_own_risk {
            true => Claim::on(&connection)?,
            false => None,
        };
        // First, because a database that is refused is left as it is, its journal mode too.
        schema::migrate(&mut connection, &self.prefix)?;
        if place.is_some() {
            // SQLite does not call the busy handler here if several programs start at once. The answer is the mode
            // that is now in use; SQLite keeps another one silently where it must.
            let set = || connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
            let mode: String = busy::tried(Patience::of(self.acquire_timeout), set).map_err(fault)?;
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

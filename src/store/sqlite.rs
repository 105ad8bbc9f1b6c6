//! The SQLite store: a desk in a file of its own, or beside the host's tables in the host's.
//!
//! An acknowledged command survives a killed process, and with [`Durability::Full`], the default, a power cut.
//! Several programs may use one file. Reads run beside the one writer (write-ahead log).

mod busy;
mod row;
mod schema;
mod sql;
mod tx;
mod within;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Mode, Store, Tx};
use sql::Sql;
use tx::{Memo, Rows};

pub use within::Within;

/// How many idle connections for reading are kept.
const IDLE_READERS: usize = 4;

/// A store in SQLite. Clones share the connections.
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: Options,
    /// `None` for a database in memory, which has but one connection.
    path: Option<PathBuf>,
    sql: Sql,
    writer: Mutex<Connection>,
    readers: Mutex<Vec<Connection>>,
}

/// What a power cut may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Nothing that was acknowledged: every commit is synced to the disk.
    #[default]
    Full,
    /// The last commits, never a part of one. A killed process still loses nothing.
    Normal,
}

/// How to open a database. [`Sqlite::open`] and [`Desk::open`] take the defaults.
#[derive(Debug, Clone)]
#[must_use]
pub struct Options {
    prefix: String,
    durability: Durability,
}

impl Default for Options {
    fn default() -> Options {
        Options { prefix: "firstline_".to_owned(), durability: Durability::Full }
    }
}

impl Options {
    /// Tables called `firstline_…`, full durability.
    pub fn new() -> Options {
        Options::default()
    }

    /// Another beginning for the names of tables and indexes: up to 30 ASCII letters, digits and `_`, not beginning
    /// with a digit or `sqlite_`.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Options {
        self.prefix = prefix.into();
        self
    }

    /// What a power cut may take.
    pub fn durability(mut self, durability: Durability) -> Options {
        self.durability = durability;
        self
    }

    /// Opens the database in this file, and makes it if it is not there.
    ///
    /// # Errors
    /// - [`Storage`](ErrorKind::Storage): the file cannot be opened, made or written;
    /// - [`Corrupt`](ErrorKind::Corrupt): it is not an SQLite database, or a broken one;
    /// - [`Schema`](ErrorKind::Schema): its tables are newer than this version, or not firstline's; untouched;
    /// - [`Definition`](ErrorKind::Definition): the table prefix has other characters;
    /// - [`Busy`](ErrorKind::Busy): another program holds it too long.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Sqlite> {
        self.check()?;
        let path = path.as_ref();
        let problem = || format!("the database {} cannot be opened", path.display());
        let connection = Connection::open(path).map_err(|error| Error::storage(problem(), error))?;
        // Connections for reading are opened later, when the program may have another working directory.
        let lasting = match path.as_os_str().as_encoded_bytes().starts_with(b"file:") {
            true => path.to_owned(), // A URI, which SQLite understands.
            false => std::path::absolute(path).map_err(|error| Error::storage(problem(), error))?,
        };
        self.over(connection, Some(lasting))
    }

    /// Opens a database in memory, gone with the last clone.
    ///
    /// # Errors
    /// A storage error.
    pub fn in_memory(self) -> Result<Sqlite> {
        self.check()?;
        let connection = Connection::open_in_memory().map_err(fault)?;
        self.over(connection, None)
    }

    fn over(self, mut connection: Connection, path: Option<PathBuf>) -> Result<Sqlite> {
        self.prepare(&mut connection)?;
        // First, because a database that is refused is left as it is, its journal mode too.
        schema::migrate(&mut connection, &self.prefix)?;
        if path.is_some() {
            // SQLite does not call the busy handler here if several programs start at once. The answer is the mode
            // that is now in use; SQLite keeps another one silently where it must.
            let mut tries = 0;
            let mode: String = loop {
                let answer = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
                match answer.map_err(fault) {
                    Err(error) if error.is_retryable() && busy::wait(tries) => tries += 1,
                    answer => break answer?,
                }
            };
            if mode != "wal" {
                let problem =
                    format!("the database cannot use a write-ahead log (it stays in mode {mode:?})");
                return Err(
                    Error::new(ErrorKind::Storage, problem).allowing("a file on a local, writable disk")
                );
            }
        }
        let sql = Sql::new(&self.prefix);
        let inner =
            Inner { options: self, path, sql, writer: Mutex::new(connection), readers: Mutex::default() };
        Ok(Sqlite(Arc::new(inner)))
    }

    fn check(&self) -> Result<()> {
        let plain = self.prefix.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let begins_well = !self.prefix.starts_with(|c: char| c.is_ascii_digit())
            && !self.prefix.to_ascii_lowercase().starts_with("sqlite_");
        if plain && begins_well && (1..=30).contains(&self.prefix.len()) {
            return Ok(());
        }
        Err(Error::definition("table prefix", format_args!("{:?} cannot begin a table's name", self.prefix))
            .allowing("1 to 30 ASCII letters, digits and `_`, not beginning with a digit or `sqlite_`"))
    }

    /// Settings of every connection.
    fn prepare(&self, connection: &mut Connection) -> Result<()> {
        let synchronous = match self.durability {
            Durability::Full => "FULL",
            Durability::Normal => "NORMAL",
        };
        connection.set_prepared_statement_cache_capacity(64);
        connection.busy_handler(Some(busy::wait)).map_err(fault)?;
        // Otherwise SQLite plans some statements anew whenever other values are bound to them.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(fault)?;
        // A checkpoint every 8,000 pages (32 MB): rarer ones cost less in all, and the log stays small on disk.
        connection
            .execute_batch(&format!(
                "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 8000; \
                 PRAGMA journal_size_limit = 67108864"
            ))
            .map_err(fault)
    }
}

impl Sqlite {
    /// Opens the database in this file with the default [`Options`], and makes it if it is not there.
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Sqlite> {
        Options::new().open(path)
    }

    /// Opens a database in memory.
    ///
    /// # Errors
    /// A storage error.
    pub fn in_memory() -> Result<Sqlite> {
        Options::new().in_memory()
    }

    /// A desk in this database. Several desks do not see each other.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Sqlite> {
        Desk::over(self.clone(), settings)
    }

    fn sql(&self) -> &Sql {
        &self.0.sql
    }

    /// Whether a connection of the host's is on this database. In memory there is nothing to compare.
    fn is_at_home(&self, connection: &Connection) -> bool {
        let (Some(ours), Some(theirs)) = (&self.0.path, connection.path().filter(|path| !path.is_empty()))
        else {
            return self.0.path.is_none();
        };
        match (ours.canonicalize(), Path::new(theirs).canonicalize()) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => true, // A URI, or a path that cannot be looked at: not proven to be another one.
        }
    }

    fn reader(&self) -> Result<Connected<'_>> {
        let Inner { options, path: Some(path), readers, .. } = &*self.0 else { return Ok(self.writer()) };
        let idle = readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => {
                // Those of the first connection, but for writing.
                let writing = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
                let flags = (OpenFlags::default() - writing) | OpenFlags::SQLITE_OPEN_READ_ONLY;
                let mut connection = Connection::open_with_flags(path, flags).map_err(fault)?;
                options.prepare(&mut connection)?;
                connection
            }
        };
        Ok(Connected::Reader(Some(connection), readers))
    }

    fn writer(&self) -> Connected<'_> {
        // Whatever a panicking thread left open is rolled back before the next transaction begins.
        Connected::Writer(self.0.writer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Desk<Sqlite> {
    /// A desk called `main` in the database in this file, which is made if it is not there. Another name, another
    /// clock, several desks: [`Sqlite::open`] and [`Sqlite::desk`].
    ///
    /// # Errors
    /// See [`Options::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Desk<Sqlite>> {
        Ok(Sqlite::open(path)?.desk("main"))
    }
}

impl Store for Sqlite {
    type Tx<'a> = SqliteTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<SqliteTx<'_>> {
        let (connected, begin) = match mode {
            Mode::Read => (self.reader()?, "BEGIN"),
            Mode::Write => (self.writer(), "BEGIN IMMEDIATE"),
        };
        let connection = connected.connection()?;
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").map_err(fault)?;
        }
        connection.prepare_cached(begin).and_then(|mut it| it.execute([])).map_err(fault)?;
        Ok(SqliteTx { connected, sql: &self.0.sql, desk: desk.clone(), memo: Memo::default() })
    }
}

/// A connection for one transaction.
#[derive(Debug)]
enum Connected<'a> {
    Writer(MutexGuard<'a, Connection>),
    /// Goes back to the idle ones.
    Reader(Option<Connection>, &'a Mutex<Vec<Connection>>),
}

impl Connected<'_> {
    fn connection(&self) -> Result<&Connection> {
        match self {
            Connected::Writer(connection) => Ok(connection),
            Connected::Reader(Some(connection), _) => Ok(connection),
            Connected::Reader(None, _) => {
                Err(Error::new(ErrorKind::Storage, "the connection was given back"))
            }
        }
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        if let Connected::Reader(connection, readers) = self {
            let mut idle = readers.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_READERS {
                idle.extend(connection.take());
            }
        }
    }
}

/// A transaction in SQLite: `BEGIN IMMEDIATE` for writing, so that nothing read can change before the commit.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    connected: Connected<'a>,
    sql: &'a Sql,
    desk: DeskId,
    memo: Memo,
}

impl Tx for SqliteTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let rows = Rows { connection: self.connected.connection()?, sql: self.sql, desk: &self.desk };
        reads.iter().map(|read| rows.answer(read, &mut self.memo)).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let connection = self.connected.connection()?;
        let rows = Rows { connection, sql: self.sql, desk: &self.desk };
        rows.write(commit, &self.memo)?;
        connection.prepare_cached("COMMIT").and_then(|mut it| it.execute([])).map(drop).map_err(fault)
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        if let Ok(connection) = self.connected.connection()
            && !connection.is_autocommit()
        {
            // Should it fail, the next transaction on this connection rolls back before it begins.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
    }
}

/// SQLite's error in the crate's words.
fn fault(error: rusqlite::Error) -> Error {
    const BUSY_SNAPSHOT: i32 = 517;
    let (kind, message) = match error.sqlite_error_code() {
        // Trying again inside the same transaction can never help: it must be begun anew.
        Some(_) if error.sqlite_error().is_some_and(|it| it.extended_code == BUSY_SNAPSHOT) => (
            ErrorKind::Storage,
            "the transaction has read what another program changed since, and can no longer write: roll it back and \
             begin it anew, as IMMEDIATE",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            ErrorKind::Busy,
            "another program or connection is writing to the database (inside a transaction of your own, call \
             `desk.within(&transaction)`)",
        ),
        Some(ErrorCode::NotADatabase) => (ErrorKind::Corrupt, "the file is not an SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => (ErrorKind::Corrupt, "the database file is damaged"),
        Some(ErrorCode::ReadOnly) => {
            (ErrorKind::Storage, "the database cannot be written to: it is read-only")
        }
        Some(ErrorCode::DiskFull) => (ErrorKind::Storage, "the disk is full; nothing was written"),
        Some(ErrorCode::CannotOpen) => (ErrorKind::Storage, "the database file cannot be opened"),
        Some(ErrorCode::SystemIoFailure) => (ErrorKind::Storage, "the disk failed; nothing was written"),
        _ => (ErrorKind::Storage, "the database failed"),
    };
    Error::new(kind, message).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Action, Actor, NewTicket};
    use rusqlite::StatementStatus;

    #[test]
    fn no_statement_is_planned_anew_for_other_values() {
        let planned_anew = |as_opened: bool| {
            let place = tempfile::tempdir().unwrap();
            let store = Sqlite::open(place.path().join("support.db")).unwrap();
            if !as_opened {
                let writer = store.writer();
                let config = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
                writer.connection().unwrap().set_db_config(config, false).unwrap();
            }
            let desk = store.desk("main");
            for _ in 0..3 {
                let ticket = desk.open_ticket(NewTicket::new("No sound")).unwrap();
                desk.act(ticket.id(), Action::start(), Actor::agent("anna")).unwrap();
            }
            let writer = store.writer();
            let statement = writer.connection().unwrap().prepare_cached(&store.sql().in_force).unwrap();
            statement.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(planned_anew(true), 0);
        assert!(planned_anew(false) > 0, "this test would not see it");
    }
}

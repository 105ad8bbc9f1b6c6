//! The SQLite store. Its tables are in a separate file or in the host's database.
//!
//! An acknowledged command survives a killed process. With [`Durability::Full`], the default, it also survives a power
//! failure. Several programs may use one file. Reads do not wait for the writer, because the database uses a
//! write-ahead log (WAL).

#[cfg(feature = "tokio")]
mod async_sqlite;
mod busy;
mod fault;
mod file_lock;
mod idle;
mod location;
mod open;
mod options;
mod row;
mod schema;
mod sql;
mod tx;
mod within;

use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use rusqlite::{Connection, OpenFlags};

use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::claims::Claim;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Claimed, Mode, RecordKind, Store, Tx};
use busy::{Breaks, Deadline};
use fault::fault;
use file_lock::Claim as FileClaim;
use idle::Idle;
use location::Location;
use sql::Shared;
use tx::{Memo, Rows};

#[cfg(feature = "tokio")]
pub use async_sqlite::AsyncSqlite;
pub use busy::busy_handler;
pub use options::{Durability, SqliteOptions};
pub use within::SqliteWithin;

/// An SQLite store. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Sqlite(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: SqliteOptions,
    /// `None` for a database in memory, which has only one connection.
    location: Option<Location>,
    shared: Shared,
    /// Declared before `writer`, so that the readers are closed first. The last connection to close makes a checkpoint
    /// and removes the log, which a reader must not do.
    readers: Idle,
    /// A single connection.
    writer: Idle,
    breaks: Breaks,
    /// Held while the store is open if the linked SQLite has the WAL-reset bug.
    #[allow(dead_code)] // Dropping it releases the lock.
    claim: Option<FileClaim>,
}

impl Sqlite {
    /// Opens the database file with the default [`SqliteOptions`] and creates it if it does not exist.
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Sqlite> {
        SqliteOptions::new().open(path)
    }

    /// Opens a database in memory.
    ///
    /// # Errors
    /// A storage error.
    pub fn in_memory() -> Result<Sqlite> {
        SqliteOptions::new().in_memory()
    }

    /// Returns a desk in this database. Each desk sees only its own data.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Sqlite> {
        Desk::over(self.clone(), settings)
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// True if a host connection is on this database. A database in memory has no host connections.
    fn is_same_database(&self, connection: &Connection) -> bool {
        self.0.location.as_ref().is_some_and(|location| location.is_database_of(connection))
    }

    /// Verifies that the database is still the file at its path: see [`location`].
    fn verify_file(&self) -> Result<()> {
        self.0.location.as_ref().map_or(Ok(()), Location::verify)
    }

    /// Takes a connection for reading and begins a transaction.
    fn reading(&self, deadline: Deadline) -> Result<Connected<'_>> {
        let connected = self.reader(deadline)?;
        self.begin_verified(&connected, "BEGIN", deadline, || ())?;
        Ok(connected)
    }

    fn reader(&self, deadline: Deadline) -> Result<Connected<'_>> {
        let Inner { options, location: Some(location), readers, .. } = &*self.0 else {
            return self.writer(deadline);
        };
        let open = || {
            // Verified before and after, so that a connection to another file at this path is neither used nor kept.
            location.verify()?;
            // The flags allow writing, because a URI may set a mode, and SQLite refuses a mode that allows more than
            // the flags. Without CREATE, a file that was moved away is not replaced by an empty one.
            let flags = OpenFlags::default().difference(OpenFlags::SQLITE_OPEN_CREATE);
            let mut connection = Connection::open_with_flags(&location.name, flags).map_err(fault)?;
            options.prepare_reader(&mut connection)?;
            location.verify()?;
            Ok(connection)
        };
        match readers.take_or_open(deadline, open)? {
            Some(connection) => Ok(Connected { connection: Some(connection), idle: readers, breaks: None }),
            None => Err(Error::new(
                ErrorKind::Busy,
                "all read connections of the store were in use for the whole acquire timeout",
            )
            .allowing("a larger `SqliteOptions::readers`, or shorter reads")),
        }
    }

    /// Waits for the write connection and takes it.
    fn writer(&self, deadline: Deadline) -> Result<Connected<'_>> {
        let idle = &self.0.writer;
        let opened_with_the_store = || Err(Error::new(ErrorKind::Storage, "the write connection was closed"));
        match idle.take_or_open(deadline, opened_with_the_store)? {
            Some(connection) => {
                Ok(Connected { connection: Some(connection), idle, breaks: Some(&self.0.breaks) })
            }
            None => Err(Error::new(
                ErrorKind::Busy,
                "other commands in this program were writing for the whole acquire timeout; nothing was written",
            )),
        }
    }

    /// Waits for the write connection and for writers elsewhere, then begins a write transaction.
    fn writing(&self, deadline: Deadline) -> Result<Connected<'_>> {
        let connected = self.writer(deadline)?;
        self.begin_write(&connected, deadline)?;
        Ok(connected)
    }

    /// Waits for writers elsewhere, then begins a write transaction.
    fn begin_write(&self, connected: &Connected<'_>, deadline: Deadline) -> Result<()> {
        let breaks = &self.0.breaks;
        if self.0.location.is_some() {
            breaks.take();
        }
        self.begin_verified(connected, "BEGIN IMMEDIATE", deadline, || breaks.met_another())
    }

    /// Begins a transaction on the file that the store opened. The file is verified last, because waiting takes time.
    /// Calls `busy` whenever another program holds the lock.
    fn begin_verified(
        &self,
        connected: &Connected<'_>,
        begin: &str,
        deadline: Deadline,
        busy: impl FnMut(),
    ) -> Result<()> {
        let connection = connected.connection()?;
        begin_on(connection, begin, deadline, busy)?;
        self.verify_file().inspect_err(|_| {
            // If this fails, the next transaction on this connection rolls back before it begins.
            let _ = connection.execute_batch("ROLLBACK");
        })
    }

    /// Commits and verifies that the commit is in the file at the store's path.
    fn commit(&self, connected: &Connected<'_>) -> Result<()> {
        self.commit_unverified(connected)?;
        self.verify_commit()
    }

    /// Commits. Nothing is written if this fails, except with [`ErrorKind::Unknown`].
    fn commit_unverified(&self, connected: &Connected<'_>) -> Result<()> {
        let committed = commit_on(connected.connection()?);
        self.0.breaks.transaction_ended();
        committed
    }

    /// Verifies that a commit is in the file at the store's path. If this fails, the commit is in the file that was
    /// opened, so its commands must not run again.
    fn verify_commit(&self) -> Result<()> {
        self.verify_file().map_err(fault::committed_elsewhere)
    }

    /// The deadline of a command that begins now.
    fn deadline(&self) -> Deadline {
        Deadline::after(self.0.options.acquire_timeout)
    }
}

impl Desk<Sqlite> {
    /// Opens the desk `main` in a database file and creates the file if it does not exist. For another name, another
    /// clock or several desks, use [`Sqlite::open`] and [`Sqlite::desk`].
    ///
    /// # Errors
    /// See [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Desk<Sqlite>> {
        Ok(Sqlite::open(path)?.desk("main"))
    }
}

impl Store for Sqlite {
    type Tx<'a> = SqliteTx<'a>;

    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<SqliteTx<'_>> {
        let deadline = self.deadline();
        let connected = match mode {
            Mode::Write => self.writing(deadline)?,
            Mode::Read => self.reading(deadline)?,
        };
        Ok(SqliteTx { connected, store: self, desk: desk.clone(), memo: Memo::default() })
    }

    /// Begins a write transaction only if a record is due.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let (claim, desk) = (Claim::new(kind, limit, Store::now(self)?, lease), DeskId::new("claims"));
        if !self.begin(&desk, Mode::Read)?.rows()?.is_due(kind, claim.now)? {
            return Ok(Vec::new());
        }
        let tx = self.begin(&desk, Mode::Write)?;
        let claimed = tx.rows()?.claim(&claim.at_present())?;
        self.commit(&tx.connected)?;
        Ok(claimed)
    }
}

/// Begins a transaction before the deadline. A transaction that a panic left open is rolled back first.
fn begin_on(connection: &Connection, begin: &str, deadline: Deadline, busy: impl FnMut()) -> Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(fault)?;
    }
    let mut statement = connection.prepare_cached(begin).map_err(fault)?;
    busy::retry(deadline, || statement.execute([]), busy).map(drop).map_err(fault::begin_failed)
}

/// Commits the open transaction of this connection.
///
/// # Errors
/// [`ErrorKind::Unknown`] if SQLite failed after it had begun to write the commit. After any other error, nothing is
/// written.
fn commit_on(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(rolled_back());
    }
    let committed = connection.prepare_cached("COMMIT").and_then(|mut it| it.execute([]));
    committed.map(drop).map_err(|error| {
        // A commit that is refused because of a lock leaves the transaction open. A commit that fails ends it. The rows
        // are then invisible to all running programs, because the log's index, which is in shared memory, does not
        // cover them. The log itself may already contain the whole commit and lack only the sync. If all programs are
        // killed now, recovery of the log finds the commit and applies it. The next write by any program overwrites it.
        if connection.is_autocommit() {
            return fault::unknown(error);
        }
        // If this fails, the next transaction on this connection rolls back before it begins.
        let _ = connection.execute_batch("ROLLBACK");
        fault(error)
    })
}

fn rolled_back() -> Error {
    Error::new(ErrorKind::Storage, "SQLite rolled the transaction back; nothing was written")
}

/// A connection for one transaction. Dropping it returns the connection to the pool of idle connections.
#[derive(Debug)]
struct Connected<'a> {
    connection: Option<Connection>,
    idle: &'a Idle,
    /// The breaks of the store, on its write connection.
    breaks: Option<&'a Breaks>,
}

impl Connected<'_> {
    fn connection(&self) -> Result<&Connection> {
        let given_back = || Error::new(ErrorKind::Storage, "the connection has already been returned");
        self.connection.as_ref().ok_or_else(given_back)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        if let Some(breaks) = self.breaks {
            breaks.transaction_ended();
        }
        // A transaction that a panic left open is rolled back before the next one begins.
        self.connection.take().into_iter().for_each(|connection| self.idle.put(connection));
    }
}

/// A transaction in SQLite. A write transaction begins with `BEGIN IMMEDIATE`, so that the rows it has read cannot
/// change before it commits.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    connected: Connected<'a>,
    store: &'a Sqlite,
    desk: DeskId,
    memo: Memo,
}

impl SqliteTx<'_> {
    fn rows(&self) -> Result<Rows<'_>> {
        Ok(Rows { connection: self.connected.connection()?, shared: self.store.shared(), desk: &self.desk })
    }
}

impl Tx for SqliteTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let rows =
            Rows { connection: self.connected.connection()?, shared: self.store.shared(), desk: &self.desk };
        reads.iter().map(|read| rows.answer(read, &mut self.memo)).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.rows()?.write(commit, &self.memo)?;
        self.store.commit(&self.connected)
    }
}

impl Drop for SqliteTx<'_> {
    fn drop(&mut self) {
        if let Ok(connection) = self.connected.connection()
            && !connection.is_autocommit()
        {
            // If this fails, the next transaction on this connection rolls back before it begins.
            let _ = connection.prepare_cached("ROLLBACK").and_then(|mut it| it.execute([]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;
    use rusqlite::config::DbConfig;
    use std::time::Duration;

    /// On macOS a plain sync ends in the drive's cache, so a power failure could lose acknowledged commands.
    #[test]
    fn full_durability_syncs_through_the_drive_cache() {
        for (durability, synced) in [(Durability::Full, (2, 1, 1)), (Durability::Normal, (1, 0, 0))] {
            let place = tempfile::tempdir().unwrap();
            let store =
                SqliteOptions::new().durability(durability).open(place.path().join("support.db")).unwrap();
            let writer = store.writer(store.deadline()).unwrap();
            let setting = |pragma: &str| -> i64 {
                let sql = format!("PRAGMA {pragma}");
                writer.connection().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            let settings = (setting("synchronous"), setting("fullfsync"), setting("checkpoint_fullfsync"));
            assert_eq!(settings, synced);
        }
    }

    /// When the wait inside the program has used up the timeout, none is left for other programs. With a new timeout
    /// this test would take an hour.
    #[test]
    fn waiting_inside_and_outside_the_program_shares_one_timeout() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("support.db");
        let store = SqliteOptions::new().acquire_timeout(Duration::from_secs(3_600)).open(&file).unwrap();
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let error = store.writing(Deadline::after(Duration::ZERO)).unwrap_err();
        assert!(error.to_string().contains("another program"), "{error}");
        let writer = store.writer(store.deadline()).unwrap();
        let error = store.writing(Deadline::after(Duration::ZERO)).unwrap_err();
        assert!(error.to_string().contains("in this program"), "{error}");
        drop(writer);
        other.execute_batch("ROLLBACK").unwrap();
        store.writing(Deadline::after(Duration::ZERO)).unwrap();
    }

    #[test]
    fn binding_other_values_does_not_replan_a_statement() {
        let replans = |as_opened: bool| {
            let place = tempfile::tempdir().unwrap();
            let store = Sqlite::open(place.path().join("support.db")).unwrap();
            if !as_opened {
                let writer = store.writer(store.deadline()).unwrap();
                let config = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
                writer.connection().unwrap().set_db_config(config, false).unwrap();
            }
            let writer = store.writer(store.deadline()).unwrap();
            let sql = &store.shared().sql.due_records;
            let mut statement = writer.connection().unwrap().prepare_cached(sql).unwrap();
            for limit in [1, 10, 100] {
                statement.exists(rusqlite::params!["kind", limit, limit]).unwrap();
            }
            statement.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(replans(true), 0);
        assert!(replans(false) > 0, "the control must replan, or this test proves nothing");
    }
}

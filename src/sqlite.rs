//! The SQLite store: a desk in a file of its own, or beside the host's tables in the host's.
//!
//! An acknowledged command survives a killed process, and with [`Durability::Full`], the default, a power cut.
//! Several programs may use one file. Reads run beside the one writer (write-ahead log).

#[cfg(feature = "tokio")]
mod async_sqlite;
mod busy;
mod fault;
mod file_lock;
mod idle;
mod open;
mod options;
mod row;
mod schema;
mod sql;
mod tx;
mod within;

use std::path::{Path, PathBuf};
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
use busy::Patience;
use fault::fault;
use file_lock::Claim as FileClaim;
use idle::Idle;
use sql::Shared;
use tx::{Memo, Rows};

#[cfg(feature = "tokio")]
pub use async_sqlite::AsyncSqlite;
pub use options::{Durability, Options};
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
    place: Option<Place>,
    shared: Shared,
    /// Before the writer, because they are closed in this order: the last connection to be closed makes a checkpoint
    /// and removes the log, which readers must not.
    readers: Idle,
    /// But one: see [`begin_on`].
    writer: Idle,
    /// Held as long as the store is open, where SQLite has the WAL-reset bug.
    #[allow(dead_code)] // It is there to be dropped.
    claim: Option<FileClaim>,
}

/// Where the database is, whatever the working directory becomes.
#[derive(Debug)]
struct Place {
    /// What opens it once more: a path, or the URI with all that it asked for, but to make the file.
    name: PathBuf,
    file: PathBuf,
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

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Whether a connection of the host's is on this database. None but the store's own can be on one in memory.
    fn is_at_home(&self, connection: &Connection) -> bool {
        let (Some(ours), Some(theirs)) = (&self.0.place, connection.path().filter(|path| !path.is_empty()))
        else {
            return false;
        };
        match (ours.file.canonicalize(), Path::new(theirs).canonicalize()) {
            (Ok(ours), Ok(theirs)) => ours == theirs,
            _ => true, // A path that cannot be looked at: not proven to be another one.
        }
    }

    fn reader(&self) -> Result<Connected<'_>> {
        let Inner { options, place: Some(place), readers, .. } = &*self.0 else {
            return self.writer(self.acquire_timeout());
        };
        let connection = match readers.take() {
            Some(connection) => connection,
            None => {
                // As the writer is opened, because a URI may ask for a mode of its own, which SQLite would refuse to one
                // that is opened for less. But it makes no file: one that was moved away would be an empty one.
                let flags = OpenFlags::default().difference(OpenFlags::SQLITE_OPEN_CREATE);
                let mut connection = Connection::open_with_flags(&place.name, flags).map_err(fault)?;
                options.prepare_reader(&mut connection)?;
                connection
            }
        };
        Ok(Connected { connection: Some(connection), home: readers })
    }

    /// The one connection for writing, once it is the caller's turn.
    fn writer(&self, acquire_timeout: Patience) -> Result<Connected<'_>> {
        let home = &self.0.writer;
        match home.take_within(acquire_timeout) {
            Some(connection) => Ok(Connected { connection: Some(connection), home }),
            None => Err(Error::new(
                ErrorKind::Busy,
                "others in this program were writing for as long as a command waits; nothing was written",
            )),
        }
    }

    /// A transaction for writing that has begun, once it is the caller's turn in this program and among all others.
    fn writing(&self, acquire_timeout: Patience) -> Result<Connected<'_>> {
        let connected = self.writer(acquire_timeout)?;
        begin_on(connected.connection()?, "BEGIN IMMEDIATE", acquire_timeout)?;
        Ok(connected)
    }

    /// That of a command which begins now.
    fn acquire_timeout(&self) -> Patience {
        Patience::of(self.0.options.acquire_timeout)
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
        let acquire_timeout = self.acquire_timeout();
        let connected = match mode {
            Mode::Write => self.writing(acquire_timeout)?,
            Mode::Read => {
                let connected = self.reader()?;
                begin_on(connected.connection()?, "BEGIN", acquire_timeout)?;
                connected
            }
        };
        Ok(SqliteTx { connected, shared: &self.0.shared, desk: desk.clone(), memo: Memo::default() })
    }

    /// With nothing due it takes no lock.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let (claim, desk) = (Claim::new(kind, limit, Store::now(self)?, lease), DeskId::new("claims"));
        if !self.begin(&desk, Mode::Read)?.rows()?.is_due(kind, claim.now)? {
            return Ok(Vec::new());
        }
        let tx = self.begin(&desk, Mode::Write)?;
        let claimed = tx.rows()?.claim(&claim.at_present())?;
        commit_on(tx.connected.connection()?)?;
        Ok(claimed)
    }
}

/// Begins a transaction within this acquire_timeout, having rolled back what was left open by a panic.
fn begin_on(connection: &Connection, begin: &str, acquire_timeout: Patience) -> Result<()> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK").map_err(fault)?;
    }
    let mut statement = connection.prepare_cached(begin).map_err(fault)?;
    busy::tried(acquire_timeout, || statement.execute([])).map(drop).map_err(fault::waited_in_vain)
}

/// Commits what is open on this connection.
///
/// # Errors
/// [`ErrorKind::Unknown`] if SQLite began to write the commit and did not come to its end; every other error is of a
/// commit that is not written.
fn commit_on(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() {
        return Err(rolled_back());
    }
    let committed = connection.prepare_cached("COMMIT").and_then(|mut it| it.execute([]));
    committed.map(drop).map_err(|error| {
        // A commit that is refused, because somebody is in its way, leaves the transaction open. One that fails ends it:
        // it is undone as far as this and other programs can see, by the index of the log, which is in memory. But the
        // log may have all of it already, with its mark, and lack no more than the sync. Whoever reads the log after all
        // programs were killed takes it for committed. The next write, of whomever, goes over it.
        if connection.is_autocommit() {
            return fault::unknown(error);
        }
        // Should this fail, the next transaction on this connection rolls back before it begins.
        let _ = connection.execute_batch("ROLLBACK");
        fault(error)
    })
}

fn rolled_back() -> Error {
    Error::new(ErrorKind::Storage, "SQLite rolled the transaction back; nothing was written")
}

/// A connection for one transaction, which goes back to the idle ones.
#[derive(Debug)]
struct Connected<'a> {
    connection: Option<Connection>,
    home: &'a Idle,
}

impl Connected<'_> {
    fn connection(&self) -> Result<&Connection> {
        let given_back = || Error::new(ErrorKind::Storage, "the connection was given back");
        self.connection.as_ref().ok_or_else(given_back)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        // Whatever a panicking thread left open is rolled back before the next transaction begins.
        self.connection.take().into_iter().for_each(|connection| self.home.put(connection));
    }
}

/// A transaction in SQLite: `BEGIN IMMEDIATE` for writing, so that nothing read can change before the commit.
#[derive(Debug)]
pub struct SqliteTx<'a> {
    connected: Connected<'a>,
    shared: &'a Shared,
    desk: DeskId,
    memo: Memo,
}

impl SqliteTx<'_> {
    fn rows(&self) -> Result<Rows<'_>> {
        Ok(Rows { connection: self.connected.connection()?, shared: self.shared, desk: &self.desk })
    }
}

impl Tx for SqliteTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let rows = Rows { connection: self.connected.connection()?, shared: self.shared, desk: &self.desk };
        reads.iter().map(|read| rows.answer(read, &mut self.memo)).collect()
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        let connection = self.connected.connection()?;
        let rows = Rows { connection, shared: self.shared, desk: &self.desk };
        rows.write(commit, &self.memo)?;
        commit_on(connection)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NewTicket;
    use crate::time::Stopwatch;
    use rusqlite::StatementStatus;
    use rusqlite::config::DbConfig;
    use std::time::Duration;

    /// Found by review: on macOS a power cut could take what was acknowledged, because SQLite's syncs end in the drive's
    /// cache there.
    #[test]
    fn full_durability_is_full_on_every_system() {
        for (durability, synced) in [(Durability::Full, (2, 1, 1)), (Durability::Normal, (1, 0, 0))] {
            let place = tempfile::tempdir().unwrap();
            let store = Options::new().durability(durability).open(place.path().join("support.db")).unwrap();
            let writer = store.writer(store.acquire_timeout()).unwrap();
            let said = |pragma: &str| -> i64 {
                let sql = format!("PRAGMA {pragma}");
                writer.connection().unwrap().query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            assert_eq!((said("synchronous"), said("fullfsync"), said("checkpoint_fullfsync")), synced);
        }
    }

    #[test]
    fn whoever_waits_for_others_here_and_elsewhere_has_one_patience_for_both() {
        let (place, acquire_timeout) = (tempfile::tempdir().unwrap(), Duration::from_secs(3));
        let file = place.path().join("support.db");
        let store = Options::new().acquire_timeout(acquire_timeout).open(&file).unwrap();
        let other = Connection::open(&file).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let writer = store.writer(store.acquire_timeout()).unwrap();
        let begin = Stopwatch::start();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| store.desk("main").open_ticket(NewTicket::new("No sound")));
            std::thread::sleep(acquire_timeout / 2);
            drop(writer);
            let error = waits.join().unwrap().unwrap_err();
            assert!(error.to_string().contains("another program"), "{error}");
        });
        assert!(
            (acquire_timeout..acquire_timeout * 7 / 5).contains(&begin.elapsed()),
            "{:?}",
            begin.elapsed()
        );
    }

    #[test]
    fn no_statement_is_planned_anew_for_other_values() {
        let planned_anew = |as_opened: bool| {
            let place = tempfile::tempdir().unwrap();
            let store = Sqlite::open(place.path().join("support.db")).unwrap();
            if !as_opened {
                let writer = store.writer(store.acquire_timeout()).unwrap();
                let config = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
                writer.connection().unwrap().set_db_config(config, false).unwrap();
            }
            let writer = store.writer(store.acquire_timeout()).unwrap();
            let sql = &store.shared().sql.due_records;
            let mut statement = writer.connection().unwrap().prepare_cached(sql).unwrap();
            for limit in [1, 10, 100] {
                statement.exists(rusqlite::params!["kind", limit, limit]).unwrap();
            }
            statement.get_status(StatementStatus::RePrepare)
        };
        assert_eq!(planned_anew(true), 0);
        assert!(planned_anew(false) > 0, "this test would not see it");
    }
}

//! Commands inside the host's own transaction.

use rusqlite::{Connection, Transaction};

use super::tx::{Memo, Rows};
use super::{Sqlite, fault};
use crate::desk::Desk;
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Mode, Store, Tx};

/// The engine of a desk inside the host's transaction, created by `Desk::within` and `Desk::within_connection`.
#[derive(Debug, Clone, Copy)]
pub struct SqliteWithin<'t> {
    connection: &'t Connection,
    store: &'t Sqlite,
    owner: TransactionOwner,
}

/// The owner of the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransactionOwner {
    /// The host's, on the desk's own database.
    Host,
    /// The host's, on another database.
    HostElsewhere,
    /// The writer thread's. The writer thread itself checks that the transaction is still open.
    #[cfg(feature = "tokio")]
    Group,
}

#[cfg(feature = "tokio")]
impl<'t> SqliteWithin<'t> {
    /// Creates an engine inside the writer thread's transaction.
    pub(super) fn group(connection: &'t Connection, store: &'t Sqlite) -> SqliteWithin<'t> {
        SqliteWithin { connection, store, owner: TransactionOwner::Group }
    }

    /// Rolls back the whole transaction after a panic of a command. At that point, the command may have written
    /// nothing, some or all of its rows. All of them are written if the host's tracing subscriber panics when the
    /// command's span ends.
    pub(super) fn give_up(&self) {
        // If this fails, the next transaction on this connection rolls back before it begins.
        let _ = self.connection.execute_batch("ROLLBACK");
    }
}

impl Desk<Sqlite> {
    /// Returns the same desk inside your own transaction on the same database. The desk's writes are committed or
    /// rolled back with your rows, when you end the transaction.
    ///
    /// - Each command writes in a SAVEPOINT of its own. A command that fails writes nothing, and the transaction
    ///   continues.
    /// - Begin the transaction as `IMMEDIATE`. After a `DEFERRED` transaction has read, SQLite refuses its first write
    ///   at once if another connection is writing or has written since that read.
    /// - The store's options do not apply to your connection. Set its busy timeout and `PRAGMA synchronous`
    ///   (durability) yourself.
    /// - If the transaction is on another database than the desk, every command fails with a storage error.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("shop.db");
    /// use firstline::{Desk, NewTicket};
    /// use rusqlite::TransactionBehavior;
    ///
    /// let desk = Desk::open(&file)?;
    /// let mut connection = rusqlite::Connection::open(&file)?;
    /// connection.execute("CREATE TABLE refund (cents INTEGER)", [])?;
    ///
    /// let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    /// tx.execute("INSERT INTO refund VALUES (4711)", [])?;
    /// desk.within(&tx).open_ticket(NewTicket::new("Refund 4711"))?;
    /// tx.commit()?; // both, or neither
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within<'t>(&'t self, transaction: &'t Transaction<'_>) -> Desk<SqliteWithin<'t>> {
        self.with_engine(self.engine().within(transaction))
    }

    /// Like `within`, for a transaction that was not begun through `rusqlite`'s API, but by SQL of the host or by
    /// another library on the same SQLite handle. Do not keep the desk longer than the transaction: after the
    /// transaction has ended, every command fails.
    ///
    /// With `sqlx`, create the connection from its handle. This needs one `unsafe` expression in your code, which is
    /// sound if the handle stays locked while the connection exists:
    ///
    /// ```text
    /// let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    /// sqlx::query("INSERT INTO refund VALUES (4711)").execute(&mut *tx).await?;
    /// {
    ///     let mut handle = tx.lock_handle().await?;
    ///     let connection = unsafe { rusqlite::Connection::from_handle(handle.as_raw_handle().as_ptr()) }?;
    ///     desk.within_connection(&connection)?.open_ticket(NewTicket::new("Refund 4711"))?;
    /// }
    /// tx.commit().await?; // both, or neither
    /// ```
    ///
    /// Declare `rusqlite` with the same version range as firstline (`>=0.32.1, <0.42`, without default features). Cargo
    /// then selects the version that links the same SQLite as `sqlx`. See `tests/hosts/sqlx_sqlite` for an example with
    /// its lock file.
    ///
    /// `sqlx` 0.8 pins SQLite to 3.46, which can lose commits when one connection writes while another makes a
    /// checkpoint. On this version firstline refuses a second store on the file, but it cannot detect your own
    /// connections. Open them with `PRAGMA wal_autocheckpoint = 0`, so that only the store makes checkpoints, and let
    /// no other program write. `sqlx` 0.9 includes an SQLite without the bug.
    ///
    /// # Errors
    /// A storage error if no transaction is open on this connection.
    ///
    /// ```
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("shop.db");
    /// use firstline::{Desk, NewTicket};
    ///
    /// let desk = Desk::open(&file)?;
    /// let connection = rusqlite::Connection::open(&file)?;
    /// assert!(desk.within_connection(&connection).is_err()); // There is no transaction.
    ///
    /// connection.execute_batch("BEGIN IMMEDIATE; CREATE TABLE refund (cents INTEGER)")?;
    /// desk.within_connection(&connection)?.open_ticket(NewTicket::new("Refund 4711"))?;
    /// connection.execute_batch("COMMIT")?; // both, or neither
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within_connection<'t>(&'t self, connection: &'t Connection) -> Result<Desk<SqliteWithin<'t>>> {
        Ok(self.with_engine(self.engine().within_connection(connection)?))
    }
}

impl Sqlite {
    /// Returns an engine inside your own transaction, for [desks](Desk::over) of any name: see `Desk::within`.
    pub fn within<'t>(&'t self, transaction: &'t Transaction<'_>) -> SqliteWithin<'t> {
        self.inside(transaction)
    }

    /// Like `within`, for a transaction that was not begun through `rusqlite`'s API: see `Desk::within_connection`.
    ///
    /// # Errors
    /// A storage error if no transaction is open on this connection.
    pub fn within_connection<'t>(&'t self, connection: &'t Connection) -> Result<SqliteWithin<'t>> {
        if connection.is_autocommit() {
            return Err(Error::new(ErrorKind::Storage, "no transaction is open on this connection")
                .allowing("a connection after `BEGIN IMMEDIATE`"));
        }
        Ok(self.inside(connection))
    }

    fn inside<'t>(&'t self, connection: &'t Connection) -> SqliteWithin<'t> {
        let owner = if self.is_same_database(connection) {
            TransactionOwner::Host
        } else {
            TransactionOwner::HostElsewhere
        };
        SqliteWithin { connection, store: self, owner }
    }
}

impl Store for SqliteWithin<'_> {
    type Tx<'a>
        = SqliteWithinTx<'a>
    where
        Self: 'a;

    fn begin(&self, desk: &DeskId, _: Mode) -> Result<SqliteWithinTx<'_>> {
        if self.connection.is_autocommit() {
            return Err(transaction_ended());
        }
        if self.owner == TransactionOwner::HostElsewhere {
            let file = self.connection.path().unwrap_or_default();
            let problem = format!("the transaction is on another database than the desk: {file:?}");
            return Err(Error::new(ErrorKind::Storage, problem)
                .allowing("a transaction on the desk's own file (a database in memory has none)"));
        }
        if self.owner == TransactionOwner::Host {
            self.store.verify_file()?;
        }
        Ok(SqliteWithinTx { within: self, desk: desk.clone(), memo: Memo::default() })
    }
}

/// One command inside the host's transaction. No other write can come between its reads and its writes, so only the
/// writes need a SAVEPOINT. Reads and rejected commands do not interfere with the host's own statements.
#[derive(Debug)]
pub struct SqliteWithinTx<'a> {
    within: &'a SqliteWithin<'a>,
    desk: DeskId,
    memo: Memo,
}

impl SqliteWithinTx<'_> {
    fn rows(&self) -> Rows<'_> {
        Rows { connection: self.within.connection, shared: self.within.store.shared(), desk: &self.desk }
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.within.connection.prepare_cached(sql).and_then(|mut it| it.execute([])).map(drop).map_err(fault)
    }

    /// Replaces an error if the transaction of the host caused it. If the disk is full, SQLite rolls the whole
    /// transaction back. A transaction that did not begin as `IMMEDIATE` cannot wait for another writer.
    fn explained(&self, error: Error) -> Error {
        match self.within.owner {
            TransactionOwner::Host | TransactionOwner::HostElsewhere
                if self.within.connection.is_autocommit() =>
            {
                transaction_ended().caused_by(error)
            }
            TransactionOwner::Host | TransactionOwner::HostElsewhere if error.is_retryable() => {
                let problem = "another program or connection is writing, and a retry inside this transaction always \
                               fails: roll it back and start again with BEGIN IMMEDIATE";
                Error::new(ErrorKind::Storage, problem).caused_by(error)
            }
            _ => error,
        }
    }
}

impl Tx for SqliteWithinTx<'_> {
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        let mut memo = std::mem::take(&mut self.memo);
        let answers = reads.iter().map(|read| self.rows().answer(read, &mut memo)).collect::<Result<_>>();
        self.memo = memo;
        answers.map_err(|error| self.explained(error))
    }

    fn commit(&mut self, commit: Commit) -> Result<()> {
        self.run("SAVEPOINT firstline").map_err(|error| self.explained(error))?;
        let written = self.rows().write(commit, &self.memo).and_then(|()| self.run("RELEASE firstline"));
        written.map_err(|error| {
            if !self.within.connection.is_autocommit() {
                // A failure here is ignored, because the host's next statement fails too.
                let _ = self.run("ROLLBACK TO firstline").and_then(|()| self.run("RELEASE firstline"));
            }
            self.explained(error)
        })
    }
}

fn transaction_ended() -> Error {
    let problem = "the host's transaction is no longer open: it has ended, or SQLite rolled all of it back";
    Error::new(ErrorKind::Storage, problem)
}

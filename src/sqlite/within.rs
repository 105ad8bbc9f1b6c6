//! Work inside the host's own transaction.

use rusqlite::{Connection, Transaction};

use super::sql::Shared;
use super::tx::{Memo, Rows};
use super::{Sqlite, fault};
use crate::desk::Desk;
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Mode, Store, Tx};

/// The engine of a desk inside the host's transaction: see `Desk::within` and `Desk::within_connection`.
#[derive(Debug, Clone, Copy)]
pub struct Within<'t> {
    connection: &'t Connection,
    shared: &'t Shared,
    whose: Whose,
}

/// Whose transaction it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The host's, on the desk's own database.
    Host,
    /// The host's, on another database.
    HostAbroad,
    /// That of the writer thread, which looks for itself whether it is still open.
    #[cfg(feature = "tokio")]
    Group,
}

#[cfg(feature = "tokio")]
impl<'t> Within<'t> {
    /// Inside the transaction of a group of commands.
    pub(super) fn group(connection: &'t Connection, shared: &'t Shared) -> Within<'t> {
        Within { connection, shared, whose: Whose::Group }
    }

    /// Gives up the whole transaction of the group, in which a command panicked: it may have been undone, or stand there
    /// half-written, or whole, as when the host's subscriber panics on leaving the command's span.
    pub(super) fn give_up(&self) {
        // Should it fail, the next transaction on this connection rolls back before it begins.
        let _ = self.connection.execute_batch("ROLLBACK");
    }
}

impl Desk<Sqlite> {
    /// The same desk inside the host's own transaction on the same database: what it does is committed or rolled
    /// back with the host's own rows, by the host. Each command writes in a SAVEPOINT of its own, so that a failed one
    /// leaves nothing behind and the transaction goes on.
    ///
    /// Begin the transaction as `IMMEDIATE`. If a `DEFERRED` one has read, SQLite refuses its first write at once where
    /// another connection is writing, or has written since that read. How long it waits to begin is the host's affair: the
    /// acquire_timeout of the store's options is for its own connections. So is the durability: what a power cut may take of the
    /// host's transaction is said by the `synchronous` of the host's connection. A transaction on another database than the
    /// desk's makes every command fail.
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
    pub fn within<'t>(&'t self, transaction: &'t Transaction<'_>) -> Desk<Within<'t>> {
        self.with_engine(self.engine().within(transaction))
    }

    /// The same as `within`, for a transaction that `rusqlite` did not begin: the host's words, or another library on
    /// the same handle of SQLite. The desk must not outlive the transaction; once that has ended, every command fails.
    ///
    /// With `sqlx`, the host makes the connection from its handle. The one unsafe line is the host's, and sound as long
    /// as the handle is locked and the connection is gone before it is unlocked:
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
    /// The host names `rusqlite` as a range, as firstline does (`>=0.32.1, <0.42`, without default features), and cargo
    /// takes the one that links the same SQLite as `sqlx`. `tests/hosts/sqlx_sqlite` is such a host, with its lock file.
    ///
    /// What hosts on `sqlx` 0.8 are not promised: it pins SQLite to 3.46, which can lose commits when two connections
    /// write and make checkpoints at once. The store then lets no second store of firstline onto the file, but it cannot
    /// see the host's own connections: open them with `PRAGMA wal_autocheckpoint = 0`, so that the store alone makes the
    /// checkpoints, and let no other program write. `sqlx` 0.9 brings an SQLite without the bug.
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
    pub fn within_connection<'t>(&'t self, connection: &'t Connection) -> Result<Desk<Within<'t>>> {
        Ok(self.with_engine(self.engine().within_connection(connection)?))
    }
}

impl Sqlite {
    /// The same store inside the host's own transaction, for [desks](Desk::over) of any name: see `Desk::within`.
    pub fn within<'t>(&'t self, transaction: &'t Transaction<'_>) -> Within<'t> {
        self.inside(transaction)
    }

    /// The same, for a transaction that `rusqlite` did not begin: see `Desk::within_connection`.
    ///
    /// # Errors
    /// A storage error if no transaction is open on this connection.
    pub fn within_connection<'t>(&'t self, connection: &'t Connection) -> Result<Within<'t>> {
        if connection.is_autocommit() {
            return Err(Error::new(ErrorKind::Storage, "no transaction is open on this connection")
                .allowing("`BEGIN IMMEDIATE` before"));
        }
        Ok(self.inside(connection))
    }

    fn inside<'t>(&'t self, connection: &'t Connection) -> Within<'t> {
        let whose = if self.is_at_home(connection) { Whose::Host } else { Whose::HostAbroad };
        Within { connection, shared: self.shared(), whose }
    }
}

impl Store for Within<'_> {
    type Tx<'a>
        = WithinTx<'a>
    where
        Self: 'a;

    fn begin(&self, desk: &DeskId, _: Mode) -> Result<WithinTx<'_>> {
        if self.connection.is_autocommit() {
            return Err(gone());
        }
        if self.whose == Whose::HostAbroad {
            let file = self.connection.path().unwrap_or_default();
            let problem = format!("the transaction is on another database than the desk: {file:?}");
            return Err(Error::new(ErrorKind::Storage, problem)
                .allowing("a transaction on the desk's own file (a database in memory has none)"));
        }
        Ok(WithinTx { within: self, desk: desk.clone(), memo: Memo::default() })
    }
}

/// One command inside the host's transaction. Nothing can come between what it reads and what it writes, so that only
/// the writing needs a SAVEPOINT: what reads, or is refused, leaves the host's own statements undisturbed.
#[derive(Debug)]
pub struct WithinTx<'a> {
    within: &'a Within<'a>,
    desk: DeskId,
    memo: Memo,
}

impl WithinTx<'_> {
    fn rows(&self) -> Rows<'_> {
        Rows { connection: self.within.connection, shared: self.within.shared, desk: &self.desk }
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.within.connection.prepare_cached(sql).and_then(|mut it| it.execute([])).map(drop).map_err(fault)
    }

    /// What the host must hear of its own transaction: a full disk makes SQLite roll back the whole of it, and one that
    /// was not begun for writing cannot wait for another writer.
    fn explained(&self, error: Error) -> Error {
        match self.within.whose {
            Whose::Host | Whose::HostAbroad if self.within.connection.is_autocommit() => {
                gone().caused_by(error)
            }
            Whose::Host | Whose::HostAbroad if error.is_retryable() => {
                let problem = "another program or connection is writing, and trying again inside this transaction is in \
                               vain: roll it back and begin it anew, as IMMEDIATE";
                Error::new(ErrorKind::Storage, problem).caused_by(error)
            }
            _ => error,
        }
    }
}

impl Tx for WithinTx<'_> {
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
                // Nothing can be done about a failure here; the host's next statement will meet it too.
                let _ = self.run("ROLLBACK TO firstline").and_then(|()| self.run("RELEASE firstline"));
            }
            self.explained(error)
        })
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Storage, "the host's transaction is no longer open: SQLite rolled all of it back")
}

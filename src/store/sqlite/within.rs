//! Work inside the host's own transaction.

use rusqlite::{Connection, Transaction};

use super::sql::Sql;
use super::tx::{Memo, Rows};
use super::{Sqlite, fault};
use crate::desk::Desk;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Engine, Flow, Job, blocking};
use crate::id::DeskId;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Mode, Store, Tx};

/// The engine of a desk inside the host's transaction: see `Desk::within`.
#[derive(Debug, Clone, Copy)]
pub struct Within<'t> {
    connection: &'t Connection,
    sql: &'t Sql,
}

impl Desk<Sqlite> {
    /// The same desk inside the host's own transaction on the same database: what it does is committed or rolled
    /// back with the host's own rows, by the host. Each command works in a SAVEPOINT of its own, so that a refused one
    /// leaves nothing behind and the transaction goes on.
    ///
    /// Begin the transaction as `IMMEDIATE`: SQLite refuses at once to let a `DEFERRED` one write that has read
    /// before another program wrote.
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
        self.with_engine(Within { connection: transaction, sql: self.engine().sql() })
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
        self.connection.execute_batch("SAVEPOINT firstline").map_err(fault)?;
        Ok(WithinTx { within: self, desk: desk.clone(), memo: Memo::default(), ended: false })
    }
}

impl Engine for Within<'_> {
    type Reply<'a, T: Send + 'a>
        = Result<T>
    where
        Self: 'a;

    fn run<F: Flow>(&self, desk: &DeskId, flow: F) -> Result<F::Out> {
        blocking::drive(self, desk, &flow)
    }

    fn work<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        blocking::work(self, desk, job)
    }
}

/// One command inside the host's transaction: a SAVEPOINT.
#[derive(Debug)]
pub struct WithinTx<'a> {
    within: &'a Within<'a>,
    desk: DeskId,
    memo: Memo,
    ended: bool,
}

impl WithinTx<'_> {
    fn rows(&self) -> Rows<'_> {
        Rows { connection: self.within.connection, sql: self.within.sql, desk: &self.desk }
    }

    /// A full disk makes SQLite roll back the host's whole transaction; the host must hear of it.
    fn explained(&self, error: Error) -> Error {
        if self.within.connection.is_autocommit() { gone().caused_by(error) } else { error }
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
        self.rows().write(commit, &self.memo).map_err(|error| self.explained(error))?;
        self.within.connection.execute_batch("RELEASE firstline").map_err(fault)?;
        self.ended = true;
        Ok(())
    }
}

impl Drop for WithinTx<'_> {
    fn drop(&mut self) {
        if !self.ended && !self.within.connection.is_autocommit() {
            // Nothing can be done about a failure here, and nothing is lost by it: the host sees its own next error.
            let _ = self.within.connection.execute_batch("ROLLBACK TO firstline; RELEASE firstline");
        }
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Storage, "the host's transaction is no longer open: SQLite rolled all of it back")
}

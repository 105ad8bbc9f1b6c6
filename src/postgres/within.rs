//! Desks inside the host's own transaction.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, MutexGuard};

use super::Postgres;
use super::driver::Connection;
use super::sql::Shared;
use super::tx::Work;
use super::tx_control::TxControl;
use super::wire::HostConnection;
use crate::desk::Desk;
use crate::error::Result;
use crate::id::DeskId;
use crate::operation::async_store::{self, AsyncStore, AsyncTx, Reply};
use crate::operation::{Engine, Job, Operation};
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Claimed, Mode, RecordKind};

/// The engine of a desk inside the host's transaction. See [`Desk::within`].
#[derive(Debug)]
pub struct PostgresWithin<'t, C>(Host<'t, C>);

/// The host's transaction as a store.
#[derive(Debug)]
struct Host<'t, C> {
    /// Commands take turns, because only one savepoint may be open at a time.
    transaction: Mutex<&'t mut C>,
    shared: &'t Shared,
}

impl Desk<Postgres> {
    /// Returns the desk inside the host's own transaction on the same database. The host commits or rolls back the
    /// desk's work together with its own rows. Each command writes inside its own SAVEPOINT, so a failed command leaves
    /// nothing behind and the transaction can continue.
    ///
    /// ```no_run
    /// use firstline::{Desk, NewTicket};
    ///
    /// # async fn example(mut connection: tokio_postgres::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let desk = Desk::connect("postgres://shop@localhost/shop").await?;
    ///
    /// let mut tx = connection.transaction().await?;
    /// tx.execute("INSERT INTO refund VALUES (4711)", &[]).await?;
    /// desk.within(&mut tx).open_ticket(NewTicket::new("Refund 4711")).await?;
    /// tx.commit().await?; // both, or neither
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Any [`Connection`] works. A transaction of `tokio-postgres` 0.7 is one, if the host uses the same version as
    /// this crate. For another driver, see [`driver`](super::driver). For `deadpool-postgres`, pass the inner
    /// transaction: `desk.within(&mut *tx)`.
    ///
    /// # Locks
    ///
    /// A command's locks are held until the host's transaction ends, so end it soon. Two transactions with several
    /// commands each may deadlock. PostgreSQL detects this after its `deadlock_timeout` (one second by default) and
    /// fails one of them. The error is [retryable](crate::Error::is_retryable): run the whole transaction again.
    ///
    /// Opening a ticket locks the desk's next running number. Until the transaction ends, nobody else can open a ticket
    /// at this desk, so make an opening the last step of the transaction.
    ///
    /// The [acquire timeout](super::PostgresOptions::acquire_timeout) applies to the store's own connections only. Here
    /// a command waits as long as the host's settings allow. `SET LOCAL lock_timeout = '3s'` limits the wait for a
    /// lock, and a command that fails with it leaves the transaction as it was. A `statement_timeout` limits the wait
    /// too, but may leave the transaction failed.
    ///
    /// # Dropped futures
    ///
    /// A future may be dropped, with two consequences:
    ///
    /// - It is unknown whether its command was written in the transaction. Roll back, or repeat the command with the
    ///   same [key](crate::Actor::idempotency_key) before the transaction is committed.
    /// - If the command was waiting for a lock, the server continues to wait, and the host's next statements, including
    ///   `rollback()`, wait behind it. Cancel it with the connection's `tokio_postgres::CancelToken`, or close the
    ///   connection.
    ///
    /// # Isolation
    ///
    /// Use READ COMMITTED, PostgreSQL's default. At a stricter level PostgreSQL refuses to lock or change rows that
    /// another program has changed since the transaction began. That error is retryable too: run the whole transaction
    /// again. Under READ COMMITTED, several reads of one command may see different states, so use REPEATABLE READ for
    /// reports.
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> Desk<PostgresWithin<'t, C>> {
        self.with_engine(self.engine().within(transaction))
    }
}

impl Postgres {
    /// Returns the store's engine inside the host's own transaction, for [desks](Desk::over) of any name. See
    /// [`Desk::within`] for waits, locks and dropped futures.
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> PostgresWithin<'t, C> {
        PostgresWithin(Host { transaction: Mutex::new(transaction), shared: self.shared() })
    }
}

impl<C: Connection> Engine for PostgresWithin<'_, C> {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        async_store::run(&self.0, desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        async_store::run_job(&self.0, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(AsyncStore::now(&self.0))
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(AsyncStore::claim(&self.0, kind, limit, lease))
    }
}

/// Read-only operations need no savepoint.
const READS: TxControl = TxControl { begin: None, commit: "", leave: None, own: false };

const WRITES: TxControl = TxControl {
    begin: Some(Cow::Borrowed("SAVEPOINT firstline")),
    commit: "RELEASE SAVEPOINT firstline",
    leave: Some("ROLLBACK TO SAVEPOINT firstline; RELEASE SAVEPOINT firstline"),
    own: false,
};

impl<'t, C: Connection> AsyncStore for Host<'t, C> {
    type Tx<'a>
        = HostTx<'a, 't, C>
    where
        Self: 'a;

    async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<HostTx<'_, 't, C>> {
        let control = match mode {
            Mode::Read => &READS,
            Mode::Write => &WRITES,
        };
        Ok(HostTx {
            transaction: self.transaction.lock().await,
            work: Work::new(self.shared, desk, mode, control),
        })
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Read).await?;
        tx.work.now(&HostConnection(&**tx.transaction)).await
    }

    async fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Write).await?;
        let claimed = tx.work.claim(&HostConnection(&**tx.transaction), kind, limit, lease).await;
        tx.rollback().await;
        claimed
    }
}

/// One command inside the host's transaction.
#[derive(Debug)]
struct HostTx<'a, 't, C> {
    work: Work<'a>,
    transaction: MutexGuard<'a, &'t mut C>,
}

impl<C: Connection> AsyncTx for HostTx<'_, '_, C> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.work.load(&HostConnection(&**self.transaction), reads).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        self.work.commit(&HostConnection(&**self.transaction), commit).await
    }

    async fn rollback(&mut self) {
        self.work.rollback(&HostConnection(&**self.transaction)).await;
    }
}

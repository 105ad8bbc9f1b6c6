//! Work inside the host's own transaction.

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Mutex, MutexGuard};

use super::Postgres;
use super::driver::Connection;
use super::sql::Shared;
use super::tx::{Door, Work};
use super::wire::Hosts;
use crate::desk::Desk;
use crate::error::Result;
use crate::id::DeskId;
use crate::operation::async_store::{self, AsyncStore, AsyncTx, Reply};
use crate::operation::{Engine, Job, Operation};
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};
use crate::store::{Claimed, Mode, RecordKind};

/// The engine of a desk inside the host's transaction: see [`Desk::within`].
#[derive(Debug)]
pub struct Within<'t, C> {
    /// Commands take turns: between a savepoint and its end there is no other.
    transaction: Mutex<&'t mut C>,
    shared: &'t Shared,
}

impl Desk<Postgres> {
    /// The same desk inside the host's own transaction on the same database: what it does is committed or rolled
    /// back with the host's own rows, by the host. Each command writes behind a SAVEPOINT of its own, so that a failed
    /// one leaves nothing behind and the transaction goes on.
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
    /// Any [`Connection`] will do: a transaction of `tokio-postgres` 0.7 is one, if the host's is the same as this
    /// crate's, and a few lines make one of another driver's. One of `deadpool-postgres` has that of `tokio-postgres` in
    /// it: `desk.within(&mut *tx)`.
    ///
    /// What a command has claimed stays claimed until the host's transaction ends, so end it soon. Two transactions
    /// that do several commands each may wait for each other; PostgreSQL ends one of the two waits after a second, with
    /// an error that is [retryable](crate::Error::is_retryable) by beginning the whole transaction anew.
    ///
    /// An opening claims the desk's next running number: until the transaction ends, nobody else opens a ticket at this
    /// desk. Make it the last thing that the transaction does.
    ///
    /// The [acquire_timeout](super::Options::acquire_timeout) is that of the store's own connections. Here a command waits for as long as
    /// the host's settings let it: `SET LOCAL lock_timeout = '3s'` before it limits that, and what was waited for in vain
    /// leaves the transaction as it was. A `statement_timeout` limits it too, but may leave the transaction failed.
    ///
    /// A future may be dropped here too, but not without a thought:
    ///
    /// - Whether its command was written in the transaction is not known: roll back, or repeat it with the same
    ///   [key](crate::Actor::once) in the same transaction before that is committed.
    /// - If it waits for what somebody else has claimed, the server waits on, and whatever the host sends next comes after
    ///   it, `rollback()` too. Cancel it by the connection's `tokio_postgres::CancelToken`, or close the connection.
    ///
    /// The transaction should be READ COMMITTED, which is PostgreSQL's default. In a stricter one PostgreSQL refuses
    /// what another program changed since it began, with an error that is retryable by beginning anew. The price: several
    /// reads of one command may see different states. For reports begin REPEATABLE READ.
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> Desk<Within<'t, C>> {
        self.with_engine(self.engine().within(transaction))
    }
}

impl Postgres {
    /// The same store inside the host's own transaction, for [desks](Desk::over) of any name. For how long its commands
    /// wait, what they keep others from, and what a dropped future leaves behind, see [`Desk::within`].
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> Within<'t, C> {
        Within { transaction: Mutex::new(transaction), shared: self.shared() }
    }
}

impl<C: Connection> Engine for Within<'_, C> {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        async_store::run(self, desk, operation)
    }

    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        async_store::work(self, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(AsyncStore::now(self))
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(AsyncStore::claim(self, kind, limit, lease))
    }
}

/// What only reads leaves the host's transaction as it is.
const READS: Door = Door { begin: None, commit: "", leave: None, own: false };

const WRITES: Door = Door {
    begin: Some("SAVEPOINT firstline"),
    commit: "RELEASE SAVEPOINT firstline",
    leave: Some("ROLLBACK TO SAVEPOINT firstline; RELEASE SAVEPOINT firstline"),
    own: false,
};

impl<'t, C: Connection> AsyncStore for Within<'t, C> {
    type Tx<'a>
        = WithinTx<'a, 't, C>
    where
        Self: 'a;

    async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<WithinTx<'_, 't, C>> {
        let door = match mode {
            Mode::Read => &READS,
            Mode::Write => &WRITES,
        };
        Ok(WithinTx {
            transaction: self.transaction.lock().await,
            work: Work::new(self.shared, desk, mode, door),
        })
    }

    async fn now(&self) -> Result<DateTime<Utc>> {
        let tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Read).await?;
        tx.work.now(&Hosts(&**tx.transaction)).await
    }

    async fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let mut tx = AsyncStore::begin(self, &DeskId::new("claims"), Mode::Write).await?;
        let claimed = tx.work.claim(&Hosts(&**tx.transaction), kind, limit, lease).await;
        tx.end().await;
        claimed
    }
}

/// One command inside the host's transaction.
#[derive(Debug)]
pub struct WithinTx<'a, 't, C> {
    work: Work<'a>,
    transaction: MutexGuard<'a, &'t mut C>,
}

impl<C: Connection> AsyncTx for WithinTx<'_, '_, C> {
    async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
        self.work.load(&Hosts(&**self.transaction), reads).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        self.work.commit(&Hosts(&**self.transaction), commit).await
    }

    async fn end(&mut self) {
        self.work.end(&Hosts(&**self.transaction)).await;
    }
}

//! Work inside the host's own transaction.

use tokio::sync::{Mutex, MutexGuard};

use super::driver::Connection;
use super::tx::{Door, Work};
use super::wire::Hosts;
use super::{Postgres, Shared};
use crate::desk::Desk;
use crate::error::Result;
use crate::flow::awaiting::{self, AsyncStore, AsyncTx, Reply};
use crate::flow::{Engine, Flow, Job};
use crate::id::DeskId;
use crate::store::Mode;
use crate::store::commit::Commit;
use crate::store::read::{Answer, Read};

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
    /// Any [`Connection`] will do: a transaction of `tokio-postgres` is one, and a few lines make one of another
    /// driver's.
    ///
    /// What a command has claimed stays claimed until the host's transaction ends, so end it soon. Two transactions
    /// that do several commands each may wait for each other; PostgreSQL ends one of the two waits after a second, with
    /// an error that is [retryable](crate::Error::is_retryable) by beginning the whole transaction anew.
    ///
    /// The transaction should be READ COMMITTED, which is PostgreSQL's default. In a stricter one PostgreSQL refuses
    /// what another program changed since it began.
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> Desk<Within<'t, C>> {
        self.with_engine(self.engine().within(transaction))
    }
}

impl Postgres {
    /// The same store inside the host's own transaction, for [desks](Desk::over) of any name: see [`Desk::within`].
    pub fn within<'t, C: Connection>(&'t self, transaction: &'t mut C) -> Within<'t, C> {
        Within { transaction: Mutex::new(transaction), shared: self.shared() }
    }
}

impl<C: Connection> Engine for Within<'_, C> {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Flow>(&'a self, desk: &DeskId, flow: F) -> Reply<'a, F::Out> {
        awaiting::run(self, desk, flow)
    }

    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        awaiting::work(self, desk, job)
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

    async fn leave(&mut self) {
        self.work.leave(&Hosts(&**self.transaction)).await;
    }
}

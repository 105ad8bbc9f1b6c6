//! SQLite for asynchronous programs. Calls return futures, one thread writes, and waiting commands share commits.

mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

use super::Sqlite;
use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Engine, Job, Operation, blocking};
use crate::store::Mode;
use writer::Order;

/// The capacity of the writer's queue, in commands. When the queue is full, callers wait to enqueue.
const QUEUE: usize = 1_024;

/// An SQLite store with asynchronous calls, created by [`Sqlite::into_async`]. Clones share the writer.
///
/// One thread writes. Commands that wait while the disk is synced share the next commit, so a few syncs serve many
/// callers. Each command is still atomic, and each caller gets the result of its own command once the commit is
/// complete. Reads use separate connections and do not wait for the writer, except in a database in memory, which has
/// only one connection.
///
/// ```
/// use firstline::sqlite::Sqlite;
/// use firstline::{Action, Actor, NewTicket};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), firstline::Error> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let file = dir.path().join("support.db");
/// let desk = Sqlite::open(&file)?.into_async()?.desk("main");
/// let ticket = desk.open_ticket(NewTicket::new("No sound")).await?;
/// let receipt = desk.act(ticket.id(), Action::start(), Actor::agent("anna")).await?;
/// assert_eq!(desk.ticket(ticket.id()).await?, receipt.ticket);
/// # Ok(())
/// # }
/// ```
///
/// # Together with blocking calls
///
/// Clone the [`Sqlite`] before the conversion to use both. To run commands in your own transaction, call `Desk::within`
/// on a desk of that clone, on a thread for blocking work. A file has one writer: while that transaction is open, the
/// writer thread and all commands in its queue wait. If it stays open for longer than the [acquire
/// timeout](super::SqliteOptions::acquire_timeout), all of them fail with [`Busy`](ErrorKind::Busy).
///
/// ```
/// use firstline::NewTicket;
/// use firstline::sqlite::Sqlite;
/// use rusqlite::{Connection, TransactionBehavior};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let file = dir.path().join("shop.db");
/// let blocking = Sqlite::open(&file)?;
/// let store = blocking.clone().into_async()?;
///
/// let refunded = tokio::task::spawn_blocking(move || -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
///     let mut connection = Connection::open(&file)?;
///     connection.execute("CREATE TABLE IF NOT EXISTS refund (cents INTEGER)", [])?;
///     let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
///     tx.execute("INSERT INTO refund VALUES (4711)", [])?;
///     let ticket = blocking.desk("acme").within(&tx).open_ticket(NewTicket::new("Refund 4711"))?;
///     tx.commit()?; // both, or neither
///     Ok(ticket.id())
/// });
/// let id = refunded.await?.map_err(|error| error.to_string())?;
/// assert_eq!(store.desk("acme").ticket(id).await?.subject(), "Refund 4711");
/// # Ok(())
/// # }
/// ```
///
/// # Spawned and dropped futures
///
/// A future borrows its desk. To spawn it, move a clone of the desk into an `async move` block.
///
/// A command is enqueued when its future is first polled. If the future is dropped after that, the command still takes
/// effect completely or not at all. To get the outcome, repeat a command that has an
/// [idempotency key](crate::NewTicket::idempotency_key).
///
/// # Runtime
///
/// Reads use at most as many of the [tokio] runtime's threads for blocking work as the store has
/// [readers](super::SqliteOptions::readers) (four by default). Outside a runtime they fail. Writes do
/// not need a runtime.
///
/// [tokio]: https://docs.rs/tokio
#[derive(Debug, Clone)]
pub struct AsyncSqlite {
    /// `None` after `close`. Shared by all clones.
    open: Arc<Mutex<Option<Open>>>,
    readers: usize,
    /// Limits concurrent reads. A read holds a permit for as long as it holds the store.
    reading: Arc<Semaphore>,
    /// Closed when the writer thread has ended and dropped the store.
    ended: watch::Receiver<()>,
}

#[derive(Debug, Clone)]
struct Open {
    store: Sqlite,
    queue: mpsc::Sender<Order>,
}

impl Sqlite {
    /// Converts the store for asynchronous programs and starts the writer thread.
    ///
    /// The thread ends when the last clone of the returned store is dropped and all enqueued commands are done, so the
    /// file may be closed a little after the drop. To wait for that, use [`AsyncSqlite::close`].
    ///
    /// A command waits in the queue for the writer thread, which then waits for other programs and connections for up
    /// to the store's [acquire timeout](super::SqliteOptions::acquire_timeout). If they are still writing after that,
    /// all commands in the queue (up to 1,024) fail with [`Busy`](ErrorKind::Busy) at once; they do not wait one after
    /// another.
    ///
    /// # Errors
    /// A storage error if the system cannot start a thread.
    pub fn into_async(self) -> Result<AsyncSqlite> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let (ends, ended) = watch::channel(());
        let store = self.clone();
        std::thread::Builder::new()
            .name("firstline writer".to_owned())
            .spawn(move || {
                let _ends = ends; // Dropped after the store, also on a panic.
                writer::serve(store, orders);
            })
            .map_err(|error| Error::storage("the writer thread cannot be started", error))?;
        let readers = self.0.options.readers;
        let open = Arc::new(Mutex::new(Some(Open { store: self, queue })));
        Ok(AsyncSqlite { open, readers, reading: Arc::new(Semaphore::new(readers)), ended })
    }
}

impl AsyncSqlite {
    /// Closes the store for all clones and their desks.
    ///
    /// The future completes when all enqueued commands are done and answered and this store no longer has the file
    /// open. The file and its log can then be copied or deleted. Later calls fail with a storage error.
    ///
    /// - A clone of the original [`Sqlite`] keeps working and keeps the file open until it is dropped.
    /// - If the future is dropped before it completes, the store is closed anyway.
    /// - The future does not complete while a command's future waits for space in the full queue (1,024 commands) and
    ///   is neither polled again nor dropped.
    ///
    /// ```
    /// use firstline::NewTicket;
    /// use firstline::sqlite::Sqlite;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir().unwrap();
    /// # let file = dir.path().join("support.db");
    /// let store = Sqlite::open(&file)?.into_async()?;
    /// let desk = store.desk("main");
    /// desk.open_ticket(NewTicket::new("No sound")).await?;
    ///
    /// store.close().await;
    /// std::fs::copy(&file, file.with_extension("copy"))?; // There is no log file any more.
    /// assert!(desk.ticket(1).await.unwrap_err().is_storage());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(mut self) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        // Once all permits are acquired, no read is running. A later read finds the store closed.
        let all = u32::try_from(self.readers).unwrap_or(u32::MAX);
        let _ = self.reading.acquire_many(all).await;
        // Nothing is ever sent. This waits until the sender is dropped.
        let _ = self.ended.changed().await;
    }

    fn open(&self) -> Result<Open> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.ok_or_else(|| Error::new(ErrorKind::Storage, "the store was closed; nothing was written"))
    }

    /// Returns a desk in this database. Each desk sees only its own data.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<AsyncSqlite> {
        Desk::over(self.clone(), settings)
    }

    async fn execute<F: Operation>(&self, desk: DeskId, operation: F) -> Result<F::Out> {
        desk.check()?;
        // The watch begins here, so that it belongs to the caller's trace and includes the time in the queue.
        let watch = Watch::begin(&desk, operation.label());
        match operation.mode() {
            Mode::Read => self.read(desk, operation, watch).await,
            Mode::Write => self.write(desk, operation, watch).await,
        }
    }

    async fn write<F: Operation>(&self, desk: DeskId, operation: F, watch: Watch) -> Result<F::Out> {
        let Open { queue, store } = self.open()?;
        drop(store); // The store must not stay open while the caller waits for its answer.
        let (order, answer) = writer::order(desk, operation, watch);
        queue.send(order).await.map_err(|_| {
            Error::new(ErrorKind::Storage, "the writer thread has ended; nothing was written")
        })?;
        drop(queue); // The writer thread runs until all senders are dropped.
        answer.await.map_err(|_| {
            let problem = "the writer thread has ended; it is unknown whether the command was written";
            Error::new(ErrorKind::Unknown, problem)
        })?
    }

    async fn read<F: Operation>(&self, desk: DeskId, operation: F, watch: Watch) -> Result<F::Out> {
        let runtime = Handle::try_current()
            .map_err(|error| Error::storage("reading requires a tokio runtime", error))?;
        // The semaphore is never closed, so this always yields a permit.
        let place = Arc::clone(&self.reading).acquire_owned().await;
        let Open { store, .. } = self.open()?;
        let reading = runtime.spawn_blocking(move || {
            let out = blocking::watched(&store, &desk, &operation, &watch);
            watch.ended::<F>(&out);
            drop(store); // Before the permit: see `close`.
            drop(place);
            out
        });
        reading.await.map_err(|error| Error::storage("the read did not finish", error))?
    }
}

impl Engine for AsyncSqlite {
    type Reply<'a, T: Send + 'a> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out> {
        Box::pin(self.execute(desk.clone(), operation))
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, mut job: J) -> Self::Reply<'a, J::Out> {
        let home = desk.clone();
        Box::pin(async move {
            while let Some(step) = job.next() {
                let desk = step.desk().unwrap_or(&home).clone();
                let result = self.execute(desk, step.clone()).await;
                step.complete(&mut job, result)?;
            }
            Ok(job.finish())
        })
    }
}

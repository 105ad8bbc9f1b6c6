//! SQLite for asynchronous programs: calls are awaited, one thread writes, and commits are shared.

mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, watch};

use super::{IDLE_READERS, Sqlite};
use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Engine, Job, Operation, blocking};
use crate::store::Mode;
use writer::Order;

/// How many commands may wait for the writer before callers wait to hand theirs in.
const QUEUE: usize = 1_024;

/// A store in SQLite whose calls are awaited. Made by [`Sqlite::into_async`]; clones share the writer.
///
/// One thread writes. What waits for it while it syncs the disk is committed together by the next sync, so that many
/// callers are served by few of them; each command still happens whole or not at all, and each caller hears of its own
/// alone, once it is on the disk. Reading waits for no writer: it runs on connections of its own.
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
/// # Beside blocking calls
///
/// The [`Sqlite`] of which this was made, cloned before, still works beside it. For a transaction of the host's use that
/// clone's `Desk::within`, on a thread for blocking work. A file has one writer: as long as that
/// transaction is open, the thread that writes waits for it, and all who wait for that thread; a long one ends the
/// [acquire_timeout](super::Options::acquire_timeout) of them all.
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
/// let awaited = blocking.clone().into_async()?;
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
/// assert_eq!(awaited.desk("acme").ticket(id).await?.subject(), "Refund 4711");
/// # Ok(())
/// # }
/// ```
///
/// # Futures that are spawned, and that are dropped
///
/// A future borrows its desk: hand `tokio::spawn` an `async move` block that has a clone of the desk.
///
/// Nothing happens before a future is first polled; then its command is handed in. Dropped after that, the command
/// happens whole or not at all, as with any caller that does not wait for the answer. A command with an
/// [idempotency key](crate::NewTicket::once) can be asked for again to hear how it ended.
///
/// # Runtime
///
/// Reading uses the threads that the [tokio] runtime keeps for blocking work, four of them at most, and refuses to run
/// outside of one. Writing needs no runtime.
///
/// [tokio]: https://docs.rs/tokio
#[derive(Debug, Clone)]
pub struct AsyncSqlite {
    /// `None` once it was closed, for all clones.
    open: Arc<Mutex<Option<Open>>>,
    /// How many may read at once. Whoever reads has the store only while he has a place.
    reading: Arc<Semaphore>,
    /// Its sender is gone when the thread has ended and let go of the store.
    ended: watch::Receiver<()>,
}

#[derive(Debug, Clone)]
struct Open {
    store: Sqlite,
    queue: mpsc::Sender<Order>,
}

impl Sqlite {
    /// The same store for asynchronous programs. It starts the thread that writes, which ends with the last clone of
    /// what is returned, once everything handed in is done: the file may be closed a little later than dropped. To wait
    /// for it there is [`AsyncSqlite::close`].
    ///
    /// A command waits for its turn, and when it has come, for other programs and connections as long as the store has
    /// [acquire_timeout](super::Options::acquire_timeout). Should they still be writing then, all who wait in the queue, up to 1,024,
    /// are told that it is [`Busy`](ErrorKind::Busy), and not one after the other.
    ///
    /// # Errors
    /// A storage error if the system gives no thread.
    pub fn into_async(self) -> Result<AsyncSqlite> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let (ends, ended) = watch::channel(());
        let store = self.clone();
        std::thread::Builder::new()
            .name("firstline writer".to_owned())
            .spawn(move || {
                let _ends = ends; // The last to be dropped, also if it should panic.
                writer::serve(store, orders);
            })
            .map_err(|error| Error::storage("the thread that writes cannot be started", error))?;
        let open = Arc::new(Mutex::new(Some(Open { store: self, queue })));
        Ok(AsyncSqlite { open, reading: Arc::new(Semaphore::new(IDLE_READERS)), ended })
    }
}

impl AsyncSqlite {
    /// Closes the store, for all clones and their desks: the future ends when everything handed in is done and answered,
    /// and nothing of this store has the file open any more. It may then be copied or deleted, the log included. What
    /// anybody asks for after that is refused with a storage error.
    ///
    /// A clone of the [`Sqlite`] of which it was made is a door of its own: it goes on to work, and the file is closed with
    /// the last one. Dropped before its end, the future leaves the store closed all the same. It does not end as long as
    /// somebody keeps the future of a command that was polled and waits for room in the full queue (1,024 commands), and
    /// neither polls it again nor drops it.
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
    /// std::fs::copy(&file, file.with_extension("copy"))?; // There is no log beside it any more.
    /// assert!(desk.ticket(1).await.unwrap_err().is_storage());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn close(mut self) {
        drop(self.open.lock().unwrap_or_else(PoisonError::into_inner).take());
        // When all places are free, nobody reads any more, and whoever gets one after that finds the store closed.
        let all = u32::try_from(IDLE_READERS).unwrap_or(u32::MAX);
        let _ = self.reading.acquire_many(all).await;
        // Nothing is ever sent: this waits for the sender to go.
        let _ = self.ended.changed().await;
    }

    fn open(&self) -> Result<Open> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).clone();
        open.ok_or_else(|| Error::new(ErrorKind::Storage, "the store was closed; nothing was written"))
    }

    /// A desk in this database. Several desks do not see each other.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<AsyncSqlite> {
        Desk::over(self.clone(), settings)
    }

    async fn ran<F: Operation>(&self, desk: DeskId, operation: F) -> Result<F::Out> {
        desk.check()?;
        // Begun here, so that it belongs to the caller's trace, and the time in which it waits for its turn to it.
        let watch = Watch::begin(&desk, operation.label());
        match operation.mode() {
            Mode::Read => self.read(desk, operation, watch).await,
            Mode::Write => self.wrote(desk, operation, watch).await,
        }
    }

    async fn wrote<F: Operation>(&self, desk: DeskId, operation: F, watch: Watch) -> Result<F::Out> {
        let Open { queue, store } = self.open()?;
        drop(store); // Or it would be kept open by whoever waits for an answer.
        let (order, answer) = writer::order(desk, operation, watch);
        queue.send(order).await.map_err(|_| {
            Error::new(ErrorKind::Storage, "the thread that writes has ended; nothing was written")
        })?;
        drop(queue); // Or the thread would wait for more.
        answer.await.map_err(|_| {
            let problem = "the thread that writes has ended; whether the command was written is not known";
            Error::new(ErrorKind::Unknown, problem)
        })?
    }

    async fn read<F: Operation>(&self, desk: DeskId, operation: F, watch: Watch) -> Result<F::Out> {
        let runtime = Handle::try_current()
            .map_err(|error| Error::storage("reading needs a tokio runtime around it", error))?;
        // It is never closed; should that change, reading goes on without counting.
        let place = Arc::clone(&self.reading).acquire_owned().await;
        let Open { store, .. } = self.open()?;
        let reading = runtime.spawn_blocking(move || {
            let out = blocking::watched(&store, &desk, &operation, &watch);
            watch.ended::<F>(&out);
            drop(store); // Before the place is free for others: see `close`.
            drop(place);
            out
        });
        reading.await.map_err(|error| Error::storage("the reading did not come to its end", error))?
    }
}

impl Engine for AsyncSqlite {
    type Reply<'a, T: Send + 'a> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out> {
        Box::pin(self.ran(desk.clone(), operation))
    }

    fn work<'a, J: Job>(&'a self, desk: &DeskId, mut job: J) -> Self::Reply<'a, J::Out> {
        let home = desk.clone();
        Box::pin(async move {
            while let Some(step) = job.next() {
                let desk = step.desk().unwrap_or(&home).clone();
                let result = self.ran(desk, step.operation()).await;
                step.end(&mut job, result)?;
            }
            Ok(job.finish())
        })
    }
}

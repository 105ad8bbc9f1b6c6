//! SQLite for asynchronous programs: calls are awaited, one thread writes, and commits are shared.

mod writer;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};

use super::{IDLE_READERS, Sqlite};
use crate::desk::{Desk, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::flow::watch::Watch;
use crate::flow::{Engine, Flow, Job, blocking};
use crate::id::DeskId;
use crate::store::Mode;
use writer::Order;

/// How many commands may wait for the writer before callers wait to hand theirs in.
const QUEUE: usize = 1_024;

/// A store in SQLite whose calls are awaited. Made by [`Sqlite::awaited`]; clones share the writer.
///
/// One thread writes. What waits for it while it syncs the disk is committed together by the next sync, so that many
/// callers are served by few of them; each command still happens whole or not at all, and each caller hears of its own
/// alone, once it is on the disk. Reading waits for no writer: it runs on connections of its own.
///
/// ```
/// use firstline::store::sqlite::Sqlite;
/// use firstline::{Action, Actor, NewTicket};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), firstline::Error> {
/// # let dir = tempfile::tempdir().unwrap();
/// # let file = dir.path().join("support.db");
/// let desk = Sqlite::open(&file)?.awaited()?.desk("main");
/// let ticket = desk.open_ticket(NewTicket::new("No sound")).await?;
/// let receipt = desk.act(ticket.id(), Action::start(), Actor::agent("anna")).await?;
/// assert_eq!(desk.ticket(ticket.id()).await?, receipt.ticket);
/// # Ok(())
/// # }
/// ```
///
/// # Futures that are dropped
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
pub struct Awaited {
    store: Sqlite,
    queue: mpsc::Sender<Order>,
    reading: Arc<Semaphore>,
}

impl Sqlite {
    /// The same store for asynchronous programs. It starts the thread that writes, which ends with the last clone of
    /// what is returned, once everything handed in is done: the file may be closed a little later than dropped.
    ///
    /// # Errors
    /// A storage error if the system gives no thread.
    pub fn awaited(self) -> Result<Awaited> {
        let (queue, orders) = mpsc::channel(QUEUE);
        let store = self.clone();
        std::thread::Builder::new()
            .name("firstline writer".to_owned())
            .spawn(move || writer::serve(&store, orders))
            .map_err(|error| Error::storage("the thread that writes cannot be started", error))?;
        Ok(Awaited { store: self, queue, reading: Arc::new(Semaphore::new(IDLE_READERS)) })
    }
}

impl Awaited {
    /// A desk in this database. Several desks do not see each other.
    pub fn desk(&self, settings: impl Into<Settings>) -> Desk<Awaited> {
        Desk::over(self.clone(), settings)
    }

    async fn ran<F: Flow>(&self, desk: DeskId, flow: F) -> Result<F::Out> {
        desk.check()?;
        // Begun here, so that it belongs to the caller's trace, and the time in which it waits for its turn to it.
        let watch = Watch::begin(&desk, flow.label());
        match flow.mode() {
            Mode::Read => self.read(desk, flow, watch).await,
            Mode::Write => self.wrote(desk, flow, watch).await,
        }
    }

    async fn wrote<F: Flow>(&self, desk: DeskId, flow: F, watch: Watch) -> Result<F::Out> {
        let (order, answer) = writer::order(desk, flow, watch);
        self.queue.send(order).await.map_err(|_| {
            Error::new(ErrorKind::Storage, "the thread that writes has ended; nothing was written")
        })?;
        answer.await.map_err(|_| {
            let problem = "the thread that writes has ended; whether the command was written is not known";
            Error::new(ErrorKind::Unknown, problem)
        })?
    }

    async fn read<F: Flow>(&self, desk: DeskId, flow: F, watch: Watch) -> Result<F::Out> {
        let runtime = Handle::try_current()
            .map_err(|error| Error::storage("reading needs a tokio runtime around it", error))?;
        // It is never closed; should that change, reading goes on without counting.
        let place = Arc::clone(&self.reading).acquire_owned().await;
        let store = self.store.clone();
        let reading = runtime.spawn_blocking(move || {
            let _place = place;
            let out = blocking::watched(&store, &desk, &flow, &watch);
            watch.ended::<F>(&out);
            out
        });
        reading.await.map_err(|error| Error::storage("the reading did not come to its end", error))?
    }
}

impl Engine for Awaited {
    type Reply<'a, T: Send + 'a> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    fn run<'a, F: Flow>(&'a self, desk: &DeskId, flow: F) -> Self::Reply<'a, F::Out> {
        Box::pin(self.ran(desk.clone(), flow))
    }

    fn work<'a, J: Job>(&'a self, desk: &DeskId, mut job: J) -> Self::Reply<'a, J::Out> {
        let home = desk.clone();
        Box::pin(async move {
            while let Some(flow) = job.next() {
                let desk = job.desk().unwrap_or(&home).clone();
                job.took(self.ran(desk, flow).await)?;
            }
            Ok(job.finish())
        })
    }
}

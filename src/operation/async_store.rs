//! The driver for async stores.
//!
//! An async store implements [`AsyncStore`] and [`AsyncTx`]; [`Async`] makes it the engine of a desk. This module
//! depends on no runtime.
//!
//! Several commands run at once, each in its own transaction, and the data that one of them has read must not change
//! before it ends. So reads take [locks](crate::store::Lock), and all commands take them in the same order. If a
//! decision requests a lock that comes before one it holds, the driver ends the transaction and starts again with all
//! requested reads, in order.

use std::collections::{BTreeMap, HashSet};
use std::future::{Future, ready};
use std::pin::Pin;

use chrono::{DateTime, TimeDelta, Utc};

use super::blocking::{MAX_ROUNDS, repeats, too_many_rounds};
use super::claiming::Claiming;
use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Engine, Interrupt, Job, Loaded, Operation};
use crate::store::claims::Claim;
use crate::store::{
    Answer, Changes, Claimed, Commit, Expected, Lock, LockMode, Mode, Read, Record, RecordKind, RecordWrite,
};
use crate::ticket::event::Event;
use crate::time::{SystemClock, TimeSource, to_micros};

/// The reply of an async engine.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A store with async calls. The requirements for [stores](crate::store) apply to it too.
pub trait AsyncStore: Send + Sync {
    /// A transaction at one desk.
    type Tx<'a>: AsyncTx
    where
        Self: 'a;

    /// Begins a transaction at this desk. It reads and writes only rows of this desk, except for [`Read::DueTickets`]
    /// and [`Read::DueRecords`].
    ///
    /// # Errors
    /// - [`Busy`](ErrorKind::Busy) if the store is temporarily unreachable
    /// - a storage error
    fn begin(&self, desk: &DeskId, mode: Mode) -> impl Future<Output = Result<Self::Tx<'_>>> + Send;

    /// Waits before a retry and returns true, or returns false if the operation must not be retried.
    ///
    /// The driver calls this method after an operation failed with a retryable error; `tries` is the number of earlier
    /// retries. The default returns false. A store inside a transaction of its caller must keep that default.
    fn wait(&self, _tries: u32, _error: &Error) -> impl Future<Output = bool> + Send {
        ready(false)
    }

    /// Returns the time of the store's clock: see [`Store::now`](crate::store::Store::now).
    ///
    /// # Errors
    /// A storage error.
    fn now(&self) -> impl Future<Output = Result<DateTime<Utc>>> + Send {
        ready(Ok(to_micros(SystemClock.now())))
    }

    /// Claims due records: see [`Store::claim`](crate::store::Store::claim).
    ///
    /// # Errors
    /// A storage error. Records that were claimed before the error become due again when their lease ends.
    fn claim(
        &self,
        kind: RecordKind,
        limit: usize,
        lease: TimeDelta,
    ) -> impl Future<Output = Result<Vec<Claimed>>> + Send
    where
        Self: Sized,
    {
        async move {
            let claim = Claim::new(kind, limit, self.now().await?, lease);
            run_job(self, &DeskId::new("claims"), Claiming::new(claim)).await
        }
    }
}

/// One async transaction at one desk. Dropped without a commit, it writes nothing; dropped during a commit, it writes
/// everything or nothing.
pub trait AsyncTx: Send {
    /// Answers the reads in their order, each with the [`Answer`] named at the [`Read`].
    ///
    /// In [`Mode::Write`] it first takes the [locks](Read::lock) of these reads, in the order of [`Lock`]. In
    /// [`Mode::Read`] it takes no locks, and all answers are from one state of the desk.
    ///
    /// # Errors
    /// - [`Busy`](ErrorKind::Busy) if a lock could not be acquired in time
    /// - [`Corrupt`](ErrorKind::Corrupt) if stored bytes cannot be read
    /// - a storage error
    fn load(&mut self, reads: &[Read]) -> impl Future<Output = Result<Vec<Answer>>> + Send;

    /// Writes the whole commit or nothing, and ends the transaction.
    ///
    /// # Errors
    /// - [`Conflict`](ErrorKind::Conflict) if the version of a ticket or record is not the expected one
    /// - [`Unknown`](ErrorKind::Unknown) if the commit may or may not have taken effect
    /// - a storage error
    ///
    /// Except for `Unknown`, an error means that nothing was written.
    fn commit(&mut self, commit: Commit) -> impl Future<Output = Result<()>> + Send;

    /// Ends the transaction without writing and releases its locks. The transaction is not used afterwards.
    fn rollback(&mut self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// The engine of a desk over an async store.
///
/// The small store in this example meets all requirements. It keeps its rows in [`Memory`](crate::memory), and writers
/// wait for each other. A store with a database server uses the server's locks instead, so that writers of different
/// rows run at once.
///
/// ```
/// use std::sync::Arc;
///
/// use firstline::operation::async_store::{AsyncStore, AsyncTx, Async};
/// use firstline::memory::Memory;
/// use firstline::store::{Answer, Commit, Mode, Read, Store, Tx};
/// use firstline::{Desk, DeskId, NewTicket, Result};
/// use tokio::sync::{Mutex, OwnedMutexGuard};
///
/// #[derive(Clone, Default)]
/// struct Queued {
///     rows: Memory,
///     writing: Arc<Mutex<()>>,
/// }
///
/// struct QueuedTx {
///     rows: Memory,
///     desk: DeskId,
///     // A writer holds this until the transaction ends, so that no other writer changes what it has read. Readers
///     // never wait.
///     turn: Option<OwnedMutexGuard<()>>,
/// }
///
/// impl AsyncStore for Queued {
///     type Tx<'a> = QueuedTx;
///     async fn begin(&self, desk: &DeskId, mode: Mode) -> Result<QueuedTx> {
///         let turn = match mode {
///             Mode::Write => Some(self.writing.clone().lock_owned().await),
///             Mode::Read => None,
///         };
///         Ok(QueuedTx { rows: self.rows.clone(), desk: desk.clone(), turn })
///     }
/// }
///
/// impl AsyncTx for QueuedTx {
///     async fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>> {
///         self.rows.begin(&self.desk, Mode::Read)?.load(reads)
///     }
///     // This future never waits, so a dropped future has written everything or nothing.
///     async fn commit(&mut self, commit: Commit) -> Result<()> {
///         self.rows.begin(&self.desk, Mode::Write)?.commit(commit)
///     }
///     async fn rollback(&mut self) {
///         self.turn = None;
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let desk = Desk::over(Async(Queued::default()), "acme");
/// for number in 1..=2 {
///     let ticket = desk.open_ticket(NewTicket::new("No sound")).await?;
///     assert_eq!(ticket.number.value, number);
/// }
/// # Ok::<(), firstline::Error>(())
/// # })?;
/// # #[cfg(feature = "conformance")]
/// # {
/// # use firstline::operation::async_store::Reply;
/// # use firstline::conformance;
/// # struct Candidate(tokio::runtime::Runtime);
/// # impl conformance::Candidate for Candidate {
/// #     type Engine = Async<Queued>;
/// #     fn create(&self) -> Result<Self::Engine> { Ok(Async(Queued::default())) }
/// #     fn reopen(&self, store: &Self::Engine) -> Result<Self::Engine> { Ok(store.clone()) }
/// #     fn wait<'a, T: Send + 'a>(&self, reply: Reply<'a, T>) -> Result<T> { self.0.block_on(reply) }
/// #     fn abandon<'a, T: Send + 'a>(&self, mut reply: Reply<'a, T>, polls: u32) {
/// #         let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #         let _ = (0..polls).find(|_| reply.as_mut().poll(&mut context).is_ready());
/// #     }
/// # }
/// // The conformance suite checks the store. See `firstline::conformance` for the `Candidate`.
/// let report = conformance::run(&Candidate(tokio::runtime::Runtime::new()?));
/// assert!(report.passed(), "{report}");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct Async<S>(pub S);

impl<S: AsyncStore> Engine for Async<S> {
    type Reply<'a, T: Send + 'a>
        = Reply<'a, T>
    where
        Self: 'a;

    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
        run(&self.0, desk, operation)
    }

    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        run_job(&self.0, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(self.0.now())
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(self.0.claim(kind, limit, lease))
    }
}

/// Runs an operation and returns its reply.
pub fn run<'a, S: AsyncStore, F: Operation>(store: &'a S, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
    let desk = desk.clone();
    Box::pin(async move { drive(store, &desk, &operation).await })
}

/// Runs the operations of a job one after another and returns the reply of the job.
pub fn run_job<'a, S: AsyncStore, J: Job>(store: &'a S, desk: &DeskId, mut job: J) -> Reply<'a, J::Out> {
    let desk = desk.clone();
    Box::pin(async move {
        while let Some(step) = job.next() {
            let result = drive(store, step.desk().unwrap_or(&desk), &step).await;
            step.complete(&mut job, result)?;
        }
        Ok(job.finish())
    })
}

/// Runs one operation in one transaction, and retries after a retryable error while the store
/// [waits](AsyncStore::wait).
///
/// # Errors
/// The error of the operation or of the store.
pub async fn drive<S: AsyncStore, F: Operation>(store: &S, desk: &DeskId, operation: &F) -> Result<F::Out> {
    desk.check()?;
    let watch = Watch::begin(desk, operation.label());
    let out = watch.around(run_with_retries(store, desk, operation, &watch)).await;
    watch.ended::<F>(&out);
    out
}

async fn run_with_retries<S: AsyncStore, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out> {
    let mut tries = 0;
    loop {
        let error = match attempt(store, desk, operation, watch).await {
            Ok(out) => return Ok(out),
            Err(Failed::NotWritten(error)) => error,
            Err(Failed::Unknown(error, loaded)) => {
                // Decides again to get the commit that may have been written, because no copy of it was kept.
                let Ok((commit, out)) = operation.decide(&loaded) else { return Err(error) };
                match took_effect(store, desk, &loaded, &commit).await {
                    Ok(Some(true)) => return Ok(out),
                    Ok(Some(false)) => {
                        Error::new(ErrorKind::Busy, "the commit was not written").caused_by(error)
                    }
                    Ok(None) | Err(_) => return Err(error),
                }
            }
        };
        if !error.is_retryable() || !store.wait(tries, &error).await {
            return Err(error);
        }
        tries += 1;
        watch.retried();
    }
}

/// The failure of one attempt.
enum Failed {
    /// Nothing was written.
    NotWritten(Error),
    /// The commit may or may not have taken effect. A decision on the loaded data gives the same commit again.
    Unknown(Error, Loaded),
}

/// Runs the operation once, in a new transaction.
///
/// Each attempt begins with the reads that the operation always needs. Reads of an earlier attempt are not repeated,
/// because a read that is no longer needed would take an unnecessary lock, such as the lock on the running numbers.
async fn attempt<S: AsyncStore, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out, Failed> {
    let mut requested = Requested::of(operation);
    let mut tx = store.begin(desk, operation.mode()).await.map_err(Failed::NotWritten)?;
    let mut loaded = Loaded::default();
    let mut wanted = requested.reads.clone();
    for _ in 0..MAX_ROUNDS {
        if !wanted.is_empty() {
            match tx.load(&wanted).await.and_then(|answers| loaded.put(std::mem::take(&mut wanted), answers))
            {
                Ok(()) => {}
                Err(error) => {
                    tx.rollback().await;
                    return Err(Failed::NotWritten(error));
                }
            }
        }
        match watch.deciding(|| operation.decide(&loaded)) {
            Ok((commit, out)) => {
                debug_assert!(
                    repeats(operation, &loaded, &commit),
                    "a decision must be the same when it is made again"
                );
                if operation.mode() == Mode::Read || commit.is_empty() {
                    tx.rollback().await;
                    return Ok(out);
                }
                return match tx.commit(commit).await {
                    Ok(()) => Ok(out),
                    Err(error) => {
                        tx.rollback().await;
                        let unknown = error.kind() == ErrorKind::Unknown;
                        Err(if unknown { Failed::Unknown(error, loaded) } else { Failed::NotWritten(error) })
                    }
                };
            }
            Err(Interrupt::Load(reads)) => {
                let held = requested.reads.len();
                requested.add(reads);
                let (before, more) = requested.reads.split_at(held);
                if operation.mode() == Mode::Write && !comes_after(more, before) {
                    tx.rollback().await;
                    drop(tx);
                    tx = store.begin(desk, operation.mode()).await.map_err(Failed::NotWritten)?;
                    loaded = Loaded::default();
                    wanted = requested.reads.clone();
                } else {
                    wanted = more.to_vec();
                }
            }
            Err(Interrupt::Fail(error)) => {
                tx.rollback().await;
                return Err(Failed::NotWritten(error));
            }
        }
    }
    tx.rollback().await;
    Err(Failed::NotWritten(too_many_rounds()))
}

/// True if all locks that these reads need come after the held ones, or are held already.
fn comes_after(more: &[Read], held: &[Read]) -> bool {
    let mut modes: BTreeMap<Lock, LockMode> = BTreeMap::new();
    for (lock, mode) in held.iter().filter_map(Read::lock) {
        let strongest = modes.entry(lock).or_insert(mode);
        *strongest = mode.max(*strongest);
    }
    let last = modes.last_key_value().map(|(lock, _)| lock);
    more.iter().filter_map(Read::lock).all(|(lock, mode)| {
        last.is_none_or(|last| lock > *last) || modes.get(&lock).is_some_and(|held| *held >= mode)
    })
}

/// Finds out if an unacknowledged commit took effect; `None` if that cannot be known.
///
/// It takes the locks of the decision again, which succeeds only after the commit has ended. Then it looks for the
/// commit's events, or for its records if it has no events.
async fn took_effect<S: AsyncStore>(
    store: &S,
    desk: &DeskId,
    loaded: &Loaded,
    commit: &Commit,
) -> Result<Option<bool>> {
    let last = commit.tickets().filter_map(|it| it.events.last());
    let mut marks: Vec<Mark<'_>> = last.map(Mark::Event).collect();
    if marks.is_empty() {
        marks.extend(commit.records().filter_map(Mark::of));
    }
    let mut reads: Vec<_> = loaded.reads().filter(|read| read.lock().is_some()).cloned().collect();
    let locks = reads.len();
    reads.extend(marks.iter().map(Mark::read));
    let mut tries = 0;
    loop {
        let found = async {
            let mut tx = store.begin(desk, Mode::Write).await?;
            let found = tx.load(&reads).await;
            tx.rollback().await;
            found
        };
        match found.await {
            Ok(found) => {
                let found = found.get(locks..).unwrap_or_default();
                let verdicts: Vec<_> =
                    marks.iter().zip(found).map(|(mark, found)| mark.took_effect(found)).collect();
                return Ok(if verdicts.contains(&Some(false)) {
                    Some(false)
                } else {
                    (!verdicts.is_empty() && verdicts.iter().all(Option::is_some)).then_some(true)
                });
            }
            Err(error) if error.is_retryable() && store.wait(tries, &error).await => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A part of a commit that identifies the commit in the store.
enum Mark<'c> {
    Event(&'c Event),
    /// A write of a record, and the version that the write replaces: 0 if there was none.
    Record(&'c RecordWrite, u64),
}

impl<'c> Mark<'c> {
    /// Returns `None` if the write does not determine the new version.
    fn of(write: &'c RecordWrite) -> Option<Mark<'c>> {
        match write.expected {
            Expected::Absent => Some(Mark::Record(write, 0)),
            Expected::Version(version) => Some(Mark::Record(write, version)),
            Expected::VersionOrSkip(_) | Expected::Any => None,
        }
    }

    fn read(&self) -> Read {
        match self {
            Mark::Event(event) => {
                Read::History { ticket: event.ticket, after: event.version.saturating_sub(1), limit: 1 }
            }
            Mark::Record(write, _) => Read::record(write.kind, write.key.as_str()),
        }
    }

    /// True if the stored data proves that the commit took effect, false if it proves the opposite; `None` if it proves
    /// nothing.
    fn took_effect(&self, found: &Answer) -> Option<bool> {
        match (self, found) {
            (Mark::Event(event), Answer::Events(events)) => Some(events[..] == [(*event).clone()]),
            (Mark::Record(write, before), Answer::Record(found)) => {
                record_took_effect(write, *before, found.as_deref())
            }
            _ => None,
        }
    }
}

/// Compares the stored record with a write that replaces the version `before`. Returns the same values as
/// [`Mark::took_effect`].
fn record_took_effect(write: &RecordWrite, before: u64, found: Option<&Record>) -> Option<bool> {
    let (found, wanted) = match (found, &write.content) {
        (Some(found), _) if found.version == before => return Some(false),
        (Some(found), Some(wanted)) => (found, wanted),
        // A due record may have been claimed, finished and deleted since.
        (None, Some(wanted)) if before == 0 && wanted.due.is_none() => return Some(false),
        _ => return None,
    };
    let took_effect = match write.kind.changes() {
        // Another command may have appended more since.
        Changes::Appended => found.version > before && found.content.facts.starts_with(&wanted.facts),
        _ => found.version == before + 1 && found.content == *wanted,
    };
    took_effect.then_some(true)
}

/// All reads that an operation has requested, without duplicates, in the order of the requests.
#[derive(Default)]
struct Requested {
    reads: Vec<Read>,
    known: HashSet<Read>,
}

impl Requested {
    fn of(operation: &impl Operation) -> Requested {
        let (mut requested, mut needs) = (Requested::default(), Vec::new());
        operation.needs(&mut needs);
        requested.add(needs);
        requested
    }

    fn add(&mut self, reads: Vec<Read>) {
        self.reads.extend(reads.into_iter().filter(|read| self.known.insert(read.clone())));
    }
}

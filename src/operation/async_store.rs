//! The driver for stores whose calls are awaited.
//!
//! A store of this sort implements [`AsyncStore`] and [`AsyncTx`], and [`Async`] makes it the engine of a desk.
//! Nothing here knows a runtime: futures are polled by whoever awaits them.
//!
//! Several commands run at once, each in a transaction of its own, and what one has read must not change under it.
//! So reads take [locks](crate::store::Lock), in one order everywhere. A decision that asks for something
//! whose turn is over gives up everything that it holds, and begins anew with all that it wants, in order.

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
use crate::time::{SystemTime, TimeSource, to_micros};

/// How the calls of an engine reply that awaits.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A store whose calls are awaited. What [stores](crate::store) must keep to holds for it too.
pub trait AsyncStore: Send + Sync {
    /// A transaction at one desk.
    type Tx<'a>: AsyncTx
    where
        Self: 'a;

    /// Begins a transaction at this desk. It sees and touches no other desk's rows.
    ///
    /// # Errors
    /// [`Busy`](ErrorKind::Busy) if the store cannot be reached for now, or a storage error.
    fn begin(&self, desk: &DeskId, mode: Mode) -> impl Future<Output = Result<Self::Tx<'_>>> + Send;

    /// Called when a flow failed with an error that may pass, after so many tries before. Waits a little and gives `true`
    /// to try again, or `false` to give up. Unless overridden it gives `false`, as a store inside somebody else's
    /// transaction must.
    fn wait(&self, _tries: u32, _error: &Error) -> impl Future<Output = bool> + Send {
        ready(false)
    }

    /// The store's clock: see [`Store::now`](crate::store::Store::now).
    ///
    /// # Errors
    /// A storage error.
    fn now(&self) -> impl Future<Output = Result<DateTime<Utc>>> + Send {
        ready(Ok(to_micros(SystemTime.now())))
    }

    /// Claims due records: see [`Store::claim`](crate::store::Store::claim).
    ///
    /// # Errors
    /// A storage error. What was claimed before it comes back when its lease ends.
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
            work(self, &DeskId::new("claims"), Claiming::new(claim)).await
        }
    }
}

/// One transaction at one desk, awaited. Dropped without a commit, it leaves nothing behind; dropped while it
/// commits, everything or nothing.
pub trait AsyncTx: Send {
    /// Answers the reads, in their order, each with the [`Answer`] named at the [`Read`].
    ///
    /// In [`Mode::Write`] it first takes the [locks](Read::lock) of these reads, in the order of [`Lock`]. In [`Mode::Read`] it
    /// locks nothing, and answers all of them of one state.
    ///
    /// # Errors
    /// [`Busy`](ErrorKind::Busy) if a lock is not available for now, a storage error, or
    /// [`Corrupt`](ErrorKind::Corrupt) if stored bytes cannot be read.
    fn load(&mut self, reads: &[Read]) -> impl Future<Output = Result<Vec<Answer>>> + Send;

    /// Writes everything in the commit, or nothing, and ends the transaction.
    ///
    /// # Errors
    /// [`Conflict`](ErrorKind::Conflict) if the version of a ticket or record is not the expected one; a storage error otherwise.
    /// Either way nothing was written, except if it is [`Unknown`](ErrorKind::Unknown) whether it was.
    fn commit(&mut self, commit: Commit) -> impl Future<Output = Result<()>> + Send;

    /// Ends the transaction without writing, and gives up what it holds. It is not used after that.
    fn leave(&mut self) -> impl Future<Output = ()> + Send {
        ready(())
    }
}

/// A store whose calls are awaited, as the engine of a desk.
///
/// This store is a small one and does all that a store must: its rows are kept as in [`Memory`](crate::memory), and
/// whoever writes waits in line for the others. One with a server behind it claims by the server's locks instead, and lets
/// those in at once who want different things.
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
///     // Held to the end by whoever writes: what it has read, absence included, stays so. Reading waits for nobody.
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
///     // Nothing is awaited in it, so a future that is dropped has written everything or nothing.
///     async fn commit(&mut self, commit: Commit) -> Result<()> {
///         self.rows.begin(&self.desk, Mode::Write)?.commit(commit)
///     }
///     async fn leave(&mut self) {
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
/// #     fn fresh(&self) -> Result<Self::Engine> { Ok(Async(Queued::default())) }
/// #     fn again(&self, store: &Self::Engine) -> Result<Self::Engine> { Ok(store.clone()) }
/// #     fn wait<'a, T: Send + 'a>(&self, reply: Reply<'a, T>) -> Result<T> { self.0.block_on(reply) }
/// #     fn abandon<'a, T: Send + 'a>(&self, mut reply: Reply<'a, T>, polls: u32) {
/// #         let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #         let _ = (0..polls).find(|_| reply.as_mut().poll(&mut context).is_ready());
/// #     }
/// # }
/// // `firstline::conformance` has its word too; see there what a `Candidate` is.
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

    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Reply<'a, J::Out> {
        work(&self.0, desk, job)
    }

    fn now(&self) -> Reply<'_, DateTime<Utc>> {
        Box::pin(self.0.now())
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Reply<'_, Vec<Claimed>> {
        Box::pin(self.0.claim(kind, limit, lease))
    }
}

/// Runs a flow, as an [`Engine`] that awaits replies.
pub fn run<'a, S: AsyncStore, F: Operation>(store: &'a S, desk: &DeskId, operation: F) -> Reply<'a, F::Out> {
    let desk = desk.clone();
    Box::pin(async move { drive(store, &desk, &operation).await })
}

/// Runs a job flow by flow, as an [`Engine`] that awaits replies.
pub fn work<'a, S: AsyncStore, J: Job>(store: &'a S, desk: &DeskId, mut job: J) -> Reply<'a, J::Out> {
    let desk = desk.clone();
    Box::pin(async move {
        while let Some(step) = job.next() {
            let result = drive(store, step.desk().unwrap_or(&desk), &step.operation()).await;
            step.end(&mut job, result)?;
        }
        Ok(job.finish())
    })
}

/// Runs one flow in one transaction, and tries again what has failed for the moment as often as the store
/// [waits](AsyncStore::wait).
///
/// # Errors
/// What the flow or the store refuses.
pub async fn drive<S: AsyncStore, F: Operation>(store: &S, desk: &DeskId, operation: &F) -> Result<F::Out> {
    desk.check()?;
    let watch = Watch::begin(desk, operation.label());
    let out = watch.around(decided(store, desk, operation, &watch)).await;
    watch.ended::<F>(&out);
    out
}

async fn decided<S: AsyncStore, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out> {
    let mut tries = 0;
    loop {
        let error = match attempt(store, desk, operation, watch).await {
            Ok(out) => return Ok(out),
            Err(Failed::Surely(error)) => error,
            Err(Failed::Perhaps(error, loaded)) => {
                // The same decision as the one that may be written, without having kept a copy of it.
                let Ok((commit, out)) = operation.decide(&loaded) else { return Err(error) };
                match arrived(store, desk, &loaded, &commit).await {
                    Ok(Some(true)) => return Ok(out),
                    Ok(Some(false)) => Error::new(ErrorKind::Busy, "it was not written").caused_by(error),
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

/// Why an attempt came to nothing.
enum Failed {
    /// Nothing was written.
    Surely(Error),
    /// Whether something was written is not known. What it was follows from what was seen.
    Perhaps(Error, Loaded),
}

/// It asks for what it needs from the beginning: what the attempt before it learnt may no longer be so, and what that
/// one wanted is perhaps not wanted any more. The claim on the desk's running numbers, say, must not be taken in vain.
async fn attempt<S: AsyncStore, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out, Failed> {
    let mut asked = Asked::of(operation);
    let mut tx = store.begin(desk, operation.mode()).await.map_err(Failed::Surely)?;
    let mut loaded = Loaded::default();
    let mut wanted = asked.reads.clone();
    for _ in 0..MAX_ROUNDS {
        if !wanted.is_empty() {
            match tx.load(&wanted).await.and_then(|answers| loaded.put(std::mem::take(&mut wanted), answers))
            {
                Ok(()) => {}
                Err(error) => {
                    tx.leave().await;
                    return Err(Failed::Surely(error));
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
                    tx.leave().await;
                    return Ok(out);
                }
                return match tx.commit(commit).await {
                    Ok(()) => Ok(out),
                    Err(error) => {
                        tx.leave().await;
                        let unknown = error.kind() == ErrorKind::Unknown;
                        Err(if unknown { Failed::Perhaps(error, loaded) } else { Failed::Surely(error) })
                    }
                };
            }
            Err(Interrupt::Load(reads)) => {
                let held = asked.reads.len();
                asked.add(reads);
                let (before, more) = asked.reads.split_at(held);
                if operation.mode() == Mode::Write && !comes_after(more, before) {
                    tx.leave().await;
                    drop(tx);
                    tx = store.begin(desk, operation.mode()).await.map_err(Failed::Surely)?;
                    loaded = Loaded::default();
                    wanted = asked.reads.clone();
                } else {
                    wanted = more.to_vec();
                }
            }
            Err(Interrupt::Fail(error)) => {
                tx.leave().await;
                return Err(Failed::Surely(error));
            }
        }
    }
    tx.leave().await;
    Err(Failed::Surely(too_many_rounds()))
}

/// Whether all locks that these reads need come after those that are held.
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

/// Whether an unacknowledged commit took effect; `None` if that cannot be known. It takes the locks of the decision once more,
/// so that the commit has ended, whatever its outcome. Then it looks for the commit's events, or for its records if it has no
/// events.
async fn arrived<S: AsyncStore>(
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
            tx.leave().await;
            found
        };
        match found.await {
            Ok(found) => {
                let found = found.get(locks..).unwrap_or_default();
                let signs: Vec<_> =
                    marks.iter().zip(found).map(|(mark, found)| mark.arrived(found)).collect();
                return Ok(if signs.contains(&Some(false)) {
                    Some(false)
                } else {
                    (!signs.is_empty() && signs.iter().all(Option::is_some)).then_some(true)
                });
            }
            Err(error) if error.is_retryable() && store.wait(tries, &error).await => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// A part of a commit by which it is recognised.
enum Mark<'c> {
    Event(&'c Event),
    /// A write of a record, and the version that it replaces: 0 if there was none.
    Record(&'c RecordWrite, u64),
}

impl<'c> Mark<'c> {
    /// `None` if the write may leave any version behind.
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

    /// Whether the commit is written, judged by what is stored in this place; `None` if that proves nothing.
    fn arrived(&self, found: &Answer) -> Option<bool> {
        match (self, found) {
            (Mark::Event(event), Answer::Events(events)) => Some(events[..] == [(*event).clone()]),
            (Mark::Record(write, before), Answer::Record(found)) => {
                record_arrived(write, *before, found.as_deref())
            }
            _ => None,
        }
    }
}

/// Whether a write of a record took effect that replaces the version `before`, judged by the record that is stored now.
fn record_arrived(write: &RecordWrite, before: u64, found: Option<&Record>) -> Option<bool> {
    let (found, wanted) = match (found, &write.content) {
        (Some(found), _) if found.version == before => return Some(false),
        (Some(found), Some(wanted)) => (found, wanted),
        // A due record may have been claimed, finished and deleted since.
        (None, Some(wanted)) if before == 0 && wanted.due.is_none() => return Some(false),
        _ => return None,
    };
    let arrived = match write.kind.changes() {
        // Another command may have appended more since.
        Changes::Appended => found.version > before && found.content.facts.starts_with(&wanted.facts),
        _ => found.version == before + 1 && found.content == *wanted,
    };
    arrived.then_some(true)
}

/// Everything that a flow has asked for, each thing once, in the order in which it was asked.
#[derive(Default)]
struct Asked {
    reads: Vec<Read>,
    known: HashSet<Read>,
}

impl Asked {
    fn of(operation: &impl Operation) -> Asked {
        let (mut asked, mut needs) = (Asked::default(), Vec::new());
        operation.needs(&mut needs);
        asked.add(needs);
        asked
    }

    fn add(&mut self, reads: Vec<Read>) {
        self.reads.extend(reads.into_iter().filter(|read| self.known.insert(read.clone())));
    }
}

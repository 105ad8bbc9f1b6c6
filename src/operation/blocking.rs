//! The driver for stores whose calls return when they are done.

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Engine, Interrupt, Job, Loaded, Operation};
use crate::store::{Claimed, Commit, Mode, RecordKind, Store, Tx};

/// How often a decision may ask for more, because one that asks for ever would hold its transaction for ever. The longest chain
/// in the crate looks for a circle of links: it takes a round for each of up to 32 levels above a ticket, and a few before that.
pub(super) const MAX_ROUNDS: usize = 64;

/// Runs one flow in one transaction.
///
/// # Errors
/// What the flow or the store refuses.
pub fn drive<S: Store, F: Operation>(store: &S, desk: &DeskId, operation: &F) -> Result<F::Out> {
    desk.check()?;
    let watch = Watch::begin(desk, operation.label());
    let out = watched(store, desk, operation, &watch);
    watch.ended::<F>(&out);
    out
}

/// The same where somebody else says when the command began, and how it ended. The desk's id is checked already.
pub(crate) fn watched<S: Store, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out> {
    watch.within(|| store.begin(desk, operation.mode()).and_then(|mut tx| decided(&mut tx, operation, watch)))
}

/// Runs one flow in a transaction that has begun.
///
/// # Errors
/// What the flow or the store refuses. The transaction is not to be used after that.
pub fn drive_in<T: Tx + ?Sized, F: Operation>(tx: &mut T, operation: &F) -> Result<F::Out> {
    decided(tx, operation, &Watch::nobody())
}

fn decided<T: Tx + ?Sized, F: Operation>(tx: &mut T, operation: &F, watch: &Watch) -> Result<F::Out> {
    let mut loaded = Loaded::default();
    let mut wanted = Vec::new();
    operation.needs(&mut wanted);
    for _ in 0..MAX_ROUNDS {
        wanted.retain(|read| !loaded.has(read));
        if !wanted.is_empty() {
            let answers = tx.load(&wanted)?;
            loaded.put(std::mem::take(&mut wanted), answers)?;
        }
        match watch.deciding(|| operation.decide(&loaded)) {
            Ok((commit, out)) => {
                debug_assert!(
                    repeats(operation, &loaded, &commit),
                    "a decision must be the same when it is made again"
                );
                if operation.mode() == Mode::Write && !commit.is_empty() {
                    tx.commit(commit)?;
                }
                return Ok(out);
            }
            Err(Interrupt::Load(reads)) => wanted = reads,
            Err(Interrupt::Fail(error)) => return Err(error),
        }
    }
    Err(too_many_rounds())
}

pub(super) fn too_many_rounds() -> Error {
    let problem = format!("the decision still asked for more after {MAX_ROUNDS} rounds");
    Error::new(ErrorKind::Storage, problem)
}

/// Whether the flow decides the same once more: what makes it safe to run it again.
pub(super) fn repeats<F: Operation>(operation: &F, loaded: &Loaded, commit: &Commit) -> bool {
    matches!(operation.decide(loaded), Ok((again, _)) if again == *commit)
}

/// Runs a job, flow by flow.
///
/// # Errors
/// What the job makes of a failed flow.
pub fn work<S: Store, J: Job>(store: &S, desk: &DeskId, mut job: J) -> Result<J::Out> {
    while let Some(step) = job.next() {
        let result = drive(store, step.desk().unwrap_or(desk), &step.operation());
        step.end(&mut job, result)?;
    }
    Ok(job.finish())
}

/// Every store is an engine, whose calls return when they are done.
impl<S: Store> Engine for S {
    type Reply<'a, T: Send + 'a>
        = Result<T>
    where
        Self: 'a;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        drive(self, desk, &operation)
    }

    fn work<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        work(self, desk, job)
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        Store::now(self)
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        Store::claim(self, kind, limit, lease)
    }
}

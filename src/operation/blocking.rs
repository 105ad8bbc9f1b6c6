//! The driver for blocking stores.

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::id::DeskId;
use crate::operation::watch::Watch;
use crate::operation::{Engine, Interrupt, Job, Loaded, Operation};
use crate::store::{Claimed, Commit, Mode, RecordKind, Store, Tx};

/// The maximum number of rounds of one decision. Without a limit, a decision could hold its transaction forever. The
/// longest decision in the crate looks for a cycle of links: it takes one round for each of up to 32 levels above a
/// ticket, after a few rounds for the command itself.
pub(super) const MAX_ROUNDS: usize = 64;

/// Runs one operation in one transaction.
///
/// # Errors
/// The error of the operation or of the store.
pub fn drive<S: Store, F: Operation>(store: &S, desk: &DeskId, operation: &F) -> Result<F::Out> {
    desk.check()?;
    let watch = Watch::begin(desk, operation.label());
    let out = watched(store, desk, operation, &watch);
    watch.ended::<F>(&out);
    out
}

/// Runs one operation in one transaction of a desk with a checked id. The caller has begun `watch` and ends it.
pub(crate) fn watched<S: Store, F: Operation>(
    store: &S,
    desk: &DeskId,
    operation: &F,
    watch: &Watch,
) -> Result<F::Out> {
    watch.within(|| store.begin(desk, operation.mode()).and_then(|mut tx| run_in(&mut tx, operation, watch)))
}

/// Runs one operation in a transaction that has begun. The transaction must not be used afterwards.
///
/// # Errors
/// The error of the operation or of the store.
pub fn drive_in<T: Tx + ?Sized, F: Operation>(tx: &mut T, operation: &F) -> Result<F::Out> {
    run_in(tx, operation, &Watch::unwatched())
}

fn run_in<T: Tx + ?Sized, F: Operation>(tx: &mut T, operation: &F, watch: &Watch) -> Result<F::Out> {
    let mut loaded = Loaded::default();
    let mut pending = Vec::new();
    operation.needs(&mut pending);
    for _ in 0..MAX_ROUNDS {
        pending.retain(|read| !loaded.has(read));
        if !pending.is_empty() {
            let answers = tx.load(&pending)?;
            loaded.put(std::mem::take(&mut pending), answers)?;
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
            Err(Interrupt::Load(reads)) => pending = reads,
            Err(Interrupt::Fail(error)) => return Err(error),
        }
    }
    Err(too_many_rounds())
}

pub(super) fn too_many_rounds() -> Error {
    let problem = format!("the decision requested more reads after {MAX_ROUNDS} rounds");
    Error::new(ErrorKind::Storage, problem)
}

/// True if the operation decides the same when it is called again. Debug builds check this.
pub(super) fn repeats<F: Operation>(operation: &F, loaded: &Loaded, commit: &Commit) -> bool {
    matches!(operation.decide(loaded), Ok((again, _)) if again == *commit)
}

/// Runs the operations of a job one after another.
///
/// # Errors
/// Any error that ends the job.
pub fn run_job<S: Store, J: Job>(store: &S, desk: &DeskId, mut job: J) -> Result<J::Out> {
    while let Some(step) = job.next() {
        let result = drive(store, step.desk().unwrap_or(desk), &step);
        step.complete(&mut job, result)?;
    }
    Ok(job.finish())
}

/// Every store is an engine with blocking calls.
impl<S: Store> Engine for S {
    type Reply<'a, T: Send + 'a>
        = Result<T>
    where
        Self: 'a;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> Result<F::Out> {
        drive(self, desk, &operation)
    }

    fn run_job<J: Job>(&self, desk: &DeskId, job: J) -> Result<J::Out> {
        run_job(self, desk, job)
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        Store::now(self)
    }

    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        Store::claim(self, kind, limit, lease)
    }
}

//! Jobs: sequences of operations, each in its own transaction.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::{Commit, Mode, Read};

/// A sequence of operations, each in its own transaction, such as a sweep or an import.
///
/// An engine runs a job like this:
///
/// ```
/// use firstline::operation::{Job, blocking};
/// use firstline::store::Store;
/// use firstline::{DeskId, Result};
///
/// fn run_job<S: Store, J: Job>(store: &S, desk: &DeskId, mut job: J) -> Result<J::Out> {
///     while let Some(step) = job.next() {
///         let result = blocking::drive(store, step.desk().unwrap_or(desk), &step);
///         step.complete(&mut job, result)?;
///     }
///     Ok(job.finish())
/// }
/// ```
pub trait Job: Sized + Send + 'static {
    /// The result of the job.
    type Out: Send + 'static;

    /// Returns the next step, or `None` when the job is done.
    fn next(&mut self) -> Option<JobStep<Self>>;

    /// Returns the result, after the last step.
    fn finish(self) -> Self::Out;
}

/// One step of a [`Job`]: an operation, and a function that passes its result to the job.
///
/// The step is itself an [`Operation`] for an engine to run. Clones share the operation.
#[must_use = "a step does nothing until an engine runs it"]
pub struct JobStep<J> {
    desk: Option<DeskId>,
    operation: Arc<dyn AnyOperation<J>>,
}

impl<J> Clone for JobStep<J> {
    fn clone(&self) -> JobStep<J> {
        JobStep { desk: self.desk.clone(), operation: Arc::clone(&self.operation) }
    }
}

impl<J: 'static> JobStep<J> {
    /// Creates a step that runs this operation and passes its result to `then`. If `then` returns an error, the job
    /// ends with it.
    pub fn new<F: Operation>(
        operation: F,
        then: impl Fn(&mut J, Result<F::Out>) -> Result<()> + Send + Sync + 'static,
    ) -> JobStep<J> {
        JobStep { desk: None, operation: Arc::new(Pair { operation, then }) }
    }

    /// Runs the step at this desk instead of the job's desk.
    pub fn at(self, desk: DeskId) -> JobStep<J> {
        JobStep { desk: Some(desk), ..self }
    }

    /// Returns the desk set with [`at`](JobStep::at); `None` if the step runs at the job's desk.
    pub fn desk(&self) -> Option<&DeskId> {
        self.desk.as_ref()
    }

    /// Passes the result of the step to the job.
    ///
    /// # Errors
    /// Any error that ends the job. The engine stops and returns the error.
    pub fn complete(self, job: &mut J, result: Result<StepResult<J>>) -> Result<()> {
        match result {
            Ok(StepResult { then, .. }) => then(job),
            Err(error) => self.operation.fail(job, error),
        }
    }
}

impl<J> fmt::Debug for JobStep<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.operation.label();
        f.debug_struct("JobStep").field("desk", &self.desk).field("operation", &label).finish()
    }
}

/// Passes a result to the job.
type Then<J> = Box<dyn FnOnce(&mut J) -> Result<()> + Send>;

/// The result of a [`JobStep`]. Only [`JobStep::complete`] uses it.
pub struct StepResult<J> {
    then: Then<J>,
    ticket: Option<TicketId>,
    replayed: bool,
}

impl<J> fmt::Debug for StepResult<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepResult")
            .field("ticket", &self.ticket)
            .field("replayed", &self.replayed)
            .finish_non_exhaustive()
    }
}

impl<J: 'static> Operation for JobStep<J> {
    type Out = StepResult<J>;

    fn label(&self) -> OperationLabel {
        self.operation.label()
    }

    fn ticket_of(out: &StepResult<J>) -> Option<TicketId> {
        out.ticket
    }

    fn is_replayed(out: &StepResult<J>) -> bool {
        out.replayed
    }

    fn mode(&self) -> Mode {
        self.operation.mode()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.operation.needs(reads);
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, StepResult<J>), Interrupt> {
        Arc::clone(&self.operation).decide(loaded)
    }
}

/// An operation with its result type erased.
trait AnyOperation<J>: Send + Sync {
    fn label(&self) -> OperationLabel;
    fn mode(&self) -> Mode;
    fn needs(&self, reads: &mut Vec<Read>);
    fn decide(self: Arc<Self>, loaded: &Loaded) -> Result<(Commit, StepResult<J>), Interrupt>;
    fn fail(&self, job: &mut J, error: Error) -> Result<()>;
}

struct Pair<F, T> {
    operation: F,
    then: T,
}

impl<J, F, T> AnyOperation<J> for Pair<F, T>
where
    F: Operation,
    T: Fn(&mut J, Result<F::Out>) -> Result<()> + Send + Sync + 'static,
{
    fn label(&self) -> OperationLabel {
        self.operation.label()
    }

    fn mode(&self) -> Mode {
        self.operation.mode()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.operation.needs(reads);
    }

    fn decide(self: Arc<Self>, loaded: &Loaded) -> Result<(Commit, StepResult<J>), Interrupt> {
        let (commit, out) = self.operation.decide(loaded)?;
        let (ticket, replayed) = (F::ticket_of(&out), F::is_replayed(&out));
        Ok((commit, StepResult { then: Box::new(move |job| (self.then)(job, Ok(out))), ticket, replayed }))
    }

    fn fail(&self, job: &mut J, error: Error) -> Result<()> {
        (self.then)(job, Err(error))
    }
}

//! Jobs: several flows one after another, each in a transaction of its own.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::id::DeskId;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel, Outcome};
use crate::store::{Commit, Mode, Read};

/// Several flows one after another, each in a transaction of its own: a sweep, an import.
///
/// An engine runs it like this:
///
/// ```
/// use firstline::operation::{Job, blocking};
/// use firstline::store::Store;
/// use firstline::{DeskId, Result};
///
/// fn work<S: Store, J: Job>(store: &S, desk: &DeskId, mut job: J) -> Result<J::Out> {
///     while let Some(step) = job.next() {
///         let result = blocking::drive(store, step.desk().unwrap_or(desk), &step.operation());
///         step.end(&mut job, result)?;
///     }
///     Ok(job.finish())
/// }
/// ```
pub trait Job: Sized + Send + 'static {
    /// The result of the job.
    type Out: Send + 'static;

    /// The next step, or `None` when the job is done.
    fn next(&mut self) -> Option<JobStep<Self>>;

    /// The result, once there is no next step.
    fn finish(self) -> Self::Out;
}

/// One step of a [`Job`]: a flow, and what the job does with the flow's result.
#[must_use = "a step does nothing until an engine runs its flow"]
pub struct JobStep<J> {
    desk: Option<DeskId>,
    operation: StepOperation<J>,
}

impl<J: 'static> JobStep<J> {
    /// A step that runs this flow and then gives its result to the job. If the job returns an error, it ends with it.
    pub fn new<F: Operation>(
        operation: F,
        then: impl Fn(&mut J, Result<F::Out>) -> Result<()> + Send + Sync + 'static,
    ) -> JobStep<J> {
        JobStep { desk: None, operation: StepOperation(Arc::new(Pair { operation, then })) }
    }

    /// The same step at another desk than the job's own.
    pub fn at(self, desk: DeskId) -> JobStep<J> {
        JobStep { desk: Some(desk), ..self }
    }

    /// The desk at which the flow runs, if it is another one than the job's own.
    pub fn desk(&self) -> Option<&DeskId> {
        self.desk.as_ref()
    }

    /// The flow, for an engine to run.
    pub fn operation(&self) -> StepOperation<J> {
        StepOperation(Arc::clone(&self.operation.0))
    }

    /// Gives the flow's result to the job.
    ///
    /// # Errors
    /// The error with which the job ends.
    pub fn end(self, job: &mut J, result: Result<StepResult<J>>) -> Result<()> {
        match result {
            Ok(StepResult { then, .. }) => then(job),
            Err(error) => self.operation.0.fail(job, error),
        }
    }
}

impl<J> fmt::Debug for JobStep<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobStep").field("desk", &self.desk).field("flow", &self.operation).finish()
    }
}

/// The flow of a [`JobStep`], whatever its type.
pub struct StepOperation<J>(Arc<dyn AnyOperation<J>>);

impl<J> fmt::Debug for StepOperation<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepOperation").field(&self.0.label()).finish()
    }
}

/// What a job does with a result.
type Then<J> = Box<dyn FnOnce(&mut J) -> Result<()> + Send>;

/// The result of a [`StepOperation`]: for [`JobStep::end`] alone.
pub struct StepResult<J> {
    then: Then<J>,
    outcome: Outcome,
}

impl<J> fmt::Debug for StepResult<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepResult").field("outcome", &self.outcome).finish_non_exhaustive()
    }
}

impl<J: 'static> Operation for StepOperation<J> {
    type Out = StepResult<J>;

    fn label(&self) -> OperationLabel {
        self.0.label()
    }

    fn outcome(out: &StepResult<J>) -> Outcome {
        out.outcome
    }

    fn mode(&self) -> Mode {
        self.0.mode()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.0.needs(reads);
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, StepResult<J>), Interrupt> {
        Arc::clone(&self.0).decide(loaded)
    }
}

/// A flow without the type of its result.
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
        let outcome = F::outcome(&out);
        Ok((commit, StepResult { then: Box::new(move |job| (self.then)(job, Ok(out))), outcome }))
    }

    fn fail(&self, job: &mut J, error: Error) -> Result<()> {
        (self.then)(job, Err(error))
    }
}

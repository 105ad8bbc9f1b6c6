//! The flow: every command and every read, once, for blocking and awaiting engines alike.
//!
//! A command is a value whose [`decide`](Operation::decide) is pure. It asks [`Loaded`] for what it needs; what is not
//! there yet halts it, the driver loads it and calls `decide` again from the start, all in one transaction. What it
//! returns in the end is everything to be written. Reading is the same with nothing to write.
//!
//! Who merely uses a desk never meets this module. Who brings a store implements [`Store`](crate::store::Store)
//! and has an engine; who brings one whose calls are awaited implements [`AsyncStore`](awaiting::AsyncStore).

pub mod async_store;
pub mod blocking;
mod claiming;
mod engine;
mod interrupt;
mod job;
mod loaded;
mod plain;
pub mod watch;

pub use engine::Engine;
pub use interrupt::Interrupt;
pub use job::{Job, JobStep, StepOperation, StepResult};
pub use loaded::Loaded;
pub(crate) use loaded::Needs;
pub use plain::{Load, Save};

use crate::id::TicketId;
use crate::store::{Commit, Mode, Read};

/// A command or a read, as a value.
pub trait Operation: Send + Sync + 'static {
    /// What it gives in the end.
    type Out: Send + 'static;

    /// What it is called where commands are traced and counted.
    fn label(&self) -> OperationLabel {
        OperationLabel::new("flow")
    }

    /// What its result adds to that. [`watch`] has the names.
    fn outcome(_out: &Self::Out) -> Outcome {
        Outcome::default()
    }

    /// Whether it may write.
    fn mode(&self) -> Mode {
        Mode::Write
    }

    /// What it will surely ask. A hint that saves a round, never needed for correctness.
    fn needs(&self, _reads: &mut Vec<Read>) {}

    /// Decides, purely: the same for the same `seen`, however often it is called.
    ///
    /// # Errors
    /// [`Interrupt::Load`] for what is to be loaded first; [`Interrupt::Fail`] if the command is refused.
    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt>;
}

/// What a command is called where commands are traced and counted (features `tracing` and `metrics`), and which ticket
/// it is about, if that is known from the beginning. Nothing that people wrote or are called belongs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OperationLabel {
    /// The verb.
    pub verb: &'static str,
    /// The ticket.
    pub ticket: Option<TicketId>,
    /// It is asked again and again, and says little: a matter for whoever looks for faults.
    pub quiet: bool,
    /// It is about all desks, whatever the one at which it runs.
    pub everywhere: bool,
}

impl OperationLabel {
    /// A verb.
    pub fn new(verb: &'static str) -> OperationLabel {
        OperationLabel { verb, ticket: None, quiet: false, everywhere: false }
    }

    /// A verb and its ticket.
    pub fn of(verb: &'static str, ticket: TicketId) -> OperationLabel {
        OperationLabel { ticket: Some(ticket), ..OperationLabel::new(verb) }
    }

    /// The same, asked again and again.
    #[must_use]
    pub fn quiet(self) -> OperationLabel {
        OperationLabel { quiet: true, ..self }
    }

    /// The same about all desks.
    #[must_use]
    pub fn everywhere(self) -> OperationLabel {
        OperationLabel { everywhere: true, ..self }
    }
}

/// What a result adds to the [`OperationLabel`] of its command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Outcome {
    /// The ticket, where the command learnt only in the end which one it is.
    pub ticket: Option<TicketId>,
    /// It was a repetition, and this is the first one's result.
    pub replayed: bool,
}

impl Outcome {
    /// A ticket, and whether it came of a repetition.
    pub fn of(ticket: TicketId, replayed: bool) -> Outcome {
        Outcome { ticket: Some(ticket), replayed }
    }
}

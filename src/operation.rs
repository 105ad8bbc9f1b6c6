//! Commands and reads as values, which blocking and async engines run alike.
//!
//! An [`Operation`] is a command or a read. Its [`decide`](Operation::decide) is pure and gets its data from
//! [`Loaded`]. If data is missing, `decide` is interrupted; the driver loads the data and calls `decide` again from the
//! start, in the same transaction. The [`Commit`] that `decide` finally returns holds everything to write. A read
//! returns an empty commit.
//!
//! Desk users can ignore this module. A store for blocking calls implements [`Store`](crate::store::Store), and every
//! `Store` is an engine. A store for async calls implements [`AsyncStore`](async_store::AsyncStore).

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
pub use job::{Job, JobStep, StepResult};
pub use loaded::Loaded;
pub(crate) use loaded::Needs;

use crate::id::TicketId;
use crate::store::{Commit, Mode, Read};

/// A command or a read, as a value.
pub trait Operation: Send + Sync + 'static {
    /// The result of the operation.
    type Out: Send + 'static;

    /// Returns the name of the operation for traces and metrics.
    fn label(&self) -> OperationLabel {
        OperationLabel::new("operation")
    }

    /// Returns the ticket of a result, for traces, if the [label](Operation::label) does not name it.
    fn ticket_of(_out: &Self::Out) -> Option<TicketId> {
        None
    }

    /// Returns true for a result that repeats the first result of an idempotency key.
    fn is_replayed(_out: &Self::Out) -> bool {
        false
    }

    /// Returns [`Mode::Read`] if the operation never writes.
    fn mode(&self) -> Mode {
        Mode::Write
    }

    /// Adds the reads that the operation always needs. This is a hint that saves a round; correctness does not depend
    /// on it.
    fn needs(&self, _reads: &mut Vec<Read>) {}

    /// Decides what to write and what to return.
    ///
    /// The decision is pure: it returns the same for the same `loaded`, no matter how often it is called.
    ///
    /// # Errors
    /// - [`Interrupt::Load`] for reads that must be answered first
    /// - [`Interrupt::Fail`] if the command is refused
    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt>;
}

/// The name of a command in traces and metrics (features `tracing` and `metrics`), with its ticket if that is known
/// from the start. It must not contain names of people or text that people wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OperationLabel {
    /// The verb, such as `open_ticket`.
    pub verb: &'static str,
    /// The ticket, if known.
    pub ticket: Option<TicketId>,
    /// True if the command is repeated often and rarely of interest. Its span has the level DEBUG instead of INFO.
    pub quiet: bool,
    /// True if the command concerns all desks, not only the desk at which it runs. Its span then names no desk.
    pub everywhere: bool,
}

impl OperationLabel {
    /// Creates a label with a verb.
    pub fn new(verb: &'static str) -> OperationLabel {
        OperationLabel { verb, ticket: None, quiet: false, everywhere: false }
    }

    /// Creates a label with a verb and a ticket.
    pub fn of(verb: &'static str, ticket: TicketId) -> OperationLabel {
        OperationLabel { ticket: Some(ticket), ..OperationLabel::new(verb) }
    }

    /// Sets [`quiet`](OperationLabel::quiet).
    #[must_use]
    pub fn quiet(self) -> OperationLabel {
        OperationLabel { quiet: true, ..self }
    }

    /// Sets [`everywhere`](OperationLabel::everywhere).
    #[must_use]
    pub fn everywhere(self) -> OperationLabel {
        OperationLabel { everywhere: true, ..self }
    }
}

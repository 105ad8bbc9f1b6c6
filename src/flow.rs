//! The flow: every command and every read, once, for blocking and awaiting engines alike.
//!
//! A command is a value whose [`decide`](Flow::decide) is pure. It asks [`Seen`] for what it needs; what is not
//! there yet halts it, the driver loads it and calls `decide` again from the start, all in one transaction. What it
//! returns in the end is everything to be written. Reading is the same with nothing to write.
//!
//! Who merely uses a desk never meets this module. Who brings a store implements [`Store`](crate::store::Store)
//! and has an engine; who brings one whose calls are awaited implements [`AsyncStore`](awaiting::AsyncStore).

pub mod awaiting;
pub mod blocking;
mod claiming;
mod job;
mod plain;
mod seen;
pub mod watch;

use chrono::{DateTime, TimeDelta, Utc};

pub use job::{Job, JobStep, StepFlow, StepResult};
pub use plain::{Load, Save};
pub use seen::Seen;

use crate::error::{Error, Result};
use crate::id::{DeskId, TicketId};
use crate::store::{Claimed, Commit, Mode, Read, RecordKind};

/// A command or a read, as a value.
pub trait Flow: Send + Sync + 'static {
    /// What it gives in the end.
    type Out: Send + 'static;

    /// What it is called where commands are traced and counted.
    fn label(&self) -> Label {
        Label::new("flow")
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
    /// [`Halt::Need`] for what is to be loaded first; [`Halt::Stop`] if the command is refused.
    fn decide(&self, seen: &Seen) -> Result<(Commit, Self::Out), Halt>;
}

/// What a command is called where commands are traced and counted (features `tracing` and `metrics`), and which ticket
/// it is about, if that is known from the beginning. Nothing that people wrote or are called belongs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Label {
    /// The verb.
    pub verb: &'static str,
    /// The ticket.
    pub ticket: Option<TicketId>,
    /// It is asked again and again, and says little: a matter for whoever looks for faults.
    pub quiet: bool,
    /// It is about all desks, whatever the one at which it runs.
    pub everywhere: bool,
}

impl Label {
    /// A verb.
    pub fn new(verb: &'static str) -> Label {
        Label { verb, ticket: None, quiet: false, everywhere: false }
    }

    /// A verb and its ticket.
    pub fn of(verb: &'static str, ticket: TicketId) -> Label {
        Label { ticket: Some(ticket), ..Label::new(verb) }
    }

    /// The same, asked again and again.
    #[must_use]
    pub fn quiet(self) -> Label {
        Label { quiet: true, ..self }
    }

    /// The same about all desks.
    #[must_use]
    pub fn everywhere(self) -> Label {
        Label { everywhere: true, ..self }
    }
}

/// What a result adds to the [`Label`] of its command.
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

/// Why a decision did not come to its end.
#[derive(Debug)]
pub enum Halt {
    /// These reads must be answered first.
    Need(Vec<Read>),
    /// It is refused; nothing is written.
    Stop(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Stop(error)
    }
}

/// Something that runs flows. A desk is written once over any engine; what differs is how its calls reply.
///
/// Every [`Store`](crate::store::Store) is an engine that blocks, so a function for any desk that blocks asks for that:
///
/// ```
/// use firstline::store::Store;
/// use firstline::{Action, Actor, Desk, NewTicket, Receipt, Result, TicketId};
///
/// fn answer<S: Store>(desk: &Desk<S>, id: TicketId, words: &str, by: &Actor) -> Result<Receipt> {
///     desk.act(id, Action::reply(words).and(Action::resolve("answered")), by)
/// }
///
/// let desk = Desk::memory(); // or over SQLite, or inside a transaction of the host
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// assert_eq!(answer(&desk, ticket.id(), "Unmute it.", &Actor::agent("anna"))?.ticket.replied, 1);
/// # Ok::<(), firstline::Error>(())
/// ```
pub trait Engine {
    /// How calls reply: a `Result<T>` at once where the engine blocks, a boxed `Send` future of it where it awaits.
    type Reply<'a, T: Send + 'a>
    where
        Self: 'a;

    /// Runs a flow at this desk, in one transaction.
    fn run<'a, F: Flow>(&'a self, desk: &DeskId, flow: F) -> Self::Reply<'a, F::Out>;

    /// Runs a job at this desk, flow by flow.
    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Self::Reply<'a, J::Out>;

    /// The store's clock, by which leases are measured. Unless overridden it is the machine's.
    ///
    /// # Errors
    /// A storage error, in the reply.
    fn now(&self) -> Self::Reply<'_, DateTime<Utc>> {
        self.work(&DeskId::new("claims"), claiming::Now)
    }

    /// Claims up to `limit` records of a kind that are due, at any desk: see [`Store::claim`](crate::store::Store::claim).
    /// Unless overridden, it lists what is due by the machine's clock and takes each record in a flow of its desk.
    ///
    /// # Errors
    /// A storage error, in the reply. What was claimed before it comes back when its lease ends.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Self::Reply<'_, Vec<Claimed>> {
        self.work(&DeskId::new("claims"), claiming::Claiming::new(kind, limit, lease))
    }
}

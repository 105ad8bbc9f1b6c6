//! Something that runs flows and jobs.

use chrono::{DateTime, TimeDelta, Utc};

use super::claiming::{Claiming, Now};
use super::job::Job;
use crate::id::DeskId;
use crate::operation::Operation;
use crate::store::claims::Claim;
use crate::store::{Claimed, RecordKind};
use crate::time::{SystemTime, TimeSource, to_micros};

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
    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out>;

    /// Runs a job at this desk, flow by flow.
    fn work<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Self::Reply<'a, J::Out>;

    /// The store's clock, by which leases are measured. Unless overridden it is the machine's.
    ///
    /// # Errors
    /// A storage error, in the reply.
    fn now(&self) -> Self::Reply<'_, DateTime<Utc>> {
        self.work(&DeskId::new("claims"), Now)
    }

    /// Claims up to `limit` records of a kind that are due, at any desk: see [`Store::claim`](crate::store::Store::claim).
    /// Unless overridden, it lists what is due by the machine's clock and takes each record in a flow of its desk.
    ///
    /// # Errors
    /// A storage error, in the reply. What was claimed before it comes back when its lease ends.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Self::Reply<'_, Vec<Claimed>> {
        let claim = Claim::new(kind, limit, to_micros(SystemTime.now()), lease);
        self.work(&DeskId::new("claims"), Claiming::new(claim))
    }
}

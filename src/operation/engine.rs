//! The trait of engines, which run operations and jobs.

use chrono::{DateTime, TimeDelta, Utc};

use super::claiming::{Claiming, Now};
use super::job::Job;
use super::plain::{Load, Save};
use crate::id::DeskId;
use crate::operation::Operation;
use crate::store::claims::Claim;
use crate::store::{Answer, Claimed, Commit, Read, RecordKind};
use crate::time::{SystemClock, TimeSource, to_micros};

/// Runs operations. A desk works with any engine; only the type of the replies differs.
///
/// Every [`Store`](crate::store::Store) is a blocking engine. A function for all blocking desks requires a `Store`:
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
/// assert_eq!(answer(&desk, ticket.id(), "Unmute it.", &Actor::agent("anna"))?.ticket.replies_sent, 1);
/// # Ok::<(), firstline::Error>(())
/// ```
pub trait Engine {
    /// The reply of a call: a `Result<T>` for blocking engines, a boxed `Send` future of one for async engines.
    type Reply<'a, T: Send + 'a>
    where
        Self: 'a;

    /// Runs an operation at this desk, in one transaction.
    fn run<'a, F: Operation>(&'a self, desk: &DeskId, operation: F) -> Self::Reply<'a, F::Out>;

    /// Runs the operations of a job at this desk, each in its own transaction.
    fn run_job<'a, J: Job>(&'a self, desk: &DeskId, job: J) -> Self::Reply<'a, J::Out>;

    /// Answers reads at this desk, all from one state.
    ///
    /// ```
    /// use firstline::memory::Memory;
    /// use firstline::operation::Engine;
    /// use firstline::store::{Answer, Changes, Commit, Content, DataPolicy, Expected, Read, RecordKind, RecordWrite};
    ///
    /// const NOTE: RecordKind = RecordKind::new("shop.note", "note", Changes::Replaced, DataPolicy::IMPERSONAL);
    /// let (store, desk) = (Memory::new(), "acme".into());
    /// let write = RecordWrite::put(NOTE, "n-1", Expected::Absent, Content::new(*b"remember the milk"));
    /// store.save(&desk, Commit::from_iter([write]))?;
    ///
    /// let answers = store.load(&desk, vec![Read::record(NOTE, "n-1")])?;
    /// assert!(matches!(&answers[..], [Answer::Record(Some(note))] if note.version == 1));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// A storage error, in the reply.
    fn load(&self, desk: &DeskId, reads: Vec<Read>) -> Self::Reply<'_, Vec<Answer>> {
        self.run(desk, Load(reads))
    }

    /// Writes a commit at this desk. The commit itself states the versions that it expects.
    ///
    /// # Errors
    /// [conflict](crate::Error::is_conflict) if a record does not have its expected version, or a storage error; both
    /// are in the reply.
    fn save(&self, desk: &DeskId, commit: Commit) -> Self::Reply<'_, ()> {
        self.run(desk, Save(commit))
    }

    /// Returns the time of the store's clock, which measures leases. The default is the machine's clock.
    ///
    /// # Errors
    /// A storage error, in the reply.
    fn now(&self) -> Self::Reply<'_, DateTime<Utc>> {
        self.run_job(&DeskId::new("claims"), Now)
    }

    /// Claims up to `limit` due records of a kind, at any desk: see [`Store::claim`](crate::store::Store::claim).
    ///
    /// The default lists the records that are due by the machine's clock and claims them in one operation for each
    /// desk.
    ///
    /// # Errors
    /// A storage error, in the reply. Records that were claimed before the error become due again when their lease
    /// ends.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Self::Reply<'_, Vec<Claimed>> {
        let claim = Claim::new(kind, limit, to_micros(SystemClock.now()), lease);
        self.run_job(&DeskId::new("claims"), Claiming::new(claim))
    }
}

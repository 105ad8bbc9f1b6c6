//! Everything that one command writes, as a value.

use chrono::{DateTime, Utc};

use crate::definition::{Adoption, Fingerprint};
use crate::id::{RequestKey, ThreadKey, TicketId};
use crate::ticket::decision::Decision;
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// Everything that one command writes. A store writes all of it or nothing.
///
/// It is not `non_exhaustive`, on purpose: a store that takes it apart without `..` is told by the compiler when a
/// later version adds something to be written, and cannot drop it silently.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// Tickets with their new events.
    pub tickets: Vec<TicketWrite>,
    /// Threads that now lead to a ticket. A thread that is known already is led elsewhere.
    pub threads: Vec<(ThreadKey, TicketId)>,
    /// Texts of definitions, under their hash. One that is known already is left alone.
    pub definitions: Vec<(Fingerprint, String)>,
    /// New versions of definitions.
    pub adoptions: Vec<Adoption>,
    /// The receipt of a command with an idempotency key. It takes the place of an expired one with the same key.
    pub receipt: Option<KeptReceipt>,
    /// Receipts that expired before this instant are forgotten.
    pub forget_receipts_before: Option<DateTime<Utc>>,
}

impl Commit {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        *self == Commit::default()
    }

    /// The commit of these decisions. A decision without events writes nothing.
    pub fn of(decisions: impl IntoIterator<Item = Decision>) -> Commit {
        let changed = decisions.into_iter().filter(|decision| !decision.events().is_empty());
        Commit { tickets: changed.map(TicketWrite::from).collect(), ..Commit::default() }
    }
}

/// One ticket's part of a commit. It comes from a [`Decision`] and from nothing else.
///
/// ```compile_fail,E0451
/// # use firstline::{Snapshot, store::TicketWrite};
/// # fn forged(snapshot: Snapshot) -> TicketWrite {
/// TicketWrite { expected: 7, snapshot, events: Vec::new(), timers: Vec::new(), decided: () }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "`non_exhaustive` would let the rest of this crate make one"
)]
pub struct TicketWrite {
    /// The version that the stored ticket must have; 0 if it must not exist yet.
    pub expected: u64,
    /// The ticket's row, as it will be.
    pub snapshot: Snapshot,
    /// The new events: versions `expected + 1` to `snapshot.version`.
    pub events: Vec<Event>,
    /// All timers that the ticket has now. Rows of others are removed.
    pub timers: Vec<Timer>,
    /// Private, so that no other module makes one.
    decided: (),
}

impl From<Decision> for TicketWrite {
    fn from(decision: Decision) -> TicketWrite {
        let (expected, snapshot, events) = decision.into_parts();
        let timers = snapshot.timers();
        TicketWrite { expected, snapshot, events, timers, decided: () }
    }
}

/// The highest running number among the tickets that are opened; 0 if none is.
pub(crate) fn highest_number(tickets: &[TicketWrite]) -> u64 {
    let opened = tickets.iter().filter(|write| write.expected == 0);
    opened.map(|write| write.snapshot.number.value).max().unwrap_or(0)
}

/// What is kept of a command with an idempotency key: enough to return its first result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReceipt {
    /// The key, unique at the desk.
    pub key: RequestKey,
    /// The request's fingerprint: the same key with another request is refused.
    pub request: Fingerprint,
    /// The ticket.
    pub ticket: TicketId,
    /// Its version before the command.
    pub before: u64,
    /// Its version after the command.
    pub after: u64,
    /// Until when it is kept.
    pub expires: DateTime<Utc>,
}

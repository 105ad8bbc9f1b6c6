//! The result of a decision, ready to be written.

use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// The result of a decision, and the write of one ticket: the new events and the ticket after them. Only a decision
/// creates one.
///
/// It changes nothing until a store commits it. The store writes the events and the ticket in one transaction, if the
/// stored ticket is still at version `expected`.
///
/// ```compile_fail,E0451
/// # use firstline::{Snapshot, store::TicketWrite};
/// # fn forged(snapshot: Snapshot) -> TicketWrite {
/// TicketWrite { expected: 7, snapshot, events: Vec::new(), timers: Vec::new(), decided: () }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision changes nothing until a store commits it"]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "`non_exhaustive` would let the rest of this crate make one"
)]
pub struct TicketWrite {
    /// The version that the stored ticket must have; 0 if the ticket must not exist yet.
    pub expected: u64,
    /// The ticket after the decision, which becomes its row.
    pub snapshot: Snapshot,
    /// The new events, with the versions `expected + 1` to `snapshot.version`. Empty if nothing changes.
    pub events: Vec<Event>,
    /// All timers of the ticket. A store removes its other timer rows.
    pub timers: Vec<Timer>,
    /// Private, so that only this module can create a `TicketWrite`.
    decided: (),
}

impl TicketWrite {
    pub(super) fn new(expected: u64, snapshot: Snapshot, events: Vec<Event>) -> TicketWrite {
        let timers = snapshot.timers();
        TicketWrite { expected, snapshot, events, timers, decided: () }
    }
}

//! The compiler knows the state after a step.

use firstline::{Actor, Desk, Ticket, state};

fn not_yet_closed(ticket: Ticket<state::Active>, anna: &Actor) -> firstline::Result<Ticket<state::Closed>> {
    Desk::memory().commit(ticket.resolve("unmuted"), anna)
}

fn main() {}

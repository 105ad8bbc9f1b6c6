//! An active ticket cannot be confirmed, because it has no solution yet.

use firstline::{Ticket, state};

fn too_early(ticket: Ticket<state::Active>) {
    let _ = ticket.confirm();
}

fn main() {}

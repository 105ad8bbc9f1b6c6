//! A ticket that is being worked on cannot be confirmed: nothing is answered yet.

use firstline::{Ticket, state};

fn too_early(ticket: Ticket<state::Active>) {
    let _ = ticket.confirm();
}

fn main() {}

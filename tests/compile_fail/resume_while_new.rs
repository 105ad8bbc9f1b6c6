//! A new ticket waits for nothing, so that nothing can be resumed.

use firstline::{Ticket, state};

fn nothing_to_resume(ticket: Ticket<state::New>) {
    let _ = ticket.resume();
}

fn main() {}

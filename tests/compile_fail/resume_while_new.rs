//! A new ticket cannot be resumed, because it is not on hold.

use firstline::{Ticket, state};

fn nothing_to_resume(ticket: Ticket<state::New>) {
    let _ = ticket.resume();
}

fn main() {}

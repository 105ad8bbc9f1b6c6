//! A handle cannot be cloned to use it twice.

use firstline::{Ticket, state};

fn twice(ticket: Ticket<state::New>) {
    let _aside: Ticket<state::New> = ticket.clone();
}

fn main() {}

//! A handle cannot be kept aside by cloning it.

use firstline::{Ticket, state};

fn twice(ticket: Ticket<state::New>) {
    let _aside: Ticket<state::New> = ticket.clone();
}

fn main() {}

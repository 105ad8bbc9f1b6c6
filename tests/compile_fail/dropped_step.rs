//! A step has no effect until a desk commits it.
#![deny(unused_must_use)]

use firstline::{Ticket, state};

fn forgotten(ticket: Ticket<state::New>) {
    ticket.start();
}

fn main() {}

//! A step that is not handed to a desk was not taken.
#![deny(unused_must_use)]

use firstline::{Ticket, state};

fn forgotten(ticket: Ticket<state::New>) {
    ticket.start();
}

fn main() {}

//! As a ticket comes out of a store its state is known only at run time.

use firstline::{Desk, TicketId};

fn who_knows(id: TicketId) -> firstline::Result<()> {
    let ticket = Desk::memory().ticket(id)?;
    let _ = ticket.start();
    Ok(())
}

fn main() {}

//! A ticket from the store has a state that is known only at run time, so it offers no typed step.

use firstline::{Desk, TicketId};

fn unknown_state(id: TicketId) -> firstline::Result<()> {
    let ticket = Desk::memory().ticket(id)?;
    let _ = ticket.start();
    Ok(())
}

fn main() {}

//! A step consumes the handle, so nobody can use the stale one.

use firstline::{Actor, Desk, NewTicket};

fn main() -> firstline::Result<()> {
    let desk = Desk::memory();
    let anna = Actor::agent("anna");
    let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
    let _active = desk.commit(ticket.start(), &anna)?;
    let _cancelled = desk.commit(ticket.cancel(), &anna)?;
    Ok(())
}

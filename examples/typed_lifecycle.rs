//! The compiler knows the state: a step that the lifecycle does not accept does not compile, and one that came too
//! late is a conflict with facts.
//!
//! `cargo run --example typed_lifecycle`

use firstline::{Actor, AnyTicket, Desk, HoldReason, NewTicket, Result, StateKind, Ticket, state};

fn main() -> Result<()> {
    let desk = Desk::memory();
    let (anna, ben, boris) = (Actor::agent("anna"), Actor::agent("ben"), Actor::contact("boris"));

    // Every step consumes the handle and gives the next one. `ticket.confirm()` would not compile here: the message
    // says that a ticket in state `New` does not accept it, and which steps it does accept.
    let ticket: Ticket<state::New> = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    let ticket: Ticket<state::Active> = desk.commit(ticket.start(), &anna)?;
    let ticket: Ticket<state::OnHold> = desk.commit(ticket.hold(HoldReason::ThirdParty), &anna)?;
    let id = ticket.id();

    // What a state carries is there without asking twice: only a ticket on hold has a reason.
    println!("on hold, because of: {}", ticket.state().reason);

    // While anna looked at it, ben was faster. Nothing of hers was written; the error says how the ticket stands.
    if let AnyTicket::OnHold(same) = desk.ticket(id)?.into_typed() {
        desk.commit(same.resolve("The new headset came."), &ben)?;
    }
    match desk.commit(ticket.resume(), &anna) {
        Ok(_) => println!("anna goes on with it"),
        Err(error) if error.is_conflict() => println!("anna came too late: {error}"),
        Err(error) => return Err(error),
    }

    // From the store the state is known at run time; a match makes it known to the compiler again.
    for _ in 0..2 {
        match desk.ticket(id)?.into_typed() {
            AnyTicket::Resolved(ticket) => {
                let closed: Ticket<state::Closed> = desk.commit(ticket.confirm(), &boris)?;
                println!("boris confirmed: {} is {}", closed.number, StateKind::Closed);
            }
            AnyTicket::New(_) | AnyTicket::Active(_) | AnyTicket::OnHold(_) => println!("boris waits"),
            finished => println!("nothing to do for boris: {}", finished.permitted()),
        }
    }
    Ok(())
}

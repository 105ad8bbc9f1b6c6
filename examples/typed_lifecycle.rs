//! The compiler knows the state of a ticket. A step that the state does not accept does not compile, and a step that
//! comes too late is a conflict.
//!
//! ```text
//! cargo run --example typed_lifecycle
//! ```

use firstline::{Actor, AnyTicket, Desk, HoldReason, NewTicket, Result, Ticket, state};
#[path = "common/help.rs"]
mod help;

fn main() -> Result<()> {
    help::no_arguments(include_str!("typed_lifecycle.rs"));
    let desk = Desk::memory();
    let (anna, ben, boris) = (Actor::agent("anna"), Actor::agent("ben"), Actor::contact("boris"));

    // Every step consumes the handle and returns the next one. `ticket.confirm()` does not compile here. The
    // compiler reports that a ticket in state `New` does not accept it, and lists the accepted steps.
    let ticket: Ticket<state::New> = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    println!("boris opened {}: {:?}", ticket.number, ticket.subject());
    let ticket: Ticket<state::Active> = desk.commit(ticket.start(), &anna)?;
    let ticket: Ticket<state::OnHold> = desk.commit(ticket.hold(HoldReason::ThirdParty), &anna)?;
    let id = ticket.id();

    // A state has its own data: only a ticket on hold has a reason.
    println!("anna put it on hold, because of: {}", ticket.state().reason);

    // Ben is faster than Anna. A ticket from the store has a state that is known at run time; a match makes it known
    // to the compiler.
    if let AnyTicket::OnHold(same) = desk.ticket(id)?.into_typed() {
        desk.commit(same.resolve("The new headset came."), &ben)?;
        println!("ben resolved it");
    }
    // Anna's handle is out of date. Her step writes nothing, and the error contains the details.
    match desk.commit(ticket.resume(), &anna) {
        Ok(_) => println!("anna resumed it"),
        Err(error) => match error.conflict() {
            Some(conflict) => println!(
                "anna is too late: she has version {}, the ticket is at version {} and {}",
                conflict.expected, conflict.found, conflict.state
            ),
            None => return Err(error),
        },
    }

    match desk.ticket(id)?.into_typed() {
        AnyTicket::Resolved(ticket) => {
            let closed: Ticket<state::Closed> = desk.commit(ticket.confirm(), &boris)?;
            println!("boris confirmed the solution: {} is closed", closed.number);
        }
        other => println!("boris cannot confirm; {}", other.permitted()),
    }
    Ok(())
}

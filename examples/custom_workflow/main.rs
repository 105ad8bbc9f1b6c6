//! Your own workflow from a TOML file: the faults of a first attempt, a ticket that goes through the corrected
//! workflow, and its picture.
//!
//! ```text
//! cargo run --features toml --example custom_workflow
//! ```
//!
//! The two workflows are in `faulty.toml` and `visits.toml`.

#[path = "../common/attempt.rs"]
mod attempt;
#[path = "../common/help.rs"]
mod help;
#[path = "../common/picture.rs"]
mod picture;

use attempt::attempt;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::workflow::{Picture, Workflow};
use firstline::{Action, Actor, Desk, HoldReason, Kind, NewTicket, Policy, TicketId};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("main.rs"));
    println!("The first attempt, faulty.toml, is refused with all of its faults:\n");
    if let Err(error) = Workflow::from_toml(include_str!("faulty.toml")) {
        println!("{error}\n");
    }

    let visits = Workflow::from_toml(include_str!("visits.toml"))?;
    println!("The second, visits.toml, has no faults. A ticket goes through {}:\n", visits.reference());
    let policy = Policy::new()
        .field("months_since_sale", FieldType::Integer)
        .field("parts", FieldType::Text)
        .workflow(&visits);
    let desk = Desk::memory();
    desk.setup().adopt(&policy)?;
    let request = NewTicket::new("It does not pump").from("boris").kind(Kind::from("repair"));
    let ticket = desk.open_ticket(request.field("months_since_sale", 36))?;
    repair(&desk, ticket.id())?;

    println!();
    let process_map = desk.reports().process_map(&visits)?;
    picture::save(&Picture::of(&visits).counting(&process_map).svg())?;
    Ok(())
}

/// Each rule of the workflow refuses something once.
fn repair(desk: &Desk<Memory>, ticket: TicketId) -> firstline::Result<()> {
    let dispatcher = Actor::agent("dora");
    let technician = Actor::agent("tom").attribute("role", "technician");
    let customer = Actor::contact("boris");

    println!("Dora is the dispatcher, Tom is a technician, and Boris is the customer.\n");
    println!("The warranty has expired, so the customer must accept the costs before a visit is planned:");
    attempt(desk, ticket, &dispatcher, Action::start())?;
    attempt(desk, ticket, &dispatcher, Action::hold(HoldReason::Scheduled))?;
    let question = Action::reply("It will cost 120. Shall we come?");
    attempt(desk, ticket, &dispatcher, Action::hold(HoldReason::Customer).and(question))?;
    println!("A message of the customer ends the hold:");
    attempt(desk, ticket, &customer, Action::reply("Yes, please."))?;
    let plan = Action::tag("costs accepted").and(Action::hold(HoldReason::Scheduled));
    attempt(desk, ticket, &dispatcher, plan)?;
    println!("Only a technician begins the visit:");
    let arrive = || Action::assign("tom").and(Action::move_to("At the customer's"));
    attempt(desk, ticket, &dispatcher, arrive())?;
    attempt(desk, ticket, &technician, arrive())?;
    println!("The technician must record the parts:");
    attempt(desk, ticket, &technician, Action::resolve("a new pump"))?;
    let done = Action::field("parts", "pump 4711").and(Action::resolve("a new pump"));
    attempt(desk, ticket, &technician, done)?;
    attempt(desk, ticket, &customer, Action::confirm())
}

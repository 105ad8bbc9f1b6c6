//! A workflow of one's own, from a TOML file: what is said of a faulty one, a ticket's walk through a sound one, and
//! its picture.
//!
//! ```text
//! cargo run --features toml --example custom_workflow                # the picture as Mermaid
//! cargo run --features toml --example custom_workflow -- visits.svg  # and as SVG in a file
//! ```

use std::process::ExitCode;

use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::reports::Story;
use firstline::workflow::{Picture, Workflow};
use firstline::{Action, Actor, Desk, HoldReason, Kind, NewTicket, Policy, TicketId};

const HELP: &str = "\
usage: custom_workflow [FILE.svg]

Reads two workflows from TOML, shows what is wrong with the first, leads a ticket through the second, and prints its
picture as Mermaid. With FILE.svg, the picture is drawn into that file too.";

/// What the dispatcher and the technician do, and what they may not.
fn walk(desk: &Desk<Memory>, ticket: TicketId) -> firstline::Result<()> {
    let dispatcher = Actor::agent("dora");
    let technician = Actor::agent("tom").with("role", "technician");
    let shown = |by: &Actor, action: Action| -> firstline::Result<()> {
        match desk.act(ticket, action, by) {
            Ok(receipt) => println!("  {}: it is {:?} now", by.who, receipt.ticket.status()),
            Err(error) => match error.rejection() {
                Some(rejection) => println!("  {}: no: {rejection}", by.who),
                None => return Err(error),
            },
        }
        Ok(())
    };
    shown(&dispatcher, Action::start())?;
    // The machine is three years old, and nobody has said who pays.
    shown(&dispatcher, Action::hold(HoldReason::Scheduled))?;
    shown(
        &dispatcher,
        Action::hold(HoldReason::Customer).and(Action::reply("It will cost 120. Shall we come?")),
    )?;
    // A message of the customer ends the wait.
    shown(&Actor::contact("boris"), Action::reply("Yes, please."))?;
    shown(&dispatcher, Action::tag("costs accepted").and(Action::hold(HoldReason::Scheduled)))?;
    let arrive = || Action::assign("tom").and(Action::move_to("At the customer's"));
    shown(&dispatcher, arrive())?;
    shown(&technician, arrive())?;
    shown(&technician, Action::resolve("a new pump"))?;
    shown(&technician, Action::field("parts", "pump 4711").and(Action::resolve("a new pump")))?;
    shown(&Actor::contact("boris"), Action::confirm())
}

fn run(svg: Option<&str>) -> Result<(), Box<dyn std::error::Error>> {
    println!("The first attempt is refused, with all that is wrong with it:\n");
    if let Err(error) = Workflow::from_toml(include_str!("faulty.toml")) {
        println!("{error}\n");
    }

    let visits = Workflow::from_toml(include_str!("visits.toml"))?;
    println!("The second is sound. A ticket walks through {}:\n", visits.reference());
    let policy = Policy::new()
        .field("months_since_sale", FieldType::Integer)
        .field("parts", FieldType::Text)
        .workflow(&visits);
    let desk = Desk::memory();
    desk.setup().adopt(&policy)?;
    let request = NewTicket::new("It does not pump").from("boris").kind(Kind::from("repair"));
    let ticket = desk.open_ticket(request.field("months_since_sale", 36))?;
    walk(&desk, ticket.id())?;
    println!("\n{}", Story::of(&desk.records().history(ticket.id())?));

    let process_map = desk.reports().process_map(&visits)?;
    let picture = Picture::of(&visits).counting(&process_map);
    println!("Its picture, for a wiki:\n\n{}", picture.mermaid());
    if let Some(file) = svg {
        std::fs::write(file, picture.svg())?;
        println!("Drawn in {file}.");
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let svg = match &*arguments {
        [] => None,
        [file] if file.ends_with(".svg") => Some(file.as_str()),
        [help] if help == "--help" || help == "-h" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(svg) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

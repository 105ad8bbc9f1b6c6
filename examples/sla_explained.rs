//! A ledger of the time of a ticket. The ticket waits for its customer, then for a weekend with a change to summer
//! time, then for a holiday. The ledger accounts for every hour.
//!
//! ```text
//! cargo run --example sla_explained
//! ```

use firstline::calendar::WORKDAYS;
use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::sla::{Agreement, Metric, Target};
use firstline::time::ManualTime;
use firstline::{Action, Actor, Calendar, HoldReason, NewTicket, Policy, Story, TimeDelta};
#[path = "common/help.rs"]
mod help;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("sla_explained.rs"));
    // The agreement: a first reply within 2 office hours, a solution within 12. The office is in Berlin.
    let office = Calendar::builder("Europe/Berlin")
        .hours(WORKDAYS, "09:00-12:30, 13:00-17:00")
        .holiday("2026-03-30", "Company day")
        .build()?;
    let agreement = Agreement::new("standard", 1)
        .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(2)).business("office"))
        .target(Target::new(Metric::Resolution).within(TimeDelta::hours(12)).business("office"));
    let policy = Policy::new().calendar("office", office.definition()).agreement(agreement);

    // This example moves the clock of the desk by hand. Without `time`, a desk uses the system clock.
    let time = ManualTime::at("2026-03-26T14:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));

    // Boris asks on Thursday afternoon, two hours before the office closes.
    let ticket = desk.open_ticket(NewTicket::new("The parcel never arrived").from("boris"))?.id();
    // Anna replies after 45 minutes with a question. The hold pauses the clock of the solution.
    time.advance(TimeDelta::minutes(45));
    let question = Action::reply("Was a neighbour at home?").and(Action::hold(HoldReason::Customer));
    desk.act(ticket, question, &anna)?;
    // Boris answers on Friday afternoon. Summer time begins on Sunday, and Monday is a holiday.
    time.set("2026-03-27T14:00:00Z".parse()?);
    desk.act(ticket, Action::reply("No, nobody was."), &boris)?;
    // The carrier finds the parcel on Tuesday afternoon.
    time.set("2026-03-31T12:20:00Z".parse()?);
    desk.act(ticket, Action::reply("It arrives tomorrow.").and(Action::resolve("found")), &anna)?;

    println!("What happened (UTC):\n\n{}", Story::of(&desk.records().history(ticket)?));
    println!("Where the time went, in Berlin time:\n");
    for metric in [Metric::FirstReply, Metric::Resolution] {
        let ledger = desk.reports().explain(ticket, metric)?;
        println!("{ledger}\n");
        assert_eq!(ledger.wall_time(), ledger.until - ledger.clock.from, "every hour is accounted for");
    }
    Ok(())
}

//! Where did the time go? A ticket that waits for its customer over a weekend on which the clocks change and a
//! holiday follows, and the account of every hour of it.
//!
//! `cargo run --example sla_explained`

use firstline::calendar::WORKDAYS;
use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::reports::Story;
use firstline::sla::{Agreement, Metric, Target};
use firstline::time::ManualTime;
use firstline::{Action, Actor, Calendar, HoldReason, NewTicket, Policy, TimeDelta};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // We promise an answer within 2 office hours and a solution within 12. The office is in Berlin.
    let office = Calendar::builder("Europe/Berlin")
        .hours(WORKDAYS, "09:00-12:30, 13:00-17:00")
        .holiday("2026-03-30", "Company day")
        .build()?;
    let promise = Agreement::new("standard", 1)
        .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(2)).business("office"))
        .target(Target::new(Metric::Resolution).within(TimeDelta::hours(12)).business("office"));
    let policy = Policy::new().calendar("office", office.definition()).agreement(promise);

    // A desk whose clock we move by hand; yours takes the computer's.
    let time = ManualTime::at("2026-03-26T14:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));

    // Thursday afternoon, two hours before the office closes: Boris asks.
    let ticket = desk.open_ticket(NewTicket::new("The parcel never arrived").from("boris"))?.id();
    // Anna answers after 45 minutes and needs to know something; the clock of the solution stops.
    time.advance(TimeDelta::minutes(45));
    let question = Action::reply("Was a neighbour at home?").and(Action::hold(HoldReason::Customer));
    desk.act(ticket, question, &anna)?;
    // Boris answers on Friday afternoon. In the night to Sunday the clocks go forward, and Monday is a holiday.
    time.set("2026-03-27T14:00:00Z".parse()?);
    desk.act(ticket, Action::reply("No, nobody was."), &boris)?;
    // On Tuesday afternoon the carrier has found the parcel.
    time.set("2026-03-31T12:20:00Z".parse()?);
    desk.act(ticket, Action::reply("It comes tomorrow.").and(Action::resolve("found")), &anna)?;

    println!("What happened (UTC):\n\n{}", Story::of(&desk.records().history(ticket)?));
    println!("And where the time went:\n");
    for metric in [Metric::FirstReply, Metric::Resolution] {
        let ledger = desk.reports().explain(ticket, metric)?;
        println!("{ledger}\n");
        assert_eq!(ledger.wall(), ledger.until - ledger.clock.from, "every hour is accounted for");
    }
    Ok(())
}

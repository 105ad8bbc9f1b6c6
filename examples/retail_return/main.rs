//! Goods that come back to a shop: a workflow with its own statuses, guards, required fields and roles. Three tickets
//! go through it, and a picture shows how many took each transition.
//!
//! ```text
//! cargo run --example retail_return
//! ```
//!
//! The workflow itself is in `workflow.rs`.

#[path = "../common/attempt.rs"]
mod attempt;
#[path = "../common/help.rs"]
mod help;
#[path = "../common/picture.rs"]
mod picture;
mod workflow;

use attempt::attempt;
use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::time::{ManualTime, TimeSource};
use firstline::workflow::Picture;
use firstline::{Action, Actor, HoldReason, Kind, NewTicket, Policy, TimeDelta};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("main.rs"));
    let policy = Policy::new()
        .field("price", FieldType::Integer)
        .field("days_since_delivery", FieldType::Integer)
        .field("condition", FieldType::choice(["as new", "used", "broken"]))
        .field("verdict", FieldType::choice(["refund", "refuse"]))
        .workflow(workflow::definition());
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let clerk = Actor::agent("clara");
    let lead = Actor::agent("mona").attribute("role", "lead");
    let warehouse = Actor::agent("walt").attribute("role", "warehouse");
    let customer = Actor::contact("boris");
    let open = |subject: &str, price: i64, days: i64| {
        let request = NewTicket::new(subject).from("boris").kind(Kind::from("return"));
        desk.open_ticket(request.field("price", price).field("days_since_delivery", days))
    };
    let deadline = time.now() + TimeDelta::days(14);
    let await_parcel = || Action::hold_until(HoldReason::Customer, deadline);

    println!("Clara is a clerk, Mona is her lead, Walt works in the warehouse, and Boris is the customer.\n");
    println!("A lamp for 640, returned 41 days after the delivery\n");
    let lamp = open("The lamp flickers", 640, 41)?.id();
    println!("The return period is over. The clerk makes an exception:");
    attempt(&desk, lamp, &clerk, await_parcel())?;
    attempt(&desk, lamp, &clerk, Action::start())?;
    attempt(&desk, lamp, &clerk, Action::reply("Please send it by the 19th.").and(await_parcel()))?;
    println!("A message of the customer ends the hold, so the clerk waits again:");
    attempt(&desk, lamp, &customer, Action::reply("I sent it today."))?;
    attempt(&desk, lamp, &clerk, await_parcel())?;
    println!("The parcel arrives. Only the warehouse may take it in:");
    attempt(&desk, lamp, &clerk, Action::resume().with_status("Inspection"))?;
    attempt(&desk, lamp, &warehouse, Action::resume().with_status("Inspection"))?;
    let inspected = Action::field("condition", "broken").and(Action::move_to("With a clerk"));
    attempt(&desk, lamp, &warehouse, inspected)?;
    println!("A refund of more than 500 is for the lead:");
    attempt(&desk, lamp, &clerk, Action::resolve("money back"))?;
    attempt(&desk, lamp, &lead, Action::resolve("money back"))?;
    attempt(&desk, lamp, &customer, Action::confirm())?;

    println!("\nA cup for 12 is refunded at once, without a parcel\n");
    let cup = open("The cup is chipped", 12, 3)?.id();
    attempt(&desk, cup, &clerk, Action::resolve("money back; keep the cup"))?;

    println!("\nA chair for 90, whose parcel never arrives\n");
    let chair = open("The chair is too high", 90, 5)?.id();
    attempt(&desk, chair, &clerk, await_parcel())?;
    time.advance(TimeDelta::days(15));
    let report = desk.tick(time.now())?;
    assert!(report.stopped.is_none() && report.failed.is_empty(), "{report:?}");
    println!("Fifteen days later the hold has ended. The chair is at {:?}.\n", desk.ticket(chair)?.status());

    let workflow = workflow::definition().build()?;
    let process_map = desk.reports().process_map(&workflow)?;
    picture::save(&Picture::of(&workflow).counting(&process_map).svg())?;
    Ok(())
}

//! A card holder disputes a payment: the stages of a chargeback, their deadlines, and the steps that only the risk team
//! may take. Two tickets go through the workflow, and a picture shows how many took each transition.
//!
//! ```text
//! cargo run --example card_dispute
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
        .field("amount", FieldType::Integer)
        .field("days_since_posting", FieldType::Integer)
        .field("grounds", FieldType::choice(["fraud", "not received", "not as described", "charged twice"]))
        .field("verdict", FieldType::choice(["credit", "decline"]))
        .workflow(workflow::definition());
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("bank").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let agent = Actor::agent("anna");
    let risk = Actor::agent("rita").attribute("role", "risk");
    let holder = Actor::contact("boris");
    let claim = |subject: &str, grounds: &str, amount: i64| {
        let request = NewTicket::new(subject).from("boris").kind(Kind::from("dispute"));
        desk.open_ticket(request.field("grounds", grounds).field("amount", amount))
    };
    let until = |days| time.now() + TimeDelta::days(days);

    println!("Anna is an agent of the bank, Rita is in the risk team, and Boris is the card holder.\n");
    println!("480 for a flight that the card holder did not book\n");
    let flight = claim("I did not book this flight", "fraud", 480)?.id();
    println!("Fraud is claimed, so the risk team checks the claim first:");
    attempt(&desk, flight, &agent, Action::start())?;
    attempt(&desk, flight, &agent, Action::move_to("Assessment"))?;
    let checked = Action::move_to("Assessment").comment("the card was used in two countries");
    attempt(&desk, flight, &risk, checked)?;
    println!("The bank asks for documents, and the answer ends the hold:");
    let question = Action::reply("Where were you on the 2nd?");
    attempt(&desk, flight, &agent, question.and(Action::hold_until(HoldReason::Customer, until(14))))?;
    attempt(&desk, flight, &holder, Action::reply("At home. Here is my passport."))?;
    println!("The amount is too large for the agent to credit. A chargeback needs the date of the payment:");
    attempt(&desk, flight, &agent, Action::resolve_as("fraud", "you get your money back"))?;
    let charge_back = || Action::hold_until("merchant", until(30)).with_status("Chargeback");
    attempt(&desk, flight, &agent, charge_back())?;
    attempt(&desk, flight, &agent, Action::field("days_since_posting", 12).and(charge_back()))?;
    println!("A message of the card holder does not end the wait for the merchant:");
    attempt(&desk, flight, &holder, Action::reply("Is there any news?"))?;
    println!("The merchant contests the chargeback, and the bank insists:");
    attempt(&desk, flight, &agent, Action::resume())?;
    let insist = Action::hold_until("merchant", until(30)).with_status("Pre-arbitration");
    attempt(&desk, flight, &risk, insist)?;
    time.advance(TimeDelta::days(31));
    let report = desk.tick(time.now())?;
    assert!(report.stopped.is_none() && report.failed.is_empty(), "{report:?}");
    println!("The merchant is silent for a month. The flight is at {:?}:", desk.ticket(flight)?.status());
    attempt(&desk, flight, &risk, Action::resolve_as("fraud", "you get your money back"))?;
    attempt(&desk, flight, &holder, Action::confirm())?;

    println!("\n19 for a lunch that was charged twice: small enough to credit at once\n");
    let lunch = claim("Charged twice", "charged twice", 19)?.id();
    attempt(&desk, lunch, &agent, Action::start())?;
    attempt(&desk, lunch, &agent, Action::resolve_as("small", "you get your money back"))?;
    println!();

    let workflow = workflow::definition().build()?;
    let process_map = desk.reports().process_map(&workflow)?;
    picture::save(&Picture::of(&workflow).counting(&process_map).svg())?;
    Ok(())
}

//! A payment that a card holder contests: the stages of a chargeback, their deadlines, and what only the risk team may.
//!
//! `cargo run --example card_dispute`

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::reports::Story;
use firstline::time::{ManualTime, TimeSource};
use firstline::workflow::{Picture, preset};
use firstline::{Action, Actor, Desk, HoldReason, Kind, NewTicket, Policy, TicketId, TimeDelta};

/// Says what became of an action, or every reason why nothing did.
fn tell(desk: &Desk<Memory>, ticket: TicketId, by: &Actor, action: Action) {
    match desk.act(ticket, action, by) {
        Ok(receipt) => println!("  {:<6} -> {}", by.who.to_string(), receipt.ticket.status()),
        Err(error) => match error.rejection() {
            Some(rejection) => {
                let reasons = rejection.reasons_in_words();
                println!(
                    "  {:<6} may not:\n           - {}",
                    by.who.to_string(),
                    reasons.join("\n           - ")
                );
            }
            None => println!("  {:<6} fails: {error}", by.who.to_string()),
        },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::new()
        .field("amount", FieldType::Integer)
        .field("days_since_posting", FieldType::Integer)
        .field("grounds", FieldType::choice(["fraud", "not received", "not as described", "charged twice"]))
        .field("verdict", FieldType::choice(["credit", "decline"]))
        .workflow(preset::card_dispute());
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("bank").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let (anna, rita) = (Actor::agent("anna"), Actor::agent("rita").with("role", "risk"));
    let boris = Actor::contact("boris");
    let claim = |subject: &str, grounds: &str, amount: i64| {
        let request = NewTicket::new(subject).from("boris").kind(Kind::from("dispute"));
        desk.open_ticket(request.field("grounds", grounds).field("amount", amount))
    };
    let until = |days| time.now() + TimeDelta::days(days);

    println!("480 for a flight that nobody booked:");
    let flight = claim("I did not book this flight", "fraud", 480)?.id();
    tell(&desk, flight, &anna, Action::start());
    tell(&desk, flight, &anna, Action::move_to("Assessment"));
    tell(&desk, flight, &rita, Action::move_to("Assessment").because("the card was used in two countries"));
    let documents = Action::reply("Where were you on the 2nd?");
    tell(&desk, flight, &anna, documents.and(Action::hold_until(HoldReason::Customer, until(14))));
    tell(&desk, flight, &boris, Action::reply("At home. Here is my passport."));
    tell(&desk, flight, &anna, Action::resolve_as("fraud", "you get your money back"));
    let charge_back = || Action::hold_until("merchant", until(30)).into_status("Chargeback");
    tell(&desk, flight, &anna, charge_back());
    tell(&desk, flight, &anna, Action::field("days_since_posting", 12).and(charge_back()));
    println!("  (the card holder writes; the merchant has the word, so it goes on waiting)");
    tell(&desk, flight, &boris, Action::reply("Is there any news?"));
    println!("  (the merchant contests it: an agent takes it up)");
    tell(&desk, flight, &anna, Action::resume());
    tell(&desk, flight, &rita, Action::hold_until("merchant", until(30)).into_status("Pre-arbitration"));
    time.advance(TimeDelta::days(31));
    assert!(desk.tick(time.now())?.stopped.is_none());
    println!("  (a month without a word of the merchant) -> {}", desk.ticket(flight)?.status());
    tell(&desk, flight, &rita, Action::resolve_as("fraud", "you get your money back"));
    tell(&desk, flight, &boris, Action::confirm());

    println!("19 for a lunch that was charged twice:");
    let lunch = claim("Charged twice", "charged twice", 19)?.id();
    tell(&desk, lunch, &anna, Action::start().and(Action::resolve_as("small", "you get your money back")));

    println!("\nThe flight, as its history tells it:\n\n{}", Story::of(&desk.records().history(flight)?));
    let workflow = preset::card_dispute().build()?;
    let process_map = desk.reports().process_map(&workflow)?;
    let picture = Picture::of(&workflow).counting(&process_map);
    println!("Both together:\n\n{}", picture.mermaid());
    Ok(())
}

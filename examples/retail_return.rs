//! Goods that come back to a shop: who waits for whom, what must be filled in, and who may give how much money back.
//!
//! `cargo run --example retail_return`

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::policy::FieldType;
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
        .field("price", FieldType::Integer)
        .field("days_since_delivery", FieldType::Integer)
        .field("condition", FieldType::choice(["as new", "used", "broken"]))
        .field("verdict", FieldType::choice(["refund", "refuse"]))
        .workflow(preset::retail_return());
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    desk.setup().adopt(&policy)?;
    let (clara, mona) = (Actor::agent("clara"), Actor::agent("mona").with("role", "lead"));
    let walt = Actor::agent("walt").with("role", "warehouse");
    let boris = Actor::contact("boris");
    let ask = |subject: &str, price: i64, days: i64| {
        let request = NewTicket::new(subject).from("boris").kind(Kind::from("return"));
        desk.open_ticket(request.field("price", price).field("days_since_delivery", days))
    };

    println!("A lamp for 640, 41 days after its delivery:");
    let lamp = ask("The lamp flickers", 640, 41)?.id();
    let deadline = time.now() + TimeDelta::days(14);
    let parcel = || Action::hold_until(HoldReason::Customer, deadline);
    tell(&desk, lamp, &clara, parcel());
    tell(&desk, lamp, &clara, Action::start());
    tell(&desk, lamp, &clara, parcel().and(Action::reply("Send it by the 19th, as an exception.")));
    println!("  (the customer writes, which brings it back to the clerk; she lets it wait on)");
    tell(&desk, lamp, &boris, Action::reply("I sent it today."));
    tell(&desk, lamp, &clara, parcel());
    println!("  (the parcel is there)");
    tell(&desk, lamp, &clara, Action::resume().into_status("Inspection"));
    tell(&desk, lamp, &walt, Action::resume().into_status("Inspection"));
    tell(&desk, lamp, &clara, Action::resolve("money back"));
    tell(&desk, lamp, &walt, Action::field("condition", "broken").and(Action::move_to("With a clerk")));
    tell(&desk, lamp, &clara, Action::resolve("money back"));
    tell(&desk, lamp, &mona, Action::resolve("money back"));
    tell(&desk, lamp, &boris, Action::confirm());

    println!("A cup for 12: not worth a parcel.");
    let cup = ask("The cup is chipped", 12, 3)?.id();
    tell(&desk, cup, &clara, Action::resolve("money back; keep it"));

    println!("A chair for 90, whose parcel never comes:");
    let chair = ask("The chair is too high", 90, 5)?.id();
    tell(&desk, chair, &clara, parcel());
    time.advance(TimeDelta::days(15));
    assert!(desk.tick(time.now())?.stopped.is_none());
    println!("  (two weeks later) -> {}", desk.ticket(chair)?.status());

    let workflow = preset::retail_return().build()?;
    let process_map = desk.reports().process_map(&workflow)?;
    println!("\nAll three together:\n\n{}", Picture::of(&workflow).counting(&process_map).mermaid());
    Ok(())
}

//! The screens of a support team: the board with its counts, the inbox with a countdown for each ticket, what is
//! overdue, who waits for an answer, and a saved view.
//!
//! ```text
//! cargo run --example inbox
//! ```

use firstline::calendar::WORKDAYS;
use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::sla::{Agreement, Metric, Target};
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Calendar, Condition, Desk, GroupBy, HoldReason, Impact, Line, NewTicket, Policy, Query,
    Ticket, TicketId, TimeDelta, Urgency,
};
#[path = "common/help.rs"]
mod help;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("inbox.rs"));
    // A reply within 2 office hours, a solution within 10. This example moves the clock of the desk by hand.
    let office = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00").build()?;
    let agreement = Agreement::new("standard", 1)
        .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(2)).business("office"))
        .target(Target::new(Metric::Resolution).within(TimeDelta::hours(10)).business("office"));
    let time = ManualTime::at("2026-03-23T08:00:00Z".parse()?); // Monday, 9:00 in Berlin
    let desk = Memory::new().desk(Settings::new("shop").time(time.clone()));
    desk.setup().adopt(&Policy::new().calendar("office", office.definition()).agreement(agreement))?;
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));

    // In the morning, five requests arrive. Two are answered, and one customer replies.
    let open = |request: NewTicket| -> firstline::Result<TicketId> { Ok(desk.open_ticket(request)?.id()) };
    let lamp = open(NewTicket::new("The lamp flickers").from("boris").team("lighting", Line::First))?;
    open(NewTicket::new("Where is my parcel?").from("clara").team("delivery", Line::First))?;
    let sound = open(NewTicket::new("No sound").from("dora").assigned_to("anna"))?;
    let fire = NewTicket::new("The shop is down").from("eva").impact_and_urgency(Impact::HIGH, Urgency::HIGH);
    open(fire)?;
    time.advance(TimeDelta::minutes(30));
    desk.act(lamp, Action::reply("Which bulb is it?").and(Action::assign("anna")), &anna)?;
    desk.act(sound, Action::reply("Is it muted?").and(Action::hold(HoldReason::Customer)), &anna)?;
    time.advance(TimeDelta::hours(1));
    desk.act(lamp, Action::reply("The one that came with it."), &boris)?;
    time.advance(TimeDelta::minutes(45));
    open(NewTicket::new("Can I change my address?").from("boris"))?;

    let now = "2026-03-23T10:15:00Z".parse()?;
    assert!(desk.tick(now)?.failed.is_empty()); // records the breaches

    // One read for the whole board.
    let [states, teams, agents, due] =
        desk.count(Query::inbox(), [GroupBy::State, GroupBy::Team, GroupBy::Assignee, GroupBy::Due])?;
    println!("The board on Monday at 11:15:\n");
    for (name, counts) in [("State", states), ("Team", teams), ("Agent", agents), ("Due", due)] {
        let shown: Vec<_> = counts
            .iter()
            .map(|(key, count)| format!("{} {count}", if key.is_empty() { "nobody" } else { key }))
            .collect();
        println!("  {name:<6} {}", shown.join(", "));
    }

    println!("\nThe inbox, the most urgent first:\n");
    let page = desk.find(Query::inbox())?;
    for ticket in &page.tickets {
        println!(
            "  {:<4} {} {:<26} {}",
            ticket.number,
            ticket.priority(),
            ticket.subject(),
            countdown(ticket, now)
        );
    }
    println!("\nThe same page an hour later, without another read:\n");
    for ticket in page.tickets.iter().take(2) {
        println!("  {:<4} {}", ticket.number, countdown(ticket, now + TimeDelta::hours(1)));
    }

    list(&desk, "Overdue", Query::inbox().matching(Condition::field("overdue").is(true)))?;
    list(&desk, "Waiting for our answer", Query::inbox().matching(Condition::field("unanswered").is(true)))?;
    list(&desk, "Everything of boris", Query::newest().contact("boris"))?;

    // A saved view is data of the application.
    let view = r#"{"order": "inbox", "matching": {"field": "touched_at", "before": "2h ago"}}"#;
    list(&desk, &format!("Untouched for two hours, from the saved view\n{view}"), serde_json::from_str(view)?)
}

/// The time left on each clock that is not over, at an instant.
fn countdown(ticket: &Ticket, now: firstline::DateTime<firstline::Utc>) -> String {
    let mut shown = Vec::new();
    for clock in ticket.clocks.iter().filter(|clock| clock.state.is_open()) {
        let Some(left) = ticket.remaining(clock.metric, now) else { continue };
        let minutes = left.num_minutes().abs();
        let word = match clock.running_since {
            None => "left, paused",
            Some(_) if left < TimeDelta::zero() => "over",
            Some(_) => "left",
        };
        shown.push(format!("{} {}h {:02}m {word}", clock.metric, minutes / 60, minutes % 60));
    }
    shown.join("; ")
}

fn list(desk: &Desk<Memory>, title: &str, query: Query) -> Result<(), Box<dyn std::error::Error>> {
    println!("\n{title}:\n");
    for ticket in desk.find(query)?.tickets {
        println!("  {:<4} {}", ticket.number, ticket.subject());
    }
    Ok(())
}

//! The script of the request, and a function that plays it on a desk in a SQLite file.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use firstline::desk::Settings;
use firstline::priority::{Effect, Impact, Modifier, Urgency};
use firstline::sqlite::Sqlite;
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Channel, Condition, Contact, DateTime, HoldReason, Kind, Line, Matrix, NewTicket, Policy,
    Story, TimeDelta, Utc,
};

/// An action, its actor, and the minutes since the previous action.
pub(crate) type Scene = (i64, Actor, Action);

/// Everything that happens after the request is opened.
pub(crate) fn script() -> Vec<Scene> {
    let boris = || Actor::contact("customer-77");
    let (anna, carl) = (|| Actor::agent("anna"), || Actor::agent("carl"));
    vec![
        (4, anna(), Action::assign("anna").and(Action::start())),
        (2, anna(), Action::reply("Which bank is it?").and(Action::hold(HoldReason::Customer))),
        (11, boris(), Action::reply("First National.")),
        (
            3,
            anna(),
            Action::hand_over("payments", Line::Second, "Card of First National; fails since its update."),
        ),
        (25, carl(), Action::assign("carl").and(Action::note("Their 3-D Secure server was down."))),
        (40, carl(), Action::reply("It works again.").and(Action::resolve("the bank is back"))),
        (9, boris(), Action::confirm()),
    ]
}

/// Plays the script on a desk in this file, and returns the story of the ticket.
pub(crate) fn play(file: &Path, script: Vec<Scene>) -> Result<String, Box<dyn Error>> {
    // The script moves the clock of this desk. Without `time`, a desk uses the system clock.
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    let desk = Sqlite::open(file)?.desk(Settings::new("acme").time(time.clone()));

    let vip = Modifier::new("VIP customer", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
    desk.setup().adopt(&Policy::new().matrix(Matrix::itil().to_definition().modifier(vip).build()?))?;

    let request = NewTicket::new("Card declined at checkout")
        .from(Contact::new("customer-77").named("Boris").attribute("vip", true))
        .channel(Channel::Chat)
        .message("It says that 3-D Secure failed.")
        .kind(Kind::Incident)
        .impact_and_urgency(Impact::LOW, Urgency::HIGH);
    let ticket = desk.open_ticket(request)?;

    for (minutes, by, action) in script {
        time.advance(TimeDelta::minutes(minutes));
        desk.act(ticket.id(), action, by)?;
    }

    let ticket = desk.ticket(ticket.id())?;
    let mut story = format!("{} {:?}\n\n", ticket.number, ticket.subject());
    write!(story, "{}", Story::of(&desk.records().history(ticket.id())?))?;
    writeln!(story, "\nNow {}, with priority {}", ticket.state(), ticket.assessment)?;
    if let (Some(replied), Some(resolved)) = (ticket.first_replied_at, ticket.resolved_at) {
        let minutes = |at: DateTime<Utc>| (at - ticket.opened_at).num_minutes();
        writeln!(
            story,
            "First reply after {} min, resolved after {} min",
            minutes(replied),
            minutes(resolved)
        )?;
    }
    Ok(story)
}

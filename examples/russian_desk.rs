//! A desk that speaks Russian: the board with counts, the story of a ticket for the team and for the customer, and why
//! a button is off. Some words are the desk's own.
//!
//! ```text
//! cargo run --example russian_desk
//! ```

use firstline::calendar::Zone;
use firstline::desk::Settings;
use firstline::language::{InWords, Language};
use firstline::memory::Memory;
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, Channel, Contact, GroupBy, HoldReason, Impact, Kind, Line, NewTicket, Query, StateKind,
    Story, TimeDelta, Urgency,
};
#[path = "common/help.rs"]
mod help;

/// The words that differ from the Russian of the crate. They may be in a file, and each is checked when it is read.
const OUR_WORDS: &str = r#"{
    "based_on": "russian",
    "state":   {"resolved": "ждёт подтверждения"},
    "channel": {"kiosk": "терминал в зале"},
    "hold":    {"parcel": "посылка в пути"},
    "who":     {"desk": "система"}
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    help::no_arguments(include_str!("russian_desk.rs"));
    let language = Language::from_json(OUR_WORDS)?;
    let moscow = Zone::named("Europe/Moscow")?;
    let time = ManualTime::at("2026-03-23T06:00:00Z".parse()?); // понедельник, 9:00 в Москве
    let desk = Memory::new().desk(Settings::new("лавка").time(time.clone()));
    let (anna, boris) = (Actor::agent("Анна"), Actor::contact("boris"));

    let request = NewTicket::new("Лампа мигает").from(Contact::new("boris").named("Борис"));
    let request = request.channel(Channel::from("kiosk")).message("Куплена вчера.");
    let lamp = desk.open_ticket(request)?.id();
    for (subject, kind) in [("Где моя посылка?", Kind::Question), ("Не открывается сайт", Kind::Incident)]
    {
        let request = NewTicket::new(subject).from("clara").kind(kind);
        desk.open_ticket(request.impact_and_urgency(Impact::HIGH, Urgency::HIGH))?;
    }
    for (minutes, by, action) in [
        (5, &anna, Action::take().and(Action::start())),
        (5, &anna, Action::reply("Пришлём новую.").and(Action::note("Третья за неделю."))),
        (5, &anna, Action::hand_over("склад", Line::Second, "Проверьте всю партию.")),
        (5, &anna, Action::hold_until("parcel", "2026-03-25T06:00:00Z".parse()?)),
        (40, &boris, Action::reply("Пришла, спасибо!")),
        (5, &anna, Action::resume().and(Action::resolve("Лампу заменили."))),
    ] {
        time.advance(TimeDelta::minutes(minutes));
        desk.act(lamp, action, by)?;
    }

    println!("Доска:\n");
    let [states] = desk.count(Query::newest(), [GroupBy::State])?;
    for state in StateKind::ALL {
        if let Some(count) = states.get(state.name()) {
            println!("  {:<20} {}", state.in_words(&language), language.tickets(*count));
        }
    }
    println!("  {:<20} {}", "всего", language.tickets(states.values().sum()));

    let history = desk.records().history(lamp)?;
    let story = Story::of(&history).in_language(&language).zone(&moscow);
    println!("\nИстория для сотрудников:\n\n{story}");
    println!("История для клиента:\n\n{}", story.public());

    println!("Почему кнопки выключены:\n");
    let ticket = desk.ticket(lamp)?;
    for (by, action) in [
        (&anna, Action::start()),
        (&anna, Action::confirm()),
        (&boris, Action::close()),
        (&anna, Action::hold(HoldReason::Customer)),
    ] {
        if let Some(no) = ticket.why_not_by(&action, by) {
            println!("  {}", no.in_words(&language));
        }
    }

    // A mistake in the words is found when they are read.
    let error =
        Language::from_json(r#"{"based_on": "russian", "state": {"resolvd": "решена"}}"#).unwrap_err();
    println!("\nОшибка в словаре:\n\n  {error}");
    Ok(())
}

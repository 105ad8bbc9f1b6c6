//! The words of the crate in Russian stories and refusals.

use firstline::language::{InWords, Language};
use firstline::ticket::action::StepOptions;
use firstline::time::TimeSource;
use firstline::workflow::preset;
use firstline::*;

use super::language::bench;

/// The latin words of a text, apart from ids of people, numbers of tickets and priorities.
fn latin(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-');
    let is_name = |word: &str| {
        ["anna", "ben", "boris", "eva", "API"].contains(&word)
            || word.strip_prefix("T-").or(word.strip_prefix('P')).is_some_and(|it| it.parse::<u32>().is_ok())
    };
    words.filter(|word| word.contains(|c: char| c.is_ascii_alphabetic()) && !is_name(word)).collect()
}

/// Regression: the levels of the default matrix, and the public form of an own hold reason, were English.
#[test]
fn nothing_predefined_is_english_in_a_russian_story_or_refusal() {
    let russian = Language::russian();
    let (desk, time) = bench();
    let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));
    let mut told = 0;
    let mut check = |text: String| {
        assert!(latin(&text).is_empty(), "{:?} in: {text}", latin(&text));
        told += text.lines().count();
    };
    let mut tell = |id: TicketId| {
        let history = desk.records().history(id).unwrap();
        let story = Story::of(&history).with_clocks().in_language(russian);
        check(story.to_string());
        check(story.public().to_string());
        for event in history.iter().filter_map(Event::public) {
            if let Change::StateChanged { to, .. } = &event.change {
                check(to.kind().in_words(russian));
                if let State::OnHold(hold) = to {
                    check(hold.reason.in_words(russian));
                }
            }
        }
    };
    for kind in Kind::KNOWN {
        for channel in Channel::KNOWN {
            let request = NewTicket::new("Тест").from("boris").kind(kind.clone()).channel(channel.clone());
            tell(desk.open_ticket(request).unwrap().id());
        }
    }
    // An import without a channel.
    let version = ImportedVersion::new(time.now(), Actor::agent("anna")).from("boris").subject("Тест");
    assert_eq!(
        desk.records().import([ImportedTicket::new("архив", "1").version(version)]).unwrap().opened,
        1
    );
    let imported = ExternalRef { source: "архив".into(), id: "1".into() };
    tell(desk.ticket(imported).unwrap().id());
    let opened = || desk.open_ticket(NewTicket::new("Тест").from("boris")).unwrap().id();
    for reason in HoldReason::KNOWN.iter().cloned().chain([HoldReason::from("посылка")]) {
        let id = opened();
        desk.act(id, Action::hold(reason), &anna).unwrap();
        tell(id);
    }
    for rank in 1..=3 {
        let id = opened();
        let levels =
            Action::Impact(Impact::new(rank).unwrap()).and(Action::Urgency(Urgency::new(rank).unwrap()));
        desk.act(id, levels, &anna).unwrap();
        desk.act(id, Action::override_priority(Priority::new(rank).unwrap(), "Важно."), &anna).unwrap();
        tell(id);
    }
    for line in Line::ALL.iter().filter(|line| **line != Line::First) {
        let id = opened();
        desk.act(id, Action::hand_over("поддержка", *line, "Ваше."), &anna).unwrap();
        tell(id);
    }
    for role in [ContactRole::Requester, ContactRole::Affected, ContactRole::Cc] {
        let id = opened();
        desk.act(id, Action::RemoveContact("boris".into()), &anna).unwrap();
        desk.act(id, Action::Contact { contact: Contact::new("eva"), role }, &anna).unwrap();
        tell(id);
    }
    for machine in [Machine::AutoReply, Machine::Bounce, Machine::Notification] {
        let notice =
            || InboundMessage::new("Тест").from("boris").thread(machine.as_str()).written_by(machine);
        let id = desk.receive(notice()).unwrap().ticket.id();
        desk.receive(notice()).unwrap();
        tell(id);
    }
    // Every refusal of every action in every state, in advance.
    let lives = [
        vec![],
        vec![Action::start()],
        vec![Action::hold(HoldReason::Customer)],
        vec![Action::resolve("Готово.")],
        vec![Action::resolve("Готово."), Action::close()],
        vec![Action::cancel()],
        vec![Action::assign("ben")],
    ];
    let mut refused = 0;
    for life in lives {
        let id = opened();
        life.into_iter().for_each(|action| drop(desk.act(id, action, &anna).unwrap()));
        time.advance(TimeDelta::minutes(1));
        tell(id);
        let ticket = desk.ticket(id).unwrap();
        for status in preset::simple().statuses.iter().map(|it| it.name.clone()).chain(["новый".to_owned()])
        {
            for by in [&anna, &boris] {
                let with = StepOptions { status: Some(status.clone()), ..StepOptions::default() };
                let actions = [
                    Action::Start(with.clone()),
                    Action::Close(with.clone()),
                    Action::Cancel(with),
                    Action::Move { status: status.clone(), comment: None },
                    Action::start(),
                    Action::resume(),
                    Action::resolve("Готово."),
                    Action::confirm(),
                    Action::reopen(),
                    Action::take(),
                    Action::reply("Да."),
                    Action::note("Да."),
                    Action::not_spam(),
                    Action::undo(),
                    Action::time_spent(5),
                    Action::follow("ben"),
                    Action::hand_over("поддержка", Line::Second, "Ваше."),
                    Action::Impact(Impact::HIGH),
                    Action::tag("тест"),
                ];
                for action in actions {
                    let Some(no) = ticket.why_not_by(&action, by) else { continue };
                    let text = no.in_words(russian);
                    let words = latin(&text);
                    assert!(words.is_empty(), "{action:?}: {words:?} in: {text}");
                    refused += 1;
                }
            }
        }
    }
    assert!(told > 150 && refused > 300, "{told} {refused}");
}

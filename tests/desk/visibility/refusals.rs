//! Refusals, errors and replays reveal nothing to actors who do not see the ticket, or who see only its public part.

use firstline::language::{InWords, Language};
use firstline::lifecycle::ActionKind;
use firstline::policy::{Standing, VisibilityRule};
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Actor, Condition, ErrorKind, ExternalRef, IdempotencyKey, InboundMessage, Kind, Line, LinkKind,
    NewTicket, Policy, Query, RejectionReason, StateKind, StepKind, ThreadKey, TicketId, TimeDelta, Who,
    WorkflowDefinition,
};

use super::{by_team, field, lead, of_teams, open_for, without_name};
use crate::stage::{anna, boris, on_each_store};

const MISSING: &str = "01900000-0000-7000-8000-000000000009";

fn key(name: &str) -> IdempotencyKey {
    IdempotencyKey::new(name).with_digest("sha256:1")
}

/// Agents see the public part of every ticket, and leads the whole.
fn public_to_agents() -> Policy {
    Policy::new()
        .visibility(VisibilityRule::agents())
        .visibility(VisibilityRule::agents().when(field("actor.role").is("lead")).internal())
}

/// Regression: the replay came before the check of access, and a digest of the caller left out the actor.
#[test]
fn a_key_with_a_digest_gives_nobody_the_result_of_another_actor() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let [lena, dora] = [of_teams("lena", ["light"]), of_teams("dora", ["audio"])];
        let ben = of_teams("ben", ["light"]);
        let secret = || NewTicket::new("secret").from("boris").team("light", Line::First);
        let opened = stage.desk.open_ticket(secret().by(&lena).idempotency_key(key("open"))).unwrap();
        let id = opened.id();
        let noted = stage.desk.act(id, Action::note("secret"), lena.idempotency_key(key("act"))).unwrap();
        let mail =
            |from: &str| InboundMessage::new("secret").from(from).thread("chat").idempotency_key(key("mail"));
        let received = stage.desk.receive(mail("boris")).unwrap();
        let missing: TicketId = MISSING.parse().unwrap();
        let hidden = stage.desk.act(id, Action::note("x"), dora.idempotency_key(key("act"))).unwrap_err();
        let none = stage.desk.act(missing, Action::note("x"), dora.idempotency_key(key("act"))).unwrap_err();
        assert_eq!(without_name(&hidden, &id.to_string()), without_name(&none, MISSING));
        let reused = [
            stage.desk.act(id, Action::note("x"), ben.idempotency_key(key("act"))).unwrap_err(),
            stage.desk.open_ticket(NewTicket::new("x").from("eve").idempotency_key(key("open"))).unwrap_err(),
            stage.desk.open_ticket(secret().by(&dora).idempotency_key(key("open"))).unwrap_err(),
            stage.desk.open_ticket(secret().idempotency_key(key("open"))).unwrap_err(),
            stage.desk.receive(mail("eve")).unwrap_err(),
        ];
        for error in reused {
            assert_eq!(error.kind(), ErrorKind::KeyReused, "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        // The same actor gets the first result, even if the request differs.
        let again =
            stage.desk.open_ticket(NewTicket::new("y").by(&lena).idempotency_key(key("open"))).unwrap();
        assert!(again.replayed() && again == opened);
        let again = stage.desk.act(id, Action::note("y"), lena.idempotency_key(key("act"))).unwrap();
        assert!(again.replayed && again.events == noted.events && again.ticket == noted.ticket);
        let again = stage.desk.receive(mail("boris")).unwrap();
        assert!(again.replayed && again.ticket == received.ticket);
        // Without a digest too.
        let eve = Actor::contact("eve");
        let plain = |by: &Actor| stage.desk.act(id, Action::note("z"), by.idempotency_key("plain"));
        plain(&lena).unwrap();
        for by in [&dora, &eve] {
            assert!(plain(by).unwrap_err().is_not_found(), "{by:?}");
        }
    });
}

#[test]
fn an_actor_who_no_longer_sees_the_ticket_gets_the_result_of_the_hand_over_alone() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let audio = open_for(stage, "audio");
        let dora = of_teams("dora", ["audio"]);
        let hand_over = || Action::hand_over("light", Line::Second, "It hums.");
        let first = stage.desk.act(audio, hand_over(), dora.idempotency_key(key("over"))).unwrap();
        // A lost answer is asked for again: the actor saw the ticket until this command.
        let again = stage.desk.act(audio, hand_over(), dora.idempotency_key(key("over"))).unwrap();
        assert!(again.replayed && again.ticket == first.ticket && again.events == first.events);
        // With other teams, the same agent sees neither the ticket before the command nor after it.
        let moved = of_teams("dora", ["video"]);
        let error = stage.desk.act(audio, hand_over(), moved.idempotency_key(key("over"))).unwrap_err();
        assert!(error.is_not_found(), "{error}");
    });
}

/// Regression: a refusal told a stranger that the ticket exists, and its state.
#[test]
fn a_stranger_gets_the_same_answer_for_every_ticket() {
    on_each_store(|stage| {
        let missing: TicketId = MISSING.parse().unwrap();
        let strangers = [Actor::contact("eve"), Actor::from(Who::Unknown)];
        let states = [
            Action::note("n"),
            Action::resolve("x"),
            Action::hold("customer"),
            Action::resolve("x").and(Action::close()),
            Action::cancel(),
        ];
        let tried = || {
            [
                Action::confirm(),
                Action::cancel(),
                Action::reopen(),
                Action::start(),
                Action::note("x"),
                Action::reply("x"),
                Action::reply(""),
                Action::undo(),
                Action::move_to("Nowhere"),
                Action::thread("k"),
                Action::All(Vec::new()),
            ]
        };
        for open in [false, true] {
            let policy = Policy::new().standing(Standing::Outsider, |rule| rule.writes = open);
            stage.desk.setup().adopt(&policy).unwrap();
            stage.later(TimeDelta::seconds(1));
            for state in &states {
                let id = stage.opened_and([state.clone()]);
                let handle = stage.desk.ticket(id).unwrap();
                for by in &strangers {
                    assert!(stage.desk.view(by).ticket(id).unwrap_err().is_not_found());
                    for action in tried() {
                        if open && handle.why_not_by(&action, by).is_none() {
                            continue; // The policy lets strangers write.
                        }
                        let hidden = stage.desk.act(id, action.clone(), by).unwrap_err();
                        let none = stage.desk.act(missing, action.clone(), by).unwrap_err();
                        let same = without_name(&none, MISSING);
                        assert_eq!(without_name(&hidden, &id.to_string()), same, "{action:?}");
                        let stale = stage.desk.act(id, action.clone(), by.expected_version(1)).unwrap_err();
                        assert_eq!(without_name(&stale, &id.to_string()), same, "{action:?}");
                        let no = stage.desk.reports().why_not(id, action.clone(), by).unwrap_err();
                        assert_eq!(without_name(&no, &id.to_string()), same, "{action:?}");
                        let no = handle.why_not_by(&action, by).unwrap();
                        assert!(matches!(no.reasons[..], [RejectionReason::NotFound { .. }]), "{no:?}");
                        assert_eq!(no.state, StateKind::New);
                    }
                }
            }
        }
        // Whoever sees the ticket gets the reasons.
        let id = stage.open();
        let error = stage.desk.act(id, Action::confirm(), boris()).unwrap_err();
        assert!(error.is_rejected() && error.to_string().contains("while new"), "{error}");
    });
}

/// Regression: the refusal named whoever had changed a link to a hidden ticket, and that it was changed.
#[test]
fn the_refusal_of_an_undoing_tells_nothing_of_a_hidden_ticket() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&by_team()).unwrap();
        let dora = of_teams("dora", ["audio"]);
        let ben = of_teams("secret-ben", ["audio", "light"]);
        let mut answers = Vec::new();
        for touched in [false, true] {
            let [a, h] = ["audio", "audio"].map(|team| open_for(stage, team));
            stage.desk.act(a, Action::link(LinkKind::DuplicateOf, h), &dora).unwrap();
            stage.desk.act(h, Action::hand_over("light", Line::Second, "n"), &ben).unwrap();
            if touched {
                stage.desk.act(h, Action::unlink(LinkKind::DuplicatedBy, a), &ben).unwrap();
            }
            let error = stage.refuses(a, |desk| desk.act(a, Action::undo(), &dora));
            assert!(error.is_rejected() && !error.to_string().contains("ben"), "{error}");
            answers.push(error.to_string());
        }
        assert_eq!(answers[0], answers[1]);
        // A link to a hidden ticket by somebody else is not in dora's history either.
        let [a, h] = ["audio", "light"].map(|team| open_for(stage, team));
        stage.desk.act(a, Action::tag("hum"), &dora).unwrap();
        stage.desk.act(a, Action::link(LinkKind::DuplicateOf, h), &ben).unwrap();
        let error = stage.refuses(a, |desk| desk.act(a, Action::undo(), &dora));
        assert_eq!(error.to_string(), answers[0]);
        // Whoever sees both tickets learns who was it.
        let [a, b] = ["audio", "audio"].map(|team| open_for(stage, team));
        stage.desk.act(a, Action::link(LinkKind::DuplicateOf, b), &dora).unwrap();
        stage.desk.act(b, Action::unlink(LinkKind::DuplicatedBy, a), &ben).unwrap();
        let error = stage.refuses(a, |desk| desk.act(a, Action::undo(), &dora));
        assert!(error.to_string().contains("secret-ben has changed the link"), "{error}");
    });
}

/// Regression: only rejections had a public form. An invalid input was answered with internal facts of the ticket.
#[test]
fn an_invalid_input_tells_no_internal_fact_to_an_agent_who_sees_the_public_part() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&public_to_agents()).unwrap();
        let pia = Actor::agent("pia");
        let [a, b, c] = [(); 3].map(|()| stage.open());
        let tags = (0..200).map(|n| Action::tag(format!("t{n}")));
        let facts = Action::time_spent(137).and(Action::link(LinkKind::DuplicateOf, b));
        stage.desk.act(a, facts, lead()).unwrap();
        stage.desk.act(a, Action::All(tags.collect()), lead()).unwrap();
        let secret = [
            Action::time_spent(-10_000),
            Action::tag("one more"),
            Action::unlink(LinkKind::DuplicateOf, b),
            Action::unlink(LinkKind::DuplicateOf, c),
            Action::unlink(LinkKind::DuplicatedBy, c),
        ];
        for action in secret {
            let error = stage.refuses(a, |desk| desk.act(a, action.clone(), &pia));
            let no = error.rejection().unwrap_or_else(|| panic!("{error}"));
            assert!(no.reasons_in_words()[0].ends_with("the desk does not permit it now"), "{no}");
            let report = stage.desk.reports().why_not(a, action.clone(), &pia).unwrap();
            assert_eq!(report.as_ref(), Some(no), "{action:?}");
        }
        let seen = stage.desk.view(&pia).ticket(a).unwrap();
        let no = seen.why_not_by(&Action::time_spent(-10_000), &pia).unwrap();
        assert!(!no.to_string().contains("137"), "{no}");
        // The link of the other ticket is as hidden.
        let error = stage.refuses(b, |desk| desk.act(b, Action::unlink(LinkKind::DuplicatedBy, a), &pia));
        let other = stage.refuses(b, |desk| desk.act(b, Action::unlink(LinkKind::DuplicatedBy, c), &pia));
        assert_eq!(error.to_string(), other.to_string());
        // Faults of the input alone are named, by every method.
        for action in [Action::time_spent(0), Action::tag(""), Action::note("")] {
            let error = stage.refuses(a, |desk| desk.act(a, action.clone(), &pia));
            assert!(error.is_invalid(), "{error}");
            let no = seen.why_not_by(&action, &pia).unwrap();
            assert_eq!(no.reasons, [RejectionReason::Invalid(error.to_string())]);
        }
        let error = stage.refuses(a, |desk| desk.act(a, Action::time_spent(-10_000), lead()));
        assert!(error.to_string().contains("137"), "{error}");
    });
}

/// Regression: the refusals of corrections and links listed what the state permits to anybody.
#[test]
fn every_refusal_lists_only_what_this_actor_may_do() {
    on_each_store(|stage| {
        let flow = WorkflowDefinition::new("flow")
            .for_kind("incident")
            .status(Status::new("Fresh", StateKind::New))
            .status(Status::new("Work", StateKind::Active))
            .status(Status::new("Fixed", StateKind::Resolved))
            .status(Status::new("Done", StateKind::Closed))
            .transition(Transition::step(StepKind::Start, "Fresh", "Work"))
            .transition(Transition::step(StepKind::Resolve, "Work", "Fixed"))
            .transition(Transition::step(StepKind::Reopen, "Fixed", "Work"))
            .transition(Transition::step(StepKind::Close, "Fixed", "Done"));
        stage.desk.setup().adopt(&Policy::new().workflow(flow)).unwrap();
        let other = stage.open();
        for kind in [Kind::Incident, Kind::Question] {
            let id = stage.desk.open_ticket(NewTicket::new("A").from("boris").kind(kind)).unwrap().id();
            let child = stage.desk.open_ticket(NewTicket::new("B").from("boris")).unwrap().id();
            stage.desk.act(child, Action::link(LinkKind::ChildOf, id), Actor::agent("carl")).unwrap();
            for by in [boris(), anna(), Actor::automation("bot")] {
                let refused = [
                    Action::undo(),
                    Action::not_spam(),
                    Action::unlink(LinkKind::ChildOf, other),
                    Action::link(LinkKind::ChildOf, id),
                    Action::link(LinkKind::ChildOf, child),
                    Action::confirm(),
                ];
                for action in refused {
                    let error = stage.refuses(id, |desk| desk.act(id, action.clone(), &by));
                    let no = error.rejection().unwrap_or_else(|| panic!("{action:?}: {error}"));
                    for listed in no.permitted.actions() {
                        let Some(listed) = sample(*listed, other) else { continue };
                        let why = stage.desk.reports().why_not(id, listed, &by).unwrap();
                        assert_eq!(why, None, "{by:?} {action:?} {no}");
                    }
                    if matches!(action, Action::Link(_)) && !matches!(by.who, Who::Contact(_)) {
                        assert!(no.permitted.contains(ActionKind::Note), "{no}");
                    }
                }
            }
        }
    });
}

fn sample(kind: ActionKind, other: TicketId) -> Option<Action> {
    Some(match kind {
        ActionKind::Step(StepKind::Start) => Action::start(),
        ActionKind::Step(StepKind::Hold) => Action::hold("customer"),
        ActionKind::Step(StepKind::Resolve) => Action::resolve("x"),
        ActionKind::Step(StepKind::Cancel) => Action::cancel(),
        ActionKind::Reply => Action::reply("x"),
        ActionKind::Note => Action::note("x"),
        ActionKind::Assign => Action::assign("zed"),
        ActionKind::HandOver => Action::hand_over("t", Line::Second, "n"),
        ActionKind::Describe => Action::tag("zz"),
        ActionKind::Link => Action::link(LinkKind::Mentions, other),
        ActionKind::TimeSpent => Action::time_spent(1),
        ActionKind::Follow => Action::follow("zed"),
        _ => return None,
    })
}

/// Regression: errors echoed texts of any length, with their line breaks and changes of direction.
#[test]
fn an_error_is_one_line_of_bounded_length() {
    on_each_store(|stage| {
        let odd = "<k>\nERROR forged line \u{202e}\u{2028}x";
        let id = stage.desk.open_ticket(NewTicket::new("A").from("boris").thread(odd)).unwrap().id();
        let other = stage.open();
        let external = |id: &str| ExternalRef { source: "a".into(), id: id.to_owned() };
        for text in [odd.to_owned(), format!("{odd}{}", "x".repeat(100_000)), "é ".repeat(50_000)] {
            let is_odd = text == odd;
            let missing = format!("{text}?");
            let find = Query::newest().matching(Condition::field(text.clone()).is("x"));
            let errors = [
                stage.desk.ticket(ThreadKey::from(missing.as_str())).map(drop),
                stage.desk.ticket(external(&text)).map(drop),
                stage.desk.act(id, Action::move_to(text.as_str()), anna()).map(drop),
                stage.desk.act(id, Action::field(text.as_str(), "x"), anna()).map(drop),
                stage.desk.act(id, Action::modifier(text.as_str()), anna()).map(drop),
                stage.desk.act(id, Action::Modifier { name: text.clone(), on: false }, anna()).map(drop),
                stage.desk.act(id, Action::unlink(LinkKind::ChildOf, other), anna()).map(drop),
                stage
                    .desk
                    .act(id, Action::note("x"), Actor::agent(text.as_str()).idempotency_key(text.as_str()))
                    .map(drop),
                stage.desk.find(find).map(drop),
                if is_odd { stage.desk.act(other, Action::thread(odd), anna()).map(drop) } else { Ok(()) },
            ];
            for (place, error) in errors.into_iter().enumerate() {
                let Err(error) = error else { continue };
                let mut texts = vec![error.to_string(), error.allowed().unwrap_or_default().to_owned()];
                let russian = error.rejection().map(|it| it.in_words(Language::russian()));
                texts.extend(russian);
                texts.extend(error.rejection().into_iter().flat_map(|it| it.reasons_in_words()));
                for text in texts {
                    assert!(text.chars().count() <= 3_000, "{place}: {} characters", text.chars().count());
                    let is_odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{202e}');
                    assert!(!text.contains(is_odd), "{place}: {text:?}");
                }
            }
        }
        // Letters and emoji stay as they are.
        let name = "می‌خواهم 👩‍💻";
        let error = stage.desk.act(id, Action::move_to(name), anna()).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        stage.does(id, Action::assign("an\u{202e}na"));
        let error = stage.desk.act(id, Action::take(), Actor::agent("ben")).unwrap_err();
        assert!(!error.to_string().contains('\u{202e}'), "{error}");
    });
}

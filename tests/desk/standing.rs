//! The permitted acts of a speaker and their effects: every standing, with every method, in every state. These
//! tables are written by hand and do not use the crate's own.

use firstline::desk::Arrival;
use firstline::policy::{OnResolved, Standing};
use firstline::sla::{Agreement, Metric, Target};
use firstline::{
    Action, Actor, Change, Condition, ContactRole, HoldReason, InboundMessage, LinkKind, Machine, NewTicket,
    Policy, Receipt, RejectionReason, StateKind, Ticket, TicketId, TimeDelta, Who,
};

use super::stage::{Stage, anna, boris, on_each_store, stages};

const STATES: [&str; 7] =
    ["new", "active", "waits for the customer", "waits for a supplier", "resolved", "closed", "cancelled"];

/// The effect of a message in `receive`. "stays" is a resolved ticket that silence no longer closes.
const RECEIVE: [(&str, [&str; 7]); 9] = [
    ("requester", ["added", "added", "active", "added", "active", "follow-up", "follow-up"]),
    ("affected", ["added", "added", "active", "added", "active", "follow-up", "follow-up"]),
    ("cc", ["added", "added", "active", "added", "stays", "follow-up", "follow-up"]),
    ("group member", ["added", "added", "active", "added", "stays", "follow-up", "follow-up"]),
    ("outsider with proof", ["marked", "marked", "marked", "marked", "marked", "own", "own"]),
    ("unknown with proof", ["marked", "marked", "marked", "marked", "marked", "own", "own"]),
    ("outsider", ["own"; 7]),
    ("unknown", ["own"; 7]),
    ("machine", ["signal"; 7]),
];

/// The result of a reply in `act` and in `why_not_by`.
const REPLY: [(&str, [&str; 7]); 5] = [
    ("requester", ["added", "added", "active", "added", "active", "added", "added"]),
    ("affected", ["added", "added", "active", "added", "active", "added", "added"]),
    ("cc", ["added", "added", "active", "added", "stays", "added", "added"]),
    ("outsider", ["refused"; 7]),
    ("unknown", ["refused"; 7]),
];

/// The states that accept a step, by standing: the first letters of [`STATES`] at their places.
const STEPS: [(&str, &str, &[usize]); 12] = [
    ("confirm", "requester", &[4]),
    ("confirm", "affected", &[]),
    ("confirm", "cc", &[]),
    ("confirm", "outsider", &[]),
    ("cancel", "requester", &[0, 1, 2, 3]),
    ("cancel", "affected", &[]),
    ("cancel", "cc", &[]),
    ("cancel", "outsider", &[]),
    ("reopen", "requester", &[4]),
    ("reopen", "affected", &[4]),
    ("reopen", "cc", &[]),
    ("reopen", "outsider", &[]),
];

fn person(standing: &str) -> Who {
    match standing {
        "requester" => Who::Contact("boris".into()),
        "affected" => Who::Contact("dora".into()),
        "cc" => Who::Contact("clara".into()),
        "group member" => Who::Contact("greta".into()),
        "outsider" | "outsider with proof" => Who::Contact("mallory".into()),
        "unknown" | "unknown with proof" => Who::Unknown,
        other => panic!("{other}"),
    }
}

fn message(standing: &str) -> InboundMessage {
    let message = InboundMessage::new("By the way").thread("m1");
    let message = match standing {
        "machine" => return message.from("boris").written_by(Machine::AutoReply),
        standing => match person(standing) {
            Who::Contact(id) => message.from(id),
            _ => message,
        },
    };
    match standing {
        "group member" => message.group_chat(),
        "outsider with proof" | "unknown with proof" => message.with_proof(),
        _ => message,
    }
}

/// Opens a ticket of boris with dora affected and clara in copy, to which anna replied, and brings it into a state.
fn ticket_in(stage: &Stage, state: usize) -> TicketId {
    let request = NewTicket::new("No sound")
        .from("boris")
        .contact("dora", ContactRole::Affected)
        .contact("clara", ContactRole::Cc)
        .thread("m1");
    let id = stage.desk.open_ticket(request).unwrap().id();
    stage.does(id, Action::reply("We look."));
    let actions = match STATES[state] {
        "new" => vec![],
        "active" => vec![Action::start()],
        "waits for the customer" => vec![Action::hold(HoldReason::Customer)],
        "waits for a supplier" => vec![Action::hold(HoldReason::ThirdParty)],
        "resolved" => vec![Action::resolve("unmuted")],
        "closed" => vec![Action::resolve("unmuted"), Action::close()],
        "cancelled" => vec![Action::cancel()],
        other => panic!("{other}"),
    };
    actions.into_iter().for_each(|action| stage.does(id, action));
    id
}

/// A policy with targets for the first and the next reply.
fn promises() -> Policy {
    let targets =
        [Metric::FirstReply, Metric::NextReply].map(|it| Target::new(it).within(TimeDelta::hours(1)));
    Policy::new().agreement(targets.into_iter().fold(Agreement::new("standard", 1), Agreement::target))
}

/// A new stage for each cell, because the thread of a cell must be unused.
fn cell(name: &str) -> Stage {
    let stage = stages().into_iter().find(|stage| stage.name == name).unwrap();
    stage.desk.setup().adopt(&promises()).unwrap();
    stage
}

/// Describes what a message did to a ticket in a state.
fn outcome(stage: &Stage, id: TicketId, state: usize, receipt: &Receipt) -> &'static str {
    let ticket = stage.ticket(id);
    let before = match STATES[state] {
        "new" => StateKind::New,
        "active" => StateKind::Active,
        "resolved" => StateKind::Resolved,
        "closed" => StateKind::Closed,
        "cancelled" => StateKind::Cancelled,
        _ => StateKind::OnHold,
    };
    let moved = ticket.state.kind() != before;
    let plain = if moved {
        assert_eq!(ticket.state.kind(), StateKind::Active);
        "active"
    } else if before == StateKind::Resolved && ticket.timers().is_empty() {
        "stays"
    } else {
        "added"
    };
    let linked = |kind| receipt.ticket.links.iter().any(|link| link.kind == kind && link.to == id);
    match receipt.arrival().unwrap() {
        Arrival::Attached => plain,
        Arrival::AttachedFromOutside if plain == "added" => "marked",
        Arrival::Signal if plain == "added" => "signal",
        Arrival::FollowUp if plain == "added" && linked(LinkKind::FollowUpOf) => "follow-up",
        Arrival::OwnTicket if plain == "added" && linked(LinkKind::Mentions) => "own",
        other => panic!("{other:?}, {plain}"),
    }
}

/// True if the ticket needs a next reply.
fn needs_reply(stage: &Stage, id: TicketId) -> bool {
    stage.ticket(id).clock(Metric::NextReply).is_some_and(|clock| clock.state.is_open())
}

#[test]
fn receive_follows_the_table_in_every_state() {
    for name in stages().iter().map(|stage| stage.name) {
        for (standing, expected) in RECEIVE {
            for (state, expected) in expected.into_iter().enumerate() {
                let stage = cell(name);
                let id = ticket_in(&stage, state);
                let receipt = stage.desk.receive(message(standing)).unwrap();
                let place = format!("{name}: {standing}, {}", STATES[state]);
                assert_eq!(outcome(&stage, id, state, &receipt), expected, "{place}");
                let has_effect = matches!(expected, "added" | "active" | "stays");
                assert_eq!(needs_reply(&stage, id), has_effect, "{place}: a next reply");
                let received = u32::from(matches!(expected, "added" | "active" | "stays" | "marked"));
                assert_eq!(stage.ticket(id).messages_received, 1 + received, "{place}: messages");
                assert_eq!(stage.ticket(id).replies_sent, 1, "{place}: replies");
                // Only a member of the group becomes a contact.
                let contacts = 3 + usize::from(standing == "group member" && received == 1);
                assert_eq!(stage.ticket(id).contacts.len(), contacts, "{place}: contacts");
            }
        }
    }
}

#[test]
fn act_and_why_not_follow_the_table_in_every_state() {
    for name in stages().iter().map(|stage| stage.name) {
        for (standing, expected) in REPLY {
            for (state, expected) in expected.into_iter().enumerate() {
                let stage = cell(name);
                let id = ticket_in(&stage, state);
                let (by, reply) = (Actor::from(person(standing)), Action::reply("By the way"));
                let place = format!("{name}: {standing}, {}", STATES[state]);
                let handle = stage.desk.ticket(id).unwrap();
                let why_not = handle.why_not_by(&reply, &by);
                assert_eq!(why_not.is_some(), expected == "refused", "{place}: {why_not:?}");
                if let Some(why_not) = why_not {
                    // Outsiders do not see the ticket, so `act` does not say why it refuses.
                    let error = stage.refuses(id, |desk| desk.act(id, reply, by));
                    assert!(error.is_not_found(), "{place}: {error}");
                    assert_eq!(why_not.reasons, [RejectionReason::NotFound { ticket: id }], "{place}");
                    continue;
                }
                let receipt = stage.desk.act(id, reply, by).unwrap();
                assert_eq!(outcome(&stage, id, state, &receipt), expected, "{place}");
                let finished = matches!(STATES[state], "closed" | "cancelled");
                assert_eq!(needs_reply(&stage, id), !finished, "{place}: a next reply");
            }
        }
    }
}

#[test]
fn confirm_cancel_and_reopen_follow_the_table_in_every_state() {
    on_each_store(|stage| {
        let stage = &cell(stage.name);
        for (step, standing, accepted) in STEPS {
            for (state, state_name) in STATES.into_iter().enumerate() {
                let request = NewTicket::new("No sound")
                    .from("boris")
                    .contact("dora", ContactRole::Affected)
                    .contact("clara", ContactRole::Cc);
                let id = stage.desk.open_ticket(request).unwrap().id();
                match state {
                    1 => stage.does(id, Action::start()),
                    2 => stage.does(id, Action::hold(HoldReason::Customer)),
                    3 => stage.does(id, Action::hold(HoldReason::ThirdParty)),
                    4 => stage.does(id, Action::resolve("unmuted")),
                    5 => stage.does(id, Action::resolve("unmuted").and(Action::close())),
                    6 => stage.does(id, Action::cancel()),
                    _ => {}
                }
                let action = match step {
                    "confirm" => Action::confirm(),
                    "cancel" => Action::cancel(),
                    _ => Action::reopen(),
                };
                let by = Actor::from(person(standing));
                let why_not = stage.desk.ticket(id).unwrap().why_not_by(&action, &by);
                let tried = stage.desk.act(id, action, by);
                let place = format!("{step} by {standing}, {state_name}");
                assert_eq!(tried.is_ok(), accepted.contains(&state), "{place}");
                if standing == "outsider" {
                    // Outsiders do not see the ticket, so `act` does not say why it refuses.
                    let why_not = why_not.map(|no| no.reasons);
                    assert_eq!(why_not, Some(vec![RejectionReason::NotFound { ticket: id }]), "{place}");
                    assert!(tried.unwrap_err().is_not_found(), "{place}");
                    continue;
                }
                assert_eq!(tried.err().and_then(|it| it.rejection().cloned()), why_not, "{place}");
            }
        }
    });
}

/// Regression: on a ticket without a requester, every contact counted as the requester.
#[test]
fn nobody_is_the_requester_of_a_ticket_without_one() {
    on_each_store(|stage| {
        let open = |by: Actor| stage.desk.open_ticket(NewTicket::new("No sound").by(by)).unwrap().id();
        for action in [Action::cancel(), Action::reply("x")] {
            let id = open(anna());
            let error = stage.refuses(id, |desk| desk.act(id, action, Actor::contact("eve")));
            assert!(error.is_not_found(), "{error}");
        }
        let id = open(anna());
        stage.does(id, Action::resolve("unmuted"));
        for action in [Action::confirm(), Action::reopen()] {
            let error = stage.refuses(id, |desk| desk.act(id, action, Actor::contact("eve")));
            assert!(error.is_not_found(), "{error}");
        }
        stage.does(id, Action::reopen());
    });
}

/// A stranger's answer goes to a separate ticket, which receives the stranger's further messages too.
#[test]
fn a_strangers_messages_in_a_foreign_thread_go_to_one_separate_ticket() {
    on_each_store(|stage| {
        let from = |who: &str, text: &str| InboundMessage::new(text).from(who).thread("m1");
        let first = stage.desk.receive(from("boris", "See below.")).unwrap().ticket.id();
        let own = stage.desk.receive(from("mallory", "Pay to this account.").thread("m2")).unwrap();
        assert_eq!(own.arrival(), Some(Arrival::OwnTicket));
        let own = own.ticket.id();
        for message in [from("mallory", "Hello?"), InboundMessage::new("?").from("mallory").thread("m2")] {
            let again = stage.desk.receive(message).unwrap();
            assert_eq!((again.ticket.id(), again.arrival()), (own, Some(Arrival::Attached)));
        }
        // The thread itself still leads to boris's ticket, and another stranger gets another ticket.
        assert_eq!(stage.desk.receive(from("boris", "Hello?")).unwrap().ticket.id(), first);
        assert_ne!(stage.desk.receive(from("eve", "Me too.")).unwrap().ticket.id(), own);
        assert_eq!(stage.desk.ticket(firstline::ThreadKey::from("m1")).unwrap().id(), first);
        assert_eq!(stage.links(own)[0].to, first);
        // After its end, the stranger's ticket has a follow-up with the stranger's data, in the same thread.
        stage.does(own, Action::tag("fraud").and(Action::cancel()));
        let next = stage.desk.receive(from("mallory", "Still there?")).unwrap();
        assert_eq!(next.arrival(), Some(Arrival::FollowUp));
        assert!(next.ticket.tags.contains("fraud") && next.ticket.links.iter().all(|link| link.to == own));
        let again = stage.desk.receive(from("mallory", "Hello?")).unwrap();
        assert_eq!(again.ticket.id(), next.ticket.id());
        assert_eq!(stage.desk.receive(from("boris", "Hello?")).unwrap().ticket.id(), first);
    });
}

#[test]
fn a_message_from_outside_is_marked_and_its_sender_gets_no_copies() {
    on_each_store(|stage| {
        let id = ticket_in(stage, 1);
        let receipt = stage.desk.receive(message("outsider with proof").cc("eve")).unwrap();
        let Change::Received(arrived) = &receipt.events[0].change else { panic!("{:?}", receipt.events) };
        assert!(arrived.from_outside && !arrived.needs_reply);
        assert!(arrived.also_to.iter().eq([&"eve".into()]), "kept with the message");
        let ticket: Ticket = stage.desk.ticket(id).unwrap();
        let recipients: Vec<_> = ticket.recipients().map(|it| it.as_str()).collect();
        assert_eq!(recipients, ["boris", "clara", "dora"]);
        assert!(stage.history(id).last().unwrap().to_string().contains("(from outside) wrote"));
    });
}

/// "It still does not work" from a colleague must not end in a silent closing.
#[test]
fn after_an_objection_in_copy_the_ticket_closes_only_after_an_agent_has_acted() {
    on_each_store(|stage| {
        let id = ticket_in(stage, 4);
        stage.desk.receive(message("cc")).unwrap();
        stage.later(TimeDelta::days(6));
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 0);
        // A program is not an agent, and a machine's message changes nothing.
        stage.desk.act(id, Action::note("seen"), Actor::automation("bot")).unwrap();
        stage.desk.receive(message("machine")).unwrap();
        assert!(stage.ticket(id).timers().is_empty());
        stage.does(id, Action::reply("It works for us."));
        let due = stage.ticket(id).timers()[0].due;
        assert_eq!(due, stage.now() + TimeDelta::days(5));
        stage.later(TimeDelta::days(5));
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 1);
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Closed);
    });
}

#[test]
fn the_policy_sets_the_effect_of_a_message_on_a_resolved_ticket() {
    on_each_store(|stage| {
        let effects =
            |effect: OnResolved| Policy::new().standing(Standing::Requester, |rule| rule.resolved = effect);
        let incidents = Condition::field("kind").is("incident");
        let cases = [
            (effects(OnResolved::Reopen), StateKind::Active, 0),
            (effects(OnResolved::Nothing), StateKind::Resolved, 1),
            (effects(OnResolved::StopClosing), StateKind::Resolved, 0),
            (effects(OnResolved::ReopenIf(incidents.clone())), StateKind::Resolved, 0),
            (effects(OnResolved::ReopenIf(!incidents)), StateKind::Active, 0),
        ];
        for (policy, state, timers) in cases {
            stage.desk.setup().adopt(&policy).unwrap();
            let id = stage.opened_and([Action::resolve("unmuted")]);
            let reopen = stage.desk.ticket(id).unwrap().why_not_by(&Action::reopen(), &boris());
            assert_eq!(reopen.is_none(), state == StateKind::Active, "the step follows the same rule");
            stage.desk.act(id, Action::reply("Still nothing."), boris()).unwrap();
            let ticket = stage.ticket(id);
            assert_eq!((ticket.state.kind(), ticket.timers().len()), (state, timers), "{policy:?}");
        }
    });
}

/// A ticket's handle uses the policy in force.
#[test]
fn a_changed_cell_applies_to_every_method() {
    on_each_store(|stage| {
        let id = ticket_in(stage, 4);
        let clara = Actor::contact("clara");
        let may_confirm =
            |stage: &Stage| stage.desk.ticket(id).unwrap().why_not_by(&Action::confirm(), &clara).is_none();
        assert!(!may_confirm(stage));
        let policy = Policy::new()
            .standing(Standing::Cc, |rule| rule.decides = true)
            .standing(Standing::Affected, |rule| rule.writes = false)
            .standing(Standing::Outsider, |rule| rule.writes = true);
        stage.desk.setup().adopt(&policy).unwrap();
        assert!(may_confirm(stage));
        assert_eq!(stage.desk.receive(message("affected")).unwrap().arrival(), Some(Arrival::OwnTicket));
        let error = stage.refuses(id, |desk| desk.act(id, Action::reply("x"), Actor::contact("dora")));
        assert!(
            error.to_string().contains("the requester, contacts in copy, outsiders, agents and programs"),
            "{error}"
        );
        let outside = stage.desk.receive(message("outsider")).unwrap();
        assert_eq!(outside.arrival(), Some(Arrival::AttachedFromOutside));
        stage.desk.act(id, Action::confirm(), &clara).unwrap();
    });
}

#[test]
fn the_table_survives_files_and_is_checked() {
    let policy = Policy::new().standing(Standing::Cc, |rule| rule.resolved = OnResolved::Reopen).standing(
        Standing::Requester,
        |rule| {
            rule.resolved = OnResolved::ReopenIf(Condition::field("kind").is("incident"));
        },
    );
    let json = serde_json::to_string(&policy).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), policy);
    let toml = toml::to_string(&policy).unwrap();
    assert_eq!(toml::from_str::<Policy>(&toml).unwrap(), policy);
    assert!(!serde_json::to_string(&Policy::new()).unwrap().contains("standing"), "defaults are not written");
    for (wrong, why) in [
        (r#"{"standing": {"requestor": {}}}"#, "did you mean \"requester\"?"),
        (r#"{"standing": {"cc": {"answer": true}}}"#, "answer"),
    ] {
        let error = serde_json::from_str::<Policy>(wrong).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    let machine = Policy::new().standing(Standing::Machine, |rule| rule.answers = true);
    assert!(machine.check().unwrap_err().to_string().contains("a message of a machine has no effect"));
    let misspelt = OnResolved::ReopenIf(Condition::field("knd").is("incident"));
    let misspelt = Policy::new().standing(Standing::Cc, |rule| rule.resolved = misspelt);
    assert!(misspelt.check().unwrap_err().to_string().contains("knd"));
}

//! Messages: they go to the ticket of their thread and may change its state.

use firstline::definition::Fingerprint;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::store::Commit;
use firstline::ticket::event::Cause;
use firstline::ticket::kind::Link;
use firstline::workflow::Workflow;
use firstline::{
    Action, Actor, Change, Condition, Contact, ContactRole, HoldReason, InboundMessage, Line, LinkKind,
    Machine, Matrix, Modifier, NewTicket, Policy, Priority, StateKind, TicketId, TimeDelta, Value,
};

use super::stage::{AnyStore, Stage, anna, boris, on_each_store};

fn message(text: &str) -> InboundMessage {
    InboundMessage::new(text).subject("No sound").from("boris").thread("chat-9")
}

fn conversation(stage: &Stage, actions: impl IntoIterator<Item = Action>) -> TicketId {
    let id = stage.desk.receive(message("I hear nothing.")).unwrap().ticket.id();
    actions.into_iter().for_each(|action| stage.does(id, action));
    id
}

#[test]
fn messages_of_one_thread_go_to_one_ticket() {
    on_each_store(|stage| {
        let id = conversation(stage, []);
        for n in 2..=5 {
            let receipt = stage.desk.receive(message("Hello?")).unwrap();
            assert_eq!(
                (receipt.ticket.id(), receipt.opened(), receipt.ticket.messages_received),
                (id, false, n)
            );
        }
        let other = InboundMessage::new("Hello?").from("boris").thread("chat-10");
        let other = stage.desk.receive(other).unwrap();
        assert!(other.opened() && other.ticket.id() != id);
        let without = InboundMessage::new("Hello?").from("boris");
        assert!(stage.desk.receive(without.clone()).unwrap().opened());
        assert!(stage.desk.receive(without).unwrap().opened(), "without a thread, a new ticket is opened");
    });
}

#[test]
fn opening_a_ticket_in_the_thread_of_another_is_refused() {
    on_each_store(|stage| {
        let id = conversation(stage, []);
        let error = stage
            .refuses(id, |desk| desk.open_ticket(NewTicket::new("No sound").from("boris").thread("chat-9")));
        let expected = "thread chat-9 already belongs to another ticket; \
             allowed: `receive`, which continues that ticket or opens a follow-up, or another thread";
        assert_eq!(error.to_string(), expected);
        // The refused request took no running number.
        assert_eq!(stage.ticket(stage.open()).number.value, 2);
    });
}

#[test]
fn a_message_of_the_requester_reopens_a_resolved_ticket() {
    on_each_store(|stage| {
        let id = conversation(stage, [Action::resolve("unmuted")]);
        let receipt = stage.desk.receive(message("Still nothing.")).unwrap();
        assert!(!receipt.opened());
        assert!(matches!(receipt.events[0].change, Change::Received(_)));
        assert!(matches!(receipt.events[1].change, Change::StateChanged { cause: Cause::Message, .. }));
        let ticket = stage.ticket(id);
        assert_eq!((ticket.state.kind(), ticket.reopens), (StateKind::Active, 1));
        assert!(ticket.timers().is_empty(), "silence no longer closes it");
    });
}

#[test]
fn a_message_of_the_requester_ends_only_a_wait_for_the_customer() {
    on_each_store(|stage| {
        let own = HoldReason::Custom("parcel".to_owned());
        let cases = [
            (HoldReason::Customer, StateKind::Active),
            (HoldReason::ThirdParty, StateKind::OnHold),
            (HoldReason::Problem, StateKind::OnHold),
            (HoldReason::Scheduled, StateKind::OnHold),
            (own, StateKind::OnHold),
            // A custom reason with the name of a predefined one is the predefined one.
            (HoldReason::Custom("customer".to_owned()), StateKind::Active),
        ];
        for (reason, expected) in cases {
            let id = stage.opened_and([Action::hold(reason.clone())]);
            stage.desk.act(id, Action::reply("Here is the picture."), boris()).unwrap();
            let ticket = stage.ticket(id);
            assert_eq!((ticket.state.kind(), ticket.reopens), (expected, 0), "{reason}");
        }
    });
}

#[test]
fn messages_of_the_desk_do_not_reopen() {
    on_each_store(|stage| {
        let speakers = [anna(), Actor::automation("bot")];
        for state in [Action::resolve("unmuted"), Action::hold(HoldReason::Customer)] {
            for by in &speakers {
                let id = stage.opened_and([state.clone()]);
                stage.desk.act(id, Action::reply("By the way"), by).unwrap();
                assert!(matches!(stage.ticket(id).state.kind(), StateKind::Resolved | StateKind::OnHold));
            }
        }
    });
}

#[test]
fn a_message_with_a_confirmation_closes_the_ticket() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::resolve("unmuted")]);
        let thanks = Action::reply("Thank you!").and(Action::confirm());
        let receipt = stage.desk.act(id, thanks, boris()).unwrap();
        assert_eq!(receipt.events.len(), 2, "{:?}", receipt.events);
        let ticket = stage.ticket(id);
        assert_eq!(
            (ticket.state.kind(), ticket.reopens, ticket.messages_received),
            (StateKind::Closed, 0, 2)
        );
    });
}

#[test]
fn a_message_with_a_step_causes_only_that_step() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::resolve("unmuted")]);
        let angry = Action::reply("No!").and(Action::reopen().comment("it is not"));
        let receipt = stage.desk.act(id, angry, boris()).unwrap();
        assert_eq!((receipt.events.len(), receipt.ticket.reopens), (2, 1));
    });
}

/// A request taken by telephone: the agent opens the ticket, the customer is the requester.
#[test]
fn an_agent_may_register_a_request_for_the_requester() {
    on_each_store(|stage| {
        let request = NewTicket::new("No sound").from("boris").by(anna()).message("He hears nothing.");
        let ticket = stage.desk.open_ticket(request).unwrap();
        assert_eq!(ticket.requester().unwrap().as_str(), "boris");
        assert_eq!(ticket.messages_received, 0, "no contact wrote it");
        assert_eq!(stage.history(ticket.id())[0].by, anna());
    });
}

/// Regression: the second mention of a person silently replaced the first, so a requester who was
/// also named as affected was no requester any more.
#[test]
fn a_person_named_twice_in_one_request_is_refused() {
    on_each_store(|stage| {
        let request = NewTicket::new("No sound").from("boris").contact("boris", ContactRole::Affected);
        let error = stage.desk.open_ticket(request).unwrap_err();
        assert_eq!(
            error.to_string(),
            "contact boris is named more than once; allowed: each person once, as requester, affected or cc"
        );
        let request = NewTicket::new("No sound").from("boris").from("anna");
        let error = stage.desk.open_ticket(request).unwrap_err();
        assert!(error.to_string().starts_with("requester is named more than once"), "{error}");
    });
}

#[test]
fn a_message_updates_its_contact() {
    on_each_store(|stage| {
        let vip = Modifier::new("VIP", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
        let matrix = Matrix::itil().to_definition().modifier(vip).build().unwrap();
        stage.desk.setup().adopt(&Policy::new().matrix(matrix)).unwrap();
        let id = conversation(stage, []);
        assert_eq!(stage.ticket(id).priority(), Priority::P3);
        let from = Contact::new("boris").named("Борис").attribute("vip", true);
        let again = InboundMessage::new("Hello?").subject("No sound").from(from).thread("chat-9");
        let receipt = stage.desk.receive(again.clone()).unwrap();
        assert_eq!(receipt.events[0].by.attributes["vip"], Value::from(true), "a snapshot is in the event");
        let ticket = stage.ticket(id);
        assert_eq!(ticket.priority(), Priority::P2);
        assert_eq!(ticket.personal.person(&"boris".into()).unwrap().name.as_deref(), Some("Борис"));
        assert_eq!(stage.desk.receive(again).unwrap().events.len(), 1, "a known contact adds no event");
    });
}

#[test]
fn a_follow_up_copies_the_data_of_the_finished_ticket() {
    on_each_store(|stage| {
        stage
            .desk
            .setup()
            .adopt(&Policy::new().field("order", FieldType::Integer).field("note", FieldType::Text))
            .unwrap();
        let described =
            Action::field("order", 4711).and(Action::field("note", "grey")).and(Action::category(["sound"]));
        let handed = Action::hand_over("devices", Line::Second, "the driver, probably");
        let id = conversation(stage, [described, handed, Action::resolve("unmuted")]);
        stage.desk.act(id, Action::confirm(), Actor::contact("boris")).unwrap();
        let opens = NewTicket::new("").category(["noise"]);
        let receipt = stage.desk.receive(message("Again!").opens(opens)).unwrap();
        assert!(receipt.opened());
        let next = stage.ticket(receipt.ticket.id());
        assert_eq!((next.team.as_ref().unwrap().as_str(), next.line), ("devices", Line::Second));
        assert_eq!(next.field("order"), Some(&Value::from(4711)));
        assert_eq!(next.personal.field("note"), Some(&Value::from("grey")));
        assert_eq!(next.category, ["noise"], "the message's own data takes precedence");
    });
}

/// Regression: the first open ticket of a thread key decided, even if the sender had no part in it, so that an answer
/// to the sender's own ticket opened a ticket of its own.
#[test]
fn a_message_with_threads_of_several_tickets_goes_to_one_that_its_sender_takes_part_in() {
    on_each_store(|stage| {
        let opened = |sender: &str, thread: &str| {
            let mail = InboundMessage::new("x").from(sender).cc(format!("{sender}'s cc")).thread(thread);
            stage.desk.receive(mail).unwrap().ticket.id()
        };
        let (closed, of_boris, of_eve) = (opened("boris", "c"), opened("boris", "b"), opened("eve", "e"));
        stage.does(closed, Action::cancel());
        let mail = |sender: &str, threads: [&str; 3]| {
            threads.iter().fold(InboundMessage::new("x").from(sender), |mail, thread| mail.thread(*thread))
        };
        let orders = [
            ["e", "b", "c"],
            ["e", "c", "b"],
            ["c", "e", "b"],
            ["b", "e", "c"],
            ["c", "b", "e"],
            ["b", "c", "e"],
        ];
        for order in orders {
            for (sender, expected) in
                [("boris", of_boris), ("boris's cc", of_boris), ("eve", of_eve), ("eve's cc", of_eve)]
            {
                let place = format!("{sender} {order:?}");
                let receipt = stage.desk.receive(mail(sender, order)).unwrap();
                assert_eq!((receipt.ticket.id(), receipt.opened()), (expected, false), "{place}");
                // A proof is worth less than a part in the ticket, and a machine reports to the ticket of its person.
                let receipt = stage.desk.receive(mail(sender, order).with_proof()).unwrap();
                assert_eq!(receipt.ticket.id(), expected, "{place} with proof");
                let notice = mail(sender, order).written_by(Machine::AutoReply);
                assert_eq!(stage.desk.receive(notice).unwrap().ticket.id(), expected, "{place} by a machine");
            }
            // Somebody without a part in any of them gets one ticket of their own.
            let own = stage.desk.receive(mail("mallory", order)).unwrap().ticket.id();
            assert!(![closed, of_boris, of_eve].contains(&own));
            assert_eq!(stage.desk.receive(mail("mallory", ["b", "c", "e"])).unwrap().ticket.id(), own);
        }
        // The requester of a finished ticket gets a follow-up of that one, not of a stranger's open ticket.
        stage.does(of_boris, Action::cancel());
        let next = stage.desk.receive(mail("boris", ["e", "b", "b"])).unwrap();
        let follows = |link: &Link| link.kind == LinkKind::FollowUpOf && link.to == of_boris;
        assert!(next.opened() && next.ticket.links.iter().any(follows), "{:?}", next.ticket.links);
        assert_eq!(stage.desk.receive(mail("boris", ["e", "b", "b"])).unwrap().ticket.id(), next.ticket.id());
    });
}

/// The choice among the tickets of several threads is the same, whether a tick has closed one of them or not.
#[test]
fn the_ticket_of_a_message_does_not_depend_on_ticks() {
    for ticks in [false, true] {
        on_each_store(|stage| {
            let opened = |thread: &str| {
                let mail = InboundMessage::new("x").from("boris").thread(thread);
                stage.desk.receive(mail).unwrap().ticket.id()
            };
            let (silent, open) = (opened("a"), opened("b"));
            stage.does(silent, Action::resolve("done"));
            stage.later(TimeDelta::days(30));
            if ticks {
                assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 1);
            }
            let mail = InboundMessage::new("x").from("boris").thread("a").thread("b");
            assert_eq!(stage.desk.receive(mail).unwrap().ticket.id(), open, "{} {ticks}", stage.name);
        });
    }
}

/// Regression: every ticket of the threads was prepared for the message, so one with lost data refused each mail that
/// named it, although the mail belonged to another ticket.
#[test]
fn a_mail_is_not_refused_because_of_another_ticket_of_its_threads() {
    fn lose_workflow(commit: &mut Commit) {
        let lost = |snapshot: &mut firstline::Snapshot| {
            let placement = snapshot.placement.as_mut().unwrap();
            placement.workflow.hash = Fingerprint::of("lost");
        };
        let damaged = commit.tickets_mut().filter(|write| write.snapshot.subject() == "damaged");
        damaged.for_each(|write| lost(&mut write.snapshot));
    }
    let stage = Stage::new("memory", AnyStore::Faulty(Memory::new(), lose_workflow));
    let questions = Workflow::from_json(
        r#"{
            "name": "questions", "kinds": ["question"],
            "statuses": [
                {"name": "Asked", "state": "new"}, {"name": "Open", "state": "active"},
                {"name": "Answered", "state": "resolved"}, {"name": "Done", "state": "closed"}
            ],
            "transitions": [
                {"from": "Asked", "action": "start", "to": "Open"},
                {"from": "Open", "action": "resolve", "to": "Answered"},
                {"from": "Answered", "action": "reopen", "to": "Open"},
                {"from": "Answered", "action": "confirm", "to": "Done"},
                {"from": "Answered", "action": "close", "to": "Done"}
            ]
        }"#,
    );
    stage.desk.setup().adopt(&Policy::new().workflow(&questions.unwrap())).unwrap();
    let opened = |sender: &str, subject: &str, thread: &str| {
        let mail = InboundMessage::new("x").from(sender).subject(subject).thread(thread);
        stage.desk.receive(mail).unwrap().ticket.id()
    };
    opened("eve", "damaged", "a");
    let (own, right) = (opened("boris", "damaged", "b"), opened("boris", "x", "c"));
    assert!(stage.desk.act(own, Action::note("x"), anna()).is_err(), "its workflow is lost");
    let mail = |threads: &[&str]| {
        threads.iter().fold(InboundMessage::new("x").from("boris"), |mail, thread| mail.thread(*thread))
    };
    for threads in [["c", "a"], ["a", "c"], ["c", "b"], ["b", "c"]] {
        let receipt =
            stage.desk.receive(mail(&threads)).unwrap_or_else(|error| panic!("{threads:?}: {error}"));
        assert_eq!(receipt.ticket.id(), right, "{threads:?}");
    }
    // The damage is reported if no other ticket is left.
    for threads in [&["b"][..], &["a", "b"]] {
        let error = stage.desk.receive(mail(threads)).unwrap_err();
        assert_eq!(error.kind(), firstline::ErrorKind::Corrupt, "{error}");
    }
}

//! One person's conversation goes on in one open ticket, by whichever of its keys a message comes.

use firstline::desk::Arrival;
use firstline::ticket::event::MessagePart;
use firstline::ticket::personal::Owner;
use firstline::{Action, Actor, Change, Contact, ContactRole, InboundMessage, LinkKind, Machine, TicketId};

use super::stage::{Stage, on_each_store};

/// Receives a message of this person with these keys.
fn say(stage: &Stage, who: &str, keys: &[&str]) -> (TicketId, Option<Arrival>) {
    let mail = keys.iter().fold(InboundMessage::new("text").from(who), |mail, key| mail.thread(*key));
    let receipt = stage.desk.receive(mail).unwrap();
    (receipt.ticket.id(), receipt.arrival())
}

fn close(stage: &Stage, id: TicketId) {
    stage.does(id, Action::resolve("answered").and(Action::close()));
}

/// The ticket that this one follows up.
fn followed(stage: &Stage, id: TicketId) -> Option<TicketId> {
    stage.links(id).iter().find(|link| link.kind == LinkKind::FollowUpOf).map(|link| link.to)
}

#[test]
fn a_strangers_conversation_goes_on_in_one_follow_up() {
    on_each_store(|stage| {
        say(stage, "boris", &["k"]);
        let (own, arrival) = say(stage, "eve", &["k", "e1"]);
        assert_eq!(arrival, Some(Arrival::OwnTicket));
        close(stage, own);
        let (second, arrival) = say(stage, "eve", &["e1"]);
        assert_eq!((arrival, followed(stage, second)), (Some(Arrival::FollowUp), Some(own)));
        for key in ["k", "e1", "k"] {
            assert_eq!(say(stage, "eve", &[key]), (second, Some(Arrival::Attached)), "{key}");
        }
        // The next follow-up continues the newest one, so the conversation never splits.
        close(stage, second);
        let (third, arrival) = say(stage, "eve", &["k"]);
        assert_eq!((arrival, followed(stage, third)), (Some(Arrival::FollowUp), Some(second)));
        for key in ["e1", "k"] {
            assert_eq!(say(stage, "eve", &[key]), (third, Some(Arrival::Attached)), "{key}");
        }
    });
}

/// Regression: a message by the first key of a long conversation was refused after too many reads.
#[test]
fn a_message_by_the_first_key_of_a_long_conversation_is_received() {
    on_each_store(|stage| {
        for (conversation, length) in [("a", 10), ("b", 60)] {
            let key = |n: usize| format!("{conversation}{n}");
            let (mut last, _) = say(stage, "boris", &[&key(0)]);
            for n in 1..length {
                close(stage, last);
                let (next, arrival) = say(stage, "boris", &[&key(n - 1), &key(n)]);
                assert_eq!((arrival, followed(stage, next)), (Some(Arrival::FollowUp), Some(last)));
                last = next;
            }
            let (found, _) = say(stage, "boris", &[&key(0)]);
            // The search ends after 12 follow-ups. From there the conversation goes on in another ticket.
            assert_eq!(found == last, length == 10);
            assert_eq!(say(stage, "boris", &[&key(0)]), (found, Some(Arrival::Attached)));
        }
    });
}

#[test]
fn a_requesters_conversation_goes_on_in_the_newest_follow_up_of_every_key() {
    on_each_store(|stage| {
        let (first, _) = say(stage, "boris", &["a", "b", "c"]);
        close(stage, first);
        let (second, _) = say(stage, "boris", &["a"]);
        assert_eq!(say(stage, "boris", &["b"]).0, second);
        close(stage, second);
        let (third, _) = say(stage, "boris", &["a"]);
        assert_eq!(followed(stage, third), Some(second));
        for key in ["a", "b", "c"] {
            assert_eq!(say(stage, "boris", &[key]), (third, Some(Arrival::Attached)), "{key}");
        }
        close(stage, third);
        let (fourth, _) = say(stage, "boris", &["c"]);
        assert_eq!(followed(stage, fourth), Some(third));
        for key in ["a", "b", "c"] {
            assert_eq!(say(stage, "boris", &[key]), (fourth, Some(Arrival::Attached)), "{key}");
        }
    });
}

#[test]
fn the_thread_of_another_is_not_taken_over_by_the_follow_ups_of_a_contact_in_copy() {
    on_each_store(|stage| {
        let (first, _) = say(stage, "boris", &["k"]);
        stage.does(first, Action::Contact { contact: Contact::new("carol"), role: ContactRole::Cc });
        close(stage, first);
        let (hers, _) = say(stage, "carol", &["k"]);
        assert_eq!(say(stage, "carol", &["k"]), (hers, Some(Arrival::Attached)));
        close(stage, hers);
        let (next, _) = say(stage, "carol", &["k"]);
        assert_eq!(followed(stage, next), Some(hers));
        assert_eq!(say(stage, "carol", &["k"]), (next, Some(Arrival::Attached)));
        let (his, _) = say(stage, "boris", &["k"]);
        assert_eq!(followed(stage, his), Some(first));
    });
}

#[test]
fn a_strangers_ticket_is_found_by_every_thread_that_a_message_named() {
    on_each_store(|stage| {
        say(stage, "boris", &["k"]);
        say(stage, "clara", &["m"]);
        let (own, _) = say(stage, "eve", &["k"]);
        assert_eq!(say(stage, "eve", &["k", "m"]), (own, Some(Arrival::Attached)));
        assert_eq!(say(stage, "eve", &["m"]), (own, Some(Arrival::Attached)));
    });
}

#[test]
fn what_a_message_says_of_a_sender_who_becomes_no_contact_is_kept_with_it() {
    on_each_store(|stage| {
        let (id, _) = say(stage, "boris", &["k"]);
        let before = stage.ticket(id);
        let eve = Contact::new("eve").named("Eve Adams").email("eve@x.example").phone("+1");
        let cases = [
            InboundMessage::new("y").from(eve.clone()).with_proof(),
            InboundMessage::new("z").from(eve.clone()).written_by(Machine::Bounce),
        ];
        for mail in cases {
            let receipt = stage.desk.receive(mail.thread("k")).unwrap();
            assert_eq!(receipt.ticket.id(), id);
            let words = receipt.events[0].personal.words(&Owner::Contact("eve".into())).unwrap();
            let kept = (words.name.as_deref(), words.email.as_deref(), words.phone.as_deref());
            assert_eq!(kept, (Some("Eve Adams"), Some("eve@x.example"), Some("+1")));
            assert!(words.text.is_some());
        }
        // The ticket itself says nothing of her.
        let after = stage.ticket(id);
        assert_eq!((&after.contacts, &after.personal), (&before.contacts, &before.personal));
        assert_eq!(firstline::Snapshot::fold(&stage.history(id)).unwrap(), after);
    });
}

#[test]
fn a_member_of_a_group_chat_for_whom_a_ticket_has_no_room_is_counted() {
    on_each_store(|stage| {
        let chat = InboundMessage::new("x").from("boris").thread("g").group_chat();
        let chat = (0..199).fold(chat, |chat, n| chat.to(format!("c{n}").as_str()));
        let id = stage.desk.receive(chat).unwrap().ticket.id();
        let late = Contact::new("late").named("Late Larry");
        let late = InboundMessage::new("z").from(late).thread("g").group_chat();
        let receipt = stage.desk.receive(late).unwrap();
        assert_eq!(receipt.ticket.id(), id);
        assert!(!receipt.ticket.contacts.contains_key(&"late".into()));
        let Change::Received(arrived) = &receipt.events[0].change else { panic!("{:?}", receipt.events) };
        assert_eq!(arrived.left_out.get(&MessagePart::Senders), Some(&1));
        assert_eq!(receipt.events[0].by, Actor::contact("late"));
        let words = receipt.events[0].personal.words(&Owner::Contact("late".into())).unwrap();
        assert_eq!(words.name.as_deref(), Some("Late Larry"));
    });
}

#[test]
fn the_proof_of_a_member_of_a_group_chat_permits_what_it_permits_a_stranger() {
    use firstline::Policy;
    use firstline::policy::Standing;
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().standing(Standing::Cc, |rule| rule.writes = false)).unwrap();
        let (id, _) = say(stage, "boris", &["k"]);
        let mail = InboundMessage::new("y").from("eve").thread("k").with_proof();
        assert_eq!(stage.desk.receive(mail.clone()).unwrap().ticket.id(), id);
        assert_eq!(stage.desk.receive(mail.group_chat()).unwrap().ticket.id(), id);
    });
}

//! No mail is lost because it is odd: a part that a ticket cannot hold is mended or left out, and the event says so.

use firstline::desk::Arrival;
use firstline::policy::FieldType;
use firstline::{
    Action, Attributes, Channel, Contact, ContactRole, Event, InboundMessage, Kind, Machine, Message,
    NewTicket, Policy, Snapshot, ThreadKey, TicketId, Value,
};
use proptest::prelude::*;
use serde_json::json;

use super::soak;
use super::stage::{AnyStore, Stage, anna, on_each_store};

fn left_out(event: &Event) -> serde_json::Value {
    serde_json::to_value(event).unwrap()["change"]["left_out"].clone()
}

fn last(stage: &Stage, id: TicketId) -> Event {
    stage.history(id).pop().unwrap()
}

fn many(mut mail: InboundMessage, files: usize) -> InboundMessage {
    let file = |message: Message, n| message.attach(format!("{n}.png"), "image/png", 1, format!("key-{n}"));
    if files > 0 {
        mail = InboundMessage::new((0..files).fold(Message::new("See."), file)).from("boris");
    }
    let mail = (0..300).fold(mail, |mail, n| mail.cc(format!("c-{n}")).thread(format!("<{n}@c>")));
    mail.thread("<own@c>")
}

/// Regression: a mail with more than 200 files, recipients or thread keys was refused.
#[test]
fn a_mail_with_more_parts_than_a_ticket_holds_is_received() {
    on_each_store(|stage| {
        let mail = || many(InboundMessage::new("x"), 300);
        let opened = stage.desk.receive(mail()).unwrap();
        let id = opened.ticket.id();
        assert_eq!(opened.ticket.contacts.len(), 200);
        assert_eq!(
            left_out(&opened.events[0]),
            json!({"files": 100, "recipients": 101, "thread_keys": 101}),
            "{}",
            stage.name
        );
        let words = opened.events[0].to_string();
        assert!(words.ends_with(" (left out: 100 files, 101 recipients, 101 thread keys)"), "{words}");
        // The mail's own id comes last, and an answer to it finds the ticket.
        let answer = InboundMessage::new("x").from("boris").thread("<own@c>");
        assert_eq!(stage.desk.receive(answer).unwrap().ticket.id(), id);
        let again = stage.desk.receive(mail()).unwrap();
        assert_eq!(again.ticket.id(), id);
        assert_eq!(left_out(&again.events[0]), json!({"files": 100, "recipients": 100, "thread_keys": 101}));
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
    });
}

/// Regression: a described contact who was also a recipient was lost if the ticket had no room for all recipients.
#[test]
fn a_described_contact_is_kept_although_the_recipients_are_too_many() {
    on_each_store(|stage| {
        let mail = (0..199).fold(InboundMessage::new("x").from("boris"), |mail, n| mail.cc(format!("c-{n}")));
        let described = NewTicket::new("x").contact("eva", ContactRole::Affected);
        let described =
            described.contact("c-0", ContactRole::Affected).contact("ivan", ContactRole::Affected);
        let opened = stage.desk.receive(mail.cc("eva").opens(described)).unwrap();
        let contacts = &opened.ticket.contacts;
        assert_eq!(contacts.len(), 200, "{}", stage.name);
        for (contact, role) in [
            ("boris", ContactRole::Requester),
            ("eva", ContactRole::Cc),
            ("c-0", ContactRole::Cc),
            ("ivan", ContactRole::Affected),
        ] {
            assert_eq!(contacts.get(&contact.into()), Some(&role), "{contact}");
        }
        assert_eq!(left_out(&opened.events[0]), json!({"recipients": 2}));
    });
}

/// Regression: a long Message-ID, and one with a tab, was refused.
#[test]
fn a_long_or_broken_message_id_leads_to_its_ticket() {
    on_each_store(|stage| {
        let long = |end: &str| format!("<{}{end}@mail.example>", "a".repeat(5_000));
        for (n, id) in
            [long("1"), long("2"), "<a\tb@c>".to_owned(), "<a\r\n b@c>".to_owned(), "<a\0b@c>".to_owned()]
                .into_iter()
                .enumerate()
        {
            let mail = || InboundMessage::new("x").from("boris").thread(id.as_str());
            let ticket = stage.desk.receive(mail()).unwrap();
            assert!(ticket.opened(), "{n}: another id is another thread");
            let ticket = ticket.ticket.id();
            assert_eq!(stage.desk.receive(mail()).unwrap().ticket.id(), ticket);
            assert_eq!(stage.desk.ticket(ThreadKey::from(id.as_str())).unwrap().id(), ticket);
            assert_eq!(left_out(&last(stage, ticket)), serde_json::Value::Null);
            // The other ways in, too.
            let reply = format!("{id} of the desk");
            stage.does(ticket, Action::thread(reply.as_str()));
            let answer = InboundMessage::new("x").from("boris").thread(reply);
            assert_eq!(stage.desk.receive(answer).unwrap().ticket.id(), ticket);
            let form = format!("{id} of a form");
            let opened =
                stage.desk.open_ticket(NewTicket::new("x").from("boris").thread(form.as_str())).unwrap().id();
            let answer = InboundMessage::new("x").from("boris").thread(form);
            assert_eq!(stage.desk.receive(answer).unwrap().ticket.id(), opened);
        }
        // A key without a visible character names no thread.
        let mail = || InboundMessage::new("x").from("boris").thread("").thread(" \u{200b}").thread("<z@c>");
        let receipt = stage.desk.receive(mail()).unwrap();
        assert_eq!(left_out(&receipt.events[0]), json!({"thread_keys": 2}));
        assert_eq!(stage.desk.receive(mail()).unwrap().ticket.id(), receipt.ticket.id());
    });
}

/// Regression: NUL in the attributes of a contact was refused, and so was an id that no ticket can hold.
#[test]
fn odd_people_do_not_stop_a_mail() {
    on_each_store(|stage| {
        let odd =
            Contact::new("boris").attribute("city", "Bad\0Ems\u{1b}").attribute("a\tb", 1).attribute(" ", 2);
        let odd = odd.without("x\0y").without("");
        let mail = |from: Contact| {
            InboundMessage::new("x").from(from).cc("a\0b").cc("").cc("c".repeat(2_000)).cc("eva")
        };
        let receipt = stage.desk.receive(mail(odd)).unwrap();
        let attributes = receipt.ticket.attributes.get(&"boris".into()).cloned().unwrap_or_default();
        let expected: Attributes =
            [("a b".to_owned(), Value::from(1)), ("city".to_owned(), Value::from("Bad\u{fffd}Ems\u{1b}"))]
                .into();
        assert_eq!(attributes, expected);
        assert_eq!(left_out(&receipt.events[0]), json!({"recipients": 3, "attributes": 2}));
        // A sender without a usable id is somebody unknown.
        let receipt = stage.desk.receive(mail(Contact::new("b".repeat(2_000)).named("Boris"))).unwrap();
        assert_eq!(left_out(&receipt.events[0]), json!({"recipients": 3, "senders": 1}));
        assert!(receipt.ticket.requester().is_none() && receipt.events[0].by.who == firstline::Who::Unknown);
    });
}

/// A host may build the lists of files and of their names in two steps.
#[test]
fn files_and_names_that_do_not_match_are_received() {
    on_each_store(|stage| {
        for names in [vec![], vec!["a.png".to_owned(), "b.png".to_owned()]] {
            let mut message = Message::new("x").attach("a.png", "image/png", 1, "key");
            message.file_names = names.clone();
            let receipt = stage.desk.receive(InboundMessage::new(message).from("boris")).unwrap();
            let expected = if names.is_empty() { "file-1" } else { "a.png" };
            assert_eq!(receipt.events[0].personal.files(), [expected]);
        }
    });
}

/// Regression: the follow-up of a finished ticket was refused, and the mail with it, if the policy no longer had the
/// ticket's kind or the attributes of its contacts, or if its contacts and tags and those of the mail were too many.
#[test]
fn a_follow_up_takes_over_only_what_the_policy_and_the_limits_allow() {
    on_each_store(|stage| {
        let known = Contact::new("boris").named("Boris").attribute("plan", "gold");
        let opens =
            (0..200).fold(NewTicket::new("").kind(Kind::from("claim")), |it, n| it.tag(format!("t{n}")));
        let mail =
            (0..190).fold(InboundMessage::new("x").from(known).thread("m1"), |it, n| it.cc(format!("c{n}")));
        let id = stage.desk.receive(mail.opens(opens)).unwrap().ticket.id();
        stage.does(id, Action::cancel());
        let policy = Policy::new().kinds(["complaint"]).contact_attribute("vip", FieldType::Bool);
        stage.desk.setup().adopt(&policy).unwrap();
        let mail =
            (0..60).fold(InboundMessage::new("x").from("boris").thread("m1"), |it, n| it.cc(format!("d{n}")));
        let next = stage.desk.receive(mail.opens(NewTicket::new("").tag("new"))).unwrap();
        assert_eq!(next.arrival(), Some(Arrival::FollowUp));
        let ticket = next.ticket;
        assert_eq!(
            (ticket.contacts.len(), ticket.tags.len(), ticket.kind.clone()),
            (200, 200, Kind::Question)
        );
        assert!(ticket.contacts.contains_key(&"d59".into()) && ticket.tags.contains("new"));
        assert!(ticket.attributes.is_empty());
        let name = ticket.personal.person(&"boris".into()).and_then(|it| it.name.clone());
        assert_eq!(name.as_deref(), Some("Boris"));
    });
}

fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(String::new()),
        4 => "[a-c]{1,3}",
        2 => proptest::collection::vec(any::<char>(), 0..20).prop_map(|it| it.into_iter().collect()),
        2 => proptest::collection::vec(
            prop_oneof![Just('\0'), Just('\t'), Just('\n'), Just('\u{2028}'), Just('\u{202e}'), Just('\u{200b}'), Just('x')],
            0..6,
        ).prop_map(|it| it.into_iter().collect()),
        1 => (1..2_000_usize, any::<char>()).prop_map(|(count, c)| c.to_string().repeat(count)),
    ]
}

fn odd_contact() -> impl Strategy<Value = Contact> {
    let texts = proptest::collection::vec(odd_text(), 6);
    let attributes = proptest::collection::btree_map(odd_text(), odd_text(), 0..4);
    (texts, attributes, 0..250_usize).prop_map(|(texts, attributes, more)| {
        let mut contact = Contact::new(texts[0].as_str());
        if texts[4].len() > 2 {
            contact = contact.named(texts[1].as_str()).email(texts[2].as_str()).phone(texts[3].as_str());
        }
        contact = attributes.into_iter().fold(contact, |it, (name, value)| it.attribute(name, value));
        if more > 240 {
            contact = (0..more).fold(contact, |it, n| it.attribute(n.to_string(), 1));
        }
        contact.without(texts[5].as_str())
    })
}

fn odd_mail() -> impl Strategy<Value = InboundMessage> {
    let texts = proptest::collection::vec(odd_text(), 3);
    let keys = proptest::collection::vec(odd_text(), 0..4);
    let files = proptest::collection::vec((odd_text(), odd_text()), 0..3);
    let people = proptest::collection::vec(odd_contact(), 0..4);
    let counts = (0..20_usize, any::<bool>(), any::<bool>(), any::<bool>());
    (texts, keys, files, people, counts).prop_map(
        |(texts, keys, files, people, (size, group, proof, machine))| {
            let attach =
                |message: Message, (name, media): (String, String)| message.attach(name, media, 1, "key");
            let message = files.into_iter().fold(Message::new(texts[0].as_str()), attach);
            let mut mail = InboundMessage::new(message).subject(texts[1].as_str());
            if !texts[2].is_empty() {
                mail = mail.channel(Channel::from(texts[2].as_str()));
            }
            mail = keys.into_iter().fold(mail, InboundMessage::thread);
            for (n, person) in people.into_iter().enumerate() {
                mail = if n == 0 { mail.from(person) } else { mail.cc(person) };
            }
            if size == 19 {
                mail = (0..300).fold(mail, |mail, n| mail.cc(format!("c{n}")).thread(format!("t{n}")));
            }
            mail = if group { mail.group_chat() } else { mail };
            mail = if proof { mail.with_proof() } else { mail };
            if machine { mail.written_by(Machine::Bounce) } else { mail }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: soak::cases(100), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a sender writes, each mail gets into a ticket, and is not lost again in the row or the history.
    #[test]
    fn every_mail_is_received(mails in proptest::collection::vec(odd_mail(), 1..5)) {
        let stage = Stage::new("memory", AnyStore::Memory(firstline::memory::Memory::new()));
        for mail in mails {
            let receipt = stage.desk.receive(mail.clone()).map_err(|error| {
                TestCaseError::fail(format!("{error}: {}", serde_json::to_string(&mail).unwrap()))
            })?;
            let (id, history) = (receipt.ticket.id(), stage.history(receipt.ticket.id()));
            prop_assert_eq!(&Snapshot::fold(&history).unwrap(), &stage.ticket(id));
            let written = serde_json::to_string(&history).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Vec<Event>>(&written).unwrap(), &history);
            prop_assert!(!written.contains("\\u0000"), "PostgreSQL cannot store NUL: {}", written);
            for event in &history {
                prop_assert_eq!(event.to_string().lines().count(), 1);
            }
        }
    }
}

/// Everything that a message can be refused for is set by the host's program, not by the sender.
#[test]
fn a_message_is_refused_only_for_what_the_host_sets() {
    on_each_store(|stage| {
        let policy = Policy::new().field("order", FieldType::Integer).channels(["kiosk"]);
        stage.desk.setup().adopt(&policy.contact_attribute("vip", FieldType::Bool)).unwrap();
        let mail = || InboundMessage::new("x").from("boris");
        let vip = |value: &str| Contact::new("boris").attribute("vip", value);
        for (message, why) in [
            (mail().channel(Channel::from("emial")), "channel \"emial\" is not known"),
            (InboundMessage::new("x").from(vip("yes")), "contact attribute `vip` does not take"),
            (mail().opens(NewTicket::new("").field("ordre", 1)), "ordre"),
            (mail().opens(NewTicket::new("").contact("a\tb", ContactRole::Cc)), "contact id"),
            (mail().opens(NewTicket::new("").by(anna())), "actor is set"),
            (mail().idempotency_key("a\tb"), "idempotency key"),
            (
                InboundMessage::new(Message::new("x").attach("a", "image/png", 1, "")).from("boris"),
                "attachment key",
            ),
        ] {
            let error = stage.desk.receive(message).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(why), "{error}");
        }
    });
}

//! Every part of a message is used, or refused with an error that names it. Odd mails are received.

use firstline::desk::Arrival;
use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::{
    Action, Actor, Change, Channel, Condition, Contact, ContactRole, Event, ExternalRef, ImportedTicket,
    ImportedVersion, InboundMessage, Kind, LinkKind, Machine, Matrix, Message, Modifier, NewTicket, Policy,
    Query, StateKind, ThreadKey, TicketId, TimeDelta, Who, state,
};

use super::stage::{Stage, anna, boris, on_each_store};

fn from(sender: impl Into<Contact>, text: &str) -> InboundMessage {
    InboundMessage::new(text).from(sender).thread("m1")
}

fn opened(stage: &Stage) -> TicketId {
    let message = from("boris", "Please.").cc("clara").subject("Access").channel(Channel::Email);
    stage.desk.receive(message).unwrap().ticket.id()
}

fn last(stage: &Stage, id: TicketId) -> Event {
    stage.history(id).pop().unwrap()
}

/// Regression: `receive` on an existing thread silently dropped the subject, the copies, and the sender's name
/// and address.
#[test]
fn every_part_of_an_added_message_is_kept() {
    on_each_store(|stage| {
        let id = opened(stage);
        let sent_at = stage.now() - TimeDelta::minutes(3);
        let sender = Contact::new("boris").named("Boris").email("boris@example.org");
        let message = from(sender, "And the printer.")
            .to("dora")
            .cc(Contact::new("clara").named("Clara"))
            .subject("Access, and the printer")
            .channel(Channel::Chat)
            .sent_at(sent_at)
            .thread("m2");
        let receipt = stage.desk.receive(message).unwrap();
        assert_eq!((receipt.ticket.id(), receipt.arrival()), (id, Some(Arrival::Attached)));
        let Change::Received(arrived) = &receipt.events[0].change else { panic!("{:?}", receipt.events) };
        assert_eq!((arrived.channel.clone(), arrived.sent_at), (Some(Channel::Chat), Some(sent_at)));
        assert_eq!(receipt.events[0].personal.subject(), Some("Access, and the printer"));
        let ticket = stage.ticket(id);
        assert_eq!(ticket.subject(), "Access", "the ticket keeps its own subject");
        assert_eq!(ticket.contacts.get(&"dora".into()), Some(&ContactRole::Cc));
        let name = |id: &str| ticket.personal.person(&id.into()).and_then(|it| it.name.clone());
        assert_eq!((name("boris").as_deref(), name("clara").as_deref()), (Some("Boris"), Some("Clara")));
        assert_eq!(stage.desk.ticket(ThreadKey::from("m2")).unwrap().id(), id);
    });
}

#[test]
fn every_part_of_an_opening_message_is_used() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().field("order", FieldType::Integer)).unwrap();
        let sent_at = stage.now() - TimeDelta::minutes(3);
        let opens = NewTicket::new("(no subject)").kind(Kind::Incident).tag("shop").field("order", 4711);
        let message =
            from("boris", "Please.").to("dora").sent_at(sent_at).channel(Channel::Email).opens(opens);
        let receipt = stage.desk.receive(message).unwrap();
        let Change::Opened(opened) = &receipt.events[0].change else { panic!("{:?}", receipt.events) };
        assert_eq!((opened.sent_at, opened.channel.clone()), (Some(sent_at), Channel::Email));
        let ticket = &receipt.ticket;
        assert_eq!((ticket.kind.clone(), ticket.subject()), (Kind::Incident, "(no subject)"));
        assert!(ticket.tags.contains("shop") && ticket.field("order") == Some(&4711.into()));
        assert_eq!(ticket.contacts.len(), 2);
    });
}

#[test]
fn parts_of_the_message_are_refused_in_the_description_of_its_ticket() {
    on_each_store(|stage| {
        let description = || NewTicket::new("");
        let cases = [
            (description().message("x"), "message is set in the description"),
            (description().from("boris"), "requester is set in the description"),
            (description().by(anna()), "actor is set in the description"),
            (description().thread("m2"), "thread key is set in the description"),
            (description().idempotency_key("k"), "idempotency key is set in the description"),
        ];
        for (opens, expected) in cases {
            let error = stage.desk.receive(from("boris", "x").opens(opens)).unwrap_err();
            assert!(error.is_invalid() && error.to_string().starts_with(expected), "{error}");
        }
    });
}

/// Regression: a message without a sender was recorded as a reply of the desk.
#[test]
fn a_message_without_a_sender_has_an_unknown_author() {
    on_each_store(|stage| {
        let message = || InboundMessage::new("Hello?").thread("w1");
        let id = stage.desk.receive(message()).unwrap().ticket.id();
        let receipt = stage.desk.receive(message()).unwrap();
        assert_eq!(receipt.ticket.id(), id, "the visitor of a web chat has no id");
        let ticket = stage.ticket(id);
        assert_eq!((ticket.messages_received, ticket.replies_sent, ticket.contacts.len()), (2, 0, 0));
        assert!(stage.history(id).iter().all(|event| event.by.who == Who::Unknown));
        // An unknown sender cannot write on the ticket of a known requester.
        let of_boris = stage.desk.receive(from("boris", "x")).unwrap().ticket.id();
        let receipt = stage.desk.receive(InboundMessage::new("Hello?").thread("m1")).unwrap();
        assert_ne!(receipt.ticket.id(), of_boris);
        assert_eq!((receipt.ticket.messages_received, receipt.ticket.replies_sent), (1, 0));
    });
}

/// Regression: an out-of-office notice reopened the ticket, counted as a message, and opened a follow-up after
/// the end.
#[test]
fn a_machines_message_has_no_effect() {
    on_each_store(|stage| {
        let machines = [Machine::AutoReply, Machine::Bounce, Machine::Notification];
        let id = opened(stage);
        stage.does(id, Action::reply("Unmute it.").and(Action::resolve("unmuted")));
        let before = stage.ticket(id);
        for machine in machines {
            let sender = Contact::new("boris").named("Out of office");
            let message = from(sender, "Back on Monday.").cc("eve").thread("m9").written_by(machine);
            let receipt = stage.desk.receive(message).unwrap();
            assert_eq!((receipt.ticket.id(), receipt.arrival()), (id, Some(Arrival::Signal)));
            assert_eq!(receipt.events.len(), 1);
        }
        let after = stage.ticket(id);
        assert_eq!((&after.state, after.messages_received, after.replies_sent), (&before.state, 1, 1));
        assert_eq!((after.contacts.len(), after.personal.clone()), (2, before.personal.clone()));
        assert!(stage.desk.ticket(ThreadKey::from("m9")).is_err_and(|error| error.is_not_found()));
        let text = last(stage, id).to_string();
        assert_eq!(text, r#"notification of boris arrived: "Back on Monday.""#);
        // After the end, it does not open a ticket.
        stage.does(id, Action::close());
        let receipt = stage.desk.receive(from("boris", "Away.").written_by(Machine::AutoReply)).unwrap();
        assert_eq!((receipt.ticket.id(), receipt.ticket.state().kind()), (id, StateKind::Closed));
    });
}

#[test]
fn a_machines_message_to_no_ticket_opens_one_in_the_name_of_the_machine() {
    on_each_store(|stage| {
        let message =
            InboundMessage::new("Disk full").from("probe").thread("p").written_by(Machine::Notification);
        let receipt = stage.desk.receive(message).unwrap();
        assert_eq!((receipt.arrival(), receipt.ticket.messages_received), (Some(Arrival::Opened), 0));
        assert_eq!(receipt.events[0].by, Actor::automation("notification"));
        assert_eq!(receipt.ticket.requester().unwrap().as_str(), "probe");
    });
}

/// Regression: new data of a contact replaced all known data.
#[test]
fn data_of_a_sender_that_a_message_omits_is_kept() {
    on_each_store(|stage| {
        let vip = Modifier::new("VIP", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
        let matrix = Matrix::itil().to_definition().modifier(vip).build().unwrap();
        stage.desk.setup().adopt(&Policy::new().matrix(matrix)).unwrap();
        let known = Contact::new("boris").named("Boris").phone("+44 20").attribute("vip", true);
        let id = stage.desk.receive(from(known, "Help.")).unwrap().ticket.id();
        let priority = stage.ticket(id).priority();
        let more = Contact::new("boris").email("boris@example.org").attribute("language", "de");
        stage.desk.receive(from(more.clone(), "?")).unwrap();
        let check = |name: Option<&str>, email: Option<&str>, phone: Option<&str>, vip: bool| {
            let ticket = stage.ticket(id);
            let person = ticket.personal.person(&"boris".into()).cloned().unwrap_or_default();
            assert_eq!(
                (person.name.as_deref(), person.email.as_deref(), person.phone.as_deref()),
                (name, email, phone)
            );
            let attributes = ticket.attributes.get(&"boris".into()).cloned().unwrap_or_default();
            assert_eq!(attributes.contains_key("vip"), vip);
            assert_eq!(ticket.priority() == priority, vip);
        };
        check(Some("Boris"), Some("boris@example.org"), Some("+44 20"), true);
        // An action merges the data too.
        let role = ContactRole::Requester;
        let act = |contact: Contact| stage.does(id, Action::Contact { contact, role });
        act(Contact::new("boris").named("Boris B."));
        check(Some("Boris B."), Some("boris@example.org"), Some("+44 20"), true);
        // A value is removed explicitly, by a message or an action.
        act(Contact::new("boris").phone(""));
        check(Some("Boris B."), Some("boris@example.org"), None, true);
        stage.desk.receive(from(Contact::new("boris").without("vip").named(""), "x")).unwrap();
        check(None, Some("boris@example.org"), None, false);
        act(Contact::new("boris").email("").without("language"));
        check(None, None, None, false);
        assert!(stage.ticket(id).attributes.is_empty());
        assert_eq!(firstline::Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
    });
}

/// Merging must not let a ticket's row grow without a bound.
#[test]
fn merged_attributes_are_bounded() {
    on_each_store(|stage| {
        let id = opened(stage);
        let with = |names: std::ops::Range<usize>| {
            names.fold(Contact::new("boris"), |contact, n| contact.attribute(format!("a{n}"), 1))
        };
        stage.desk.receive(from(with(0..200), "x")).unwrap();
        let error = stage.refuses(id, |desk| desk.receive(from(with(200..201), "x")));
        assert_eq!(error.to_string(), "too many items in attributes: 201; allowed: at most 200 items");
        stage.desk.receive(from(with(200..201).without("a0"), "x")).unwrap();
    });
}

/// Regression: a stranger got the data of the finished ticket, and its requester lost it.
#[test]
fn a_follow_up_keeps_everything_for_its_requester_and_nothing_for_others() {
    on_each_store(|stage| {
        let policy = Policy::new()
            .field("iban", FieldType::Text)
            .field("order", FieldType::Integer)
            .workflow(firstline::workflow::preset::itil().for_kind("incident"));
        stage.desk.setup().adopt(&policy).unwrap();
        let sender = Contact::new("boris").named("Boris").attribute("plan", "gold");
        let opens = NewTicket::new("")
            .kind(Kind::Incident)
            .category(["payment"])
            .tag("refund")
            .field("iban", "DE02")
            .field("order", 4711)
            .team("payments", firstline::Line::Second)
            .contact("dora", ContactRole::Affected);
        let clara = Contact::new("clara").named("Clara");
        let message = from(sender, "Please.").cc(clara).opens(opens);
        let id = stage.desk.receive(message).unwrap().ticket.id();
        stage.does(id, Action::cancel());
        let follow_up = |message: InboundMessage| {
            let receipt = stage.desk.receive(message).unwrap();
            assert!(receipt.opened());
            stage.ticket(receipt.ticket.id())
        };
        for sender in ["mallory", "dora", "clara"] {
            let theirs = follow_up(from(sender, "Me too."));
            assert_eq!(theirs.requester().unwrap().as_str(), sender);
            assert_eq!((theirs.field("iban"), theirs.field("order")), (None, None), "{sender}");
            assert_eq!((theirs.contacts.len(), theirs.kind.clone()), (1, Kind::Question), "{sender}");
            assert!(theirs.category.is_empty() && theirs.tags.is_empty() && theirs.team.is_none());
            let kind = if sender == "mallory" { LinkKind::Mentions } else { LinkKind::FollowUpOf };
            assert!(theirs.links.iter().any(|link| link.kind == kind && link.to == id), "{sender}");
            let again = stage.desk.receive(from(sender, "Hello?")).unwrap();
            assert_eq!((again.ticket.id(), again.opened()), (theirs.id, false), "{sender}: one follow-up");
        }
        let next = follow_up(from("boris", "Not all.").thread("m3"));
        assert_eq!((next.field("iban"), next.field("order")), (Some(&"DE02".into()), Some(&4711.into())));
        assert_eq!((next.kind.clone(), next.category.join("/")), (Kind::Incident, "payment".to_owned()));
        assert_eq!(next.workflow_ref().name, stage.ticket(id).workflow_ref().name);
        assert_eq!(next.team, Some("payments".into()));
        assert!(next.tags.contains("refund"));
        assert_eq!(next.contacts, stage.ticket(id).contacts);
        assert_eq!(next.attributes, stage.ticket(id).attributes);
        let name = next.personal.person(&"clara".into()).unwrap().name.clone();
        assert_eq!(name.as_deref(), Some("Clara"));
        let thread = stage.desk.ticket(ThreadKey::from("m1")).unwrap();
        assert_eq!(thread.id(), next.id, "the conversation continues in the follow-up");
    });
}

/// An answer to any of the mails of a finished ticket goes to its one follow-up.
#[test]
fn a_finished_ticket_with_several_threads_gets_one_follow_up() {
    on_each_store(|stage| {
        let id = stage.desk.receive(from("boris", "Please.").thread("m2")).unwrap().ticket.id();
        stage.does(id, Action::cancel());
        let mail = |thread: &str| InboundMessage::new("Not all.").from("boris").thread(thread);
        let next = stage.desk.receive(mail("m1")).unwrap().ticket.id();
        let again = stage.desk.receive(mail("m2")).unwrap();
        assert_eq!((again.ticket.id(), again.opened()), (next, false));
    });
}

/// Regression: a ticket had only one thread key, set at the opening.
#[test]
fn many_thread_keys_lead_to_one_ticket_and_are_added_later() {
    on_each_store(|stage| {
        let key = |text: &str| ThreadKey::from(text);
        let id = stage.desk.receive(from("boris", "Help.").thread("<a@c>")).unwrap().ticket.id();
        stage.does(id, Action::reply("Unmute it.").and(Action::thread("<b@desk>")));
        let answer = InboundMessage::new("I did.").from("boris").thread("<b@desk>").thread("<c@c>");
        assert_eq!(stage.desk.receive(answer).unwrap().ticket.id(), id);
        for thread in ["m1", "<a@c>", "<b@desk>", "<c@c>"] {
            assert_eq!(stage.desk.ticket(key(thread)).unwrap().id(), id, "{thread}");
        }
        // A request by telephone, and an imported ticket.
        let phone = NewTicket::new("No sound").from("boris").by(anna()).channel(Channel::Phone);
        let phone = stage.desk.open_ticket(phone).unwrap().id();
        let version = ImportedVersion::new(stage.now() - TimeDelta::days(9), anna());
        let version = version.subject("Old").from("boris").status(state::Active);
        stage.desk.records().import([ImportedTicket::new("old", "1").version(version)]).unwrap();
        let old = ExternalRef { source: "old".into(), id: "1".into() };
        let old = stage.desk.ticket(old).unwrap().id();
        for (ticket, thread) in [(phone, "<p@desk>"), (old, "<o@desk>")] {
            let receipt = stage.desk.act(ticket, Action::thread(thread), anna()).unwrap();
            assert_eq!(
                receipt.events[0].change,
                Change::ThreadAdded,
                "a key may name a person, so it is no fact"
            );
            let answer = InboundMessage::new("Thank you, but no.").from("boris").thread(thread);
            assert_eq!(stage.desk.receive(answer).unwrap().ticket.id(), ticket);
        }
        // A key leads to one ticket only.
        stage.does(phone, Action::thread("<p@desk>"));
        let error = stage.refuses(id, |desk| desk.act(id, Action::thread("<p@desk>"), anna()));
        assert!(
            error.is_invalid() && error.to_string().contains("already belongs to another ticket"),
            "{error}"
        );
        let error = stage.refuses(id, |desk| desk.act(id, Action::thread("x"), boris()));
        assert!(error.is_rejected(), "{error}");
    });
}

#[test]
fn a_message_with_threads_of_two_tickets_goes_to_the_first_that_is_not_finished() {
    on_each_store(|stage| {
        let mail = |threads: &[&str]| {
            threads.iter().fold(InboundMessage::new("x").from("boris"), |mail, thread| mail.thread(*thread))
        };
        let first = stage.desk.receive(mail(&["a"])).unwrap().ticket.id();
        let second = stage.desk.receive(mail(&["b"])).unwrap().ticket.id();
        assert_eq!(stage.desk.receive(mail(&["a", "b"])).unwrap().ticket.id(), first);
        assert_eq!(stage.desk.receive(mail(&["b", "a"])).unwrap().ticket.id(), second);
        stage.does(first, Action::cancel());
        assert_eq!(stage.desk.receive(mail(&["a", "b"])).unwrap().ticket.id(), second);
        // Neither key was taken from its ticket.
        assert_eq!(stage.desk.ticket(ThreadKey::from("a")).unwrap().id(), first);
    });
}

/// Each of these mails is received: without subject or text, with a long subject, with control characters.
#[test]
fn odd_mails_are_received() {
    on_each_store(|stage| {
        let opened = |message: InboundMessage| stage.desk.receive(message).unwrap().ticket;
        let mail = |text: &str| InboundMessage::new(text).from("boris");
        assert_eq!(opened(mail("Help.")).subject(), "");
        assert_eq!(opened(mail("").subject("Please call me")).messages_received, 1);
        assert_eq!(opened(InboundMessage::new("")).messages_received, 1);
        assert_eq!(opened(mail("x").subject("Order 12\t(urgent)\r\n")).subject(), "Order 12 (urgent)");
        let long = "ж".repeat(600);
        let ticket = opened(mail("x").subject(long.as_str()));
        assert_eq!(ticket.subject().chars().count(), 500);
        assert!(ticket.subject().ends_with("жж…"));
        let history = stage.history(ticket.id());
        assert_eq!(history[0].personal.subject(), Some(&*long), "the event keeps it whole");
        assert_eq!(firstline::Snapshot::fold(&history).unwrap(), *ticket.snapshot());

        let text = |ticket: &firstline::Ticket| {
            stage.history(ticket.id())[0].personal.text().unwrap_or_default().to_owned()
        };
        assert_eq!(text(&opened(mail("a\0b"))), "a\u{fffd}b");
        let cut = text(&opened(mail(&"ж".repeat(1 << 20))));
        assert!(cut.len() <= 1 << 20 && cut.ends_with("ж…"));
        let scan =
            Message::new(" ").attach("", "", 47_410, "k1").attach("a\tb.pdf", "application/pdf", 1, "k2");
        let ticket = opened(InboundMessage::new(scan).from("boris"));
        let event = &stage.history(ticket.id())[0];
        assert_eq!(event.personal.files(), ["file-1", "a b.pdf"]);
        let Change::Opened(opening) = &event.change else { panic!("{event:?}") };
        assert_eq!(opening.files[0].media_type, "application/octet-stream");
        let person = Contact::new("b".repeat(64) + "@" + &"c".repeat(180)).named("Boris\nB. ".repeat(60));
        let thread = format!("<{}@mail.example>", "a".repeat(980));
        opened(InboundMessage::new("x").from(person).thread(thread));
    });
}

#[test]
fn odd_mails_are_received_on_a_ticket_too() {
    on_each_store(|stage| {
        let id = opened(stage);
        let odd = [
            from("boris", ""),
            from("boris", " \n"),
            from("boris", "a\0b").subject("x\0".repeat(600)),
            from("boris", "").subject("Re: urgent!"),
            InboundMessage::new(Message::new("").attach("", "", 1, "k")).from("boris").thread("m1"),
        ];
        for message in odd {
            let receipt = stage.desk.receive(message).unwrap();
            assert_eq!(receipt.ticket.id(), id);
        }
        assert_eq!(stage.ticket(id).messages_received, 6);
        let lines: Vec<String> = stage.history(id).iter().map(ToString::to_string).collect();
        assert_eq!(lines[1], "boris wrote", "nothing was erased");
        assert_eq!(lines[4], r#"boris wrote about "Re: urgent!""#);
        assert_eq!(lines[5], "boris wrote [file-1]");
    });
}

/// A blank name changes nothing, and an odd name is put on one line.
#[test]
fn odd_names_of_senders_are_received() {
    on_each_store(|stage| {
        let named = |name: &str| from(Contact::new("boris").named(name), "x");
        let id = stage.desk.receive(named("Boris")).unwrap().ticket.id();
        for (name, expected) in [(" ", "Boris"), ("\r\n", "Boris"), ("Boris\tB.", "Boris B.")] {
            stage.desk.receive(named(name)).unwrap();
            let person = stage.ticket(id).personal.person(&"boris".into()).unwrap().clone();
            assert_eq!(person.name.as_deref(), Some(expected), "{name:?}");
        }
        let file = Message::new("x").attach(" ", "\t", 1, "k");
        stage.desk.receive(InboundMessage::new(file).from("boris").thread("m1")).unwrap();
        assert_eq!(last(stage, id).personal.files(), ["file-1"]);
    });
}

/// The message keeps the recipients that exceed the limit of the ticket.
#[test]
fn a_message_to_hundreds_of_people_is_received() {
    on_each_store(|stage| {
        let id = opened(stage);
        let message = (0..200).fold(from("boris", "x"), |message, n| message.cc(format!("c-{n}")));
        let receipt = stage.desk.receive(message).unwrap();
        let Change::Received(arrived) = &receipt.events[0].change else { panic!("{:?}", receipt.events) };
        assert_eq!((stage.ticket(id).contacts.len(), arrived.also_to.len()), (200, 2));
    });
}

/// Regression: the fingerprint of a request included data that its sender does not control.
#[test]
fn a_redelivery_with_other_upload_keys_and_attributes_is_the_same_request() {
    on_each_store(|stage| {
        let file = |key: &str| Message::new("See.").attach("scan.pdf", "application/pdf", 1, key);
        let sender = |score: i64| Contact::new("boris").named("Boris").attribute("score", score);
        let mail = |n: i64| {
            let at = stage.now() - TimeDelta::seconds(n);
            InboundMessage::new(file(&n.to_string()))
                .from(sender(n))
                .thread("m1")
                .sent_at(at)
                .idempotency_key("mail")
        };
        let first = stage.desk.receive(mail(1)).unwrap();
        let again = stage.desk.receive(mail(2)).unwrap();
        assert!(again.replayed && again.ticket == first.ticket);
        let id = first.ticket.id();
        let reply = |key: &str| Action::reply(file(key)).and(Action::note(file(key)));
        stage.desk.act(id, reply("1"), anna().idempotency_key("act")).unwrap();
        assert!(
            stage
                .desk
                .act(id, reply("2"), anna().attribute("role", "lead").idempotency_key("act"))
                .unwrap()
                .replayed
        );
        let form = |n: i64| {
            NewTicket::new("x").from(sender(n)).message(file(&n.to_string())).idempotency_key("form")
        };
        stage.desk.open_ticket(form(1)).unwrap();
        assert!(stage.desk.open_ticket(form(2)).unwrap().replayed());
        // Another text is another request.
        let other = InboundMessage::new("Something else.").from("boris").thread("m1").idempotency_key("mail");
        assert_eq!(stage.desk.receive(other).unwrap_err().kind(), firstline::ErrorKind::KeyReused);
    });
}

/// Regression: two desks had tickets with the same ids, and one desk accepted a step of the other.
#[test]
fn a_step_of_another_desk_is_refused() {
    on_each_store(|stage| {
        let other = stage.other_desk("globex");
        let ours = stage.desk.open_ticket(NewTicket::new("No sound")).unwrap();
        let theirs = other.open_ticket(NewTicket::new("No light")).unwrap();
        assert_eq!(ours.id(), theirs.id());
        let (version, id) = (theirs.version, theirs.id());
        let error = other.commit(ours.start(), anna()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "step belongs to the desk acme, not to globex; allowed: a step of a ticket of this desk"
        );
        assert_eq!(other.ticket(id).unwrap().version, version);
        other.commit(theirs.start(), anna()).unwrap();
        // A handle that was read has its desk too.
        let firstline::AnyTicket::New(ours) = stage.desk.ticket(id).unwrap().into_typed() else { panic!() };
        assert!(other.commit(ours.start(), anna()).is_err());
    });
}

#[test]
fn a_message_survives_serialization() {
    let message = from(Contact::new("boris").named("Boris").without("vip"), "x")
        .cc("clara")
        .group_chat()
        .subject("y")
        .channel(Channel::Email)
        .with_proof()
        .written_by(Machine::Bounce)
        .sent_at("2026-01-05T09:00:00Z".parse().unwrap())
        .opens(NewTicket::new("z").kind(Kind::Incident));
    let json = serde_json::to_string(&message).unwrap();
    assert_eq!(serde_json::from_str::<InboundMessage>(&json).unwrap(), message);
    assert!(serde_json::from_str::<InboundMessage>(r#"{"form": "boris"}"#).is_err());
}

/// josephr5000/confdb-public#344, Local-Env-API/delta#22: people add what they learn after the end.
#[test]
fn notes_tags_and_category_are_accepted_after_the_end() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::resolve("done").and(Action::close())]);
        let later =
            Action::note("It was the driver.").and(Action::tag("driver")).and(Action::category(["audio"]));
        stage.does(id, later);
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Closed);
    });
}

/// freescout#4986, #1298, zammad#272: two customers turn out to be one, and the closed tickets must follow.
#[test]
fn a_closed_ticket_moves_to_the_merged_customer() {
    on_each_store(|stage| {
        let request = NewTicket::new("No sound").from(Contact::new("boris@old").named("Boris"));
        let id = stage.desk.open_ticket(request).unwrap().id();
        stage.does(id, Action::resolve("done").and(Action::close()));
        let merged = Action::Contact { contact: Contact::new("boris"), role: ContactRole::Requester };
        let merged = merged.and(Action::RemoveContact("boris@old".into()));
        stage.desk.act(id, merged, Actor::automation("crm")).unwrap();
        let found = stage.desk.find(Query::newest().from("boris")).unwrap().tickets;
        assert_eq!((found.len(), found[0].contacts.len()), (1, 1));
        assert!(stage.desk.find(Query::newest().from("boris@old")).unwrap().tickets.is_empty());
        // The right to follow up moves too.
        stage.desk.act(id, Action::reply("Thanks!"), boris()).unwrap();
        let error = stage.refuses(id, |desk| desk.act(id, Action::reply("x"), Actor::contact("boris@old")));
        assert!(error.is_not_found(), "{error}");
    });
}

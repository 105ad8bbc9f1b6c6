//! Bad input gives an error that names the problem and what is allowed. Nothing is written in part and nothing panics.
//! Odd but valid input is kept unchanged.

#[path = "bad_input/json.rs"]
mod json;
#[path = "bad_input/odd.rs"]
mod odd;
use crate::stage;

use firstline::policy::FieldType;
use firstline::ticket::kind::Link;
use firstline::{
    Action, Actor, Contact, ContactRole, HoldReason, Impact, Kind, Line, LinkKind, Message, NewTicket,
    Policy, Priority, TimeDelta, Value,
};
use stage::{anna, on_each_store};

fn long(chars: usize) -> String {
    "ы".repeat(chars)
}

fn policy() -> Policy {
    Policy::new()
        .field("note", FieldType::Text)
        .field("order", FieldType::Integer)
        .field("way", FieldType::choice(["post", "courier"]))
        .field("parts", FieldType::choices(["left", "right"]))
}

/// Actions that break a rule, and the expected message of each.
fn bad_actions() -> Vec<(Action, &'static str)> {
    let contact = |contact: Contact| Action::Contact { contact, role: ContactRole::Affected };
    let many = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
    vec![
        (Action::Subject(String::new()), "subject is empty; allowed: 1 to 500 characters"),
        (Action::Subject(" \t ".to_owned()), "subject is empty; allowed: 1 to 500 characters"),
        (Action::Subject(long(501)), "subject is too long: 501 characters; allowed: at most 500 characters"),
        (
            Action::Subject("a\nb".to_owned()),
            "subject contains the control character '\\n'; allowed: one line of text without control characters",
        ),
        (
            Action::Subject("a\0b".to_owned()),
            "subject contains the control character '\\0'; allowed: one line of text without control characters",
        ),
        (Action::reply(""), "reply is empty; allowed: some text"),
        (Action::reply("\u{a0}\n"), "reply is empty; allowed: some text"),
        (Action::reply("a\0b"), "reply contains a NUL character; allowed: text without NUL"),
        (
            Action::note("x".repeat((1 << 20) + 1)),
            "note is too long: 1048577 bytes; allowed: at most 1048576 bytes",
        ),
        (
            Action::reply(Message::new("x").attach("", "image/png", 1, "k")),
            "file name is empty; allowed: 1 to 255 characters",
        ),
        (
            Action::reply(Message::new("x").attach("a\0", "image/png", 1, "k")),
            "file name contains the control character",
        ),
        (
            Action::reply(Message::new("x").attach("a", "", 1, "k")),
            "media type is empty; allowed: 1 to 255 characters",
        ),
        (
            Action::reply(Message::new("x").attach("a", "image/png", 1, "")),
            "attachment key is empty; allowed: 1 to 2000 characters",
        ),
        (Action::resolve(""), "resolution is empty; allowed: some text"),
        (Action::resolve_as("", "unmuted"), "resolution code is empty; allowed: 1 to 255 characters"),
        (Action::cancel().comment(""), "reason is empty; allowed: some text"),
        (Action::override_priority(Priority::P1, " "), "reason is empty; allowed: some text"),
        (
            Action::override_priority(Priority::new(9).unwrap(), "x"),
            "priority 9 is not in the matrix; allowed: 1 (critical)",
        ),
        (
            Action::Impact(Impact::new(9).unwrap()),
            "impact 9 is not in the matrix; allowed: 1 (high), 2 (medium), 3 (low)",
        ),
        (Action::modifier(""), "modifier \"\" is not known; allowed: none: the matrix has no modifiers"),
        (
            Action::hold(HoldReason::Custom(String::new())),
            "hold reason is empty; allowed: 1 to 255 characters",
        ),
        (
            Action::hold_until(HoldReason::Customer, stage::monday()),
            "hold would end at 2026-01-05 09:00:00 UTC, which is not in the future; allowed: an instant after 2026-01-05 09:00:00 UTC",
        ),
        (
            Action::hold_until(HoldReason::Customer, firstline::DateTime::<firstline::Utc>::MIN_UTC),
            "which is not in the future",
        ),
        (Action::assign(""), "agent id is empty; allowed: 1 to 200 bytes without control characters"),
        (
            Action::assign("x".repeat(201)),
            "agent id is too long; allowed: 1 to 200 bytes without control characters",
        ),
        (Action::assign("a\u{7f}"), "agent id contains a control character; allowed: 1 to 200 bytes"),
        (Action::hand_over("", Line::Second, "x"), "team id is empty; allowed: 1 to 200 bytes"),
        (Action::hand_over("t", Line::Second, ""), "hand-over note is empty; allowed: some text"),
        (
            Action::Kind(Kind::Custom(long(256))),
            "kind is too long: 256 characters; allowed: at most 255 characters",
        ),
        (Action::category(["a", ""]), "category is empty; allowed: 1 to 255 characters"),
        (Action::category(many(11)), "category path is too deep; allowed: at most 10 levels"),
        (Action::tag(""), "tag is empty; allowed: 1 to 255 characters"),
        (Action::tag("a\u{85}b"), "tag contains the control character '\\u{85}'"),
        (
            Action::All((0..201).map(|n| Action::tag(n.to_string())).collect()),
            "too many items in parts of an action: 201; allowed: at most 200 items",
        ),
        (Action::All(vec![]), "action is empty; allowed: at least one part"),
        (Action::All(vec![Action::All(vec![])]), "action is empty; allowed: at least one part"),
        (
            Action::field("ordr", 1),
            "field `ordr` is not declared in the desk's policy (did you mean `order`?); allowed: note, order, parts, way",
        ),
        (Action::Field { name: "ordr".to_owned(), value: None }, "field `ordr` is not declared"),
        (
            Action::field("order", "one"),
            "field `order` does not take \"one\" (text); allowed: a whole number",
        ),
        (
            Action::field("way", "pigeon"),
            "field `way` does not take \"pigeon\" (text); allowed: one of: courier, post",
        ),
        (
            Action::field("parts", ["left", "top"]),
            "field `parts` does not take \"left, top\" (list); allowed: a list of: left, right",
        ),
        (Action::field("note", "a\0b"), "field `note` contains a NUL character"),
        (
            Action::field("parts", Value::List(vec!["left".to_owned(); 201])),
            "too many items in field `parts`: 201",
        ),
        (contact(Contact::new("")), "contact id is empty; allowed: 1 to 1000 bytes"),
        (contact(Contact::new("a").named(" ")), "contact name is empty; allowed: 1 to 255 characters"),
        (
            contact(Contact::new("a").email("a\r\nBcc: b")),
            "contact e-mail contains the control character '\\r'",
        ),
        (
            contact(Contact::new("a").attribute("", 1)),
            "attribute name is empty; allowed: 1 to 255 characters",
        ),
        (contact(Contact::new("a").attribute("b", "\0")), "attribute `b` contains a NUL character"),
        (
            contact((0..201).fold(Contact::new("a"), |it, n| it.attribute(n.to_string(), n))),
            "too many items in attributes: 201",
        ),
    ]
}

#[test]
fn every_bad_action_is_refused_with_the_allowed_values() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let id = stage.opened_and([Action::start()]);
        for (action, expected) in bad_actions() {
            let error = stage.refuses(id, |desk| desk.act(id, action.clone(), anna()));
            let message = error.to_string();
            assert!(
                message.starts_with(expected) || message.contains(expected),
                "{message}\n  is not\n{expected}"
            );
            assert!(error.is_invalid() && !error.is_storage(), "{message}");
            assert!(error.allowed().is_some(), "{message} does not list the allowed values");
            if action.parts().is_empty() {
                continue; // Combined with another action, it is no longer empty.
            }
            // The same inside a larger action and with a key: nothing is written.
            let larger = Action::note("hm").and(action);
            let error = stage.refuses(id, |desk| desk.act(id, larger, anna().idempotency_key("k")));
            assert!(error.is_invalid(), "{error}");
        }
        stage.desk.act(id, Action::note("the key is still free"), anna().idempotency_key("k")).unwrap();
    });
}

#[test]
fn every_bad_request_is_refused_and_opens_no_ticket() {
    let new = || NewTicket::new("No sound");
    let cases: Vec<(NewTicket, &str)> = vec![
        (NewTicket::new(""), "subject is empty; allowed: 1 to 500 characters"),
        (NewTicket::new(long(501)), "subject is too long: 501 characters; allowed: at most 500 characters"),
        (NewTicket::new("a\0"), "subject contains the control character '\\0'"),
        (new().message(""), "message is empty; allowed: some text"),
        (new().message("\0"), "message contains a NUL character; allowed: text without NUL"),
        (new().from(""), "contact id is empty; allowed: 1 to 1000 bytes"),
        (new().from("x".repeat(10_000)), "contact id is too long; allowed: 1 to 1000 bytes"),
        (new().by(Actor::agent("")), "agent id is empty"),
        (new().by(Actor::automation("")), "automation is empty"),
        (new().by(anna().attribute("a", "\0")), "attribute `a` contains a NUL character"),
        (new().kind(Kind::Custom(String::new())), "kind is empty"),
        (new().channel(firstline::Channel::Custom("\n".to_owned())), "channel is empty"),
        (new().category(["x"; 11]), "category path is too deep; allowed: at most 10 levels"),
        (new().tag(""), "tag is empty"),
        (
            (0..10_000).fold(new(), |it, n| it.tag(n.to_string())),
            "too many items in tags: 10000; allowed: at most 200 items",
        ),
        (
            (0..201).fold(new(), |it, n| it.contact(n.to_string(), ContactRole::Cc)),
            "too many items in contacts: 201",
        ),
        (
            new().field("undeclared", 1),
            "field `undeclared` is not declared in the desk's policy; allowed: none: the policy declares no fields",
        ),
        (new().modifier("VIP"), "modifier \"VIP\" is not known; allowed: none: the matrix has no modifiers"),
        (
            new().impact_and_urgency(Impact::new(4).unwrap(), firstline::Urgency::LOW),
            "impact 4 is not in the matrix",
        ),
        (new().team("", Line::First), "team id is empty"),
        (new().assigned_to("\n"), "agent id contains a control character"),
        (new().thread(""), "thread key is empty; allowed: at least one visible character"),
        (new().idempotency_key(""), "idempotency key is empty; allowed: 1 to 1000 bytes"),
        (new().idempotency_key("x".repeat(1 << 20)), "idempotency key is too long; allowed: 1 to 1000 bytes"),
    ];
    on_each_store(|stage| {
        for (request, expected) in cases.clone() {
            let error = stage.desk.open_ticket(request).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}\n  is not\n{expected}");
            assert!(error.is_invalid() && error.allowed().is_some(), "{error}");
        }
        assert!(stage.desk.find(firstline::Query::newest()).unwrap().tickets.is_empty());
        assert_eq!(stage.ticket(stage.open()).number.value, 1, "a refused request took a number");
    });
}

#[test]
fn bad_actors_and_keys_are_refused() {
    on_each_store(|stage| {
        let id = stage.open();
        let by = [
            (Actor::agent("").into(), "agent id is empty"),
            (Actor::contact("a\nb").into(), "contact id contains a control character"),
            (anna().attribute("x".repeat(256), 1).into(), "attribute name is too long: 256 characters"),
            (anna().idempotency_key(""), "idempotency key is empty"),
            (anna().idempotency_key("й".repeat(501)), "idempotency key is too long"),
        ];
        for (by, expected) in by {
            let by: firstline::CommandOptions = by;
            let error = stage.refuses(id, |desk| desk.act(id, Action::note("hm"), by));
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        stage.desk.act(id, Action::note("hm"), anna().idempotency_key("й".repeat(500))).unwrap();
    });
}

#[test]
fn many_actions_cannot_exceed_the_limits_of_a_ticket() {
    on_each_store(|stage| {
        let id = stage.open();
        let tags =
            |range: std::ops::Range<usize>| Action::All(range.map(|n| Action::tag(n.to_string())).collect());
        stage.does(id, tags(0..200));
        let error = stage.refuses(id, |desk| desk.act(id, Action::tag("one more"), anna()));
        assert_eq!(error.to_string(), "too many items in tags: 201; allowed: at most 200 items");
        let contact = |n: usize| Action::Contact { contact: n.to_string().into(), role: ContactRole::Cc };
        // Boris is a contact already.
        stage.does(id, Action::All((0..199).map(contact).collect()));
        let error = stage.refuses(id, |desk| desk.act(id, contact(199), anna()));
        assert_eq!(error.to_string(), "too many items in contacts: 201; allowed: at most 200 items");
        // Regression: at the limit, even a value that the ticket already had was refused.
        assert!(stage.desk.act(id, Action::tag("7"), anna()).unwrap().events.is_empty());
        stage.does(
            id,
            Action::Contact { contact: Contact::new("7").named("Семён"), role: ContactRole::Affected },
        );
        assert_eq!(stage.ticket(id).contacts.len(), 200);
    });
}

/// The depth of nesting does not matter, only the number of parts.
#[test]
fn a_deeply_nested_action_is_flattened_without_recursion() {
    on_each_store(|stage| {
        let id = stage.open();
        let deep = |inner: Action| (0..1_000).fold(inner, |inner, _| Action::All(vec![inner]));
        let receipt = stage.desk.act(id, deep(Action::start()), anna().idempotency_key("deep")).unwrap();
        assert_eq!(receipt.events.len(), 1);
        assert!(stage.desk.act(id, deep(Action::start()), anna().idempotency_key("deep")).unwrap().replayed);
        let error = stage.refuses(id, |desk| desk.act(id, deep(Action::All(vec![])), anna()));
        assert!(error.to_string().starts_with("action is empty"), "{error}");
    });
}

#[test]
fn unknown_ids_are_refused_everywhere() {
    on_each_store(|stage| {
        let id = stage.open();
        let stranger = uuid::Uuid::from_u128(u128::MAX).into();
        let error = stage.refuses(id, |desk| desk.act(id, Action::link(LinkKind::ChildOf, stranger), anna()));
        assert_eq!(error.to_string(), format!("ticket {stranger} is not known at this desk"));
        let unlink = Action::Unlink(Link { kind: LinkKind::ChildOf, to: stranger });
        assert!(stage.refuses(id, |desk| desk.act(id, unlink, anna())).is_rejected());
        let removed = stage.desk.act(id, Action::RemoveContact("nobody".into()), anna()).unwrap();
        assert!(removed.events.is_empty(), "an action without effect has no event");
        assert!("not a uuid".parse::<firstline::TicketId>().unwrap_err().is_invalid());
        assert!(stage.desk.tick(stage.now() + TimeDelta::days(1)).unwrap().failed.is_empty());
    });
}

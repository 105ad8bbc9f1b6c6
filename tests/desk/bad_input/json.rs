//! JSON input: unknown names and values that Rust code cannot build are refused.

use firstline::{Action, Actor, Contact, Cursor, Impact, Message, NewTicket, Policy, Priority, Snapshot};
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

use super::stage::{anna, on_each_store};

/// Checks that this JSON is accepted, and that it is refused if any of its objects has an unknown name.
fn refuses_unknown_names<T: DeserializeOwned + std::fmt::Debug>(json: &Json) {
    fn with_unknown(json: &Json, all: &mut Vec<Json>, rebuild: &dyn Fn(Json) -> Json, open: bool) {
        match json {
            Json::Object(fields) => {
                if !open {
                    let mut more = fields.clone();
                    more.insert("unknwon".to_owned(), json!(1));
                    all.push(rebuild(Json::Object(more)));
                }
                for (name, inner) in fields {
                    // The user chooses the names below these.
                    let open =
                        matches!(name.as_str(), "attributes" | "fields" | "cells" | "contacts" | "people");
                    let put = |it: Json| {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), it);
                        rebuild(Json::Object(fields))
                    };
                    with_unknown(inner, all, &put, open);
                }
            }
            Json::Array(items) => {
                for (place, inner) in items.iter().enumerate() {
                    let put = |it: Json| {
                        let mut items = items.clone();
                        items[place] = it;
                        rebuild(Json::Array(items))
                    };
                    with_unknown(inner, all, &put, false);
                }
            }
            _ => {}
        }
    }
    serde_json::from_value::<T>(json.clone())
        .unwrap_or_else(|error| panic!("valid JSON was refused: {json}: {error}"));
    let mut all = Vec::new();
    with_unknown(json, &mut all, &|it| it, false);
    assert!(!all.is_empty());
    for json in all {
        if let Ok(read) = serde_json::from_value::<T>(json.clone()) {
            panic!("an unknown name was ignored in {json}: {read:?}");
        }
    }
}

/// Regression: a misspelt name inside an actor, a contact, an attachment or a link was
/// silently ignored, so the attribute or address under it was lost.
#[test]
fn unknown_names_are_refused_at_every_level() {
    let contact =
        json!({"id": "boris", "attributes": {"vip": true}, "name": "Борис", "email": "b@example.org"});
    let actor = json!({"who": {"agent": "anna"}, "attributes": {"role": "lead"}});
    let file = json!({"media_type": "image/png", "bytes": 1, "key": "s3://1"});
    let message = json!({"text": "hello", "files": [file], "file_names": ["a.png"]});
    refuses_unknown_names::<Contact>(&contact);
    refuses_unknown_names::<Actor>(&actor);
    refuses_unknown_names::<Message>(&message);
    refuses_unknown_names::<NewTicket>(&json!({
        "subject": "No sound", "message": message, "contacts": [[contact, "requester"]], "by": actor,
        "fields": {"order": 1}
    }));
    for action in [
        json!({"reply": message}),
        json!({"hold": {"reason": "customer", "until": null}}),
        json!({"resolve": {"text": "unmuted", "code": null}}),
        json!({"hand_over": {"team": "network", "line": "second", "note": null}}),
        json!({"override_priority": {"priority": 1, "comment": "so"}}),
        json!({"contact": {"contact": contact, "role": "cc"}}),
        json!({"link": {"kind": "child_of", "to": "00000000-0000-0000-0000-000000000000"}}),
        json!({"all": [{"field": {"name": "order", "value": 1}}]}),
    ] {
        refuses_unknown_names::<Action>(&action);
    }
    for event in [
        json!({"what": "linked", "kind": "child_of", "to": "00000000-0000-0000-0000-000000000000"}),
        json!({"what": "state_changed", "from": "new", "to": {"is": "on_hold", "reason": "customer"}, "step": "hold"}),
        json!({"what": "timer_expired", "timer": "verification_ends", "step": "close", "status": "Refunded",
               "reasons": ["state", {"other": {"entry": "so"}}, {"missing": {"field": "team", "to": "Done"}}]}),
    ] {
        refuses_unknown_names::<firstline::Event>(&json!({
            "ticket": "00000000-0000-0000-0000-000000000000", "version": 2, "at": "2026-01-05T09:00:00Z",
            "by": actor, "change": event, "personal": {"boris": {"text": "hello", "name": "Boris"}}
        }));
    }
    let mut policy = serde_json::to_value(Policy::new()).unwrap();
    policy["fields"] = json!({"way": {"type": "choice", "choices": ["post"]}});
    refuses_unknown_names::<Policy>(&policy);
}

#[test]
fn values_that_are_not_valid_text_are_refused() {
    for subject in [r#""\ud800""#, r#""\udc00\ud800""#, "\"\u{1}\"", "\"a\nb\"", "1", "null", "[]"] {
        let json = format!(r#"{{"subject": {subject}}}"#);
        assert!(serde_json::from_str::<NewTicket>(&json).is_err(), "{json}");
    }
    // A pair of surrogates is one character.
    let request: NewTicket = serde_json::from_str(r#"{"subject": "\ud83d\ude00"}"#).unwrap();
    on_each_store(|stage| {
        assert_eq!(stage.desk.open_ticket(request.clone()).unwrap().subject(), "😀");
    });
    let mut bytes = br#"{"subject": "x"}"#.to_vec();
    bytes[13] = 0xff;
    assert!(serde_json::from_slice::<NewTicket>(&bytes).is_err());
}

#[test]
fn levels_outside_of_the_scale_are_refused() {
    for text in ["0", "10", "255", "256", "-1", "1.5", "\"high\""] {
        assert!(serde_json::from_str::<Impact>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<Priority>(text).is_err(), "{text}");
    }
    assert_eq!(serde_json::from_str::<Impact>("2").unwrap(), Impact::MEDIUM);
    assert!(serde_json::from_str::<Cursor>("\"x\"").is_err());
}

#[test]
fn an_endlessly_nested_action_is_refused_when_it_is_read() {
    let nested =
        |levels: usize| format!("{}{{\"start\":{{}}}}{}", "{\"all\":[".repeat(levels), "]}".repeat(levels));
    let shallow: Action = serde_json::from_str(&nested(20)).unwrap();
    on_each_store(|stage| stage.does(stage.open(), shallow.clone()));
    let error = serde_json::from_str::<Action>(&nested(100_000)).unwrap_err();
    assert!(error.to_string().contains("recursion limit"), "{error}");
}

/// Regression: file names without files were kept.
#[test]
fn file_names_without_files_are_refused() {
    let file = json!({"media_type": "image/png", "bytes": 1, "key": "s3://1"});
    on_each_store(|stage| {
        let id = stage.open();
        for (files, names) in [
            (json!([]), json!(["a.png"])),
            (json!([file]), json!([])),
            (json!([file]), json!(["a.png", "b.png"])),
        ] {
            let message: Message =
                serde_json::from_value(json!({"text": "hello", "files": files, "file_names": names}))
                    .unwrap();
            let error = stage.refuses(id, |desk| desk.act(id, Action::reply(message.clone()), anna()));
            assert!(error.to_string().starts_with("file names do not match the files"), "{error}");
            assert!(error.allowed().is_some());
            assert!(stage.desk.open_ticket(NewTicket::new("x").message(message)).is_err());
        }
    });
}

/// Everything that is written as JSON reads back the same.
#[test]
fn requests_and_actions_round_trip_through_json() {
    let request = NewTicket::new("Нет звука")
        .from(Contact::new("boris").named("Борис").attribute("vip", true))
        .message(Message::new("«Тишина»").attach("снимок.png", "image/png", 1, "s3://1"))
        .tag("звук");
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<NewTicket>(&json).unwrap(), request);
    let action = Action::reply("Готово")
        .and(Action::resolve_as("muted", "Наушники были выключены"))
        .and(Action::field("when", firstline::DateTime::<firstline::Utc>::MAX_UTC));
    let json = serde_json::to_string(&action).unwrap();
    assert_eq!(serde_json::from_str::<Action>(&json).unwrap(), action);
}

/// Regression: adding to the greatest version number panicked.
#[test]
fn a_row_with_the_greatest_version_is_refused() {
    let ticket = firstline::Desk::memory().open_ticket(NewTicket::new("No sound")).unwrap();
    let mut json = serde_json::to_value(ticket.snapshot()).unwrap();
    let (policy, anna) = (firstline::Policy::new(), firstline::Actor::agent("anna"));
    let context =
        firstline::ticket::decision::DecisionContext::new(ticket.opened_at, &anna, &policy).unwrap();
    json["replies_sent"] = u32::MAX.into();
    let ticket: Snapshot = serde_json::from_value(json.clone()).unwrap();
    assert!(ticket.decide(&Action::reply("hm"), &context).is_ok());
    json["version"] = u64::MAX.into();
    let ticket: Snapshot = serde_json::from_value(json).unwrap();
    let error = ticket.decide(&Action::reply("hm"), &context).unwrap_err();
    assert_eq!(error.kind(), firstline::ErrorKind::Corrupt);
}

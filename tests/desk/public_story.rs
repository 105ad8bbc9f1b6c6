//! The public form of every kind of event contains no internal word.
//!
//! The samples are JSON with every field of every event. Each value in them is replaced in turn: texts, ids, names,
//! instants, numbers, flags and map keys. The table [`PUBLIC`] lists the values that the customer may see. A change of
//! any other must change neither the public event nor the public story.

use std::collections::BTreeSet;

use firstline::language::Language;
use firstline::{Action, Actor, Desk, Event, HoldReason, Line, NewTicket, Priority, Story};
use serde_json::{Map, Value, json};

const MARK: &str = "sekret";

/// The public values: the change, and the path below the event. `*` is any key or index.
const PUBLIC: &[(&str, &str)] = &[
    ("*", "ticket"),
    ("*", "version"),
    ("*", "at"),
    ("*", "by.who.agent"),
    ("*", "by.who.contact"),
    ("*", "personal.*"), // The owner of the piece, who is a contact.
    ("*", "personal.*.name"),
    ("opened", "change.number.prefix"),
    ("opened", "change.kind"),
    ("opened", "change.channel"),
    ("opened", "change.contacts.*"),
    ("opened", "change.files.*.*"),
    ("opened", "personal.*.subject"),
    ("opened", "personal.*.text"),
    ("opened", "personal.*.files.*"),
    ("received", "change.channel"),
    ("received", "change.files.*.*"),
    ("received", "personal.*.subject"),
    ("received", "personal.*.text"),
    ("received", "personal.*.files.*"),
    ("replied", "change.files.*.*"),
    ("replied", "personal.*.text"),
    ("replied", "personal.*.files.*"),
    ("state_changed to resolved", "personal.*.text"),
    ("state_changed to resolved", "personal.*.files.*"),
    ("state_changed by contact", "personal.*.text"),
    ("state_changed by contact", "personal.*.files.*"),
    ("details_changed", "change.kind"),
    ("details_changed", "change.channel"),
    ("details_changed", "change.contacts.*"),
    ("details_changed", "change.contacts_removed.*"),
    ("details_changed", "personal.*.subject"),
    ("opened", "change.number.value"),
    ("opened", "change.state.until"),
    ("opened", "change.sent_at"),
    ("opened", "change.assessment.manual_priority"),
    ("received", "change.sent_at"),
    ("received", "change.from_outside"),
    ("received", "change.without_text"),
    ("state_changed", "change.from"),
    ("state_changed", "change.step"),
    ("state_changed", "change.cause"),
    ("state_changed", "change.cause.timer"),
    ("state_changed", "change.to.until"),
    ("state_changed", "change.to.closes_at"),
    ("state_changed", "change.to.closing_stopped"),
    ("closing_changed", "change.closes_at"),
    ("details_changed", "change.subject"),
    ("undone", "change.versions.start"),
    ("undone", "change.versions.end"),
    ("undone", "change.commanded_at"),
    ("undone", "change.resolved_at"),
    ("undone", "change.closed_at"),
    ("undone", "change.before.number.value"),
    ("undone", "change.before.state.until"),
    ("undone", "change.before.sent_at"),
    ("undone", "change.before.assessment.manual_priority"),
    ("undone", "change.before.number.prefix"),
    ("undone", "change.before.kind"),
    ("undone", "change.before.channel"),
    ("undone", "change.before.contacts.*"),
    ("undone", "change.before.files.*.*"),
];

/// The public values that the public story prints, in addition to those of the actor.
const TOLD: &[(&str, &str)] = &[
    ("opened", "personal.*.subject"),
    ("opened", "personal.*.text"),
    ("opened", "personal.*.files.*"),
    ("opened", "change.kind"),
    ("received", "personal.*.text"),
    ("received", "personal.*.files.*"),
    ("replied", "personal.*.text"),
    ("state_changed to resolved", "personal.*.text"),
    ("state_changed by contact", "personal.*.text"),
    ("details_changed", "personal.*.subject"),
    ("details_changed", "change.contacts.*"),
];

/// Changes that are internal as a whole.
const INTERNAL: &[&str] = &[
    "signal_received",
    "note_added",
    "status_changed",
    "workflow_migrated",
    "timer_expired",
    "assigned",
    "handed_over",
    "prioritised",
    "warned",
    "breached",
    "clocks_updated",
    "policy_rebound",
    "hold_end_set",
    "reminded",
    "time_spent",
    "followed",
    "unfollowed",
    "thread_added",
    "linked",
    "unlinked",
    "state_repeated",
    "status_unmapped",
    "imported",
];

fn fingerprint() -> String {
    "ab".repeat(32)
}

fn opened() -> Map<String, Value> {
    let opened = json!({
        "number": {"prefix": "T", "value": 7}, "kind": "complaint", "channel": "kiosk",
        "state": {"is": "on_hold", "reason": "lawsuit", "until": "2026-02-01T09:00:00Z"},
        "resolution_code": "goodwill",
        "contacts": {"boris": "requester", "eva": "cc"}, "attributes": {"boris": {"vip": "gold"}},
        "category": ["audio", "headset"], "tags": ["nuisance"], "fields": {"margin": "low"},
        "modifiers": ["press"],
        "assessment": {
            "impact": {"level": 1, "name": "grave", "outside": 2}, "urgency": {"level": 1, "name": "now", "by_default": true},
            "cell": 2, "steps": [{"name": "VIP", "effect": {"raise": 1}, "named": true, "to": 1}], "manual_priority": 1,
        },
        "team": "lawyers", "line": "second", "assignee": "ben",
        "files": [{"media_type": "image/png", "bytes": 9, "key": "s3"}], "sent_at": "2026-01-05T08:00:00Z",
        "left_out": {"files": 3}, "external": {"source": "old desk", "id": "4711"},
        "placement": {"workflow": {"name": "claims", "version": 1, "hash": fingerprint()}, "status": "With the lawyers"},
    });
    opened.as_object().unwrap().clone()
}

/// One event of each kind of change, each with all its fields.
fn changes() -> Vec<Value> {
    let file = || json!([{"media_type": "image/png", "bytes": 9, "key": "s3"}]);
    let arrived = |what: &str| {
        json!({
            "what": what, "files": file(), "machine": "bounce", "sender": "mallory", "from_outside": true,
            "needs_reply": false, "without_text": true, "channel": "kiosk", "sent_at": "2026-01-05T08:00:00Z",
            "also_to": ["rival"], "left_out": {"files": 3},
        })
    };
    let alert = |what: &str| {
        json!({
            "what": what, "metric": "resolution", "cycle": 1, "percent": 75, "left": 60_000_000_000_i64, "revision": 1,
            "due": "2026-01-05T08:00:00Z", "notify": ["the boss"], "escalation_stopped": true,
        })
    };
    let state_changed = |to: Value, cause: Value| {
        json!({
            "what": "state_changed", "from": "active", "to": to, "step": "hold", "cause": cause, "code": "goodwill",
            "status": "With the lawyers",
        })
    };
    let hold = json!({"is": "on_hold", "reason": "lawsuit", "until": "2026-02-01T09:00:00Z"});
    let resolved = json!({"is": "resolved", "closes_at": "2026-02-01T09:00:00Z", "closing_stopped": true});
    let mut first = opened();
    first.insert("what".to_owned(), "opened".into());
    let link =
        |what: &str| json!({"what": what, "kind": "caused_by", "to": "019b8d00-0000-7000-8000-00000000000f"});
    vec![
        Value::Object(first),
        arrived("received"),
        arrived("signal_received"),
        json!({"what": "replied", "files": file()}),
        json!({"what": "note_added", "files": file()}),
        state_changed(hold, json!("spam")),
        state_changed(resolved, json!({"timer": "hold_ends"})),
        json!({"what": "status_changed", "from": "With the lawyers", "to": "With the judge"}),
        json!({"what": "workflow_migrated", "cause": "kind", "to":
            {"workflow": {"name": "claims", "version": 1, "hash": fingerprint()}, "status": "With the lawyers"}}),
        json!({"what": "timer_expired", "timer": "hold_ends", "step": "resume", "status": "With the lawyers", "reasons": [
            {"guard": {"guard": "a lawyer agrees", "to": "In work"}}, {"actor": {"allowed": ["role:lawyers"]}},
            {"missing": {"field": "verdict", "to": "In work"}}, {"other": {"entry": "why.has_it", "values": {"team": {"text": "lawyers"}, "line": {"name": ["line", "second"]}}}},
        ]}),
        json!({"what": "closing_changed", "closes_at": "2026-02-01T09:00:00Z"}),
        json!({"what": "assigned", "to": "ben"}),
        json!({"what": "handed_over", "team": "lawyers", "line": "second"}),
        json!({
            "what": "details_changed", "kind": "complaint", "subject": true, "channel": "kiosk",
            "category": ["audio", "headset"], "tags_added": ["nuisance"], "tags_removed": ["liar"],
            "fields": {"margin": "low"}, "text_fields": ["verdict"], "fields_cleared": ["opinion"],
            "contacts": {"eva": "cc"}, "contacts_removed": ["max"], "attributes": {"boris": {"vip": "gold"}},
            "nameless": ["otto"],
        }),
        json!({"what": "prioritised", "modifiers": ["press"], "assessment": opened()["assessment"]}),
        alert("warned"),
        alert("breached"),
        json!({"what": "clocks_updated", "clocks": []}),
        json!({"what": "policy_rebound", "agreements": fingerprint()}),
        json!({"what": "hold_end_set", "then": "resolved", "remind_at": "2026-01-05T08:00:00Z"}),
        json!({"what": "reminded"}),
        json!({"what": "time_spent", "minutes": 45}),
        json!({"what": "followed", "agent": "ben"}),
        json!({"what": "unfollowed", "agent": "ben"}),
        json!({"what": "thread_added"}),
        link("linked"),
        link("unlinked"),
        json!({
            "what": "undone", "versions": {"start": 1, "end": 1}, "commanded_at": "2026-01-05T09:00:00Z", "before": opened(),
            "resolved_at": "2026-01-05T09:00:00Z", "closed_at": "2026-01-05T09:00:00Z",
            "unanswered_since": "2026-01-05T09:00:00Z", "reopens": 1, "handovers": 1,
            "first_replied_at": "2026-01-05T09:00:00Z", "replies_sent": 1, "hold_end": {"then": "closed"}, "minutes_spent": 45, "followers": ["ben"], "unmapped_status": "Old",
        }),
        json!({"what": "state_repeated"}),
        json!({"what": "status_unmapped", "status": "With the old lawyers"}),
        json!({"what": "imported", "versions": 3, "fingerprint": "00", "clocks": "never", "measured": true,
               "quiet_until": "2026-01-05T09:00:00Z", "adopted": fingerprint()}),
    ]
}

/// Every sample by an agent, a contact and a program, each with every personal piece.
fn samples() -> Vec<Value> {
    let actors = [json!({"agent": "anna"}), json!({"contact": "boris"}), json!({"automation": "escalator"})];
    let by_actors = changes().into_iter().flat_map(|change| actors.clone().map(|who| (change.clone(), who)));
    let event = |(change, who)| {
        json!({
            "ticket": "019b8d00-0000-7000-8000-000000000001", "version": 2, "at": "2026-01-05T09:00:00Z",
            "by": {"who": who, "attributes": {"role": "spy"}}, "change": change,
            "personal": {"boris": {
                "subject": "a subject", "text": "a text", "resolution": "a resolution", "files": ["a.png"],
                "fields": {"verdict": "a verdict"}, "thread": "<a@desk>", "name": "Boris", "email": "b@example.org", "phone": "+49 30 1",
            }},
            "origin": {"version": 1, "irregular": true, "label": "Old status"}, "continues": true,
            "mirrored": true,
            "adopted": fingerprint(),
        })
    };
    by_actors.map(event).collect()
}

/// The paths of all values. A path that ends with `=` is a key of a map.
fn leaves(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let mut below = |name: String, value: &Value, is_key: bool| {
        path.push(name);
        if is_key {
            found.push([path.clone(), vec!["=".to_owned()]].concat());
        }
        match value {
            Value::Object(_) | Value::Array(_) => leaves(value, path, found),
            _ => found.push(path.clone()),
        }
        path.pop();
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| below(key.clone(), value, true)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(n, value)| below(n.to_string(), value, false))
        }
        _ => {}
    }
}

/// Other values for this one. The first that gives an event is used.
fn others(value: &Value) -> Vec<Value> {
    let names = [
        MARK,
        "2031-07-07T07:07:07Z",
        "019b8d00-0000-7000-8000-0000000000aa",
        "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
        "third",
        "affected",
        "first_reply",
        "auto_reply",
        "mentions",
        "verification_ends",
        "new",
        "closed",
        "resume",
        "migration",
        "message",
        "on_opening",
    ];
    match value {
        Value::String(_) => names.map(Value::from).into(),
        Value::Bool(it) => vec![(!it).into()],
        Value::Number(it) => {
            let number = it.as_i64().unwrap();
            vec![(number + 1).into(), (number - 1).into()]
        }
        _ => Vec::new(),
    }
}

/// The sample with another value at this path; `None` if no other value there gives an event.
fn changed(sample: &Value, path: &[String]) -> Option<Event> {
    let original: Event = serde_json::from_value(sample.clone()).unwrap();
    let (path, is_key) = match path {
        [path @ .., last] if last == "=" => (path, true),
        path => (path, false),
    };
    let (last, above) = path.split_last()?;
    let place = |event: &mut Value, replace: &dyn Fn(&mut Value)| {
        let place = above.iter().try_fold(event, |it, name| match it {
            Value::Array(list) => list.get_mut(name.parse::<usize>().ok()?),
            map => map.get_mut(name),
        });
        place.map(replace)
    };
    let replaced = |replace: &dyn Fn(&mut Value)| {
        let mut event = sample.clone();
        place(&mut event, replace)?;
        serde_json::from_value(event).ok().filter(|event| *event != original)
    };
    if is_key {
        return replaced(&|map| {
            let value = map.as_object_mut().and_then(|map| map.remove(last)).unwrap_or_default();
            map[MARK] = value;
        });
    }
    let pointer: String = path.iter().map(|name| format!("/{name}")).collect();
    others(sample.pointer(&pointer)?).into_iter().find_map(|other| {
        replaced(&|place| match place {
            Value::Array(list) => list[last.parse::<usize>().unwrap()] = other.clone(),
            map => map[last] = other.clone(),
        })
    })
}

/// The names under which the tables list a sample.
fn names(sample: &Value) -> Vec<String> {
    let what = sample["change"]["what"].as_str().unwrap();
    let mut names = vec!["*".to_owned(), what.to_owned()];
    if sample["by"]["who"].get("contact").is_some() {
        names.push(format!("{what} by contact"));
    }
    if sample["change"]["to"]["is"] == "resolved" {
        names.push(format!("{what} to resolved"));
    }
    names
}

fn is_listed(table: &[(&str, &str)], sample: &Value, path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|name| *name != "=").collect();
    let fits = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('.').collect();
        pattern.len() <= path.len()
            && pattern.len() == path.len()
            && pattern.iter().zip(&path).all(|(pattern, name)| *pattern == "*" || pattern == name)
    };
    let names = names(sample);
    table.iter().any(|(what, pattern)| names.iter().any(|name| name == what) && fits(pattern))
}

#[test]
fn no_internal_value_is_in_a_public_event_or_story() {
    let (mut secrets, mut public, mut wrong) = (0, 0, BTreeSet::new());
    for sample in samples() {
        let mut paths = Vec::new();
        leaves(&sample, &mut Vec::new(), &mut paths);
        let original: Event = serde_json::from_value(sample.clone()).unwrap();
        let is_internal = INTERNAL.contains(&sample["change"]["what"].as_str().unwrap());
        for path in paths {
            let Some(event) = changed(&sample, &path) else { continue };
            let place = format!("{} {} {path:?}", sample["change"]["what"], sample["by"]["who"]);
            assert_eq!(event.is_public(), !is_internal, "{place}");
            let listed = !is_internal && is_listed(PUBLIC, &sample, &path);
            if (event.public() != original.public()) != listed {
                wrong.insert(format!("{place} is {}listed", if listed { "" } else { "not " }));
            }
            for language in [Language::english(), Language::russian()] {
                let story = |event: &Event| {
                    Story::of(std::slice::from_ref(event)).public().in_language(language).to_string()
                };
                let (before, after) = (story(&original), story(&event));
                assert!(listed || before == after, "{place}:\n{before}{after}");
                if !is_internal && is_listed(TOLD, &sample, &path) {
                    assert_ne!(before, after, "{place} is missing");
                    public += 1;
                }
            }
            secrets += usize::from(!listed);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(secrets > 1_500 && public > 50, "{secrets} {public}");
}

/// Spam is the desk's word for it: the customer sees that the ticket was cancelled.
#[test]
fn a_public_event_does_not_tell_spam_from_a_cancellation() {
    let public = |cause: &str| {
        let mut sample = samples().into_iter().find(|it| it["change"]["what"] == "state_changed").unwrap();
        sample["change"]["cause"] = cause.into();
        serde_json::from_value::<Event>(sample).unwrap().public()
    };
    assert_eq!((public("spam"), public("not_spam")), (public("action"), public("action")));
    assert_ne!(public("spam"), public("message"));
}

#[test]
fn a_customers_story_without_internal_words() {
    let (desk, anna) = (Desk::memory(), Actor::agent("anna"));
    let id = desk.open_ticket(NewTicket::new("No sound").from("boris").message("Help.")).unwrap().id();
    for action in [
        Action::note("He is difficult."),
        Action::hand_over("audio", Line::Second, "Do not offer a refund."),
        Action::override_priority(Priority::P1, "The director's nephew."),
        Action::hold(HoldReason::ThirdParty).comment("Our supplier is bankrupt."),
        Action::reply("We are working on it.").and(Action::resume().comment("He called twice.")),
    ] {
        desk.act(id, action, &anna).unwrap();
    }
    let history = desk.records().history(id).unwrap();
    let (whole, public) = (Story::of(&history).to_string(), Story::of(&history).public().to_string());
    for secret in ["difficult", "refund", "audio", "nephew", "bankrupt", "twice"] {
        assert!(whole.contains(secret) && !public.contains(secret), "{secret}:\n{public}");
    }
    for words in ["Help.", "We are working on it."] {
        assert!(public.contains(words), "{words}:\n{public}");
    }
}

#[test]
fn every_event_has_a_sentence_in_each_language_without_ids_and_open_placeholders() {
    for sample in samples() {
        let event: Event = serde_json::from_value(sample.clone()).unwrap();
        for language in [Language::english(), Language::russian()] {
            let events = std::slice::from_ref(&event);
            let story = Story::of(events).with_clocks().in_language(language).to_string();
            assert_eq!(story.lines().count(), 1, "{sample:#}\n{story}");
            assert!(!story.contains(['{', '}']) && !story.contains("019b8d00"), "{story}");
            assert!(language == Language::english() || !story.contains(" it "), "{story}");
        }
    }
}

/// The customer saw nothing of a command with internal parts, so the story does not mention its undoing either.
#[test]
fn the_undoing_of_an_internal_command_is_not_in_the_public_story() {
    let (desk, anna) = (Desk::memory(), Actor::agent("anna"));
    let story = |action: Action| {
        let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
        desk.act(id, action, &anna).unwrap();
        desk.act(id, Action::undo(), &anna).unwrap();
        Story::of(&desk.records().history(id).unwrap()).public().to_string()
    };
    assert!(!story(Action::tag("nuisance")).contains("took back"));
    assert!(story(Action::resolve("Unmuted.")).contains("took back"));
}

/// The variants of an enum or the fields of a struct in the source, as they are serialized.
fn declared(source: &str, declaration: &str) -> BTreeSet<String> {
    let body = source.split_once(declaration).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let names = body.lines().map(str::trim_start).filter(|line| !line.starts_with(['/', '#']));
    let names = names.map(|line| line.trim_start_matches("pub ").trim_start_matches("pub(super) "));
    names
        .filter_map(|line| {
            let end = line.find(|c: char| !c.is_alphanumeric() && c != '_')?;
            let name = &line[..end];
            let field = line[end..].starts_with(": ");
            (field || name.starts_with(|c: char| c.is_ascii_uppercase())).then(|| snake_case(name))
        })
        .collect()
}

/// The variants of an enum in the source, as they are serialized.
pub(crate) fn variants(source: &str, declaration: &str) -> BTreeSet<String> {
    let body = source.split_once(declaration).unwrap().1;
    let body = body.split_once("\n}").unwrap().0;
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    names.map(|line| snake_case(line.split(|c: char| !c.is_alphanumeric()).next().unwrap())).collect()
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// A new kind of event, and a new field of an event, need a sample.
#[test]
fn the_samples_have_every_change_and_every_field() {
    let samples = samples();
    let whats: BTreeSet<_> =
        samples.iter().map(|it| it["change"]["what"].as_str().unwrap().to_owned()).collect();
    let mut keys = whats.clone();
    fn collect(value: &Value, keys: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                keys.extend(map.keys().cloned());
                map.values().for_each(|value| collect(value, keys));
            }
            Value::Array(list) => list.iter().for_each(|value| collect(value, keys)),
            _ => {}
        }
    }
    samples.iter().for_each(|it| collect(it, &mut keys));
    let event = include_str!("../../src/ticket/event.rs");
    let declarations = [
        (event, "pub enum Change {"),
        (event, "pub struct Event {"),
        (event, "pub struct Arrived {"),
        (event, "pub struct Opened {"),
        (event, "pub struct DetailsChange {"),
        (event, "pub struct Attachment {"),
        (event, "pub struct ExternalRef {"),
        (event, "pub struct Origin {"),
        (include_str!("../../src/ticket/personal.rs"), "pub struct Words {"),
        (include_str!("../../src/ticket/people.rs"), "pub struct Actor {"),
        (include_str!("../../src/ticket/hold_end.rs"), "pub struct HoldEnd {"),
        (include_str!("../../src/ticket/import_mark.rs"), "pub struct ImportMark {"),
        (include_str!("../../src/priority/assessment.rs"), "pub struct Assessment {"),
        (include_str!("../../src/priority/assessment.rs"), "pub struct AssessmentStep {"),
        (include_str!("../../src/sla/clock.rs"), "pub struct Alert {"),
    ];
    for (source, declaration) in declarations {
        let declared = declared(source, declaration);
        assert!(declared.len() > 1, "{declaration} {declared:?}");
        let missing: Vec<_> = declared.difference(&keys).collect();
        assert!(missing.is_empty(), "{declaration} {missing:?}");
    }
    for sample in samples {
        if let Err(error) = serde_json::from_value::<Event>(sample.clone()) {
            panic!("{error}: {sample:#}");
        }
    }
}

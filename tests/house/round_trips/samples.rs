//! Samples of serialized types, each with all its fields.

use std::collections::BTreeMap;

use firstline::{Desk, NewTicket, Query};
use serde_json::{Value as Json, json};

pub(super) const AT: &str = "2026-01-05T09:00:00.000001Z";
pub(super) const ID: &str = "019b8d00-0000-7000-8000-000000000001";

/// Names as samples.
pub(super) fn names(names: &[&str]) -> Vec<Json> {
    names.iter().map(|name| json!(name)).collect()
}

pub(super) fn fingerprint() -> String {
    "ab".repeat(32)
}

pub(super) fn placement() -> Json {
    json!({"workflow": {"name": "claims", "version": 1, "hash": fingerprint()}, "status": "At work"})
}

pub(super) fn files() -> Json {
    json!([{"media_type": "image/png", "bytes": 9, "key": "s3"}])
}

pub(super) fn assessment() -> Json {
    json!({
        "impact": {"level": 1, "name": "grave", "outside": 2}, "urgency": {"level": 1, "name": "now", "by_default": true},
        "cell": 2, "steps": [{"name": "VIP", "effect": {"raise": 1}, "named": true, "to": 1}], "manual_priority": 1,
    })
}

pub(super) fn states() -> Vec<Json> {
    vec![
        json!({"is": "new"}),
        json!({"is": "active"}),
        json!({"is": "on_hold", "reason": "customer", "until": AT}),
        json!({"is": "on_hold", "reason": "weather"}),
        json!({"is": "resolved", "closes_at": AT, "closing_stopped": true}),
        json!({"is": "closed"}),
        json!({"is": "cancelled"}),
    ]
}

pub(super) fn values() -> Vec<Json> {
    vec![
        json!(true),
        json!(42),
        json!("text"),
        json!(["a", "b"]),
        json!({"date": "2026-01-05"}),
        json!({"instant": AT}),
        json!({"decimal": "1234.50"}),
        json!(0.25),
    ]
}

pub(super) fn opened() -> Json {
    json!({
        "number": {"prefix": "T", "value": 7}, "kind": "complaint", "channel": "kiosk", "state": states()[2],
        "resolution_code": "goodwill", "contacts": {"boris": "requester", "eva": "cc"},
        "attributes": {"boris": {"vip": true}}, "category": ["audio", "headset"], "tags": ["slow"],
        "fields": {"margin": {"decimal": "0.5"}}, "modifiers": ["press"], "assessment": assessment(), "team": "lawyers",
        "line": "second", "assignee": "ben", "files": files(), "sent_at": AT,
        "left_out": {"files": 3}, "external": {"source": "old desk", "id": "4711"}, "placement": placement(),
    })
}

pub(super) fn clock() -> Json {
    json!({
        "metric": "resolution", "cycle": 1, "agreement": "standard", "pinned_to": fingerprint(), "priority": 2,
        "target": 3_600_000_000_000_i64, "revision": 1, "state": "running", "from": AT, "counted_from": AT,
        "carried": 1_000_000_000, "consumed": 60_000_000_000_i64, "running_since": AT, "due_at": AT, "taken_back": 1,
        "breached_at": AT, "missed": 1_800_000_000_000_i64, "ended_at": AT, "ended_with_ticket": true, "alerted": [50],
        "alerted_left": [60], "alerted_before": [{"percent": 75, "left": 60, "deadline": AT}], "next": {"at": AT, "percent": 90},
    })
}

pub(super) fn alert() -> Json {
    json!({
        "metric": "handling/second", "cycle": 1, "percent": 75, "left": 60_000_000_000_i64, "revision": 1, "due": AT,
        "notify": ["the boss"], "escalation_stopped": true,
    })
}

pub(super) fn arrived() -> Json {
    json!({
        "files": files(), "machine": "bounce", "sender": "mallory", "from_outside": true, "without_text": true,
        "channel": "kiosk", "sent_at": AT, "also_to": ["eva"], "left_out": {"files": 3},
    })
}

pub(super) fn personal() -> Json {
    json!({"boris": {
        "subject": "a subject", "text": "a text", "resolution": "a resolution", "files": ["a.png"],
        "fields": {"verdict": "guilty"}, "thread": "<a@desk>", "name": "Boris", "email": "b@example.org", "phone": "+49 30 1",
    }})
}

/// One change of each kind, with all its fields.
pub(super) fn changes() -> Vec<Json> {
    let with = |what: &str, mut facts: Json| {
        facts["what"] = what.into();
        facts
    };
    let moved = |to: Json, cause: Json| {
        json!({
            "what": "state_changed", "from": "active", "to": to, "step": "hold", "cause": cause, "code": "goodwill",
            "status": "At work",
        })
    };
    let link = json!({"kind": "caused_by", "to": ID});
    let mut all: Vec<Json> =
        states().into_iter().map(|to| moved(to, json!({"timer": "hold_ends"}))).collect();
    all.extend(
        ["action", "message", "spam", "not_spam"].map(|cause| moved(json!({"is": "active"}), json!(cause))),
    );
    all.extend([
        with("opened", opened()),
        with("received", arrived()),
        with("signal_received", arrived()),
        json!({"what": "replied", "files": files()}),
        json!({"what": "note_added", "files": files()}),
        json!({"what": "status_changed", "from": "At work", "to": "With the judge"}),
        json!({"what": "workflow_migrated", "to": placement(), "cause": "kind"}),
        json!({"what": "timer_expired", "timer": "hold_ends", "step": "resume", "status": "x", "reasons": reasons()}),
        json!({"what": "closing_changed", "closes_at": AT}),
        json!({"what": "assigned", "to": "ben"}),
        json!({"what": "handed_over", "team": "lawyers", "line": "second"}),
        with("details_changed", details()),
        json!({"what": "prioritised", "modifiers": ["press"], "assessment": assessment()}),
        with("warned", alert()),
        with("breached", alert()),
        json!({"what": "clocks_updated", "clocks": [clock()]}),
        json!({"what": "policy_rebound", "agreements": fingerprint()}),
        json!({"what": "hold_end_set", "then": "resolved", "remind_at": AT}),
        json!({"what": "reminded"}),
        json!({"what": "time_spent", "minutes": -45}),
        json!({"what": "followed", "agent": "ben"}),
        json!({"what": "unfollowed", "agent": "ben"}),
        json!({"what": "thread_added"}),
        with("linked", link.clone()),
        with("unlinked", link),
        json!({
            "what": "undone", "versions": {"start": 3, "end": 4}, "commanded_at": AT, "before": opened(), "resolved_at": AT, "closed_at": AT,
            "unanswered_since": AT, "reopens": 1, "handovers": 1, "first_replied_at": AT, "replies_sent": 1,
            "hold_end": {"then": "closed", "remind_at": AT}, "minutes_spent": 45, "followers": ["ben"],
            "unmapped_status": "Old",
        }),
        json!({"what": "state_repeated"}),
        json!({"what": "status_unmapped", "status": "Old"}),
        with("imported", mark()),
    ]);
    all
}

pub(super) fn details() -> Json {
    json!({
        "kind": "complaint", "subject": true, "channel": "kiosk", "category": ["audio"], "tags_added": ["slow"],
        "tags_removed": ["new"], "fields": {"margin": 7}, "text_fields": ["verdict"], "fields_cleared": ["opinion"],
        "contacts": {"eva": "cc"}, "contacts_removed": ["max"], "attributes": {"boris": {"vip": true}},
        "nameless": ["otto"],
    })
}

pub(super) fn mark() -> Json {
    json!({"versions": 3, "fingerprint": "00", "clocks": {"from": AT}, "measured": true, "quiet_until": AT,
           "adopted": fingerprint()})
}

pub(super) fn sentence() -> Json {
    json!({"entry": "why.has_it", "values": {"team": {"text": "lawyers"}, "line": {"name": ["line", "second"]}}})
}

pub(super) fn reasons() -> Vec<Json> {
    vec![
        json!("state"),
        json!({"actor": {"allowed": ["role:lawyers"]}}),
        json!({"unknown_status": {"status": "At wrok", "suggestion": "At work"}}),
        json!({"no_transition": {"to": "Done", "available": ["At work"]}}),
        json!({"guard": {"guard": "cheap", "to": "Done"}}),
        json!({"missing": {"field": "verdict", "to": "Done"}}),
        json!({"missing_comment": {"to": "Done"}}),
        json!({"assigned": {"to": "ben"}}),
        json!({"invalid": "subject is empty"}),
        json!({"other": sentence()}),
    ]
}

pub(super) fn actors() -> Vec<Json> {
    let who = [
        json!({"agent": "anna"}),
        json!({"contact": "boris"}),
        json!({"automation": "rules"}),
        json!("desk"),
        json!("unknown"),
    ];
    who.map(|who| json!({"who": who, "attributes": {"role": "lead"}})).to_vec()
}

pub(super) fn events() -> Vec<Json> {
    let event = |(n, change): (usize, Json)| {
        json!({
            "ticket": ID, "version": n + 1, "at": AT, "by": actors()[n % 5], "change": change, "personal": personal(),
            "origin": {"version": 1, "irregular": true, "label": "Old"}, "continues": true,
            "mirrored": true,
            "adopted": fingerprint(),
        })
    };
    changes().into_iter().enumerate().map(event).collect()
}

pub(super) fn snapshot() -> Json {
    json!({
        "id": ID, "version": 9, "number": {"prefix": "T", "value": 7}, "kind": "incident", "channel": "email",
        "state": states()[2], "placement": placement(), "state_since": AT, "hold_end": {"then": "closed", "remind_at": AT},
        "contacts": {"boris": "requester"}, "attributes": {"boris": {"vip": true}}, "category": ["audio"],
        "tags": ["slow"], "fields": {"margin": {"decimal": "0.5"}}, "modifiers": ["press"], "assessment": assessment(),
        "team": "audio", "line": "second", "assignee": "ben", "followers": ["ben"], "minutes_spent": 45,
        "links": [{"kind": "caused_by", "to": ID}], "resolution_code": "x", "opened_at": AT, "updated_at": AT,
        "adopted": fingerprint(),
        "touched_at": AT, "outbound": true, "asked_at": AT, "first_replied_at": AT, "resolved_at": AT, "closed_at": AT,
        "due_at": AT, "overdue_since": AT, "reopens": 1, "handovers": 1, "messages_received": 1, "replies_sent": 1,
        "last_speaker": {"agent": "anna"}, "unanswered_since": AT, "undone": 1, "spam": true, "irregular": 1,
        "out_of_order": true, "unmapped_status": "Old", "external": {"source": "old desk", "id": "4711"},
        "imported": mark(), "clocks": [clock()], "personal": personal(),
    })
}

pub(super) fn contact() -> Json {
    json!({
        "id": "boris", "attributes": {"vip": true}, "removed": ["tier"], "name": "Boris", "email": "b@example.org",
        "phone": "+49 30 1",
    })
}

pub(super) fn message() -> Json {
    json!({"text": "Help.", "files": files(), "file_names": ["a.png"]})
}

pub(super) fn request() -> Json {
    json!({
        "subject": "No sound", "message": message(), "contacts": [[contact(), "requester"]], "by": actors()[0],
        "channel": "kiosk", "kind": "incident", "category": ["audio"], "tags": ["slow"], "fields": {"margin": 7},
        "impact": 1, "urgency": 2, "modifiers": ["press"], "team": "audio", "line": "second", "assignee": "ben",
        "threads": ["<a@desk>"],
    })
}

pub(super) fn imported_version() -> Json {
    json!({
        "at": AT, "by": actors()[0], "status": {"known": states()[2]}, "workflow_status": "At work", "label": "Old",
        "resolution": "unmuted", "resolution_code": "x", "message": message(), "note": message(), "subject": "No sound",
        "contacts": [[contact(), "cc"]], "channel": "email", "kind": "incident", "category": ["audio"], "tags": ["slow"],
        "fields": {"margin": 7}, "fields_cleared": ["opinion"], "impact": 1, "urgency": 2, "modifiers": ["press"],
        "team": {"is": "audio"}, "line": "first", "assignee": "nobody",
    })
}

pub(super) fn actions() -> Vec<Json> {
    let step = || json!({"status": "At work", "comment": "because"});
    vec![
        json!({"reply": message()}),
        json!({"note": message()}),
        json!({"start": step()}),
        json!({"resume": step()}),
        json!({"hold": {"reason": "customer", "until": AT, "options": step()}}),
        json!({"confirm": step()}),
        json!({"hold_end": {"then": "closed", "remind_at": AT}}),
        json!({"close": step()}),
        json!({"reopen": step()}),
        json!({"resolve": {"text": "unmuted", "code": "x", "status": "Answered"}}),
        json!({"cancel": step()}),
        json!("spam"),
        json!("not_spam"),
        json!("undo"),
        json!({"move": {"status": "At work", "comment": "x"}}),
        json!({"assign": "ben"}),
        json!({"assign": null}),
        json!("take"),
        json!({"impact": 1}),
        json!({"urgency": 1}),
        json!({"hand_over": {"team": "audio", "line": "second", "note": "loose"}}),
        json!("clear_override"),
        json!({"modifier": {"name": "press", "on": true}}),
        json!({"subject": "x"}),
        json!({"kind": "incident"}),
        json!({"override_priority": {"priority": 1, "comment": "x"}}),
        json!({"category": ["audio"]}),
        json!({"tag": "x"}),
        json!({"untag": "x"}),
        json!({"field": {"name": "margin", "value": 7}}),
        json!({"remove_contact": "eva"}),
        json!({"contact": {"contact": contact(), "role": "cc"}}),
        json!({"thread": "<a@desk>"}),
        json!({"time_spent": {"minutes": 5}}),
        json!({"follow": "ben"}),
        json!({"unfollow": "ben"}),
        json!({"link": {"kind": "caused_by", "to": ID}}),
        json!({"unlink": {"kind": "child_of", "to": ID}}),
        json!({"all": [{"tag": "x"}, "take"]}),
    ]
}

pub(super) fn condition() -> Json {
    json!({"field": "kind", "is": "incident"})
}

pub(super) fn conditions() -> Vec<Json> {
    let mut all: Vec<Json> = values().into_iter().map(|value| json!({"field": "x", "is": value})).collect();
    all.extend([
        json!("always"), json!({"not": "always"}), json!({"field": "x", "is_not": 1}), json!({"field": "x", "exists": false}),
        json!({"field": "x", "one_of": [1, 2]}), json!({"field": "x", "at_least": 1}), json!({"field": "x", "at_most": 0.5}),
        json!({"field": "x", "more_than": {"date": "2026-01-05"}}), json!({"field": "x", "less_than": {"instant": AT}}),
        json!({"field": "x", "before": "7d ago"}), json!({"field": "x", "after": "2h from now"}),
        json!({"field": "x", "contains": "a"}), json!({"field": "x", "starts_with": "a"}), json!({"field": "x", "shares": "a"}),
        json!({"field": "x", "matches": "actor.teams"}),
        json!({"any": [{"field": "x", "is": 1}, {"all": [{"field": "y", "is": true}, {"field": "z", "is": "a"}]}]}),
    ]);
    all
}

pub(super) fn targets() -> Vec<Json> {
    vec![
        json!({
            "metric": "first_reply", "time": "1h 30m", "measured": {"business": "office"}, "pauses": ["customer"],
            "warn_at": [50, 90], "warn_before": ["30m"], "on_warning": [{"notify": "boss"}], "on_breach": reactions(),
        }),
        json!({"metric": "resolution", "time": {"P1": "4h", "P2": "48h"}, "measured": "wall"}),
        json!({"metric": "handling/second", "time": {"field": "promised"}}),
    ]
}

pub(super) fn reactions() -> Vec<Json> {
    vec![
        json!({"modifier": "VIP"}),
        json!({"escalate": {"team": "audio", "line": "second"}}),
        json!({"notify": "boss"}),
    ]
}

pub(super) fn agreement() -> Json {
    json!({
        "name": "gold", "position": 1, "when": condition(), "targets": targets(), "on_reopen": "new_cycle",
        "on_priority_change": "from_opening", "on_policy_change": "migrate",
    })
}

pub(super) fn calendar() -> Json {
    json!({
        "tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "12:30"], ["13:00", "17:00"]], "fri": [["22:00", "06:00"]]},
        "holidays": ["2026-04-06", {"date": "12-25", "name": "Christmas Day"}],
        "exceptions": {"2026-12-24": [["09:00", "12:00"]]},
    })
}

pub(super) fn matrix() -> Json {
    json!({
        "impacts": ["company", "person"], "urgencies": ["now"], "priorities": ["critical", "normal"],
        "default_impact": "person", "default_urgency": "now",
        "cells": {"company": {"now": "critical"}, "person": {"now": "normal"}}, "modifiers": modifiers(),
    })
}

pub(super) fn modifiers() -> Vec<Json> {
    vec![
        json!({"name": "VIP", "effect": {"raise": 1}, "when": condition()}),
        json!({"name": "press", "effect": {"at_least": 1}}),
    ]
}

pub(super) fn field_types() -> Vec<Json> {
    let mut all: Vec<Json> =
        ["text", "integer", "bool", "date", "instant"].iter().map(|name| json!({"type": name})).collect();
    all.extend([
        json!({"type": "choice", "choices": ["a"]}),
        json!({"type": "choices", "choices": ["a", "b"]}),
        json!({"type": "decimal", "fraction_digits": 4}),
        json!({"type": "decimal"}),
    ]);
    all
}

pub(super) fn workflow() -> Json {
    json!({
        "name": "returns", "version": 2, "kinds": ["return"], "guards": {"cheap": {"field": "category", "exists": true}},
        "statuses": [
            {"name": "Requested", "state": "new"},
            {"name": "Waiting", "state": "on_hold", "reason": "customer", "enter": ["category"], "leave": ["team"]},
            {"name": "Refunded", "state": "resolved"}, {"name": "Done", "state": "closed"},
            {"name": "Withdrawn", "state": "cancelled"},
        ],
        "transitions": [
            {"from": "Requested", "action": "hold", "to": "Waiting", "when": ["cheap"], "may": ["agent", "role:lead"]},
            {"from": ["Requested", "Waiting"], "action": "resolve", "to": "Refunded", "reason": true},
            {"from": "Requested", "action": "cancel", "to": "Withdrawn"},
            {"from": "Refunded", "action": "close", "to": "Done"},
        ],
        "rules": [{"every_path_to": "state:closed", "must_pass": "Refunded"}],
    })
}

pub(super) fn policy() -> Json {
    let fields: BTreeMap<String, Json> =
        field_types().into_iter().enumerate().map(|(n, field)| (format!("f{n}"), field)).collect();
    json!({
        "prefix": "SHOP", "verification": "3 days", "undo": "2 days", "fields": fields,
        "names": {"kinds": ["return"], "channels": ["kiosk"], "hold_reasons": ["weather"], "resolution_codes": ["x"],
                  "contact_attributes": {"vip": {"type": "bool"}}},
        "matrix": matrix(), "calendars": {"office": calendar()}, "agreements": [agreement()], "workflows": [workflow()],
        "standing": {"affected": {"decides": true}, "outsider": {"writes": false}},
        "visibility": [{"readers": "agents", "when": condition(), "internal": true}],
    })
}

pub(super) fn cursors() -> Vec<Json> {
    let desk = Desk::memory();
    let ticket = desk.open_ticket(NewTicket::new("No sound")).unwrap();
    let queries = [Query::inbox(), Query::newest(), Query::oldest()];
    queries.map(|query| serde_json::to_value(query.cursor_of(&ticket)).unwrap()).to_vec()
}

pub(super) fn kinds_of_spans() -> Vec<Json> {
    vec![
        json!({"kind": "running"}),
        json!({"kind": "holiday", "which": "Easter"}),
        json!({"kind": "on_hold", "which": "customer"}),
        json!({"kind": "off_hours"}),
        json!({"kind": "special_hours"}),
        json!({"kind": "resolved"}),
        json!({"kind": "closed"}),
        json!({"kind": "superseded"}),
        json!({"kind": "no_target"}),
    ]
}

pub(super) fn spans() -> Vec<Json> {
    let span = |mut kind: Json| {
        (kind["from"], kind["to"]) = (AT.into(), AT.into());
        kind
    };
    kinds_of_spans().into_iter().map(span).collect()
}

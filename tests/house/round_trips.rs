//! Every public type with a serialized form survives a round trip: what is written is read back equal.
//!
//! Each type has samples in JSON. From each sample come many values: every key is left out in turn and set to null, and
//! texts, numbers, lists and tables are replaced by generated ones. What is still a value of the type must survive.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use firstline::calendar::*;
use firstline::definition::Fingerprint;
use firstline::language::{Language, Sentence};
use firstline::policy::*;
use firstline::priority::{AssessmentStep, Effect};
use firstline::reports::*;
use firstline::sla::*;
use firstline::ticket::event::*;
use firstline::ticket::hold_end::HoldEnd;
use firstline::ticket::kind::Link;
use firstline::ticket::personal::{Owner, Personal, Words};
use firstline::ticket::timer::TimerKind;
use firstline::ticket::{ImportClocks, ImportMark, action::StepOptions};
use firstline::workflow::{Migration, Placement, WorkflowRef};
use firstline::*;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};

#[path = "round_trips/samples.rs"]
mod samples;

use samples::*;

/// Types that are written only. They are read as parts of a workflow or a policy, which are on the list.
const WRITTEN_ONLY: &[&str] =
    &["MustPass", "Performer", "StandingRule", "Status", "StatusSelector", "Transition", "Trigger"];

/// Checks the values of one type. Returns the number of values, and what does not survive.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    name: &str,
    samples: Vec<Json>,
    in_toml: bool,
) -> (usize, Vec<String>) {
    let (mut seen, mut lost) = (BTreeSet::new(), Vec::new());
    let mut runner = TestRunner::deterministic();
    for sample in samples {
        if let Err(error) = serde_json::from_value::<T>(sample.clone()) {
            lost.push(format!("{name}: {error}: the sample {sample}"));
        }
        let generated = variants(&sample, &mut runner);
        let values = [sample].into_iter().chain(generated);
        for value in values.filter_map(|it| serde_json::from_value::<T>(it).ok()) {
            match round_trip(&value, in_toml) {
                Ok(json) => drop(seen.insert(json)),
                Err(problem) => lost.push(format!("{name}: {value:?}: {problem}")),
            }
        }
    }
    lost.truncate(3);
    (seen.len(), lost)
}

/// Writes a value and reads it back. Returns its JSON.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    value: &T,
    in_toml: bool,
) -> std::result::Result<String, Box<dyn std::error::Error>> {
    let json = serde_json::to_string(value)?;
    let back: T = serde_json::from_str(&json).map_err(|error| format!("{json}: {error}"))?;
    if back != *value || serde_json::to_string(&back)? != json {
        return Err(format!("{json} is read as {back:?}").into());
    }
    if in_toml {
        // A value that is no table needs a key in TOML.
        let text = toml::to_string(&BTreeMap::from([("value", value)]))?;
        let back: BTreeMap<String, T> = toml::from_str(&text).map_err(|error| format!("{text}: {error}"))?;
        if back.get("value") != Some(value) {
            return Err(format!("{text} is read as {back:?}").into());
        }
    }
    Ok(json)
}

/// Returns the sample with each of its parts changed in turn.
fn variants(sample: &Json, runner: &mut TestRunner) -> Vec<Json> {
    let mut pointers = vec![String::new()];
    parts(sample, String::new(), &mut pointers);
    let mut found = Vec::new();
    for pointer in pointers {
        for new in replacements(sample.pointer(&pointer), runner) {
            let mut variant = sample.clone();
            if let Some(place) = variant.pointer_mut(&pointer) {
                *place = new;
                found.push(variant);
            }
        }
        let Some((above, key)) = pointer.rsplit_once('/') else { continue };
        let mut variant = sample.clone();
        if let Some(Json::Object(table)) = variant.pointer_mut(above) {
            table.remove(&key.replace("~1", "/").replace("~0", "~"));
            found.push(variant);
        }
    }
    found
}

/// Adds the pointers to all parts of a value.
fn parts(value: &Json, pointer: String, found: &mut Vec<String>) {
    let mut below = |key: &str, value: &Json| {
        let pointer = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        found.push(pointer.clone());
        parts(value, pointer, found);
    };
    match value {
        Json::Object(table) => table.iter().for_each(|(key, value)| below(key, value)),
        Json::Array(list) => list.iter().enumerate().for_each(|(n, value)| below(&n.to_string(), value)),
        _ => {}
    }
}

/// Returns values to put in the place of another one.
fn replacements(before: Option<&Json>, runner: &mut TestRunner) -> Vec<Json> {
    let mut found = vec![Json::Null];
    let text = || {
        prop_oneof!["\\PC{0,12}", "[a-z_]{1,9}", Just("never".to_owned()), Just("état \"1\"\n".to_owned())]
    };
    let mut draw = |strategy: BoxedStrategy<Json>| {
        for _ in 0..4 {
            found.extend(strategy.new_tree(runner).map(|tree| tree.current()).ok());
        }
    };
    match before {
        Some(Json::String(_)) => draw(text().prop_map(Json::from).boxed()),
        Some(Json::Number(_)) => {
            let number = prop_oneof![Just(0), Just(1), 0..300_i64, any::<i64>()];
            draw(number.prop_map(Json::from).boxed());
        }
        Some(Json::Bool(it)) => found.push(Json::Bool(!it)),
        Some(Json::Array(_)) => found.push(json!([])),
        Some(Json::Object(_)) => found.push(json!({})),
        _ => {}
    }
    found
}

/// The samples of every type. `toml` types are parts of definitions and are written in TOML too.
macro_rules! types {
    ($($type:ty $(= $in_toml:ident)?: $samples:expr;)*) => {
        const NAMES: &[&str] = &[$(stringify!($type)),*];

        #[test]
        fn every_public_type_survives_a_round_trip() {
            let (mut checked, mut lost) = (0, Vec::new());
            $({
                let in_toml = false $(|| stringify!($in_toml) == "toml")?;
                let (count, problems) = check::<$type>(stringify!($type), $samples, in_toml);
                checked += count;
                lost.extend(problems);
            })*
            assert!(lost.is_empty(), "{}", lost.join("\n"));
            assert!(checked > 1_000, "only {checked} values");
        }
    };
}

types! {
    Action: actions();
    ActionKind: vec![json!("reply"), json!({"step": "start"}), json!("time_spent"), json!("undo")];
    state::Active: vec![json!(null)];
    Actor: actors();
    AgentId: names(&["anna"]);
    Agreement = toml: vec![agreement()];
    Alert: vec![alert()];
    Arrived: vec![arrived()];
    Assessment: vec![assessment()];
    AssessmentStep: vec![assessment()["steps"][0].clone()];
    Attachment: vec![files()[0].clone()];
    CalendarDefinition = toml: vec![calendar()];
    state::Cancelled: vec![json!(null)];
    Cause: vec![json!("action"), json!({"timer": "hold_ends"}), json!("spam")];
    Change: changes();
    Channel = toml: names(&["email", "web_form", "kiosk"]);
    Clock: vec![clock()];
    ClockState: names(&["running", "paused", "breached", "met", "missed", "cancelled"]);
    state::Closed: vec![json!(null)];
    Condition = toml: conditions();
    Contact: vec![contact()];
    ContactId: names(&["boris"]);
    ContactRole: names(&["requester", "affected", "cc"]);
    Cursor: cursors();
    DateRule = toml: names(&["2026-04-06", "12-25"]);
    Decimal = toml: vec![json!("1234.50"), json!(7), json!(0.25)];
    DeskId: names(&["acme"]);
    DetailsChange: vec![details()];
    DueAtClosing = toml: names(&["closing", "next_opening"]);
    Effect = toml: vec![json!({"raise": 1}), json!({"lower": 1}), json!({"set": 1}), json!({"at_least": 2})];
    Event: events();
    ExternalRef: vec![json!({"source": "old desk", "id": "4711"})];
    FieldType = toml: field_types();
    Fingerprint: vec![json!(fingerprint())];
    GroupBy: names(&["state", "status", "team", "assignee", "priority", "channel", "due"]);
    Holiday = toml: vec![json!({"date": "12-25", "name": "Christmas Day"}), json!("2026-04-06")];
    HoldEnd: vec![json!({"then": "resolved", "remind_at": AT})];
    HoldReason = toml: names(&["customer", "third_party", "weather"]);
    HolidayCut = toml: names(&["shifts", "calendar_day"]);
    Impact = toml: vec![json!(1)];
    ImportClocks: vec![json!("from_opening"), json!({"from": AT}), json!("never")];
    ImportMark: vec![mark()];
    ImportedTicket: vec![json!({"external": {"source": "a", "id": "b"}, "clocks": "never", "versions": [imported_version()]})];
    ImportedVersion: vec![imported_version()];
    InboundMessage: vec![json!({
        "message": message(), "threads": ["<a@desk>"], "from": contact(), "also_to": [contact()], "group_chat": true,
        "channel": "email", "subject": "Sound", "machine": "bounce", "sent_at": AT, "proof": true, "opens": request(),
    })];
    Kind = toml: names(&["incident", "complaint"]);
    Language: vec![serde_json::to_value(Language::english()).unwrap()];
    Ledger: vec![json!({"clock": clock(), "until": AT, "spans": spans(), "zone": "Europe/Berlin"})];
    LedgerSpan: spans();
    Line = toml: names(&["first", "second", "third", "external"]);
    Link: vec![json!({"kind": "caused_by", "to": ID})];
    LinkKind: names(&["caused_by", "cause_of", "parent_of", "child_of", "duplicate_of", "duplicated_by", "follow_up_of",
        "followed_up_by", "mentions", "mentioned_by"]);
    Machine: names(&["auto_reply", "bounce", "notification"]);
    MessagePart: names(&["attributes", "files", "recipients", "senders", "thread_keys"]);
    Matrix = toml: vec![matrix()];
    MatrixDefinition = toml: vec![matrix()];
    Message: vec![message()];
    Metric = toml: Metric::ALL.iter().map(|metric| json!(metric.as_str())).collect();
    Migration = toml: vec![json!({"from": "a", "from_version": 1, "to": "b", "to_version": 2, "statuses": {"x": "y"},
        "fill": {"category": ["audio"], "field.x": {"decimal": "1.5"}}})];
    MigrationCause: names(&["kind", "migration"]);
    Modifier = toml: modifiers();
    state::New: vec![json!(null)];
    NewTicket: vec![request()];
    NextAlert: vec![json!({"at": AT, "percent": 75, "left": 60_000_000_000_i64})];
    state::OnHold: vec![json!({"reason": "customer", "until": AT})];
    OnPolicyChange = toml: names(&["pin", "migrate"]);
    OnPriorityChange = toml: names(&["from_opening", "carry_elapsed", "restart"]);
    OnReopen = toml: names(&["continue", "new_cycle", "freeze"]);
    OnResolved = toml: vec![json!("reopen"), json!("nothing"), json!("stop_closing"), json!({"reopen_if": condition()})];
    Opened: vec![opened()];
    Order: names(&["inbox", "newest", "oldest"]);
    Origin: vec![json!({"version": 1, "irregular": true, "label": "Old"})];
    Owner: names(&["boris", ""]);
    Personal: vec![personal()];
    Placement: vec![placement()];
    Policy = toml: vec![policy()];
    Priority = toml: vec![json!(1)];
    Query: vec![
        json!({"order": "newest", "states": ["new", "on_hold"], "team": "audio", "assignee": "ben", "from": "boris",
            "contact": "eva", "contact_role": "cc", "limit": 7, "matching": condition()}),
        json!({"order": "inbox", "unassigned": true}),
    ];
    Reaction = toml: reactions();
    RejectionReason: reasons();
    state::Resolved: vec![json!({"closes_at": AT, "closing_stopped": true})];
    Sentence: vec![sentence()];
    Shift = toml: vec![json!(["09:00", "17:00"]), json!(["22:00", "06:00"])];
    Snapshot: vec![snapshot()];
    SpanKind: kinds_of_spans();
    Standing: names(&["requester", "affected", "cc", "outsider_with_proof", "outsider", "machine"]);
    State: states();
    StateInterval: vec![json!({"since": AT, "state": "on_hold", "reason": "customer"})];
    StateKind = toml: names(&["new", "active", "on_hold", "resolved", "closed", "cancelled"]);
    StepKind = toml: names(&["start", "hold", "resume", "resolve", "confirm", "close", "reopen", "cancel"]);
    StepOptions: vec![json!({"status": "At work", "comment": "because"})];
    Target = toml: targets();
    TeamId = toml: names(&["audio"]);
    ThreadKey: names(&["<a@desk>"]);
    TicketId: names(&[ID]);
    TicketNumber: vec![json!({"prefix": "T", "value": 7})];
    TimerKind: names(&["clock", "hold_ends", "reminder", "verification_ends"]);
    Urgency = toml: vec![json!(1)];
    Value = toml: values();
    VisibilityRule = toml: vec![json!({"readers": "agents", "when": condition(), "internal": true})];
    Who: actors().iter().map(|actor| actor["who"].clone()).collect();
    Words: vec![personal()["boris"].clone()];
    WorkflowDefinition = toml: vec![workflow()];
    WorkflowRef: vec![placement()["workflow"].clone()];
}

/// The names of all public types in the sources that are serialized, with those that macros declare.
fn serialized_types() -> BTreeSet<String> {
    let mut sources = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(fs::read_to_string(path).unwrap());
            }
        }
    }
    let lines = || sources.iter().flat_map(|source| source.lines());
    let public: BTreeSet<String> = lines().filter_map(declared).collect();
    let (mut found, mut derives, mut in_macro) = (BTreeSet::new(), false, false);
    for line in lines() {
        let code = line.trim_start();
        if code.starts_with("#[derive(") {
            derives = code.contains("Serialize") || code.contains("Deserialize");
        } else if let Some(name) = declared(line) {
            found.extend(Some(name).filter(|_| derives));
            derives = false;
        } else if let Some((_, right)) =
            code.split_once("Serialize for ").filter(|_| code.starts_with("impl"))
        {
            found.extend(Some(name(right)).filter(|name| public.contains(name)));
        } else if ["text_id! {", "open_set! {", "level! {"].contains(&line) {
            in_macro = true;
        } else if line == "}" {
            in_macro = false;
        }
        let begins_a_type = line.len() - code.len() == 4 && code.starts_with(char::is_uppercase);
        found.extend(Some(name(code)).filter(|_| in_macro && begins_a_type));
    }
    found
}

/// The name at the beginning of a text.
fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric()).collect()
}

/// The public type that a line declares.
fn declared(line: &str) -> Option<String> {
    let code = line.trim_start();
    let rest = ["pub struct ", "pub enum "].iter().find_map(|it| code.strip_prefix(it))?;
    Some(name(rest)).filter(|name| !name.is_empty())
}

#[test]
fn every_serialized_type_has_samples() {
    let short = |name: &&str| name.rsplit("::").next().unwrap_or(name).to_owned();
    let listed: BTreeSet<String> = NAMES.iter().chain(WRITTEN_ONLY).map(short).collect();
    let found = serialized_types();
    let missing: Vec<_> = found.difference(&listed).collect();
    assert!(missing.is_empty(), "add samples of {missing:?}");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "no such types: {gone:?}");
}

/// Regression: `Policy::verification(None)` and a cleared field of an imported version did not survive.
#[test]
fn the_absence_of_a_period_and_of_a_value_survives() {
    let never = Policy::new().verification(None::<TimeDelta>);
    let json = serde_json::to_string(&never).unwrap();
    assert_eq!(serde_json::from_str::<Policy>(&json).unwrap(), never);
    assert_eq!(toml::from_str::<Policy>(&toml::to_string(&never).unwrap()).unwrap(), never);
    let cleared = ImportedVersion::new(AT.parse().unwrap(), Actor::agent("anna")).field("x", None::<i64>);
    let json = serde_json::to_string(&cleared).unwrap();
    assert_eq!(serde_json::from_str::<ImportedVersion>(&json).unwrap(), cleared);
}

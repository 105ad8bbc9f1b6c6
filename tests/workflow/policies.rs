//! Policies read from files: every fault at once, each at its position, in JSON and TOML.
//!
//! `FIRSTLINE_BLESS=1` rewrites the expected diagnostics of the files in `policies`.

use crate::soak;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firstline::policy::FieldType;
use firstline::workflow::{DiagnosticKind, preset};
use firstline::{Policy, Result, TimeDelta};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Map, Value, json};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/policies")
}

/// The diagnostics of a text, one per line.
fn report(read: Result<Policy>) -> String {
    match read {
        Ok(_) => String::new(),
        Err(error) => {
            let diagnostics = error.diagnostics().unwrap_or_else(|| panic!("no diagnostics: {error}"));
            diagnostics.iter().map(|it| format!("{it}\n")).collect()
        }
    }
}

/// Regression: a fault of a policy file had no position, and only the first one was reported.
#[test]
fn every_policy_file_has_its_expected_diagnostics() {
    let bless = std::env::var_os("FIRSTLINE_BLESS").is_some();
    let (mut wrong, mut read) = (Vec::new(), 0);
    let mut paths: Vec<_> = std::fs::read_dir(directory()).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let report = match path.extension().unwrap().to_str().unwrap() {
            "json" => report(Policy::from_json(&text)),
            #[cfg(feature = "toml")]
            "toml" => report(Policy::from_toml(&text)),
            _ => continue,
        };
        read += 1;
        let expected_path = PathBuf::from(format!("{}.expected", path.display()));
        if bless {
            std::fs::write(expected_path, &report).unwrap();
            continue;
        }
        let expected = std::fs::read_to_string(expected_path).unwrap_or_default();
        if report != expected {
            wrong.push(format!("--- {}\nexpected:\n{expected}found:\n{report}", path.display()));
        }
    }
    assert!(read >= if cfg!(feature = "toml") { 8 } else { 2 }, "only {read} files were read");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Regression: durations had two notations, `"8h"` for targets and seconds for the verification period, and
/// "never" had none.
#[test]
fn durations_have_one_notation() {
    let of = |text: &str| Policy::from_json(&format!(r#"{{"verification": {text}}}"#));
    for (text, period) in [
        (r#""5 days""#, Some(TimeDelta::days(5))),
        (r#""36h""#, Some(TimeDelta::hours(36))),
        (r#""1h 30m""#, Some(TimeDelta::minutes(90))),
        (r#""2 weeks""#, Some(TimeDelta::days(14))),
        (r#""never""#, None),
    ] {
        let policy = Policy::new().verification(period);
        assert_eq!(of(text).unwrap(), policy, "{text}");
        assert_eq!(toml::from_str::<Policy>(&toml::to_string(&policy).unwrap()).unwrap(), policy);
        assert_eq!(serde_json::from_str::<Policy>(&serde_json::to_string(&policy).unwrap()).unwrap(), policy);
    }
    assert_eq!(serde_json::to_value(Policy::new()).unwrap()["verification"], "5 days");
    for text in ["432000", "\"432000\"", "null", "\"0s\"", "\"20 years\"", "\"5 dyas\""] {
        let error = of(text).unwrap_err();
        let found = &error.diagnostics().unwrap()[0];
        assert_eq!(
            (found.path.as_str(), found.position.unwrap().line),
            ("verification", 1),
            "{text}: {error}"
        );
        assert!(found.message.contains("5 days"), "{error}");
    }
}

/// Regression: TOML files were refused with "data did not match any variant of untagged enum".
#[test]
fn no_message_names_the_types_of_this_crate() {
    let target = |change: &str| {
        let change = match change.split_once(" = ") {
            Some(("time", _)) => format!("metric = \"resolution\"\n{change}"),
            _ => format!("metric = \"resolution\"\ntime = \"4h\"\n{change}"),
        };
        format!("[[agreements]]\nname = \"a\"\nposition = 1\n[[agreements.targets]]\n{change}\n")
    };
    let calendar =
        |change: &str| format!("[calendars.office]\ntz = \"Europe/Berlin\"\nweekly = {{}}\n{change}\n");
    let modifier = |value: &str| {
        format!(
            "[[agreements]]\nname = \"a\"\nposition = 1\ntargets = []\nwhen = {{ field = \"kind\", is = {value} }}\n"
        )
    };
    let texts = [
        target("time = 7"),
        target("time = []"),
        target("time = { P1 = 4 }"),
        target("time = { first = \"4h\" }"),
        target("measured = 7"),
        target("measured = { calendar = \"office\" }"),
        target("measured = { business = 7 }"),
        target("measured = {}"),
        target("on_breach = [7]"),
        target("on_breach = [{}]"),
        target("on_breach = [{ notify = \"a\", modifier = \"b\" }]"),
        calendar("holidays = [7]"),
        calendar("holidays = [{}]"),
        calendar("holidays = [{ date = 7, name = \"x\" }]"),
        calendar("holidays = [2026-04-06]"),
        modifier("1e300"),
        modifier("{}"),
        modifier("{ day = \"2026-01-05\" }"),
        modifier("{ date = \"2026-02-30\" }"),
        modifier("[1]"),
        "[fields]\norder = 7\n".to_owned(),
        "[fields]\norder = {}\n".to_owned(),
        "[fields]\norder = { type = 7 }\n".to_owned(),
    ];
    for text in texts {
        let plain = toml::from_str::<Policy>(&text).map(drop).unwrap_err().to_string();
        #[cfg(feature = "toml")]
        let positioned = {
            let error = Policy::from_toml(&text).unwrap_err();
            assert!(error.diagnostics().unwrap().iter().all(|it| it.position.is_some()), "{error}");
            Some(error.to_string())
        };
        #[cfg(not(feature = "toml"))]
        let positioned = None;
        for message in [Some(plain), positioned].into_iter().flatten() {
            for internal in ["untagged", "variant", "struct ", "enum ", "expected", "Visitor"] {
                assert!(!message.contains(internal), "{internal:?} in {message}\n{text}");
            }
        }
    }
}

/// A policy that contains every sort of part.
fn sound() -> Value {
    let policy = json!({
        "prefix": "SHOP",
        "verification": "3 days",
        "fields": {"root_cause": {"type": "text"}, "workaround": {"type": "text"}, "delivery": {"type": "choice", "choices": ["courier", "post"]}},
        "matrix": {
            "impacts": ["company", "person"], "urgencies": ["now", "later"],
            "priorities": ["critical", "normal", "low"],
            "default_impact": "person", "default_urgency": "later",
            "cells": {
                "company": {"now": "critical", "later": "normal"}, "person": {"now": "normal", "later": "low"}
            },
            "modifiers": [{"name": "VIP", "effect": {"raise": 1}, "when": {"field": "contact.vip", "is": true}}]
        },
        "calendars": {"office": {
            "tz": "Europe/Berlin",
            "weekly": {"mon": [["09:00", "12:30"], ["13:00", "17:00"]], "fri": [["09:00", "12:30"]]},
            "holidays": ["2026-04-06", {"date": "12-25", "name": "Christmas Day"}],
            "exceptions": {"2026-12-24": [["09:00", "12:00"]]},
            "at_closing": "next_opening"
        }},
        "agreements": [
            {
                "name": "standard", "position": 1,
                "when": {"all": [{"field": "kind", "is": "incident"}, {"field": "field.delivery", "is_not": "post"}]},
                "on_reopen": "new_cycle",
                "targets": [
                    {
                        "metric": "first_reply", "time": "1h 30m", "measured": {"business": "office"},
                        "warn_at": [50, 90], "on_warning": [{"notify": "duty manager"}]
                    },
                    {
                        "metric": "resolution", "time": {"P1": "4h", "P2": "8h"}, "pauses": ["customer"],
                        "on_breach": [
                            {"modifier": "VIP"}, {"escalate": {"team": "payments", "line": "second"}}
                        ]
                    }
                ]
            },
            {"name": "others", "position": 2, "targets": [{"metric": "resolution", "time": "48h"}]}
        ],
        "workflows": [preset::problem()]
    });
    assert_eq!(report(Policy::from_json(&policy.to_string())), "");
    policy
}

/// Writes one value on each line. Returns the line of each key or item by its path.
fn print(value: &Value, path: &str, text: &mut String, lines: &mut BTreeMap<String, usize>) {
    lines.insert(path.to_owned(), text.matches('\n').count() + 1);
    let mut list = |open: &str, close: &str, parts: Vec<(String, String, &Value)>| {
        text.push_str(open);
        for (number, (path, before, part)) in parts.iter().enumerate() {
            text.push_str(if number == 0 { "\n" } else { ",\n" });
            text.push_str(before);
            print(part, path, text, lines);
        }
        text.push('\n');
        text.push_str(close);
    };
    match value {
        Value::Object(map) => {
            let path = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            list(
                "{",
                "}",
                map.iter().map(|(key, it)| (path(key), format!("{}: ", json!(key)), it)).collect(),
            );
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            list("[", "]", items.map(|(at, it)| (format!("{path}[{at}]"), String::new(), it)).collect());
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}

#[derive(Debug, Clone)]
enum Corruption {
    Remove,
    Rename,
    Retype(Value),
}

fn corruption() -> impl Strategy<Value = Corruption> {
    let value = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-7),
        json!(1e300),
        json!("tpyo"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"tpyo": 1}),
    ]);
    prop_oneof![Just(Corruption::Remove), Just(Corruption::Rename), value.prop_map(Corruption::Retype)]
}

/// All tables of a value, with their paths, as JSON pointers.
fn tables(value: &Value, pointer: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, part) in map {
                tables(part, format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }
            found.push(pointer);
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, part)| tables(part, format!("{pointer}/{at}"), found));
        }
        _ => {}
    }
}

/// The path of a part, as diagnostics write it.
fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        match part.parse::<usize>() {
            Ok(at) => path.push_str(&format!("[{at}]")),
            Err(_) if path.is_empty() => path.push_str(&part),
            Err(_) => path.push_str(&format!(".{part}")),
        }
    }
    path
}

/// True if the keys of the table are names that the author chooses.
fn has_free_names(table: &str) -> bool {
    let last = table.rsplit('.').next().unwrap_or_default();
    ["fields", "calendars", "cells", "exceptions", "time", "guards"].contains(&last)
        || table.starts_with("matrix.cells.")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(soak::drawn(200)) })]

    /// A damaged policy is refused at the damage, or is still a policy.
    #[test]
    fn a_damaged_policy_is_refused_at_the_damage(
        table in any::<Index>(), key in any::<Index>(), corruption in corruption(),
    ) {
        let mut policy = sound();
        let mut pointers = Vec::new();
        tables(&policy, String::new(), &mut pointers);
        let pointer = table.get(&pointers).clone();
        let entries = policy.pointer_mut(&pointer).unwrap().as_object_mut().unwrap();
        if entries.is_empty() {
            return Ok(());
        }
        let key = entries.keys().nth(key.index(entries.len())).unwrap().clone();
        let table = path_of(&pointer);
        let own = |key: &str| if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        // Another value of the same type may be valid here, and wrong only for what refers to it.
        let same_type = match &corruption {
            Corruption::Retype(value) => std::mem::discriminant(value) == std::mem::discriminant(&entries[&key]),
            _ => false,
        };
        let damage = match &corruption {
            Corruption::Remove => {
                entries.remove(&key);
                table.clone()
            }
            Corruption::Rename => {
                let renamed: Map<String, Value> = entries
                    .iter()
                    .map(|(it, value)| (if *it == key { format!("{it}x") } else { it.clone() }, value.clone()))
                    .collect();
                *entries = renamed;
                own(&format!("{key}x"))
            }
            Corruption::Retype(value) => {
                entries[&key] = value.clone();
                // A missing value may be written as null, so the table that lacks the value is at fault.
                if value.is_null() { table.clone() } else { own(&key) }
            }
        };
        let (mut text, mut lines) = (String::new(), BTreeMap::new());
        print(&policy, "", &mut text, &mut lines);
        let all: Vec<&str> = text.lines().collect();
        match Policy::from_json(&text) {
            Ok(read) => {
                prop_assert_eq!(&read, &serde_json::from_str::<Policy>(&text).unwrap(), "{}", text);
                prop_assert_eq!(&read, &Policy::from_json(&serde_json::to_string(&read).unwrap()).unwrap());
                let renamed = matches!(corruption, Corruption::Rename);
                prop_assert!(!renamed || has_free_names(&table), "{} is accepted\n{}", damage, text);
            }
            Err(error) => {
                let found = error.diagnostics().unwrap();
                for it in found {
                    let place = it.position.unwrap();
                    let line = all.get(place.line - 1).copied().unwrap_or_default();
                    prop_assert!((1..=line.chars().count() + 1).contains(&place.column), "{}\n{}", it, text);
                }
                // The damage itself is reported, unless only a reference to the old name is at fault.
                let at: BTreeSet<usize> = found.iter().filter(|it| it.is_error()).map(|it| it.position.unwrap().line).collect();
                let expected = match lines.get(&damage) {
                    Some(line) => *line,
                    None => panic!("{damage} has no line"),
                };
                let free = has_free_names(&table) || same_type || matches!(corruption, Corruption::Remove);
                let reference = found.iter().filter(|it| it.is_error()).any(|it| !it.path.starts_with(&damage));
                // A fault of a whole condition or effect is reported where that begins.
                let encloses = |path: &str| {
                    let is_whole = path.ends_with(".when") || path.ends_with(".effect") || path.contains(".guards.");
                    damage.starts_with(path) && is_whole
                };
                let reported = found.iter().filter(|it| it.is_error()).any(|it| it.path.starts_with(&damage) || encloses(&it.path));
                prop_assert!(
                    at.contains(&expected) || reported || (free && reference),
                    "{} in line {} is not reported: {}\n{}", damage, expected, error, text
                );
                if matches!(corruption, Corruption::Rename) && !has_free_names(&table) {
                    let reported = found.iter().filter(|it| it.is_error()).any(|it| it.position.unwrap().line == expected);
                    prop_assert!(reported, "{} in line {}: {}\n{}", damage, expected, error, text);
                }
            }
        }
    }
}

/// A file with thousands of faults is refused in reasonable time, and the error names the limit.
#[test]
fn a_policy_with_thousands_of_faults_ends_after_a_hundred() {
    let agreements: Vec<Value> = (0..5_000).map(|at| json!({"nmae": at})).collect();
    let error = Policy::from_json(&json!({"agreements": agreements}).to_string()).unwrap_err();
    let found = error.diagnostics().unwrap();
    assert!((100..=110).contains(&found.len()), "{}", found.len());
    assert!(found.iter().any(|it| it.kind == DiagnosticKind::LimitExceeded));
}

/// The checks that need the whole policy run even if a part of it cannot be read, and report no consequences.
#[test]
fn an_unreadable_part_hides_and_causes_no_other_faults() {
    let codes = |text: &str| -> Vec<String> {
        let error = Policy::from_json(text).unwrap_err();
        error
            .diagnostics()
            .unwrap()
            .iter()
            .filter(|it| it.is_error())
            .map(|it| format!("{} {}", it.kind, it.path))
            .collect()
    };
    let agreement = |target: &str| {
        format!(
            r#""agreements": [{{"name": "a", "position": 1, "targets": [{{"metric": "resolution", {target}}}]}}]"#
        )
    };
    let business = agreement(r#""time": "4h", "measured": {"business": "office"}, "warn_at": [0]"#);
    assert_eq!(
        codes(&format!(r#"{{"calendars": {{"office": {{"tz": 7}}}}, {business}}}"#)),
        [
            "missing-key calendars.office",
            "wrong-type calendars.office.tz",
            "bad-value agreements[0].targets[0].warn_at[0]",
        ]
    );
    let reaction =
        agreement(r#""time": {"P5": "4h"}, "on_breach": [{"modifier": "VIP"}], "warn_at": [99, 99]"#);
    assert_eq!(
        codes(&format!(r#"{{"matrix": {{"impacts": 7}}, {reaction}}}"#)).last().unwrap(),
        "bad-value agreements[0].targets[0].warn_at[1]"
    );
    let policy = Policy::new().field("order", FieldType::Integer);
    assert!(policy.check().is_ok());
    let when = r#""agreements": [{"name": "a", "position": 1, "when": {"field": "field.order", "is": 1}, "targets": []}]"#;
    assert_eq!(
        codes(&format!(r#"{{"fields": {{"order": {{"type": "intger"}}}}, {when}}}"#)),
        ["unknown-name fields.order.type", "incomplete agreements[0].targets"]
    );
}

/// A policy with one fault in every table that has required keys.
fn one_fault_per_table() -> Value {
    json!({
        "agreements": [
            {"name": "a", "position": 1, "when": {"field": "kin", "is": "incident"}, "targets": [
                {"metric": "first_reply", "time": "8h", "warn_at": [120]},
                {"metric": "resolution", "time": {"P1": "8h"}, "warn_at": [80, 60]},
            ]},
            {"name": "b", "position": 2, "when": {"field": "channl", "is": "mail"}, "targets": [
                {"metric": "next_reply", "time": "8h", "measured": {"business": "offce"}},
            ]},
        ],
        "calendars": {"office": {"tz": "Europe/Berlin", "weekly": {"mon": [["09:00", "17:00"]]}, "due_at_closing": "x"}},
        "matrix": {
            "impacts": ["high"], "urgencies": ["any"], "priorities": ["P1", "P2"],
            "default_impact": "high", "default_urgency": "any", "cells": {"high": {"any": "P1"}},
            "modifiers": [
                {"name": "VIP", "effect": {"raise": 1}, "when": {"field": "contat.vip", "is": true}},
                {"name": "press", "effect": {"at_least": 1}, "when": {"field": "tgs", "contains": "press"}},
            ],
        },
    })
}

/// Regression: an unreadable metric, effect or time hid the other faults of its table until it was corrected, and a
/// made-up position was reported as a duplicate.
#[test]
fn an_unreadable_key_hides_no_fault_of_its_table_and_adds_none() {
    let faults = |policy: &Value| -> BTreeSet<String> {
        let error = Policy::from_json(&policy.to_string()).unwrap_err();
        let found = error.diagnostics().unwrap();
        found.iter().filter(|it| it.is_error()).map(|it| format!("{} {}", it.path, it.kind)).collect()
    };
    let sample = one_fault_per_table();
    let before = faults(&sample);
    assert_eq!(before.len(), 8, "{before:?}");
    let keys = [
        "/agreements/0/name",
        "/agreements/0/position",
        "/agreements/0/targets/0/metric",
        "/agreements/0/targets/0/time",
        "/agreements/0/targets/1/metric",
        "/agreements/0/targets/1/time",
        "/agreements/1/name",
        "/agreements/1/position",
        "/agreements/1/targets/0/metric",
        "/agreements/1/targets/0/time",
        "/matrix/modifiers/0/name",
        "/matrix/modifiers/0/effect",
        "/matrix/modifiers/1/name",
        "/matrix/modifiers/1/effect",
    ];
    for pair in keys.windows(1).chain(keys.windows(2)) {
        for wrong in [json!(true), json!([1]), json!("x y z")] {
            let mut damaged = sample.clone();
            for key in pair {
                // Every text is a name.
                let wrong = if wrong.is_string() && key.ends_with("name") { json!(5) } else { wrong.clone() };
                *damaged.pointer_mut(key).unwrap() = wrong;
            }
            let after = faults(&damaged);
            let hidden: Vec<_> = before.difference(&after).collect();
            assert!(hidden.is_empty(), "{pair:?} {wrong}: hidden {hidden:?}");
            let added: Vec<_> = after.difference(&before).collect();
            assert_eq!(added.len(), pair.len(), "{pair:?} {wrong}: {added:?}");
        }
    }
}

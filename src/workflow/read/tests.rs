//! Faults of the written form and their positions.

use super::*;
use crate::diagnostic::DiagnosticKind;

/// The position, code and path of each diagnostic, without its message.
fn found(diagnostics: Vec<Diagnostic>) -> Vec<String> {
    let position =
        |it: &Diagnostic| it.position.map_or("nowhere".to_owned(), |it| format!("{}:{}", it.line, it.column));
    sorted(diagnostics).iter().map(|it| format!("{} {} {}", position(it), it.kind, it.path)).collect()
}

const FAULTY: &str = r#"{
  "nmae": "Возврат",
  "version": 0,
  "kinds": ["request", 7, []],
  "guards": {
    "дешёвый": {"all": [{"feild": "field.price", "at_most": 2}, {"field": "x", "is": null}, "always"]},
    "fine": {"field": "field.price", "exists": true}
  },
  "statuses": [
    {"name": "Новый", "state": "new", "enter": ["category", "category"]}, {"name": "A", "state": "actve"},
    {"state": "closed", "reason": true, "reason": "customer"}, 12
  ],
  "transitions": [
    {"from": "Новый", "action": "colse", "to": "A", "when": [], "may": ["agnet", "role:"], "reason": "yes"},
    {"from": ["Новый", null], "to": ["A"], "may": "line:frist"}
  ],
  "rules": [{"every_path_to": "state:close", "must_pass": "A"}, {}]
}"#;

#[test]
fn all_faults_are_reported_at_their_positions() {
    let (definition, diagnostics) = json(FAULTY);
    assert_eq!(definition.unwrap().guards.len(), 2);
    let expected = [
        "1:1 missing-key ",
        "2:3 unknown-key nmae",
        "3:14 bad-version version",
        "4:24 wrong-type kinds[1]",
        "4:27 wrong-type kinds[2]",
        "6:26 bad-condition guards.дешёвый.all[0].feild",
        "6:86 bad-condition guards.дешёвый.all[1].is",
        "7:13 unused-guard guards.fine",
        "10:48 required-at-start statuses[0].enter",
        "10:61 duplicate-item statuses[0].enter[1]",
        "10:98 unknown-state statuses[1].state",
        "11:5 missing-key statuses[2]",
        "11:35 wrong-type statuses[2].reason",
        "11:41 duplicate-key statuses[2].reason",
        "11:64 wrong-type statuses[3]",
        "14:33 unknown-action transitions[0].action",
        "14:61 empty-list transitions[0].when",
        "14:73 unknown-performer transitions[0].may[0]",
        "14:82 unknown-performer transitions[0].may[1]",
        "14:102 wrong-type transitions[0].reason",
        "15:5 missing-key transitions[1]",
        "15:24 wrong-type transitions[1].from[1]",
        "15:37 wrong-type transitions[1].to",
        "15:51 unknown-performer transitions[1].may",
        "17:31 unknown-state rules[0].every_path_to",
        "17:65 missing-key rules[1]",
        "17:65 missing-key rules[1]",
    ];
    assert_eq!(found(diagnostics), expected);
}

/// An unreadable part is reported once, its placeholder is never reported, and the rest is checked in full.
#[test]
fn an_unreadable_part_hides_and_causes_no_other_faults() {
    let sound = r#"{"name": "small", "guards": {"g": {"field": "priority", "is": 1}}, "statuses": [
        {"name": "Open", "state": "new"}, {"name": "Work", "state": "active"},
        {"name": "Answered", "state": "resolved"}, {"name": "Done", "state": "closed"}
    ], "transitions": [
        {"from": "Open", "action": "start", "to": "Work", "when": "g"},
        {"from": "Open", "action": "resolve", "to": "Answered"},
        {"from": "Work", "action": "resolve", "to": "Answered"},
        {"from": "Answered", "action": "close", "to": "Done"}
    ], "rules": [{"every_path_to": "Done", "must_pass": "state:resolved"}]}"#;
    let codes = |changes: &[(&str, &str)]| -> Vec<&'static str> {
        let text = changes.iter().fold(sound.to_owned(), |text, (was, is)| {
            assert!(text.contains(was), "{was}");
            text.replacen(was, is, 1)
        });
        let diagnostics = sorted(json(&text).1);
        diagnostics.iter().filter(|it| it.is_error()).map(|it| it.kind.code()).collect()
    };
    assert_eq!(codes(&[]), [""; 0]);
    let state = (r#""state": "active""#, r#""state": "actve""#);
    let name = (r#""name": "Work""#, r#""nmae": "Work""#);
    let from = (r#""from": "Work""#, r#""from": 7"#);
    let action = (r#""action": "close""#, r#""action": "colse""#);
    let guard = (r#""is": 1"#, r#""si": 1"#);
    let spot = (r#""state:resolved""#, r#""state:resolvd""#);
    for (fault, code) in [
        (state, "unknown-state"),
        (from, "wrong-type"),
        (action, "unknown-action"),
        (guard, "bad-condition"),
        (spot, "unknown-state"),
    ] {
        assert_eq!(codes(&[fault]), [code], "{fault:?}");
    }
    let and = |fault| codes(&[fault, (r#""to": "Answered""#, r#""to": "Answred""#)]);
    assert_eq!(and(state), ["unknown-state", "unknown-status"]);
    assert_eq!(and(action), ["unknown-status", "unknown-action"]);
    assert_eq!(codes(&[name]), ["missing-key", "unknown-key"]);
    // If a status has no name, a reference to an unknown status may mean that one.
    assert_eq!(and(name), ["missing-key", "unknown-key"]);
    let wrong = (r#""action": "start""#, r#""action": "resume""#);
    assert_eq!(codes(&[guard, wrong]), ["bad-condition", "forbidden-by-state"]);
    assert_eq!(codes(&[state, wrong]), ["unknown-state"]);
    assert_eq!(codes(&[(r#""when": "g""#, r#""when": "h""#), action]), ["unknown-guard", "unknown-action"]);
}

#[test]
fn a_format_without_positions_reports_the_same_faults() {
    let twice = serde_json::from_str::<WorkflowDefinition>(FAULTY).unwrap_err().to_string();
    // Without the two faults that the checks of the whole definition find.
    assert_eq!(twice.lines().count(), found(json(FAULTY).1).len() - 2);
    assert!(
        twice.contains("error[unknown-state] statuses[1].state: the state \"actve\" is not known"),
        "{twice}"
    );
}

#[test]
fn invalid_json_is_reported_at_its_position() {
    for (text, expected) in [
        ("", "1:1 syntax "),
        ("{\n  \"name\": \"x\",\n}", "3:1 syntax "),
        ("{\"имя\": ты}", "1:9 syntax "),
        ("{\"name\": \"x\"} }", "1:15 syntax "),
        ("\u{feff}{\"name\": \"\\ud800\"}", "1:10 syntax "),
    ] {
        let (definition, diagnostics) = json(text);
        assert_eq!((found(diagnostics), definition), (vec![expected.to_owned()], None), "{text}");
    }
}

#[test]
fn deep_json_does_not_exhaust_the_stack() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + "1" + &close.repeat(100_000);
    for text in ["[".repeat(100_000), deep("[", "]"), "{\"a\":".repeat(50_000), deep("{\"a\":", "}")] {
        let (definition, diagnostics) = json(&text);
        assert!(definition.is_none() && diagnostics[0].kind == DiagnosticKind::Syntax, "{diagnostics:?}");
        assert!(serde_json::from_str::<WorkflowDefinition>(&text).is_err());
    }
}

/// Regression: dropping the tree of the fourth text, six thousand nested tables, overflowed the stack of a thread.
#[test]
#[cfg(feature = "toml")]
fn deep_toml_does_not_exhaust_the_stack() {
    let keys = ["a"; 79].join(".");
    let dotted = format!("[{keys}]\n{}{keys} = 1{}", format!("{keys} = {{").repeat(79), "}".repeat(79));
    let long = ["a"; 100_000].join(".");
    let unclosed = format!("[{keys}\n{}", format!("{keys} = {{ ] \n").repeat(79));
    let texts = ["a = ".to_owned() + &"[".repeat(100_000), "a = {b=".repeat(100_000), long, dotted, unclosed];
    for text in texts {
        let (definition, diagnostics) = toml(&text);
        assert!(definition.is_none() && diagnostics[0].kind == DiagnosticKind::Syntax, "{diagnostics:?}");
        assert!(diagnostics[0].message.contains("nest deeper than 100 levels"), "{diagnostics:?}");
    }
    // A condition of the maximum depth is read.
    let condition = "{ not = ".repeat(31) + "\"always\"" + &" }".repeat(31);
    let diagnostics = toml(&format!("name = \"x\"\nguards.x = {condition}")).1;
    assert_eq!(found(diagnostics), ["1:1 missing-key ", "1:1 missing-key ", "2:12 never-holds guards.x"]);
}

#[test]
#[cfg(feature = "toml")]
fn several_toml_faults_are_reported_at_once() {
    let text = "name = \nkinds = \"A\nversion = 1\nversion = 2\n[[statuses]\nstate = \"new\"\n";
    assert_eq!(found(toml(text).1), ["1:8 syntax ", "2:11 syntax ", "4:1 duplicate-key ", "5:12 syntax "]);
    // If duplicate keys are the only faults, the rest is read too.
    let text = "name = \"x\"\nname = \"y\"\nstatuses = [{ nmae = \"A\" }]\ntransitions = 2026-01-05\n";
    let (definition, diagnostics) = toml(text);
    assert_eq!(definition.unwrap().name, "x");
    assert_eq!(
        found(diagnostics),
        [
            "2:1 duplicate-key ",
            "3:13 missing-key statuses[0]",
            "3:13 missing-key statuses[0]",
            "3:15 unknown-key statuses[0].nmae",
            "4:15 wrong-type transitions",
        ]
    );
}

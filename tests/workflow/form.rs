//! The serialised form of workflows reads back the same in every format.

use crate::soak;

use firstline::workflow::{MustPass, Performer, Status, StatusSelector, Transition, Trigger};
use firstline::{Condition, Line, StateKind, StepKind, Value, WorkflowDefinition};
use proptest::prelude::*;

/// Plausible names, and some that only a test would use.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[А-яё€𐍈 ]{1,6}",
        Just("awaiting \"parcel\"".to_owned()),
        Just("a.b[0]\\n".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("2026-01-05".to_owned()),
        Just("\u{1f}\t\u{feff}'''\"\"\"".to_owned()),
    ]
}

fn state() -> impl Strategy<Value = StateKind> {
    prop::sample::select(StateKind::ALL)
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        name().prop_map(Value::from),
        prop::collection::vec(name(), 0..3).prop_map(Value::from),
        (0..40_000_i32).prop_map(|day| Value::from(chrono::NaiveDate::from_epoch_days(day).unwrap())),
        (0..4_000_000_000_i64)
            .prop_map(|second| Value::from(chrono::DateTime::from_timestamp(second, 0).unwrap())),
    ]
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        Just(Condition::ALWAYS),
        (name(), value()).prop_map(|(field, value)| Condition::field(field).is(value)),
        (name(), value()).prop_map(|(field, value)| Condition::field(field).at_most(value)),
        (name(), name()).prop_map(|(field, text)| Condition::field(field).contains(text)),
        name().prop_map(|field| Condition::field(field).missing()),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Condition::all),
            prop::collection::vec(inner.clone(), 1..3).prop_map(Condition::any),
            inner.prop_map(|it| !it),
        ]
    })
}

fn status() -> impl Strategy<Value = Status> {
    let fields = || prop::collection::btree_set(name(), 0..3);
    (name(), state(), any::<bool>(), prop::option::of(name()), fields(), fields()).prop_map(
        |(name, state, default, reason, enter, leave)| {
            let mut status = Status::new(name, state);
            (status.default, status.reason) = (default, reason.map(Into::into));
            (status.enter, status.leave) = (enter, leave);
            status
        },
    )
}

fn performer() -> impl Strategy<Value = Performer> {
    let line = prop::sample::select(vec![Line::First, Line::Second, Line::Third, Line::External]);
    prop_oneof![
        Just(Performer::Requester),
        Just(Performer::Agent),
        Just(Performer::Automation),
        line.prop_map(Performer::Line),
        "[a-zё]{1,5}".prop_map(Performer::Role),
    ]
}

fn transition() -> impl Strategy<Value = Transition> {
    let names = |range| prop::collection::vec(name(), range);
    let via = prop::sample::select(Trigger::all().collect::<Vec<_>>());
    (names(0..3), via, name(), names(0..3), prop::collection::vec(performer(), 0..3), any::<bool>()).prop_map(
        |(from, action, to, when, may, reason)| {
            let mut transition = Transition::step(StepKind::Start, "", to);
            (transition.from, transition.action, transition.when) = (from, action, when);
            (transition.may, transition.reason) = (may, reason);
            transition
        },
    )
}

fn selector() -> impl Strategy<Value = StatusSelector> {
    prop_oneof![name().prop_map(StatusSelector::Status), state().prop_map(StatusSelector::State)]
}

fn definition() -> impl Strategy<Value = WorkflowDefinition> {
    let whole = (
        name(),
        1..=u32::MAX,
        prop::collection::btree_set(name(), 0..3),
        prop::collection::btree_map(name(), condition(), 0..3),
        prop::collection::vec(status(), 0..4),
        prop::collection::vec(transition(), 0..4),
        prop::collection::vec((selector(), selector()), 0..3),
    );
    whole.prop_map(|(name, version, kinds, guards, statuses, transitions, rules)| {
        let mut definition = WorkflowDefinition::new(name).version(version);
        (definition.kinds, definition.guards, definition.statuses) = (kinds, guards, statuses);
        definition.transitions = transitions;
        definition.rules = rules
            .into_iter()
            .map(|(every_path_to, must_pass)| MustPass { every_path_to, must_pass })
            .collect();
        definition
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(soak::drawn(500)))]

    #[test]
    fn a_written_workflow_is_read_back(definition in definition()) {
        let json = serde_json::to_string(&definition).unwrap();
        prop_assert_eq!(&serde_json::from_str::<WorkflowDefinition>(&json).unwrap(), &definition, "{}", json);
        let tree = serde_json::to_value(&definition).unwrap();
        prop_assert_eq!(&serde_json::from_value::<WorkflowDefinition>(tree).unwrap(), &definition);
        let text = toml::to_string(&definition).unwrap();
        prop_assert_eq!(&toml::from_str::<WorkflowDefinition>(&text).unwrap(), &definition, "{}", text);
    }
}

#[test]
fn a_string_reads_as_a_list_of_one_and_the_version_is_optional() {
    let short = r#"
        name = "returns"
        kinds = "request"
        statuses = [{ name = "Приёмка", state = "active", enter = "category", leave = "field.price" }]
        transitions = [{ from = "A", action = "resolve", to = "B", when = "cheap", may = "role:lead" }]
    "#;
    let mut transition = Transition::step(StepKind::Resolve, "A", "B").when("cheap");
    transition = transition.may(Performer::Role("lead".to_owned()));
    let long = WorkflowDefinition::new("returns")
        .for_kind("request")
        .status(Status::new("Приёмка", StateKind::Active).enter("category").leave("field.price"))
        .transition(transition);
    assert_eq!(toml::from_str::<WorkflowDefinition>(short).unwrap(), long);
}

#[test]
fn all_faults_are_in_one_message() {
    let text = r#"{"name": 7, "statuses": [{"name": "A", "state": "nwe"}], "transitons": []}"#;
    let message = serde_json::from_str::<WorkflowDefinition>(text).unwrap_err().to_string();
    for fault in [
        "name takes a text, not an integer",
        "the state \"nwe\" is not known (did you mean \"new\"?); allowed: new, active, on_hold",
        "the key \"transitons\" is not known (did you mean \"transitions\"?)",
        "transitions is missing",
    ] {
        assert!(message.contains(fault), "{fault}: {message}");
    }
}

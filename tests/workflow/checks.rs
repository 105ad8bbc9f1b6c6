//! The findings of a workflow check, and cases without findings.

use firstline::workflow::{Performer, Status, Transition, Workflow};
use firstline::{Condition, StateKind, StepKind, WorkflowDefinition};

/// A workflow without faults. Work is resolved only through `guards`.
fn guarded(guards: &[(&str, Condition)]) -> WorkflowDefinition {
    let definition = WorkflowDefinition::new("small")
        .status(Status::new("Open", StateKind::New))
        .status(Status::new("Work", StateKind::Active))
        .status(Status::new("Answered", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Open", "Work"))
        .transition(Transition::step(StepKind::Cancel, "Open", "Withdrawn"))
        .transition(Transition::step(StepKind::Reopen, "Answered", "Work"))
        .transition(Transition::step(StepKind::Close, "Answered", "Done"));
    guards.iter().fold(definition, |definition, (name, condition)| {
        definition
            .guard(*name, condition.clone())
            .transition(Transition::step(StepKind::Resolve, "Work", "Answered").when(*name))
    })
}

/// The codes of all diagnostics.
fn found(definition: &WorkflowDefinition) -> Vec<&'static str> {
    definition.check().iter().map(|it| it.kind.code()).collect()
}

/// Regression: two guards that are exact opposites were reported as `only-guarded`, although one of them always holds.
#[test]
fn guards_that_together_cover_every_ticket_do_not_trap_it() {
    let price = || Condition::field("field.price");
    let vip = || Condition::field("contact.vip").is(true);
    for guards in [
        vec![("vip", vip()), ("not vip", !vip())],
        vec![
            ("cheap", price().at_most(20)),
            ("dear", price().more_than(20)),
            ("no price", price().missing()),
        ],
        vec![
            ("urgent", Condition::field("priority").at_most(2)),
            ("other", Condition::field("priority").at_least(3)),
        ],
        vec![
            ("first", Condition::field("line").is("first")),
            ("later", Condition::field("line").is_not("first")),
        ],
        vec![
            ("both", vip().and(price().exists())),
            ("not vip", !vip()),
            ("no price", Condition::all([vip(), price().missing()])),
        ],
        vec![("cheap", price().at_most(20)), ("not below", !price().at_most(19))],
        vec![("working", Condition::field("state").is("active"))],
    ] {
        assert_eq!(found(&guarded(&guards)), [""; 0], "{guards:?}");
    }
    // These leave a gap.
    for guards in [
        vec![("vip", vip()), ("known", Condition::field("contact.vip").is(false))],
        vec![("cheap", price().at_most(20)), ("dear", price().more_than(20))],
        vec![("a", Condition::field("tags").contains("a")), ("b", Condition::field("tags").contains("b"))],
    ] {
        assert_eq!(found(&guarded(&guards)), ["only-guarded"], "{guards:?}");
    }
}

/// Opposite guards that lead to different statuses: every one of these statuses must lead on.
#[test]
fn opposite_guards_trap_a_ticket_if_one_of_them_leads_nowhere() {
    let cheap = || Condition::field("field.price").at_most(20);
    let branching = guarded(&[("cheap", cheap())])
        .guard("dear", !cheap())
        .status(Status::new("Review", StateKind::Active))
        .transition(Transition::within("Work", "Review").when("dear"));
    let review = |when: &[&str]| {
        when.iter().fold(branching.clone(), |definition, guard| {
            definition.transition(Transition::step(StepKind::Resolve, "Review", "Answered").when(*guard))
        })
    };
    assert_eq!(found(&review(&["cheap", "dear"])), [""; 0]);
    let only = review(&["dear"]).check();
    let only: Vec<_> = only.iter().map(|it| (it.kind.code(), it.path.as_str())).collect();
    assert_eq!(only, [("only-guarded", "statuses[5]")]);
}

/// Regression: the warnings about messages and silence ignored guards that cover every ticket.
#[test]
fn a_message_reopens_a_ticket_if_the_guards_cover_every_ticket() {
    let vip = || Condition::field("contact.vip").is(true);
    let mut definition = guarded(&[("vip", vip()), ("not vip", !vip())]);
    definition.transitions.retain(|it| it.to != "Work" && it.to != "Done");
    let mut definition = definition.transition(Transition::step(StepKind::Start, "Open", "Work"));
    for guard in ["vip", "not vip"] {
        definition = definition
            .transition(Transition::step(StepKind::Reopen, "Answered", "Work").when(guard))
            .transition(
                Transition::step(StepKind::Close, "Answered", "Done").when(guard).may(Performer::Automation),
            )
            .transition(
                Transition::step(StepKind::Close, "Answered", "Done").when(guard).may(Performer::Agent),
            );
    }
    assert_eq!(found(&definition), [""; 0]);
}

/// Regression: a wait from which a ticket can only be cancelled passed without a warning about it.
#[test]
fn a_status_that_leads_nowhere_but_to_cancelled_is_reported() {
    let sound = || guarded(&[("any", Condition::ALWAYS)]);
    let lost = |status: Status, step: StepKind| {
        let name = status.name.clone();
        let found = sound()
            .status(status)
            .transition(Transition::step(step, "Work", name.as_str()))
            .transition(Transition::step(StepKind::Cancel, name, "Withdrawn"))
            .check();
        found.iter().map(|it| it.kind.code()).filter(|it| *it != "always-holds").collect::<Vec<_>>()
    };
    let waiting = Status::new("Awaiting customer", StateKind::OnHold).holding_for("customer");
    assert_eq!(lost(waiting, StepKind::Hold), ["only-cancel"]);
    let waiting = Status::new("Awaiting parts", StateKind::OnHold).holding_for("third_party");
    assert_eq!(lost(waiting, StepKind::Hold), ["only-cancel"]);
}

/// Regression: one value of the wrong type hid every fault of the graph.
#[test]
fn a_fault_of_form_hides_no_fault_of_the_graph() {
    let text = r#"{
        "name": "small", "kinds": 7, "guards": {"g": {"field": "priority", "si": 1}},
        "statuses": [
            {"name": "Open", "state": "new", "default": "yes"}, {"name": "Work", "state": "active"},
            {"name": "Answered", "state": "resolved"}, {"name": "Done", "state": "closed", "enter": 5},
            {"name": "Lost", "state": "active"}, {"name": "Unknown", "state": "actve"}
        ],
        "transitions": [
            {"from": "Open", "action": "start", "to": "Work"},
            {"from": "Work", "action": "resolve", "to": "Answered", "when": "g"},
            {"from": "Answered", "action": "close", "to": "Done", "may": "agnet"},
            {"from": "Work", "action": "start", "to": "Lost"}
        ],
        "rules": [{"every_path_to": "Done", "must_pass": "Lost"}]
    }"#;
    let error = Workflow::from_json(text).unwrap_err();
    let found: Vec<_> = error
        .diagnostics()
        .unwrap()
        .iter()
        .filter(|it| it.is_error())
        .map(|it| (it.kind.code(), it.path.as_str()))
        .collect();
    for expected in [
        ("wrong-type", "kinds"),
        ("bad-condition", "guards.g.si"),
        ("wrong-type", "statuses[0].default"),
        ("wrong-type", "statuses[3].enter"),
        ("unknown-state", "statuses[5].state"),
        ("unknown-performer", "transitions[2].may"),
        ("dead-end", "statuses[4]"),
        ("forbidden-by-state", "transitions[3].from[0]"),
        ("bypass", "rules[0]"),
    ] {
        assert!(found.contains(&expected), "{expected:?} is missing: {found:#?}");
    }
    // The unknown state could be any state, so the status is not reported as a dead end.
    assert!(!found.contains(&("dead-end", "statuses[5]")), "{found:#?}");
}

/// Regression: the other transition was named by its index, but readers of a file do not count transitions.
#[test]
fn the_other_part_is_named_by_its_position() {
    let text = r#"{"name": "small",
"statuses": [{"name": "Open", "state": "new"}, {"name": "Answered", "state": "resolved"},
  {"name": "Answered too", "state": "resolved"}, {"name": "Done", "state": "closed"},
  {"name": "Done", "state": "closed"}],
"transitions": [
  {"from": "Open", "action": "resolve", "to": "Answered"},
  {"from": "Open", "action": "resolve", "to": "Answered too"},
  {"from": "Open", "action": "resolve", "to": "Answered"},
  {"from": ["Answered", "Answered too"], "action": "close", "to": "Done"}]}"#;
    let error = Workflow::from_json(text).unwrap_err().to_string();
    let message =
        |code: &str| error.lines().find(|it| it.contains(code)).unwrap_or_else(|| panic!("{error}"));
    assert!(message("[duplicate-transition]").ends_with("defined already: line 6, column 3"), "{error}");
    assert!(message("[ambiguous]").contains("to \"Answered\" in line 6, column 3; mark"), "{error}");
    assert!(message("[duplicate-status]").ends_with("already: line 3, column 59"), "{error}");
    // Without a text, the finding names the path.
    let definition: WorkflowDefinition = serde_json::from_str(text).unwrap();
    let without: String = definition.check().iter().map(ToString::to_string).collect();
    assert!(without.contains("defined already: transitions[0]"), "{without}");
}

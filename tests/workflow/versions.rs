//! Versions: live tickets stay on their version, and a changed workflow needs a greater version number.

use firstline::workflow::{Status, Transition};
use firstline::{Action, Policy, StateKind, StepKind, WorkflowDefinition};

use super::stage::{anna, on_each_store};
use super::{opened, policy, request, returns, with};

fn second() -> WorkflowDefinition {
    let mut second = returns().version(2);
    second.transitions.retain(|it| it.to != "Withdrawn");
    second.statuses.retain(|it| it.name != "Withdrawn");
    second.status(Status::new("Called off", StateKind::Cancelled)).transition(Transition::step(
        StepKind::Cancel,
        "Queued",
        "Called off",
    ))
}

#[test]
fn live_tickets_stay_on_their_version_and_new_ones_follow_the_new() {
    on_each_store(|stage| {
        let old = opened(stage);
        stage.time.advance(firstline::TimeDelta::hours(1));
        stage.desk.setup().adopt(&with(second())).unwrap();
        let new = stage.desk.open_ticket(request()).unwrap().id();
        // A new desk value has no versions cached and reads both from the store.
        let desk = stage.other_desk("acme");
        desk.act(old, Action::cancel().comment("a test"), anna()).unwrap();
        desk.act(new, Action::cancel(), anna()).unwrap();
        let of = |id| {
            let ticket = desk.ticket(id).unwrap();
            (ticket.workflow_ref().to_string(), ticket.status().to_owned())
        };
        assert_eq!(of(old), ("returns v1".to_owned(), "Withdrawn".to_owned()));
        assert_eq!(of(new), ("returns v2".to_owned(), "Called off".to_owned()));
    });
}

#[test]
fn a_changed_workflow_needs_a_greater_version() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy()).unwrap();
        let error = stage.desk.setup().adopt(&with(second().version(1))).unwrap_err();
        assert_eq!(
            error.to_string(),
            "workflow \"returns\" was changed, but version 1 is already in use; allowed: version 2 or later"
        );
        stage.desk.setup().adopt(&with(second())).unwrap();
        // The same definition again is not a change.
        stage.time.advance(firstline::TimeDelta::hours(1));
        stage.desk.setup().adopt(&with(second()).prefix("R")).unwrap();
    });
}

#[test]
fn all_faults_of_a_policys_workflows_are_reported_at_once() {
    let other = returns().version(2);
    let error = Policy::new().workflow(returns()).workflow(other).check().unwrap_err();
    let text = error.to_string();
    let lines: Vec<&str> = text.lines().collect();
    // Neither workflow declares the field `amount`, which a guard and a demand name.
    assert!(lines[0].starts_with("error[unknown-field] workflows[0].guards.cheap: "), "{text}");
    assert!(lines[1].contains("statuses[6].leave: the field \"field.amount\" is not known"), "{text}");
    assert!(text.contains("two workflows are named \"returns\""), "{text}");
    assert!(text.contains("both claim the kind \"return\""), "{text}");
    let everybody = |name: &str| {
        let mut it = returns();
        (it.name, it.kinds) = (name.to_owned(), Default::default());
        it
    };
    let both = with(everybody("a")).workflow(everybody("b"));
    assert!(
        both.check()
            .unwrap_err()
            .to_string()
            .contains("both apply to all kinds that no other workflow claims")
    );
    let named = with(everybody("simple"));
    assert!(named.check().unwrap_err().to_string().contains("belongs to the built-in workflow"));
}

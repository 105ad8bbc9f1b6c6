//! Workflows with all possible transitions, and the invariants of a migrated ticket.

use firstline::policy::FieldType;
use firstline::ticket::event::MigrationCause;
use firstline::ticket::intervals;
use firstline::workflow::{Status, Transition};
use firstline::{Change, Event, Policy, Snapshot, StateKind, StepKind, WorkflowDefinition};

/// A workflow with these statuses and a transition between any two that the lifecycle allows.
pub(crate) fn open_workflow(name: &str, version: u32, statuses: &[Status]) -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new(name).version(version).for_kind("return");
    let mut seen = Vec::new();
    for status in statuses {
        let status = if seen.contains(&status.state) { status.clone() } else { status.clone().by_default() };
        seen.push(status.state);
        workflow = workflow.status(status);
    }
    for from in statuses {
        for to in statuses.iter().filter(|to| to.name != from.name) {
            if from.state == to.state && !from.state.is_final() {
                workflow = workflow.transition(Transition::within(&from.name, &to.name));
            }
            // Steps lead to the first two statuses of a state, the first of which is the default. Moves lead to the
            // others.
            let place = statuses.iter().filter(|it| it.state == to.state).position(|it| it.name == to.name);
            for step in
                StepKind::ALL.iter().filter(|step| from.state.accepts(**step) && step.target() == to.state)
            {
                if from.state != to.state && place < Some(2) {
                    workflow = workflow.transition(Transition::step(*step, &from.name, &to.name));
                }
            }
        }
    }
    workflow
}

pub(crate) fn status(name: &str, state: StateKind) -> Status {
    Status::new(name, state)
}

/// `returns` v1 of the documentation.
pub(crate) fn first() -> WorkflowDefinition {
    open_workflow(
        "returns",
        1,
        &[
            status("Requested", StateKind::New),
            status("Awaiting parcel", StateKind::OnHold).holding_for("customer"),
            status("Inspection", StateKind::Active),
            status("Refunded", StateKind::Resolved),
            status("Done", StateKind::Closed),
            status("Withdrawn", StateKind::Cancelled),
        ],
    )
}

/// The second version: one status has another name, and the inspection demands more fields.
pub(crate) fn second() -> WorkflowDefinition {
    open_workflow(
        "returns",
        2,
        &[
            status("Requested", StateKind::New),
            status("Parcel on its way", StateKind::OnHold).holding_for("customer"),
            status("Inspection", StateKind::Active).enter("category").enter("field.condition"),
            status("Refunded", StateKind::Resolved),
            status("Done", StateKind::Closed),
            status("Withdrawn", StateKind::Cancelled),
        ],
    )
}

pub(crate) fn policy(workflow: WorkflowDefinition) -> Policy {
    let condition = FieldType::choice(["new", "used", "unknown"]);
    Policy::new().field("condition", condition).field("note", FieldType::Text).workflow(workflow)
}

/// The invariants of a ticket before and after a migration, for any plan.
pub(crate) fn check_migrated(before: (&Snapshot, &[Event]), after: (&Snapshot, &[Event])) {
    let (old, history) = before;
    let (new, longer) = after;
    assert_eq!(&longer[..history.len()], history, "history was rewritten");
    assert_eq!(Snapshot::fold(longer).unwrap(), *new, "the row is not the fold");
    assert_eq!((&new.state, new.state_since), (&old.state, old.state_since));
    assert_eq!(intervals(longer), intervals(history));
    let transfers = longer[history.len()..].iter().filter(|event| {
        matches!(event.change, Change::WorkflowMigrated { cause: MigrationCause::Migration, .. })
    });
    let moved = old.workflow_ref() != new.workflow_ref();
    assert_eq!(transfers.count(), usize::from(moved));
    if !moved {
        assert_eq!(old, new, "a ticket that stays is unchanged");
    }
    // The ticket still has all of its data.
    for (name, value) in &old.fields {
        assert_eq!(new.fields.get(name), Some(value));
    }
    assert!(old.category.is_empty() || old.category == new.category);
}

//! A ticket whose kind changes moves to the workflow of the new kind and keeps its state.

use crate::stage;

use firstline::policy::FieldType;
use firstline::ticket::event::MigrationCause;
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Change, HoldReason, Kind, NewTicket, Policy, Snapshot, StateKind, StepKind, TicketId, TimeDelta,
    WorkflowDefinition,
};
use stage::{Stage, anna, on_each_store, rejection};

/// A linear workflow from new to closed.
fn linear(name: &str, kinds: &[&str], version: u32) -> WorkflowDefinition {
    let named = |it: &str| format!("{name} {it}");
    let workflow = WorkflowDefinition::new(name)
        .version(version)
        .status(Status::new(named("new"), StateKind::New))
        .status(Status::new(named("active"), StateKind::Active).by_default())
        .status(Status::new(named("resolved"), StateKind::Resolved))
        .status(Status::new(named("closed"), StateKind::Closed))
        .transition(Transition::step(StepKind::Start, named("new"), named("active")))
        .transition(Transition::step(StepKind::Resolve, named("active"), named("resolved")))
        .transition(Transition::step(StepKind::Reopen, named("resolved"), named("active")))
        .transition(Transition::step(StepKind::Confirm, named("resolved"), named("closed")))
        .transition(Transition::step(StepKind::Close, named("resolved"), named("closed")));
    kinds.iter().fold(workflow, |workflow, kind| workflow.for_kind(*kind))
}

/// Adds a status on hold.
fn with_hold(workflow: WorkflowDefinition, name: &str, reason: Option<HoldReason>) -> WorkflowDefinition {
    let active = format!("{} active", workflow.name);
    let status = Status::new(name, StateKind::OnHold);
    let status = match reason {
        Some(reason) => status.holding_for(reason),
        None => status,
    };
    workflow
        .status(status)
        .transition(Transition::step(StepKind::Hold, &active, name))
        .transition(Transition::step(StepKind::Resume, name, &active))
}

fn policy(workflows: impl IntoIterator<Item = WorkflowDefinition>) -> Policy {
    let policy = Policy::new().field("cause", FieldType::Text);
    workflows.into_iter().fold(policy, Policy::workflow)
}

fn opened(stage: &Stage, kind: &str) -> TicketId {
    stage.desk.open_ticket(NewTicket::new("No sound").from("boris").kind(Kind::from(kind))).unwrap().id()
}

fn to(kind: &str) -> Action {
    Action::Kind(Kind::from(kind))
}

fn placement(ticket: &Snapshot) -> (String, &str) {
    (ticket.workflow_ref().to_string(), ticket.status())
}

#[test]
fn a_changed_kind_leads_to_the_default_status_of_the_state_and_is_recorded() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy([linear("a", &["apple"], 1), linear("b", &["pear"], 3)])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start());
        let before = (stage.ticket(id), stage.history(id));
        stage.does(id, to("pear"));
        let (ticket, history) = (stage.ticket(id), stage.history(id));
        assert_eq!(placement(&ticket), ("b v3".to_owned(), "b active"));
        assert_eq!(
            (&ticket.state, ticket.state_since, &ticket.clocks),
            (&before.0.state, before.0.state_since, &before.0.clocks)
        );
        assert_eq!(history[..before.1.len()], before.1);
        let transferred = Change::WorkflowMigrated {
            to: ticket.placement.as_deref().cloned(),
            cause: MigrationCause::Kind,
        };
        assert!(history.iter().any(|event| event.change == transferred && event.by == anna()));
        assert_eq!(Snapshot::fold(&history).unwrap(), ticket);
        stage.does(id, Action::resolve("it was muted"));
        assert_eq!(stage.ticket(id).status(), "b resolved");
    });
}

#[test]
fn a_ticket_can_leave_a_workflow_and_return() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy([linear("a", &["apple"], 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, to("question"));
        let ticket = stage.ticket(id);
        assert_eq!((placement(&ticket), &ticket.placement), (("simple v1".to_owned(), "new"), &None));
        // Without a workflow, only the lifecycle applies. It allows the resolution of a new ticket, and the
        // workflow does not.
        stage.does(id, Action::resolve("it was muted"));
        stage.does(id, to("apple"));
        assert_eq!(placement(&stage.ticket(id)), ("a v1".to_owned(), "a resolved"));
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
    });
}

#[test]
fn fields_that_the_new_status_demands_must_be_filled() {
    on_each_store(|stage| {
        let mut demanding = linear("b", &["pear"], 1);
        demanding.statuses[1] = demanding.statuses[1].clone().enter("category").enter("field.cause");
        stage.desk.setup().adopt(&policy([linear("a", &["apple"], 1), demanding])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start());
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let text = rejection(&error).to_string();
        assert!(text.contains("\"b active\" needs category to be filled"), "{text}");
        assert!(text.contains("\"b active\" needs field.cause to be filled"), "{text}");
        // The same action may fill them in before it changes the kind.
        stage.does(id, Action::category(["fruit"]).and(Action::field("cause", "ripe")).and(to("pear")));
        assert_eq!(placement(&stage.ticket(id)), ("b v1".to_owned(), "b active"));
    });
}

#[test]
fn a_workflow_without_a_status_of_the_tickets_state_refuses_it() {
    on_each_store(|stage| {
        let held = with_hold(linear("a", &["apple"], 1), "a waiting", None);
        stage.desk.setup().adopt(&policy([held, linear("b", &["pear"], 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start().and(Action::hold("customer")));
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let text = rejection(&error).to_string();
        assert!(
            text.contains("tickets of the kind pear follow b v1, which has no status that is on hold"),
            "{text}"
        );
        stage.does(id, Action::resume());
        stage.does(id, to("pear"));
        assert_eq!(stage.ticket(id).status(), "b active");
    });
}

#[test]
fn a_kind_of_the_same_workflow_keeps_the_tickets_version() {
    on_each_store(|stage| {
        let both = ["apple", "pear"];
        stage.desk.setup().adopt(&policy([linear("a", &both, 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.later(TimeDelta::minutes(1));
        stage.desk.setup().adopt(&policy([linear("a", &both, 2)])).unwrap();
        stage.does(id, to("pear"));
        assert_eq!(placement(&stage.ticket(id)), ("a v1".to_owned(), "a new"));
        assert!(!stage.history(id).iter().any(|it| matches!(it.change, Change::WorkflowMigrated { .. })));
        // A new ticket starts on the second version.
        assert_eq!(placement(&stage.ticket(opened(stage, "pear"))), ("a v2".to_owned(), "a new"));
    });
}

#[test]
fn a_held_ticket_moves_to_a_status_that_waits_for_the_same_reason() {
    on_each_store(|stage| {
        let a = with_hold(linear("a", &["apple"], 1), "a waiting", None);
        let b = with_hold(linear("b", &["pear"], 1), "b supplier", Some(HoldReason::ThirdParty));
        let b = with_hold(b, "b asked", Some(HoldReason::Customer));
        stage.desk.setup().adopt(&policy([a, b])).unwrap();
        for (reason, status) in [(HoldReason::Customer, "b asked"), (HoldReason::ThirdParty, "b supplier")] {
            let id = opened(stage, "apple");
            stage.does(id, Action::start().and(Action::hold(reason)));
            stage.does(id, to("pear"));
            assert_eq!(stage.ticket(id).status(), status);
        }
        // If no status waits for that reason, the change is refused.
        let id = opened(stage, "apple");
        stage.does(id, Action::start().and(Action::hold(HoldReason::Problem)));
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let text = rejection(&error).to_string();
        assert!(text.contains("follow b v1, which has no status that is on hold (problem)"), "{text}");
    });
}

/// Regression: setting the same kind again moved a ticket older than the workflow onto the workflow.
#[test]
fn an_unchanged_kind_does_not_change_the_workflow() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.desk.setup().adopt(&policy([linear("returns", &["return"], 1)])).unwrap();
        let receipt = stage.desk.act(id, to("return"), anna()).unwrap();
        assert_eq!((receipt.events.len(), receipt.ticket.status()), (0, "new"));
        stage.does(id, to("question").and(to("return")));
        assert_eq!(stage.desk.ticket(id).unwrap().status(), "returns new");
    });
}

//! A ticket whose kind changes goes over to the workflow of the new kind, and its state stays.

use crate::stage;

use firstline::policy::FieldType;
use firstline::ticket::event::TransferCause;
use firstline::workflow::{Status, Transition};
use firstline::{
    Action, Change, HoldReason, Kind, NewTicket, Policy, Snapshot, StateKind, StepKind, TicketId, TimeDelta,
    WorkflowDefinition,
};
use stage::{Stage, anna, on_each_store, rejection};

/// The plain way from new to closed.
fn straight(name: &str, kinds: &[&str], version: u32) -> WorkflowDefinition {
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

/// With one status more, on hold.
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

fn stands(ticket: &Snapshot) -> (String, &str) {
    (ticket.workflow().to_string(), ticket.status())
}

#[test]
fn it_goes_to_the_default_status_of_its_state_and_the_history_says_so() {
    on_each_store(|stage| {
        stage
            .desk
            .setup()
            .adopt(&policy([straight("a", &["apple"], 1), straight("b", &["pear"], 3)]))
            .unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start());
        let before = (stage.ticket(id), stage.history(id));
        stage.does(id, to("pear"));
        let (ticket, history) = (stage.ticket(id), stage.history(id));
        assert_eq!(stands(&ticket), ("b v3".to_owned(), "b active"));
        assert_eq!(
            (&ticket.state, ticket.state_since, &ticket.clocks),
            (&before.0.state, before.0.state_since, &before.0.clocks)
        );
        assert_eq!(history[..before.1.len()], before.1);
        let transferred =
            Change::WorkflowMigrated { to: ticket.placed.as_deref().cloned(), cause: TransferCause::Kind };
        assert!(history.iter().any(|event| event.change == transferred && event.by == anna()));
        assert_eq!(Snapshot::fold(&history).unwrap(), ticket);
        stage.does(id, Action::resolve("it was muted"));
        assert_eq!(stage.ticket(id).status(), "b resolved");
    });
}

#[test]
fn to_the_states_and_from_them() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&policy([straight("a", &["apple"], 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, to("question"));
        let ticket = stage.ticket(id);
        assert_eq!((stands(&ticket), &ticket.placed), (("simple v1".to_owned(), "new"), &None));
        // The lifecycle as it is: from new to resolved, which the workflow has no way for.
        stage.does(id, Action::resolve("it was muted"));
        stage.does(id, to("apple"));
        assert_eq!(stands(&stage.ticket(id)), ("a v1".to_owned(), "a resolved"));
        assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
    });
}

#[test]
fn what_the_status_demands_on_entering_must_be_there() {
    on_each_store(|stage| {
        let mut demanding = straight("b", &["pear"], 1);
        demanding.statuses[1] = demanding.statuses[1].clone().enter("category").enter("field.cause");
        stage.desk.setup().adopt(&policy([straight("a", &["apple"], 1), demanding])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start());
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let said = rejection(&error).to_string();
        assert!(said.contains("\"b active\" needs category to be filled"), "{said}");
        assert!(said.contains("\"b active\" needs field.cause to be filled"), "{said}");
        // Filled in by the same action, before the kind, it is met.
        stage.does(id, Action::category(["fruit"]).and(Action::field("cause", "ripe")).and(to("pear")));
        assert_eq!(stands(&stage.ticket(id)), ("b v1".to_owned(), "b active"));
    });
}

#[test]
fn a_workflow_without_a_status_of_its_state_refuses_it() {
    on_each_store(|stage| {
        let held = with_hold(straight("a", &["apple"], 1), "a waiting", None);
        stage.desk.setup().adopt(&policy([held, straight("b", &["pear"], 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.does(id, Action::start().and(Action::hold("customer")));
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let said = rejection(&error).to_string();
        assert!(
            said.contains("tickets of the kind pear follow b v1, which has no status that is on hold"),
            "{said}"
        );
        stage.does(id, Action::resume());
        stage.does(id, to("pear"));
        assert_eq!(stage.ticket(id).status(), "b active");
    });
}

#[test]
fn a_kind_of_the_same_workflow_leaves_it_on_its_version() {
    on_each_store(|stage| {
        let both = ["apple", "pear"];
        stage.desk.setup().adopt(&policy([straight("a", &both, 1)])).unwrap();
        let id = opened(stage, "apple");
        stage.later(TimeDelta::minutes(1));
        stage.desk.setup().adopt(&policy([straight("a", &both, 2)])).unwrap();
        stage.does(id, to("pear"));
        assert_eq!(stands(&stage.ticket(id)), ("a v1".to_owned(), "a new"));
        assert!(!stage.history(id).iter().any(|it| matches!(it.change, Change::WorkflowMigrated { .. })));
        // The control: a new one begins on the second.
        assert_eq!(stands(&stage.ticket(opened(stage, "pear"))), ("a v2".to_owned(), "a new"));
    });
}

#[test]
fn a_hold_goes_to_a_status_that_waits_for_the_same() {
    on_each_store(|stage| {
        let a = with_hold(straight("a", &["apple"], 1), "a waiting", None);
        let b = with_hold(straight("b", &["pear"], 1), "b supplier", Some(HoldReason::ThirdParty));
        let b = with_hold(b, "b asked", Some(HoldReason::Customer));
        stage.desk.setup().adopt(&policy([a, b])).unwrap();
        for (reason, status) in [(HoldReason::Customer, "b asked"), (HoldReason::ThirdParty, "b supplier")] {
            let id = opened(stage, "apple");
            stage.does(id, Action::start().and(Action::hold(reason)));
            stage.does(id, to("pear"));
            assert_eq!(stage.ticket(id).status(), status);
        }
        // For what none of them waits, it is refused.
        let id = opened(stage, "apple");
        stage.does(id, Action::start().and(Action::hold(HoldReason::Problem)));
        let error = stage.refuses(id, |desk| desk.act(id, to("pear"), anna()));
        let said = rejection(&error).to_string();
        assert!(said.contains("follow b v1, which has no status that is on hold (problem)"), "{said}");
    });
}

/// Found in review: saying the kind once more put a ticket of the time before the workflow onto it.
#[test]
fn a_kind_that_stays_as_it_is_changes_no_workflow() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.desk.setup().adopt(&policy([straight("returns", &["return"], 1)])).unwrap();
        let told = stage.desk.act(id, to("return"), anna()).unwrap();
        assert_eq!((told.events.len(), told.ticket.status()), (0, "new"));
        stage.does(id, to("question").and(to("return")));
        assert_eq!(stage.desk.ticket(id).unwrap().status(), "returns new");
    });
}

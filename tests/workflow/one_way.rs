//! A status can only be entered in one way, and `why_not_by` gives the same answer as the attempt.

use firstline::policy::FieldType;
use firstline::workflow::{Performer, Status, Transition};
use firstline::{
    Action, Actor, Condition, Kind, NewTicket, Policy, Priority, StateKind, StepKind, TicketId,
    WorkflowDefinition,
};

use crate::stage::{Stage, anna, boris, on_each_store, rejection};

fn lead() -> Actor {
    Actor::agent("lena").attribute("role", "lead")
}

fn kind(kind: &str) -> Action {
    Action::Kind(Kind::from(kind))
}

/// A workflow for the kind `return`, whose resolution needs an inspection, a small amount and a lead.
fn returns() -> WorkflowDefinition {
    WorkflowDefinition::new("returns")
        .for_kind("return")
        .status(Status::new("Requested", StateKind::New))
        .status(Status::new("At work", StateKind::Active).by_default().leave("field.amount"))
        .status(Status::new("Inspection", StateKind::Active).enter("category"))
        .status(Status::new("Refunded", StateKind::Resolved))
        .status(Status::new("Replaced", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .guard("cheap", Condition::field("field.amount").at_most(20))
        .guard("urgent", Condition::field("priority").at_most(1))
        .transition(Transition::step(StepKind::Start, "Requested", "At work"))
        .transition(Transition::within("At work", "Inspection").may(Performer::Role("lead".to_owned())))
        .transition(Transition::step(StepKind::Resolve, "Inspection", "Refunded").when("cheap"))
        .transition(Transition::step(StepKind::Resolve, "At work", "Refunded").when("urgent").when("cheap"))
        .transition(Transition::step(StepKind::Resolve, "Inspection", "Replaced").when("urgent"))
        .transition(Transition::step(StepKind::Reopen, "Refunded", "At work").or_from("Replaced"))
        .transition(Transition::step(StepKind::Close, "Refunded", "Done").or_from("Replaced"))
        .transition(
            Transition::step(StepKind::Cancel, "Requested", "Withdrawn")
                .or_from("At work")
                .or_from("Inspection"),
        )
}

fn policy() -> Policy {
    Policy::new().field("amount", FieldType::Integer).workflow(returns())
}

fn opened(stage: &Stage, kind: &str) -> TicketId {
    stage.desk.setup().adopt(&policy()).unwrap();
    let request = NewTicket::new("The lamp flickers").from("boris").kind(Kind::from(kind));
    stage.desk.open_ticket(request).unwrap().id()
}

/// Acts, and checks that `why_not_by` gave the same answer before.
#[track_caller]
fn tries(stage: &Stage, id: TicketId, action: Action, by: &Actor) -> Result<String, String> {
    let predicted = stage.desk.ticket(id).unwrap().why_not_by(&action, by).map(|no| no.to_string());
    let done = match stage.desk.act(id, action, by) {
        Ok(receipt) => Ok(receipt.ticket.status().to_owned()),
        Err(error) => Err(rejection(&error).to_string()),
    };
    assert_eq!(predicted, done.as_ref().err().cloned(), "{done:?}");
    done
}

#[test]
fn a_round_trip_through_another_kind_skips_no_guard_and_no_role() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.does(id, Action::start());
        let round = kind("question").and(kind("return")).and(Action::resolve("money back"));
        // The amount is missing for leaving, and nobody has inspected the lamp.
        assert!(tries(stage, id, round.clone(), &anna()).is_err());
        stage.does(id, Action::field("amount", 10));
        let refused = tries(stage, id, round, &anna()).unwrap_err();
        assert!(refused.contains("the guard \"urgent\""), "{refused}");
        // Resolved as a question, it does not become a refunded return.
        stage.does(id, kind("question").and(Action::resolve("money back")));
        let refused = tries(stage, id, kind("return"), &anna()).unwrap_err();
        assert!(refused.contains("\"Refunded\""), "{refused}");
        // A lead may take every transition on the way.
        stage.does(id, Action::category(["lamps"]));
        assert_eq!(tries(stage, id, kind("return"), &lead()).as_deref(), Ok("Refunded"));
    });
}

#[test]
fn the_fields_for_leaving_a_status_are_required_by_a_change_of_kind() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.does(id, Action::start());
        let refused = tries(stage, id, kind("question"), &anna()).unwrap_err();
        assert!(refused.contains("needs field.amount to be filled"), "{refused}");
        let filled = Action::field("amount", 500).and(kind("question"));
        assert_eq!(tries(stage, id, filled, &anna()).as_deref(), Ok("active"));
    });
}

#[test]
fn a_closed_ticket_keeps_its_workflow_when_its_kind_changes() {
    on_each_store(|stage| {
        let id = opened(stage, "question");
        stage.does(id, Action::resolve("answered").and(Action::close()));
        stage.does(id, kind("return"));
        let ticket = stage.ticket(id);
        assert_eq!((ticket.kind.as_str(), ticket.status()), ("return", "closed"));
        assert_eq!(ticket.workflow_ref().to_string(), "simple v1");
    });
}

#[test]
fn a_later_guard_sees_an_override_in_the_same_action() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.does(id, Action::start().and(Action::field("amount", 10)));
        let urgent = Action::override_priority(Priority::P1, "the press is here");
        let action = urgent.and(Action::resolve("money back"));
        assert_eq!(tries(stage, id, action, &anna()).as_deref(), Ok("Refunded"));
    });
}

#[test]
fn later_steps_and_moves_follow_a_kind_changed_in_the_same_action() {
    on_each_store(|stage| {
        let id = opened(stage, "question");
        stage.does(id, Action::field("amount", 10));
        let action = kind("return").and(Action::resolve("money back"));
        assert!(tries(stage, id, action, &anna()).is_err());
        let action = kind("return").and(Action::move_to("At work"));
        assert_eq!(tries(stage, id, action, &anna()).as_deref(), Ok("At work"));
        let action = kind("question").and(Action::resolve("no lamp at all"));
        assert_eq!(tries(stage, id, action, &anna()).as_deref(), Ok("resolved"));
        assert!(tries(stage, id, Action::reopen(), &boris()).is_ok());
    });
}

#[test]
fn a_refusal_groups_its_reasons_by_transition() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.does(id, Action::start());
        let refused = tries(stage, id, Action::resolve("money back"), &anna()).unwrap_err();
        // Only one transition leads out of this status.
        assert!(!refused.contains("either"), "{refused}");
        stage.does(id, Action::field("amount", 500).and(Action::category(["lamps"])));
        stage.desk.act(id, Action::move_to("Inspection"), lead()).unwrap();
        let refused =
            stage.desk.ticket(id).unwrap().why_not_by(&Action::resolve("money back"), &anna()).unwrap();
        assert_eq!(refused.ways.len(), 2);
        assert_eq!(
            refused.to_string(),
            "either resolve to \"Refunded\" needs the guard \"cheap\" to hold, or resolve to \"Replaced\" needs the \
             guard \"urgent\" to hold; accepted here: cancel"
        );
    });
}

#[test]
fn a_step_that_lacks_a_field_is_not_listed_as_accepted() {
    on_each_store(|stage| {
        let id = opened(stage, "return");
        stage.does(id, Action::start());
        let ticket = stage.desk.ticket(id).unwrap();
        let refused = ticket.why_not_by(&Action::move_to("Inspection"), &lead()).unwrap();
        assert_eq!(
            refused.to_string(),
            "move to \"Inspection\" needs category to be filled; move to \"Inspection\" needs field.amount to be \
             filled; accepted here: cancel"
        );
        let permitted = ticket.permitted();
        assert!(
            !permitted.contains(firstline::ActionKind::Move)
                && permitted.contains(firstline::ActionKind::Note)
        );
        assert!(
            permitted
                .to_string()
                .ends_with("; move would be accepted once category and field.amount are filled"),
            "{permitted}"
        );
    });
}

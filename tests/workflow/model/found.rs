//! Faults that random workflows found, one test each.

use std::collections::BTreeSet;

use firstline::desk::Settings;
use firstline::lifecycle::StepKind;
use firstline::memory::Memory;
use firstline::workflow::{DiagnosticKind, Performer, Status, Transition};
use firstline::{Action, Actor, Condition, Desk, NewTicket, Policy, StateKind, TicketId, WorkflowDefinition};

/// A workflow from open through answered to done.
fn small() -> WorkflowDefinition {
    WorkflowDefinition::new("small")
        .status(Status::new("Open", StateKind::New))
        .status(Status::new("Work", StateKind::Active))
        .status(Status::new("Answered", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .transition(Transition::step(StepKind::Start, "Open", "Work"))
        .transition(Transition::step(StepKind::Resolve, "Work", "Answered"))
        .transition(Transition::step(StepKind::Reopen, "Answered", "Work"))
}

fn errors(definition: &WorkflowDefinition) -> BTreeSet<DiagnosticKind> {
    definition.check().iter().filter(|it| it.is_error()).map(|it| it.kind).collect()
}

fn opened(definition: &WorkflowDefinition) -> (Desk<Memory>, TicketId) {
    let desk = Memory::new().desk(Settings::new("acme"));
    desk.setup().adopt(&Policy::new().workflow(definition.clone())).unwrap();
    let id = desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap().id();
    (desk, id)
}

#[test]
fn a_transition_that_the_lifecycle_forbids_to_all_its_performers_does_not_lead_to_the_end() {
    let confirmed_by = |taker: Performer| {
        small().transition(Transition::step(StepKind::Confirm, "Answered", "Done").may(taker))
    };
    assert_eq!(
        errors(&confirmed_by(Performer::Agent)),
        BTreeSet::from([DiagnosticKind::NoPermittedPerformer])
    );
    assert_eq!(errors(&confirmed_by(Performer::Requester)), BTreeSet::new());
    let started_by_the_requester = small()
        .transition(Transition::step(StepKind::Confirm, "Answered", "Done"))
        .transition(Transition::step(StepKind::Resolve, "Open", "Answered").may(Performer::Requester));
    assert_eq!(errors(&started_by_the_requester), BTreeSet::from([DiagnosticKind::NoPermittedPerformer]));
}

#[test]
fn a_wait_that_only_the_requester_ends_is_a_dead_end_unless_a_message_ends_it() {
    let waiting_for = |reason: &str| {
        small()
            .status(Status::new("Waiting", StateKind::OnHold).holding_for(reason))
            .transition(Transition::step(StepKind::Hold, "Work", "Waiting"))
            .transition(Transition::step(StepKind::Resume, "Waiting", "Work").may(Performer::Requester))
            .transition(Transition::step(StepKind::Close, "Answered", "Done"))
    };
    assert_eq!(errors(&waiting_for("customer")), BTreeSet::new());
    assert_eq!(errors(&waiting_for("third_party")), BTreeSet::from([DiagnosticKind::OnlyGuarded]));
}

#[test]
fn a_resolution_without_the_code_that_closing_demands_is_reported() {
    let mut definition = small().transition(Transition::step(StepKind::Close, "Answered", "Done"));
    definition.statuses[3].enter.insert("resolution_code".to_owned());
    assert_eq!(errors(&definition), BTreeSet::new(), "the ticket can be reopened and resolved with a code");
    definition.transitions.retain(|it| it.to != "Work" || it.from != ["Answered"]);
    assert_eq!(errors(&definition), BTreeSet::from([DiagnosticKind::CannotBeFilled]));
    definition.statuses[2].enter.insert("resolution_code".to_owned());
    assert_eq!(errors(&definition), BTreeSet::new(), "every resolution has a code");
}

#[test]
fn a_move_between_waits_for_different_reasons_is_refused() {
    let to = |reason: &str| {
        small()
            .status(Status::new("Customer", StateKind::OnHold).holding_for("customer"))
            .status(Status::new("Other", StateKind::OnHold).holding_for(reason))
            .transition(Transition::step(StepKind::Hold, "Work", "Customer"))
            .transition(Transition::within("Customer", "Other"))
            .transition(Transition::step(StepKind::Resume, "Customer", "Work").or_from("Other"))
            .transition(Transition::step(StepKind::Close, "Answered", "Done"))
    };
    assert_eq!(errors(&to("customer")), BTreeSet::new());
    assert_eq!(errors(&to("third_party")), BTreeSet::from([DiagnosticKind::MoveBetweenStates]));
}

#[test]
fn guarded_transitions_apply_in_their_order_even_if_one_leads_to_the_default() {
    let definition = small()
        .status(Status::new("Small work", StateKind::Active))
        .guard("first", Condition::field("actor.is").is("agent"))
        .guard("second", Condition::field("actor.is").is_not("automation"))
        .transition(Transition::step(StepKind::Resolve, "Small work", "Answered"))
        .transition(Transition::step(StepKind::Close, "Answered", "Done"));
    let mut definition = definition;
    definition.statuses[1].default = true;
    definition.transitions.remove(0);
    let definition = definition
        .transition(Transition::step(StepKind::Start, "Open", "Small work").when("first"))
        .transition(Transition::step(StepKind::Start, "Open", "Work").when("second"))
        .transition(Transition::step(StepKind::Start, "Open", "Work").may(Performer::Automation));
    // The last of these is for programs only, so without the next transition agents would depend on guards.
    let definition = definition.transition(Transition::step(StepKind::Resolve, "Open", "Answered"));
    let (desk, id) = opened(&definition);
    let receipt = desk.act(id, Action::start(), Actor::agent("anna")).unwrap();
    assert_eq!(receipt.ticket.status(), "Small work");
}

#[test]
fn why_not_of_several_steps_ignores_the_code_of_an_earlier_resolution() {
    let mut definition = small().transition(Transition::step(StepKind::Close, "Answered", "Done"));
    definition.statuses[3].enter.insert("resolution_code".to_owned());
    let (desk, id) = opened(&definition);
    let anna = Actor::agent("anna");
    let steps = [Action::start(), Action::resolve_as("part", "A new one."), Action::reopen()];
    steps.into_iter().for_each(|step| drop(desk.act(id, step, &anna).unwrap()));
    let again = Action::resolve("Screwed on.").and(Action::close());
    let foreseen = desk.ticket(id).unwrap().why_not_by(&again, &anna);
    let error = desk.act(id, again, &anna).unwrap_err();
    assert_eq!(foreseen.as_ref(), error.rejection());
}

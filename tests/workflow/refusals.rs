//! A refusal gives every reason, and `why_not_by` gives the same reasons in advance.

use std::borrow::Cow;
use std::cell::Cell;

use firstline::workflow::{Performer, Status, Transition, Trigger};
use firstline::{
    Action, ActionKind, Actor, Condition, Contact, ContactRole, Facts, Kind, RejectionReason, StateKind,
    StepKind, Value, WorkflowDefinition,
};

use super::stage::{Stage, anna, boris, on_each_store};
use super::{opened, request, returns, with};

/// Acts and returns the refusal. Checks that `why_not_by` gives the same one.
fn refused(stage: &Stage, id: firstline::TicketId, action: Action, by: Actor) -> firstline::Rejection {
    let predicted = stage.desk.ticket(id).unwrap().why_not_by(&action, &by).expect("it is refused");
    let error = stage.refuses(id, |desk| desk.act(id, action, by));
    let actual = error.rejection().expect("a rejection").clone();
    assert_eq!(predicted, actual);
    actual
}

#[test]
fn all_reasons_are_reported_at_once() {
    on_each_store(|stage| {
        let id = opened(stage);
        let refusal = refused(stage, id, Action::resolve("money back").with_status("Refunded"), anna());
        assert_eq!(
            refusal.reasons,
            [
                RejectionReason::Guard { guard: "cheap".to_owned(), to: "Refunded".to_owned() },
                RejectionReason::Guard { guard: "trusted".to_owned(), to: "Refunded".to_owned() },
                RejectionReason::Missing { field: "resolution_code".to_owned(), to: "Refunded".to_owned() },
            ]
        );
        assert_eq!(
            refusal.to_string(),
            "resolve to \"Refunded\" needs the guard \"cheap\" to hold; resolve to \"Refunded\" needs the guard \
             \"trusted\" to hold; resolve to \"Refunded\" needs resolution_code to be filled; accepted here: hold, \
             cancel, move; start would be accepted once category is filled"
        );
        let refusal = refused(stage, id, Action::resolve("no"), boris());
        // The guards are internal.
        let staff = RejectionReason::Actor { allowed: vec!["agent".into(), "automation".into()] };
        assert_eq!(refusal.all_reasons().collect::<Vec<_>>(), [&staff], "{refusal}");
    });
}

#[test]
fn a_missing_role_reason_or_field_is_refused() {
    on_each_store(|stage| {
        let id = opened(stage);
        let refusal = refused(stage, id, Action::start(), anna());
        assert_eq!(
            refusal.reasons,
            [RejectionReason::Missing { field: "category".to_owned(), to: "Inspection".to_owned() }]
        );
        // Earlier parts of the same action count.
        stage.does(id, Action::category(["lamp"]).and(Action::start()));
        let refusal = refused(stage, id, Action::move_to("Возврат денег"), anna());
        assert_eq!(refusal.reasons, [RejectionReason::Actor { allowed: vec!["role:lead".into()] }]);
        let lead = Actor::agent("anna").attribute("role", vec!["agent".to_owned(), "lead".to_owned()]);
        stage.desk.act(id, Action::move_to("Возврат денег"), lead).unwrap();
        let refusal = refused(stage, id, Action::move_to("Inspection"), anna());
        let to = || "Inspection".to_owned();
        assert_eq!(
            refusal.reasons,
            [
                RejectionReason::Missing { field: "field.amount".to_owned(), to: to() },
                RejectionReason::MissingComment { to: to() }
            ]
        );
        // A cancellation needs no fields on leaving, but a reason.
        let refusal = refused(stage, id, Action::cancel(), anna());
        assert_eq!(refusal.reasons, [RejectionReason::MissingComment { to: "Withdrawn".to_owned() }]);
        stage.does(id, Action::cancel().comment("It was a test."));
    });
}

#[test]
fn a_blank_reason_is_refused() {
    on_each_store(|stage| {
        let id = opened(stage);
        assert_eq!(
            refused(stage, id, Action::cancel().comment(" "), anna()).reasons,
            [RejectionReason::MissingComment { to: "Withdrawn".to_owned() }]
        );
    });
}

/// Regression: a reopened ticket kept its resolution code, which then counted for the next resolution.
#[test]
fn the_code_of_an_earlier_resolution_does_not_count_for_the_next() {
    on_each_store(|stage| {
        let id = opened(stage);
        let first = Action::category(["lamp"]).and(Action::start()).and(Action::resolve_as("refund", "paid"));
        stage.does(id, first.and(Action::reopen()));
        let refusal = refused(stage, id, Action::resolve("paid again"), anna());
        let missing =
            RejectionReason::Missing { field: "resolution_code".to_owned(), to: "Refunded".to_owned() };
        assert_eq!(refusal.reasons, [missing]);
    });
}

#[test]
fn unknown_statuses_and_transitions_are_reported_with_the_known_ones() {
    on_each_store(|stage| {
        let id = opened(stage);
        let refusal = refused(stage, id, Action::move_to("Reqested"), anna());
        assert!(
            refusal.to_string().starts_with(
                "move: the status \"Reqested\" is not known (did you mean \"Requested\"?); accepted here: "
            ),
            "{refusal}"
        );
        let refusal = refused(stage, id, Action::hold("customer").with_status("Done"), anna());
        assert!(
            refusal.to_string().starts_with(
                "no hold leads from \"Queued\" to \"Done\", only to \"Awaiting parcel\", \"Parked\", \"With the carrier\""
            ),
            "{refusal}"
        );
        let refusal = refused(stage, id, Action::move_to("Done"), anna());
        assert!(
            refusal.to_string().starts_with("no move leads from \"Queued\" to \"Done\", only to "),
            "{refusal}"
        );
        let refusal = refused(stage, id, Action::confirm(), anna());
        assert_eq!(
            refusal.reasons,
            [RejectionReason::State, RejectionReason::Actor { allowed: vec!["requester".into()] }]
        );
        assert_eq!(
            (refusal.state, refusal.status.as_deref(), refusal.action),
            (StateKind::New, Some("Queued"), ActionKind::Step(StepKind::Confirm))
        );
    });
}

#[test]
fn a_status_may_be_named_in_the_simple_workflow_too() {
    on_each_store(|stage| {
        let id = stage.open();
        let refusal = refused(stage, id, Action::start().with_status("resolved"), anna());
        assert!(
            refusal
                .to_string()
                .starts_with("no start leads from \"new\" to \"resolved\", only to \"active\""),
            "{refusal}"
        );
        stage.does(id, Action::move_to("active"));
        stage.does(id, Action::hold("customer").with_status("on_hold"));
        assert_eq!(stage.desk.ticket(id).unwrap().status(), "on_hold");
        assert!(stage.desk.ticket(id).unwrap().placement.is_none());
    });
}

/// A guard is evaluated once, even if several transitions have it (aasm#401: guards that ran two or three times).
#[test]
fn a_guard_is_evaluated_once() {
    struct Counting(Cell<u32>);

    impl Facts for Counting {
        fn fact(&self, _: &str) -> Option<Cow<'_, Value>> {
            self.0.set(self.0.get() + 1);
            None
        }
    }

    let step = |to: &str| Transition::step(StepKind::Start, "New", to);
    let workflow = WorkflowDefinition::new("w")
        .status(Status::new("New", StateKind::New))
        .status(Status::new("A", StateKind::Active))
        .status(Status::new("B", StateKind::Active))
        .status(Status::new("C", StateKind::Active))
        .status(Status::new("Done", StateKind::Cancelled))
        .status(Status::new("Never", StateKind::Closed))
        .status(Status::new("Answered", StateKind::Resolved))
        .guard("x", Condition::field("kind").is("x"))
        .guard("y", Condition::field("category").is("y"))
        .transition(step("A").when("x").when("y"))
        .transition(step("B").when("x"))
        .transition(step("C"))
        .transition(Transition::step(StepKind::Resolve, "A", "Answered").or_from("B").or_from("C"))
        .transition(Transition::step(StepKind::Close, "Answered", "Never"))
        .transition(Transition::step(StepKind::Cancel, "New", "Done").or_from("A").or_from("B").or_from("C"))
        .build()
        .unwrap();
    let counting = Counting(Cell::new(0));
    let to = workflow.take(workflow.find("New").unwrap(), Trigger::Step(StepKind::Start), &counting);
    assert_eq!(to, workflow.find("C"));
    assert_eq!(
        counting.0.get(),
        1,
        "x is evaluated once for two transitions, and y is skipped because x failed"
    );
}

/// Regression: any contact could move a ticket between the statuses of a state, because the lifecycle has no rule
/// for moves.
#[test]
fn a_move_is_for_agents_and_programs_unless_the_workflow_says_otherwise() {
    on_each_store(|stage| {
        let id = opened(stage);
        let refusal = refused(stage, id, Action::move_to("Requested"), boris());
        assert_eq!(
            refusal.reasons,
            [RejectionReason::Actor { allowed: vec!["agent".into(), "automation".into()] }]
        );
        assert!(!refusal.permitted.contains(ActionKind::Move), "{refusal}");
        let mut theirs = returns().version(2);
        for transition in theirs.transitions.iter_mut().filter(|it| it.action == Trigger::Move) {
            *transition = transition.clone().may(Performer::Requester);
        }
        stage.time.advance(firstline::TimeDelta::hours(1));
        stage.desk.setup().adopt(&with(theirs)).unwrap();
        let id = stage.desk.open_ticket(request()).unwrap().id();
        stage.desk.act(id, Action::move_to("Requested"), boris()).unwrap();
    });
}

/// Regression: `why_not_by` evaluated the first parts of an action differently from the action itself.
#[test]
fn why_not_agrees_with_the_action_part_by_part() {
    on_each_store(|stage| {
        let workflow = returns()
            .guard("return", Condition::field("kind").is("return"))
            .transition(Transition::step(StepKind::Resolve, "Requested", "Rejected").when("trusted"))
            .transition(Transition::step(StepKind::Cancel, "Requested", "Withdrawn").when("return"));
        let mut workflow = workflow.for_kind("swap");
        let done = workflow.statuses.iter_mut().find(|it| it.name == "Done").unwrap();
        *done = done.clone().enter("resolution_code");
        stage.desk.setup().adopt(&with(workflow)).unwrap();
        // A kind of the same workflow.
        let id = stage.desk.open_ticket(request()).unwrap().id();
        stage.does(id, Action::move_to("Requested"));
        refused(stage, id, Action::Kind(Kind::from("swap")).and(Action::cancel()), anna());
        // A contact without new attributes keeps the known ones.
        let contact = Contact::new("boris");
        let vip =
            Action::Contact { contact: contact.clone().attribute("vip", true), role: ContactRole::Requester };
        stage.does(id, vip);
        let again = Action::Contact { contact, role: ContactRole::Requester }.and(Action::resolve("kept"));
        assert!(stage.desk.ticket(id).unwrap().why_not_by(&again, &anna()).is_none());
        stage.does(id, again);
        // A resolution without a code has none, even if an earlier one had.
        let id = stage.desk.open_ticket(request()).unwrap().id();
        let first = Action::category(["lamp"]).and(Action::start()).and(Action::resolve_as("refund", "paid"));
        stage.does(id, first.and(Action::reopen()));
        refused(stage, id, Action::resolve("no").with_status("Rejected").and(Action::close()), anna());
    });
}

/// Regression: the refusal of a hold for the wrong reason suggested the very status that the hold had named.
#[test]
fn the_refusal_of_a_hold_shows_what_the_status_waits_for() {
    on_each_store(|stage| {
        let id = opened(stage);
        let refusal = refused(stage, id, Action::hold("third_party").with_status("Awaiting parcel"), anna());
        assert!(
            refusal.to_string().starts_with(
                "hold is refused: \"Awaiting parcel\" waits for customer, not for third party; "
            ),
            "{refusal}"
        );
    });
}

/// Regression: if a step and a move led to the same status, only the step was tried.
#[test]
fn a_named_status_is_reached_by_any_open_transition() {
    on_each_store(|stage| {
        let workflow = returns()
            .status(Status::new("Shelved", StateKind::OnHold))
            .transition(Transition::step(StepKind::Hold, "Parked", "Shelved"))
            .transition(Transition::within("Parked", "Shelved"))
            .transition(Transition::step(StepKind::Resume, "Shelved", "Inspection"));
        stage.desk.setup().adopt(&with(workflow)).unwrap();
        let id = stage.desk.open_ticket(request()).unwrap().id();
        stage.does(id, Action::hold("spare part"));
        stage.does(id, Action::move_to("Shelved"));
        let ticket = stage.desk.ticket(id).unwrap();
        assert_eq!(
            (ticket.status(), ticket.state().to_string().as_str()),
            ("Shelved", "on hold (spare part)")
        );
    });
}

/// Regression: a hand-over to the ticket's own team was refused by the action, but not by `why_not_by`.
#[test]
fn why_not_refuses_actions_without_effect_too() {
    on_each_store(|stage| {
        let id = opened(stage);
        let twice = || Action::hand_over("audio", firstline::Line::Second, "as it stands");
        let refusal = refused(stage, id, twice().and(twice()), anna());
        assert_eq!(
            refusal.reasons_in_words(),
            ["hand over is refused: audio, 2nd line, has the ticket already"]
        );
        let off = Action::Modifier { name: "press".to_owned(), on: false };
        assert!(refused(stage, id, off, anna()).to_string().contains("does not have the modifier \"press\""));
        let refusal = refused(stage, id, Action::link(firstline::LinkKind::CausedBy, id), anna());
        assert!(refusal.to_string().contains("a ticket cannot be linked to itself"), "{refusal}");
    });
}

//! Incidents and requests of an IT department.

use super::{step, within};
use crate::condition::Condition;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::definition::{Status, StatusSelector, WorkflowDefinition};
use crate::workflow::transition::{Performer, Transition};

/// Incidents and requests of an IT department, for all kinds that no other workflow claims.
///
/// A ticket is registered, classified, diagnosed, escalated if necessary, resolved and verified. It may wait for the
/// customer, a third party or a change. The rules:
///
/// - Work begins after classification: the active statuses require `category`, and every path to an active or resolved
///   status passes `Classified`.
/// - A resolution needs a `resolution_code`, and only resolved tickets are closed.
/// - An escalated ticket needs a `team`. A ticket on a later line than the first starts, resumes and reopens in
///   `Escalated`.
/// - A *major incident*, of priority 1 or tagged `major`, passes the post-incident review. A holder of the role
///   `incident_manager` ends the review by giving a reason. The end of the verification period does not close the
///   ticket during the review; the validator warns about that.
///
/// ```
/// use firstline::workflow::preset;
/// use firstline::{Action, Actor, Desk, NewTicket, Policy};
///
/// let desk = Desk::memory();
/// desk.setup().adopt(&Policy::new().workflow(preset::itil()))?;
/// let ticket = desk.open_ticket(NewTicket::new("No mail"))?;
/// let anna = Actor::agent("anna");
/// assert!(desk.act(ticket.id(), Action::start(), &anna).is_err());
///
/// let classify = Action::category(["mail"]).and(Action::move_to("Classified"));
/// desk.act(ticket.id(), classify.and(Action::start()), &anna)?;
/// let solved = Action::resolve_as("restarted", "the mail server runs again");
/// assert_eq!(desk.act(ticket.id(), solved, &anna)?.ticket.status(), "Resolved");
/// # Ok::<(), firstline::Error>(())
/// ```
pub fn itil() -> WorkflowDefinition {
    let major = Condition::field("priority").at_most(1).or(Condition::field("tags").contains("major"));
    let waiting = ["Awaiting customer", "Awaiting third party", "Awaiting change"];
    let work = ["Classified", "Diagnosis", "Escalated"];
    let open = [
        "Classified",
        "Diagnosis",
        "Escalated",
        "Awaiting customer",
        "Awaiting third party",
        "Awaiting change",
    ];
    let solved = ["Post-incident review", "Resolved", "Verified"];
    let manager = Performer::Role("incident_manager".to_owned());

    let mut workflow = WorkflowDefinition::new("itil")
        .guard("major incident", major.clone())
        .guard("not a major incident", !major)
        .guard("on a later line", Condition::field("line").is_not("first"))
        .status(Status::new("Registered", StateKind::New).by_default())
        .status(Status::new("Classified", StateKind::New).enter("category"))
        .status(Status::new("Diagnosis", StateKind::Active).by_default().enter("category"))
        .status(Status::new("Escalated", StateKind::Active).enter("category").enter("team"))
        .status(Status::new(waiting[0], StateKind::OnHold).holding_for(HoldReason::Customer))
        .status(Status::new(waiting[1], StateKind::OnHold).holding_for(HoldReason::ThirdParty))
        .status(Status::new(waiting[2], StateKind::OnHold).holding_for("change"))
        .status(Status::new("Post-incident review", StateKind::Resolved).enter("resolution_code"))
        .status(Status::new("Resolved", StateKind::Resolved).by_default().enter("resolution_code"))
        .status(Status::new("Verified", StateKind::Resolved))
        .status(Status::new("Closed", StateKind::Closed))
        .status(Status::new("Cancelled", StateKind::Cancelled))
        .transition(Transition::within("Registered", "Classified"))
        .transition(Transition::step(StepKind::Start, "Classified", "Escalated").when("on a later line"))
        .transition(Transition::step(StepKind::Start, "Classified", "Diagnosis"))
        .transition(Transition::within("Diagnosis", "Escalated"))
        .transition(Transition::within("Escalated", "Diagnosis").with_reason());
    for status in waiting {
        workflow = workflow.transition(step(StepKind::Hold, work, status));
    }
    workflow
        .transition(step(StepKind::Resume, waiting, "Escalated").when("on a later line"))
        .transition(step(StepKind::Resume, waiting, "Diagnosis"))
        .transition(step(StepKind::Resolve, open, "Post-incident review").when("major incident"))
        .transition(step(StepKind::Resolve, open, "Resolved").when("not a major incident"))
        .transition(within(["Post-incident review"], "Verified").may(manager).with_reason())
        .transition(within(["Resolved"], "Verified"))
        .transition(step(StepKind::Reopen, solved, "Escalated").when("on a later line"))
        .transition(step(StepKind::Reopen, solved, "Diagnosis"))
        .transition(step(StepKind::Confirm, ["Resolved", "Verified"], "Closed"))
        .transition(step(StepKind::Close, ["Resolved", "Verified"], "Closed"))
        .transition(step(StepKind::Cancel, ["Registered"], "Cancelled"))
        .transition(step(StepKind::Cancel, open, "Cancelled").with_reason())
        .every_path_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved))
        .every_path_to(
            StatusSelector::State(StateKind::Resolved),
            StatusSelector::Status("Classified".to_owned()),
        )
        .every_path_to(
            StatusSelector::State(StateKind::Active),
            StatusSelector::Status("Classified".to_owned()),
        )
}

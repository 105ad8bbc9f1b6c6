//! Workflows.

#[path = "workflow/by_itself.rs"]
mod by_itself;
#[path = "workflow/checks.rs"]
mod checks;
#[path = "workflow/compounds.rs"]
mod compounds;
#[path = "workflow/files.rs"]
mod files;
#[path = "workflow/form.rs"]
mod form;
#[path = "workflow/kinds.rs"]
mod kinds;
#[path = "workflow/model.rs"]
mod model;
#[path = "workflow/one_way.rs"]
mod one_way;
#[path = "workflow/pictures.rs"]
mod pictures;
#[path = "workflow/policies.rs"]
mod policies;
#[path = "workflow/presets.rs"]
mod presets;
#[path = "workflow/random.rs"]
mod random;
#[path = "workflow/refusals.rs"]
mod refusals;
#[path = "common/soak.rs"]
mod soak;
#[path = "common/stage.rs"]
mod stage;
#[path = "workflow/versions.rs"]
mod versions;
#[path = "workflow/ways.rs"]
mod ways;

use firstline::policy::FieldType;
use firstline::workflow::{Performer, Status, Transition};
use firstline::{
    Condition, Kind, NewTicket, Policy, StateKind, StepKind, TicketId, TimeDelta, WorkflowDefinition,
};

use stage::Stage;

/// A workflow for returned parcels that uses every kind of rule.
fn returns() -> WorkflowDefinition {
    use StepKind::{Cancel, Close, Confirm, Hold, Reopen, Resolve, Resume, Start};
    WorkflowDefinition::new("returns")
        .for_kind("return")
        .status(Status::new("Requested", StateKind::New))
        .status(Status::new("Queued", StateKind::New).by_default())
        .status(Status::new("Awaiting parcel", StateKind::OnHold).holding_for("customer"))
        .status(Status::new("With the carrier", StateKind::OnHold).holding_for("third_party"))
        .status(Status::new("Parked", StateKind::OnHold))
        .status(Status::new("Inspection", StateKind::Active).by_default().enter("category"))
        .status(Status::new("Возврат денег", StateKind::Active).leave("field.amount"))
        .status(Status::new("Refunded", StateKind::Resolved).by_default().enter("resolution_code"))
        .status(Status::new("Rejected", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed).by_default())
        .status(Status::new("Expired", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .guard("cheap", Condition::field("field.amount").at_most(20))
        .guard("trusted", Condition::field("contact.vip").is(true))
        .guard("by a lead", Condition::field("actor.role").is("lead"))
        .transition(Transition::within("Queued", "Requested"))
        .transition(
            Transition::step(Hold, "Queued", "Awaiting parcel").or_from("Inspection").or_from("Parked"),
        )
        .transition(Transition::step(Hold, "Queued", "With the carrier"))
        .transition(Transition::step(Hold, "Queued", "Parked").or_from("Inspection"))
        .transition(Transition::step(Start, "Requested", "Inspection").or_from("Queued"))
        .transition(Transition::step(Resume, "Awaiting parcel", "Inspection").or_from("Parked"))
        .transition(Transition::step(Resume, "With the carrier", "Inspection").may(Performer::Agent))
        .transition(Transition::within("Inspection", "Возврат денег").may(Performer::Role("lead".to_owned())))
        .transition(Transition::within("Возврат денег", "Inspection").with_reason())
        .transition(Transition::step(Resolve, "Queued", "Refunded").when("cheap").when("trusted"))
        .transition(Transition::step(Resolve, "Queued", "Rejected").when("by a lead"))
        .transition(Transition::step(Resolve, "Inspection", "Refunded").or_from("Возврат денег"))
        .transition(Transition::step(Resolve, "Inspection", "Rejected"))
        .transition(Transition::step(Reopen, "Refunded", "Inspection"))
        .transition(Transition::step(Reopen, "Rejected", "Inspection").may(Performer::Agent))
        .transition(Transition::step(Confirm, "Refunded", "Done"))
        .transition(Transition::step(Close, "Refunded", "Done").may(Performer::Agent))
        .transition(Transition::step(Close, "Refunded", "Expired").may(Performer::Automation))
        .transition(Transition::step(Close, "Rejected", "Done").may(Performer::Agent))
        .transition(Transition::step(Cancel, "Queued", "Withdrawn").or_from("Возврат денег").with_reason())
}

fn policy() -> Policy {
    Policy::new()
        .verification(Some(TimeDelta::days(3)))
        .field("amount", FieldType::Integer)
        .field("note", FieldType::Text)
        .workflow(returns())
}

/// A policy with the field that the workflow names.
fn with(workflow: WorkflowDefinition) -> Policy {
    Policy::new().field("amount", FieldType::Integer).workflow(workflow)
}

/// Opens a return of `boris` under the workflow.
fn opened(stage: &Stage) -> TicketId {
    stage.desk.setup().adopt(&policy()).unwrap();
    stage.desk.open_ticket(request()).unwrap().id()
}

fn request() -> NewTicket {
    NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return"))
}

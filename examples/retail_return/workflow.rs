//! The workflow of goods that come back to a shop.

use firstline::workflow::{Performer, Status, StatusSelector, Transition};
use firstline::{Condition, HoldReason, StateKind, StepKind, WorkflowDefinition};

/// The workflow for the kind `return`.
///
/// 1. The customer asks. Within 30 days of the delivery (`field.days_since_delivery`), the ticket waits for the parcel.
///    After that it goes to a clerk, who may make an exception.
/// 2. Cheap goods (`field.price` at most 20) are refunded at once, without a parcel.
/// 3. The warehouse (`role:warehouse`) inspects the parcel and records the result in `field.condition`.
/// 4. A refund of more than 500 needs the role `lead`. A refusal needs `field.verdict` = `refuse`. Without this guard,
///    a clerk who may not refund would take the refusal instead.
///
/// `Awaiting parcel` waits for the customer. A message of the customer brings the ticket to the clerk, and so does the
/// end of the hold. `Awaiting manufacturer` waits for a third party, and a message of the customer does not end it.
pub(crate) fn definition() -> WorkflowDefinition {
    let parcel = "Awaiting parcel";
    let manufacturer = "Awaiting manufacturer";
    let clerk = "With a clerk";
    let lead = Performer::Role("lead".to_owned());
    let warehouse = Performer::Role("warehouse".to_owned());
    // A step that starts from either of two statuses.
    let either = |step, from: [&str; 2], to: &str| Transition::step(step, from[0], to).or_from(from[1]);
    let at_work = [clerk, "Inspection"];
    let decided = ["Refunded", "Refused"];

    WorkflowDefinition::new("retail return")
        .for_kind("return")
        .guard("cheap", Condition::field("field.price").at_most(20))
        .guard("within the return period", Condition::field("field.days_since_delivery").at_most(30))
        .guard("no more than 500", !Condition::field("field.price").more_than(500))
        .guard("to be refused", Condition::field("field.verdict").is("refuse"))
        .status(Status::new("Requested", StateKind::New))
        .status(Status::new(clerk, StateKind::Active).by_default())
        .status(Status::new("Inspection", StateKind::Active).leave("field.condition"))
        .status(Status::new(parcel, StateKind::OnHold).holding_for(HoldReason::Customer))
        .status(Status::new(manufacturer, StateKind::OnHold).holding_for(HoldReason::ThirdParty))
        .status(Status::new("Refunded", StateKind::Resolved).by_default())
        .status(Status::new("Refused", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Requested", clerk))
        .transition(Transition::step(StepKind::Hold, "Requested", parcel).when("within the return period"))
        .transition(Transition::step(StepKind::Hold, clerk, parcel))
        .transition(either(StepKind::Hold, at_work, manufacturer))
        .transition(either(StepKind::Resume, [parcel, manufacturer], clerk))
        .transition(Transition::step(StepKind::Resume, parcel, "Inspection").may(warehouse))
        .transition(Transition::within("Inspection", clerk))
        .transition(Transition::step(StepKind::Resolve, "Requested", "Refunded").when("cheap"))
        .transition(either(StepKind::Resolve, at_work, "Refused").when("to be refused"))
        .transition(either(StepKind::Resolve, at_work, "Refunded").when("no more than 500"))
        .transition(either(StepKind::Resolve, at_work, "Refunded").may(lead))
        .transition(either(StepKind::Reopen, decided, clerk))
        .transition(either(StepKind::Confirm, decided, "Done"))
        .transition(either(StepKind::Close, decided, "Done"))
        .transition(either(StepKind::Cancel, ["Requested", clerk], "Withdrawn").or_from(parcel))
        .every_path_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved))
        .every_path_to(
            StatusSelector::Status("Inspection".to_owned()),
            StatusSelector::Status(parcel.to_owned()),
        )
}

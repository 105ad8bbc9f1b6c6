//! Goods that come back to a shop.

use super::{step, within};
use crate::condition::Condition;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::definition::{Status, StatusSelector, WorkflowDefinition};
use crate::workflow::transition::{Performer, Transition};

/// Goods that come back to a shop, for the kind `return`.
///
/// The customer asks. Within the return period (`field.days_since_delivery` at most 30) the ticket waits for the
/// parcel; later it goes to a clerk, who may be obliging. What is cheap (`field.price` at most 20) is refunded without
/// sending it back. When the parcel comes, the warehouse (`role:warehouse`) inspects it, and says in `field.condition`
/// what it found. The manufacturer may be asked. To refund more than 500 takes a holder of `role:lead`; to refuse it,
/// `field.verdict` says `refuse`, so that nobody refuses by having no right to refund.
///
/// Who waits for whom: `Awaiting parcel` waits for the customer, and a message of theirs brings the ticket to the
/// clerk, as does the end of a hold with a date: hold it until the day by which the parcel must be there.
/// `Awaiting manufacturer` waits for a third party, and goes on waiting when the customer writes.
///
/// ```
/// use firstline::policy::FieldType;
/// use firstline::workflow::preset;
/// use firstline::{Desk, Kind, NewTicket, Policy};
///
/// let policy = Policy::new()
///     .field("price", FieldType::Integer)
///     .field("days_since_delivery", FieldType::Integer)
///     .field("condition", FieldType::choice(["as new", "used", "broken"]))
///     .field("verdict", FieldType::choice(["refund", "refuse"]))
///     .workflow(preset::retail_return());
/// let desk = Desk::memory();
/// desk.setup().adopt(&policy)?;
/// let ticket = desk.open_ticket(NewTicket::new("The lamp flickers").kind(Kind::from("return")))?;
/// assert_eq!(ticket.status(), "Requested");
/// # Ok::<(), firstline::Error>(())
/// ```
pub fn retail_return() -> WorkflowDefinition {
    let parcel = "Awaiting parcel";
    let lead = Performer::Role("lead".to_owned());
    let dear = Condition::field("field.price").more_than(500);
    WorkflowDefinition::new("retail return")
        .for_kind("return")
        .guard("cheap", Condition::field("field.price").at_most(20))
        .guard("within the return period", Condition::field("field.days_since_delivery").at_most(30))
        .guard("no more than 500", !dear)
        .guard("to be refused", Condition::field("field.verdict").is("refuse"))
        .status(Status::new("Requested", StateKind::New))
        .status(Status::new("With a clerk", StateKind::Active).by_default())
        .status(Status::new("Inspection", StateKind::Active).leave("field.condition"))
        .status(Status::new(parcel, StateKind::OnHold).holding_for(HoldReason::Customer))
        .status(Status::new("Awaiting manufacturer", StateKind::OnHold).holding_for(HoldReason::ThirdParty))
        .status(Status::new("Refunded", StateKind::Resolved).by_default())
        .status(Status::new("Refused", StateKind::Resolved))
        .status(Status::new("Done", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Requested", "With a clerk"))
        .transition(Transition::step(StepKind::Hold, "Requested", parcel).when("within the return period"))
        .transition(Transition::step(StepKind::Hold, "With a clerk", parcel))
        .transition(step(StepKind::Hold, ["With a clerk", "Inspection"], "Awaiting manufacturer"))
        .transition(step(StepKind::Resume, [parcel, "Awaiting manufacturer"], "With a clerk"))
        .transition(
            Transition::step(StepKind::Resume, parcel, "Inspection")
                .may(Performer::Role("warehouse".to_owned())),
        )
        .transition(within(["Inspection"], "With a clerk"))
        .transition(Transition::step(StepKind::Resolve, "Requested", "Refunded").when("cheap"))
        .transition(step(StepKind::Resolve, ["With a clerk", "Inspection"], "Refused").when("to be refused"))
        .transition(
            step(StepKind::Resolve, ["With a clerk", "Inspection"], "Refunded").when("no more than 500"),
        )
        .transition(step(StepKind::Resolve, ["With a clerk", "Inspection"], "Refunded").may(lead))
        .transition(step(StepKind::Reopen, ["Refunded", "Refused"], "With a clerk"))
        .transition(step(StepKind::Confirm, ["Refunded", "Refused"], "Done"))
        .transition(step(StepKind::Close, ["Refunded", "Refused"], "Done"))
        .transition(step(StepKind::Cancel, ["Requested", "With a clerk", parcel], "Withdrawn"))
        .every_way_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved))
        .every_way_to(
            StatusSelector::Status("Inspection".to_owned()),
            StatusSelector::Status(parcel.to_owned()),
        )
}

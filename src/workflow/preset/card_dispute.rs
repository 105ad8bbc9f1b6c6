//! A payment that a card holder contests.

use super::{step, within};
use crate::condition::Condition;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::definition::{Status, StatusSelector, WorkflowDefinition};
use crate::workflow::transition::{Performer, Transition};

/// A payment that a card holder contests at the bank, for the kind `dispute`.
///
/// A claim is assessed; where fraud is said (`field.grounds` is `fraud`), `role:risk` checks it first. What is small
/// (`field.amount` at most 25) is credited at once. Otherwise the bank charges the payment back and waits for the
/// merchant, who may contest it; a pre-arbitration and at last the card scheme's arbitration may follow. A
/// chargeback is possible for 120 days (`field.days_since_posting`). Credit is given by
/// `role:risk`; to decline, `field.verdict` says `decline`, so that nobody declines by having no right to give credit.
///
/// Who waits for whom, and until when: `Awaiting documents` waits for the card holder, whose message brings it back to
/// the assessment. The stages of the chargeback wait for the merchant or the scheme, and go on waiting when the card
/// holder writes; hold them until the scheme's deadline, at which they come to `Decision` by themselves, for silence
/// of the merchant wins the case. What the merchant answers, an agent takes up: that leads to `Representment`.
///
/// ```
/// use firstline::policy::FieldType;
/// use firstline::workflow::preset;
/// use firstline::{Desk, Kind, NewTicket, Policy};
///
/// let policy = Policy::new()
///     .field("amount", FieldType::Integer)
///     .field("days_since_posting", FieldType::Integer)
///     .field("grounds", FieldType::choice(["fraud", "not received", "not as described", "charged twice"]))
///     .field("verdict", FieldType::choice(["credit", "decline"]))
///     .workflow(preset::card_dispute());
/// let desk = Desk::memory();
/// desk.setup().adopt(&policy)?;
/// let ticket = desk.open_ticket(NewTicket::new("I did not buy this").kind(Kind::from("dispute")))?;
/// assert_eq!(ticket.status(), "Claimed");
/// # Ok::<(), firstline::Error>(())
/// ```
pub fn card_dispute() -> WorkflowDefinition {
    let risk = || Performer::Role("risk".to_owned());
    let at_risk = ["Assessment", "Decision", "Representment"];
    let away = ["Chargeback", "Pre-arbitration", "Arbitration"];
    let merchant = || HoldReason::from("merchant");
    let status = |name: &str| StatusSelector::Status(name.to_owned());
    WorkflowDefinition::new("card dispute")
        .for_kind("dispute")
        .guard("fraud is said", Condition::field("field.grounds").is("fraud"))
        .guard("to be declined", Condition::field("field.verdict").is("decline"))
        .guard("a small amount", Condition::field("field.amount").at_most(25))
        .guard("in time for a chargeback", Condition::field("field.days_since_posting").at_most(120))
        .status(Status::new("Claimed", StateKind::New))
        .status(Status::new("Fraud check", StateKind::Active))
        .status(
            Status::new("Assessment", StateKind::Active)
                .by_default()
                .enter("field.amount")
                .enter("field.grounds"),
        )
        .status(Status::new("Representment", StateKind::Active))
        .status(Status::new("Decision", StateKind::Active))
        .status(Status::new("Awaiting documents", StateKind::OnHold).holding_for(HoldReason::Customer))
        .status(
            Status::new(away[0], StateKind::OnHold).holding_for(merchant()).enter("field.days_since_posting"),
        )
        .status(Status::new(away[1], StateKind::OnHold).holding_for(merchant()))
        .status(Status::new(away[2], StateKind::OnHold).holding_for("card_scheme"))
        .status(Status::new("Credited", StateKind::Resolved).by_default().enter("resolution_code"))
        .status(Status::new("Declined", StateKind::Resolved).enter("resolution_code"))
        .status(Status::new("Closed", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Claimed", "Fraud check").when("fraud is said"))
        .transition(Transition::step(StepKind::Start, "Claimed", "Assessment"))
        .transition(within(["Fraud check"], "Assessment").may(risk()).with_reason())
        .transition(Transition::step(StepKind::Hold, "Assessment", "Awaiting documents"))
        .transition(Transition::step(StepKind::Resume, "Awaiting documents", "Assessment"))
        .transition(Transition::step(StepKind::Hold, "Assessment", away[0]).when("in time for a chargeback"))
        .transition(Transition::step(StepKind::Hold, "Representment", away[1]).may(risk()))
        .transition(Transition::step(StepKind::Hold, "Representment", away[2]).may(risk()).with_reason())
        // Before what agents take: the end of a hold asks not who may, so the first way is its way.
        .transition(step(StepKind::Resume, [away[0], away[1]], "Decision").may(Performer::Automation))
        .transition(Transition::step(StepKind::Resume, away[0], "Representment").may(Performer::Agent))
        .transition(Transition::step(StepKind::Resume, away[1], "Representment").may(Performer::Agent))
        .transition(Transition::step(StepKind::Resume, away[2], "Decision"))
        .transition(step(StepKind::Resolve, at_risk, "Declined").when("to be declined"))
        .transition(Transition::step(StepKind::Resolve, "Assessment", "Credited").when("a small amount"))
        .transition(step(StepKind::Resolve, at_risk, "Credited").may(risk()))
        .transition(step(StepKind::Reopen, ["Credited", "Declined"], "Assessment"))
        .transition(step(StepKind::Confirm, ["Credited", "Declined"], "Closed"))
        .transition(step(StepKind::Close, ["Credited", "Declined"], "Closed"))
        .transition(step(
            StepKind::Cancel,
            ["Claimed", "Fraud check", "Assessment", "Awaiting documents"],
            "Withdrawn",
        ))
        .every_way_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved))
        .every_way_to(StatusSelector::State(StateKind::Resolved), status("Assessment"))
        .every_way_to(status("Arbitration"), status("Representment"))
}

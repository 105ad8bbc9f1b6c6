//! The workflow of a disputed card payment.

use firstline::workflow::{Performer, Status, StatusSelector, Transition};
use firstline::{Condition, HoldReason, StateKind, StepKind, WorkflowDefinition};

/// The workflow for the kind `dispute`: a card holder disputes a payment at the bank.
///
/// 1. The bank assesses the claim. If `field.grounds` is `fraud`, the role `risk` checks it first.
/// 2. A small amount (`field.amount` at most 25) is credited at once.
/// 3. Otherwise the bank charges the payment back and waits for the merchant. A chargeback is possible for 120 days
///    (`field.days_since_posting`). If the merchant contests it, a pre-arbitration may follow, or the arbitration of
///    the card scheme.
/// 4. Only the role `risk` may credit a larger amount. Declining requires `field.verdict` = `decline`. Without this
///    guard, an agent who may not credit would take the transition to `Declined` instead.
///
/// In `Awaiting documents` the ticket waits for the card holder, and a message of the card holder brings it back to
/// `Assessment`. The stages of the chargeback wait for the merchant or the scheme, and a message of the card holder
/// does not end them. Hold them until the deadline of the scheme. At the deadline the ticket goes to `Decision`,
/// because a silent merchant loses. If the merchant answers, an agent resumes the ticket, which leads to
/// `Representment`.
pub(crate) fn definition() -> WorkflowDefinition {
    let risk = || Performer::Role("risk".to_owned());
    let merchant = || HoldReason::from("merchant");
    let status = |name: &str| StatusSelector::Status(name.to_owned());
    let from = |step, from: &[&str], to: &str| {
        let first = Transition::step(step, from[0], to);
        from[1..].iter().fold(first, |transition, from| transition.or_from(*from))
    };
    let in_review = ["Assessment", "Decision", "Representment"];
    let decided = ["Credited", "Declined"];

    WorkflowDefinition::new("card dispute")
        .for_kind("dispute")
        .guard("fraud is claimed", Condition::field("field.grounds").is("fraud"))
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
            Status::new("Chargeback", StateKind::OnHold)
                .holding_for(merchant())
                .enter("field.days_since_posting"),
        )
        .status(Status::new("Pre-arbitration", StateKind::OnHold).holding_for(merchant()))
        .status(Status::new("Arbitration", StateKind::OnHold).holding_for("card_scheme"))
        .status(Status::new("Credited", StateKind::Resolved).by_default().enter("resolution_code"))
        .status(Status::new("Declined", StateKind::Resolved).enter("resolution_code"))
        .status(Status::new("Closed", StateKind::Closed))
        .status(Status::new("Withdrawn", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Claimed", "Fraud check").when("fraud is claimed"))
        .transition(Transition::step(StepKind::Start, "Claimed", "Assessment"))
        .transition(Transition::within("Fraud check", "Assessment").may(risk()).with_reason())
        .transition(Transition::step(StepKind::Hold, "Assessment", "Awaiting documents"))
        .transition(Transition::step(StepKind::Resume, "Awaiting documents", "Assessment"))
        .transition(
            Transition::step(StepKind::Hold, "Assessment", "Chargeback").when("in time for a chargeback"),
        )
        .transition(Transition::step(StepKind::Hold, "Representment", "Pre-arbitration").may(risk()))
        .transition(
            Transition::step(StepKind::Hold, "Representment", "Arbitration").may(risk()).with_reason(),
        )
        // The end of a hold takes the first resume transition, regardless of `may`, so this one comes before the
        // transitions for agents.
        .transition(
            from(StepKind::Resume, &["Chargeback", "Pre-arbitration"], "Decision").may(Performer::Automation),
        )
        .transition(Transition::step(StepKind::Resume, "Chargeback", "Representment").may(Performer::Agent))
        .transition(
            Transition::step(StepKind::Resume, "Pre-arbitration", "Representment").may(Performer::Agent),
        )
        .transition(Transition::step(StepKind::Resume, "Arbitration", "Decision"))
        .transition(from(StepKind::Resolve, &in_review, "Declined").when("to be declined"))
        .transition(Transition::step(StepKind::Resolve, "Assessment", "Credited").when("a small amount"))
        .transition(from(StepKind::Resolve, &in_review, "Credited").may(risk()))
        .transition(from(StepKind::Reopen, &decided, "Assessment"))
        .transition(from(StepKind::Confirm, &decided, "Closed"))
        .transition(from(StepKind::Close, &decided, "Closed"))
        .transition(from(
            StepKind::Cancel,
            &["Claimed", "Fraud check", "Assessment", "Awaiting documents"],
            "Withdrawn",
        ))
        .every_path_to(StatusSelector::State(StateKind::Closed), StatusSelector::State(StateKind::Resolved))
        .every_path_to(StatusSelector::State(StateKind::Resolved), status("Assessment"))
        .every_path_to(status("Arbitration"), status("Representment"))
}

//! The cause behind several tickets.

use super::step;
use crate::lifecycle::{StateKind, StepKind};
use crate::workflow::definition::{Status, StatusSelector, WorkflowDefinition};
use crate::workflow::transition::Transition;

/// A problem: the cause behind several tickets, for the kind `problem`.
///
/// A problem is open until its cause is known. It is then a known error with a workaround, until a fix is under way and
/// done. The policy must declare two text fields:
///
/// - `field.root_cause` is required before a problem becomes a known error, and before a fix begins;
/// - `field.workaround` is required before a problem becomes a known error. A problem without a workaround stays open,
///   or is fixed at once.
///
/// A problem that is not worth fixing is dropped, with a reason.
///
/// ```
/// use firstline::policy::FieldType;
/// use firstline::workflow::preset;
/// use firstline::{Action, Actor, Desk, Kind, NewTicket, Policy};
///
/// let policy = Policy::new()
///     .field("root_cause", FieldType::Text)
///     .field("workaround", FieldType::Text)
///     .workflow(preset::problem());
/// let desk = Desk::memory();
/// desk.setup().adopt(&policy)?;
/// let problem = desk.open_ticket(NewTicket::new("Mail stops every Monday").kind(Kind::Problem))?;
/// let no = desk.ticket(problem.id())?.why_not(&Action::start()).unwrap();
/// assert_eq!(no.reasons.len(), 2); // the root cause and the workaround
///
/// let cause = Action::field("root_cause", "The certificate is renewed by hand.");
/// let found = cause.and(Action::field("workaround", "Restart it on Sunday.")).and(Action::start());
/// assert_eq!(desk.act(problem.id(), found, Actor::agent("anna"))?.ticket.status(), "Known error");
/// # Ok::<(), firstline::Error>(())
/// ```
pub fn problem() -> WorkflowDefinition {
    let (cause, workaround) = ("field.root_cause", "field.workaround");
    WorkflowDefinition::new("problem")
        .for_kind("problem")
        .status(Status::new("Open", StateKind::New))
        .status(Status::new("Known error", StateKind::Active).by_default().enter(cause).enter(workaround))
        .status(Status::new("Fix under way", StateKind::Active).enter(cause))
        .status(Status::new("Fixed", StateKind::Resolved).enter(cause))
        .status(Status::new("Closed", StateKind::Closed).enter(cause))
        .status(Status::new("Dropped", StateKind::Cancelled))
        .transition(Transition::step(StepKind::Start, "Open", "Known error"))
        .transition(Transition::step(StepKind::Start, "Open", "Fix under way"))
        .transition(Transition::within("Known error", "Fix under way"))
        .transition(Transition::within("Fix under way", "Known error").with_reason())
        .transition(Transition::step(StepKind::Resolve, "Fix under way", "Fixed"))
        .transition(Transition::step(StepKind::Reopen, "Fixed", "Known error"))
        .transition(Transition::step(StepKind::Confirm, "Fixed", "Closed"))
        .transition(Transition::step(StepKind::Close, "Fixed", "Closed"))
        .transition(step(StepKind::Cancel, ["Open", "Known error", "Fix under way"], "Dropped").with_reason())
        .every_path_to(StatusSelector::State(StateKind::Closed), StatusSelector::Status("Fixed".to_owned()))
        .every_path_to(
            StatusSelector::Status("Fixed".to_owned()),
            StatusSelector::Status("Fix under way".to_owned()),
        )
}

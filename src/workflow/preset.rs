//! Workflows to begin with.
//!
//! | preset | for | its custom fields |
//! |---|---|---|
//! | [`simple`] | every ticket of a desk that declares no workflow | none |
//! | [`itil`] | incidents and requests of an IT department | none |
//! | [`problem`] | the kind `problem` | `root_cause`, `workaround` |
//! | [`retail_return`] | the kind `return`: goods that come back to a shop | `price`, `days_since_delivery`, `condition`, `verdict` |
//! | [`card_dispute`] | the kind `dispute`: a payment that a card holder contests | `amount`, `days_since_posting`, `grounds`, `verdict` |
//!
//! Each is a definition like one of your own: add to it, or take it as it is. Custom fields are declared by the policy
//! that takes the workflow in, as the example of each preset shows; a field that is missing there is a fault of the
//! policy.

mod card_dispute;
mod itil;
mod problem;
mod retail_return;

use super::definition::{Status, WorkflowDefinition};
use super::transition::Transition;
use crate::lifecycle::{StateKind, StepKind};

pub use card_dispute::card_dispute;
pub use itil::itil;
pub use problem::problem;
pub use retail_return::retail_return;

/// The name of the workflow that every ticket follows for which there is no other: its statuses are the states.
pub const SIMPLE: &str = "simple";

/// The states themselves as statuses, with every step that the lifecycle accepts: what a desk has that declares no
/// workflow.
///
/// ```
/// assert_eq!(firstline::workflow::preset::simple().statuses.len(), 6);
/// ```
pub fn simple() -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new(SIMPLE);
    for state in StateKind::ALL {
        workflow = workflow.status(Status::new(state.name(), *state));
    }
    for step in StepKind::ALL {
        let mut from = StateKind::ALL.iter().filter(|state| state.accepts(*step)).map(|it| it.name());
        if let Some(first) = from.next() {
            let edge = Transition::step(*step, first, step.target().name());
            workflow = workflow.transition(from.fold(edge, Transition::or_from));
        }
    }
    workflow
}

/// A step that may be taken from several statuses.
fn step<const N: usize>(step: StepKind, from: [&str; N], to: &str) -> Transition {
    many(Transition::step(step, "", to), from)
}

/// A move from several statuses.
fn within<const N: usize>(from: [&str; N], to: &str) -> Transition {
    many(Transition::within("", to), from)
}

fn many<const N: usize>(edge: Transition, from: [&str; N]) -> Transition {
    Transition { from: from.map(str::to_owned).into(), ..edge }
}

//! Ready-made workflows.
//!
//! | preset | for | custom fields |
//! |---|---|---|
//! | [`simple`] | every ticket of a desk that declares no workflow | none |
//! | [`itil`] | incidents and requests of an IT department | none |
//! | [`problem`] | the kind `problem` | `root_cause`, `workaround` |
//! | [`retail_return`] | the kind `return`: goods that a customer sends back to a shop | `price`, `days_since_delivery`, `condition`, `verdict` |
//! | [`card_dispute`] | the kind `dispute`: a payment that a card holder contests | `amount`, `days_since_posting`, `grounds`, `verdict` |
//!
//! Each preset is an ordinary definition: use it as it is, or extend it. The policy that includes the workflow must
//! declare its custom fields, as the example of each preset shows. A missing field is an error of the policy.

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

/// The name of the workflow that tickets follow if no other applies. It has one status for each state.
pub const SIMPLE: &str = "simple";

/// Returns the workflow with one status for each state and every step that the lifecycle accepts. A desk that declares
/// no workflow uses it.
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

/// A step from several statuses.
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

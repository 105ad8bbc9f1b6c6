//! Ready-made workflows.
//!
//! | preset | for | custom fields |
//! |---|---|---|
//! | [`simple`] | every ticket of a desk that declares no workflow | none |
//! | [`itil`] | incidents and requests of an IT department | none |
//! | [`problem`] | the kind `problem` | `root_cause`, `workaround` |
//!
//! A preset is a definition like your own: use it as it is, or add to it. The policy that adopts it must declare its
//! custom fields, as the example of [`problem`] shows. A policy without them is refused.
//!
//! Two longer workflows are in the examples of the repository: `retail_return`, for goods that come back to a shop, and
//! `card_dispute`, for a disputed card payment.

mod itil;
mod problem;

use super::definition::{Status, WorkflowDefinition};
use super::transition::Transition;
use crate::lifecycle::{StateKind, StepKind};

pub use itil::itil;
pub use problem::problem;

/// The name of the workflow that tickets follow if no other applies. It has one status for each state.
pub const SIMPLE: &str = "simple";

/// Returns the workflow with one status for each state and every step that the lifecycle accepts. A desk that declares
/// no workflow uses it.
///
/// The statuses are named like the states: `new`, `active`, `on_hold`, `resolved`, `closed` and `cancelled`. To add to
/// this workflow, give it another name first, because the name `simple` belongs to the built-in one. The
/// [cookbook](crate::guide::cookbook) shows how.
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

//! Workflows to begin with.

use super::definition::{Status, WorkflowDefinition};
use super::transition::Transition;
use crate::lifecycle::{StateKind, StepKind};

/// The states themselves as statuses, with every step that the lifecycle accepts: what a desk has that declares no
/// workflow.
pub fn simple() -> WorkflowDefinition {
    let mut workflow = WorkflowDefinition::new(super::SIMPLE);
    for state in StateKind::ALL {
        workflow = workflow.status(Status::new(state.name(), *state));
    }
    for step in StepKind::ALL {
        let mut from = StateKind::ALL.iter().filter(|state| state.accepts(*step)).map(|it| it.name());
        if let Some(first) = from.next() {
            let way = Transition::step(*step, first, step.target().name());
            workflow = workflow.transition(from.fold(way, Transition::or_from));
        }
    }
    workflow
}

/// Placeholder.
pub fn itil() -> WorkflowDefinition {
    simple()
}

/// Placeholder.
pub fn problem() -> WorkflowDefinition {
    simple()
}

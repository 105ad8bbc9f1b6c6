//! The checks of a definition: first its parts one by one, then its graph.
//!
//! All faults are reported at once, so one fault must not cause others. In the graph, a transition with an unknown end
//! therefore counts as one that may lead anywhere.

mod elements;
mod ends;
mod graph;
mod lints;
mod map;
mod message;
mod rules;

use map::Map;

use super::definition::WorkflowDefinition;
use super::diagnostic::Diagnostic;
use crate::condition::Fields;

pub use elements::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
pub(super) use map::start;

/// Returns all diagnostics of a definition, given the known fields.
pub(super) fn diagnostics(definition: &WorkflowDefinition, fields: &Fields) -> Vec<Diagnostic> {
    let mut found = elements::too_many(definition);
    if !found.is_empty() {
        return found;
    }
    elements::check(definition, fields, &mut found);
    let map = Map::of(definition);
    graph::check(&map, &mut found);
    rules::check(&map, &mut found);
    lints::check(&map, &mut found);
    found
}

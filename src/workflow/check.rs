//! The checks of a definition: first its parts one by one, then its graph.
//!
//! All faults are reported at once, so one fault must not cause or hide others. In the graph, a transition with an
//! unknown end therefore counts as one that may lead anywhere, and a status of an unknown state as one of any state.

mod cover;
mod elements;
mod ends;
mod graph;
mod lints;
mod map;
mod message;
mod rules;

use map::Map;

use super::definition::WorkflowDefinition;
use crate::condition::Fields;
use crate::diagnostic::Diagnostic;
use crate::source::Gaps;

pub use elements::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
pub(super) use map::start;

/// Returns all diagnostics of a definition, given the known fields and the parts that could not be read.
pub(super) fn diagnostics(definition: &WorkflowDefinition, fields: &Fields, gaps: &Gaps) -> Vec<Diagnostic> {
    let mut found = elements::too_many(definition);
    if !found.is_empty() {
        return found;
    }
    let statuses = definition.statuses.iter().map(|it| it.name.as_str());
    let fields = match map::lacks_names(gaps, definition.statuses.len()) {
        true => fields.clone(),
        false => fields.clone().with_values("status", statuses),
    };
    let map = Map::of(definition, &fields, gaps);
    elements::check(&map, &mut found);
    // Without one of these lists, nothing is known of the graph.
    if !gaps.cover("statuses") && !gaps.cover("transitions") {
        graph::check(&map, &mut found);
        rules::check(&map, &mut found);
        lints::check(&map, &mut found);
    }
    found.retain(|it| !gaps.cover(&it.path));
    found
}

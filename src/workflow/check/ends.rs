//! Checks that a final status can be reached in practice: somebody may take the transitions, and the required fields
//! can be filled.

use super::map::{Edge, Map};
use super::message::report;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};
use crate::workflow::transition::{Performer, Trigger};

/// Only the step that resolves a ticket can fill this field.
const CODE: &str = "resolution_code";

/// True if somebody can take this edge, regardless of the ticket's fields: it has no guard, and the lifecycle lets one
/// of its performers take it or, for a resume, a message of the requester does.
pub(super) fn is_unconditional(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    let transition = edge.transition;
    // Other edges without a permitted performer are reported as [`DiagnosticKind::NoPermittedPerformer`].
    let permitted =
        transition.has_permitted_performer() || transition.action != Trigger::Step(StepKind::Resume);
    transition.when.is_empty() && (permitted || is_taken_by_message(map, edge))
}

/// True if a message of the requester resumes by this edge: the ticket waits for the customer, and no other edge that
/// is open to the requester comes first.
fn is_taken_by_message(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    let mut open_to_requester = map
        .edges(edge.from, Trigger::Step(StepKind::Resume))
        .filter(|it| it.transition.may.is_empty() || it.transition.may.contains(&Performer::Requester));
    map.statuses()[edge.from].reason == Some(HoldReason::Customer)
        && map.statuses()[edge.to].state == StateKind::Active
        && open_to_requester
            .all(|it| it.to == edge.to || (it.transition.when.is_empty() && map.statuses()[edge.to].default))
}

/// Reports resolved statuses in which a ticket may lack a resolution code while every path to a final status requires
/// one.
pub(super) fn without_code(
    map: &Map<'_>,
    stuck: &[usize],
    only_guarded_statuses: &[usize],
    found: &mut Vec<Diagnostic>,
) {
    let Some(start) = map.start else { return };
    // An edge with an unknown end might be the missing one.
    if !map.to_anywhere.is_empty() || !map.from_anywhere.is_empty() {
        return;
    }
    let resolves = |edge: &Edge<'_>| edge.transition.action == Trigger::Step(StepKind::Resolve);
    let requires_code = |edge: &Edge<'_>| {
        let leaves = edge.from != edge.to && map.statuses()[edge.from].leave.contains(CODE);
        leaves || map.statuses()[edge.to].enter.contains(CODE)
    };
    let mut lacks_code = vec![false; map.statuses().len()];
    lacks_code[start] = true;
    while spread(
        map,
        &mut lacks_code,
        |edge, lacks_code| !requires_code(edge) && lacks_code[edge.from],
        |edge| edge.to,
    ) {}
    let mut ends: Vec<bool> = map.statuses().iter().map(|it| it.state.is_final()).collect();
    let can_finish = |edge: &Edge<'_>, ends: &[bool]| {
        let with_code =
            resolves(edge) && !stuck.contains(&edge.to) && !only_guarded_statuses.contains(&edge.to);
        is_unconditional(map, edge) && (with_code || (!requires_code(edge) && ends[edge.to]))
    };
    while spread(map, &mut ends, can_finish, |edge| edge.from) {}
    for (place, status) in map.statuses().iter().enumerate() {
        let reported = stuck.contains(&place) || only_guarded_statuses.contains(&place);
        if status.state != StateKind::Resolved || !lacks_code[place] || ends[place] || reported {
            continue;
        }
        let message = format!(
            "a ticket that reaches {:?} without a resolution code is stuck: every path to a final status requires the code, \
             and only the step that resolves can set it; require it on entering {:?}",
            status.name, status.name,
        );
        report(found, DiagnosticKind::CannotBeFilled, format!("statuses[{place}]"), message);
    }
}

/// Marks one end of every edge that satisfies `counts`. Returns true if it marked a new status.
fn spread(
    map: &Map<'_>,
    marked: &mut [bool],
    counts: impl Fn(&Edge<'_>, &[bool]) -> bool,
    side: impl Fn(&Edge<'_>) -> usize,
) -> bool {
    let mut marked_any = false;
    for edge in &map.edges {
        if !marked[side(edge)] && counts(edge, marked) {
            marked[side(edge)] = true;
            marked_any = true;
        }
    }
    marked_any
}

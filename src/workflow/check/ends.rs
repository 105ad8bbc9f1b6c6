//! Checks that a final status can be reached in practice: somebody may take the transitions, and the required fields
//! can be filled.

use super::cover;
use super::map::{Edge, Map};
use super::message::report;
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::transition::{Performer, Trigger};

/// Only the step that resolves a ticket can fill this field.
const CODE: &str = "resolution_code";

/// True if somebody can take this edge, regardless of its guards and of the ticket's fields: the lifecycle lets one of
/// its performers take it or, for a resume, a message of the requester does.
pub(super) fn is_permitted(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    // Other edges without a permitted performer are reported as [`DiagnosticKind::NoPermittedPerformer`].
    edge.transition.has_permitted_performer()
        || edge.transition.action != Trigger::Step(StepKind::Resume)
        || is_taken_by_message(map, edge)
}

/// Adds every status from which some usable edge is open to every ticket, until there is no more to add.
pub(super) fn spread_back(
    map: &Map<'_>,
    mut marked: Vec<bool>,
    usable: impl Fn(&Edge<'_>, &[bool]) -> bool,
) -> Vec<bool> {
    let leads_on = |from: usize, marked: &[bool]| {
        let unknown = map
            .unknown_edges
            .iter()
            .any(|it| it.from.is_none_or(|it| it == from) && it.to.is_none_or(|it| marked[it]));
        let edges = map.out(from).filter(|edge| is_permitted(map, edge) && usable(edge, marked));
        unknown || cover::every_ticket(map, from, edges)
    };
    let mut changed: Option<Vec<bool>> = None;
    loop {
        // After the first round, only statuses with an edge to a newly marked one can follow.
        let is_affected = |from: usize| {
            changed.as_ref().is_none_or(|changed| map.out(from).any(|edge| changed[edge.to]))
                || map.unknown_edges.iter().any(|it| it.from.is_none_or(|it| it == from))
        };
        let more: Vec<bool> =
            (0..marked.len()).map(|it| !marked[it] && is_affected(it) && leads_on(it, &marked)).collect();
        if !more.contains(&true) {
            return marked;
        }
        more.iter().zip(&mut marked).for_each(|(more, marked)| *marked |= more);
        changed = Some(more);
    }
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
    let requirements_known = map.is_whole.iter().all(|it| *it);
    // A transition with an unknown end might be the missing one.
    if !requirements_known || !map.unknown_edges.is_empty() {
        return;
    }
    let resolves = |edge: &Edge<'_>| edge.transition.action == Trigger::Step(StepKind::Resolve);
    let requires_code = |edge: &Edge<'_>| {
        let leaves = edge.from != edge.to && map.statuses()[edge.from].leave.contains(CODE);
        leaves || map.statuses()[edge.to].enter.contains(CODE)
    };
    let mut lacks_code = vec![false; map.statuses().len()];
    lacks_code[start] = true;
    while spread(map, &mut lacks_code, |edge, lacks_code| !requires_code(edge) && lacks_code[edge.from]) {}
    let ends: Vec<bool> = map.statuses().iter().map(|it| it.state.is_final()).collect();
    let ends = spread_back(map, ends, |edge, ends| {
        let with_code =
            resolves(edge) && !stuck.contains(&edge.to) && !only_guarded_statuses.contains(&edge.to);
        with_code || (!requires_code(edge) && ends[edge.to])
    });
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

/// Marks the target of every edge that satisfies `counts`. Returns true if it marked a new status.
fn spread(map: &Map<'_>, marked: &mut [bool], counts: impl Fn(&Edge<'_>, &[bool]) -> bool) -> bool {
    let mut marked_any = false;
    for edge in &map.edges {
        if !marked[edge.to] && counts(edge, marked) {
            marked[edge.to] = true;
            marked_any = true;
        }
    }
    marked_any
}

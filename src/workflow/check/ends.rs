//! Whether an end that is drawn can be got to: by somebody who may, and with nothing demanded that nobody can give.

use super::map::{Edge, Map};
use super::message::find;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};
use crate::workflow::transition::{Performer, Trigger};

/// The field that only the step which resolves can fill.
const CODE: &str = "resolution_code";

/// Whether a way is open to somebody whatever the ticket says of itself.
pub(super) fn is_sure(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    let transition = edge.transition;
    // Other ways that nobody may take are a fault of their own.
    let by_hand = transition.is_taken_by_hand() || transition.action != Trigger::Step(StepKind::Resume);
    transition.when.is_empty() && (by_hand || is_taken_by_message(map, edge))
}

/// Whether a message of the requester resumes by this way: the ticket waits for it, and no other way comes first.
fn is_taken_by_message(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    let mut theirs = map
        .edges(edge.from, Trigger::Step(StepKind::Resume))
        .filter(|it| it.transition.may.is_empty() || it.transition.may.contains(&Performer::Requester));
    map.statuses()[edge.from].reason == Some(HoldReason::Customer)
        && map.statuses()[edge.to].state == StateKind::Active
        && theirs
            .all(|it| it.to == edge.to || (it.transition.when.is_empty() && map.statuses()[edge.to].default))
}

/// Resolved statuses in which a ticket may be without a resolution code, where every way on demands one.
pub(super) fn without_code(map: &Map<'_>, stuck: &[usize], by_luck: &[usize], found: &mut Vec<Diagnostic>) {
    let Some(start) = map.start else { return };
    // Ways that lead to unknown places might be just those which are missed here.
    if !map.to_anywhere.is_empty() || !map.from_anywhere.is_empty() {
        return;
    }
    let resolves = |edge: &Edge<'_>| edge.transition.action == Trigger::Step(StepKind::Resolve);
    let demands = |edge: &Edge<'_>| {
        let leaves = edge.from != edge.to && map.statuses()[edge.from].leave.contains(CODE);
        leaves || map.statuses()[edge.to].enter.contains(CODE)
    };
    let mut without = vec![false; map.statuses().len()];
    without[start] = true;
    while spread(map, &mut without, |edge, without| !demands(edge) && without[edge.from], |edge| edge.to) {}
    let mut ends: Vec<bool> = map.statuses().iter().map(|it| it.state.is_final()).collect();
    let goes_on = |edge: &Edge<'_>, ends: &[bool]| {
        let with_code = resolves(edge) && !stuck.contains(&edge.to) && !by_luck.contains(&edge.to);
        is_sure(map, edge) && (with_code || (!demands(edge) && ends[edge.to]))
    };
    while spread(map, &mut ends, goes_on, |edge| edge.from) {}
    for (place, status) in map.statuses().iter().enumerate() {
        let told = stuck.contains(&place) || by_luck.contains(&place);
        if status.state != StateKind::Resolved || !without[place] || ends[place] || told {
            continue;
        }
        let message = format!(
            "a ticket that is resolved to {:?} without a resolution code is stuck, because every edge to an end \
             demands one, and only the step that resolves can give it: demand it on entering {:?}",
            status.name, status.name,
        );
        find(found, DiagnosticKind::NeverFilled, format!("statuses[{place}]"), message);
    }
}

/// Marks one end of every way for which this holds; whether there was one not marked before.
fn spread(
    map: &Map<'_>,
    marked: &mut [bool],
    counts: impl Fn(&Edge<'_>, &[bool]) -> bool,
    end: impl Fn(&Edge<'_>) -> usize,
) -> bool {
    let mut news = false;
    for edge in &map.edges {
        if !marked[end(edge)] && counts(edge, marked) {
            marked[end(edge)] = true;
            news = true;
        }
    }
    news
}

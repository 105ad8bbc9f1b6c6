//! Warnings: legal, but probably unintended.

use std::collections::BTreeSet;

use super::map::{Edge, Map};
use super::message::{report, report_two};
use super::{cover, graph};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::transition::{Performer, Trigger};

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    unused_guards(map, found);
    shadowed(map, found);
    only_cancel(map, found);
    if let Some(start) = map.start
        && !has(map, start, StepKind::Cancel, &[])
    {
        let message = format!("a ticket opened by mistake cannot be cancelled from {:?}", map.name(start));
        report(found, DiagnosticKind::NoCancel, format!("statuses[{start}]"), message);
    }
    for place in (0..map.statuses().len()).filter(|it| map.is_whole[*it]) {
        match map.state(place) {
            StateKind::Resolved => resolved(map, place, found),
            StateKind::OnHold => on_hold(map, place, found),
            _ => {}
        }
    }
    let may_resolve = |it: usize| !map.has_state[it] || map.state(it) == StateKind::Resolved;
    if !map.statuses().is_empty() && !(0..map.statuses().len()).any(may_resolve) {
        let message = "there is no status in the state resolved, so no ticket can be answered";
        report(found, DiagnosticKind::NothingResolved, "statuses", message);
    }
}

fn unused_guards(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let used: BTreeSet<&str> =
        map.definition.transitions.iter().flat_map(|it| &it.when).map(String::as_str).collect();
    let may_use_any = |number: usize| map.gaps.cover(&format!("transitions[{number}].when"));
    if (0..map.definition.transitions.len()).any(may_use_any) {
        return;
    }
    for guard in map.definition.guards.keys().filter(|it| !used.contains(it.as_str())) {
        let path = format!("guards.{guard}");
        report(found, DiagnosticKind::UnusedGuard, path, "no transition uses this guard");
    }
}

fn resolved(map: &Map<'_>, place: usize, found: &mut Vec<Diagnostic>) {
    let path = format!("statuses[{place}]");
    if !has(map, place, StepKind::Reopen, &[Performer::Requester]) {
        let message = "a requester's message does not reopen a ticket from here: the requester has no reopen \
                       transition that is open to every ticket";
        report(found, DiagnosticKind::MessageDoesNotReopen, &path, message);
    }
    if !has(map, place, StepKind::Close, &[Performer::Automation]) {
        let message = "silence does not close a ticket from here: automation has no close transition that is open to \
                       every ticket";
        report(found, DiagnosticKind::VerificationDoesNotClose, &path, message);
    }
}

fn on_hold(map: &Map<'_>, place: usize, found: &mut Vec<Diagnostic>) {
    let path = format!("statuses[{place}]");
    let for_customer = map.statuses()[place].reason.as_ref().is_none_or(|it| *it == HoldReason::Customer);
    if !has(map, place, StepKind::Resume, &[]) {
        // A ticket that can only be cancelled is reported with that.
        if !found.iter().any(|it| it.kind == DiagnosticKind::OnlyCancel && it.path == path) {
            let message = "a hold with a date does not end by itself here: there is no resume transition that is open \
                           to every ticket";
            report(found, DiagnosticKind::HoldDoesNotEnd, path, message);
        }
    } else if for_customer && !has(map, place, StepKind::Resume, &[Performer::Requester]) {
        let message = "a requester's message does not end this wait: the requester has no resume transition that is \
                       open to every ticket";
        report(found, DiagnosticKind::MessageDoesNotResume, path, message);
    }
}

/// Reports statuses from which a ticket can be cancelled but neither resolved nor closed.
fn only_cancel(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let may_be = |it: usize, states: &[StateKind]| !map.has_state[it] || states.contains(&map.state(it));
    let all = 0..map.statuses().len();
    // Without such a status, nothing can be resolved or closed, which is reported already.
    if !all.clone().any(|it| may_be(it, &[StateKind::Resolved, StateKind::Closed])) {
        return;
    }
    let reaches = |states: &[StateKind]| {
        let ends: Vec<bool> = all.clone().map(|it| may_be(it, states)).collect();
        graph::leading_to(map, &ends)
    };
    let (answered, cancelled) =
        (reaches(&[StateKind::Resolved, StateKind::Closed]), reaches(&[StateKind::Cancelled]));
    for place in all.filter(|it| map.is_first(*it) && map.is_whole[*it]) {
        if answered[place] || !cancelled[place] || map.state(place).is_final() {
            continue;
        }
        let message = format!(
            "a ticket that reaches {:?} can only be cancelled: no transition leads from here to a status that is resolved \
             or closed",
            map.name(place)
        );
        report(found, DiagnosticKind::OnlyCancel, format!("statuses[{place}]"), message);
    }
}

/// True if one of these performers may take the step from this status with any ticket, or if that depends on a
/// transition that could not be read. With an empty list, any performer will do.
fn has(map: &Map<'_>, from: usize, step: StepKind, performers: &[Performer]) -> bool {
    let step = Trigger::Step(step);
    let unknown = map
        .unknown_edges
        .iter()
        .any(|it| it.from.is_none_or(|it| it == from) && it.trigger.is_none_or(|trigger| trigger == step));
    let unread = map.out(from).any(|edge| !edge.is_whole);
    let edges = map.edges(from, step).filter(|edge| {
        let may = &edge.transition.may;
        may.is_empty() || performers.is_empty() || performers.iter().any(|it| may.contains(it))
    });
    unknown || unread || cover::every_ticket(map, from, edges)
}

/// Reports guarded edges that are never chosen because an earlier edge is open whenever they are.
fn shadowed(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    for edge in &map.edges {
        if edge.transition.when.is_empty() || edge.transition.action == Trigger::Move || !edge.is_whole {
            continue;
        }
        let covers = |it: &&Edge<'_>| {
            it.to != edge.to
                && it.is_whole
                && !it.transition.when.is_empty()
                && it.transition.when.iter().all(|guard| edge.transition.when.contains(guard))
                && (it.transition.may.is_empty() || it.transition.may == edge.transition.may)
                && (edge.transition.action != Trigger::Step(StepKind::Hold)
                    || map.statuses()[it.to].reason == map.statuses()[edge.to].reason)
        };
        if let Some(before) = map.edges_before(edge).find(covers) {
            let other = format!("transitions[{}]", before.place.0);
            let before = format!(
                "{} from {:?} always goes to {:?} by the transition at ",
                edge.transition.action,
                map.name(edge.from),
                map.name(before.to)
            );
            let after = format!(
                ", because its guards hold whenever these do; {:?} is reached only if the action names it",
                map.name(edge.to)
            );
            let path = format!("transitions[{}]", edge.place.0);
            report_two(found, DiagnosticKind::Shadowed, path, [before, after], other);
        }
    }
}

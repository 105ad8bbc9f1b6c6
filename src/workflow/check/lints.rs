//! Warnings: legal, but probably unintended.

use std::collections::BTreeSet;

use super::map::{Edge, Map};
use super::message::report;
use crate::lifecycle::{HoldReason, StateKind, StepKind};
use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};
use crate::workflow::transition::{Performer, Trigger};

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let used: BTreeSet<&str> =
        map.definition.transitions.iter().flat_map(|it| &it.when).map(String::as_str).collect();
    for guard in map.definition.guards.keys().filter(|it| !used.contains(it.as_str())) {
        report(
            found,
            DiagnosticKind::UnusedGuard,
            format!("guards.{guard}"),
            "no transition uses this guard",
        );
    }
    shadowed(map, found);
    // An edge with an unknown end might be the missing one in the checks below.
    if !map.to_anywhere.is_empty() || !map.from_anywhere.is_empty() {
        return;
    }
    if let Some(start) = map.start
        && !has(map, start, StepKind::Cancel, &[])
    {
        let message = format!("a ticket opened by mistake cannot be cancelled from {:?}", map.name(start));
        report(found, DiagnosticKind::NoCancel, format!("statuses[{start}]"), message);
    }
    for (place, status) in map.statuses().iter().enumerate() {
        let mut suspect = |kind, message: &str| report(found, kind, format!("statuses[{place}]"), message);
        match status.state {
            StateKind::Resolved => {
                if !has(map, place, StepKind::Reopen, &[Performer::Requester]) {
                    let message = "a requester's message does not reopen a ticket from here: the requester has no \
                                   reopen transition without a guard";
                    suspect(DiagnosticKind::MessageDoesNotReopen, message);
                }
                if !has(map, place, StepKind::Close, &[Performer::Automation]) {
                    let message = "silence does not close a ticket from here: automation has no close transition without a guard";
                    suspect(DiagnosticKind::SilenceDoesNotClose, message);
                }
            }
            StateKind::OnHold => {
                let for_customer = status.reason.as_ref().is_none_or(|it| *it == HoldReason::Customer);
                if !has(map, place, StepKind::Resume, &[]) {
                    let message = "a hold with a date does not end by itself here: there is no resume transition without a guard";
                    suspect(DiagnosticKind::HoldDoesNotEnd, message);
                } else if for_customer && !has(map, place, StepKind::Resume, &[Performer::Requester]) {
                    let message = "a requester's message does not end this wait: the requester has no resume \
                                   transition without a guard";
                    suspect(DiagnosticKind::MessageDoesNotResume, message);
                }
            }
            _ => {}
        }
    }
    if !map.statuses().iter().any(|it| it.state == StateKind::Resolved) && !map.statuses().is_empty() {
        let message = "there is no status in the state resolved, so no ticket can be answered";
        report(found, DiagnosticKind::NothingResolved, "statuses", message);
    }
}

/// True if one of these performers may take the step from this status without a guard. With an empty list, any
/// performer will do.
fn has(map: &Map<'_>, from: usize, step: StepKind, performers: &[Performer]) -> bool {
    map.edges(from, Trigger::Step(step)).any(|edge| {
        let may = &edge.transition.may;
        edge.transition.when.is_empty()
            && (may.is_empty() || performers.is_empty() || performers.iter().any(|it| may.contains(it)))
    })
}

/// Reports guarded edges that are never chosen because an earlier edge is open whenever they are.
fn shadowed(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    for edge in &map.edges {
        if edge.transition.when.is_empty() || edge.transition.action == Trigger::Move {
            continue;
        }
        let covers = |it: &&Edge<'_>| {
            it.to != edge.to
                && !it.transition.when.is_empty()
                && it.transition.when.iter().all(|guard| edge.transition.when.contains(guard))
                && (it.transition.may.is_empty() || it.transition.may == edge.transition.may)
                && (edge.transition.action != Trigger::Step(StepKind::Hold)
                    || map.statuses()[it.to].reason == map.statuses()[edge.to].reason)
        };
        if let Some(before) = map.edges_before(edge).find(covers) {
            let message = format!(
                "{} from {:?} always goes to {:?} by transitions[{}], because its guards hold whenever these do; {:?} is \
                 reached only if the action names it",
                edge.transition.action,
                map.name(edge.from),
                map.name(before.to),
                before.place.0,
                map.name(edge.to),
            );
            report(found, DiagnosticKind::Shadowed, format!("transitions[{}]", edge.place.0), message);
        }
    }
}

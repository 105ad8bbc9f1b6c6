//! Checks the rules: every path to one place must pass another.
//!
//! A place dominates another if every path from the start to the second passes the first. A set of places dominates a
//! target exactly if the target is unreachable once the set is removed from the graph. If it is still reachable, the
//! shortest such path is the counterexample.

use std::collections::VecDeque;

use super::map::Map;
use super::message::report;
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::workflow::definition::{MustPass, StatusSelector};

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    for (number, rule) in map.definition.rules.iter().enumerate() {
        let MustPass { every_path_to, must_pass } = rule;
        if map.gaps.touch(&format!("rules[{number}]")) {
            continue;
        }
        if every_path_to == must_pass {
            let message = format!(
                "the rule has no effect: {every_path_to} and {must_pass} are the same; name two different places"
            );
            report(found, DiagnosticKind::EmptyRule, format!("rules[{number}]"), message);
            continue;
        }
        // An unknown status is reported elsewhere.
        if let StatusSelector::Status(name) = must_pass
            && !map.statuses().iter().any(|it| it.name == *name)
        {
            continue;
        }
        let is = |selector: &StatusSelector, status: usize, unknown: bool| match selector {
            StatusSelector::Status(name) => map.name(status) == name,
            StatusSelector::State(_) if !map.has_state[status] => unknown,
            StatusSelector::State(state) => map.state(status) == *state,
        };
        let to = |it| is(every_path_to, it, false);
        if let Some(path) = shortest_bypass(map, to, |it| is(must_pass, it, true)) {
            let message = format!("a path to {every_path_to} avoids {must_pass}: {}", map.chain(&path));
            report(found, DiagnosticKind::Bypass, format!("rules[{number}]"), message);
        }
    }
}

/// The shortest path from the start to a status that satisfies `to` and avoids every status that satisfies `must_pass`.
fn shortest_bypass(
    map: &Map<'_>,
    to: impl Fn(usize) -> bool,
    must_pass: impl Fn(usize) -> bool,
) -> Option<Vec<usize>> {
    let start = map.start.filter(|it| !must_pass(*it))?;
    let mut came_from = vec![None; map.statuses().len()];
    let mut seen = vec![false; map.statuses().len()];
    seen[start] = true;
    let mut queue = VecDeque::from([start]);
    while let Some(at) = queue.pop_front() {
        if to(at) {
            let mut path: Vec<usize> = std::iter::successors(Some(at), |it| came_from[*it]).collect();
            path.reverse();
            return Some(path);
        }
        for next in map.out(at).map(|it| it.to) {
            if !seen[next] && !must_pass(next) {
                seen[next] = true;
                came_from[next] = Some(at);
                queue.push_back(next);
            }
        }
    }
    None
}

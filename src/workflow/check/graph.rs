//! Checks of the graph: reachability from the start, paths to a final status, and ambiguous transitions.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::iter::successors;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Bfs, Dfs, Reversed};

use super::ends;
use super::map::{Edge, Map};
use super::message::{find, listed};
use crate::lifecycle::StepKind;
use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};
use crate::workflow::transition::Trigger;

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    ambiguous(map, found);
    unreachable(map, found);
    let stuck = endless(map, |_| true);
    traps(map, &stuck, found);
    let by_luck: Vec<usize> =
        endless(map, |edge| ends::is_sure(map, edge)).into_iter().filter(|it| !stuck.contains(it)).collect();
    only_guarded(map, &by_luck, found);
    ends::without_code(map, &stuck, &by_luck, found);
}

/// The graph of the statuses and of the edges that satisfy `counts`.
pub(super) fn graph(map: &Map<'_>, counts: impl Fn(&Edge<'_>) -> bool) -> DiGraph<(), ()> {
    let mut graph = DiGraph::new();
    for _ in map.statuses() {
        graph.add_node(());
    }
    let edges = map.edges.iter().filter(|edge| counts(edge)).map(|edge| (edge.from, edge.to));
    let all = || 0..map.statuses().len();
    let outward = map.to_anywhere.iter().flat_map(|from| all().map(|to| (*from, to)));
    let inward = map.from_anywhere.iter().flat_map(|to| all().map(|from| (from, *to)));
    for (from, to) in edges.chain(outward).chain(inward) {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    graph
}

fn unreachable(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let Some(start) = map.start else { return };
    let graph = graph(map, |_| true);
    let mut walk = Bfs::new(&graph, NodeIndex::new(start));
    let mut reached = vec![false; map.statuses().len()];
    while let Some(node) = walk.next(&graph) {
        reached[node.index()] = true;
    }
    for status in (0..reached.len()).filter(|it| !reached[*it] && map.is_first(*it)) {
        let message = format!("no way leads from {:?} to {:?}", map.name(start), map.name(status));
        find(found, DiagnosticKind::Unreachable, format!("statuses[{status}]"), message);
    }
}

/// The statuses from which no final status can be reached by edges that satisfy `counts`.
fn endless(map: &Map<'_>, counts: impl Fn(&Edge<'_>) -> bool) -> Vec<usize> {
    let graph = graph(map, counts);
    let backward = Reversed(&graph);
    let mut walk = Dfs::empty(backward);
    for (status, _) in map.statuses().iter().enumerate().filter(|(_, it)| it.state.is_final()) {
        walk.move_to(NodeIndex::new(status));
        while walk.next(backward).is_some() {}
    }
    (0..map.statuses().len())
        .filter(|status| map.is_first(*status) && !walk.discovered.contains(*status))
        .collect()
}

/// The strongly connected components of stuck statuses that no edge leaves. Fixing these also fixes the stuck statuses
/// that lead into them.
fn bottoms(map: &Map<'_>, stuck: &[usize], counts: impl Fn(&Edge<'_>) -> bool) -> Vec<Vec<usize>> {
    let graph = graph(map, counts);
    let leaves = |group: &Vec<NodeIndex>| {
        let inside: HashSet<&NodeIndex> = group.iter().collect();
        group.iter().any(|node| graph.neighbors(*node).any(|next| !inside.contains(&next)))
    };
    let mut groups: Vec<Vec<usize>> = tarjan_scc(&graph)
        .into_iter()
        .filter(|group| group.iter().all(|node| stuck.contains(&node.index())) && !leaves(group))
        .map(|group| {
            let mut group: Vec<usize> = group.into_iter().map(NodeIndex::index).collect();
            group.sort_unstable();
            group
        })
        .collect();
    groups.sort();
    groups
}

fn traps(map: &Map<'_>, stuck: &[usize], found: &mut Vec<Diagnostic>) {
    for group in bottoms(map, stuck, |_| true) {
        let first = group[0];
        let path = format!("statuses[{first}]");
        if map.out(first).next().is_none() {
            let message = format!("nothing leads out of {:?}, and it is no end", map.name(first));
            find(found, DiagnosticKind::DeadEnd, path, message);
        } else {
            let round = round(map, &group);
            let message =
                format!("no end can be reached from here, only round and round: {}", map.chain(&round));
            find(found, DiagnosticKind::Trap, path, message);
        }
    }
}

/// A shortest cycle through the first status of a group. All statuses of the group can reach each other.
fn round(map: &Map<'_>, group: &[usize]) -> Vec<usize> {
    let first = group[0];
    let inside: Vec<&Edge<'_>> =
        map.edges.iter().filter(|it| group.contains(&it.from) && group.contains(&it.to)).collect();
    let mut came_from = vec![None; map.statuses().len()];
    let mut seen = vec![false; map.statuses().len()];
    let mut waiting = VecDeque::from([first]);
    while let Some(at) = waiting.pop_front() {
        for edge in inside.iter().filter(|it| it.from == at) {
            if edge.to == first {
                let mut round: Vec<usize> = successors(Some(at), |it| came_from[*it]).collect();
                round.reverse();
                round.push(first);
                return round;
            }
            if !seen[edge.to] {
                seen[edge.to] = true;
                came_from[edge.to] = Some(at);
                waiting.push_back(edge.to);
            }
        }
    }
    group.to_vec()
}

fn only_guarded(map: &Map<'_>, by_luck: &[usize], found: &mut Vec<Diagnostic>) {
    for group in bottoms(map, by_luck, |edge| ends::is_sure(map, edge)) {
        let first = group[0];
        let guards =
            map.edges.iter().filter(|it| group.contains(&it.from)).flat_map(|it| &it.transition.when);
        let guards: BTreeSet<&str> = guards.map(String::as_str).collect();
        let from = listed(group.iter().map(|it| map.name(*it)));
        let message = if guards.is_empty() {
            format!(
                "an end is reached from {from} only by a resume of the requester, who resumes by a message alone, \
                 and here no message is sure to: let agents resume it too, or let it wait for the customer"
            )
        } else {
            format!(
                "an end is reached from {from} only where a guard holds ({}): a ticket for which none does is \
                 stuck; leave a edge on without a guard",
                listed(guards),
            )
        };
        find(found, DiagnosticKind::OnlyGuarded, format!("statuses[{first}]"), message);
    }
}

/// True if an unguarded edge that is open to everybody leads to the default status of the same state, and so takes
/// precedence if the action names no status.
fn is_settled(map: &Map<'_>, edge: &Edge<'_>) -> bool {
    let (to, trigger) = (&map.statuses()[edge.to], edge.transition.action);
    map.edges(edge.from, trigger).any(|it| {
        let other = &map.statuses()[it.to];
        other.default
            && other.state == to.state
            && it.transition.when.is_empty()
            && it.transition.may.is_empty()
            && (trigger != Trigger::Step(StepKind::Hold) || other.reason == to.reason)
    })
}

/// Reports two unguarded edges for one action if neither leads to a default status.
fn ambiguous(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    for edge in &map.edges {
        let (to, trigger) = (&map.statuses()[edge.to], edge.transition.action);
        // A move names its status, and guarded edges are tried before unguarded ones.
        if trigger == Trigger::Move || !edge.transition.when.is_empty() {
            continue;
        }
        let rival = map.ways_before(edge).find(|it| {
            let other = &map.statuses()[it.to];
            it.to != edge.to
                && it.transition.when.is_empty()
                && it.transition.overlaps(edge.transition)
                && (trigger != Trigger::Step(StepKind::Hold) || other.reason == to.reason)
                && other.state == to.state
                && !other.default
                && !to.default
                && !is_settled(map, edge)
        });
        if let Some(rival) = rival {
            let message = format!(
                "{trigger} from {:?} leads to {:?} here and to {:?} in transitions[{}]; mark one of the two statuses \
                 with `default = true`, or guard one edge",
                map.name(edge.from),
                to.name,
                map.name(rival.to),
                rival.place.0,
            );
            find(found, DiagnosticKind::Ambiguous, format!("transitions[{}].to", edge.place.0), message);
        }
    }
}

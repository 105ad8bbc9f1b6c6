//! Checks of the graph: reachability from the start, paths to a final status, and ambiguous transitions.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::iter::successors;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Bfs, Dfs, Reversed};

use super::map::{Edge, Map};
use super::message::{listed, report, report_two};
use super::{cover, ends};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::lifecycle::StepKind;
use crate::workflow::transition::Trigger;

pub(super) fn check(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    ambiguous(map, found);
    unreachable(map, found);
    let may_end: Vec<bool> = (0..map.statuses().len()).map(|it| map.may_end(it)).collect();
    let finishes = leading_to(map, &may_end);
    let stuck: Vec<usize> = (0..finishes.len()).filter(|it| map.is_first(*it) && !finishes[*it]).collect();
    traps(map, &stuck, found);
    let ends = ends::spread_back(map, may_end, |edge, ends| ends[edge.to]);
    let only_guarded_statuses: Vec<usize> =
        (0..ends.len()).filter(|it| !ends[*it] && map.is_first(*it) && !stuck.contains(it)).collect();
    only_guarded(map, &only_guarded_statuses, &ends, found);
    ends::without_code(map, &stuck, &only_guarded_statuses, found);
}

/// The graph of the statuses and of the edges that satisfy `counts`.
fn graph(map: &Map<'_>, counts: impl Fn(&Edge<'_>) -> bool) -> DiGraph<(), ()> {
    let mut graph = DiGraph::new();
    for _ in map.statuses() {
        graph.add_node(());
    }
    let edges = map.edges.iter().filter(|edge| counts(edge)).map(|edge| (edge.from, edge.to));
    let every = |known: Option<usize>| match known {
        Some(status) => status..status + 1,
        None => 0..map.statuses().len(),
    };
    let ends: BTreeSet<_> = map.unknown_edges.iter().map(|it| (it.from, it.to)).collect();
    let unknown = ends
        .into_iter()
        .flat_map(|(from, to)| every(from).flat_map(move |from| every(to).map(move |to| (from, to))));
    for (from, to) in edges.chain(unknown) {
        graph.add_edge(NodeIndex::new(from), NodeIndex::new(to), ());
    }
    graph
}

fn unreachable(map: &Map<'_>, found: &mut Vec<Diagnostic>) {
    let Some(start) = map.start else { return };
    let graph = graph(map, |_| true);
    let mut reached = vec![false; map.statuses().len()];
    let mut walk = Bfs::new(&graph, NodeIndex::new(start));
    // Any status whose state is not known may be the start.
    let others = (0..reached.len()).filter(|it| !map.has_state[*it]);
    walk.stack.extend(others.map(NodeIndex::new));
    while let Some(node) = walk.next(&graph) {
        reached[node.index()] = true;
    }
    for status in (0..reached.len()).filter(|it| !reached[*it] && map.is_first(*it)) {
        let message =
            format!("{:?} cannot be reached from the start status {:?}", map.name(status), map.name(start));
        report(found, DiagnosticKind::Unreachable, format!("statuses[{status}]"), message);
    }
}

/// For each status, true if one of the marked statuses can be reached from it.
pub(super) fn leading_to(map: &Map<'_>, marked: &[bool]) -> Vec<bool> {
    let graph = graph(map, |_| true);
    let backward = Reversed(&graph);
    let mut walk = Dfs::empty(backward);
    for status in (0..marked.len()).filter(|it| marked[*it]) {
        walk.move_to(NodeIndex::new(status));
        while walk.next(backward).is_some() {}
    }
    (0..marked.len()).map(|status| walk.discovered.contains(status)).collect()
}

/// The strongly connected components of stuck statuses that no edge leaves. Fixing these also fixes the stuck statuses
/// that lead into them.
fn terminal_groups(map: &Map<'_>, stuck: &[usize], counts: impl Fn(&Edge<'_>) -> bool) -> Vec<Vec<usize>> {
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
    for group in terminal_groups(map, stuck, |_| true) {
        let first = group[0];
        let path = format!("statuses[{first}]");
        if map.out(first).next().is_none() && group.len() == 1 {
            let message = format!("no transition leads out of {:?}, and it is not final", map.name(first));
            report(found, DiagnosticKind::DeadEnd, path, message);
        } else {
            let cycle = cycle(map, &group);
            let message = format!(
                "no final status can be reached from here; the transitions form a cycle: {}",
                map.chain(&cycle)
            );
            report(found, DiagnosticKind::Trap, path, message);
        }
    }
}

/// A shortest cycle through the first status of a group. All statuses of the group can reach each other.
fn cycle(map: &Map<'_>, group: &[usize]) -> Vec<usize> {
    let first = group[0];
    let inside: Vec<&Edge<'_>> =
        map.edges.iter().filter(|it| group.contains(&it.from) && group.contains(&it.to)).collect();
    let mut came_from = vec![None; map.statuses().len()];
    let mut seen = vec![false; map.statuses().len()];
    let mut queue = VecDeque::from([first]);
    while let Some(at) = queue.pop_front() {
        for edge in inside.iter().filter(|it| it.from == at) {
            if edge.to == first {
                let mut cycle: Vec<usize> = successors(Some(at), |it| came_from[*it]).collect();
                cycle.reverse();
                cycle.push(first);
                return cycle;
            }
            if !seen[edge.to] {
                seen[edge.to] = true;
                came_from[edge.to] = Some(at);
                queue.push_back(edge.to);
            }
        }
    }
    group.to_vec()
}

fn only_guarded(map: &Map<'_>, only_guarded_statuses: &[usize], ends: &[bool], found: &mut Vec<Diagnostic>) {
    // The edges that are open to every ticket, alone or together with others.
    let together: Vec<bool> = (0..map.statuses().len())
        .map(|status| {
            let edges = map.out(status).filter(|edge| ends::is_permitted(map, edge));
            !edges.clone().any(|edge| map.may_be_open(edge)) && cover::every_ticket(map, status, edges)
        })
        .collect();
    let counts = |edge: &Edge<'_>| {
        let is_open = map.may_be_open(edge) || together[edge.from];
        is_open && ends::is_permitted(map, edge) && !ends[edge.from] && !ends[edge.to]
    };
    for group in terminal_groups(map, only_guarded_statuses, counts) {
        let first = group[0];
        let guards =
            map.edges.iter().filter(|it| group.contains(&it.from)).flat_map(|it| &it.transition.when);
        let guards: BTreeSet<&str> = guards.map(String::as_str).collect();
        let from = listed(group.iter().map(|it| map.name(*it)));
        let message = if guards.is_empty() {
            format!(
                "a final status can be reached from {from} only if the requester resumes the ticket, and no message of \
                 the requester is certain to do so; allow agents to resume it too, or use the hold reason customer"
            )
        } else {
            format!(
                "a final status can be reached from {from} only through guards ({}), so a ticket for which none holds is \
                 stuck; add a transition without a guard, or guards for all other tickets",
                listed(guards),
            )
        };
        report(found, DiagnosticKind::OnlyGuarded, format!("statuses[{first}]"), message);
    }
}

/// True if an unguarded edge that is open to everybody leads to the default status of the same state, and so takes
/// precedence if the action names no status.
fn has_default(map: &Map<'_>, edge: &Edge<'_>) -> bool {
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
        let is_whole = edge.is_whole && map.is_whole[edge.to];
        if trigger == Trigger::Move || !edge.transition.when.is_empty() || !is_whole {
            continue;
        }
        let rival = map.edges_before(edge).find(|it| {
            let other = &map.statuses()[it.to];
            it.to != edge.to
                && it.is_whole
                && map.is_whole[it.to]
                && it.transition.when.is_empty()
                && it.transition.overlaps(edge.transition)
                && (trigger != Trigger::Step(StepKind::Hold) || other.reason == to.reason)
                && other.state == to.state
                && !other.default
                && !to.default
                && !has_default(map, edge)
        });
        if let Some(rival) = rival {
            let before = format!(
                "{trigger} from {:?} leads to {:?} here and to {:?} in ",
                map.name(edge.from),
                to.name,
                map.name(rival.to),
            );
            let after =
                "; mark one of the two statuses with `default = true`, or add a guard to one transition";
            let path = format!("transitions[{}].to", edge.place.0);
            let other = format!("transitions[{}]", rival.place.0);
            report_two(found, DiagnosticKind::Ambiguous, path, [before, after.to_owned()], other);
        }
    }
}

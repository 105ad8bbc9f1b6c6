//! A definition with its names resolved, for the checks.

use std::collections::{BTreeSet, HashMap};

use crate::lifecycle::StateKind;
use crate::workflow::definition::{Status, WorkflowDefinition};
use crate::workflow::transition::{Transition, Trigger};

/// The index of the start status: the only status in the state new, or the default among several.
pub(in crate::workflow) fn start(definition: &WorkflowDefinition) -> Option<usize> {
    let mut of_new = definition.statuses.iter().enumerate().filter(|(_, it)| it.state == StateKind::New);
    let first = of_new.next()?;
    let mut rest = of_new.peekable();
    if rest.peek().is_none() || first.1.default {
        return Some(first.0);
    }
    rest.find(|(_, it)| it.default).map(|(place, _)| place)
}

/// A definition with its names resolved.
pub(super) struct Map<'a> {
    pub(super) definition: &'a WorkflowDefinition,
    pub(super) start: Option<usize>,
    pub(super) edges: Vec<Edge<'a>>,
    /// For each status, the indexes of the edges out of it, in the order of the definition.
    pub(super) out: Vec<Vec<usize>>,
    /// For each status, true if no earlier status has the same name.
    pub(super) first: Vec<bool>,
    /// The statuses with an edge to an unknown status.
    pub(super) to_anywhere: BTreeSet<usize>,
    /// The statuses with an edge from an unknown status.
    pub(super) from_anywhere: BTreeSet<usize>,
}

/// A transition from one status to one other.
#[derive(Clone, Copy)]
pub(super) struct Edge<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The index of the transition, and the index of `from` in the transition's list.
    pub(super) place: (usize, usize),
    pub(super) transition: &'a Transition,
}

impl<'a> Map<'a> {
    pub(super) fn of(definition: &'a WorkflowDefinition) -> Map<'a> {
        let mut by_name = HashMap::new();
        let mut first = Vec::with_capacity(definition.statuses.len());
        for (place, status) in definition.statuses.iter().enumerate() {
            first.push(*by_name.entry(status.name.as_str()).or_insert(place) == place);
        }
        let mut map = Map {
            definition,
            start: start(definition),
            edges: Vec::new(),
            out: vec![Vec::new(); definition.statuses.len()],
            first,
            to_anywhere: BTreeSet::new(),
            from_anywhere: BTreeSet::new(),
        };
        for (number, transition) in definition.transitions.iter().enumerate() {
            let to = by_name.get(transition.to.as_str()).copied();
            for (nth, from) in transition.from.iter().enumerate() {
                match (by_name.get(from.as_str()).copied(), to) {
                    (Some(from), Some(to)) => {
                        map.out[from].push(map.edges.len());
                        map.edges.push(Edge { from, to, place: (number, nth), transition });
                    }
                    (Some(from), None) => drop(map.to_anywhere.insert(from)),
                    (None, Some(to)) => drop(map.from_anywhere.insert(to)),
                    (None, None) => {}
                }
            }
        }
        map
    }

    pub(super) fn statuses(&self) -> &'a [Status] {
        &self.definition.statuses
    }

    pub(super) fn name(&self, status: usize) -> &'a str {
        &self.definition.statuses[status].name
    }

    pub(super) fn state(&self, status: usize) -> StateKind {
        self.definition.statuses[status].state
    }

    /// True if no earlier status has the same name. A repeated name is reported elsewhere, and edges lead to the first
    /// status.
    pub(super) fn is_first(&self, status: usize) -> bool {
        self.first[status]
    }

    /// The edges out of a status.
    pub(super) fn out(&self, from: usize) -> impl Iterator<Item = &Edge<'a>> {
        self.out[from].iter().map(|place| &self.edges[*place])
    }

    /// The edges out of a status with this trigger.
    pub(super) fn edges(&self, from: usize, trigger: Trigger) -> impl Iterator<Item = &Edge<'a>> {
        self.out(from).filter(move |it| it.transition.action == trigger)
    }

    /// The edges that precede this one, from the same status and with the same trigger.
    pub(super) fn edges_before(&self, edge: &Edge<'a>) -> impl Iterator<Item = &Edge<'a>> {
        let place = edge.place;
        self.edges(edge.from, edge.transition.action).take_while(move |it| it.place < place)
    }

    /// Formats statuses as a path, for messages.
    pub(super) fn chain(&self, statuses: &[usize]) -> String {
        let names: Vec<String> = statuses.iter().map(|it| format!("{:?}", self.name(*it))).collect();
        names.join(" -> ")
    }
}

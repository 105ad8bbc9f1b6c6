//! A definition with its names resolved, for the checks.

use std::collections::HashMap;

use crate::condition::{Budget, Condition, Fields};
use crate::lifecycle::StateKind;
use crate::source::Gaps;
use crate::workflow::definition::{Status, WorkflowDefinition};
use crate::workflow::transition::{Transition, Trigger};

/// The work that all comparisons of guards may take together, less than a tenth of a second.
const BUDGET: usize = 2_000_000;

/// The index of the start status: the only status in the state new, or the default among several.
pub(in crate::workflow) fn start(definition: &WorkflowDefinition) -> Option<usize> {
    start_among(definition, &Gaps::default())
}

/// The index of the start status among those whose state could be read.
fn start_among(definition: &WorkflowDefinition, gaps: &Gaps) -> Option<usize> {
    let mut of_new = definition
        .statuses
        .iter()
        .enumerate()
        .filter(|(place, it)| it.state == StateKind::New && !state_is_unread(gaps, *place));
    let first = of_new.next()?;
    let mut rest = of_new.peekable();
    if rest.peek().is_none() || first.1.default {
        return Some(first.0);
    }
    rest.find(|(_, it)| it.default).map(|(place, _)| place)
}

/// True if the name of one of these many statuses could not be read.
pub(super) fn lacks_names(gaps: &Gaps, statuses: usize) -> bool {
    gaps.cover("statuses") || (0..statuses).any(|it| gaps.cover(&format!("statuses[{it}].name")))
}

/// True if the state of a status could not be read.
fn state_is_unread(gaps: &Gaps, status: usize) -> bool {
    gaps.cover(&format!("statuses[{status}].state"))
}

/// A definition with its names resolved.
pub(super) struct Map<'a> {
    pub(super) definition: &'a WorkflowDefinition,
    pub(super) gaps: &'a Gaps,
    /// The fields that guards may use.
    pub(super) fields: &'a Fields,
    /// The work that may still be spent on comparing guards.
    pub(super) budget: Budget,
    pub(super) start: Option<usize>,
    pub(super) edges: Vec<Edge<'a>>,
    /// For each status, the indexes of the edges out of it, in the order of the definition.
    pub(super) out: Vec<Vec<usize>>,
    /// For each status, true if it has a name that no earlier status has.
    pub(super) first: Vec<bool>,
    /// For each status, true if its state could be read.
    pub(super) has_state: Vec<bool>,
    /// For each status, true if all of it could be read.
    pub(super) is_whole: Vec<bool>,
    pub(super) unknown_edges: Vec<UnknownEdge>,
}

/// A transition with an end that is not known: the name is wrong, or could not be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownEdge {
    /// `None` if it may lead from any status.
    pub(super) from: Option<usize>,
    /// `None` if it may lead to any status.
    pub(super) to: Option<usize>,
    /// `None` if the action could not be read.
    pub(super) trigger: Option<Trigger>,
}

/// A transition from one status to one other.
#[derive(Clone, Copy)]
pub(super) struct Edge<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    /// The index of the transition, and the index of `from` in the transition's list.
    pub(super) place: (usize, usize),
    pub(super) transition: &'a Transition,
    /// True if all of the transition could be read.
    pub(super) is_whole: bool,
}

impl<'a> Map<'a> {
    pub(super) fn of(definition: &'a WorkflowDefinition, fields: &'a Fields, gaps: &'a Gaps) -> Map<'a> {
        let mut by_name = HashMap::new();
        let mut first = Vec::with_capacity(definition.statuses.len());
        for (place, status) in definition.statuses.iter().enumerate() {
            let is_first = *by_name.entry(status.name.as_str()).or_insert(place) == place;
            first.push(is_first && !gaps.cover(&format!("statuses[{place}].name")));
        }
        let mut map = Map {
            definition,
            gaps,
            fields,
            budget: Budget::new(BUDGET),
            start: start_among(definition, gaps),
            edges: Vec::new(),
            out: vec![Vec::new(); definition.statuses.len()],
            first,
            has_state: (0..definition.statuses.len()).map(|it| !state_is_unread(gaps, it)).collect(),
            is_whole: (0..definition.statuses.len())
                .map(|it| !gaps.touch(&format!("statuses[{it}]")))
                .collect(),
            unknown_edges: Vec::new(),
        };
        for (number, transition) in definition.transitions.iter().enumerate() {
            let path = format!("transitions[{number}]");
            let is_whole = !gaps.touch(&path);
            let trigger = (is_whole || !gaps.cover(&format!("{path}.action"))).then_some(transition.action);
            let to = by_name.get(transition.to.as_str()).copied();
            if !is_whole && gaps.cover(&format!("{path}.from")) {
                map.unknown_edges.push(UnknownEdge { from: None, to, trigger });
            }
            for (nth, from) in transition.from.iter().enumerate() {
                match (by_name.get(from.as_str()).copied(), to) {
                    (Some(from), Some(to)) => {
                        map.out[from].push(map.edges.len());
                        map.edges.push(Edge { from, to, place: (number, nth), transition, is_whole });
                    }
                    (from, to) => map.unknown_edges.push(UnknownEdge { from, to, trigger }),
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

    /// True if the status has a name that no earlier status has. A repeated name is reported elsewhere, and edges lead
    /// to the first status.
    pub(super) fn is_first(&self, status: usize) -> bool {
        self.first[status]
    }

    /// The edges out of a status.
    pub(super) fn out(&self, from: usize) -> impl Iterator<Item = &Edge<'a>> + Clone {
        self.out[from].iter().map(|place| &self.edges[*place])
    }

    /// The edges out of a status with this trigger.
    pub(super) fn edges(&self, from: usize, trigger: Trigger) -> impl Iterator<Item = &Edge<'a>> + Clone {
        self.out(from).filter(move |it| it.transition.action == trigger)
    }

    /// The edges that precede this one, from the same status and with the same trigger.
    pub(super) fn edges_before(&self, edge: &Edge<'a>) -> impl Iterator<Item = &Edge<'a>> {
        let place = edge.place;
        self.edges(edge.from, edge.transition.action).take_while(move |it| it.place < place)
    }

    /// True if the name of a status could not be read.
    pub(super) fn lacks_names(&self) -> bool {
        lacks_names(self.gaps, self.statuses().len())
    }

    /// True if an edge has no guard, or one that could not be read.
    pub(super) fn may_be_open(&self, edge: &Edge<'_>) -> bool {
        let is_known = |name: &String| {
            self.definition.guards.contains_key(name) && !self.gaps.cover(&format!("guards.{name}"))
        };
        edge.transition.when.is_empty() || !edge.is_whole || !edge.transition.when.iter().all(is_known)
    }

    /// The condition under which an edge is open.
    pub(super) fn guard_of(&self, edge: &Edge<'_>) -> Condition {
        let guards = edge.transition.when.iter().filter_map(|name| self.definition.guards.get(name));
        Condition::all(guards.cloned())
    }

    /// The fields of a ticket in this status. A field of an unknown type has the type of the values to which the guards
    /// compare it.
    pub(super) fn fields_in(&self, status: usize) -> Fields {
        let fields = self
            .fields
            .clone()
            .with_types_in(self.definition.guards.values())
            .with_values("status", [self.name(status)]);
        match self.has_state[status] {
            true => fields.with_values("state", [self.state(status).name()]),
            false => fields,
        }
    }

    /// True if a ticket may end here: the status is final, or its state is not known.
    pub(super) fn may_end(&self, status: usize) -> bool {
        !self.has_state[status] || self.state(status).is_final()
    }

    /// Formats statuses as a path, for messages.
    pub(super) fn chain(&self, statuses: &[usize]) -> String {
        let names: Vec<String> = statuses.iter().map(|it| format!("{:?}", self.name(*it))).collect();
        names.join(" -> ")
    }
}

//! The checks of a definition: first its words, then its graph.
//!
//! Everything is looked for at once, so one fault must not make others appear: a way whose end is unknown counts, for
//! the graph, as one that may lead anywhere.

mod ends;
mod graph;
mod rules;
mod suspicions;
mod words;

use std::collections::{BTreeSet, HashMap};

use super::definition::{Status, WorkflowDefinition};
use super::finding::{Finding, FindingKind};
use super::transition::{Transition, Via};
use crate::condition::Fields;
use crate::lifecycle::StateKind;
use crate::spelling;

/// The most statuses that a workflow may have.
pub const MAX_STATUSES: usize = 500;
/// The most transitions that a workflow may have. One that leads from several statuses counts for each of them.
pub const MAX_TRANSITIONS: usize = 5_000;
/// The most guards that a workflow may have.
pub const MAX_GUARDS: usize = 500;
/// The most rules that a workflow may have.
pub const MAX_RULES: usize = 100;

/// Everything that can be said against a definition, by what is known of fields.
pub(super) fn findings(definition: &WorkflowDefinition, fields: &Fields) -> Vec<Finding> {
    let mut found = words::too_many(definition);
    if !found.is_empty() {
        return found;
    }
    words::check(definition, fields, &mut found);
    let map = Map::of(definition);
    graph::check(&map, &mut found);
    rules::check(&map, &mut found);
    suspicions::check(&map, &mut found);
    found
}

/// The status in which tickets begin: the only one of the state new, or the default among several.
pub(super) fn start(definition: &WorkflowDefinition) -> Option<usize> {
    let mut of_new = definition.statuses.iter().enumerate().filter(|(_, it)| it.state == StateKind::New);
    let first = of_new.next()?;
    let mut rest = of_new.peekable();
    if rest.peek().is_none() || first.1.default {
        return Some(first.0);
    }
    rest.find(|(_, it)| it.default).map(|(place, _)| place)
}

/// A definition with its names looked up.
struct Map<'a> {
    definition: &'a WorkflowDefinition,
    start: Option<usize>,
    edges: Vec<Edge<'a>>,
    /// The places of the edges out of each status, in their order.
    out: Vec<Vec<usize>>,
    /// Which statuses are the first of their name.
    first: Vec<bool>,
    /// From where ways lead to an unknown place.
    to_anywhere: BTreeSet<usize>,
    /// Where ways lead from an unknown place.
    from_anywhere: BTreeSet<usize>,
}

/// One way from one status to one other.
#[derive(Clone, Copy)]
struct Edge<'a> {
    from: usize,
    to: usize,
    /// Its place in the list of transitions, and which of the statuses from which it leads.
    place: (usize, usize),
    transition: &'a Transition,
}

impl<'a> Map<'a> {
    fn of(definition: &'a WorkflowDefinition) -> Map<'a> {
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

    fn statuses(&self) -> &'a [Status] {
        &self.definition.statuses
    }

    fn name(&self, status: usize) -> &'a str {
        &self.definition.statuses[status].name
    }

    fn state(&self, status: usize) -> StateKind {
        self.definition.statuses[status].state
    }

    /// Whether no status before has the same name. A name given twice is a fault of its own, and ways lead to the first.
    fn is_first(&self, status: usize) -> bool {
        self.first[status]
    }

    /// The edges out of a status.
    fn out(&self, from: usize) -> impl Iterator<Item = &Edge<'a>> {
        self.out[from].iter().map(|place| &self.edges[*place])
    }

    /// The ways out of a status that this action takes.
    fn ways(&self, from: usize, via: Via) -> impl Iterator<Item = &Edge<'a>> {
        self.out(from).filter(move |it| it.transition.action == via)
    }

    /// Those of them that stand before this one.
    fn ways_before(&self, edge: &Edge<'a>) -> impl Iterator<Item = &Edge<'a>> {
        let place = edge.place;
        self.ways(edge.from, edge.transition.action).take_while(move |it| it.place < place)
    }

    /// Statuses as a chain, for messages.
    fn chain(&self, statuses: &[usize]) -> String {
        let names: Vec<String> = statuses.iter().map(|it| format!("{:?}", self.name(*it))).collect();
        names.join(" -> ")
    }
}

/// How many names a message lists.
const LISTED: usize = 50;
/// After how many findings an unknown name is told alone: to suggest another and to list them all takes time and room
/// for every name that there is.
const TOLD_IN_FULL: usize = 50;

/// Names in a list, for messages.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let listed: Vec<String> = names.by_ref().take(LISTED).map(|it| format!("{it:?}")).collect();
    match (listed.is_empty(), names.count()) {
        (true, _) => "none".to_owned(),
        (false, 0) => listed.join(", "),
        (false, more) => format!("{} and {more} more", listed.join(", ")),
    }
}

/// That nothing is called so: with what was probably meant, and with all that there is.
fn unknown<'a, Names: Iterator<Item = &'a str>>(
    (what, several): (&str, &str),
    name: &str,
    known: impl Fn() -> Names,
    found: &[Finding],
) -> String {
    if found.len() >= TOLD_IN_FULL {
        return format!("the {what} {name:?} is not known");
    }
    format!("the {what} {name:?} {}; {several}: {}", spelling::unknown(name, known()), listed(known()))
}

fn find(found: &mut Vec<Finding>, kind: FindingKind, path: impl Into<String>, message: impl Into<String>) {
    found.push(Finding::new(kind, path, message));
}

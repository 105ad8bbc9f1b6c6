//! The transition table of a compiled workflow.
//!
//! Names are looked up once, at compilation. After that a status is an index into a row of cells, with one cell for
//! each trigger. A cell holds the range of its edges and, if no guard has to be evaluated, the target of the trigger.

use std::collections::HashMap;

use super::check;
use super::definition::WorkflowDefinition;
use super::transition::{Performer, Transition, Trigger};
use crate::condition::{Condition, Facts};
use crate::lifecycle::StepKind;

/// The number of cells of a status: one for each step, and one for moves.
const CELLS: usize = StepKind::ALL.len() + 1;
/// The index that no status has.
const NO_STATUS: u16 = u16::MAX;

/// A status of a workflow, as an index into its list of statuses. It is valid only for the workflow that returned it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusId(pub(super) u16);

impl StatusId {
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Trigger {
    const fn cell(self) -> usize {
        match self {
            Trigger::Step(step) => step as usize,
            Trigger::Move => StepKind::ALL.len(),
        }
    }
}

/// A compiled transition out of one status.
#[derive(Debug)]
pub(crate) struct Edge {
    /// The target.
    pub(crate) to: StatusId,
    /// Indexes into the table's guards.
    pub(crate) guards: Box<[u16]>,
    /// The performers who may take the edge. Empty: everybody.
    pub(crate) may: Box<[Performer]>,
    /// True if the actor must give a comment that explains the transition.
    pub(crate) reason: bool,
    /// The index of the transition in the definition.
    pub(super) transition: u16,
}

/// The edges out of one status by one trigger: a range of the table's edges.
#[derive(Debug, Clone, Copy)]
struct Cell {
    first: u32,
    count: u16,
    /// The target if no guard has to be evaluated, else [`NO_STATUS`].
    unguarded: u16,
}

/// A compiled guard.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    /// True if the condition depends on the actor.
    pub(crate) depends_on_actor: bool,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) start: StatusId,
    pub(super) by_name: HashMap<String, StatusId>,
    pub(super) guards: Box<[Guard]>,
    cells: Box<[Cell]>,
    edges: Box<[Edge]>,
}

impl Table {
    /// Compiles a definition. `None` if it refers to a name that it does not define, or has no start.
    pub(super) fn compile(definition: &WorkflowDefinition) -> Option<Table> {
        let id = |index: usize| u16::try_from(index).ok().filter(|it| *it != NO_STATUS).map(StatusId);
        let statuses = &definition.statuses;
        let mut by_name = HashMap::with_capacity(statuses.len());
        for (index, status) in statuses.iter().enumerate() {
            by_name.insert(status.name.clone(), id(index)?);
        }
        let guards: Box<[Guard]> = definition
            .guards
            .iter()
            .map(|(name, condition)| Guard {
                name: name.clone(),
                condition: condition.clone(),
                depends_on_actor: condition.mentions("actor"),
            })
            .collect();
        let guard = |name: &String| {
            guards.iter().position(|it| it.name == *name).and_then(|it| u16::try_from(it).ok())
        };
        let mut sorted: Vec<Vec<Edge>> = Vec::new();
        sorted.resize_with(statuses.len() * CELLS, Vec::new);
        for (number, transition) in definition.transitions.iter().enumerate() {
            for from in &transition.from {
                sorted[by_name.get(from)?.index() * CELLS + transition.action.cell()].push(Edge {
                    to: *by_name.get(&transition.to)?,
                    guards: transition.when.iter().map(guard).collect::<Option<_>>()?,
                    may: performers(transition),
                    reason: transition.reason,
                    transition: u16::try_from(number).ok()?,
                });
            }
        }
        let (mut cells, mut edges) = (Vec::with_capacity(sorted.len()), Vec::new());
        for mut cell in sorted {
            // Guarded edges are tried first, in the order of the definition; then the edge to the default; then the
            // others.
            cell.sort_by_key(|edge| match (edge.guards.is_empty(), statuses[edge.to.index()].default) {
                (false, _) => 0,
                (true, true) => 1,
                (true, false) => 2,
            });
            let unguarded =
                cell.first().filter(|edge| edge.guards.is_empty()).map_or(NO_STATUS, |edge| edge.to.0);
            cells.push(Cell {
                first: u32::try_from(edges.len()).ok()?,
                count: u16::try_from(cell.len()).ok()?,
                unguarded,
            });
            edges.extend(cell);
        }
        Some(Table {
            start: id(check::start(definition)?)?,
            by_name,
            guards,
            cells: cells.into(),
            edges: edges.into(),
        })
    }

    #[inline]
    fn cell(&self, from: StatusId, trigger: Trigger) -> Option<&Cell> {
        self.cells.get(from.index() * CELLS + trigger.cell())
    }

    /// The edges out of a status by a trigger, in the order in which they are tried.
    pub(super) fn edges(&self, from: StatusId, trigger: Trigger) -> &[Edge] {
        let Some(cell) = self.cell(from, trigger) else { return &[] };
        &self.edges[cell.first as usize..cell.first as usize + usize::from(cell.count)]
    }

    /// The target of a trigger, regardless of who takes it.
    #[inline]
    pub(super) fn take(&self, from: StatusId, trigger: Trigger, facts: &dyn Facts) -> Option<StatusId> {
        match self.cell(from, trigger)? {
            Cell { count: 0, .. } => None,
            Cell { unguarded, .. } if *unguarded != NO_STATUS => Some(StatusId(*unguarded)),
            _ => self.take_guarded(from, trigger, facts),
        }
    }

    /// The target if guards have to be evaluated.
    fn take_guarded(&self, from: StatusId, trigger: Trigger, facts: &dyn Facts) -> Option<StatusId> {
        let mut answers = Answers::new(&self.guards, facts, true);
        let mut edges = self.edges(from, trigger).iter();
        edges.find(|edge| edge.guards.iter().all(|guard| answers.holds(*guard))).map(|edge| edge.to)
    }
}

/// The performers of an edge. The lifecycle lets everybody who may write to a ticket move it, so a move without named
/// performers is limited to agents and programs.
fn performers(transition: &Transition) -> Box<[Performer]> {
    match transition.action {
        Trigger::Move if transition.may.is_empty() => Box::new([Performer::Agent, Performer::Automation]),
        _ => transition.may.clone().into(),
    }
}

/// Guard results. Each guard is evaluated at most once, even if several edges use it.
pub(crate) struct Answers<'a> {
    guards: &'a [Guard],
    facts: &'a dyn Facts,
    actor_known: bool,
    results: Vec<Option<bool>>,
}

impl<'a> Answers<'a> {
    /// If `actor_known` is false, guards that depend on the actor are assumed to hold.
    pub(crate) fn new(guards: &'a [Guard], facts: &'a dyn Facts, actor_known: bool) -> Answers<'a> {
        Answers { guards, facts, actor_known, results: vec![None; guards.len()] }
    }

    /// True if this guard holds.
    pub(crate) fn holds(&mut self, guard: u16) -> bool {
        let index = usize::from(guard);
        let (guard, facts, actor_known) = (&self.guards[index], self.facts, self.actor_known);
        *self.results[index]
            .get_or_insert_with(|| (guard.depends_on_actor && !actor_known) || guard.condition.holds(facts))
    }

    /// The name of a guard.
    pub(crate) fn name(&self, guard: u16) -> &'a str {
        &self.guards[usize::from(guard)].name
    }
}

//! A workflow made ready for use: which ways lead out of a status by which action.
//!
//! Names are looked up once, when it is compiled. What is left are numbers: a status has its place in a row of cells,
//! one for each action, and a cell says which ways there are and, where nothing has to be asked, where the action leads.

use std::collections::HashMap;

use super::check;
use super::definition::WorkflowDefinition;
use super::transition::{Performer, Transition, Trigger};
use crate::condition::{Condition, Facts};
use crate::lifecycle::StepKind;

/// Cells of a status: one for each step, one for moves.
const CELLS: usize = StepKind::ALL.len() + 1;
/// No status has this number.
const NOWHERE: u16 = u16::MAX;

/// A status by its place in the workflow that gave it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusId(pub(super) u16);

impl StatusId {
    pub(super) fn place(self) -> usize {
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

/// One way out of a status.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Where it leads.
    pub(crate) to: StatusId,
    /// The places of its guards.
    pub(crate) guards: Box<[u16]>,
    /// Who may take it; nobody named is everybody.
    pub(crate) may: Box<[Performer]>,
    /// Whether it needs a reason in words.
    pub(crate) reason: bool,
    /// Its place among the definition's transitions.
    pub(super) transition: u16,
}

/// The ways out of one status by one action.
#[derive(Debug, Clone, Copy)]
struct Cell {
    first: u32,
    count: u16,
    /// Where the action leads if no guard has to be asked, else [`NOWHERE`].
    plain: u16,
}

/// A guard made ready for use.
#[derive(Debug)]
pub(crate) struct Guard {
    pub(crate) name: String,
    pub(crate) condition: Condition,
    /// Whether it asks who acts.
    pub(crate) of_actor: bool,
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
    /// Compiles what was found to be sound; `None` if it is not.
    pub(super) fn compile(definition: &WorkflowDefinition) -> Option<Table> {
        let id = |place: usize| u16::try_from(place).ok().filter(|it| *it != NOWHERE).map(StatusId);
        let statuses = &definition.statuses;
        let mut by_name = HashMap::with_capacity(statuses.len());
        for (place, status) in statuses.iter().enumerate() {
            by_name.insert(status.name.clone(), id(place)?);
        }
        let guards: Box<[Guard]> = definition
            .guards
            .iter()
            .map(|(name, condition)| Guard {
                name: name.clone(),
                condition: condition.clone(),
                of_actor: condition.mentions("actor"),
            })
            .collect();
        let guard = |name: &String| {
            guards.iter().position(|it| it.name == *name).and_then(|it| u16::try_from(it).ok())
        };
        let mut sorted: Vec<Vec<Edge>> = Vec::new();
        sorted.resize_with(statuses.len() * CELLS, Vec::new);
        for (number, transition) in definition.transitions.iter().enumerate() {
            for from in &transition.from {
                sorted[by_name.get(from)?.place() * CELLS + transition.action.cell()].push(Edge {
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
            // Guarded ways are asked first, in the order of the definition; then the default; then the others.
            cell.sort_by_key(|edge| match (edge.guards.is_empty(), statuses[edge.to.place()].default) {
                (false, _) => 0,
                (true, true) => 1,
                (true, false) => 2,
            });
            let plain = cell.first().filter(|edge| edge.guards.is_empty()).map_or(NOWHERE, |edge| edge.to.0);
            cells.push(Cell {
                first: u32::try_from(edges.len()).ok()?,
                count: u16::try_from(cell.len()).ok()?,
                plain,
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
        self.cells.get(from.place() * CELLS + trigger.cell())
    }

    /// The ways out of a status by an action, in the order in which they are asked.
    pub(super) fn edges(&self, from: StatusId, trigger: Trigger) -> &[Edge] {
        let Some(cell) = self.cell(from, trigger) else { return &[] };
        &self.edges[cell.first as usize..cell.first as usize + usize::from(cell.count)]
    }

    /// Where an action leads whoever takes it.
    #[inline]
    pub(super) fn take(&self, from: StatusId, trigger: Trigger, facts: &dyn Facts) -> Option<StatusId> {
        match self.cell(from, trigger)? {
            Cell { count: 0, .. } => None,
            Cell { plain, .. } if *plain != NOWHERE => Some(StatusId(*plain)),
            _ => self.asked(from, trigger, facts),
        }
    }

    /// Where it leads when guards have to be asked.
    fn asked(&self, from: StatusId, trigger: Trigger, facts: &dyn Facts) -> Option<StatusId> {
        let mut answers = Answers::new(&self.guards, facts, true);
        let mut edges = self.edges(from, trigger).iter();
        edges.find(|edge| edge.guards.iter().all(|guard| answers.holds(*guard))).map(|edge| edge.to)
    }
}

/// Who may take a way, beside the lifecycle's own rules. It has none for moves, so that anybody who may write could pass
/// a ticket on: where nobody is named, they are for those who work on it.
fn performers(transition: &Transition) -> Box<[Performer]> {
    match transition.action {
        Trigger::Move if transition.may.is_empty() => Box::new([Performer::Agent, Performer::Automation]),
        _ => transition.may.clone().into(),
    }
}

/// What guards answer: each is asked once at most, however many ways it stands on.
pub(crate) struct Answers<'a> {
    guards: &'a [Guard],
    facts: &'a dyn Facts,
    actor_known: bool,
    given: Vec<Option<bool>>,
}

impl<'a> Answers<'a> {
    /// Where it is not known who acts, guards that ask for it are taken to hold.
    pub(crate) fn new(guards: &'a [Guard], facts: &'a dyn Facts, actor_known: bool) -> Answers<'a> {
        Answers { guards, facts, actor_known, given: vec![None; guards.len()] }
    }

    /// Whether this guard holds.
    pub(crate) fn holds(&mut self, guard: u16) -> bool {
        let place = usize::from(guard);
        let (guard, facts, actor_known) = (&self.guards[place], self.facts, self.actor_known);
        *self.given[place]
            .get_or_insert_with(|| (guard.of_actor && !actor_known) || guard.condition.holds(facts))
    }

    /// The guard's name.
    pub(crate) fn name(&self, guard: u16) -> &'a str {
        &self.guards[usize::from(guard)].name
    }
}

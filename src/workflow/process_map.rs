//! Counts of tickets by status and by transition.

use std::collections::BTreeMap;

use super::compiled::Workflow;
use super::placement::WorkflowRef;
use super::table::StatusId;

/// The number of tickets in each status of a workflow, and the number of times each transition was taken. A
/// [`Picture`](super::Picture) can show them.
///
/// Only tickets that follow exactly this version of the workflow are counted.
/// [`Reports::process_map`](crate::desk::Reports::process_map) counts all such tickets of a desk.
///
/// ```
/// use firstline::workflow::{ProcessMap, Workflow};
/// use firstline::{Action, Actor, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// let ticket = desk.act(ticket.id(), Action::start(), Actor::agent("anna"))?.ticket;
///
/// let simple = Workflow::simple();
/// let mut process_map = ProcessMap::new(simple);
/// process_map.add(&ticket, &desk.records().history(ticket.id())?);
/// let (new, active) = (simple.find("new").unwrap(), simple.find("active").unwrap());
/// assert_eq!((process_map.tickets_in(new), process_map.tickets_in(active)), (0, 1));
/// assert_eq!(process_map.transition_count(new, active), 1);
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMap {
    workflow: Workflow,
    tickets: u64,
    by_status: BTreeMap<StatusId, u64>,
    by_transition: BTreeMap<(StatusId, StatusId), u64>,
}

impl ProcessMap {
    /// Creates a map with all counts at zero.
    pub fn new(workflow: &Workflow) -> ProcessMap {
        ProcessMap {
            workflow: workflow.clone(),
            tickets: 0,
            by_status: BTreeMap::new(),
            by_transition: BTreeMap::new(),
        }
    }

    /// Returns the workflow that is counted.
    pub fn workflow(&self) -> &WorkflowRef {
        self.workflow.reference()
    }

    /// Returns the number of counted tickets that follow the workflow.
    pub fn tickets(&self) -> u64 {
        self.tickets
    }

    /// Returns the number of tickets in this status.
    pub fn tickets_in(&self, status: StatusId) -> u64 {
        self.by_status.get(&status).copied().unwrap_or(0)
    }

    /// Returns the number of times a ticket went from one status to another, by any action.
    pub fn transition_count(&self, from: StatusId, to: StatusId) -> u64 {
        self.by_transition.get(&(from, to)).copied().unwrap_or(0)
    }

    /// Adds the counts of another map. Does nothing if the other map is of another workflow.
    pub fn merge(&mut self, other: &ProcessMap) {
        if self.workflow != other.workflow {
            return;
        }
        self.tickets += other.tickets;
        for (status, count) in &other.by_status {
            *self.by_status.entry(*status).or_default() += count;
        }
        for (edge, count) in &other.by_transition {
            *self.by_transition.entry(*edge).or_default() += count;
        }
    }

    /// True if this version of the workflow is the one that is counted.
    pub(crate) fn is_of(&self, workflow: &WorkflowRef) -> bool {
        self.workflow().hash == workflow.hash
    }

    /// Counts a ticket in its current status.
    pub(crate) fn count_ticket(&mut self, status: &str) {
        self.tickets += 1;
        if let Some(status) = self.workflow.find(status) {
            *self.by_status.entry(status).or_default() += 1;
        }
    }

    /// Counts a change of status.
    pub(crate) fn count_transition(&mut self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.workflow.find(from), self.workflow.find(to)) {
            *self.by_transition.entry((from, to)).or_default() += 1;
        }
    }
}

//! How tickets go through a workflow: how many stand where, and how many went which way.

use std::collections::BTreeMap;

use super::compiled::Workflow;
use super::placement::WorkflowRef;
use super::table::StatusId;

/// How many tickets stand in each status of a workflow, and how often each way was taken: what a
/// [`Picture`](super::Picture) may show.
///
/// It counts tickets that follow just this version of the workflow.
/// [`Reports::traffic`](crate::desk::Reports::traffic) counts all those of a desk.
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
/// assert_eq!((process_map.standing(new), process_map.standing(active)), (0, 1));
/// assert_eq!(process_map.took(new, active), 1);
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessMap {
    workflow: Workflow,
    tickets: u64,
    standing: BTreeMap<StatusId, u64>,
    took: BTreeMap<(StatusId, StatusId), u64>,
}

impl ProcessMap {
    /// Nobody has gone through this workflow yet.
    pub fn new(workflow: &Workflow) -> ProcessMap {
        ProcessMap {
            workflow: workflow.clone(),
            tickets: 0,
            standing: BTreeMap::new(),
            took: BTreeMap::new(),
        }
    }

    /// Of which workflow.
    pub fn workflow(&self) -> &WorkflowRef {
        self.workflow.reference()
    }

    /// How many tickets were counted that follow it.
    pub fn tickets(&self) -> u64 {
        self.tickets
    }

    /// How many tickets stand in this status.
    pub fn standing(&self, status: StatusId) -> u64 {
        self.standing.get(&status).copied().unwrap_or(0)
    }

    /// How often tickets went from one status to another, by whatever action.
    pub fn took(&self, from: StatusId, to: StatusId) -> u64 {
        self.took.get(&(from, to)).copied().unwrap_or(0)
    }

    /// Adds what was counted elsewhere, of the same workflow; of another one, nothing.
    pub fn merge(&mut self, other: &ProcessMap) {
        if self.workflow != other.workflow {
            return;
        }
        self.tickets += other.tickets;
        for (status, count) in &other.standing {
            *self.standing.entry(*status).or_default() += count;
        }
        for (edge, count) in &other.took {
            *self.took.entry(*edge).or_default() += count;
        }
    }

    /// Whether this is the version of the workflow that is counted.
    pub(crate) fn is_of(&self, workflow: &WorkflowRef) -> bool {
        self.workflow().hash == workflow.hash
    }

    /// A ticket stands there.
    pub(crate) fn stands(&mut self, status: &str) {
        self.tickets += 1;
        if let Some(status) = self.workflow.find(status) {
            *self.standing.entry(status).or_default() += 1;
        }
    }

    /// A ticket went that way.
    pub(crate) fn goes(&mut self, from: &str, to: &str) {
        if let (Some(from), Some(to)) = (self.workflow.find(from), self.workflow.find(to)) {
            *self.took.entry((from, to)).or_default() += 1;
        }
    }
}

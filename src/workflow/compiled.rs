//! A workflow that is ready for use: its statuses, and the ways between them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::definition::{Status, WorkflowDefinition};
use super::diagnostic::{Diagnostic, Diagnostics};
use super::placement::{Placement, WorkflowRef};
use super::preset;
use super::table::{Answers, Edge, StatusId, Table};
use super::transition::{Transition, Trigger};
use crate::condition::Facts;
use crate::lifecycle::{HoldReason, State};

/// A workflow that was checked and made ready for use. Cheap to clone.
#[derive(Clone)]
pub struct Workflow(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) definition: WorkflowDefinition,
    pub(super) reference: WorkflowRef,
    pub(super) table: Table,
    pub(super) findings: Diagnostics,
}

impl Workflow {
    /// The workflow whose statuses are the states themselves: what every ticket follows for which there is no other.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// assert_eq!(Workflow::simple().reference().to_string(), "simple v1");
    /// ```
    pub fn simple() -> &'static Workflow {
        static SIMPLE: LazyLock<Workflow> = LazyLock::new(|| {
            // The table of the lifecycle has no faults; `tests/workflow_presets.rs` builds it like any other.
            let built = preset::simple().build();
            built.unwrap_or_else(|fault| unreachable!("the lifecycle's own table: {fault}"))
        });
        &SIMPLE
    }

    /// What it is called, which version it is, and its hash.
    pub fn reference(&self) -> &WorkflowRef {
        &self.0.reference
    }

    /// What was written.
    pub fn definition(&self) -> &WorkflowDefinition {
        &self.0.definition
    }

    /// What is legal in it, but probably not meant; nothing of one that a desk has read back from its store.
    pub fn warnings(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.findings.warnings()
    }

    /// The status in which tickets begin.
    pub fn start(&self) -> &Status {
        self.status(self.0.table.start)
    }

    /// The statuses, in their order.
    pub fn statuses(&self) -> impl Iterator<Item = (StatusId, &Status)> {
        let numbered = (0..).map(StatusId);
        numbered.zip(&self.0.definition.statuses)
    }

    /// The status of this name.
    pub fn find(&self, name: &str) -> Option<StatusId> {
        self.0.table.by_name.get(name).copied()
    }

    /// A status by its id. An id of another workflow gives any status of this one.
    ///
    /// ```
    /// # use firstline::workflow::Workflow;
    /// let simple = Workflow::simple();
    /// let id = simple.find("on_hold").unwrap();
    /// assert_eq!(simple.status(id).name, "on_hold");
    /// ```
    pub fn status(&self, id: StatusId) -> &Status {
        let statuses = &self.0.definition.statuses;
        &statuses[id.place().min(statuses.len() - 1)]
    }

    /// Where an action that names no status leads from here, by these facts: the run-time check, a look into a table.
    /// Who may take it and what must be filled in is not asked, nor for what a hold waits.
    ///
    /// ```
    /// use firstline::StepKind;
    /// use firstline::workflow::{Trigger, Workflow};
    ///
    /// let simple = Workflow::simple();
    /// let active = simple.find("active").unwrap();
    /// let to = simple.take(active, Trigger::Step(StepKind::Resolve), &());
    /// assert_eq!(to, simple.find("resolved"));
    /// assert_eq!(simple.take(active, Trigger::Step(StepKind::Confirm), &()), None);
    /// ```
    #[inline]
    pub fn take(&self, from: StatusId, trigger: Trigger, facts: &dyn Facts) -> Option<StatusId> {
        self.0.table.take(from, trigger, facts)
    }

    /// The ways that lead on from a status, and where each leads: what a screen may offer. Two ways may lead to the
    /// same status, by other actions or under other guards. Whether somebody may take one now is asked of the ticket:
    /// see [`Ticket::why_not_by`](crate::Ticket::why_not_by).
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let simple = Workflow::simple();
    /// let edges: Vec<String> = simple
    ///     .next_statuses(simple.find("resolved").unwrap())
    ///     .map(|(edge, to)| format!("{} to {}", edge.action, to.name))
    ///     .collect();
    /// assert_eq!(edges, ["confirm to closed", "close to closed", "reopen to active"]);
    /// ```
    pub fn next_statuses(&self, from: StatusId) -> impl Iterator<Item = (&Transition, &Status)> {
        let edges = Trigger::all().flat_map(move |trigger| self.edges(from, trigger));
        let transitions = &self.0.definition.transitions;
        edges.map(|edge| (&transitions[usize::from(edge.transition)], self.status(edge.to)))
    }

    /// Whether any way leads out of a status by this action.
    pub fn accepts(&self, from: StatusId, trigger: Trigger) -> bool {
        !self.edges(from, trigger).is_empty()
    }

    /// The ways out of a status by an action, in the order in which they are asked.
    pub(crate) fn edges(&self, from: StatusId, trigger: Trigger) -> &[Edge] {
        self.0.table.edges(from, trigger)
    }

    /// The ways by which an action may go that says so much of where it wants to go.
    pub(crate) fn candidates(
        &self,
        from: StatusId,
        trigger: Trigger,
        to: Option<StatusId>,
        hold: Option<&HoldReason>,
    ) -> Vec<&Edge> {
        let reason = |edge: &&Edge| self.status(edge.to).reason.as_ref();
        let fits = |edge: &&Edge| {
            to.is_none_or(|to| to == edge.to)
                && match (hold, reason(edge)) {
                    (Some(wanted), Some(of)) => wanted.as_str() == of.as_str(),
                    _ => true,
                }
        };
        let mut edges: Vec<&Edge> = self.edges(from, trigger).iter().filter(fits).collect();
        if hold.is_some() {
            // Those that wait for just this come first; otherwise the order stays.
            edges.sort_by_key(|edge| reason(edge).is_none());
        }
        edges
    }

    /// What its guards answer to these facts.
    pub(crate) fn answers<'a>(&'a self, facts: &'a dyn Facts, actor_known: bool) -> Answers<'a> {
        Answers::new(&self.0.table.guards, facts, actor_known)
    }

    /// The status that is meant for a ticket in this state where none is named: the default, else the first. Of those on
    /// hold only such as wait for the ticket's reason, or for anything.
    pub(crate) fn default_of(&self, state: &State) -> Option<StatusId> {
        let hold = match state {
            State::OnHold(hold) => Some(hold.reason.as_str()),
            _ => None,
        };
        let fits = |status: &Status| {
            let reason = status.reason.as_ref().map(HoldReason::as_str);
            status.state == state.kind() && (reason.is_none() || reason == hold)
        };
        let fitting = self.statuses().filter(|(_, status)| fits(status));
        fitting.min_by_key(|(_, status)| (status.reason.is_none(), !status.default)).map(|(id, _)| id)
    }

    /// Where a ticket stands that is in this status; `None` in [`SIMPLE`](super::SIMPLE), whose statuses are the states.
    pub(crate) fn placement(&self, status: StatusId) -> Option<Placement> {
        let status = self.status(status).name.as_str().into();
        (!self.is_simple()).then(|| Placement { workflow: self.reference().clone(), status })
    }

    /// Where a new ticket stands.
    pub(crate) fn beginning(&self) -> Option<Placement> {
        self.placement(self.0.table.start)
    }

    /// Whether it is the workflow whose statuses are the states.
    pub(crate) fn is_simple(&self) -> bool {
        self.reference().hash == Workflow::simple().reference().hash
    }
}

impl From<&Workflow> for WorkflowDefinition {
    fn from(workflow: &Workflow) -> WorkflowDefinition {
        workflow.definition().clone()
    }
}

/// Workflows are the same if their definitions are.
impl PartialEq for Workflow {
    fn eq(&self, other: &Workflow) -> bool {
        self.reference().hash == other.reference().hash
    }
}

impl Eq for Workflow {}

impl fmt::Debug for Workflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Workflow").field(&format_args!("{}", self.reference())).finish()
    }
}

//! Compiled workflows: statuses and the transitions between them.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::definition::{Status, WorkflowDefinition};
use super::placement::{Placement, WorkflowRef};
use super::preset;
use super::table::{Answers, Edge, StatusId, Table};
use super::transition::{Transition, Trigger};
use crate::condition::Facts;
use crate::diagnostic::Diagnostic;
use crate::lifecycle::{HoldReason, State};

/// A checked and compiled workflow. Cheap to clone.
#[derive(Clone)]
pub struct Workflow(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) definition: WorkflowDefinition,
    pub(super) reference: WorkflowRef,
    pub(super) table: Table,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Workflow {
    /// Returns the workflow with one status for each state. Tickets follow it if no other workflow applies.
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// assert_eq!(Workflow::simple().reference().to_string(), "simple v1");
    /// ```
    pub fn simple() -> &'static Workflow {
        static SIMPLE: LazyLock<Workflow> = LazyLock::new(|| {
            // The lifecycle's own table is valid; `tests/workflow/presets.rs` builds it like any other definition.
            let built = preset::simple().build();
            built.unwrap_or_else(|fault| unreachable!("the lifecycle's own table is invalid: {fault}"))
        });
        &SIMPLE
    }

    /// Returns the name, version and hash of the workflow.
    pub fn reference(&self) -> &WorkflowRef {
        &self.0.reference
    }

    /// Returns the definition from which this workflow was built.
    pub fn definition(&self) -> &WorkflowDefinition {
        &self.0.definition
    }

    /// Returns the warnings of the definition: legal, but probably unintended. Empty for a workflow that a desk has
    /// read back from its store.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.0.warnings
    }

    /// Returns the status in which tickets begin.
    pub fn start(&self) -> &Status {
        self.status(self.0.table.start)
    }

    /// Iterates over the statuses, in the order of the definition.
    pub fn statuses(&self) -> impl Iterator<Item = (StatusId, &Status)> {
        let numbered = (0..).map(StatusId);
        numbered.zip(&self.0.definition.statuses)
    }

    /// Returns the status with this name.
    pub fn find(&self, name: &str) -> Option<StatusId> {
        self.0.table.by_name.get(name).copied()
    }

    /// Returns a status by its id. An id from another workflow returns an arbitrary status of this one.
    ///
    /// ```
    /// # use firstline::workflow::Workflow;
    /// let simple = Workflow::simple();
    /// let id = simple.find("on_hold").unwrap();
    /// assert_eq!(simple.status(id).name, "on_hold");
    /// ```
    pub fn status(&self, id: StatusId) -> &Status {
        let statuses = &self.0.definition.statuses;
        &statuses[id.index().min(statuses.len() - 1)]
    }

    /// Returns the target of an action that names no status, by a table lookup. Guards are evaluated against `facts`.
    ///
    /// Performers, required fields and hold reasons are ignored.
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

    /// Iterates over the transitions out of a status, each with its target: the choices that a screen may offer.
    ///
    /// Two transitions may lead to the same status, by different actions or under different guards. To find out whether
    /// an actor may take one now, ask the ticket: see [`Ticket::why_not_by`](crate::Ticket::why_not_by).
    ///
    /// ```
    /// use firstline::workflow::Workflow;
    ///
    /// let simple = Workflow::simple();
    /// let edges: Vec<String> = simple
    ///     .transitions_from(simple.find("resolved").unwrap())
    ///     .map(|(edge, to)| format!("{} to {}", edge.action, to.name))
    ///     .collect();
    /// assert_eq!(edges, ["confirm to closed", "close to closed", "reopen to active"]);
    /// ```
    pub fn transitions_from(&self, from: StatusId) -> impl Iterator<Item = (&Transition, &Status)> {
        let edges = Trigger::all().flat_map(move |trigger| self.edges(from, trigger));
        let transitions = &self.0.definition.transitions;
        edges.map(|edge| (&transitions[usize::from(edge.transition)], self.status(edge.to)))
    }

    /// True if this action has a transition out of the status.
    pub fn accepts(&self, from: StatusId, trigger: Trigger) -> bool {
        !self.edges(from, trigger).is_empty()
    }

    /// The transitions out of a status by an action, in the order in which they are tried.
    pub(crate) fn edges(&self, from: StatusId, trigger: Trigger) -> &[Edge] {
        self.0.table.edges(from, trigger)
    }

    /// The transitions that an action may take, in the order in which they are tried: those that lead to `to`, if the
    /// action names a status, and that accept the reason of the hold, if the action is a hold.
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
                    (Some(reason), Some(status_reason)) => reason.as_str() == status_reason.as_str(),
                    _ => true,
                }
        };
        let mut edges: Vec<&Edge> = self.edges(from, trigger).iter().filter(fits).collect();
        if hold.is_some() {
            // Statuses for exactly this reason come first. The sort is stable, so the order is otherwise unchanged.
            edges.sort_by_key(|edge| reason(edge).is_none());
        }
        edges
    }

    /// Evaluates the guards of this workflow against these facts, on demand.
    pub(crate) fn answers<'a>(&'a self, facts: &'a dyn Facts, actor_known: bool) -> Answers<'a> {
        Answers::new(&self.0.table.guards, facts, actor_known)
    }

    /// The statuses for a ticket in this state, in the order of preference: the default, then the others as defined. On
    /// hold, only statuses with the ticket's reason or without a reason qualify, and those with the reason come first.
    pub(crate) fn statuses_for(&self, state: &State) -> Vec<StatusId> {
        let mut fitting: Vec<_> = self.statuses().filter(|(id, _)| self.fits(*id, state)).collect();
        fitting.sort_by_key(|(_, status)| (status.reason.is_none(), !status.default));
        fitting.into_iter().map(|(id, _)| id).collect()
    }

    /// True if a ticket in this state can be in this status. On hold, a status with a reason requires that reason.
    pub(crate) fn fits(&self, status: StatusId, state: &State) -> bool {
        let status = self.status(status);
        let reason = status.reason.as_ref().map(HoldReason::as_str);
        status.state == state.kind()
            && (reason.is_none() || reason == state.hold_reason().map(HoldReason::as_str))
    }

    /// The placement of a ticket in this status. `None` in [`SIMPLE`](super::SIMPLE), because its statuses are the
    /// states.
    pub(crate) fn placement(&self, status: StatusId) -> Option<Placement> {
        let status = self.status(status).name.as_str().into();
        (!self.is_simple()).then(|| Placement { workflow: self.reference().clone(), status })
    }

    /// The placement of a new ticket.
    pub(crate) fn initial_placement(&self) -> Option<Placement> {
        self.placement(self.0.table.start)
    }

    /// True for the workflow with one status for each state.
    pub(crate) fn is_simple(&self) -> bool {
        self.reference().hash == Workflow::simple().reference().hash
    }
}

impl From<&Workflow> for WorkflowDefinition {
    fn from(workflow: &Workflow) -> WorkflowDefinition {
        workflow.definition().clone()
    }
}

/// Workflows are equal if their definitions have the same hash.
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

//! The workflows that a decision needs.

use std::sync::Arc;

use super::compiled::Workflow;
use super::placement::WorkflowRef;
use crate::error::{Error, ErrorKind, Result};

/// The workflows that a decision needs. Cheap to clone.
///
/// These are the workflows of the policy in force, which new tickets follow, and the workflows to which existing
/// tickets are pinned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WorkflowSet {
    in_force: Arc<[Workflow]>,
    pinned: Vec<Workflow>,
}

impl WorkflowSet {
    /// Creates a workflow set with [`Workflow::simple`] only.
    pub(crate) fn new() -> WorkflowSet {
        WorkflowSet::default()
    }

    /// Creates a workflow set with these workflows in force.
    pub(crate) fn of(workflows: impl IntoIterator<Item = Workflow>) -> WorkflowSet {
        WorkflowSet { in_force: workflows.into_iter().collect(), pinned: Vec::new() }
    }

    /// Adds a workflow to which a ticket is pinned.
    #[must_use]
    pub(crate) fn with(mut self, workflow: Workflow) -> WorkflowSet {
        if self.find(workflow.reference()).is_none() {
            self.pinned.push(workflow);
        }
        self
    }

    /// Returns the workflow in force for a kind of tickets: the one that claims the kind, else the one for all other
    /// kinds, else [`Workflow::simple`].
    pub(crate) fn for_kind(&self, kind: &str) -> &Workflow {
        let claims = |it: &&Workflow| it.definition().kinds.contains(kind);
        let others = |it: &&Workflow| it.definition().kinds.is_empty();
        let found = self.in_force.iter().find(claims).or_else(|| self.in_force.iter().find(others));
        found.unwrap_or(Workflow::simple())
    }

    /// Returns the workflow in force with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Workflow> {
        self.in_force.iter().find(|it| &*it.reference().name == name)
    }

    /// Returns the workflow that a ticket follows, or an error of kind `Corrupt` if it was not loaded.
    pub(crate) fn get(&self, workflow: &WorkflowRef) -> Result<&Workflow> {
        self.find(workflow).ok_or_else(|| {
            let problem = format!("the workflow {workflow} of a ticket was not loaded");
            Error::new(ErrorKind::Corrupt, problem)
        })
    }

    fn find(&self, workflow: &WorkflowRef) -> Option<&Workflow> {
        let mut known = self.in_force.iter().chain(&self.pinned).chain([Workflow::simple()]);
        known.find(|it| it.reference().hash == workflow.hash)
    }
}

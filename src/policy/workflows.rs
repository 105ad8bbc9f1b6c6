//! The workflows of a policy, and the checks of each workflow and of all workflows together.

use std::collections::{BTreeMap, BTreeSet};

use super::Policy;
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::error::Result;
use crate::workflow::{SIMPLE, Workflow, WorkflowDefinition, WorkflowSet, preset};

impl Policy {
    /// Adds a workflow.
    ///
    /// New tickets of the kinds that the workflow [claims](WorkflowDefinition::for_kind) follow it. A workflow that
    /// claims no kind applies to all other kinds. Without such a workflow, all other kinds follow
    /// [`simple`](crate::workflow::preset::simple).
    ///
    /// Kinds are an open set. A misspelt kind is an error only if it looks like a predefined one, or if the policy
    /// [declares](Policy::kinds) its kinds.
    ///
    /// ```
    /// use firstline::policy::FieldType;
    /// use firstline::{Policy, workflow};
    ///
    /// let policy = Policy::new()
    ///     .field("root_cause", FieldType::Text)
    ///     .field("workaround", FieldType::Text)
    ///     .workflow(workflow::preset::problem())
    ///     .workflow(workflow::preset::itil());
    /// policy.check()?;
    /// # Ok::<(), firstline::Error>(())
    /// ```
    #[must_use]
    pub fn workflow(mut self, workflow: impl Into<WorkflowDefinition>) -> Policy {
        self.workflows.push(workflow.into());
        self
    }

    /// Returns the workflows, in the order in which they were added.
    pub fn workflows(&self) -> &[WorkflowDefinition] {
        &self.workflows
    }

    /// Builds the workflows.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) if a workflow is faulty.
    pub(crate) fn workflow_set(&self) -> Result<WorkflowSet> {
        let built: Vec<Workflow> =
            self.workflows.iter().map(WorkflowDefinition::build).collect::<Result<_>>()?;
        Ok(WorkflowSet::of(built))
    }

    /// Returns the faults of the workflows together.
    pub(super) fn workflow_conflicts(&self) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut fault = |kind, place: usize, key: &str, problem: String| {
            found.push(Diagnostic::new(kind, format!("workflows[{place}].{key}"), problem));
        };
        let mut names: BTreeSet<&str> = BTreeSet::new();
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut fallback: Option<&str> = None;
        for (place, workflow) in self.workflows.iter().enumerate() {
            let name = workflow.name.as_str();
            if !names.insert(name) {
                fault(DiagnosticKind::Duplicate, place, "name", format!("two workflows are named {name:?}"));
            }
            if name == SIMPLE && *workflow != preset::simple() {
                let problem =
                    format!("the name {SIMPLE:?} belongs to the built-in workflow; choose another name");
                fault(DiagnosticKind::BadName, place, "name", problem);
            }
            for kind in &workflow.kinds {
                if let Some(other) = kinds.insert(kind, name) {
                    let problem =
                        format!("the workflows {other:?} and {name:?} both claim the kind {kind:?}");
                    fault(DiagnosticKind::Duplicate, place, "kinds", problem);
                }
            }
            if workflow.kinds.is_empty()
                && let Some(other) = fallback.replace(name)
            {
                let problem = format!(
                    "the workflows {other:?} and {name:?} both apply to all kinds that no other workflow claims; \
                     name the kinds of one of them"
                );
                fault(DiagnosticKind::Duplicate, place, "kinds", problem);
            }
        }
        found
    }
}

//! The workflows of a policy: each sound by itself, and all of them together.

use std::collections::BTreeMap;

use super::Policy;
use crate::condition::Fields;
use crate::error::Result;
use crate::workflow::{Catalogue, SIMPLE, Workflow, WorkflowDefinition, preset};

impl Policy {
    /// Adds a workflow. Tickets of the kinds that it [claims](WorkflowDefinition::for_kind) follow it from their opening
    /// on; one that claims none is for all the others. Without such a one, tickets of all other kinds follow
    /// [`simple`](crate::workflow::preset::simple): kinds are an open set, so a misspelt one is no fault.
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

    /// The workflows, as they were added.
    pub fn workflows(&self) -> &[WorkflowDefinition] {
        &self.workflows
    }

    /// The workflows made ready for use.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) if one is faulty.
    pub fn catalogue(&self) -> Result<Catalogue> {
        let built: Vec<Workflow> =
            self.workflows.iter().map(WorkflowDefinition::build).collect::<Result<_>>()?;
        Ok(Catalogue::of(built))
    }

    /// What is wrong with the workflows, one fault a line.
    pub(super) fn faults_of_workflows(&self) -> Vec<String> {
        let known = self.known_to_modifiers();
        let mut faults = Vec::new();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
        let mut for_others: Option<&str> = None;
        for workflow in &self.workflows {
            let name = workflow.name.as_str();
            faults.extend(in_workflow(workflow, &known));
            if *names.entry(name).and_modify(|count| *count += 1).or_insert(1) == 2 {
                faults.push(format!("two workflows are called {name:?}"));
            }
            if name == SIMPLE && *workflow != preset::simple() {
                faults.push(format!("the workflow {SIMPLE:?} is the built-in one; call this one otherwise"));
            }
            for kind in &workflow.kinds {
                if let Some(other) = kinds.insert(kind, name) {
                    faults.push(format!("the workflows {other:?} and {name:?} both claim the kind {kind:?}"));
                }
            }
            if workflow.kinds.is_empty()
                && let Some(other) = for_others.replace(name)
            {
                faults.push(format!(
                    "the workflows {other:?} and {name:?} are both for all kinds that no other claims: say which \
                     kinds one of them is for"
                ));
            }
        }
        faults
    }
}

fn in_workflow(workflow: &WorkflowDefinition, known: &Fields) -> impl Iterator<Item = String> {
    let name = workflow.name.clone();
    workflow.faults_with(known).into_iter().map(move |fault| format!("workflow {name:?}: {fault}"))
}

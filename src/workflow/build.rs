//! From a definition to a workflow: checked as a whole, made ready for use.

use std::sync::Arc;

use super::check;
use super::compiled::{Inner, Workflow};
use super::definition::WorkflowDefinition;
use super::diagnostic::Diagnostics;
use super::placement::WorkflowRef;
use super::table::Table;
use crate::condition::{FieldType, Fields};
use crate::definition::{Fingerprint, to_json};
use crate::error::{Error, Result};

impl WorkflowDefinition {
    /// Everything that can be said against the definition by itself: errors, for which it is refused, and warnings.
    ///
    /// Custom fields are the desk's: that those named by guards and obligations are declared is checked when a
    /// [policy](crate::Policy::workflow) takes the workflow in.
    ///
    /// ```
    /// # use firstline::{StateKind, WorkflowDefinition, workflow::Status};
    /// let findings = WorkflowDefinition::new("empty").status(Status::new("New", StateKind::New)).check();
    /// assert_eq!(findings.errors().count(), 2);
    /// assert_eq!(findings.all()[0].to_string(), "error[no-end] statuses: there is no status of the state closed, so no ticket can be closed");
    /// ```
    pub fn check(&self) -> Diagnostics {
        Diagnostics::new(check::findings(self, &fields()))
    }

    /// Checks the definition as a whole and makes it ready for use.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [findings](Error::findings), if there is an
    /// error among them.
    pub fn build(&self) -> Result<Workflow> {
        self.clone().build_with(self.check())
    }

    pub(super) fn build_with(self, findings: Diagnostics) -> Result<Workflow> {
        if findings.errors().next().is_some() {
            return Err(findings.into());
        }
        self.ready(findings)
    }

    /// Makes ready what was checked when it was adopted. It is not judged anew: a check that a later version of this
    /// crate makes must not take away the tickets which follow it.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) if names are missing in it.
    pub(crate) fn build_adopted(self) -> Result<Workflow> {
        self.ready(Diagnostics::default())
    }

    fn ready(self, findings: Diagnostics) -> Result<Workflow> {
        let table = Table::compile(&self)
            .ok_or_else(|| Error::definition("workflow", "cannot be compiled, though no fault was found"))?;
        let hash = Fingerprint::of(to_json(&self)?);
        let reference = WorkflowRef { name: self.name.as_str().into(), version: self.version, hash };
        Ok(Workflow(Arc::new(Inner { definition: self, reference, table, findings })))
    }

    /// What is wrong with it where these fields are all that there are.
    pub(crate) fn faults_with(&self, custom: &Fields) -> Vec<String> {
        let errors = check::findings(self, &guard_fields(custom.clone()));
        errors.into_iter().filter(|it| it.kind.is_error()).map(|it| it.to_string()).collect()
    }
}

/// What guards may look at, custom fields apart.
fn guard_fields(fields: Fields) -> Fields {
    ["state", "status", "resolution_code", "actor", "actor.is"]
        .into_iter()
        .fold(fields, |fields, name| fields.with(name, FieldType::Text))
        .with("priority", FieldType::Integer)
        .with_any_under("actor.")
}

/// What guards may look at where it is not known which custom fields there are.
pub(super) fn fields() -> Fields {
    guard_fields(Fields::of_every_ticket()).with_any_under("field.")
}

#[cfg(test)]
mod tests {
    use crate::lifecycle::{StateKind, StepKind};
    use crate::workflow::{Status, Transition, WorkflowDefinition};

    /// Found in review: whatever the checks of a new version refuse could not be read back, and with it no ticket.
    #[test]
    fn what_was_adopted_before_a_check_was_there_is_made_ready_all_the_same() {
        let definition = WorkflowDefinition::new("old")
            .status(Status::new("New", StateKind::New))
            .status(Status::new("Trap", StateKind::Active))
            .status(Status::new("Gone", StateKind::Cancelled))
            .transition(Transition::step(StepKind::Start, "New", "Trap"))
            .transition(Transition::step(StepKind::Cancel, "New", "Gone"));
        assert!(definition.build().is_err());
        let ready = definition.clone().build_adopted().unwrap();
        assert_eq!((ready.start().name.as_str(), ready.definition()), ("New", &definition));
        let nameless = definition.transition(Transition::step(StepKind::Start, "New", "Nowhere"));
        assert!(nameless.build_adopted().is_err());
        assert!(WorkflowDefinition::new("empty").build_adopted().is_err());
    }
}

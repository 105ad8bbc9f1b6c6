//! Builds a workflow from a definition: checks it as a whole and compiles it.

use std::sync::Arc;

use super::check;
use super::compiled::{Inner, Workflow};
use super::definition::WorkflowDefinition;
use super::placement::WorkflowRef;
use super::table::Table;
use crate::condition::{Fields, ValueType};
use crate::definition::{Fingerprint, to_json};
use crate::diagnostic::{Diagnostic, Refused, sorted};
use crate::error::{Error, Result};
use crate::lifecycle::StateKind;
use crate::priority::MAX_RANK;
use crate::source::Gaps;

impl WorkflowDefinition {
    /// Returns all diagnostics of the definition: first the errors, which prevent [`build`](WorkflowDefinition::build),
    /// then the warnings.
    ///
    /// Custom fields belong to the desk, so this check accepts every `field.NAME`. The
    /// [policy](crate::Policy::workflow) that includes the workflow checks that they are declared.
    ///
    /// ```
    /// # use firstline::{StateKind, WorkflowDefinition, workflow::Status};
    /// let diagnostics = WorkflowDefinition::new("empty").status(Status::new("New", StateKind::New)).check();
    /// assert_eq!(diagnostics.iter().filter(|it| it.is_error()).count(), 2);
    /// assert_eq!(
    ///     diagnostics[0].to_string(),
    ///     "error[no-end] statuses: there is no status in the state closed, so no ticket can be closed",
    /// );
    /// ```
    pub fn check(&self) -> Vec<Diagnostic> {
        sorted(check::diagnostics(self, &fields(), &Gaps::default()))
    }

    /// Checks the definition as a whole and compiles it.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [diagnostics](Error::diagnostics), if one of
    /// them is an error.
    pub fn build(&self) -> Result<Workflow> {
        self.clone().build_with(self.check())
    }

    pub(super) fn build_with(self, diagnostics: Vec<Diagnostic>) -> Result<Workflow> {
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(Refused(diagnostics).into());
        }
        self.compile(diagnostics)
    }

    /// Compiles a definition that was checked when it was adopted, without checking it again: a check that a later
    /// version of this crate adds must not make existing tickets unreadable.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) if the definition refers to a status or guard that it
    /// does not define, or has no start.
    pub(crate) fn build_adopted(self) -> Result<Workflow> {
        self.compile(Vec::new())
    }

    fn compile(self, warnings: Vec<Diagnostic>) -> Result<Workflow> {
        let table = Table::compile(&self).ok_or_else(|| {
            Error::definition("workflow", "cannot be compiled, although the checks found no error")
        })?;
        let hash = Fingerprint::of(to_json(&self)?);
        let reference = WorkflowRef { name: self.name.as_str().into(), version: self.version, hash };
        Ok(Workflow(Arc::new(Inner { definition: self, reference, table, warnings })))
    }

    /// Returns all diagnostics of the definition for a desk with exactly these custom fields.
    pub(crate) fn diagnose(&self, custom: &Fields) -> Vec<Diagnostic> {
        check::diagnostics(self, &guard_fields(custom.clone()), &Gaps::default())
    }
}

/// Adds the fields that every guard may use to the given ones.
pub(super) fn guard_fields(fields: Fields) -> Fields {
    ["state", "status", "actor", "actor.is"]
        .into_iter()
        .fold(fields, |fields, name| fields.of_every_ticket_with(name, ValueType::Text))
        .with_values("state", StateKind::ALL.iter().map(|it| it.name()))
        .with_values("actor.is", ["agent", "requester", "contact", "automation"])
        .with("resolution_code", ValueType::Text)
        .of_every_ticket_with("priority", ValueType::Integer)
        .with_values("priority", 1..=i64::from(MAX_RANK))
        .of_every_ticket_with("minutes_spent", ValueType::Integer)
        .with_any_under("actor.")
}

/// The fields that guards may use if the desk's custom fields are not known: any `field.NAME` is accepted.
pub(super) fn fields() -> Fields {
    guard_fields(Fields::of_every_ticket()).with_any_under("field.")
}

#[cfg(test)]
mod tests {
    use crate::lifecycle::{StateKind, StepKind};
    use crate::workflow::{Status, Transition, WorkflowDefinition};

    /// Regression: a stored definition that a new check refused could not be read back, and neither could its tickets.
    #[test]
    fn an_adopted_definition_compiles_even_if_a_new_check_refuses_it() {
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

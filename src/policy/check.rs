//! The checks of a policy as a whole.

use std::collections::BTreeMap;

use super::{FieldType, Policy, visibility};
use crate::condition::Fields;
use crate::decimal::MAX_DIGITS;
use crate::diagnostic::{Diagnostic, DiagnosticKind, Refused, sorted};
use crate::duration;
use crate::error::Result;
use crate::limits;
use crate::priority::Modifier;
use crate::sla;
use crate::source::Gaps;

impl Policy {
    /// Checks the whole policy.
    ///
    /// # Errors
    /// [`ErrorKind::Definition`](crate::ErrorKind::Definition) with all [diagnostics](crate::Error::diagnostics), if one
    /// of them is an error:
    ///
    /// - the prefix is longer than 20 characters or has other characters than letters, digits, `-`, `_` and `.`;
    /// - the undo period is negative, longer than ten years or not a whole number of seconds;
    /// - the verification period is not a whole number of seconds, is not positive, or is longer than ten years;
    /// - a custom field or a declared attribute has an invalid name, no choices, a choice with an invalid name, or more
    ///   than 18 digits after the point; or an attribute has the name `is`;
    /// - a workflow or an agreement uses a name that is not [declared](Policy::kinds) or looks misspelt;
    /// - the condition of a modifier, of a standing or of a rule of visibility is faulty, can never hold or uses an
    ///   unknown field;
    /// - a rule of visibility shows the internal part of tickets to contacts;
    /// - the table of standings gives a machine's message an effect;
    /// - an agreement or calendar is faulty: a repeated name or position; an unknown calendar, modifier or field; a
    ///   condition that can never hold; a target without a time or given twice; a time for a priority that is not in the
    ///   matrix; percentages that do not rise from 1 to 99;
    /// - a workflow is faulty, or two workflows conflict.
    pub fn check(&self) -> Result<()> {
        let diagnostics = self.diagnostics();
        if diagnostics.iter().any(Diagnostic::is_error) {
            return Err(Refused(diagnostics).into());
        }
        Ok(())
    }

    /// Returns all errors and warnings of the policy.
    ///
    /// ```
    /// use firstline::{Policy, workflow};
    ///
    /// let policy = Policy::new().prefix("no spaces").workflow(workflow::preset::simple());
    /// let diagnostics = policy.diagnostics();
    /// assert_eq!(diagnostics.iter().find(|it| it.is_error()).unwrap().path, "prefix");
    /// ```
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let fields = self.known_to_modifiers();
        let mut found = self.diagnose(&Gaps::default());
        found.extend(modifier_conditions(self.matrix.modifiers(), &fields));
        for (place, workflow) in self.workflows.iter().enumerate() {
            let part = format!("workflows[{place}]");
            found.extend(workflow.diagnose(&fields).into_iter().map(|it| it.within(&part)));
        }
        found.extend(self.workflow_conflicts());
        sorted(found)
    }

    /// Returns the faults of everything but the matrix and the workflows, apart from consequences of what could not be
    /// read.
    pub(super) fn diagnose(&self, gaps: &Gaps) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let mut fault = |kind, path: &str, problem: String| found.push(Diagnostic::new(kind, path, problem));
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.prefix.chars().count() > 20 || !self.prefix.chars().all(plain) {
            let problem =
                format!("prefix {:?} must be up to 20 letters, digits, `-`, `_` or `.`", self.prefix);
            fault(DiagnosticKind::BadName, "prefix", problem);
        }
        if let Some(Err(error)) = self.verification.map(duration::check) {
            let problem = format!("the verification period: {error}; or never, to disable automatic closing");
            fault(DiagnosticKind::BadValue, "verification", problem);
        }
        if !self.undo.is_zero()
            && let Err(error) = duration::check(self.undo)
        {
            fault(DiagnosticKind::BadValue, "undo", format!("the undo period: {error}; or never"));
        }
        let attributes = [&self.names.contact_attributes, &self.names.agent_attributes];
        for (path, declared) in
            ["names.contact_attributes", "names.agent_attributes"].into_iter().zip(attributes)
        {
            if declared.contains_key("is") {
                let problem =
                    "an attribute cannot be named \"is\": the field `actor.is` is the kind of actor";
                fault(DiagnosticKind::BadName, &format!("{path}.is"), problem.to_owned());
            }
            check_types(path, "attribute", declared, &mut fault);
        }
        check_types("fields", "field", &self.fields, &mut fault);
        let fields = match gaps.cover("matrix") {
            true => self.fields_read(self.known_to_modifiers(), gaps).with_any_priority(),
            false => self.fields_read(self.known_to_agreements(), gaps),
        };
        let (calendars, matrix) = (&self.calendars, &self.matrix);
        let around = sla::Surroundings { calendars, matrix, fields: &fields, gaps };
        let consequence = |it: &Diagnostic| {
            let unknown = it.kind == DiagnosticKind::UnknownName;
            let of_matrix = it.path.contains(".time.") || it.path.ends_with(".modifier");
            unknown
                && ((of_matrix && gaps.cover("matrix"))
                    || (it.path.ends_with(".measured.business") && gaps.touch("calendars")))
        };
        found.extend(sla::faults(&self.agreements, around).into_iter().filter(|it| !consequence(it)));
        found.extend(self.name_faults());
        let fields = self.fields_read(self.known_to_standings(), gaps);
        found.extend(self.standings.faults(&fields));
        let of_readers = |readers| self.known_of_readers(readers, fields.clone());
        found.extend(visibility::faults(&self.visibility, of_readers));
        found.iter_mut().for_each(|it| it.path = gaps.in_text(&it.path));
        found.retain(|it| match it.kind {
            // A list may be incomplete only because a part of it could not be read.
            DiagnosticKind::Incomplete | DiagnosticKind::EmptyList => !gaps.touch(&it.path),
            _ => !gaps.cover(&it.path),
        });
        found
    }

    /// Allows every custom field if one could not be read, and every contact attribute likewise.
    pub(super) fn fields_read(&self, fields: Fields, gaps: &Gaps) -> Fields {
        let declared = [
            ("fields", "field.", &self.fields),
            ("names.contact_attributes", "contact.", &self.names.contact_attributes),
        ];
        declared.into_iter().filter(|(part, ..)| gaps.touch(part)).fold(
            fields,
            |fields, (part, prefix, types)| {
                let unread = types.keys().filter(|name| gaps.touch(&format!("{part}.{name}")));
                let known = unread.fold(fields, |fields, name| fields.without(&format!("{prefix}{name}")));
                known.with_any_under(prefix)
            },
        )
    }
}

/// Reports the faults of declared names with types.
fn check_types(
    path: &str,
    noun: &str,
    declared: &BTreeMap<String, FieldType>,
    fault: &mut impl FnMut(DiagnosticKind, &str, String),
) {
    for (name, field_type) in declared {
        let path = format!("{path}.{name}");
        if let Err(error) = limits::declared_name(&format!("{noun} name"), name) {
            fault(DiagnosticKind::BadName, &path, error.to_string());
        }
        if let FieldType::Decimal { fraction_digits } = field_type
            && *fraction_digits > MAX_DIGITS
        {
            let problem = format!("{noun} `{name}`: fraction_digits takes 0 to {MAX_DIGITS}");
            fault(DiagnosticKind::BadValue, &format!("{path}.fraction_digits"), problem);
        }
        let (FieldType::Choice { choices } | FieldType::Choices { choices }) = field_type else {
            continue;
        };
        let path = format!("{path}.choices");
        if choices.is_empty() {
            fault(DiagnosticKind::EmptyList, &path, format!("{noun} `{name}` needs at least one choice"));
        }
        for error in choices.iter().filter_map(|choice| limits::declared_name("choice", choice).err()) {
            fault(DiagnosticKind::BadName, &path, format!("{noun} `{name}`: {error}"));
        }
    }
}

/// Returns the faults of the conditions of modifiers.
pub(super) fn modifier_conditions(modifiers: &[Modifier], fields: &Fields) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (place, modifier) in modifiers.iter().enumerate() {
        for (kind, problem) in modifier.condition().map(|it| it.diagnose(fields)).unwrap_or_default() {
            // A name that could not be read is empty.
            let message = match modifier.name() {
                "" => problem,
                name => format!("modifier {name:?}: {problem}"),
            };
            found.push(Diagnostic::new(kind, format!("matrix.modifiers[{place}].when"), message));
        }
    }
    found
}

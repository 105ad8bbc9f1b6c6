//! Validation of a matrix definition, and construction of the matrix.

use super::definition::{Cell, MatrixDefinition};
use super::level::{Impact, Priority, Urgency};
use super::matrix::Matrix;
use super::modifier::{Effect, Modifier};
use super::scale::{Scale, name_faults};
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::error::{Error, Result};

impl MatrixDefinition {
    /// Checks the definition and builds the matrix.
    ///
    /// # Errors
    ///
    /// A [definition](crate::ErrorKind::Definition) error that lists *all* faults:
    ///
    /// - a scale has no levels, or more than [`MAX_RANK`](super::MAX_RANK);
    /// - a name is blank, longer than 60 characters, declared twice, starts or ends with whitespace, or contains
    ///   control characters;
    /// - a cell is missing, is given twice, or uses an unknown name;
    /// - a default is missing or unknown;
    /// - a modifier changes nothing, sets a priority outside the scale, or has an invalid condition.
    ///
    /// ```
    /// use firstline::Matrix;
    ///
    /// let error = Matrix::define()
    ///     .impacts(["high", "low"])
    ///     .urgencies(["any"])
    ///     .priorities(["normal"])
    ///     .row("hihg", [("any", "normal")])
    ///     .row("low", [("any", "normal")])
    ///     .default_impact("low")
    ///     .default_urgency("any")
    ///     .build()
    ///     .unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "priority matrix: in the cell of \"hihg\" and \"any\": impact \"hihg\" is not known (did you mean \
    ///      \"high\"?); no cell for impact \"high\" and urgency \"any\"",
    /// );
    /// ```
    pub fn build(self) -> Result<Matrix> {
        let (matrix, faults) = self.build_or_diagnose(|_| false);
        matrix.ok_or_else(|| {
            let faults: Vec<String> = faults.into_iter().map(|it| it.message).collect();
            Error::definition("priority matrix", faults.join("; "))
        })
    }

    /// Builds the matrix, or returns all faults with paths within the definition. A fault is left out if it may be a
    /// consequence of a part that is `unread`.
    pub(crate) fn build_or_diagnose(
        self,
        unread: impl Fn(&str) -> bool,
    ) -> (Option<Matrix>, Vec<Diagnostic>) {
        let mut faults = Vec::new();
        let impacts = Scale::new("impact", self.impacts);
        let urgencies = Scale::new("urgency", self.urgencies);
        let priorities = Scale::new("priority", self.priorities);
        for (key, scale) in [("impacts", &impacts), ("urgencies", &urgencies), ("priorities", &priorities)] {
            scale.faults(key, &mut faults);
        }
        let mut default = |scale: &Scale, name: &str, noun: &str| {
            let index = scale.index(name);
            let path = format!("default_{noun}");
            if index.is_none() && name.is_empty() {
                let message = format!("the default {noun} is missing");
                faults.push(Diagnostic::new(DiagnosticKind::Incomplete, path, message));
            } else if index.is_none() && !unread(scale.key()) {
                let message = format!("the default {}", scale.unknown(name));
                faults.push(Diagnostic::new(DiagnosticKind::UnknownName, path, message));
            }
            index.unwrap_or(0)
        };
        let default_impact = Impact::at(default(&impacts, &self.default_impact, "impact"));
        let default_urgency = Urgency::at(default(&urgencies, &self.default_urgency, "urgency"));
        let cells = fill(&self.cells, [&impacts, &urgencies, &priorities], &unread, &mut faults);
        modifier_faults(&self.modifiers, priorities.len(), &mut faults);
        if !faults.is_empty() {
            return (None, faults);
        }
        let matrix = Matrix {
            impacts,
            urgencies,
            priorities,
            default_impact,
            default_urgency,
            cells,
            modifiers: self.modifiers,
        };
        (Some(matrix), faults)
    }
}

impl TryFrom<MatrixDefinition> for Matrix {
    type Error = Error;

    fn try_from(definition: MatrixDefinition) -> Result<Matrix> {
        definition.build()
    }
}

impl From<Matrix> for MatrixDefinition {
    fn from(matrix: Matrix) -> MatrixDefinition {
        matrix.to_definition()
    }
}

/// Returns the priorities row by row, one for each pair of impact and urgency.
///
/// Every missing cell adds a fault. The result is complete if no fault was added.
fn fill(
    cells: &[Cell],
    scales: [&Scale; 3],
    unread: &impl Fn(&str) -> bool,
    faults: &mut Vec<Diagnostic>,
) -> Vec<Priority> {
    let [impacts, urgencies, priorities] = scales;
    if impacts.is_too_long() || urgencies.is_too_long() {
        // This is already a fault. Do not allocate the table: its size is the product of both lengths.
        return Vec::new();
    }
    let mut filled: Vec<Option<Priority>> = vec![None; impacts.len() * urgencies.len()];
    // A faulty cell must not also be reported as missing.
    let mut seen = vec![false; filled.len()];
    for cell in cells {
        let Cell { impact, urgency, priority } = cell;
        let path = format!("cells.{impact}.{urgency}");
        let place = [(impacts, impact), (urgencies, urgency), (priorities, priority)].map(|(scale, name)| {
            let index = scale.index(name);
            if index.is_none() && !unread(scale.key()) {
                let message = format!("in the cell of {impact:?} and {urgency:?}: {}", scale.unknown(name));
                let path =
                    if scale.key() == impacts.key() { format!("cells.{impact}") } else { path.clone() };
                faults.push(Diagnostic::new(DiagnosticKind::UnknownName, path, message));
            }
            index
        });
        let [Some(row), Some(column), priority] = place else { continue };
        let index = row * urgencies.len() + column;
        if std::mem::replace(&mut seen[index], true) {
            let message = format!("the cell of impact {impact:?} and urgency {urgency:?} is given twice");
            faults.push(Diagnostic::new(DiagnosticKind::Duplicate, path, message));
        }
        filled[index] = priority.map(Priority::at);
    }
    if unread("cells") || scales.iter().any(|scale| unread(scale.key())) {
        return Vec::new();
    }
    for (row, impact) in impacts.names().iter().enumerate() {
        for (column, urgency) in urgencies.names().iter().enumerate() {
            // A repeated name is already a fault, and its row or column cannot be addressed.
            let first = impacts.index(impact) == Some(row) && urgencies.index(urgency) == Some(column);
            if first && !seen[row * urgencies.len() + column] {
                let message = format!("no cell for impact {impact:?} and urgency {urgency:?}");
                faults.push(Diagnostic::new(DiagnosticKind::Incomplete, format!("cells.{impact}"), message));
            }
        }
    }
    filled.into_iter().flatten().collect()
}

fn modifier_faults(modifiers: &[Modifier], priorities: usize, faults: &mut Vec<Diagnostic>) {
    let names: Vec<&str> = modifiers.iter().map(Modifier::name).collect();
    name_faults("modifier", &names, |place| format!("modifiers[{place}].name"), faults);
    for (place, modifier) in modifiers.iter().enumerate() {
        let name = modifier.name();
        let mut fault = |kind, key: &str, message: String| {
            faults.push(Diagnostic::new(kind, format!("modifiers[{place}].{key}"), message));
        };
        match modifier.effect() {
            Effect::Raise(0) | Effect::Lower(0) => {
                let message = format!("modifier {name:?} does nothing: it moves the priority by 0");
                fault(DiagnosticKind::BadValue, "effect", message);
            }
            Effect::Set(to) | Effect::AtLeast(to)
                if priorities > 0 && usize::from(to.rank()) > priorities =>
            {
                let message =
                    format!("modifier {name:?} leads to {to}, but the lowest priority is P{priorities}");
                fault(DiagnosticKind::UnknownName, "effect", message);
            }
            _ => {}
        }
        for problem in modifier.condition().map(|condition| condition.faults(None)).unwrap_or_default() {
            fault(DiagnosticKind::BadCondition, "when", format!("modifier {name:?}: {problem}"));
        }
    }
}

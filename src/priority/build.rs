//! Validation of a matrix definition, and construction of the matrix.

use super::definition::{Cell, MatrixDefinition};
use super::level::{Impact, Priority, Urgency};
use super::matrix::Matrix;
use super::modifier::{Effect, Modifier};
use super::scale::{Scale, name_faults};
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
        let mut faults = Vec::new();
        let impacts = Scale::new("impact", self.impacts);
        let urgencies = Scale::new("urgency", self.urgencies);
        let priorities = Scale::new("priority", self.priorities);
        for scale in [&impacts, &urgencies, &priorities] {
            scale.faults(&mut faults);
        }
        let mut default = |scale: &Scale, name: &str, noun: &str| {
            let index = scale.index(name);
            if index.is_none() && name.is_empty() {
                faults.push(format!("the default {noun} is missing"));
            } else if index.is_none() {
                faults.push(format!("the default {}", scale.unknown(name)));
            }
            index.unwrap_or(0)
        };
        let default_impact = Impact::at(default(&impacts, &self.default_impact, "impact"));
        let default_urgency = Urgency::at(default(&urgencies, &self.default_urgency, "urgency"));
        let cells = fill(&self.cells, [&impacts, &urgencies, &priorities], &mut faults);
        modifier_faults(&self.modifiers, priorities.len(), &mut faults);
        if !faults.is_empty() {
            return Err(Error::definition("priority matrix", faults.join("; ")));
        }
        Ok(Matrix {
            impacts,
            urgencies,
            priorities,
            default_impact,
            default_urgency,
            cells,
            modifiers: self.modifiers,
        })
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
fn fill(cells: &[Cell], scales: [&Scale; 3], faults: &mut Vec<String>) -> Vec<Priority> {
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
        let place = [(impacts, impact), (urgencies, urgency), (priorities, priority)].map(|(scale, name)| {
            let index = scale.index(name);
            if index.is_none() {
                faults.push(format!("in the cell of {impact:?} and {urgency:?}: {}", scale.unknown(name)));
            }
            index
        });
        let [Some(row), Some(column), priority] = place else { continue };
        let index = row * urgencies.len() + column;
        if std::mem::replace(&mut seen[index], true) {
            faults.push(format!("the cell of impact {impact:?} and urgency {urgency:?} is given twice"));
        }
        filled[index] = priority.map(Priority::at);
    }
    for (row, impact) in impacts.names().iter().enumerate() {
        for (column, urgency) in urgencies.names().iter().enumerate() {
            // A repeated name is already a fault, and its row or column cannot be addressed.
            let first = impacts.index(impact) == Some(row) && urgencies.index(urgency) == Some(column);
            if first && !seen[row * urgencies.len() + column] {
                faults.push(format!("no cell for impact {impact:?} and urgency {urgency:?}"));
            }
        }
    }
    filled.into_iter().flatten().collect()
}

fn modifier_faults(modifiers: &[Modifier], priorities: usize, faults: &mut Vec<String>) {
    name_faults("modifier", modifiers.iter().map(Modifier::name), faults);
    for modifier in modifiers {
        let name = modifier.name();
        match modifier.effect() {
            Effect::Raise(0) | Effect::Lower(0) => {
                faults.push(format!("modifier {name:?} does nothing: it moves the priority by 0"));
            }
            Effect::Set(to) | Effect::AtLeast(to)
                if priorities > 0 && usize::from(to.rank()) > priorities =>
            {
                faults.push(format!(
                    "modifier {name:?} leads to {to}, but the lowest priority is P{priorities}"
                ));
            }
            _ => {}
        }
        let condition = modifier.condition().map(|condition| condition.faults(None)).unwrap_or_default();
        faults.extend(condition.into_iter().map(|fault| format!("modifier {name:?}: {fault}")));
    }
}

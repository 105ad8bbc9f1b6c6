//! The matrix as somebody writes it down, and the one place where it is checked.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::level::{Impact, Priority, Urgency};
use super::matrix::Matrix;
use super::modifier::{Effect, Modifier};
use super::scale::{Scale, name_faults};
use crate::error::{Error, Result};

/// A matrix as it is written down: data that may still be faulty. [`build`](MatrixDefinition::build) makes the
/// [`Matrix`] of it.
///
/// The written form is shown in the [module's documentation](super). In code:
///
/// ```
/// use firstline::Matrix;
///
/// let matrix = Matrix::define()
///     .impacts(["company", "person"])
///     .urgencies(["now", "later"])
///     .priorities(["critical", "normal", "low"])
///     .row("company", [("now", "critical"), ("later", "normal")])
///     .row("person", [("now", "normal"), ("later", "low")])
///     .default_impact("person")
///     .default_urgency("later")
///     .build()?;
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatrixDefinition {
    pub(super) impacts: Vec<String>,
    pub(super) urgencies: Vec<String>,
    pub(super) priorities: Vec<String>,
    pub(super) default_impact: String,
    pub(super) default_urgency: String,
    #[serde(with = "rows")]
    pub(super) cells: Vec<Cell>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) modifiers: Vec<Modifier>,
}

/// One cell of a matrix: the names of its impact and urgency, and of the priority they give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// The impact's name.
    pub impact: String,
    /// The urgency's name.
    pub urgency: String,
    /// The priority's name.
    pub priority: String,
}

impl MatrixDefinition {
    /// The names of the impacts, the gravest first.
    #[must_use]
    pub fn impacts(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.impacts = names.into_iter().map(Into::into).collect();
        self
    }

    /// The names of the urgencies, the most urgent first.
    #[must_use]
    pub fn urgencies(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.urgencies = names.into_iter().map(Into::into).collect();
        self
    }

    /// The names of the priorities, P1 first.
    #[must_use]
    pub fn priorities(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.priorities = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds the cells of one impact: for each urgency the priority.
    #[must_use]
    pub fn row<U: Into<String>, P: Into<String>>(
        mut self,
        impact: &str,
        cells: impl IntoIterator<Item = (U, P)>,
    ) -> MatrixDefinition {
        self.cells.extend(cells.into_iter().map(|(urgency, priority)| Cell {
            impact: impact.to_owned(),
            urgency: urgency.into(),
            priority: priority.into(),
        }));
        self
    }

    /// The impact of tickets which give none.
    #[must_use]
    pub fn default_impact(mut self, name: impl Into<String>) -> MatrixDefinition {
        self.default_impact = name.into();
        self
    }

    /// The urgency of tickets which give none.
    #[must_use]
    pub fn default_urgency(mut self, name: impl Into<String>) -> MatrixDefinition {
        self.default_urgency = name.into();
        self
    }

    /// Adds a modifier. Modifiers are applied in the order in which they were added.
    #[must_use]
    pub fn modifier(mut self, modifier: Modifier) -> MatrixDefinition {
        self.modifiers.push(modifier);
        self
    }

    /// The cells declared so far, in that order.
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// Checks the definition and makes the matrix.
    ///
    /// # Errors
    ///
    /// A [definition](crate::ErrorKind::Definition) error that names *all* faults at once: a scale without
    /// levels or with more than [`MAX_RANK`](super::MAX_RANK); a name that is blank, overlong or declared twice; a
    /// cell that is missing, given twice, or uses an unknown name; a default that is unknown; a modifier that
    /// does nothing, sets a priority off the scale or has an impossible condition.
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
        let mut default = |scale: &Scale, name: &str, what: &str| {
            let index = scale.index(name);
            if index.is_none() && name.is_empty() {
                faults.push(format!("the default {what} is not given"));
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

/// The priorities row by row, one for each pair. What is missing becomes a fault, so that the result is complete
/// whenever there is none.
fn fill(cells: &[Cell], scales: [&Scale; 3], faults: &mut Vec<String>) -> Vec<Priority> {
    let [impacts, urgencies, priorities] = scales;
    if impacts.is_too_long() || urgencies.is_too_long() {
        // A fault already, and the table would grow with the product of the two.
        return Vec::new();
    }
    let mut filled: Vec<Option<Priority>> = vec![None; impacts.len() * urgencies.len()];
    // A pair whose cell is there but faulty is not reported as missing on top of that.
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
            // The second of two equal names is a fault already; nothing could be said of its cells.
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
                    "modifier {name:?} leads to {to}, but the scale of priorities ends at P{priorities}"
                ));
            }
            _ => {}
        }
        let condition = modifier.condition().map(|condition| condition.faults(None)).unwrap_or_default();
        faults.extend(condition.into_iter().map(|fault| format!("modifier {name:?}: {fault}")));
    }
}

/// Cells are written row by row, `high = { high = "critical", … }`, and read with all repetitions, so that a
/// cell given twice is a fault in formats which would let the last one win.
mod rows {
    use super::*;

    pub(super) fn serialize<S: Serializer>(cells: &[Cell], to: S) -> Result<S::Ok, S::Error> {
        // A repeated row would be refused by TOML and lost elsewhere, so rows are gathered first.
        let mut rows: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
        for cell in cells {
            let entry = (cell.urgency.as_str(), cell.priority.as_str());
            match rows.iter_mut().find(|(impact, _)| *impact == cell.impact) {
                Some((_, row)) => row.push(entry),
                None => rows.push((&cell.impact, vec![entry])),
            }
        }
        let mut map = to.serialize_map(Some(rows.len()))?;
        for (impact, row) in rows {
            map.serialize_entry(impact, &Pairs(row))?;
        }
        map.end()
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Cell>, D::Error> {
        let rows: Pairs<String, Pairs<String, String>> = Pairs::deserialize(from)?;
        let row = |(impact, row): (String, Pairs<String, String>)| {
            row.0.into_iter().map(move |(urgency, priority)| Cell {
                impact: impact.clone(),
                urgency,
                priority,
            })
        };
        Ok(rows.0.into_iter().flat_map(row).collect())
    }

    /// A map with its order and repetitions.
    struct Pairs<K, V>(Vec<(K, V)>);

    impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map(self.0.iter().map(|(key, value)| (key, value)))
        }
    }

    impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Pairs<K, V>, D::Error> {
            from.deserialize_map(Reader(Vec::new()))
        }
    }

    struct Reader<K, V>(Vec<(K, V)>);

    impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Reader<K, V> {
        type Value = Pairs<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(r#"rows of cells, like {"high": {"high": "critical", "low": "normal"}}"#)
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Pairs<K, V>, A::Error> {
            while let Some(entry) = map.next_entry()? {
                self.0.push(entry);
            }
            Ok(Pairs(self.0))
        }
    }
}

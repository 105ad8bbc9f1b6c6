//! The definition of a matrix, before validation.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::modifier::Modifier;

/// The definition of a matrix, which can still contain faults.
///
/// [`build`](MatrixDefinition::build) checks it and returns a [`Matrix`](super::Matrix). The [module
/// documentation](super) shows the serialized form. In code:
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

/// One cell of a matrix: an impact, an urgency and the resulting priority, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cell {
    /// The name of the impact.
    pub(super) impact: String,
    /// The name of the urgency.
    pub(super) urgency: String,
    /// The name of the priority.
    pub(super) priority: String,
}

impl MatrixDefinition {
    /// Sets the names of the impacts, most severe first.
    #[must_use]
    pub fn impacts(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.impacts = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the names of the urgencies, most urgent first.
    #[must_use]
    pub fn urgencies(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.urgencies = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the names of the priorities, P1 first.
    #[must_use]
    pub fn priorities(mut self, names: impl IntoIterator<Item: Into<String>>) -> MatrixDefinition {
        self.priorities = names.into_iter().map(Into::into).collect();
        self
    }

    /// Adds the cells of one impact, as pairs of urgency and priority.
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

    /// Sets the impact of tickets that give none.
    #[must_use]
    pub fn default_impact(mut self, name: impl Into<String>) -> MatrixDefinition {
        self.default_impact = name.into();
        self
    }

    /// Sets the urgency of tickets that give none.
    #[must_use]
    pub fn default_urgency(mut self, name: impl Into<String>) -> MatrixDefinition {
        self.default_urgency = name.into();
        self
    }

    /// Adds a modifier. Modifiers apply in the order in which they were added.
    #[must_use]
    pub fn modifier(mut self, modifier: Modifier) -> MatrixDefinition {
        self.modifiers.push(modifier);
        self
    }

    /// Returns the modifiers added so far, in order.
    pub(crate) fn modifiers(&self) -> &[Modifier] {
        &self.modifiers
    }

    /// Returns the cells added so far, in order: the names of the impact, the urgency and the priority.
    pub fn cells(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.cells.iter().map(|cell| (&*cell.impact, &*cell.urgency, &*cell.priority))
    }
}

/// Serializes cells row by row: `high = { high = "critical", … }`.
///
/// Deserialization keeps repeated keys, so that a cell given twice is reported. A map would silently keep the last one.
mod rows {
    use super::*;

    pub(super) fn serialize<S: Serializer>(cells: &[Cell], to: S) -> Result<S::Ok, S::Error> {
        // Group the cells by impact: TOML rejects a repeated row, and other formats lose it.
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

    /// A map as a list of pairs, in order and with repeated keys.
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

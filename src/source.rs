//! A written definition as an untyped tree: texts, numbers, lists and tables, each with its position.

use std::fmt;

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::diagnostic::{Diagnostic, DiagnosticKind, Position};

mod decode;
mod gaps;
pub(crate) mod json;
mod lines;
mod stand_in;
#[cfg(feature = "toml")]
pub(crate) mod toml;

pub(crate) use decode::decode;
pub(crate) use gaps::Gaps;

/// The byte order mark that some editors put at the beginning of a text.
const BOM: char = '\u{feff}';

/// The maximum nesting of lists and tables. It exceeds the depth of the deepest condition, and is far below the stack
/// limit.
pub(crate) const MAX_DEPTH: usize = 100;

/// A value of a written definition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// The position in the text. `None` if the format has no positions.
    pub(crate) position: Option<Position>,
    pub(crate) value: NodeValue,
}

/// The untyped value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NodeValue {
    Text(String),
    Integer(i128),
    Bool(bool),
    List(Vec<Node>),
    /// The entries in the order of the text. A key may occur twice: the first value counts, and the second is reported.
    Table(Vec<Entry>),
    /// A number with a fraction, or one that is too large for an integer. NaN if the digits do not fit in it.
    Number(f64),
    /// A TOML date, time or date-time.
    Date(String),
    Null,
}

/// A key and its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) position: Option<Position>,
    pub(crate) node: Node,
}

/// The result of parsing a text.
pub(crate) struct Source {
    /// The tree. `None` if the text has faults that leave gaps in the tree.
    pub(crate) root: Option<Node>,
    /// The faults of the text as TOML or JSON.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

impl Node {
    /// The name of the type, for messages such as "takes a text, not a list".
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.value {
            NodeValue::Text(_) => "a text",
            NodeValue::Integer(_) => "an integer",
            NodeValue::Bool(true) => "true",
            NodeValue::Bool(false) => "false",
            NodeValue::List(_) => "a list",
            NodeValue::Table(_) => "a table",
            NodeValue::Number(_) => "a floating-point number",
            NodeValue::Date(_) => "a date",
            NodeValue::Null => "null",
        }
    }

    /// Reads a value from a format without positions.
    ///
    /// # Errors
    /// - The format reports an error.
    /// - The value nests deeper than [`MAX_DEPTH`].
    pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Node, D::Error> {
        Level(MAX_DEPTH).deserialize(from)
    }
}

impl Node {
    /// Returns the positions of all parts, and the keys that occur twice.
    pub(crate) fn survey(&self) -> (Positions, Vec<Diagnostic>) {
        let (mut positions, mut found) = (Positions::default(), Vec::new());
        self.survey_into(String::new(), &mut positions.0, &mut found);
        (positions, found)
    }

    fn survey_into(
        &self,
        path: String,
        positions: &mut BTreeMap<String, Position>,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some(position) = self.position {
            positions.entry(path.clone()).or_insert(position);
        }
        match &self.value {
            NodeValue::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    item.survey_into(format!("{path}[{at}]"), positions, found);
                }
            }
            NodeValue::Table(entries) => {
                let mut keys = BTreeSet::new();
                for entry in entries {
                    let path = inner(&path, &entry.key);
                    if !keys.insert(entry.key.as_str()) {
                        let message = format!("the key {:?} occurs twice; remove one of them", entry.key);
                        let diagnostic = Diagnostic::new(DiagnosticKind::DuplicateKey, path.clone(), message);
                        found.push(Diagnostic { position: entry.position, ..diagnostic });
                    }
                    entry.node.survey_into(path, positions, found);
                }
            }
            _ => {}
        }
    }
}

/// The path of a key in a table.
pub(crate) fn inner(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The positions of the parts of a definition in its text, by path.
#[derive(Debug, Default)]
pub(crate) struct Positions(BTreeMap<String, Position>);

impl Positions {
    /// Returns the position of a part, or of the nearest enclosing part with a known position.
    pub(crate) fn of(&self, path: &str) -> Option<Position> {
        let mut path = path;
        loop {
            if let Some(position) = self.0.get(path) {
                return Some(*position);
            }
            if path.is_empty() {
                return None;
            }
            // A list may be written as a single text, so `from[0]` falls back to `from`.
            path = &path[..path.rfind(['.', '[']).unwrap_or(0)];
        }
    }
}

/// The key under which `toml` passes a date to serde, which has no type for dates.
const TOML_DATE: &str = "$__toml_private_datetime";
/// The key under which `serde_json` passes a number to serde if another crate enables its feature
/// `arbitrary_precision`.
const JSON_NUMBER: &str = "$serde_json::private::Number";

/// Parses a JSON number.
fn number(text: &str) -> NodeValue {
    match text.parse() {
        Ok(integer) => NodeValue::Integer(integer),
        Err(_) => float(text),
    }
}

/// Parses a number with a fraction. Digits must not be lost.
fn float(text: &str) -> NodeValue {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = mantissa.trim_start_matches(['-', '+', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    NodeValue::Number(if digits > 15 { f64::NAN } else { text.parse().unwrap_or(f64::NAN) })
}

/// The message for a text that nests too deep.
fn too_deep() -> String {
    format!("lists and tables nest deeper than {MAX_DEPTH} levels")
}

/// A syntax error in the text.
fn syntax(position: Position, message: impl Into<String>) -> Diagnostic {
    Diagnostic { position: Some(position), ..Diagnostic::new(DiagnosticKind::Syntax, "", message) }
}

/// Reads a value that may nest this many levels, itself included.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn inner<E: serde::de::Error>(self) -> Result<Level, E> {
        match self.0 {
            0 | 1 => Err(E::custom(too_deep())),
            left => Ok(Level(left - 1)),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Node, D::Error> {
        from.deserialize_any(self).map(|value| Node { position: None, value })
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = NodeValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an integer, true or false, a list or a table")
    }

    fn visit_bool<E>(self, it: bool) -> Result<NodeValue, E> {
        Ok(NodeValue::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<NodeValue, E> {
        Ok(NodeValue::Integer(it.into()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<NodeValue, E> {
        Ok(NodeValue::Integer(it.into()))
    }

    fn visit_i128<E>(self, it: i128) -> Result<NodeValue, E> {
        Ok(NodeValue::Integer(it))
    }

    fn visit_f64<E>(self, it: f64) -> Result<NodeValue, E> {
        Ok(NodeValue::Number(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(it.to_owned()))
    }

    fn visit_string<E>(self, it: String) -> Result<NodeValue, E> {
        Ok(NodeValue::Text(it))
    }

    fn visit_unit<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_none<E>(self) -> Result<NodeValue, E> {
        Ok(NodeValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<NodeValue, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<NodeValue, D::Error> {
        from.deserialize_any(self.inner()?)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<NodeValue, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(NodeValue::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NodeValue, A::Error> {
        let inner = self.inner()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push(Entry { key, position: None, node: map.next_value_seed(inner)? });
        }
        Ok(match entries.as_slice() {
            [Entry { key, node: Node { value: NodeValue::Text(text), .. }, .. }] => match key.as_str() {
                TOML_DATE => NodeValue::Date(text.clone()),
                JSON_NUMBER => number(text),
                _ => NodeValue::Table(entries),
            },
            _ => NodeValue::Table(entries),
        })
    }
}

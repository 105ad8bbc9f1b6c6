//! A written definition before it means anything: texts, numbers, lists and tables, each with its place.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::diagnostic::{Diagnostic, DiagnosticKind, Place};

pub(super) mod json;
mod lines;
#[cfg(feature = "toml")]
pub(super) mod toml;

/// How deep lists and tables may nest: more than the deepest condition needs, and far less than a stack holds.
pub(super) const MAX_DEPTH: usize = 100;

/// One value of a written definition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Where it stands, if the format tells.
    pub(super) place: Option<Place>,
    pub(super) value: Written,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    Text(String),
    Integer(i128),
    Bool(bool),
    List(Vec<Node>),
    /// In the order of the text. A key may be there twice: the first counts, and the second is a fault.
    Table(Vec<Entry>),
    /// A number with a fraction, or too large for an integer.
    Number(f64),
    /// A date or a time of day, as TOML has them.
    Date(String),
    Null,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Option<Place>,
    pub(super) node: Node,
}

/// What was read of a text: the whole tree, or why there is none.
pub(super) struct Source {
    /// What is there, if it can be relied on.
    pub(super) root: Option<Node>,
    /// The faults of the text as TOML or JSON.
    pub(super) findings: Vec<Diagnostic>,
}

impl Node {
    /// What it is, to follow "takes a text, not".
    pub(super) fn what(&self) -> &'static str {
        match &self.value {
            Written::Text(_) => "a text",
            Written::Integer(_) => "an integer",
            Written::Bool(true) => "true",
            Written::Bool(false) => "false",
            Written::List(_) => "a list",
            Written::Table(_) => "a table",
            Written::Number(_) => "a floating-point number",
            Written::Date(_) => "a date",
            Written::Null => "null",
        }
    }

    /// Reads from a format that tells no places.
    ///
    /// # Errors
    /// Those of the format, and a message if the text nests too deep.
    pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Node, D::Error> {
        Level(MAX_DEPTH).deserialize(from)
    }
}

/// As what `toml` hands over a date, for which serde has no type.
const TOML_DATE: &str = "$__toml_private_datetime";
/// As what `serde_json` hands over a number, if another crate has its feature `arbitrary_precision` compiled in.
const JSON_NUMBER: &str = "$serde_json::private::Number";

/// A number as JSON writes it.
fn number(text: &str) -> Written {
    match text.parse() {
        Ok(integer) => Written::Integer(integer),
        Err(_) => Written::Number(text.parse().unwrap_or(f64::NAN)),
    }
}

/// What is said of a text that nests too deep.
fn too_deep() -> String {
    format!("lists and tables nest deeper than {MAX_DEPTH} levels")
}

/// A fault of the text as such.
fn syntax(place: Place, message: impl Into<String>) -> Diagnostic {
    Diagnostic { place: Some(place), ..Diagnostic::new(DiagnosticKind::Syntax, "", message) }
}

/// Reads a value that may nest so many levels, itself included.
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
        from.deserialize_any(self).map(|value| Node { place: None, value })
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, an integer, true or false, a list or a table")
    }

    fn visit_bool<E>(self, it: bool) -> Result<Written, E> {
        Ok(Written::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Written, E> {
        Ok(Written::Integer(it.into()))
    }

    fn visit_u64<E>(self, it: u64) -> Result<Written, E> {
        Ok(Written::Integer(it.into()))
    }

    fn visit_i128<E>(self, it: i128) -> Result<Written, E> {
        Ok(Written::Integer(it))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Written, E> {
        Ok(Written::Number(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<Written, E> {
        Ok(Written::Text(it.to_owned()))
    }

    fn visit_string<E>(self, it: String) -> Result<Written, E> {
        Ok(Written::Text(it))
    }

    fn visit_unit<E>(self) -> Result<Written, E> {
        Ok(Written::Null)
    }

    fn visit_none<E>(self) -> Result<Written, E> {
        Ok(Written::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Written, D::Error> {
        from.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, from: D) -> Result<Written, D::Error> {
        from.deserialize_any(self.inner()?)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Written, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Written::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let inner = self.inner()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            entries.push(Entry { key, place: None, node: map.next_value_seed(inner)? });
        }
        Ok(match entries.as_slice() {
            [Entry { key, node: Node { value: Written::Text(text), .. }, .. }] => match key.as_str() {
                TOML_DATE => Written::Date(text.clone()),
                JSON_NUMBER => number(text),
                _ => Written::Table(entries),
            },
            _ => Written::Table(entries),
        })
    }
}

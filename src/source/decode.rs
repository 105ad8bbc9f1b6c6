//! Reads serde types from a tree and reports all faults, each with its position.
//!
//! serde stops at the first fault. [`decode`] therefore leaves out the faulty part and reads again, until nothing is
//! faulty. A fault that is only a consequence of a part left out is not reported.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::gaps::Gaps;
use super::stand_in::StandIn;
use super::{Entry, Node, NodeValue, inner};
use crate::diagnostic::{Diagnostic, DiagnosticKind, Position};
use crate::suggest;

/// After this many faults, reading ends.
const MAX_FAULTS: usize = 100;

/// Reads a value with this path.
///
/// Returns the value without its faulty parts, whose paths are added to `gaps`. `None` if nothing remains.
pub(crate) fn decode<'de, T: Deserialize<'de>>(
    node: &'de Node,
    path: &str,
    gaps: &mut Gaps,
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    let mut missing = Missing::new();
    for _ in 0..MAX_FAULTS {
        let at = Location { path: path.to_owned(), position: node.position };
        let state = State { left_out: &left_out, missing: &missing };
        let fault = match T::deserialize(Reader { node, at: at.clone(), state }) {
            Ok(value) => return Some(value),
            Err(fault) => fault.or_at(&at),
        };
        let Fault { problem, at: Some(at) } = fault else { return None };
        match problem {
            Problem::Missing(key) => {
                let own = inner(&at.path, key);
                if !left_out.contains(&own) {
                    found.push(problem.diagnostic(&at));
                    gaps.add(&own);
                }
                // The other keys of the table are read too, as if this key had some value.
                let tried = missing.entry(at.path.clone()).or_default().insert(key, StandIn::OfType);
                if tried.is_none() {
                    continue;
                }
            }
            Problem::Placeholder(Some(key)) => {
                let tried = missing.entry(at.path.clone()).or_default().insert(key, StandIn::EmptyTable);
                if tried != Some(StandIn::EmptyTable) {
                    continue;
                }
            }
            Problem::Placeholder(None) => {}
            _ if is_consequence(&at.path, &left_out) => {}
            _ => found.push(problem.diagnostic(&at)),
        }
        if !matches!(problem, Problem::UnknownKey { .. }) {
            gaps.leave_out(&at.path);
        }
        if at.path == path || !left_out.insert(at.path) {
            return None;
        }
    }
    let message =
        format!("there are more than {MAX_FAULTS} faults; the others are reported once these are corrected");
    found.push(Diagnostic {
        position: node.position,
        ..Diagnostic::new(DiagnosticKind::LimitExceeded, path, message)
    });
    None
}

/// True if a part of this part was left out.
fn is_consequence(path: &str, left_out: &BTreeSet<String>) -> bool {
    let inside =
        |it: &String| it.strip_prefix(path).is_some_and(|it| path.is_empty() || it.starts_with(['.', '[']));
    left_out.iter().any(inside)
}

/// A part of the text.
#[derive(Debug, Clone)]
struct Location {
    path: String,
    position: Option<Position>,
}

/// A fault, with its location once it is known.
#[derive(Debug)]
struct Fault {
    problem: Problem,
    at: Option<Location>,
}

#[derive(Debug)]
enum Problem {
    /// A required key is missing.
    Missing(&'static str),
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    UnknownName {
        name: String,
        known: &'static [&'static str],
    },
    WrongValue {
        takes: String,
        found: String,
    },
    WrongType {
        takes: String,
        found: String,
    },
    Bad(String),
    /// A consequence of a fault that has been reported. The key is the one whose value was made up.
    Placeholder(Option<&'static str>),
}

/// The missing keys of tables, with the values that take their place.
type Missing = BTreeMap<String, BTreeMap<&'static str, StandIn>>;

impl Fault {
    fn of(problem: Problem) -> Fault {
        Fault { problem, at: None }
    }

    fn is_unknown_key(&self, name: &str) -> bool {
        matches!(&self.problem, Problem::UnknownKey { key, .. } if key == name)
    }

    /// Sets the location unless it is known already.
    fn or_at(self, at: &Location) -> Fault {
        Fault { at: self.at.or_else(|| Some(at.clone())), ..self }
    }
}

impl Problem {
    fn diagnostic(&self, at: &Location) -> Diagnostic {
        let part = at.path.rsplit('.').next().filter(|it| !it.is_empty()).unwrap_or("the file");
        let list = |known: &[&str]| known.join(", ");
        let (kind, message) = match self {
            Problem::Missing(key) => (DiagnosticKind::MissingKey, format!("{key} is missing")),
            Problem::UnknownKey { key, known } => {
                let meant = suggest::unknown(key, known.iter().copied());
                (
                    DiagnosticKind::UnknownKey,
                    format!("the key {key:?} {meant}; allowed here: {}", list(known)),
                )
            }
            Problem::UnknownName { name, known } => {
                let meant = suggest::unknown(name, known.iter().copied());
                (DiagnosticKind::UnknownName, format!("{name:?} {meant}; allowed: {}", list(known)))
            }
            Problem::WrongType { takes, found } => {
                (DiagnosticKind::WrongType, format!("{part} takes {takes}, not {found}"))
            }
            Problem::WrongValue { takes, found } => {
                (DiagnosticKind::BadValue, format!("{part} takes {takes}, not {found}"))
            }
            Problem::Bad(message) => (DiagnosticKind::BadValue, message.clone()),
            Problem::Placeholder(_) => (DiagnosticKind::BadValue, format!("{part} is incomplete")),
        };
        Diagnostic { position: at.position, ..Diagnostic::new(kind, at.path.as_str(), message) }
    }
}

/// The fault as the cause of another one, which names the part.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::WrongType { found, .. } | Problem::WrongValue { found, .. } => write!(f, "not {found}"),
            Problem::Bad(message) => f.write_str(message),
            problem => {
                f.write_str(&problem.diagnostic(&Location { path: String::new(), position: None }).message)
            }
        }
    }
}

impl std::error::Error for Fault {}

/// Names a type as in "takes a text, not a list".
fn in_words(expected: &dyn Expected) -> String {
    let expected = expected.to_string();
    let words = match expected.as_str() {
        "a string" | "string" => "a text",
        "a boolean" => "true or false",
        "u8" => "an integer from 0 to 255",
        "u16" => "an integer from 0 to 65535",
        "u32" => "an integer from 0 to 4294967295",
        "u64" | "usize" => "a positive integer",
        "i64" | "i32" => "an integer",
        "a sequence" => "a list",
        "a map" => "a table",
        other if other.starts_with("struct ") => "a table",
        other if other.starts_with("enum ") => "a name or a table",
        other if other.starts_with("a tuple of size 2") => "a list of two",
        other => other,
    };
    words.to_owned()
}

fn found_in_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(it) => it.to_string(),
        Unexpected::Unsigned(it) => it.to_string(),
        Unexpected::Signed(it) => it.to_string(),
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unit => "null".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Float(_) => "a floating-point number".to_owned(),
        other => other.to_string(),
    }
}

impl serde::de::Error for Fault {
    fn custom<M: fmt::Display>(message: M) -> Fault {
        Fault::of(Problem::Bad(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, takes: &dyn Expected) -> Fault {
        let found = match found {
            Unexpected::Str(_) => "a text".to_owned(),
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer".to_owned(),
            other => found_in_words(other),
        };
        Fault::of(Problem::WrongType { takes: in_words(takes), found })
    }

    fn invalid_value(found: Unexpected<'_>, takes: &dyn Expected) -> Fault {
        Fault::of(Problem::WrongValue { takes: in_words(takes), found: found_in_words(found) })
    }

    fn invalid_length(length: usize, takes: &dyn Expected) -> Fault {
        Fault::of(Problem::WrongType { takes: in_words(takes), found: format!("a list of {length}") })
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Fault {
        Fault::of(Problem::UnknownName { name: name.to_owned(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Fault {
        Fault::of(Problem::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Fault {
        Fault::of(Problem::Missing(key))
    }
}

/// The results of earlier attempts.
#[derive(Debug, Clone, Copy)]
struct State<'s> {
    /// The paths of the parts to leave out.
    left_out: &'s BTreeSet<String>,
    missing: &'s Missing,
}

/// A part of the tree as a serde deserializer.
#[derive(Debug, Clone)]
struct Reader<'de, 's> {
    node: &'de Node,
    at: Location,
    state: State<'s>,
}

impl<'de, 's> Reader<'de, 's> {
    fn key(&self, entry: &Entry) -> Location {
        Location { path: inner(&self.at.path, &entry.key), position: entry.position }
    }

    /// The part at the path of an entry.
    fn entry(&self, entry: &'de Entry) -> Reader<'de, 's> {
        let at = Location { path: inner(&self.at.path, &entry.key), position: entry.node.position };
        Reader { node: &entry.node, at, state: self.state }
    }

    fn item(&self, number: usize, node: &'de Node) -> Reader<'de, 's> {
        let at = Location { path: format!("{}[{number}]", self.at.path), position: node.position };
        Reader { node, at, state: self.state }
    }

    /// The entries that are not left out. Of a repeated key, the first one counts.
    fn entries(&self, entries: &'de [Entry]) -> Entries<'de, 's> {
        let mut keys = BTreeSet::new();
        let kept = entries.iter().filter(|entry| keys.insert(entry.key.as_str()));
        let kept = kept.filter(|entry| !self.state.left_out.contains(&inner(&self.at.path, &entry.key)));
        let missing = self.state.missing.get(&self.at.path).into_iter().flatten();
        let missing = missing.map(|(key, value)| (*key, *value));
        Entries {
            table: self.clone(),
            pending: kept.rev().collect(),
            missing: missing.rev().collect(),
            value: None,
            stand_in: None,
        }
    }

    fn type_error(&self, takes: &dyn Expected) -> Fault {
        let found = self.node.type_name().to_owned();
        Fault::of(Problem::WrongType { takes: in_words(takes), found }).or_at(&self.at)
    }
}

impl<'de> Deserializer<'de> for Reader<'de, '_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let at = self.at.clone();
        let this = self.clone();
        let value = match &self.node.value {
            NodeValue::Text(text) => visitor.visit_str(text),
            NodeValue::Bool(it) => visitor.visit_bool(*it),
            NodeValue::Integer(it) => match (i64::try_from(*it), u64::try_from(*it)) {
                (Ok(it), _) => visitor.visit_i64(it),
                (_, Ok(it)) => visitor.visit_u64(it),
                _ => visitor.visit_i128(*it),
            },
            NodeValue::Number(it) => visitor.visit_f64(*it),
            NodeValue::Null => visitor.visit_unit(),
            NodeValue::Date(date) => Err(Fault::custom(format_args!(
                "write the date in quotes, and in a condition as {{ date = \"2026-01-05\" }} or {{ instant = \
                 \"2026-01-05T09:00:00Z\" }}, not {date} alone"
            ))),
            NodeValue::List(items) => {
                let items: Vec<_> = items.iter().enumerate().map(|(at, node)| self.item(at, node)).collect();
                let kept = items.into_iter().filter(|it| !it.state.left_out.contains(&it.at.path));
                visitor.visit_seq(Items(kept.collect::<Vec<_>>().into_iter()))
            }
            NodeValue::Table(entries) => visitor.visit_map(self.entries(entries)).map_err(|fault| {
                let entry = entries.iter().find(|it| fault.is_unknown_key(&it.key));
                entry.map(|it| this.key(it)).into_iter().fold(fault, |fault, key| fault.or_at(&key))
            }),
        };
        value.map_err(|fault| fault.or_at(&at))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.node.value {
            NodeValue::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.value {
            NodeValue::Date(date) => visitor.visit_str(date).map_err(|fault: Fault| fault.or_at(&self.at)),
            NodeValue::Text(_) => self.deserialize_any(visitor),
            _ => Err(self.type_error(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let at = self.at.clone();
        let value = match &self.node.value {
            NodeValue::Text(name) => visitor.visit_enum(Variant { name, key: at.clone(), value: None }),
            NodeValue::Table(entries) => match self.entries(entries).pending.as_slice() {
                [entry] => {
                    let (key, value) = (self.key(entry), Some(self.entry(entry)));
                    visitor.visit_enum(Variant { name: &entry.key, key, value })
                }
                [] if !entries.is_empty() => Err(Fault::of(Problem::Placeholder(None))),
                kept => Err(Fault::of(Problem::WrongType {
                    takes: format!("a table with one of the keys {}", variants.join(", ")),
                    found: format!("one with {} keys", kept.len()),
                })),
            },
            _ => Err(Fault::of(Problem::WrongType {
                takes: format!("one of {}", variants.join(", ")),
                found: self.node.type_name().to_owned(),
            })),
        };
        value.map_err(|fault| fault.or_at(&at))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'de, 's>(std::vec::IntoIter<Reader<'de, 's>>);

impl<'de> SeqAccess<'de> for Items<'de, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.0.next() else { return Ok(None) };
        let at = item.at.clone();
        seed.deserialize(item).map(Some).map_err(|fault| fault.or_at(&at))
    }
}

struct Entries<'de, 's> {
    table: Reader<'de, 's>,
    pending: Vec<&'de Entry>,
    missing: Vec<(&'static str, StandIn)>,
    /// The value of the last key. `None` if the key is missing.
    value: Option<&'de Entry>,
    /// The last key and its value, if the key is missing.
    stand_in: Option<(&'static str, StandIn)>,
}

impl<'de> MapAccess<'de> for Entries<'de, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        self.value = self.pending.pop();
        self.stand_in = if self.value.is_none() { self.missing.pop() } else { None };
        let key = match (self.value, self.stand_in) {
            (Some(entry), _) => (entry.key.as_str(), self.table.key(entry)),
            (None, Some((missing, _))) => (missing, self.table.at.clone()),
            (None, None) => return Ok(None),
        };
        let (key, at) = key;
        seed.deserialize(StrDeserializer::new(key)).map(Some).map_err(|fault: Fault| fault.or_at(&at))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        let Some(entry) = self.value else {
            let (key, value) = self.stand_in.unzip();
            let at = Some(self.table.at.clone());
            let refused = |_| Fault { problem: Problem::Placeholder(key), at };
            return seed.deserialize(value.unwrap_or(StandIn::OfType)).map_err(refused);
        };
        let value = self.table.entry(entry);
        let at = value.at.clone();
        seed.deserialize(value).map_err(|fault| fault.or_at(&at))
    }
}

/// A name of an enum, or a table with that name as its only key.
struct Variant<'de, 's> {
    name: &'de str,
    key: Location,
    value: Option<Reader<'de, 's>>,
}

impl<'de, 's> EnumAccess<'de> for Variant<'de, 's> {
    type Error = Fault;
    type Variant = Content<'de, 's>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'de, 's>), Fault> {
        let name = seed.deserialize(StrDeserializer::new(self.name));
        let name = name.map_err(|fault: Fault| fault.or_at(&self.key))?;
        Ok((name, Content { name: self.name, value: self.value }))
    }
}

/// The content of an enum's variant.
struct Content<'de, 's> {
    name: &'de str,
    value: Option<Reader<'de, 's>>,
}

impl<'de, 's> Content<'de, 's> {
    fn required(self) -> Result<Reader<'de, 's>, Fault> {
        let name = self.name;
        self.value.ok_or_else(|| Fault::custom(format_args!("{name} needs a value: {{ {name} = … }}")))
    }
}

impl<'de> VariantAccess<'de> for Content<'de, '_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            None => Ok(()),
            Some(value) => {
                let fault =
                    Fault::custom(format_args!("{} takes no value; write {:?} alone", self.name, self.name));
                Err(fault.or_at(&value.at))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let value = self.required()?;
        let at = value.at.clone();
        seed.deserialize(value).map_err(|fault| fault.or_at(&at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.required()?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.required()?.deserialize_any(visitor)
    }
}

//! The serialized form of conditions, for self-describing formats such as JSON and TOML.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::comparison::Comparison;
use super::{Condition, Field, MAX_DEPTH, Node};
use crate::suggest;
use crate::value::Value;

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if let Some((field, comparison)) = self.as_negated_comparison() {
            let mut map = to.serialize_map(Some(2))?;
            map.serialize_entry("field", field)?;
            match comparison {
                Comparison::Is(value) => map.serialize_entry("is_not", value)?,
                _ => map.serialize_entry("exists", &false)?,
            }
            return map.end();
        }
        let (field, comparison) = match &self.0 {
            Node::Always => return to.serialize_str("always"),
            Node::All(parts) => return to.collect_map([("all", parts)]),
            Node::Any(parts) => return to.collect_map([("any", parts)]),
            Node::Not(inner) => return to.collect_map([("not", inner)]),
            Node::Compare(field, comparison) => (field, comparison),
        };
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("field", field)?;
        let key = comparison.key();
        match comparison {
            Comparison::Is(value)
            | Comparison::AtLeast(value)
            | Comparison::AtMost(value)
            | Comparison::MoreThan(value)
            | Comparison::LessThan(value)
            | Comparison::Shares(value) => map.serialize_entry(key, value)?,
            Comparison::OneOf(values) => map.serialize_entry(key, values)?,
            Comparison::Before(offset) | Comparison::After(offset) => map.serialize_entry(key, offset)?,
            Comparison::Contains(text) | Comparison::StartsWith(text) | Comparison::Matches(text) => {
                map.serialize_entry(key, text)?;
            }
            Comparison::Exists => map.serialize_entry(key, &true)?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Condition, D::Error> {
        Level { left: MAX_DEPTH }.deserialize(from)
    }
}

/// Deserializes one condition with at most `left` levels, including the condition itself.
#[derive(Clone, Copy)]
struct Level {
    left: usize,
}

/// Deserializes the list of an `all` or `any`.
struct Parts(Level);

/// The meaning of one key of a condition.
enum Part {
    /// A complete condition: `all`, `any` or `not`.
    Whole(Condition),
    /// A comparison, which needs a field.
    Compare(Comparison),
    /// A negated comparison: `is_not` or `exists: false`.
    Negated(Comparison),
}

impl Level {
    fn inner<E: serde::de::Error>(self) -> Result<Level, E> {
        match self.left {
            0 | 1 => Err(E::custom(format!("a condition may nest at most {MAX_DEPTH} levels deep"))),
            left => Ok(Level { left: left - 1 }),
        }
    }

    fn part<'de, A: MapAccess<'de>>(self, key: &str, map: &mut A) -> Result<Part, A::Error> {
        Ok(match key {
            "all" => Part::Whole(Condition::all(map.next_value_seed(Parts(self.inner()?))?)),
            "any" => Part::Whole(Condition::any(map.next_value_seed(Parts(self.inner()?))?)),
            "not" => Part::Whole(!map.next_value_seed(self.inner()?)?),
            "is" => Part::Compare(Comparison::Is(value(key, map)?)),
            "is_not" => Part::Negated(Comparison::Is(value(key, map)?)),
            "one_of" => match value::<Vec<Value>, _>(key, map)? {
                values if values.is_empty() => {
                    return Err(A::Error::custom("one_of needs at least one value"));
                }
                values => Part::Compare(Comparison::OneOf(values)),
            },
            "at_least" => Part::Compare(Comparison::AtLeast(value(key, map)?)),
            "at_most" => Part::Compare(Comparison::AtMost(value(key, map)?)),
            "more_than" => Part::Compare(Comparison::MoreThan(value(key, map)?)),
            "less_than" => Part::Compare(Comparison::LessThan(value(key, map)?)),
            "before" => Part::Compare(Comparison::Before(value(key, map)?)),
            "after" => Part::Compare(Comparison::After(value(key, map)?)),
            "contains" => Part::Compare(Comparison::Contains(value(key, map)?)),
            "starts_with" => Part::Compare(Comparison::StartsWith(value(key, map)?)),
            "shares" => Part::Compare(Comparison::Shares(value(key, map)?)),
            "matches" => Part::Compare(Comparison::Matches(value(key, map)?)),
            "exists" if value(key, map)? => Part::Compare(Comparison::Exists),
            "exists" => Part::Negated(Comparison::Exists),
            other => return Err(A::Error::custom(unknown_key(other))),
        })
    }
}

fn unknown_key(key: &str) -> String {
    let known = || ["all", "any", "not", "field"].into_iter().chain(Comparison::KEYS);
    format!(
        "the key {key:?} {}; allowed in a condition: {}",
        suggest::unknown(key, known()),
        known().collect::<Vec<_>>().join(", "),
    )
}

/// A key of a condition. An unknown key is an error of the key itself, so that readers with positions can point to it.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Key, D::Error> {
        let key = String::deserialize(from)?;
        match key.as_str() {
            "field" | "all" | "any" | "not" => Ok(Key(key)),
            other if Comparison::KEYS.contains(&other) => Ok(Key(key)),
            other => Err(D::Error::custom(unknown_key(other))),
        }
    }
}

/// Deserializes the value of a key. The error lists the values that the key takes.
fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(key: &str, map: &mut A) -> Result<T, A::Error> {
    map.next_value_seed(ValueOf(key, PhantomData))
}

/// The value of this key.
struct ValueOf<'k, T>(&'k str, PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for ValueOf<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<T, D::Error> {
        let ValueOf(key, _) = self;
        let allowed = match key {
            "contains" | "starts_with" => "a text",
            "matches" => "the name of another field",
            "exists" => "true or false",
            "before" | "after" => "a time relative to now, such as \"7d ago\", \"now\" or \"2h from now\"",
            "one_of" => "a list of values",
            _ => {
                "true or false, a number, a text, a list of texts, {\"date\": \"2026-01-05\"}, \
                 {\"instant\": \"2026-01-05T09:00:00Z\"} or {\"decimal\": \"1234.50\"}"
            }
        };
        // The cause must come last, because serde_json expects the line and column at the end.
        T::deserialize(from).map_err(|cause| D::Error::custom(format!("{key} takes {allowed}: {cause}")))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Condition;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Condition, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a condition: "always", or like {"field": "contact.vip", "is": true}"#)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Condition, E> {
        match text {
            "always" => Ok(Condition::ALWAYS),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let mut field: Option<String> = None;
        let mut part: Option<(String, Part)> = None;
        while let Some(Key(key)) = map.next_key()? {
            if key == "field" {
                if field.replace(map.next_value()?).is_some() {
                    return Err(A::Error::custom("field is given twice in one condition"));
                }
                continue;
            }
            let next = self.part(&key, &mut map)?;
            if let Some((earlier, _)) = &part {
                return Err(A::Error::custom(format!(
                    "{earlier} and {key} are in the same condition, which takes exactly one; combine them with all or \
                     any"
                )));
            }
            part = Some((key, next));
        }
        match (field, part) {
            (None, Some((_, Part::Whole(condition)))) => Ok(condition),
            (Some(field), Some((_, Part::Compare(comparison)))) => Ok(Field(field).compare(comparison)),
            (Some(field), Some((_, Part::Negated(comparison)))) => Ok(!Field(field).compare(comparison)),
            (Some(_), Some((key, Part::Whole(_)))) => {
                Err(A::Error::custom(format!("{key} cannot be combined with a field")))
            }
            (None, Some((key, _))) => Err(A::Error::custom(format!(
                "{key} needs a field to compare: {{\"field\": …, \"{key}\": …}}"
            ))),
            (Some(field), None) => Err(A::Error::custom(format!(
                "the field {field:?} has no comparison; add one of {}",
                Comparison::KEYS.join(", ")
            ))),
            (None, None) => Err(A::Error::custom(
                "the condition is empty; write \"always\" for a condition that always holds",
            )),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Parts {
    type Value = Vec<Condition>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Vec<Condition>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Parts {
    type Value = Vec<Condition>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of conditions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Condition>, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = seq.next_element_seed(self.0)? {
            parts.push(part);
        }
        if parts.is_empty() {
            return Err(A::Error::custom(
                "all and any need at least one condition; write \"always\" for a condition that always holds",
            ));
        }
        Ok(parts)
    }
}

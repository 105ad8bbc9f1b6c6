//! Typed values of custom fields and of the attributes of people.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::decimal::{self, Decimal};

/// A typed value of a custom field, of a person's attribute, or on the right-hand side of a condition.
///
/// In JSON and TOML, most values are written directly: `true`, `42`, `"text"`, `["a", "b"]`. Dates, instants and
/// decimals are tagged, `{"date": "2026-01-05"}`, `{"instant": "2026-01-05T09:00:00Z"}` and `{"decimal": "1234.50"}`,
/// so that text that looks like a date remains text. A number with a fraction, `1234.5`, is read as a [`Decimal`] too.
///
/// ```
/// use firstline::Value;
///
/// let value: Value = serde_json::from_str("[\"vip\", \"press\"]").unwrap();
/// assert_eq!(value, Value::from(["vip", "press"]));
/// assert_eq!(Value::from(42).to_string(), "42");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Value {
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Text of one or several lines. In requests it is put into one form: without invisible characters, and with a line
    /// feed for each end of a line. NUL is refused.
    Text(String),
    /// A list of texts.
    List(Vec<String>),
    /// A calendar date.
    #[serde(with = "date")]
    Date(NaiveDate),
    /// An instant.
    #[serde(with = "instant")]
    Instant(DateTime<Utc>),
    /// An exact decimal number.
    #[serde(with = "decimal_text")]
    Decimal(Decimal),
}

/// Serializes a type as a struct with one named field, so that it cannot be confused with text.
macro_rules! named {
    ($module:ident, $name:literal: $type:ty) => {
        mod $module {
            use super::*;

            pub(super) fn serialize<S: serde::Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map([($name, value)])
            }
        }
    };
}

named!(date, "date": NaiveDate);
named!(instant, "instant": DateTime<Utc>);
named!(decimal_text, "decimal": Decimal);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        struct Untagged;

        impl<'de> Visitor<'de> for Untagged {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "true or false, a number, a text, a list of texts, {\"date\": \"2026-01-05\"}, \
                     {\"instant\": \"2026-01-05T09:00:00Z\"} or {\"decimal\": \"1234.50\"}",
                )
            }

            fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
                Ok(Value::Bool(it))
            }

            fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
                Ok(Value::Integer(it))
            }

            fn visit_u64<E: de::Error>(self, it: u64) -> Result<Value, E> {
                let it =
                    i64::try_from(it).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(it), &self))?;
                Ok(Value::Integer(it))
            }

            fn visit_f64<E: de::Error>(self, it: f64) -> Result<Value, E> {
                decimal::of_float(it).map(Value::Decimal)
            }

            fn visit_str<E>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Value, E> {
                Ok(Value::Text(text))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut value = None;
                while let Some(key) = map.next_key::<String>()? {
                    value = Some(match (key.as_str(), value) {
                        ("date", None) => Value::Date(map.next_value()?),
                        ("instant", None) => Value::Instant(map.next_value()?),
                        ("decimal", None) => Value::Decimal(map.next_value()?),
                        _ => return Err(de::Error::unknown_field(&key, &["date", "instant", "decimal"])),
                    });
                }
                value.ok_or_else(|| de::Error::invalid_type(de::Unexpected::Map, &self))
            }
        }

        from.deserialize_any(Untagged)
    }
}

impl Value {
    /// Returns the name of the value's type, as used in messages.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Bool(_) => "yes/no",
            Value::Integer(_) => "integer",
            Value::Decimal(_) => "decimal",
            Value::Instant(_) => "instant",
            Value::Date(_) => "date",
            Value::Text(_) => "text",
            Value::List(_) => "list",
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bool(true) => f.write_str("yes"),
            Value::Bool(false) => f.write_str("no"),
            Value::Integer(n) => write!(f, "{n}"),
            Value::Decimal(n) => write!(f, "{n}"),
            Value::Instant(at) => write!(f, "{}", at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
            Value::Date(date) => write!(f, "{date}"),
            Value::Text(text) => f.write_str(text),
            Value::List(items) => f.write_str(&items.join(", ")),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Value {
        Value::Integer(value.into())
    }
}

impl From<Decimal> for Value {
    fn from(value: Decimal) -> Value {
        Value::Decimal(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<NaiveDate> for Value {
    fn from(value: NaiveDate) -> Value {
        Value::Date(value)
    }
}

impl From<DateTime<Utc>> for Value {
    fn from(value: DateTime<Utc>) -> Value {
        Value::Instant(value)
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(value: [&str; N]) -> Value {
        Value::List(value.iter().map(|item| (*item).to_owned()).collect())
    }
}

impl From<Vec<String>> for Value {
    fn from(value: Vec<String>) -> Value {
        Value::List(value)
    }
}

/// The attributes of a person that a policy can use, by name, such as `vip`, `company`, `role` or `skills`.
///
/// The host chooses the attribute names. It passes the attributes with a command, and the event stores a copy. A
/// decision can therefore be explained and replayed after the host's user record has changed.
///
/// Do not put names, addresses or other contact data here. Use the fields of [`Contact`](crate::Contact), which can be
/// erased.
pub type Attributes = BTreeMap<String, Value>;

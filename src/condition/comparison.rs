//! The comparison of a fact with a value.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};

use super::relative::Offset;
use crate::text;
use crate::value::Value;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Comparison {
    Is(Value),
    OneOf(Vec<Value>),
    AtLeast(Value),
    AtMost(Value),
    MoreThan(Value),
    LessThan(Value),
    /// Earlier than the current time plus this offset.
    Before(Offset),
    /// Later than the current time plus this offset.
    After(Offset),
    Contains(String),
    StartsWith(String),
    /// Has a value in common with this value.
    Shares(Value),
    /// Has a value in common with the field of this name.
    Matches(String),
    Exists,
}

impl Comparison {
    /// The keys of all comparisons in the written form, including `is_not`.
    pub(super) const KEYS: [&str; 14] = [
        "is",
        "is_not",
        "one_of",
        "at_least",
        "at_most",
        "more_than",
        "less_than",
        "before",
        "after",
        "contains",
        "starts_with",
        "shares",
        "matches",
        "exists",
    ];

    /// Returns the key of this comparison in the written form.
    pub(super) fn key(&self) -> &'static str {
        match self {
            Comparison::Is(_) => "is",
            Comparison::OneOf(_) => "one_of",
            Comparison::AtLeast(_) => "at_least",
            Comparison::AtMost(_) => "at_most",
            Comparison::MoreThan(_) => "more_than",
            Comparison::LessThan(_) => "less_than",
            Comparison::Before(_) => "before",
            Comparison::After(_) => "after",
            Comparison::Contains(_) => "contains",
            Comparison::StartsWith(_) => "starts_with",
            Comparison::Shares(_) => "shares",
            Comparison::Matches(_) => "matches",
            Comparison::Exists => "exists",
        }
    }

    /// Returns the values with which the fact is compared.
    pub(super) fn values(&self) -> &[Value] {
        match self {
            Comparison::OneOf(values) => values,
            Comparison::Is(value)
            | Comparison::AtLeast(value)
            | Comparison::AtMost(value)
            | Comparison::MoreThan(value)
            | Comparison::LessThan(value)
            | Comparison::Shares(value) => std::slice::from_ref(value),
            Comparison::Before(_)
            | Comparison::After(_)
            | Comparison::Contains(_)
            | Comparison::StartsWith(_)
            | Comparison::Matches(_)
            | Comparison::Exists => &[],
        }
    }

    /// True for a comparison with the current time.
    pub(super) fn needs_now(&self) -> bool {
        matches!(self, Comparison::Before(_) | Comparison::After(_))
    }

    /// True if the comparison is meant for values of this type.
    pub(super) fn is_about(&self, fact: &Value) -> bool {
        let is_number = |value: &Value| matches!(value, Value::Integer(_) | Value::Decimal(_));
        let same_type = |value: &Value| {
            std::mem::discriminant(value) == std::mem::discriminant(fact)
                || (is_number(value) && is_number(fact))
        };
        match self {
            Comparison::Contains(_) => matches!(fact, Value::Text(_) | Value::List(_)),
            Comparison::StartsWith(_) => matches!(fact, Value::Text(_)),
            Comparison::Before(_) | Comparison::After(_) => false, // A condition on an actor has no current time.
            Comparison::Shares(Value::Text(_) | Value::List(_)) => {
                matches!(fact, Value::Text(_) | Value::List(_))
            }
            Comparison::Exists | Comparison::Matches(_) => true,
            _ => self.values().iter().any(same_type),
        }
    }

    /// Returns the other field, if the fact is compared with a field.
    pub(super) fn other_field(&self) -> Option<&str> {
        match self {
            Comparison::Matches(other) => Some(other),
            _ => None,
        }
    }

    /// Returns the text of `contains` and `starts_with`.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Comparison::Contains(text) | Comparison::StartsWith(text) => Some(text),
            _ => None,
        }
    }

    /// Returns true if this existing fact satisfies the comparison. Without a current time, no fact is before or after
    /// an instant that is relative to it. `shares` and `matches` depend on the field: see [`shares`].
    pub(super) fn accepts(&self, fact: &Value, now: Option<DateTime<Utc>>) -> bool {
        let relative = |offset: &Offset| match fact {
            Value::Instant(at) => now?.checked_add_signed(offset.time()).map(|instant| at.cmp(&instant)),
            _ => None,
        };
        match self {
            Comparison::Is(value) => is_same(fact, value),
            Comparison::OneOf(values) => values.iter().any(|value| is_same(fact, value)),
            Comparison::AtLeast(value) => order(fact, value).is_some_and(Ordering::is_ge),
            Comparison::AtMost(value) => order(fact, value).is_some_and(Ordering::is_le),
            Comparison::MoreThan(value) => order(fact, value).is_some_and(Ordering::is_gt),
            Comparison::LessThan(value) => order(fact, value).is_some_and(Ordering::is_lt),
            Comparison::Before(offset) => relative(offset).is_some_and(Ordering::is_lt),
            Comparison::After(offset) => relative(offset).is_some_and(Ordering::is_gt),
            Comparison::Contains(part) => match fact {
                Value::List(items) => items.iter().any(|item| text::is_same(item, part)),
                Value::Text(text) => text::folded(text).contains(&text::folded(part)),
                _ => false,
            },
            Comparison::StartsWith(part) => match fact {
                Value::Text(text) => text::folded(text).starts_with(&text::folded(part)),
                _ => false,
            },
            Comparison::Shares(_) | Comparison::Matches(_) => false,
            Comparison::Exists => true,
        }
    }
}

/// Returns true if the fields have these values and the values are equal, or if one is a list that has the other or an
/// item of it. [Ids](is_id) must have the same characters, and other texts the same normal form. Numbers are compared by
/// their amount. An empty text has nothing in common with another one.
pub(super) fn shares(fields: [&str; 2], left: &Value, right: &Value) -> bool {
    let is_equal = match fields.into_iter().any(is_id) {
        true => |left: &String, right: &String| left == right,
        false => |left: &String, right: &String| text::is_same(left, right),
    };
    match (texts(left), texts(right)) {
        (Some(left), Some(right)) => {
            let mut left = left.iter().filter(|text| text::is_visible(text));
            left.any(|text| right.iter().any(|other| is_equal(text, other)))
        }
        _ => left == right || order(left, right) == Some(Ordering::Equal),
    }
}

fn texts(value: &Value) -> Option<&[String]> {
    match value {
        Value::Text(text) => Some(std::slice::from_ref(text)),
        Value::List(items) => Some(items),
        _ => None,
    }
}

/// True if the values of the field are ids, which the program gives and the desk keeps as they are.
pub(super) fn is_id(field: &str) -> bool {
    matches!(
        field,
        "actor" | "team" | "assignee" | "requester" | "affected" | "cc" | "contacts" | "followers"
    )
}

/// Returns the order of two numbers, dates or instants; `None` for other types and for values of different types.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Instant(left), Value::Instant(right)) => Some(left.cmp(right)),
        (Value::Decimal(left), Value::Decimal(right)) => Some(left.cmp(right)),
        (Value::Integer(left), Value::Decimal(right)) => Some(right.cmp_integer(*left).reverse()),
        (Value::Decimal(left), Value::Integer(right)) => Some(left.cmp_integer(*right)),
        _ => None,
    }
}

/// Returns true if the values are equal. Texts are compared in their normal form, and numbers by their amount.
fn is_same(fact: &Value, value: &Value) -> bool {
    match (fact, value) {
        (Value::Text(fact), Value::Text(value)) => text::is_same(fact, value),
        (Value::List(facts), Value::List(values)) => {
            facts.len() == values.len()
                && facts.iter().zip(values).all(|(fact, value)| text::is_same(fact, value))
        }
        (Value::Integer(_), Value::Decimal(_)) | (Value::Decimal(_), Value::Integer(_)) => {
            order(fact, value).is_some_and(Ordering::is_eq)
        }
        _ => fact == value,
    }
}

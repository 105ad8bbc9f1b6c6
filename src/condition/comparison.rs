//! The comparison of a fact with a value.

use std::cmp::Ordering;

use crate::value::Value;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Comparison {
    Is(Value),
    OneOf(Vec<Value>),
    AtLeast(Value),
    AtMost(Value),
    MoreThan(Value),
    LessThan(Value),
    Contains(String),
    StartsWith(String),
    Exists,
}

impl Comparison {
    /// The keys of all comparisons in the written form, including `is_not`.
    pub(super) const KEYS: [&str; 10] = [
        "is",
        "is_not",
        "one_of",
        "at_least",
        "at_most",
        "more_than",
        "less_than",
        "contains",
        "starts_with",
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
            Comparison::Contains(_) => "contains",
            Comparison::StartsWith(_) => "starts_with",
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
            | Comparison::LessThan(value) => std::slice::from_ref(value),
            Comparison::Contains(_) | Comparison::StartsWith(_) | Comparison::Exists => &[],
        }
    }

    /// Returns the text of `contains` and `starts_with`.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Comparison::Contains(text) | Comparison::StartsWith(text) => Some(text),
            _ => None,
        }
    }

    /// Returns true if this existing fact satisfies the comparison.
    pub(super) fn accepts(&self, fact: &Value) -> bool {
        match self {
            Comparison::Is(value) => fact == value,
            Comparison::OneOf(values) => values.contains(fact),
            Comparison::AtLeast(value) => order(fact, value).is_some_and(Ordering::is_ge),
            Comparison::AtMost(value) => order(fact, value).is_some_and(Ordering::is_le),
            Comparison::MoreThan(value) => order(fact, value).is_some_and(Ordering::is_gt),
            Comparison::LessThan(value) => order(fact, value).is_some_and(Ordering::is_lt),
            Comparison::Contains(part) => match fact {
                Value::List(items) => items.contains(part),
                Value::Text(text) => lowercase(text).contains(&lowercase(part)),
                _ => false,
            },
            Comparison::StartsWith(part) => match fact {
                Value::Text(text) => lowercase(text).starts_with(&lowercase(part)),
                _ => false,
            },
            Comparison::Exists => true,
        }
    }
}

/// Returns the order of two integers, dates or instants; `None` for other types and for values of different types.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Instant(left), Value::Instant(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Converts each character to lower case on its own.
///
/// `str::to_lowercase` converts a Greek sigma depending on its neighbours, so a part of a text might not be found in
/// the whole text.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

//! One comparison of a fact with a value.

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
    /// The keys under which comparisons are written, `is_not` included.
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

    /// The key under which this comparison is written.
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

    /// Whether the fact, which is there, satisfies the comparison.
    pub(super) fn accepts(&self, fact: &Value) -> bool {
        match self {
            Comparison::Is(value) => fact == value,
            Comparison::OneOf(values) => values.contains(fact),
            Comparison::AtLeast(value) => order(fact, value).is_some_and(Ordering::is_ge),
            Comparison::AtMost(value) => order(fact, value).is_some_and(Ordering::is_le),
            Comparison::MoreThan(value) => order(fact, value).is_some_and(Ordering::is_gt),
            Comparison::LessThan(value) => order(fact, value).is_some_and(Ordering::is_lt),
            Comparison::Contains(wanted) => match fact {
                Value::List(items) => items.contains(wanted),
                Value::Text(text) => lowercase(text).contains(&lowercase(wanted)),
                _ => false,
            },
            Comparison::StartsWith(wanted) => match fact {
                Value::Text(text) => lowercase(text).starts_with(&lowercase(wanted)),
                _ => false,
            },
            Comparison::Exists => true,
        }
    }
}

/// The order of two values where people would agree on one: numbers and times of the same type.
fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Integer(left), Value::Integer(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Instant(left), Value::Instant(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Lower case letter by letter. `str::to_lowercase` would look at the neighbours of a Greek sigma, and then a
/// part of a text need not be found in the whole.
fn lowercase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

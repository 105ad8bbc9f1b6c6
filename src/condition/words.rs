//! `Display` for conditions.

use std::fmt;

use super::comparison::Comparison;
use super::{Condition, Node};
use crate::value::Value;

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((field, comparison)) = self.as_negated_comparison() {
            return match comparison {
                Comparison::Is(value) => write!(f, "{field} is not {}", Quoted(value)),
                _ => write!(f, "{field} is missing"),
            };
        }
        match &self.0 {
            Node::Always => f.write_str("always"),
            Node::All(parts) => joined(f, parts, " and "),
            Node::Any(parts) => joined(f, parts, " or "),
            Node::Not(inner) if inner.0 == Node::Always => f.write_str("never"),
            Node::Not(inner) => write!(f, "not ({inner})"),
            Node::Compare(field, comparison) => write!(f, "{field} {comparison}"),
        }
    }
}

/// Writes the parts with a word between them. Nested lists are in parentheses, so that readers need not know the
/// precedence of *and* and *or*.
fn joined(f: &mut fmt::Formatter<'_>, parts: &[Condition], word: &str) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(word)?;
        }
        match part.0 {
            Node::All(_) | Node::Any(_) => write!(f, "({part})")?,
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Comparison::Is(value) => write!(f, "is {}", Quoted(value)),
            Comparison::OneOf(values) => {
                f.write_str("is one of (")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if index > 0 { ", " } else { "" }, Quoted(value))?;
                }
                f.write_str(")")
            }
            Comparison::AtLeast(value) => write!(f, "is at least {}", Quoted(value)),
            Comparison::AtMost(value) => write!(f, "is at most {}", Quoted(value)),
            Comparison::MoreThan(value) => write!(f, "is more than {}", Quoted(value)),
            Comparison::LessThan(value) => write!(f, "is less than {}", Quoted(value)),
            Comparison::Before(offset) => write!(f, "is before {offset}"),
            Comparison::After(offset) => write!(f, "is after {offset}"),
            Comparison::Contains(text) => write!(f, "contains {text:?}"),
            Comparison::StartsWith(text) => write!(f, "starts with {text:?}"),
            Comparison::Shares(value) => write!(f, "shares {}", Quoted(value)),
            Comparison::Matches(other) => write!(f, "matches {other}"),
            Comparison::Exists => f.write_str("exists"),
        }
    }
}

/// A value with quoted texts, so that readers can tell them from the words of the condition.
pub(super) struct Quoted<'a>(pub(super) &'a Value);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(items) => write!(f, "{items:?}"),
            other => write!(f, "{other}"),
        }
    }
}

//! Conditions for priority modifiers, agreements, workflow guards and queries.
//!
//! A [`Condition`] compares named facts with values, and combines comparisons with *all*, *any* and *not*. It can be
//! written in code, in JSON or in TOML, and `Display` prints it in words. [`Condition::check`] checks it against a list
//! of known fields, so that a misspelt field is an error when a definition is built. Without this check, a misspelt
//! field would silently count as missing.
//!
//! ```
//! use firstline::{Attributes, Condition, Value};
//!
//! let condition: Condition = serde_json::from_str(r#"{"all": [
//!     {"field": "contact.vip", "is": true},
//!     {"field": "priority", "at_most": 2},
//!     {"not": {"field": "tags", "contains": "spam"}}
//! ]}"#).unwrap();
//!
//! assert_eq!(
//!     condition.to_string(),
//!     r#"contact.vip is yes and priority is at most 2 and not (tags contains "spam")"#,
//! );
//! let in_code = Condition::field("contact.vip").is(true)
//!     .and(Condition::field("priority").at_most(2))
//!     .and(!Condition::field("tags").contains("spam"));
//! assert_eq!(condition, in_code);
//!
//! let facts = Attributes::from([
//!     ("contact.vip".to_owned(), Value::from(true)),
//!     ("priority".to_owned(), Value::from(1)),
//! ]);
//! assert!(condition.holds(&facts));
//! ```
//!
//! # Comparisons
//!
//! | written as | holds if the fact |
//! |---|---|
//! | `is`, `is_not` | equals the value; does not equal the value |
//! | `one_of` | equals one of several values |
//! | `at_least`, `at_most`, `more_than`, `less_than` | is a number, date or instant that compares with the value in this way |
//! | `before`, `after` | is an instant before or after a time relative to now: `"7d ago"`, `"now"`, `"2h from now"` |
//! | `contains` | is a list with exactly this item, or a text that contains this text |
//! | `starts_with` | is a text that begins with this text |
//! | `shares` | has a value in common with a value or a list: equals it, or one has the other or one of its items |
//! | `matches` | has a value in common with another field |
//! | `exists` | exists (`true`), or is missing (`false`) |
//!
//! Two texts are equal if all letters are the same, including their case. A letter is the same whether it is written as
//! one character or as several (`é`), and blanks at both ends do not count. `contains` and `starts_with` ignore case
//! *within a text*, in every script, because they search text that people typed. Items of a list must be equal.
//! `shares` and `matches` compare ids (the team, the assigned agent, contacts, followers and `actor`) by all their
//! characters, and other texts in the normal form. An empty text has nothing in common with another one.
//!
//! A decimal is compared with whole numbers by its amount: `10.0` is 10.
//!
//! `before` and `after` need facts with a current time: a query has one, the conditions of a policy have none.
//!
//! # Missing facts
//!
//! A comparison does not hold if the fact is missing or has a different type than the value. Negations are exact:
//! `is_not` means `not is`, so it *does* hold if the fact is missing. For example, "the company is not Acme" holds for
//! a person without a company. `exists: false` means `not exists`. If a missing company must not match, combine both:
//! `{"all": [{"field": "company", "exists": true}, {"field": "company", "is_not": "Acme"}]}`.

mod binding;
mod comparison;
mod fields;
mod form;
mod relative;
mod satisfiable;
mod words;

use std::borrow::Cow;
use std::ops;

use chrono::{DateTime, TimeDelta, Utc};

use crate::value::{Attributes, Value};
use comparison::Comparison;
use relative::Offset;

pub use fields::{Fields, ValueType};
pub(crate) use satisfiable::Budget;

/// The maximum nesting depth of a condition. The comparison in `{"not": {"all": [{…}]}}` is on level 3.
///
/// Deserialization and [`Condition::check`] reject deeper conditions, so that a stored definition cannot overflow the
/// stack.
pub const MAX_DEPTH: usize = 32;

/// A source of facts: the values that a condition compares, by field name.
///
/// ```
/// use std::borrow::Cow;
/// use firstline::{Condition, Facts, Value};
///
/// struct Order { total: i64 }
///
/// impl Facts for Order {
///     fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
///         (field == "order.total").then(|| Cow::Owned(self.total.into()))
///     }
/// }
///
/// assert!(Condition::field("order.total").at_least(100_00).holds(&Order { total: 250_00 }));
/// ```
pub trait Facts {
    /// Returns the value of the field; `None` if it is missing.
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>>;

    /// Returns the current time, with which `before` and `after` compare. Without one, they do not hold. The default is
    /// `None`.
    fn now(&self) -> Option<DateTime<Utc>> {
        None
    }
}

/// An empty set of facts.
impl Facts for () {
    fn fact(&self, _: &str) -> Option<Cow<'_, Value>> {
        None
    }
}

impl Facts for Attributes {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        self.get(field).map(Cow::Borrowed)
    }
}

/// A condition on facts. The [module documentation](self) lists the comparisons and their written form.
///
/// A condition is normalized when it is built, so that conditions that differ only in grouping are equal. An *all*
/// inside an *all* is flattened, as is an *any* inside an *any*. A double *not* is removed. An *all* or *any* has at
/// least two parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition(Node);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Node {
    Always,
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(String, Comparison),
}

impl Condition {
    /// The condition that always holds. Its negation never holds. Written as `"always"`.
    pub const ALWAYS: Condition = Condition(Node::Always);

    /// Starts a comparison of this field.
    pub fn field(name: impl Into<String>) -> Field {
        Field(name.into())
    }

    /// Returns a condition that holds if all parts hold. Without parts, it always holds.
    ///
    /// ```
    /// use firstline::Condition;
    ///
    /// let parts = ["press", "legal"].map(|tag| Condition::field("tags").contains(tag));
    /// assert_eq!(Condition::all(parts).to_string(), r#"tags contains "press" and tags contains "legal""#);
    /// assert_eq!(Condition::all([]), Condition::ALWAYS);
    /// ```
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut parts = Vec::new();
        for condition in conditions {
            match condition.0 {
                Node::Always => {}
                Node::All(inner) if parts.is_empty() => parts = inner,
                Node::All(inner) => parts.extend(inner),
                other => parts.push(Condition(other)),
            }
        }
        match parts.pop() {
            None => Condition::ALWAYS,
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                Condition(Node::All(parts))
            }
        }
    }

    /// Returns a condition that holds if at least one part holds. Without parts, it never holds.
    pub fn any(conditions: impl IntoIterator<Item = Condition>) -> Condition {
        let mut parts = Vec::new();
        for condition in conditions {
            match condition.0 {
                Node::Any(inner) if parts.is_empty() => parts = inner,
                Node::Any(inner) => parts.extend(inner),
                other => parts.push(Condition(other)),
            }
        }
        match parts.pop() {
            None => !Condition::ALWAYS,
            Some(only) if parts.is_empty() => only,
            Some(last) => {
                parts.push(last);
                Condition(Node::Any(parts))
            }
        }
    }

    /// Returns a condition that holds if both conditions hold.
    #[must_use]
    pub fn and(self, other: Condition) -> Condition {
        Condition::all([self, other])
    }

    /// Returns a condition that holds if at least one of the two conditions holds.
    #[must_use]
    pub fn or(self, other: Condition) -> Condition {
        Condition::any([self, other])
    }

    /// Returns true if the condition holds for these facts.
    ///
    /// A comparison with a missing fact, or between different types, does not hold. Evaluation cannot fail.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        match &self.0 {
            Node::Always => true,
            Node::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Node::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Node::Not(inner) => !inner.holds(facts),
            Node::Compare(field, Comparison::Matches(other)) => {
                let values = facts.fact(field).zip(facts.fact(other));
                values.is_some_and(|(fact, value)| comparison::shares([field, other], &fact, &value))
            }
            Node::Compare(field, Comparison::Shares(value)) => {
                facts.fact(field).is_some_and(|fact| comparison::shares([field, field], &fact, value))
            }
            Node::Compare(field, comparison) => {
                facts.fact(field).is_some_and(|fact| comparison.accepts(&fact, facts.now()))
            }
        }
    }

    /// Returns bounds for an instant: all facts for which the condition holds have a value of this field between them.
    /// `None` if the condition does not limit the value.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn instants_of(
        &self,
        name: &str,
        now: Option<DateTime<Utc>>,
    ) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
        let parts = match &self.0 {
            Node::All(parts) => parts.as_slice(),
            _ => std::slice::from_ref(self),
        };
        let (mut earliest, mut latest) = (None, None);
        for part in parts {
            let Node::Compare(field, comparison) = &part.0 else { continue };
            let instant = |value: &Value| match value {
                Value::Instant(at) => Some(*at),
                _ => None,
            };
            let relative = |offset: &Offset| now.and_then(|now| now.checked_add_signed(offset.time()));
            let (from, until) = match comparison {
                _ if field != name => (None, None),
                Comparison::Is(value) => (instant(value), instant(value)),
                Comparison::AtLeast(value) | Comparison::MoreThan(value) => (instant(value), None),
                Comparison::AtMost(value) | Comparison::LessThan(value) => (None, instant(value)),
                Comparison::Before(offset) => (None, relative(offset)),
                Comparison::After(offset) => (relative(offset), None),
                _ => (None, None),
            };
            earliest = earliest.max(from);
            latest = [latest, until].into_iter().flatten().min();
        }
        (earliest, latest)
    }

    /// True if the condition holds only if this comparison with a yes/no value holds.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn requires(&self, name: &str, value: bool) -> bool {
        let parts = match &self.0 {
            Node::All(parts) => parts.as_slice(),
            _ => std::slice::from_ref(self),
        };
        let wanted = Comparison::Is(Value::Bool(value));
        parts.iter().any(|part| matches!(&part.0, Node::Compare(field, it) if field == name && *it == wanted))
    }

    /// Returns the field and the comparison if this is a negation that has its own written form, `is_not` or
    /// `exists: false`.
    fn as_negated_comparison(&self) -> Option<(&str, &Comparison)> {
        let Node::Not(inner) = &self.0 else { return None };
        match &inner.0 {
            Node::Compare(field, is @ (Comparison::Is(_) | Comparison::Exists)) => Some((field, is)),
            _ => None,
        }
    }
}

/// `!condition` holds if and only if `condition` does not.
impl ops::Not for Condition {
    type Output = Condition;

    fn not(self) -> Condition {
        match self.0 {
            Node::Not(inner) => *inner,
            other => Condition(Node::Not(Box::new(Condition(other)))),
        }
    }
}

/// The field of an unfinished comparison, returned by [`Condition::field`].
#[derive(Debug, Clone)]
#[must_use = "a field alone is not a condition; compare it with a value"]
pub struct Field(String);

impl Field {
    fn compare(self, comparison: Comparison) -> Condition {
        Condition(Node::Compare(self.0, comparison))
    }

    /// Holds if the fact equals the value.
    pub fn is(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::Is(value.into()))
    }

    /// Holds if the fact is missing or does not equal the value. This is the exact negation of [`is`](Field::is).
    ///
    /// ```
    /// use firstline::Condition;
    ///
    /// assert!(Condition::field("company").is_not("Acme").holds(&()));
    /// assert!(!Condition::field("company").is("Acme").holds(&()));
    /// ```
    pub fn is_not(self, value: impl Into<Value>) -> Condition {
        !self.is(value)
    }

    /// Holds if the fact equals one of the values.
    pub fn one_of(self, values: impl IntoIterator<Item: Into<Value>>) -> Condition {
        self.compare(Comparison::OneOf(values.into_iter().map(Into::into).collect()))
    }

    /// Holds if the number is greater than or equal to the value, or the date or instant is not earlier.
    pub fn at_least(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::AtLeast(value.into()))
    }

    /// Holds if the number is less than or equal to the value, or the date or instant is not later.
    pub fn at_most(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::AtMost(value.into()))
    }

    /// Holds if the number is greater than the value, or the date or instant is later.
    pub fn more_than(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::MoreThan(value.into()))
    }

    /// Holds if the number is less than the value, or the date or instant is earlier.
    pub fn less_than(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::LessThan(value.into()))
    }

    /// Holds if the instant is earlier than the current time plus this offset, in whole seconds. A negative offset is in
    /// the past.
    ///
    /// ```
    /// use firstline::{Condition, TimeDelta};
    ///
    /// let untouched = Condition::field("touched_at").before(-TimeDelta::days(7));
    /// let due_soon = Condition::field("due_at").before(TimeDelta::hours(2));
    /// assert_eq!(untouched.to_string(), "touched_at is before 7d ago");
    /// assert_eq!(due_soon.to_string(), "due_at is before 2h from now");
    /// ```
    pub fn before(self, offset: TimeDelta) -> Condition {
        self.compare(Comparison::Before(Offset::new(offset)))
    }

    /// Holds if the instant is later than the current time plus this offset, in whole seconds. A negative offset is in
    /// the past.
    pub fn after(self, offset: TimeDelta) -> Condition {
        self.compare(Comparison::After(Offset::new(offset)))
    }

    /// Holds if the list has exactly this item, or the text contains this text. Case is ignored within a text.
    pub fn contains(self, text: impl Into<String>) -> Condition {
        self.compare(Comparison::Contains(text.into()))
    }

    /// Holds if the text begins with this text, ignoring case.
    pub fn starts_with(self, text: impl Into<String>) -> Condition {
        self.compare(Comparison::StartsWith(text.into()))
    }

    /// Holds if the fact has a value in common with this one: it equals the value, or one of them is a list that has the
    /// other or one of its items. Ids must have the same characters, and other texts the same normal form.
    ///
    /// ```
    /// use firstline::{Attributes, Condition, Value};
    ///
    /// let facts = Attributes::from([("tags".to_owned(), Value::from(["refund", "vip"]))]);
    /// assert!(Condition::field("tags").shares(["vip", "press"]).holds(&facts));
    /// assert!(!Condition::field("tags").shares(["press"]).holds(&facts));
    /// ```
    pub fn shares(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::Shares(value.into()))
    }

    /// Holds if the fact has a value in common with another field, as [`shares`](Field::shares) says. It does not hold if
    /// one of the two is missing.
    ///
    /// ```
    /// use firstline::{Attributes, Condition, Value};
    ///
    /// let own_team = Condition::field("team").matches("actor.teams");
    /// let facts = Attributes::from([
    ///     ("team".to_owned(), Value::from("payments")),
    ///     ("actor.teams".to_owned(), Value::from(["audio", "payments"])),
    /// ]);
    /// assert!(own_team.holds(&facts));
    /// ```
    pub fn matches(self, field: impl Into<String>) -> Condition {
        self.compare(Comparison::Matches(field.into()))
    }

    /// Holds if the fact exists, with any value.
    pub fn exists(self) -> Condition {
        self.compare(Comparison::Exists)
    }

    /// Holds if the fact is missing.
    pub fn missing(self) -> Condition {
        !self.exists()
    }
}

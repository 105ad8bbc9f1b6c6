//! Conditions: one small language for priority modifiers, policies, guards and rules.
//!
//! A [`Condition`] compares named facts with values, and combines comparisons with *all*, *any* and *not*. It
//! can be written in code, in JSON or in TOML; it prints itself in words, and it can be checked against the
//! fields that a desk knows, so that a misspelt field is refused when a definition is built and does not wait
//! silently for a ticket that never comes.
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
//! | written as | holds when the fact |
//! |---|---|
//! | `is`, `is_not` | equals the value; does not |
//! | `one_of` | equals one of several values |
//! | `at_least`, `at_most`, `more_than`, `less_than` | is an integer, a date or an instant on that side of the value |
//! | `contains` | is a list with exactly this item, or a text with these words somewhere in it |
//! | `starts_with` | is a text that begins so |
//! | `exists` | is there (`true`), or is missing (`false`) |
//!
//! Texts are equal when they are the same, letter by letter; only `contains` and `starts_with` *within a text*
//! ignore case, because they look into what people typed.
//!
//! # Missing facts
//!
//! A comparison with a missing fact does not hold, nor does one between values of different types. The two
//! opposites are exact opposites: `is_not` is `not is`, so it *does* hold when the fact is missing ("the company
//! is not Acme" is true of somebody without a company), and `exists: false` is `not exists`. Ask for both
//! where the difference matters: `{"all": [{"field": "company", "exists": true}, {"field": "company", "is_not": "Acme"}]}`.

mod comparison;
mod fields;
mod form;
mod words;

use std::borrow::Cow;
use std::ops;

use crate::value::{Attributes, Value};
use comparison::Comparison;

pub use fields::{FieldType, Fields};

/// How deep a condition may nest: the comparison in `{"not": {"all": [{…}]}}` is on level 3.
///
/// What is read from JSON or TOML is refused beyond it, and so is what was built in code when it is
/// [checked](Condition::check), so that no stored definition can exhaust the stack.
pub const MAX_DEPTH: usize = 32;

/// What is known of the ticket, the person, the message at hand: the left-hand sides of comparisons.
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
    /// The value of this field; `None` when it is not known.
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>>;
}

/// Nothing is known.
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

/// A condition on facts; see the [module](self) for the comparisons and the written form.
///
/// It is kept in a simple form, so that conditions which differ only in brackets are equal: an *all* within an
/// *all* is flattened, a double *not* vanishes, and an *all* or *any* has two parts at least.
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
    /// The condition that always holds; its negation never does. Written as `"always"`.
    pub const ALWAYS: Condition = Condition(Node::Always);

    /// Starts a comparison with this field.
    pub fn field(name: impl Into<String>) -> Field {
        Field(name.into())
    }

    /// Holds when all of these do; with none of them, always.
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

    /// Holds when at least one of these does; with none of them, never.
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

    /// Holds when both do.
    #[must_use]
    pub fn and(self, other: Condition) -> Condition {
        Condition::all([self, other])
    }

    /// Holds when at least one of the two does.
    #[must_use]
    pub fn or(self, other: Condition) -> Condition {
        Condition::any([self, other])
    }

    /// Whether the condition holds for these facts. A comparison with a missing fact, or between different
    /// types, does not; nothing here can fail.
    pub fn holds(&self, facts: &dyn Facts) -> bool {
        match &self.0 {
            Node::Always => true,
            Node::All(parts) => parts.iter().all(|part| part.holds(facts)),
            Node::Any(parts) => parts.iter().any(|part| part.holds(facts)),
            Node::Not(inner) => !inner.holds(facts),
            Node::Compare(field, comparison) => {
                facts.fact(field).is_some_and(|fact| comparison.accepts(&fact))
            }
        }
    }

    /// The field and comparison of a negation which has a name of its own: `is_not`, and `exists: false`.
    fn as_opposite(&self) -> Option<(&str, &Comparison)> {
        let Node::Not(inner) = &self.0 else { return None };
        match &inner.0 {
            Node::Compare(field, is @ (Comparison::Is(_) | Comparison::Exists)) => Some((field, is)),
            _ => None,
        }
    }
}

/// `!condition` holds exactly when the condition does not.
impl ops::Not for Condition {
    type Output = Condition;

    fn not(self) -> Condition {
        match self.0 {
            Node::Not(inner) => *inner,
            other => Condition(Node::Not(Box::new(Condition(other)))),
        }
    }
}

/// A field about to be compared: the first half of a comparison, made by [`Condition::field`].
#[derive(Debug, Clone)]
#[must_use = "a field alone says nothing; compare it with a value"]
pub struct Field(String);

impl Field {
    fn compare(self, comparison: Comparison) -> Condition {
        Condition(Node::Compare(self.0, comparison))
    }

    /// The fact equals the value.
    pub fn is(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::Is(value.into()))
    }

    /// The fact does not equal the value. This holds for a missing fact too: it is the opposite of
    /// [`is`](Field::is).
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

    /// The fact equals one of the values.
    pub fn one_of(self, values: impl IntoIterator<Item: Into<Value>>) -> Condition {
        self.compare(Comparison::OneOf(values.into_iter().map(Into::into).collect()))
    }

    /// The integer, date or instant is this one, greater or later.
    pub fn at_least(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::AtLeast(value.into()))
    }

    /// The integer, date or instant is this one, smaller or earlier.
    pub fn at_most(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::AtMost(value.into()))
    }

    /// The integer, date or instant is greater or later.
    pub fn more_than(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::MoreThan(value.into()))
    }

    /// The integer, date or instant is smaller or earlier.
    pub fn less_than(self, value: impl Into<Value>) -> Condition {
        self.compare(Comparison::LessThan(value.into()))
    }

    /// The list has exactly this item, or the text has these words somewhere, in upper or lower case.
    pub fn contains(self, wanted: impl Into<String>) -> Condition {
        self.compare(Comparison::Contains(wanted.into()))
    }

    /// The text begins so, in upper or lower case.
    pub fn starts_with(self, wanted: impl Into<String>) -> Condition {
        self.compare(Comparison::StartsWith(wanted.into()))
    }

    /// The fact is there, whatever its value.
    pub fn exists(self) -> Condition {
        self.compare(Comparison::Exists)
    }

    /// The fact is not there.
    pub fn missing(self) -> Condition {
        !self.exists()
    }
}

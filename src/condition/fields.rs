//! The fields a condition may use, and the check of a condition against them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::comparison::Comparison;
use super::words::Quoted;
use super::{Condition, MAX_DEPTH, Node};
use crate::error::{Error, Result};
use crate::suggest;
use crate::value::Value;

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldType {
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// Several texts.
    List,
    /// A calendar date.
    Date,
    /// An instant.
    Instant,
}

impl FieldType {
    /// The type of this value.
    pub fn of(value: &Value) -> FieldType {
        match value {
            Value::Bool(_) => FieldType::Bool,
            Value::Integer(_) => FieldType::Integer,
            Value::Text(_) => FieldType::Text,
            Value::List(_) => FieldType::List,
            Value::Date(_) => FieldType::Date,
            Value::Instant(_) => FieldType::Instant,
        }
    }

    /// The comparisons that make sense for values of this type.
    fn comparisons(self) -> &'static [&'static str] {
        match self {
            FieldType::Bool => &["is", "is_not", "exists"],
            FieldType::Integer | FieldType::Date | FieldType::Instant => {
                &["is", "is_not", "one_of", "at_least", "at_most", "more_than", "less_than", "exists"]
            }
            FieldType::Text => &["is", "is_not", "one_of", "contains", "starts_with", "exists"],
            FieldType::List => &["is", "is_not", "contains", "exists"],
        }
    }
}

/// The same words as [`Value::type_name`].
impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FieldType::Bool => "yes/no",
            FieldType::Integer => "integer",
            FieldType::Text => "text",
            FieldType::List => "list",
            FieldType::Date => "date",
            FieldType::Instant => "instant",
        })
    }
}

/// The fields that conditions may use somewhere, with their types.
///
/// ```
/// use firstline::condition::{FieldType, Fields};
///
/// // Attributes of people are named by the host, so their names cannot all be known beforehand.
/// let fields = Fields::new()
///     .with("priority", FieldType::Integer)
///     .with("contact.vip", FieldType::Bool)
///     .with_any_under("contact.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    known: BTreeMap<String, FieldType>,
    open: BTreeSet<String>,
}

impl Fields {
    /// No fields yet.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Allows this field, whose values have this type. A field named again has the later type.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, kind: FieldType) -> Fields {
        self.known.insert(name.into(), kind);
        self
    }

    /// Allows every field whose name begins so, with values of any type.
    #[must_use]
    pub fn with_any_under(mut self, prefix: impl Into<String>) -> Fields {
        self.open.insert(prefix.into());
        self
    }

    /// The fields that every ticket has. Attributes of people are the host's, so any of them is known.
    pub(crate) fn of_every_ticket() -> Fields {
        ["kind", "channel", "line", "category", "team", "assignee", "requester"]
            .into_iter()
            .fold(Fields::new(), |fields, name| fields.with(name, FieldType::Text))
            .with("tags", FieldType::List)
            .with_any_under("contact.")
    }

    /// The names that are known one by one.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Whether a condition may use this field.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.is_open(name)
    }

    /// Whether this name is one of those of which any is allowed.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.open.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
    }
}

/// The names, for messages: `contact.vip, priority, contact.…`.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let open = self.open.iter().map(|prefix| format!("{prefix}…"));
        let names: Vec<String> = self.known.keys().cloned().chain(open).collect();
        f.write_str(if names.is_empty() { "no field" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl Condition {
    /// Refuses a condition that uses an unknown field, compares a field with a value of another type, or in a
    /// way that makes no sense for its type.
    ///
    /// Whoever keeps conditions in a definition calls this once when the definition is built;
    /// [`holds`](Condition::holds) then need not fail.
    ///
    /// ```
    /// use firstline::Condition;
    /// use firstline::condition::{FieldType, Fields};
    ///
    /// let fields = Fields::new().with("contact.vip", FieldType::Bool).with("priority", FieldType::Integer);
    /// assert!(Condition::field("contact.vip").is(true).check(&fields).is_ok());
    ///
    /// let error = Condition::field("contat.vip").is(true).check(&fields).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "condition: the field \"contat.vip\" is not known (did you mean \"contact.vip\"?); \
    ///      fields: contact.vip, priority",
    /// );
    /// ```
    ///
    /// # Errors
    ///
    /// A [definition](crate::ErrorKind::Definition) error that names every fault: a field that is not among
    /// `fields`; a value of another type than its field; a comparison that the type does not allow; a
    /// comparison that could never or always hold (`one_of` nothing, `contains` an empty text); nesting beyond
    /// [`MAX_DEPTH`].
    pub fn check(&self, fields: &Fields) -> Result<()> {
        let faults = self.faults(Some(fields));
        if faults.is_empty() { Ok(()) } else { Err(Error::definition("condition", faults.join("; "))) }
    }

    /// The fields it uses that are not among these.
    pub(crate) fn unknown_fields(&self, fields: &Fields) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used.retain(|it| !fields.knows(it));
        used
    }

    /// Whether it uses a field whose name begins so.
    pub(crate) fn mentions(&self, prefix: &str) -> bool {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used.iter().any(|it| it.starts_with(prefix))
    }

    /// Every field it uses. What nests too deeply to be checked is a fault already and looked at no further.
    fn fields_into<'a>(&'a self, used: &mut BTreeSet<&'a str>) {
        let mut waiting = vec![(self, 1)];
        while let Some((condition, level)) = waiting.pop() {
            match &condition.0 {
                _ if level > 2 * MAX_DEPTH => {}
                Node::Always => {}
                Node::All(parts) | Node::Any(parts) => waiting.extend(parts.iter().map(|it| (it, level + 1))),
                Node::Not(inner) => waiting.push((inner, level + 1)),
                Node::Compare(field, _) => {
                    used.insert(field);
                }
            }
        }
    }

    /// What is wrong with the condition. Where the fields are not known yet, only what is wrong whatever they are.
    pub(crate) fn faults(&self, fields: Option<&Fields>) -> Vec<String> {
        let mut check = Check { fields, faults: Vec::new(), unknown: false };
        check.condition(self, 1);
        if let (true, Some(fields)) = (check.unknown, fields) {
            check.faults.push(format!("fields: {fields}"));
        }
        check.faults
    }
}

struct Check<'a> {
    fields: Option<&'a Fields>,
    faults: Vec<String>,
    unknown: bool,
}

impl Check<'_> {
    fn condition(&mut self, condition: &Condition, level: usize) {
        if level > MAX_DEPTH {
            let fault = format!("a condition may nest {MAX_DEPTH} levels deep at most");
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
            return;
        }
        if let Some((field, comparison)) = condition.as_opposite() {
            return self.comparison(field, comparison);
        }
        match &condition.0 {
            Node::Always => {}
            Node::All(parts) | Node::Any(parts) => {
                parts.iter().for_each(|part| self.condition(part, level + 1));
            }
            Node::Not(inner) => self.condition(inner, level + 1),
            Node::Compare(field, comparison) => self.comparison(field, comparison),
        }
    }

    fn comparison(&mut self, field: &str, comparison: &Comparison) {
        let known = self.fields.and_then(|fields| fields.known.get(field).copied());
        if let (None, Some(fields)) = (known, self.fields)
            && !fields.is_open(field)
        {
            let names = fields.known.keys().map(String::as_str);
            self.faults.push(format!("the field {field:?} {}", suggest::unknown(field, names)));
            self.unknown = true;
            return;
        }
        let key = comparison.key();
        let values: &[Value] = match comparison {
            Comparison::OneOf(values) if values.is_empty() => {
                return self.faults.push(format!("{field} one_of needs one value at least"));
            }
            Comparison::OneOf(values) => values,
            Comparison::Is(value)
            | Comparison::AtLeast(value)
            | Comparison::AtMost(value)
            | Comparison::MoreThan(value)
            | Comparison::LessThan(value) => std::slice::from_ref(value),
            Comparison::Contains(wanted) | Comparison::StartsWith(wanted) if wanted.is_empty() => {
                return self.faults.push(format!("{field} {key} an empty text, which says nothing"));
            }
            Comparison::Contains(_) | Comparison::StartsWith(_) | Comparison::Exists => &[],
        };
        // A field of any type takes that of the first value; the others must still agree with it.
        let Some(kind) = known.or_else(|| values.first().map(FieldType::of)) else { return };
        if !kind.comparisons().contains(&key) {
            // Where the type is only that of the value, it is the value that is of the wrong one.
            let what = match (known, values) {
                (None, [value, ..]) => format!("{key} does not take {} ({kind})", Quoted(value)),
                _ => format!("is compared with {key}, which does not suit the type {kind}"),
            };
            return self.faults.push(format!("{field} {what}; suitable: {}", kind.comparisons().join(", ")));
        }
        for value in values.iter().filter(|value| FieldType::of(value) != kind) {
            let (found, value) = (FieldType::of(value), Quoted(value));
            self.faults
                .push(format!("{field} is of the type {kind}, but is compared with {value} ({found})"));
        }
    }
}

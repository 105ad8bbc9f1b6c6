//! The fields that conditions may use, and the check of conditions against them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::comparison::Comparison;
use super::words::Quoted;
use super::{Condition, MAX_DEPTH, Node};
use crate::error::{Error, Result};
use crate::line::Line;
use crate::suggest;
use crate::text;
use crate::value::Value;

/// The type of a field's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ValueType {
    /// True or false.
    Bool,
    /// A whole number.
    Integer,
    /// Text.
    Text,
    /// A list of texts.
    List,
    /// A calendar date.
    Date,
    /// A point in time.
    Instant,
    /// An exact decimal number. It can be compared with whole numbers too.
    Decimal,
}

impl ValueType {
    /// All types.
    pub(super) const ALL: [ValueType; 7] = [
        ValueType::Bool,
        ValueType::Integer,
        ValueType::Text,
        ValueType::List,
        ValueType::Date,
        ValueType::Instant,
        ValueType::Decimal,
    ];

    /// Returns the type of the value.
    pub fn of(value: &Value) -> ValueType {
        match value {
            Value::Bool(_) => ValueType::Bool,
            Value::Integer(_) => ValueType::Integer,
            Value::Text(_) => ValueType::Text,
            Value::List(_) => ValueType::List,
            Value::Date(_) => ValueType::Date,
            Value::Instant(_) => ValueType::Instant,
            Value::Decimal(_) => ValueType::Decimal,
        }
    }

    /// True if a value of this type can have a value in common with one of the other type.
    pub(super) fn shares_values_with(self, other: ValueType) -> bool {
        let is_text = |kind| matches!(kind, ValueType::Text | ValueType::List);
        self == other || (is_text(self) && is_text(other))
    }

    /// Returns true if values of this type can be compared with values of the other type.
    fn takes(self, other: ValueType) -> bool {
        self == other || (self, other) == (ValueType::Decimal, ValueType::Integer)
    }

    /// Returns the keys of the comparisons that values of this type support.
    fn comparisons(self) -> Vec<&'static str> {
        use ValueType::{Bool, Date, Decimal, Instant, Integer, List, Text};
        let supports = |key: &str| match key {
            "is" | "is_not" | "matches" | "exists" => true,
            "one_of" => !matches!(self, Bool | List),
            "at_least" | "at_most" | "more_than" | "less_than" => {
                matches!(self, Integer | Decimal | Date | Instant)
            }
            "before" | "after" => self == Instant,
            "contains" | "shares" => matches!(self, Text | List),
            "starts_with" => self == Text,
            _ => false,
        };
        Comparison::KEYS.into_iter().filter(|key| supports(key)).collect()
    }
}

/// Prints the same names as [`Value::type_name`].
impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::Bool => "yes/no",
            ValueType::Integer => "integer",
            ValueType::Decimal => "decimal",
            ValueType::Text => "text",
            ValueType::List => "list",
            ValueType::Date => "date",
            ValueType::Instant => "instant",
        })
    }
}

/// A set of fields that conditions may use, with their types.
///
/// ```
/// use firstline::condition::{Fields, ValueType};
///
/// // The host application names the attributes of people, so the set allows any name under `contact.`.
/// let fields = Fields::new()
///     .with("priority", ValueType::Integer)
///     .with("contact.vip", ValueType::Bool)
///     .with_any_under("contact.");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fields {
    known: BTreeMap<String, KnownField>,
    prefixes: BTreeSet<String>,
    has_now: bool,
}

/// The type of a field, and the values that it can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownField {
    pub(super) kind: ValueType,
    /// The only values that the field can have, or the only items of a list. `None` if there is no limit.
    pub(super) values: Option<Vec<Value>>,
    /// True if the field is never missing.
    pub(super) always: bool,
}

impl KnownField {
    /// Returns true if the field can have this value.
    pub(super) fn allows(&self, value: &Value) -> bool {
        let Some(values) = &self.values else { return true };
        match value {
            Value::List(items) => {
                items.iter().all(|item| values.iter().any(|it| matches!(it, Value::Text(it) if it == item)))
            }
            value => values.contains(value),
        }
    }
}

impl Fields {
    /// Creates an empty set.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Adds a field with this type. Adding a field again replaces its type.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, kind: ValueType) -> Fields {
        self.known.insert(name.into(), KnownField { kind, values: None, always: false });
        self
    }

    /// Adds a field that is never missing.
    #[must_use]
    pub(crate) fn of_every_ticket_with(mut self, name: impl Into<String>, kind: ValueType) -> Fields {
        self.known.insert(name.into(), KnownField { kind, values: None, always: true });
        self
    }

    /// Adds the fields that were allowed by a prefix alone, if these conditions compare them with values of one type.
    #[must_use]
    pub(crate) fn with_types_in<'a>(mut self, conditions: impl IntoIterator<Item = &'a Condition>) -> Fields {
        let mut types: BTreeMap<&str, BTreeSet<ValueType>> = BTreeMap::new();
        for condition in conditions {
            for (field, comparison) in condition.comparisons() {
                types.entry(field).or_default().extend(comparison.values().iter().map(ValueType::of));
            }
        }
        for (field, types) in types {
            if let (Some(kind), 1, None) = (types.first(), types.len(), self.get(field)) {
                self.known.insert(field.to_owned(), KnownField { kind: *kind, values: None, always: false });
            }
        }
        self
    }

    /// Limits the values of a field that was added before, or the items of a list.
    #[must_use]
    pub(crate) fn with_values(mut self, name: &str, values: impl IntoIterator<Item: Into<Value>>) -> Fields {
        if let Some(field) = self.known.get_mut(name) {
            field.values = Some(values.into_iter().map(Into::into).collect());
        }
        self
    }

    /// Removes a field.
    pub(crate) fn without(mut self, name: &str) -> Fields {
        self.known.remove(name);
        self
    }

    /// Removes a prefix.
    pub(crate) fn without_any_under(mut self, prefix: &str) -> Fields {
        self.prefixes.remove(prefix);
        self
    }

    /// Allows every field with this prefix, with values of any type. The prefix alone is not a field.
    #[must_use]
    pub fn with_any_under(mut self, prefix: impl Into<String>) -> Fields {
        self.prefixes.insert(prefix.into());
        self
    }

    /// Allows `before` and `after`, which compare an instant with the current time: the facts have a
    /// [current time](super::Facts::now).
    #[must_use]
    pub fn with_now(mut self) -> Fields {
        self.has_now = true;
        self
    }

    /// Adds the priority, for a matrix that is not known.
    #[must_use]
    pub(crate) fn with_any_priority(self) -> Fields {
        self.of_every_ticket_with("priority", ValueType::Integer)
    }

    /// Returns the fields of every ticket. The host names the attributes of people, so every `contact.NAME` is allowed.
    pub(crate) fn of_every_ticket() -> Fields {
        let optional = ["category", "team", "assignee", "requester"];
        let fields =
            optional.into_iter().fold(Fields::new(), |fields, name| fields.with(name, ValueType::Text));
        ["kind", "channel", "line"]
            .into_iter()
            .fold(fields, |fields, name| fields.of_every_ticket_with(name, ValueType::Text))
            .with_values("line", Line::ALL.map(Line::name))
            .of_every_ticket_with("tags", ValueType::List)
            .with("affected", ValueType::List)
            .with("cc", ValueType::List)
            .with("contacts", ValueType::List)
            .with_any_under("contact.")
    }

    /// Returns the type of a field; `None` if the field is unknown or values of any type are allowed.
    pub(crate) fn type_of(&self, name: &str) -> Option<ValueType> {
        self.known.get(name).map(|known| known.kind)
    }

    /// Returns true if values of any type are allowed for this field.
    pub(crate) fn may_have_any_type(&self, name: &str) -> bool {
        !self.known.contains_key(name) && self.is_open(name)
    }

    /// Returns the names of the individual fields, without prefixes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// Returns what is known of a field that was added by its name.
    pub(super) fn get(&self, name: &str) -> Option<&KnownField> {
        self.known.get(name)
    }

    /// Returns true if a condition may use this field.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.is_open(name)
    }

    /// Keeps only the fields with these names.
    #[must_use]
    pub(crate) fn only(mut self, names: &[&str]) -> Fields {
        self.known.retain(|name, _| names.contains(&name.as_str()));
        self.prefixes.clear();
        self
    }

    /// Returns true if the name has one of the allowed prefixes.
    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.len() > prefix.len() && name.starts_with(prefix))
    }
}

/// Prints the names, such as `contact.vip, priority, contact.…`.
impl fmt::Display for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes = self.prefixes.iter().map(|prefix| format!("{prefix}…"));
        let names: Vec<String> = self.known.keys().cloned().chain(prefixes).collect();
        f.write_str(if names.is_empty() { "none" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

impl Condition {
    /// Checks the condition against the known fields and their types.
    ///
    /// Call this once, when a definition that contains the condition is built. [`holds`](Condition::holds) does not
    /// report errors.
    ///
    /// ```
    /// use firstline::Condition;
    /// use firstline::condition::{Fields, ValueType};
    ///
    /// let fields = Fields::new().with("contact.vip", ValueType::Bool).with("priority", ValueType::Integer);
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
    /// A [definition](crate::ErrorKind::Definition) error that lists all faults:
    ///
    /// - a field is not in `fields`;
    /// - a value has a different type than its field;
    /// - the type of a field does not support the comparison;
    /// - a comparison with the current time, if the facts have none;
    /// - a comparison is empty: `one_of` without values, `contains` or `starts_with` with an empty text;
    /// - the condition nests deeper than [`MAX_DEPTH`].
    pub fn check(&self, fields: &Fields) -> Result<()> {
        let faults = self.faults(Some(fields));
        if faults.is_empty() {
            return Ok(());
        }
        // A condition may come from anybody who searches.
        let faults: Vec<_> = faults.iter().map(|fault| text::shown(fault)).collect();
        Err(Error::definition("condition", faults.join("; ")))
    }

    /// Returns the fields used in the condition that are not in `fields`.
    pub(crate) fn unknown_fields(&self, fields: &Fields) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used.retain(|it| !fields.knows(it));
        used
    }

    /// Returns the fields used in the condition.
    pub(crate) fn fields(&self) -> BTreeSet<&str> {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used
    }

    /// Returns true if the condition uses a field with this prefix.
    pub(crate) fn mentions(&self, prefix: &str) -> bool {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used.iter().any(|it| it.starts_with(prefix))
    }

    /// Returns true if the condition uses this field.
    pub(crate) fn uses(&self, field: &str) -> bool {
        let mut used = BTreeSet::new();
        self.fields_into(&mut used);
        used.contains(field)
    }

    /// Collects the fields used in the condition.
    fn fields_into<'a>(&'a self, used: &mut BTreeSet<&'a str>) {
        let compared = self.comparisons().into_iter();
        used.extend(
            compared.flat_map(|(field, comparison)| [Some(field), comparison.other_field()]).flatten(),
        );
    }

    /// Returns the comparisons in the condition, down to twice [`MAX_DEPTH`]. Deeper nesting is already a fault.
    pub(super) fn comparisons(&self) -> Vec<(&str, &Comparison)> {
        let mut found = Vec::new();
        let mut pending = vec![(self, 1)];
        while let Some((condition, level)) = pending.pop() {
            match &condition.0 {
                _ if level > 2 * MAX_DEPTH => {}
                Node::Always => {}
                Node::All(parts) | Node::Any(parts) => pending.extend(parts.iter().map(|it| (it, level + 1))),
                Node::Not(inner) => pending.push((inner, level + 1)),
                Node::Compare(field, comparison) => found.push((field.as_str(), comparison)),
            }
        }
        found
    }

    /// Returns the faults of the condition. `None` skips the checks that need the known fields.
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
            let fault = format!("a condition may nest at most {MAX_DEPTH} levels deep");
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
            return;
        }
        if let Some((field, comparison)) = condition.as_negated_comparison() {
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
        let is_known = self.field(field);
        let knows_other = comparison.other_field().is_none_or(|other| self.field(other));
        if !is_known || !knows_other {
            return;
        }
        let declared = self.fields.and_then(|fields| fields.get(field));
        let known = declared.map(|it| it.kind);
        let key = comparison.key();
        let values = comparison.values();
        match comparison {
            Comparison::OneOf(values) if values.is_empty() => {
                return self.faults.push(format!("{field} one_of needs at least one value"));
            }
            Comparison::Shares(Value::List(items)) if items.is_empty() => {
                return self.faults.push(format!("{field} shares needs at least one value"));
            }
            Comparison::Contains(text) | Comparison::StartsWith(text) if text.is_empty() => {
                return self.faults.push(format!("{field} {key} needs a text that is not empty"));
            }
            Comparison::Before(_) | Comparison::After(_)
                if self.fields.is_some_and(|fields| !fields.has_now) =>
            {
                let fault = format!("{field} {comparison} needs the current time, which only queries have");
                return self.faults.push(fault);
            }
            _ => {}
        }
        if let Comparison::Matches(other) = comparison {
            let other_kind = self.fields.and_then(|fields| fields.type_of(other));
            if let (Some(kind), Some(other_kind)) = (known, other_kind)
                && !kind.shares_values_with(other_kind)
            {
                self.faults.push(format!("{field} has type {kind}, but {other} has type {other_kind}"));
            }
            return;
        }
        // A field without a known type gets the type of the first value, or of a decimal among whole numbers. The other
        // values must have the same type.
        let kinds = || values.iter().map(ValueType::of);
        let first = || kinds().reduce(|first, other| if other.takes(first) { other } else { first });
        let Some(kind) = known.or_else(first) else { return };
        if !kind.comparisons().contains(&key) {
            // If the type was taken from a value, the message names the value instead of the field's type.
            let problem = match (known, values) {
                (None, [value, ..]) => format!("{key} does not take {} ({kind})", Quoted(value)),
                _ => format!("has type {kind}, which does not support {key}"),
            };
            return self
                .faults
                .push(format!("{field} {problem}; supported: {}", kind.comparisons().join(", ")));
        }
        let is_comparable = |value: &&Value| match comparison {
            Comparison::Shares(_) => kind.shares_values_with(ValueType::of(value)),
            _ => kind.takes(ValueType::of(value)),
        };
        for value in values.iter().filter(|value| !is_comparable(value)) {
            let (found, value) = (ValueType::of(value), Quoted(value));
            self.faults.push(format!("{field} has type {kind}, but is compared with {value} ({found})"));
        }
        if let Some(declared) = declared {
            self.impossible_values(field, declared, comparison);
        }
    }

    /// Reports a field that is not known. Returns true if it is known.
    fn field(&mut self, field: &str) -> bool {
        let Some(fields) = self.fields.filter(|fields| !fields.knows(field)) else { return true };
        let prefixed = ["field.", "contact."].map(|prefix| format!("{prefix}{field}"));
        let unknown = match prefixed.iter().find(|name| fields.get(name).is_some()) {
            Some(name) => format!("is not known (did you mean {name:?}?)"),
            None => suggest::unknown(field, fields.names()),
        };
        self.faults.push(format!("the field {field:?} {unknown}"));
        self.unknown = true;
        false
    }

    /// Reports values that the field never has.
    fn impossible_values(&mut self, field: &str, declared: &KnownField, comparison: &Comparison) {
        let Some(allowed) = &declared.values else { return };
        let item = match comparison {
            Comparison::Contains(text) if declared.kind == ValueType::List => {
                vec![Value::from(text.as_str())]
            }
            Comparison::Is(value) if ValueType::of(value) == declared.kind => vec![value.clone()],
            Comparison::OneOf(values) => values.clone(),
            _ => return,
        };
        let possible = |it: &Value| {
            declared.allows(it) || (declared.kind != ValueType::List && ValueType::of(it) != declared.kind)
        };
        for value in item.iter().filter(|it| !possible(it)) {
            let names: Vec<String> = allowed.iter().map(Value::to_string).collect();
            let nearest = suggest::nearest(&value.to_string(), names.iter().map(String::as_str));
            let hint = nearest.map_or_else(String::new, |name| format!(" (did you mean {name:?}?)"));
            self.faults.push(format!(
                "{field} is never {}{hint}; allowed: {}",
                Quoted(value),
                names.join(", ")
            ));
        }
    }
}

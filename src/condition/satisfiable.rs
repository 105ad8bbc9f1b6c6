//! Decides whether a condition can hold for any facts.
//!
//! For each field there is a short list of values that represents all others: two values that satisfy the same
//! comparisons are the same to the condition. The search assigns these values field by field and stops as soon as the
//! condition holds.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::comparison::Comparison;
use super::fields::{Fields, KnownField, ValueType};
use super::{Condition, Node};
use crate::decimal::Decimal;
use crate::diagnostic::DiagnosticKind;
use crate::suggest;
use crate::value::Value;

/// A character that no comparison contains, so that texts joined with it contain nothing new.
const SEPARATOR: char = '\u{10FFFD}';
/// The maximum number of texts of `contains` and `starts_with` for one field. The values are their subsets.
const MAX_TEXTS: usize = 8;

/// The work for one condition, a few milliseconds.
const BUDGET: usize = 200_000;

/// A limit on the work of several searches. Once it is used up, every condition counts as one that can hold.
#[derive(Debug)]
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    /// Creates a budget of this many visits of parts of conditions. A million takes about ten milliseconds.
    pub(crate) fn new(visits: usize) -> Budget {
        Budget(Cell::new(visits))
    }

    /// Counts one visit. `None` if the budget is used up.
    fn spend(&self) -> Option<()> {
        self.0.set(self.0.get().checked_sub(1)?);
        Some(())
    }
}

impl Condition {
    /// Returns the faults of the condition, including that it can never hold.
    pub(crate) fn diagnose(&self, fields: &Fields) -> Vec<(DiagnosticKind, String)> {
        let unknown = self.unknown_fields(fields);
        let mut found: Vec<(DiagnosticKind, String)> = unknown
            .iter()
            .map(|field| {
                let meant = suggest::unknown(field, fields.names());
                (DiagnosticKind::UnknownField, format!("the field {field:?} {meant}; fields: {fields}"))
            })
            .collect();
        // Comparisons are checked against the field types only if all fields are known.
        let faults = self.faults(unknown.is_empty().then_some(fields));
        found.extend(faults.into_iter().map(|fault| (DiagnosticKind::BadCondition, fault)));
        if found.is_empty() && !self.can_hold(fields, &Budget::new(BUDGET)) {
            found.push((DiagnosticKind::NeverHolds, format!("the condition can never hold: {self}")));
        }
        found
    }

    /// Returns false if no ticket with these fields can satisfy the condition.
    ///
    /// Returns true if the condition is too complex to decide. Nesting must be limited, as [`Condition::check`] does.
    pub(crate) fn can_hold(&self, fields: &Fields, budget: &Budget) -> bool {
        let relaxed = self.relaxed(true);
        let mut compared: BTreeMap<&str, Vec<&Comparison>> = BTreeMap::new();
        for (field, comparison) in relaxed.comparisons() {
            compared.entry(field).or_default().push(comparison);
        }
        let mut choices = Vec::new();
        for (field, comparisons) in compared {
            match representatives(fields.get(field), fields.is_open(field), &comparisons) {
                Some(values) => choices.push((field, values)),
                None => return true,
            }
        }
        search(&relaxed, &choices, &mut BTreeMap::new(), budget).unwrap_or(true)
    }

    /// Replaces the comparisons with the current time or with other fields, whose values are not known. They become `holds`,
    /// and the opposite inside a negation, so that the result holds whenever the condition does.
    fn relaxed(&self, holds: bool) -> Condition {
        match &self.0 {
            Node::Always => Condition::ALWAYS,
            Node::All(parts) => Condition::all(parts.iter().map(|part| part.relaxed(holds))),
            Node::Any(parts) => match parts.iter().map(|part| part.relaxed(holds)).collect::<Vec<_>>() {
                parts if parts.contains(&Condition::ALWAYS) => Condition::ALWAYS,
                parts => Condition::any(parts),
            },
            Node::Not(inner) => !inner.relaxed(!holds),
            Node::Compare(_, comparison) => {
                let is_open = comparison.needs_now()
                    || matches!(comparison, Comparison::Shares(_) | Comparison::Matches(_));
                match is_open {
                    true if holds => Condition::ALWAYS,
                    true => Condition::never(),
                    false => self.clone(),
                }
            }
        }
    }
}

/// The values chosen so far. `None` is a missing fact.
type Chosen<'a> = BTreeMap<&'a str, &'a Option<Value>>;

/// Returns true if some choice of values for the remaining fields satisfies the condition. `None` if the budget is used
/// up.
fn search<'a>(
    condition: &Condition,
    choices: &'a [(&'a str, Vec<Option<Value>>)],
    chosen: &mut Chosen<'a>,
    budget: &Budget,
) -> Option<bool> {
    if let Some(verdict) = verdict(condition, chosen, budget)? {
        return Some(verdict);
    }
    let Some(((field, values), rest)) = choices.split_first() else { return Some(false) };
    for value in values {
        chosen.insert(field, value);
        if search(condition, rest, chosen, budget)? {
            return Some(true);
        }
    }
    chosen.remove(field);
    Some(false)
}

/// Returns the truth of the condition, as far as the chosen values decide it. The outer `None` means that the budget is
/// used up.
fn verdict(condition: &Condition, chosen: &Chosen<'_>, budget: &Budget) -> Option<Option<bool>> {
    budget.spend()?;
    // An `all` is decided by a false part, an `any` by a true one.
    let list = |parts: &[Condition], decisive: bool| {
        let mut all_known = true;
        for part in parts {
            match verdict(part, chosen, budget)? {
                Some(truth) if truth == decisive => return Some(Some(decisive)),
                Some(_) => {}
                None => all_known = false,
            }
        }
        Some(all_known.then_some(!decisive))
    };
    match &condition.0 {
        Node::Always => Some(Some(true)),
        Node::All(parts) => list(parts, false),
        Node::Any(parts) => list(parts, true),
        Node::Not(inner) => Some(verdict(inner, chosen, budget)?.map(|truth| !truth)),
        Node::Compare(field, comparison) => Some(
            chosen
                .get(field.as_str())
                .map(|it| it.as_ref().is_some_and(|fact| comparison.accepts(fact, None))),
        ),
    }
}

/// Returns values that represent all values of a field for these comparisons. `None` if there would be too many, or if
/// the field is not known.
fn representatives(
    field: Option<&KnownField>,
    open: bool,
    comparisons: &[&Comparison],
) -> Option<Vec<Option<Value>>> {
    let mut values: Vec<Option<Value>> = Vec::new();
    match field {
        Some(field) => {
            values.extend(of_type(field.kind, comparisons)?.into_iter().map(Some));
            if let Some(allowed) = &field.values {
                values.retain(|value| value.as_ref().is_some_and(|value| field.allows(value)));
                values.extend(allowed.iter().map(|value| match (field.kind, value) {
                    (ValueType::List, Value::Text(item)) => Some(Value::List(vec![item.clone()])),
                    _ => Some(value.clone()),
                }));
            }
            if !field.always {
                values.push(None);
            }
        }
        // The field may have any type. A value of a type to which it is not compared satisfies `exists` alone.
        None if open => {
            for kind in ValueType::ALL {
                values.extend(of_type(kind, comparisons)?.into_iter().map(Some));
            }
            values.push(None);
        }
        None => return None,
    }
    let mut seen = BTreeSet::new();
    values.retain(|value| {
        let satisfied = |it: &&Comparison| value.as_ref().is_some_and(|fact| it.accepts(fact, None));
        seen.insert(comparisons.iter().map(satisfied).collect::<Vec<bool>>())
    });
    Some(values)
}

/// Returns values of a type that represent all others.
fn of_type(kind: ValueType, comparisons: &[&Comparison]) -> Option<Vec<Value>> {
    let compared =
        || comparisons.iter().flat_map(|it| it.values()).filter_map(move |value| as_type(value, kind));
    let texts: BTreeSet<&str> = comparisons.iter().filter_map(|it| it.text()).collect();
    if texts.len() > MAX_TEXTS && matches!(kind, ValueType::Text | ValueType::List) {
        return None;
    }
    let texts: Vec<&str> = texts.into_iter().collect();
    let subsets = || {
        (0..1_usize << texts.len()).map(|bits| {
            let chosen = texts.iter().enumerate().filter(move |(at, _)| bits >> at & 1 == 1);
            chosen.map(|(_, text)| (*text).to_owned()).collect::<Vec<String>>()
        })
    };
    Some(match kind {
        ValueType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        ValueType::Integer | ValueType::Decimal | ValueType::Date | ValueType::Instant => {
            let mut values = vec![sample(kind)];
            for value in compared() {
                values.extend(neighbours(&value));
                values.push(value);
            }
            values
        }
        // A text that begins with one of the texts and contains a subset of them.
        ValueType::Text => {
            let mut values: Vec<Value> = compared().collect();
            for subset in subsets() {
                let rest = format!("{SEPARATOR}{}{SEPARATOR}", subset.join(&SEPARATOR.to_string()));
                values.push(Value::Text(rest.clone()));
                values.extend(texts.iter().map(|start| Value::Text(format!("{start}{rest}"))));
            }
            values
        }
        ValueType::List => {
            let mut values: Vec<Value> = compared().collect();
            for mut subset in subsets() {
                values.push(Value::List(subset.clone()));
                // Another list with the same items, in case the first one equals a compared list.
                subset.push(subset.first().cloned().unwrap_or_else(|| SEPARATOR.to_string()));
                values.push(Value::List(subset));
            }
            values
        }
    })
}

/// Returns the value, as a value of this type. `None` if fields of this type never have it.
fn as_type(value: &Value, kind: ValueType) -> Option<Value> {
    match value {
        Value::Integer(whole) if kind == ValueType::Decimal => {
            Decimal::try_from(*whole).ok().map(Value::from)
        }
        value => Some(value.clone()).filter(|value| ValueType::of(value) == kind),
    }
}

/// Returns any number, date or instant, for a field that is compared with none.
fn sample(kind: ValueType) -> Value {
    match kind {
        ValueType::Date => Value::Date(Default::default()),
        ValueType::Instant => Value::Instant(Default::default()),
        ValueType::Decimal => Value::from(Decimal::from(0)),
        _ => Value::Integer(0),
    }
}

/// Returns the values directly before and after a number, date or instant.
fn neighbours(value: &Value) -> Vec<Value> {
    let (before, after) = match value {
        Value::Integer(it) => (it.checked_sub(1).map(Value::from), it.checked_add(1).map(Value::from)),
        Value::Date(it) => (it.pred_opt().map(Value::from), it.succ_opt().map(Value::from)),
        Value::Instant(it) => {
            let step = TimeDelta::nanoseconds(1);
            (it.checked_sub_signed(step).map(Value::from), it.checked_add_signed(step).map(Value::from))
        }
        Value::Decimal(it) => {
            let [before, after] = it.neighbours();
            (before.map(Value::from), after.map(Value::from))
        }
        _ => (None, None),
    };
    before.into_iter().chain(after).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields {
        Fields::new()
            .with("x", ValueType::Integer)
            .with("name", ValueType::Text)
            .with("tags", ValueType::List)
            .of_every_ticket_with("state", ValueType::Text)
            .with_values("state", ["new", "active"])
            .with_any_under("contact.")
    }

    fn can_hold(json: &str) -> bool {
        let condition: Condition = serde_json::from_str(json).unwrap();
        condition.can_hold(&fields(), &Budget::new(100_000))
    }

    #[test]
    fn contradictions_never_hold() {
        for json in [
            r#"{"not": "always"}"#,
            r#"{"all": [{"field": "x", "at_least": 5}, {"field": "x", "at_most": 3}]}"#,
            r#"{"all": [{"field": "x", "more_than": 3}, {"field": "x", "less_than": 4}]}"#,
            r#"{"all": [{"field": "x", "exists": false}, {"field": "x", "is": 1}]}"#,
            r#"{"field": "state", "is": "Resolved"}"#,
            r#"{"field": "state", "exists": false}"#,
            r#"{"all": [{"field": "state", "is_not": "new"}, {"field": "state", "is_not": "active"}]}"#,
            r#"{"all": [{"field": "name", "is": "Anna"}, {"not": {"field": "name", "starts_with": "an"}}]}"#,
            r#"{"all": [{"field": "name", "contains": "abc"}, {"not": {"field": "name", "contains": "b"}}]}"#,
            r#"{"all": [{"field": "tags", "is": ["a"]}, {"not": {"field": "tags", "contains": "a"}}]}"#,
            r#"{"all": [{"field": "contact.vip", "is": true}, {"field": "contact.vip", "is": false}]}"#,
            r#"{"all": [{"field": "contact.vip", "is": true}, {"field": "contact.vip", "is": 1}]}"#,
            r#"{"all": [{"field": "name", "matches": "contact.boss"}, {"field": "x", "is": 1}, {"field": "x", "is": 2}]}"#,
            r#"{"not": {"any": [{"not": {"field": "tags", "shares": "a"}}, {"not": {"field": "state", "is": "old"}}]}}"#,
        ] {
            assert!(!can_hold(json), "{json}");
        }
    }

    #[test]
    fn conditions_that_can_hold_are_recognized() {
        for json in [
            r#""always""#,
            r#"{"all": [{"not": {"field": "name", "matches": "contact.boss"}}, {"field": "x", "is": 1}]}"#,
            r#"{"not": {"any": [{"field": "tags", "shares": "a"}, {"field": "x", "is": 1}]}}"#,
            r#"{"all": [{"field": "x", "at_least": 3}, {"field": "x", "at_most": 3}]}"#,
            r#"{"all": [{"field": "x", "is_not": 1}, {"field": "x", "exists": true}]}"#,
            r#"{"all": [{"not": {"field": "x", "at_most": 9223372036854775806}}, {"field": "x", "exists": true}]}"#,
            r#"{"all": [{"field": "name", "is_not": "a"}, {"field": "name", "starts_with": "A"}]}"#,
            r#"{"all": [{"field": "name", "contains": "ab"}, {"field": "name", "contains": "bc"},
                {"not": {"field": "name", "contains": "abc"}}]}"#,
            r#"{"all": [{"field": "tags", "contains": "a"}, {"field": "tags", "is_not": ["a"]}]}"#,
            r#"{"all": [{"field": "contact.vip", "exists": true}, {"field": "contact.vip", "is_not": true},
                {"field": "contact.vip", "is_not": "yes"}]}"#,
        ] {
            assert!(can_hold(json), "{json}");
        }
    }

    /// The search must not try all combinations: forty fields have more than a trillion of them.
    #[test]
    fn many_fields_do_not_multiply() {
        let part = |at: usize| Condition::field(format!("contact.f{at}")).is(1);
        let all = Condition::all((0..40).map(part));
        assert!(all.clone().can_hold(&fields(), &Budget::new(20_000)));
        let never = all.and(Condition::field("contact.f39").is(2));
        assert!(!never.can_hold(&fields(), &Budget::new(200_000)));
        // A condition that is too complex counts as one that can hold.
        assert!(never.can_hold(&fields(), &Budget::new(10)));
    }
}

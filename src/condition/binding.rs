//! Binding a condition to an actor: what is known of the actor becomes constant, and what remains is a condition on a
//! ticket alone.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};

use super::comparison::{self, Comparison};
use super::{Condition, Facts, Field, Fields, Node, ValueType};
use crate::text;
use crate::value::Value;

impl Condition {
    /// The condition that never holds.
    pub(crate) fn never() -> Condition {
        !Condition::ALWAYS
    }

    /// True if the condition is the one that never holds.
    pub(crate) fn is_never(&self) -> bool {
        matches!(&self.0, Node::Not(inner) if inner.0 == Node::Always)
    }

    /// Returns the text that a field must share, if the condition requires this and nothing else.
    pub(crate) fn only_text(&self, name: &str) -> Option<&str> {
        match &self.0 {
            Node::Compare(field, Comparison::Shares(value)) if field == name => match value {
                Value::Text(text) => Some(text),
                Value::List(items) => items.first().filter(|_| items.len() == 1).map(String::as_str),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns a condition that holds if one of the parts holds, without parts that never hold.
    pub(crate) fn either(mut parts: Vec<Condition>) -> Condition {
        parts.retain(|part| !part.is_never());
        match parts.contains(&Condition::ALWAYS) {
            true => Condition::ALWAYS,
            false => Condition::any(parts),
        }
    }

    /// Replaces every comparison with a field of the actor: `actor` and the fields under `actor.`.
    ///
    /// A comparison with a field that this actor lacks, or that has another type, counts against the condition. The
    /// same is true inside a negation: "the team is not the actor's" does not hold for an actor without a team. An empty
    /// text has nothing to share, so it counts as missing. `exists` is exact.
    /// `known` are the fields of tickets, with their types.
    pub(crate) fn bound_to(&self, actor: &dyn Facts, known: &Fields) -> Condition {
        self.bound(&Binding { actor, known }, false)
    }

    /// `unknown` is the result of a comparison that cannot be decided: false, or true inside a negation.
    fn bound(&self, binding: &Binding<'_>, unknown: bool) -> Condition {
        match &self.0 {
            Node::Always => Condition::ALWAYS,
            Node::All(parts) => {
                let parts: Vec<Condition> = parts.iter().map(|part| part.bound(binding, unknown)).collect();
                match parts.iter().any(Condition::is_never) {
                    true => Condition::never(),
                    false => Condition::all(parts),
                }
            }
            Node::Any(parts) => {
                Condition::either(parts.iter().map(|part| part.bound(binding, unknown)).collect())
            }
            Node::Not(inner) => !inner.bound(binding, !unknown),
            Node::Compare(field, comparison) => binding
                .bind(field, comparison, unknown)
                .unwrap_or_else(|| if unknown { Condition::ALWAYS } else { Condition::never() }),
        }
    }
}

struct Binding<'a> {
    actor: &'a dyn Facts,
    known: &'a Fields,
}

impl<'a> Binding<'a> {
    /// Returns a comparison without the actor's fields; `None` if it cannot be decided.
    fn bind(&self, field: &str, comparison: &Comparison, unknown: bool) -> Option<Condition> {
        let constant = |holds: bool| if holds { Condition::ALWAYS } else { Condition::never() };
        Some(match (self.of_actor(field), comparison) {
            (Some(of_actor), Comparison::Exists) => constant(of_actor.is_some()),
            (Some(of_actor), Comparison::Matches(other)) => match self.of_actor(other) {
                Some(of_other) => {
                    let (left, right) = (comparable(of_actor)?, comparable(of_other)?);
                    let is_decided = ValueType::of(&left).shares_values_with(ValueType::of(&right));
                    constant(is_decided.then(|| comparison::shares([field, other], &left, &right))?)
                }
                None => self.shares(other, field, comparable(of_actor)?, unknown)?,
            },
            (Some(of_actor), Comparison::Shares(value)) => {
                let of_actor = comparable(of_actor).filter(|it| comparison.is_about(it))?;
                constant(comparison::shares([field, field], &of_actor, value))
            }
            (Some(of_actor), _) => {
                let value = of_actor?;
                constant(comparison.is_about(&value).then(|| comparison.accepts(&value, None))?)
            }
            (None, Comparison::Matches(other)) => match self.of_actor(other) {
                Some(of_actor) => self.shares(field, other, comparable(of_actor)?, unknown)?,
                None => Condition(Node::Compare(field.to_owned(), comparison.clone())),
            },
            (None, _) => Condition(Node::Compare(field.to_owned(), comparison.clone())),
        })
    }

    /// Returns the value of a field of the actor, if there is one; the outer `None` for a field of the ticket.
    fn of_actor(&self, field: &str) -> Option<Option<Cow<'a, Value>>> {
        is_of_actor(field).then(|| self.actor.fact(field))
    }

    /// Returns the condition that a fact of the ticket shares the value that a field of the actor has.
    fn shares(&self, field: &str, of_actor: &str, value: Cow<'_, Value>, unknown: bool) -> Option<Condition> {
        let kind = self.known.type_of(field);
        if kind.is_some_and(|kind| !kind.shares_values_with(ValueType::of(&value))) {
            return None;
        }
        // A text that is no id is kept in the normal form, so it equals no other id.
        let is_normal = |text: &str| text::normal(text) == text;
        if let (true, false, Value::Text(id)) =
            (comparison::is_id(of_actor), comparison::is_id(field), &*value)
            && !is_normal(id)
        {
            return None;
        }
        // Old values of attributes and custom fields can have another type than the declared one.
        let of_any_type = ["contact.", "field."].iter().any(|prefix| field.starts_with(prefix));
        let other_type = (unknown && of_any_type).then(|| has_other_type(|| Condition::field(field), &value));
        let shares = Condition(Node::Compare(field.to_owned(), Comparison::Shares(value.into_owned())));
        Some(Condition::any([shares].into_iter().chain(other_type)))
    }
}

/// Returns a value that can have something in common with another one; `None` for an empty text.
fn comparable(value: Option<Cow<'_, Value>>) -> Option<Cow<'_, Value>> {
    value.filter(|value| !matches!(&**value, Value::Text(text) if !text::is_visible(text)))
}

/// Returns the condition that a field has a value of a type without values in common with this value.
fn has_other_type(field: impl Fn() -> Field, value: &Value) -> Condition {
    let is_number = || field().at_least(0).or(field().less_than(0));
    let is_bool = || field().one_of([true, false]);
    let is_date = || field().at_least(NaiveDate::MIN);
    let is_instant = || field().at_least(DateTime::<Utc>::MIN_UTC);
    match value {
        Value::Text(_) | Value::List(_) => Condition::any([is_number(), is_bool(), is_date(), is_instant()]),
        Value::Integer(_) | Value::Decimal(_) => field().exists().and(!is_number()),
        Value::Bool(_) => field().exists().and(!is_bool()),
        Value::Date(_) => field().exists().and(!is_date()),
        Value::Instant(_) => field().exists().and(!is_instant()),
    }
}

fn is_of_actor(field: &str) -> bool {
    field.strip_prefix("actor").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Attributes;

    fn facts<const N: usize>(facts: [(&str, Value); N]) -> Attributes {
        facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    #[test]
    fn what_is_known_of_the_actor_becomes_constant() {
        let actor = facts([
            ("actor", "anna".into()),
            ("actor.role", "member".into()),
            ("actor.teams", ["audio", "payments"].into()),
        ]);
        let (field, fields) = (Condition::field, Fields::of_every_ticket());
        for (condition, bound) in [
            (field("actor.role").is("member"), "always"),
            (field("actor.role").is("lead"), "never"),
            (field("actor.role").is_not("lead"), "always"),
            (field("assignee").matches("actor"), r#"assignee shares "anna""#),
            (field("actor").matches("assignee"), r#"assignee shares "anna""#),
            (field("team").matches("actor.teams"), r#"team shares ["audio", "payments"]"#),
            (field("actor.role").is("lead").or(field("tags").contains("x")), r#"tags contains "x""#),
            (field("actor.role").is("lead").and(field("tags").contains("x")), "never"),
            (field("actor.role").is("member").or(field("tags").contains("x")), "always"),
            (field("actor.site").missing(), "always"),
            (field("actor.site").exists(), "never"),
            (field("actors").is("anna"), r#"actors is "anna""#),
        ] {
            assert_eq!(condition.bound_to(&actor, &fields).to_string(), bound, "{condition}");
        }
    }

    /// A negation must not turn what nobody knows into a permission.
    #[test]
    fn what_is_not_known_of_the_actor_permits_nothing() {
        let actor =
            facts([("actor", "anna".into()), ("actor.level", "three".into()), ("actor.site", 5.into())]);
        let (field, fields) = (Condition::field, Fields::of_every_ticket());
        for condition in [
            field("team").matches("actor.team"),
            !field("team").matches("actor.team"),
            !field("actor.team").matches("team"),
            field("actor.role").is("lead"),
            field("actor.role").is_not("trainee"),
            !field("actor.role").one_of(["trainee", "guest"]),
            !field("actor.role").contains("trainee"),
            !field("actor.level").at_least(3),
            !field("team").matches("actor.site"),
            !(field("actor.role").is("trainee").or(field("tags").contains("secret"))),
            !!field("actor.role").is("lead"),
            field("actor.a").is_not(1).and(field("tags").contains("x")),
            !(field("actor.a").is(1).and(field("actor").is("anna"))),
        ] {
            assert!(
                condition.bound_to(&actor, &fields).is_never(),
                "{condition}: {}",
                condition.bound_to(&actor, &fields)
            );
        }
        let either = !(field("actor.role").is("trainee").and(field("tags").contains("secret")));
        assert_eq!(either.bound_to(&actor, &fields).to_string(), r#"not (tags contains "secret")"#);
    }
}

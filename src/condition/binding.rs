//! Binding a condition to an actor: what is known of the actor becomes constant, and what remains is a condition on a
//! ticket alone.

use std::borrow::Cow;

use super::comparison::{self, Comparison};
use super::{Condition, Facts, Fields, Node, ValueType};
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
    /// A comparison with a field that this actor lacks, or that has another type, never helps the condition to hold. That
    /// is true inside a negation too: "the team is not the actor's" does not hold for an actor without a team. `exists`
    /// is exact. `known` are the fields of tickets, with their types.
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
                .bind(field, comparison)
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
    fn bind(&self, field: &str, comparison: &Comparison) -> Option<Condition> {
        let constant = |holds: bool| if holds { Condition::ALWAYS } else { Condition::never() };
        Some(match (self.of_actor(field), comparison) {
            (Some(of_actor), Comparison::Exists) => constant(of_actor.is_some()),
            (Some(of_actor), Comparison::Matches(other)) => match self.of_actor(other) {
                Some(other) => constant(comparison::shares(&*of_actor?, &*other?)),
                None => self.shares(other, of_actor?)?,
            },
            (Some(of_actor), _) => {
                let value = of_actor?;
                constant(comparison.is_about(&value).then(|| comparison.accepts(&value, None))?)
            }
            (None, Comparison::Matches(other)) => match self.of_actor(other) {
                Some(of_actor) => self.shares(field, of_actor?)?,
                None => Condition(Node::Compare(field.to_owned(), comparison.clone())),
            },
            (None, _) => Condition(Node::Compare(field.to_owned(), comparison.clone())),
        })
    }

    /// Returns the value of a field of the actor, if there is one; the outer `None` for a field of the ticket.
    fn of_actor(&self, field: &str) -> Option<Option<Cow<'a, Value>>> {
        is_of_actor(field).then(|| self.actor.fact(field))
    }

    fn shares(&self, field: &str, value: Cow<'_, Value>) -> Option<Condition> {
        let kind = self.known.type_of(field);
        if kind.is_some_and(|kind| !kind.shares_values_with(ValueType::of(&value))) {
            return None;
        }
        Some(Condition(Node::Compare(field.to_owned(), Comparison::Shares(value.into_owned()))))
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

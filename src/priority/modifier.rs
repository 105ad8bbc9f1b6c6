//! Modifiers: named reasons to depart from the matrix's cell.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::level::Priority;
use crate::condition::Condition;

/// What a modifier does to the priority. The result never leaves the matrix's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// More urgent by so many ranks, as far as the scale goes. Written `{ raise = 1 }`.
    Raise(u8),
    /// Less urgent by so many ranks, as far as the scale goes. Written `{ lower = 1 }`.
    Lower(u8),
    /// This priority, whatever it was. Written `{ set = 1 }`.
    Set(Priority),
    /// This priority, unless it is more urgent already. Written `{ at_least = 1 }`.
    AtLeast(Priority),
}

impl Effect {
    /// The priority after the effect, on a scale that ends at `least`.
    pub(super) fn apply(self, before: Priority, least: Priority) -> Priority {
        let rank = match self {
            Effect::Raise(by) => before.rank().saturating_sub(by),
            Effect::Lower(by) => before.rank().saturating_add(by),
            Effect::Set(priority) => priority.rank(),
            Effect::AtLeast(priority) => before.min(priority).rank(),
        };
        Priority::at(usize::from(rank.clamp(1, least.rank())) - 1)
    }

    /// Says what the effect did: `raises it by 1 to P2`.
    pub(super) fn describe(
        self,
        before: Priority,
        after: Priority,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        if before == after {
            return write!(f, "leaves it at {after}");
        }
        let (verb, by) = match self {
            Effect::Raise(by) => ("raises", by),
            Effect::Lower(by) => ("lowers", by),
            Effect::Set(_) => return write!(f, "sets it to {after}"),
            Effect::AtLeast(_) => return write!(f, "raises it to {after}"),
        };
        write!(f, "{verb} it by {by} to {after}")?;
        let ended = before.rank().abs_diff(after.rank()) < by;
        f.write_str(if ended { ", where the scale ends" } else { "" })
    }
}

/// A named reason to depart from the matrix's cell: "VIP customer", "reputational damage".
///
/// It applies to a ticket on which it is named, and, if it has a condition, to every ticket for whose facts the
/// condition holds.
///
/// ```
/// use firstline::priority::{Effect, Modifier};
/// use firstline::{Condition, Priority};
///
/// let vip = Modifier::new("VIP customer", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
/// let written = r#"{"name":"VIP customer","effect":{"raise":1},"when":{"field":"contact.vip","is":true}}"#;
/// assert_eq!(serde_json::to_string(&vip).unwrap(), written);
///
/// // Without a condition an agent names it on the ticket.
/// let press = Modifier::new("reputational damage", Effect::AtLeast(Priority::P2));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modifier {
    name: String,
    effect: Effect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<Condition>,
}

impl Modifier {
    /// A modifier that applies where it is named on the ticket.
    pub fn new(name: impl Into<String>, effect: Effect) -> Modifier {
        Modifier { name: name.into(), effect, when: None }
    }

    /// The same modifier, applying also by itself whenever the condition holds.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Modifier {
        self.when = Some(condition);
        self
    }

    /// The name, unique within its matrix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The condition under which it applies by itself.
    pub fn condition(&self) -> Option<&Condition> {
        self.when.as_ref()
    }

    /// What it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }
}

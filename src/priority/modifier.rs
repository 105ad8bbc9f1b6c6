//! Named modifiers, which change the priority given by the matrix.

use serde::{Deserialize, Serialize};

use super::level::Priority;
use crate::condition::Condition;
use crate::language::Language;

/// The effect of a modifier on the priority. The result stays within the scale of the matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Raises the priority by this number of ranks, at most to P1. Written `{ raise = 1 }`.
    Raise(u8),
    /// Lowers the priority by this number of ranks, at most to the lowest one. Written `{ lower = 1 }`.
    Lower(u8),
    /// Sets this priority. Written `{ set = 1 }`.
    Set(Priority),
    /// Raises the priority to this one, unless it is already higher. Written `{ at_least = 1 }`.
    AtLeast(Priority),
}

impl Effect {
    /// Returns the priority after the effect. `lowest` is the lowest priority of the scale.
    pub(super) fn apply(self, before: Priority, lowest: Priority) -> Priority {
        let rank = match self {
            Effect::Raise(by) => before.rank().saturating_sub(by),
            Effect::Lower(by) => before.rank().saturating_add(by),
            Effect::Set(priority) => priority.rank(),
            Effect::AtLeast(priority) => before.min(priority).rank(),
        };
        Priority::at(usize::from(rank.clamp(1, lowest.rank())) - 1)
    }

    /// Returns the effect of a modifier in words, such as `"VIP" raises it by 1 to P2`.
    pub(super) fn in_words(
        self,
        modifier: &str,
        before: Priority,
        after: Priority,
        language: &Language,
    ) -> String {
        let say = |entry| language.say(entry, &[("modifier", &modifier), ("priority", &after)]);
        if before == after {
            return say("priority.leaves");
        }
        let (entry, by) = match self {
            Effect::Raise(by) => ("priority.raises", by),
            Effect::Lower(by) => ("priority.lowers", by),
            Effect::Set(_) => return say("priority.sets"),
            Effect::AtLeast(_) => return say("priority.raises_to"),
        };
        let sentence = language.say(entry, &[("modifier", &modifier), ("steps", &by), ("priority", &after)]);
        let limited = before.rank().abs_diff(after.rank()) < by;
        if limited { language.say("priority.end_of_scale", &[("sentence", &sentence)]) } else { sentence }
    }
}

/// A named reason to change the priority given by the matrix, such as "VIP customer" or "reputational damage".
///
/// A modifier applies to a ticket if it is named on the ticket, or if its condition holds for the ticket.
///
/// ```
/// use firstline::priority::{Effect, Modifier};
/// use firstline::{Condition, Priority};
///
/// let vip = Modifier::new("VIP customer", Effect::Raise(1)).when(Condition::field("contact.vip").is(true));
/// let written = r#"{"name":"VIP customer","effect":{"raise":1},"when":{"field":"contact.vip","is":true}}"#;
/// assert_eq!(serde_json::to_string(&vip).unwrap(), written);
///
/// // This modifier has no condition. It applies only if an agent names it on the ticket.
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
    /// Creates a modifier that applies only if it is named on the ticket.
    pub fn new(name: impl Into<String>, effect: Effect) -> Modifier {
        Modifier { name: name.into(), effect, when: None }
    }

    /// Adds a condition. The modifier also applies to every ticket for which the condition holds.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Modifier {
        self.when = Some(condition);
        self
    }

    /// Returns the name, which is unique within the matrix.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the condition; `None` if the modifier applies only by name.
    pub fn condition(&self) -> Option<&Condition> {
        self.when.as_ref()
    }

    /// Returns the effect on the priority.
    pub fn effect(&self) -> Effect {
        self.effect
    }
}

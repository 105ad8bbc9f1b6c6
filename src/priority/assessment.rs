//! The result of a priority assessment, stored with the ticket.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::level::{Impact, Priority, Urgency};
use super::modifier::Effect;
use crate::language::{InWords, Language};

/// A priority with its reasons, returned by [`Matrix::assess`](super::Matrix::assess) and stored with the ticket.
///
/// The assessment contains the names from the matrix at the time of the assessment, so it can be read after the matrix
/// has changed. The priority is not stored separately: it is computed from the parts, so it always matches them.
/// `Display` prints one line:
///
/// ```
/// use firstline::priority::{AssessmentInputs, Matrix, Priority, Urgency};
///
/// let mut inputs = AssessmentInputs { urgency: Some(Urgency::HIGH), ..AssessmentInputs::default() };
/// let assessment = Matrix::itil().assess(&inputs)?;
/// assert_eq!(assessment.to_string(), "P2: impact medium (by default) x urgency high gives P2");
///
/// inputs.manual_priority = Some(Priority::P1);
/// let assessment = Matrix::itil().assess(&inputs)?;
/// assert_eq!(
///     assessment.to_string(),
///     "P1: set by hand, instead of P2; impact medium (by default) x urgency high gives P2",
/// );
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    pub(super) impact: AssessedLevel<Impact>,
    pub(super) urgency: AssessedLevel<Urgency>,
    pub(super) cell: Priority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<AssessmentStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) manual_priority: Option<Priority>,
}

/// The impact or urgency level used in an assessment, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "L: Deserialize<'de>"))]
pub(super) struct AssessedLevel<L> {
    /// The level.
    pub(super) level: L,
    /// The name of the level in the matrix.
    pub(super) name: String,
    /// The level given on the ticket, if the matrix does not have it any more. `level` is then the lowest level of the
    /// matrix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outside: Option<L>,
    /// True if the ticket gave no level and the matrix's default was used.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) by_default: bool,
}

impl<L: Copy> AssessedLevel<L> {
    fn given(&self) -> Option<L> {
        (!self.by_default).then(|| self.outside.unwrap_or(self.level))
    }
}

/// A modifier that was applied in an assessment.
///
/// [`Assessment::steps`] also returns the priority before each modifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessmentStep {
    /// The name of the modifier.
    pub name: String,
    /// The effect of the modifier.
    pub effect: Effect,
    /// True if the modifier was named on the ticket; false if only its condition held.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
    /// The priority after the modifier.
    pub to: Priority,
}

// `skip_serializing_if` calls the function with a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Assessment {
    /// Returns the effective priority: the manual one if set, otherwise the computed one.
    pub fn priority(&self) -> Priority {
        self.manual_priority.unwrap_or_else(|| self.computed())
    }

    /// Returns the priority computed from the matrix and the modifiers.
    ///
    /// The ticket returns to this priority when a manual priority is removed.
    pub fn computed(&self) -> Priority {
        self.steps.last().map_or(self.cell, |step| step.to)
    }

    /// Returns the impact used in the computation.
    pub fn impact(&self) -> Impact {
        self.impact.level
    }

    /// Returns the urgency used in the computation.
    pub fn urgency(&self) -> Urgency {
        self.urgency.level
    }

    /// Returns the impact that the ticket gave; `None` if the matrix's default was used.
    pub fn given_impact(&self) -> Option<Impact> {
        self.impact.given()
    }

    /// Returns the urgency that the ticket gave; `None` if the matrix's default was used.
    pub fn given_urgency(&self) -> Option<Urgency> {
        self.urgency.given()
    }

    /// Returns the priority in the matrix cell, before modifiers.
    pub fn cell(&self) -> Priority {
        self.cell
    }

    /// Returns the applied modifiers in order, each with the priority before it.
    pub fn steps(&self) -> impl Iterator<Item = (Priority, &AssessmentStep)> {
        let before = std::iter::once(self.cell).chain(self.steps.iter().map(|step| step.to));
        before.zip(&self.steps)
    }

    /// Returns an assessment that gives the effective priority and nothing of its reasons.
    pub(crate) fn without_reasons(&self) -> Assessment {
        fn hidden<L>(level: L) -> AssessedLevel<L> {
            AssessedLevel { level, name: "not shown".to_owned(), outside: None, by_default: true }
        }

        Assessment {
            impact: hidden(Impact::MEDIUM),
            urgency: hidden(Urgency::MEDIUM),
            cell: self.priority(),
            steps: Vec::new(),
            manual_priority: None,
        }
    }

    /// Returns the manual priority; `None` if the priority is computed.
    pub fn manual_priority(&self) -> Option<Priority> {
        self.manual_priority
    }
}

impl InWords for Assessment {
    fn in_words(&self, language: &Language) -> String {
        let level = |group, name: &str, by_default: bool, outside: Option<u8>| {
            let name = language.name(group, name);
            match outside {
                Some(given) => language.say("priority.outside", &[("level", &name), ("given", &given)]),
                None if by_default => language.say("priority.default", &[("level", &name)]),
                None => name,
            }
        };
        let mut reasons = Vec::new();
        if self.manual_priority.is_some() {
            reasons.push(language.say("priority.by_hand", &[("priority", &self.computed())]));
        }
        let (impact, urgency) = (&self.impact, &self.urgency);
        let impact = level("impact", &impact.name, impact.by_default, impact.outside.map(Impact::rank));
        let urgency = level("urgency", &urgency.name, urgency.by_default, urgency.outside.map(Urgency::rank));
        let values: &[(&str, &dyn fmt::Display)] =
            &[("impact", &impact), ("urgency", &urgency), ("priority", &self.cell)];
        reasons.push(language.say("priority.computed", values));
        reasons.extend(self.steps().map(|(before, step)| {
            let name = language.quote(&step.name);
            let name = if step.named { language.say("priority.named", &[("modifier", &name)]) } else { name };
            step.effect.in_words(&name, before, step.to, language)
        }));
        let reasons = reasons.join("; ");
        language.say("priority.rated", &[("priority", &self.priority()), ("reasons", &reasons)])
    }
}

/// Prints the assessment in English.
impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}

//! The result of an assessment, which is kept with the ticket and explains itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::level::{Impact, Priority, Urgency};
use super::modifier::Effect;

/// A priority with its reasons. Made by [`Matrix::assess`](super::Matrix::assess), stored with the ticket.
///
/// It holds the names as they were, so it can be read without the matrix, also when that has changed since. What
/// follows from its parts is computed, not stored: the parts cannot contradict the result. Printed with `{}` it is
/// a sentence:
///
/// ```
/// use firstline::priority::{Inputs, Matrix, Priority, Urgency};
///
/// let mut inputs = Inputs { urgency: Some(Urgency::HIGH), ..Inputs::default() };
/// let assessment = Matrix::itil().assess(&inputs)?;
/// assert_eq!(assessment.to_string(), "P2: impact medium (by default) x urgency high gives P2");
///
/// inputs.overridden = Some(Priority::P1);
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
    pub(super) impact: Graded<Impact>,
    pub(super) urgency: Graded<Urgency>,
    pub(super) cell: Priority,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) steps: Vec<AssessmentStep>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) overridden: Option<Priority>,
}

/// An impact or urgency as it went into an assessment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Graded<L> {
    /// The level.
    pub level: L,
    /// Its name in the matrix.
    pub name: String,
    /// Nobody gave one: it is the matrix's default.
    #[serde(default, skip_serializing_if = "is_false")]
    pub by_default: bool,
}

impl<L: Copy> Graded<L> {
    /// The level that somebody gave; `None` if it is the matrix's default.
    pub fn given(&self) -> Option<L> {
        (!self.by_default).then_some(self.level)
    }
}

/// One modifier that was applied. The priority before is that after the previous step, or the cell's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessmentStep {
    /// The modifier's name.
    pub name: String,
    /// What it does.
    pub effect: Effect,
    /// It was named on the ticket; otherwise its condition held.
    #[serde(default, skip_serializing_if = "is_false")]
    pub named: bool,
    /// The priority after it.
    pub to: Priority,
}

// serde's `skip_serializing_if` hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_false(value: &bool) -> bool {
    !value
}

impl Assessment {
    /// The priority that counts: the one set by hand, otherwise the computed one.
    pub fn priority(&self) -> Priority {
        self.overridden.unwrap_or_else(|| self.computed())
    }

    /// The priority by matrix and modifiers, to which the ticket returns when the one set by hand is withdrawn.
    pub fn computed(&self) -> Priority {
        self.steps.last().map_or(self.cell, |step| step.to)
    }

    /// The impact it was computed with.
    pub fn impact(&self) -> &Graded<Impact> {
        &self.impact
    }

    /// The urgency it was computed with.
    pub fn urgency(&self) -> &Graded<Urgency> {
        &self.urgency
    }

    /// What the matrix gives for impact and urgency alone.
    pub fn cell(&self) -> Priority {
        self.cell
    }

    /// The modifiers that were applied, in order, each with the priority before it.
    pub fn steps(&self) -> impl Iterator<Item = (Priority, &AssessmentStep)> {
        let before = std::iter::once(self.cell).chain(self.steps.iter().map(|step| step.to));
        before.zip(&self.steps)
    }

    /// The priority set by hand, while there is one.
    pub fn overridden(&self) -> Option<Priority> {
        self.overridden
    }
}

impl fmt::Display for Assessment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.priority())?;
        if self.overridden.is_some() {
            write!(f, "set by hand, instead of {}; ", self.computed())?;
        }
        let default = |by_default| if by_default { " (by default)" } else { "" };
        let (impact, urgency) = (&self.impact, &self.urgency);
        write!(f, "impact {}{} x ", impact.name, default(impact.by_default))?;
        write!(f, "urgency {}{} gives {}", urgency.name, default(urgency.by_default), self.cell)?;
        for (before, step) in self.steps() {
            write!(f, "; {:?}{} ", step.name, if step.named { " (named)" } else { "" })?;
            step.effect.describe(before, step.to, f)?;
        }
        Ok(())
    }
}

//! The ways between statuses: which action takes them, and who may.

use std::fmt;

use serde::Serialize;

use crate::lifecycle::StepKind;
use crate::line::Line;
use crate::suggest;

/// A way from status to status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Transition {
    /// From which statuses.
    pub from: Vec<String>,
    /// The action that takes it.
    pub action: Trigger,
    /// To which status.
    pub to: String,
    /// The guards that must all hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// Who may take it, where the lifecycle would let others too; with nobody named, whom the lifecycle lets. A move, for
    /// which the lifecycle has no rule, is then for agents and programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may: Vec<Performer>,
    /// Whether it needs a reason in words.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reason: bool,
}

impl Transition {
    /// A way that a step of the lifecycle takes.
    pub fn step(step: StepKind, from: impl Into<String>, to: impl Into<String>) -> Transition {
        Transition::new(Trigger::Step(step), from, to)
    }

    /// A way between two statuses of one state.
    pub fn within(from: impl Into<String>, to: impl Into<String>) -> Transition {
        Transition::new(Trigger::Move, from, to)
    }

    fn new(action: Trigger, from: impl Into<String>, to: impl Into<String>) -> Transition {
        let (when, may) = (Vec::new(), Vec::new());
        Transition { from: vec![from.into()], action, to: to.into(), when, may, reason: false }
    }

    /// The same way from another status too.
    #[must_use]
    pub fn or_from(mut self, from: impl Into<String>) -> Transition {
        self.from.push(from.into());
        self
    }

    /// Only when this guard holds; with several, only when all do.
    #[must_use]
    pub fn when(mut self, guard: impl Into<String>) -> Transition {
        self.when.push(guard.into());
        self
    }

    /// These may take it; with several, each of them.
    #[must_use]
    pub fn may(mut self, performer: Performer) -> Transition {
        self.may.push(performer);
        self
    }

    /// Whether the lifecycle leaves it in the hands of anybody who is named.
    pub(super) fn is_taken_by_hand(&self) -> bool {
        let by_hand = |performer: &Performer| match self.action {
            Trigger::Step(StepKind::Confirm) => *performer == Performer::Requester,
            Trigger::Step(StepKind::Reopen | StepKind::Cancel) | Trigger::Move => true,
            Trigger::Step(_) => *performer != Performer::Requester,
        };
        self.may.is_empty() || self.may.iter().any(by_hand)
    }

    /// Whether there is somebody who may take both.
    pub(super) fn overlaps(&self, other: &Transition) -> bool {
        let both = |one: &Performer| other.may.iter().any(|it| one.overlaps(it));
        self.may.is_empty() || other.may.is_empty() || self.may.iter().any(both)
    }

    /// It needs a reason in words.
    #[must_use]
    pub fn with_reason(mut self) -> Transition {
        self.reason = true;
        self
    }
}

/// What takes a transition: a step of the lifecycle, or a move between statuses of one state. Written as the step's
/// name, or `move`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// A step from state to state.
    Step(StepKind),
    /// A change of status that leaves the state as it is.
    Move,
}

impl Trigger {
    /// All of them: the steps in the order of the lifecycle's table, then the move.
    pub fn all() -> impl Iterator<Item = Trigger> {
        StepKind::ALL.iter().copied().map(Trigger::Step).chain([Trigger::Move])
    }

    /// What is written so.
    pub fn named(name: &str) -> Option<Trigger> {
        Trigger::all().find(|trigger| trigger.to_string() == name)
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trigger::Step(step) => step.fmt(f),
            Trigger::Move => f.pad("move"),
        }
    }
}

impl Serialize for Trigger {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Somebody who may take a transition.
///
/// | written | who |
/// |---|---|
/// | `requester` | the contact who asks |
/// | `agent` | any agent |
/// | `automation` | programs, and the desk itself when a timer falls due |
/// | `line:second` | agents whose attribute `line` says so: `first`, `second`, `third` or `external` |
/// | `role:lead` | agents whose attribute `role` is this, or contains it as a list |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Performer {
    /// The contact who asks.
    Requester,
    /// Any agent.
    Agent,
    /// Programs, and the desk's own timers.
    Automation,
    /// Agents of a line.
    Line(Line),
    /// Agents with a role.
    Role(String),
}

impl Performer {
    /// What may be written, for messages.
    pub(super) const WRITTEN: &'static [&'static str] = &[
        "requester",
        "agent",
        "automation",
        "line:first",
        "line:second",
        "line:third",
        "line:external",
        "role:NAME",
    ];

    /// Who is written so.
    ///
    /// # Errors
    /// Why nobody is, with the nearest name.
    pub(super) fn named(text: &str) -> Result<Performer, String> {
        Ok(match text {
            "requester" => Performer::Requester,
            "agent" => Performer::Agent,
            "automation" => Performer::Automation,
            "line:first" => Performer::Line(Line::First),
            "line:second" => Performer::Line(Line::Second),
            "line:third" => Performer::Line(Line::Third),
            "line:external" => Performer::Line(Line::External),
            other => match other.strip_prefix("role:").map(str::trim) {
                Some(role) if !role.is_empty() => Performer::Role(role.to_owned()),
                _ => return Err(suggest::unknown(other, Performer::WRITTEN.iter().copied())),
            },
        })
    }
}

impl Performer {
    /// Whether one person may be both, as far as the words say: of two roles somebody may have both, but then the
    /// order of the transitions decides.
    fn overlaps(&self, other: &Performer) -> bool {
        let of_agents =
            |it: &Performer| matches!(it, Performer::Agent | Performer::Line(_) | Performer::Role(_));
        self == other
            || (*self == Performer::Agent && of_agents(other))
            || (*other == Performer::Agent && of_agents(self))
    }
}

impl fmt::Display for Performer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Performer::Requester => f.write_str("requester"),
            Performer::Agent => f.write_str("agent"),
            Performer::Automation => f.write_str("automation"),
            Performer::Line(line) => write!(f, "line:{}", line.name()),
            Performer::Role(role) => write!(f, "role:{role}"),
        }
    }
}

impl Serialize for Performer {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

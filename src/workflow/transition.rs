//! Transitions between statuses, their triggers, and the actors who may take them.

use std::fmt;

use serde::Serialize;

use crate::lifecycle::StepKind;
use crate::line::Line;
use crate::suggest;

/// A transition to a status, from one or several other statuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Transition {
    /// The source statuses.
    pub from: Vec<String>,
    /// The step or move that triggers the transition.
    pub action: Trigger,
    /// The target status.
    pub to: String,
    /// The guards. All of them must hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// The performers who may take the transition; an actor needs to match only one. The permissions of the lifecycle
    /// apply as well.
    ///
    /// If the list is empty, the lifecycle alone decides. The lifecycle has no rule for moves, so a move with an empty
    /// list may be taken by agents and programs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub may: Vec<Performer>,
    /// True if the actor must give a comment that explains the transition.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reason: bool,
}

impl Transition {
    /// Creates a transition for a step of the lifecycle.
    pub fn step(step: StepKind, from: impl Into<String>, to: impl Into<String>) -> Transition {
        Transition::new(Trigger::Step(step), from, to)
    }

    /// Creates a transition for a move between two statuses of one state.
    pub fn within(from: impl Into<String>, to: impl Into<String>) -> Transition {
        Transition::new(Trigger::Move, from, to)
    }

    fn new(action: Trigger, from: impl Into<String>, to: impl Into<String>) -> Transition {
        let (when, may) = (Vec::new(), Vec::new());
        Transition { from: vec![from.into()], action, to: to.into(), when, may, reason: false }
    }

    /// Adds another source status.
    #[must_use]
    pub fn or_from(mut self, from: impl Into<String>) -> Transition {
        self.from.push(from.into());
        self
    }

    /// Adds a guard. All guards must hold.
    #[must_use]
    pub fn when(mut self, guard: impl Into<String>) -> Transition {
        self.when.push(guard.into());
        self
    }

    /// Adds a performer. An actor needs to match only one of the performers.
    #[must_use]
    pub fn may(mut self, performer: Performer) -> Transition {
        self.may.push(performer);
        self
    }

    /// True if the lifecycle allows at least one of the performers to take this transition by an action of their own.
    pub(super) fn has_permitted_performer(&self) -> bool {
        let permitted = |performer: &Performer| match self.action {
            Trigger::Step(StepKind::Confirm) => *performer == Performer::Requester,
            Trigger::Step(StepKind::Reopen | StepKind::Cancel) | Trigger::Move => true,
            Trigger::Step(_) => *performer != Performer::Requester,
        };
        self.may.is_empty() || self.may.iter().any(permitted)
    }

    /// True if one actor may take both transitions.
    pub(super) fn overlaps(&self, other: &Transition) -> bool {
        let both = |one: &Performer| other.may.iter().any(|it| one.overlaps(it));
        self.may.is_empty() || other.may.is_empty() || self.may.iter().any(both)
    }

    /// Requires a comment that explains the transition.
    #[must_use]
    pub fn with_reason(mut self) -> Transition {
        self.reason = true;
        self
    }
}

/// The trigger of a transition: a step of the lifecycle, or a move between statuses of one state.
///
/// It is written as the name of the step, or as `move`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trigger {
    /// A step from state to state.
    Step(StepKind),
    /// A change of status that keeps the state.
    Move,
}

impl Trigger {
    /// Iterates over all triggers: the steps in the order of the lifecycle's table, then the move.
    pub fn all() -> impl Iterator<Item = Trigger> {
        StepKind::ALL.iter().copied().map(Trigger::Step).chain([Trigger::Move])
    }

    /// Returns the trigger with this name.
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

/// The actors who may take a transition.
///
/// | written | who |
/// |---|---|
/// | `requester` | the requester of the ticket |
/// | `agent` | any agent |
/// | `automation` | programs, and the desk itself when a timer falls due |
/// | `line:second` | agents with this value of the attribute `line`: `first`, `second`, `third` or `external` |
/// | `role:lead` | agents with this value of the attribute `role`, or with a list that contains it |
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Performer {
    /// The requester of the ticket.
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
    /// The accepted forms, for messages.
    pub(super) const FORMS: &'static [&'static str] = &[
        "requester",
        "agent",
        "automation",
        "line:first",
        "line:second",
        "line:third",
        "line:external",
        "role:NAME",
    ];

    /// Parses the written form of a performer.
    ///
    /// # Errors
    /// The text is not one of the forms. The message suggests the nearest one.
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
                _ => return Err(suggest::unknown(other, Performer::FORMS.iter().copied())),
            },
        })
    }
}

impl Performer {
    /// True if one actor commonly matches both performers. Two different roles do not overlap: an actor may have both,
    /// but then the order of the transitions decides.
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

//! A refusal that says why, and what is permitted instead.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{StateKind, StepKind};
use crate::error::{Error, ErrorKind};

/// What somebody may want of a ticket, by name: a step of the lifecycle, or something that leaves the state alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verb {
    /// A step from state to state.
    Step(StepKind),
    /// A public message.
    Reply,
    /// An internal note.
    Note,
    /// Giving it to an agent.
    Assign,
    /// Handing it to another team or line.
    HandOver,
    /// Changing impact, urgency, modifiers or the priority itself.
    Prioritise,
    /// Changing kind, category, tags, fields or contacts.
    Describe,
    /// Linking it with another ticket.
    Link,
}

impl Verb {
    const BESIDE_STEPS: [Verb; 7] =
        [Verb::Reply, Verb::Note, Verb::Assign, Verb::HandOver, Verb::Prioritise, Verb::Describe, Verb::Link];

    /// Whether a ticket in this state accepts it. A final ticket still takes notes, links and corrected
    /// descriptions, because those are how one learns from it; it takes no work and no talk.
    pub const fn accepted_in(self, state: StateKind) -> bool {
        match self {
            Verb::Step(step) => state.accepts(step),
            Verb::Note | Verb::Describe | Verb::Link => true,
            Verb::Reply | Verb::Assign | Verb::HandOver | Verb::Prioritise => !state.is_final(),
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verb::Step(step) => return step.fmt(f),
            Verb::Reply => "reply",
            Verb::Note => "note",
            Verb::Assign => "assign",
            Verb::HandOver => "hand over",
            Verb::Prioritise => "prioritise",
            Verb::Describe => "describe",
            Verb::Link => "link",
        })
    }
}

/// What a ticket accepts now. Its `Display` lists it in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    state: StateKind,
    verbs: Vec<Verb>,
}

impl Permitted {
    /// Everything that a ticket in this state accepts: steps first.
    pub fn in_state(state: StateKind) -> Permitted {
        let beside = Verb::BESIDE_STEPS.into_iter().filter(|verb| verb.accepted_in(state));
        Permitted { state, verbs: state.accepted().map(Verb::Step).chain(beside).collect() }
    }

    /// The steps alone.
    pub(crate) fn steps(state: StateKind) -> Permitted {
        Permitted { state, verbs: state.accepted().map(Verb::Step).collect() }
    }

    /// Those of them that somebody may do.
    pub(crate) fn only(mut self, may: impl Fn(Verb) -> bool) -> Permitted {
        self.verbs.retain(|verb| may(*verb));
        self
    }

    /// The verbs.
    pub fn verbs(&self) -> &[Verb] {
        &self.verbs
    }

    /// Whether this is among them.
    pub fn contains(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }
}

impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.verbs.is_empty() {
            true if self.state.is_final() => {
                return f.write_str("no step is accepted here: the state is final");
            }
            true => return f.write_str("no step that is accepted here is theirs to take"),
            false => "accepted here: ",
        })?;
        for (place, verb) in self.verbs.iter().enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            verb.fmt(f)?;
        }
        Ok(())
    }
}

/// One reason for a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The lifecycle does not accept it in this state.
    State,
    /// It is for others to do: who may.
    Actor {
        /// Who may do it, in words.
        may: &'static str,
    },
    /// A public message was expected to come with it, or some other condition fails: in words.
    Because(String),
}

/// A refused action: what, in which state, why, and what is permitted now.
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// let error = desk.act(ticket.id(), Action::reopen(), Actor::agent("anna")).unwrap_err();
/// let rejection = error.rejection().unwrap();
/// assert_eq!(rejection.to_string(), "reopen is not accepted while new; accepted here: start, hold, resolve, cancel");
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct Rejection {
    /// The state of the ticket.
    pub state: StateKind,
    /// What was wanted.
    pub verb: Verb,
    /// Every reason for the refusal.
    pub reasons: Vec<Reason>,
    /// What is permitted now.
    pub permitted: Permitted,
}

impl Rejection {
    /// A refusal with one reason.
    pub(crate) fn new(state: StateKind, verb: Verb, reason: Reason) -> Rejection {
        // A refused step is answered with the steps; anything else with everything that is accepted.
        let permitted = match verb {
            Verb::Step(_) => Permitted::steps(state),
            _ => Permitted::in_state(state),
        };
        Rejection { state, verb, reasons: vec![reason], permitted }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, reason) in self.reasons.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            match reason {
                Reason::State => write!(f, "{} is not accepted while {}", self.verb, self.state)?,
                Reason::Actor { may } => write!(f, "{} is for {may}", self.verb)?,
                Reason::Because(why) => write!(f, "{} is refused: {why}", self.verb)?,
            }
        }
        write!(f, "; {}", self.permitted)
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Error {
        Error::of(ErrorKind::Rejected, rejection)
    }
}

impl Error {
    /// The facts of a refusal, if this is one.
    pub fn rejection(&self) -> Option<&Rejection> {
        self.facts()
    }
}

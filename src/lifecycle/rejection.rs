//! A refusal that says why, and what is permitted instead.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{Refused, StateKind, StepKind};
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
    /// Going to another status of its workflow.
    Move,
}

impl Verb {
    const BESIDE_STEPS: [Verb; 7] =
        [Verb::Reply, Verb::Note, Verb::Assign, Verb::HandOver, Verb::Prioritise, Verb::Describe, Verb::Link];

    /// Whether a ticket in this state accepts it. A final ticket still takes notes, links and corrected
    /// descriptions, because those are how one learns from it; it takes no work and no talk.
    pub const fn accepted_in(self, state: StateKind) -> bool {
        match self {
            Verb::Step(step) => state.accepts(step),
            // A workflow says whether there is such a way; the lifecycle has none.
            Verb::Note | Verb::Describe | Verb::Link | Verb::Move => true,
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
            Verb::Move => "move",
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

    /// What a ticket in this state accepts, where a workflow says which steps and moves there are.
    pub(crate) fn in_workflow(state: StateKind, has: impl Fn(Verb) -> bool) -> Permitted {
        let mut permitted = Permitted::in_state(state);
        permitted.verbs.insert(state.accepted().count(), Verb::Move);
        permitted.verbs.retain(|verb| !matches!(verb, Verb::Step(_) | Verb::Move) || has(*verb));
        permitted
    }

    /// The steps alone, and moves.
    pub(crate) fn ways_alone(mut self) -> Permitted {
        self.verbs.retain(|verb| matches!(verb, Verb::Step(_) | Verb::Move));
        self
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

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not accepted while {}; {}", self.step, self.state, Permitted::steps(self.state))
    }
}

impl std::error::Error for Refused {}

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
        may: Cow<'static, str>,
    },
    /// The workflow has no such status.
    UnknownStatus {
        /// The status that was named.
        status: String,
        /// The one that was probably meant.
        meant: Option<String>,
    },
    /// The workflow has no such way from here.
    NoTransition {
        /// The status that was named, if one was.
        to: Option<String>,
        /// The statuses to which such an action does lead from here.
        available: Vec<String>,
    },
    /// A guard of the workflow does not hold.
    Guard {
        /// The guard, by its name in the workflow.
        guard: String,
        /// The status to which the way leads.
        to: String,
    },
    /// A field must be filled first.
    Missing {
        /// The field.
        field: String,
        /// The status to which the way leads.
        to: String,
    },
    /// The way needs a reason in words.
    Unsaid {
        /// The status to which the way leads.
        to: String,
    },
    /// Some other condition fails: in words.
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
    /// Its status, if it follows a workflow of the desk's own.
    pub status: Option<Arc<str>>,
    /// What was wanted.
    pub verb: Verb,
    /// Every reason for the refusal. Where several ways of a workflow are closed, the reasons against each stand here,
    /// one after the other: to open one of the ways is enough.
    pub reasons: Vec<Reason>,
    /// What is permitted now: that for which there is a way from here, and which is theirs to do. A guard, or what must
    /// be filled in first, may still stand against it, so that what was refused can be among it.
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
        Rejection { state, status: None, verb, reasons: vec![reason], permitted }
    }
}

impl Rejection {
    /// Its reasons, each in words: what a screen may list.
    pub fn reasons_in_words(&self) -> Vec<String> {
        struct InWords<'a>(&'a Rejection, &'a Reason);

        impl fmt::Display for InWords<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.reason(self.1, f)
            }
        }

        self.reasons.iter().map(|reason| InWords(self, reason).to_string()).collect()
    }

    fn reason(&self, reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = self.verb;
        match reason {
            Reason::State => write!(f, "{verb} is not accepted while {}", self.state),
            Reason::Actor { may } => write!(f, "{verb} is for {may}"),
            Reason::UnknownStatus { status, meant } => {
                write!(f, "{verb}: the status {status:?} is not known")?;
                meant.as_ref().map_or(Ok(()), |meant| write!(f, " (did you mean {meant:?}?)"))
            }
            Reason::NoTransition { to, available } => {
                write!(f, "no {verb} leads from {:?}", self.status.as_deref().unwrap_or(self.state.name()))?;
                match to {
                    Some(to) => write!(f, " to {to:?}")?,
                    None => f.write_str(" available")?,
                }
                match available.is_empty() {
                    true => Ok(()),
                    false => write!(
                        f,
                        ", only to {}",
                        available.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ")
                    ),
                }
            }
            Reason::Guard { guard, to } => write!(f, "{verb} to {to:?} needs the guard {guard:?} to hold"),
            Reason::Missing { field, to } => write!(f, "{verb} to {to:?} needs {field} to be filled"),
            Reason::Unsaid { to } => write!(f, "{verb} to {to:?} needs a reason in words"),
            Reason::Because(why) => write!(f, "{verb} is refused: {why}"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, reason) in self.reasons.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            self.reason(reason, f)?;
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

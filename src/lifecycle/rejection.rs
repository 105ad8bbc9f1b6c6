//! Rejected actions: the reasons, and the actions permitted instead.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kind::{StateKind, StepKind, StepRefused};
use crate::error::{Error, ErrorKind};
use crate::id::{AgentId, TicketId};
use crate::language::{InWords, Language, Sentence};
use crate::text;

/// The kind of an action on a ticket: a lifecycle step, or an action that keeps the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ActionKind {
    /// A lifecycle step.
    Step(StepKind),
    /// A public message.
    Reply,
    /// An internal note.
    Note,
    /// Assigning the ticket to an agent.
    Assign,
    /// Handing the ticket over to another team or line.
    HandOver,
    /// Changing impact, urgency, modifiers or the priority itself.
    Prioritise,
    /// Changing kind, category, tags, fields or contacts.
    Describe,
    /// Linking the ticket with another one.
    Link,
    /// Recording the time that an agent has worked on the ticket.
    TimeSpent,
    /// Adding or removing a follower.
    Follow,
    /// Moving the ticket to another status of its workflow.
    Move,
    /// Taking back that the ticket is spam.
    NotSpam,
    /// Taking back the actor's own last command.
    Undo,
}

impl ActionKind {
    const NON_STEPS: [ActionKind; 9] = [
        ActionKind::Reply,
        ActionKind::Note,
        ActionKind::Assign,
        ActionKind::HandOver,
        ActionKind::Prioritise,
        ActionKind::Describe,
        ActionKind::Link,
        ActionKind::TimeSpent,
        ActionKind::Follow,
    ];

    /// Returns true if a ticket in this state accepts the action.
    ///
    /// A closed or cancelled ticket accepts notes, links, followers, recorded time and corrections of its description,
    /// because people learn from old tickets. It accepts no replies of the desk and no changes to its assignment, line
    /// or priority. A reply of a contact is kept on the ticket if the policy's [standings](crate::policy::standing) say
    /// so.
    ///
    /// Moves and corrections (undo, not spam) are accepted in every state: the workflow and the history restrict them,
    /// and the lifecycle does not.
    pub const fn accepted_in(self, state: StateKind) -> bool {
        match self {
            ActionKind::Step(step) => state.accepts(step),
            ActionKind::Note
            | ActionKind::Describe
            | ActionKind::Link
            | ActionKind::TimeSpent
            | ActionKind::Follow
            | ActionKind::Move
            | ActionKind::NotSpam
            | ActionKind::Undo => true,
            ActionKind::Reply | ActionKind::Assign | ActionKind::HandOver | ActionKind::Prioritise => {
                !state.is_final()
            }
        }
    }
}

impl InWords for ActionKind {
    fn in_words(&self, language: &Language) -> String {
        let name = match self {
            ActionKind::Step(step) => return step.in_words(language),
            ActionKind::Reply => "reply",
            ActionKind::Note => "note",
            ActionKind::Assign => "assign",
            ActionKind::HandOver => "hand_over",
            ActionKind::Prioritise => "prioritise",
            ActionKind::Describe => "describe",
            ActionKind::Link => "link",
            ActionKind::TimeSpent => "record_time",
            ActionKind::Follow => "follow",
            ActionKind::Move => "move",
            ActionKind::NotSpam => "not_spam",
            ActionKind::Undo => "undo",
        };
        language.name("action", name)
    }
}

/// Prints the action in English.
impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}

/// The actions that a ticket accepts now. `Display` prints them as a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permitted {
    state: StateKind,
    actions: Vec<ActionKind>,
    /// The steps and moves that lack only fields, each with these fields.
    once_filled: Box<[(ActionKind, Vec<String>)]>,
}

impl Permitted {
    /// Returns the actions that a ticket in this state accepts, steps first.
    ///
    /// [`ActionKind::Move`] is not included, because it depends on the workflow.
    pub fn in_state(state: StateKind) -> Permitted {
        let others = ActionKind::NON_STEPS.into_iter().filter(|action| action.accepted_in(state));
        let actions = state.accepted().map(ActionKind::Step).chain(others).collect();
        Permitted { state, actions, once_filled: Box::default() }
    }

    /// Returns the actions that a ticket in this state accepts. `lacking` returns the empty fields that keep the
    /// workflow from accepting a step or a move, and `None` if it does not accept it in any case.
    pub(crate) fn in_workflow(
        state: StateKind,
        mut lacking: impl FnMut(ActionKind) -> Option<Vec<String>>,
    ) -> Permitted {
        let mut permitted = Permitted::in_state(state);
        permitted.actions.insert(state.accepted().count(), ActionKind::Move);
        let mut once_filled = Vec::new();
        permitted.actions.retain(|action| match action {
            ActionKind::Step(_) | ActionKind::Move => match lacking(*action) {
                Some(fields) if fields.is_empty() => true,
                Some(fields) => {
                    once_filled.push((*action, fields));
                    false
                }
                None => false,
            },
            _ => true,
        });
        permitted.once_filled = once_filled.into();
        permitted
    }

    /// Keeps only steps and moves.
    pub(crate) fn ways_alone(mut self) -> Permitted {
        self.actions.retain(|action| matches!(action, ActionKind::Step(_) | ActionKind::Move));
        self
    }

    /// Returns the steps that this state accepts, without other actions.
    pub(crate) fn steps(state: StateKind) -> Permitted {
        Permitted {
            state,
            actions: state.accepted().map(ActionKind::Step).collect(),
            once_filled: Box::default(),
        }
    }

    /// Removes an action.
    pub(crate) fn without(self, refused: ActionKind) -> Permitted {
        self.only(|action| action != refused)
    }

    /// Keeps the actions for which `may` returns true.
    pub(crate) fn only(mut self, may: impl Fn(ActionKind) -> bool) -> Permitted {
        self.actions.retain(|action| may(*action));
        self.once_filled = self.once_filled.into_iter().filter(|(action, _)| may(*action)).collect();
        self
    }

    /// Returns the actions as readers of the public part may know them: without moves and without the names of fields.
    pub(crate) fn public(mut self) -> Permitted {
        self.once_filled = Box::default();
        self.without(ActionKind::Move)
    }

    /// Returns the steps and moves that would be accepted once these fields are filled.
    pub fn once_filled(&self) -> &[(ActionKind, Vec<String>)] {
        &self.once_filled
    }

    /// Returns the permitted actions.
    pub fn actions(&self) -> &[ActionKind] {
        &self.actions
    }

    /// Returns true if the action is permitted.
    pub fn contains(&self, action: ActionKind) -> bool {
        self.actions.contains(&action)
    }
}

impl fmt::Display for StepRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not accepted while {}; {}", self.step, self.state, Permitted::steps(self.state))
    }
}

impl std::error::Error for StepRefused {}

impl InWords for Permitted {
    fn in_words(&self, language: &Language) -> String {
        if self.actions.is_empty() && self.once_filled.is_empty() {
            let is_final = self.state.is_final();
            return language.say(if is_final { "permitted.final" } else { "permitted.none" }, &[]);
        }
        let mut sentences = Vec::new();
        if !self.actions.is_empty() {
            let actions: Vec<String> = self.actions.iter().map(|action| action.in_words(language)).collect();
            sentences.push(language.say("permitted.actions", &[("actions", &actions.join(", "))]));
        }
        sentences.extend(self.once_filled.iter().map(|(action, fields)| {
            let names: Vec<String> = fields.iter().map(|field| language.name("field", field)).collect();
            let values: &[(&str, &dyn fmt::Display)] =
                &[("action", &action.in_words(language)), ("fields", &language.and(&names))];
            language.say_count("permitted.once_filled", fields.len() as u64, values)
        }));
        sentences.join("; ")
    }
}

/// Prints the list in English.
impl fmt::Display for Permitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}

/// A reason for a rejection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RejectionReason {
    /// The lifecycle does not accept the action in this state.
    State,
    /// The actor is not allowed to perform the action.
    Actor {
        /// The actors that are allowed: `requester`, `affected`, `cc`, `outsider`, `agent`, `automation`, or the form
        /// of a [performer](crate::workflow::Performer) such as `line:second` and `role:lead`.
        allowed: Vec<String>,
    },
    /// The workflow has no such status.
    UnknownStatus {
        /// The requested status.
        status: String,
        /// A status with a similar name, as a suggestion.
        suggestion: Option<String>,
    },
    /// The workflow has no matching transition from the ticket's status.
    NoTransition {
        /// The requested status, if the action named one.
        to: Option<String>,
        /// The statuses that the action can reach from the ticket's status.
        available: Vec<String>,
    },
    /// A guard of the transition does not hold.
    Guard {
        /// The name of the guard in the workflow.
        guard: String,
        /// The target status of the transition.
        to: String,
    },
    /// A field that the transition requires is empty.
    Missing {
        /// The name of the field.
        field: String,
        /// The target status of the transition.
        to: String,
    },
    /// The transition requires a reason in words, and the action gives none.
    MissingComment {
        /// The target status of the transition.
        to: String,
    },
    /// The actor does not see the ticket. Only a check in advance gives this reason. If the desk executes the action,
    /// the error is [not found](crate::Error::is_not_found) instead.
    NotFound {
        /// The id of the ticket.
        ticket: TicketId,
    },
    /// The ticket cannot be taken, because another agent has it.
    Assigned {
        /// The agent who has the ticket.
        to: AgentId,
    },
    /// The input breaks a rule: an undeclared field or an empty text, for example. Only a check in advance gives this
    /// reason. If the desk executes the action, the error is [invalid](crate::Error::is_invalid) instead.
    Invalid(String),
    /// Another condition fails; the sentence describes it.
    Other(Sentence),
}

/// A rejected action, with the reasons and the actions that are permitted now.
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
    /// The state of the ticket; always `new` if the actor does not see the ticket.
    pub state: StateKind,
    /// The ticket's workflow status; `None` if the ticket follows the built-in simple workflow.
    pub status: Option<Arc<str>>,
    /// The rejected action.
    pub action: ActionKind,
    /// The reasons for the rejection. All of them must be removed.
    pub reasons: Vec<RejectionReason>,
    /// The reasons of each way, if several transitions of a workflow match the action and none of them is open. It is
    /// enough to remove the reasons of one way.
    pub ways: Box<[Vec<RejectionReason>]>,
    /// The actions that this actor may perform on the ticket now. A rejected step is not among them, unless only its
    /// target was wrong.
    pub permitted: Permitted,
}

impl Rejection {
    /// Creates a rejection with one reason.
    pub(crate) fn new(state: StateKind, action: ActionKind, reason: RejectionReason) -> Rejection {
        // For a step, the message lists the accepted steps; for any other action, all accepted actions.
        let permitted = match action {
            ActionKind::Step(_) => Permitted::steps(state),
            _ => Permitted::in_state(state),
        };
        Rejection { state, status: None, action, reasons: vec![reason], ways: Box::default(), permitted }
    }

    /// Creates the rejection of an action on a ticket that the actor does not see. It is the same for every ticket.
    pub(crate) fn not_found(ticket: TicketId, action: ActionKind) -> Rejection {
        let reason = RejectionReason::NotFound { ticket };
        let rejection = Rejection::new(StateKind::New, action, reason);
        Rejection { permitted: rejection.permitted.only(|_| false), ..rejection }
    }

    /// Returns the rejection as actors may see it who see only the public part of the ticket: without statuses, fields,
    /// guards, roles, lines and agents. An invalid input must be about the input alone.
    pub(crate) fn public(self) -> Rejection {
        let Rejection { state, action, mut reasons, permitted, .. } = self;
        reasons.retain(|reason| match reason {
            RejectionReason::State | RejectionReason::NotFound { .. } | RejectionReason::Invalid(_) => true,
            // Roles and lines have a colon.
            RejectionReason::Actor { allowed } => !allowed.iter().any(|name| name.contains(':')),
            _ => false,
        });
        if reasons.is_empty() {
            reasons.push(RejectionReason::Other(Sentence::new("why.not_now")));
        }
        Rejection {
            state,
            status: None,
            action,
            reasons,
            ways: Box::default(),
            permitted: permitted.public(),
        }
    }
}

impl Rejection {
    /// Returns every reason: those that apply in any case, then those of each way.
    pub fn all_reasons(&self) -> impl Iterator<Item = &RejectionReason> {
        self.reasons.iter().chain(self.ways.iter().flatten())
    }

    /// Returns one sentence for each reason, in the order of [`reasons`](Rejection::reasons), for display to people. If
    /// there are several [ways](Rejection::ways), the last sentence lists them: "either …, or …".
    pub fn reasons_in_words(&self) -> Vec<String> {
        self.reasons_in(Language::english())
    }

    /// Returns [one sentence for each reason](Rejection::reasons_in_words) in this language.
    ///
    /// ```
    /// use firstline::language::Language;
    /// use firstline::{Action, Actor, Desk, NewTicket};
    ///
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let no = ticket.why_not_by(&Action::start(), &Actor::contact("boris")).unwrap();
    /// assert_eq!(no.reasons_in(Language::russian()), ["взять в работу: право есть только у сотрудников и программ"]);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn reasons_in(&self, language: &Language) -> Vec<String> {
        let words = |reason| self.reason(reason, language);
        let mut sentences: Vec<String> = self.reasons.iter().map(words).collect();
        let ways = self.ways.iter().map(|way| language.and(&way.iter().map(words).collect::<Vec<_>>()));
        let ways: Vec<String> = ways.collect();
        if !ways.is_empty() {
            sentences.push(language.say("refused.either", &[("ways", &language.or(&ways))]));
        }
        sentences
    }

    fn reason(&self, reason: &RejectionReason, language: &Language) -> String {
        let action = self.action.in_words(language);
        // Names may come from anybody, and rejections end up on screens and in logs.
        let quoted = |name: &str| language.quote(text::shown(name));
        let status = |name: &str| language.quote(language.name("status", &text::shown(name)));
        let say = |entry, values: &[(&str, &dyn fmt::Display)]| {
            language.say(entry, &[&[("action", &action as &dyn fmt::Display)], values].concat())
        };
        match reason {
            RejectionReason::State => say("refused.state", &[("state", &self.state.in_words(language))]),
            RejectionReason::Actor { allowed } => {
                let allowed = allowed.iter().map(|name| match name.strip_prefix("role:") {
                    Some(role) => language.say("allowed.role", &[("role", &quoted(role))]),
                    None => language.name("allowed", name),
                });
                let allowed: Vec<String> = allowed.collect();
                say("refused.actor", &[("allowed", &language.and(&allowed))])
            }
            RejectionReason::UnknownStatus { status, suggestion } => {
                let sentence = say("refused.unknown_status", &[("status", &quoted(status))]);
                let Some(name) = suggestion else { return sentence };
                language.say("refused.did_you_mean", &[("sentence", &sentence), ("name", &quoted(name))])
            }
            RejectionReason::NoTransition { to, available } => {
                let from = status(self.status.as_deref().unwrap_or(self.state.name()));
                let sentence = match to {
                    Some(to) => say("refused.no_transition_to", &[("from", &from), ("to", &status(to))]),
                    None => say("refused.no_transition", &[("from", &from)]),
                };
                if available.is_empty() {
                    return sentence;
                }
                let statuses: Vec<String> = available.iter().map(|it| status(it)).collect();
                language
                    .say("refused.only_to", &[("sentence", &sentence), ("statuses", &statuses.join(", "))])
            }
            RejectionReason::Guard { guard, to } => {
                say("refused.guard", &[("to", &status(to)), ("guard", &quoted(guard))])
            }
            RejectionReason::Missing { field, to } => say(
                "refused.missing",
                &[("to", &status(to)), ("field", &language.name("field", &text::shown(field)))],
            ),
            RejectionReason::MissingComment { to } => say("refused.comment", &[("to", &status(to))]),
            RejectionReason::Assigned { to } => {
                language.say("refused.assigned", &[("agent", &text::shown(to.as_str()))])
            }
            RejectionReason::Invalid(problem) => {
                language.say("refused.invalid", &[("problem", &text::shown(problem))])
            }
            RejectionReason::NotFound { ticket } => say("refused.not_found", &[("ticket", ticket)]),
            RejectionReason::Other(why) => say("refused.other", &[("why", &why.in_words(language))]),
        }
    }
}

impl InWords for Rejection {
    fn in_words(&self, language: &Language) -> String {
        let mut sentences = self.reasons_in(language);
        if self.reasons.iter().any(|it| matches!(it, RejectionReason::NotFound { .. })) {
            return sentences.join("; ");
        }
        // If only fields or a comment are missing, "none is permitted to this actor" would be wrong.
        let Permitted { actions, once_filled, .. } = &self.permitted;
        let fills = |it: &RejectionReason| {
            matches!(it, RejectionReason::Missing { .. } | RejectionReason::MissingComment { .. })
        };
        if !actions.is_empty() || !once_filled.is_empty() || !self.all_reasons().all(fills) {
            sentences.push(self.permitted.in_words(language));
        }
        sentences.join("; ")
    }
}

/// Prints the rejection in English.
impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::english()))
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Error {
        Error::of(ErrorKind::Rejected, rejection)
    }
}

impl Error {
    /// Returns the rejection if the error has the kind [`Rejected`](ErrorKind::Rejected).
    pub fn rejection(&self) -> Option<&Rejection> {
        self.facts()
    }
}

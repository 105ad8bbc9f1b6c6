//! What somebody wants done to a ticket, as data.

mod step_options;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::{HoldReason, StepKind, Verb};
use crate::line::Line;
use crate::priority::{Impact, Priority, Urgency};
use crate::ticket::kind::{Kind, Link, LinkKind};
use crate::ticket::message::Message;
use crate::ticket::people::{Contact, ContactRole};
use crate::value::Value;

pub use step_options::StepOptions;

/// What somebody wants done to a ticket. One action may carry several things at once, all or nothing:
///
/// ```
/// use firstline::{Action, HoldReason};
///
/// let ask = Action::reply("Which browser is it?").and(Action::hold(HoldReason::Customer));
/// let answer = Action::reply("It works again.").and(Action::resolve("cache cleared"));
/// # assert_eq!(ask.parts().len() + answer.parts().len(), 4);
/// ```
///
/// Written as JSON, each is a table of its one name:
///
/// ```
/// use firstline::Action;
///
/// let written = r#"{"all": [{"note": {"text": "Looked into it."}}, {"start": {}}, {"hold": {"reason": "customer"}},
///                           {"move": {"status": "Awaiting parcel"}}, {"resolve": {"text": "unmuted"}}]}"#;
/// let action: Action = serde_json::from_str(written).unwrap();
/// assert_eq!(action.parts().len(), 5);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// A public message: of the desk if an agent or a program sends it, of a contact if a contact does.
    Reply(Message),
    /// An internal note.
    Note(Message),
    /// Begin to work on it.
    Start(StepOptions),
    /// Let it wait.
    Hold {
        /// What for.
        reason: HoldReason,
        /// When it resumes by itself, rounded down to whole microseconds, which is what stores keep.
        until: Option<DateTime<Utc>>,
        /// To which status, and why.
        #[serde(default, skip_serializing_if = "StepOptions::is_empty")]
        options: StepOptions,
    },
    /// Go on with it.
    Resume(StepOptions),
    /// It is answered.
    Resolve {
        /// The solution in words.
        text: String,
        /// A code of the desk's own list.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The status to which it leads; where none is named, the workflow says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<String>,
    },
    /// The requester says that it is solved.
    Confirm(StepOptions),
    /// Close it.
    Close(StepOptions),
    /// It is not solved.
    Reopen(StepOptions),
    /// Withdraw it.
    Cancel(StepOptions),
    /// Go to another status of the workflow: of the same state, or of another one by the step that leads there.
    Move {
        /// To which status.
        status: String,
        /// Why, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Give it to an agent, or to nobody.
    Assign(Option<AgentId>),
    /// Hand it to a team on a line. Nobody of that team has it yet.
    HandOver {
        /// To whom.
        team: TeamId,
        /// On which line the team stands.
        line: Line,
        /// What the next person needs to know, so that the customer need not repeat it.
        note: Option<String>,
    },
    /// Set the impact.
    Impact(Impact),
    /// Set the urgency.
    Urgency(Urgency),
    /// Name a modifier of the priority on the ticket, or take it off.
    Modifier {
        /// Its name in the desk's policy.
        name: String,
        /// On or off.
        on: bool,
    },
    /// Set the priority itself, whatever its inputs say, until [`Action::Computed`].
    Override {
        /// The priority.
        priority: Priority,
        /// Why, in words.
        comment: String,
    },
    /// Return to the computed priority.
    Computed,
    /// Correct the subject.
    Subject(String),
    /// Correct the kind.
    Kind(Kind),
    /// Set the category path, from general to special.
    Category(Vec<String>),
    /// Put a tag on.
    Tag(String),
    /// Take a tag off.
    Untag(String),
    /// Set a custom field; `None` empties it.
    Field {
        /// Its name in the desk's policy.
        name: String,
        /// The value.
        value: Option<Value>,
    },
    /// Add a contact, or renew what is known of one.
    Contact {
        /// Who.
        contact: Contact,
        /// What they are to the ticket.
        role: ContactRole,
    },
    /// Take a contact off.
    RemoveContact(ContactId),
    /// Link it with another ticket of the desk. The other is given the inverse link in the same commit.
    Link(Link),
    /// Take a link away, on both tickets.
    Unlink(Link),
    /// Several things at once, in this order, all or nothing.
    All(Vec<Action>),
}

impl Action {
    /// A public message.
    pub fn reply(message: impl Into<Message>) -> Action {
        Action::Reply(message.into())
    }

    /// An internal note.
    pub fn note(message: impl Into<Message>) -> Action {
        Action::Note(message.into())
    }

    /// Begin to work on it.
    pub fn start() -> Action {
        Action::Start(StepOptions::default())
    }

    /// Let it wait for this.
    pub fn hold(reason: impl Into<HoldReason>) -> Action {
        Action::Hold { reason: reason.into(), until: None, options: StepOptions::default() }
    }

    /// Let it wait for this, and resume by itself at an instant.
    pub fn hold_until(reason: impl Into<HoldReason>, until: DateTime<Utc>) -> Action {
        Action::Hold { reason: reason.into(), until: Some(until), options: StepOptions::default() }
    }

    /// Go on with it.
    pub fn resume() -> Action {
        Action::Resume(StepOptions::default())
    }

    /// It is answered: the solution in words.
    pub fn resolve(text: impl Into<String>) -> Action {
        Action::Resolve { text: text.into(), code: None, status: None }
    }

    /// It is answered: a code of the desk's own list, and the solution in words.
    pub fn resolve_as(code: impl Into<String>, text: impl Into<String>) -> Action {
        Action::Resolve { text: text.into(), code: Some(code.into()), status: None }
    }

    /// The requester says that it is solved.
    pub fn confirm() -> Action {
        Action::Confirm(StepOptions::default())
    }

    /// Close it.
    pub fn close() -> Action {
        Action::Close(StepOptions::default())
    }

    /// It is not solved.
    pub fn reopen() -> Action {
        Action::Reopen(StepOptions::default())
    }

    /// Withdraw it.
    pub fn cancel() -> Action {
        Action::Cancel(StepOptions::default())
    }

    /// Give it to an agent.
    pub fn assign(to: impl Into<AgentId>) -> Action {
        Action::Assign(Some(to.into()))
    }

    /// Give it to nobody: any agent of its team may take it.
    pub fn unassign() -> Action {
        Action::Assign(None)
    }

    /// Hand it to a team on a line, with what the next person needs to know.
    pub fn hand_over(team: impl Into<TeamId>, line: Line, note: impl Into<String>) -> Action {
        Action::HandOver { team: team.into(), line, note: Some(note.into()) }
    }

    /// Set the priority itself, with a reason.
    pub fn override_priority(priority: Priority, comment: impl Into<String>) -> Action {
        Action::Override { priority, comment: comment.into() }
    }

    /// Name a modifier of the priority on the ticket.
    pub fn modifier(name: impl Into<String>) -> Action {
        Action::Modifier { name: name.into(), on: true }
    }

    /// Correct the subject.
    pub fn subject(subject: impl Into<String>) -> Action {
        Action::Subject(subject.into())
    }

    /// Set the category path, from general to special.
    pub fn category<S: Into<String>>(path: impl IntoIterator<Item = S>) -> Action {
        Action::Category(path.into_iter().map(Into::into).collect())
    }

    /// Put a tag on.
    pub fn tag(tag: impl Into<String>) -> Action {
        Action::Tag(tag.into())
    }

    /// Take a tag off.
    pub fn untag(tag: impl Into<String>) -> Action {
        Action::Untag(tag.into())
    }

    /// Set a custom field.
    pub fn field(name: impl Into<String>, value: impl Into<Value>) -> Action {
        Action::Field { name: name.into(), value: Some(value.into()) }
    }

    /// Link it with another ticket of the desk.
    pub fn link(kind: LinkKind, to: TicketId) -> Action {
        Action::Link(Link { kind, to })
    }

    /// Take a link away, on both tickets.
    pub fn unlink(kind: LinkKind, to: TicketId) -> Action {
        Action::Unlink(Link { kind, to })
    }

    /// This, and then that, in one commit.
    #[must_use]
    pub fn and(self, next: Action) -> Action {
        match self {
            Action::All(mut parts) => {
                parts.push(next);
                Action::All(parts)
            }
            first => Action::All(vec![first, next]),
        }
    }

    /// The single things that it carries, in order.
    pub fn parts(&self) -> Vec<&Action> {
        let mut parts = Vec::new();
        let mut waiting = vec![self];
        while let Some(action) = waiting.pop() {
            match action {
                Action::All(several) => waiting.extend(several.iter().rev()),
                single => parts.push(single),
            }
        }
        parts
    }

    /// What it is, by name; `None` for several things at once.
    pub const fn verb(&self) -> Option<Verb> {
        Some(match self {
            Action::Reply(_) => Verb::Reply,
            Action::Note(_) => Verb::Note,
            Action::Start(_) => Verb::Step(StepKind::Start),
            Action::Hold { .. } => Verb::Step(StepKind::Hold),
            Action::Resume(_) => Verb::Step(StepKind::Resume),
            Action::Resolve { .. } => Verb::Step(StepKind::Resolve),
            Action::Confirm(_) => Verb::Step(StepKind::Confirm),
            Action::Close(_) => Verb::Step(StepKind::Close),
            Action::Reopen(_) => Verb::Step(StepKind::Reopen),
            Action::Cancel(_) => Verb::Step(StepKind::Cancel),
            Action::Move { .. } => Verb::Move,
            Action::Assign(_) => Verb::Assign,
            Action::HandOver { .. } => Verb::HandOver,
            Action::Impact(_)
            | Action::Urgency(_)
            | Action::Modifier { .. }
            | Action::Override { .. }
            | Action::Computed => Verb::Prioritise,
            Action::Subject(_)
            | Action::Kind(_)
            | Action::Category(_)
            | Action::Tag(_)
            | Action::Untag(_)
            | Action::Field { .. }
            | Action::Contact { .. }
            | Action::RemoveContact(_) => Verb::Describe,
            Action::Link(_) | Action::Unlink(_) => Verb::Link,
            Action::All(_) => return None,
        })
    }
}

/// Where it leads, and why.
impl Action {
    /// Go to another status of the ticket's workflow. Within one state that is all; to a status of another state it is
    /// the step that leads there, as far as that step needs nothing else: to resolve, say what the solution is, and
    /// name the status with [`into_status`](Action::into_status); so too where a status on hold does not say
    /// [what it waits for](crate::workflow::Status::reason).
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let check = Action::move_to("Inspection");
    /// let refuse = Action::move_to("Withdrawn").because("It was opened twice.");
    /// let answer = Action::resolve("money back").into_status("Refunded");
    /// ```
    pub fn move_to(status: impl Into<String>) -> Action {
        Action::Move { status: status.into(), comment: None }
    }

    /// The same step, to this status of the ticket's workflow: the last step or move of the action. Where there is
    /// none, a move to it.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let wait = Action::hold("customer").and(Action::reply("Which colour?")).into_status("Awaiting answer");
    /// assert_eq!(
    ///     wait,
    ///     Action::hold("customer").into_status("Awaiting answer").and(Action::reply("Which colour?")),
    /// );
    /// let ask = Action::reply("Which colour?").into_status("Awaiting answer");
    /// assert_eq!(ask, Action::reply("Which colour?").and(Action::move_to("Awaiting answer")));
    /// ```
    #[must_use]
    pub fn into_status(mut self, status: impl Into<String>) -> Action {
        let destination = status.into();
        match self.last_step() {
            Some(Action::Move { status, .. }) => *status = destination,
            Some(Action::Resolve { status, .. }) => *status = Some(destination),
            other => match other.and_then(Action::step_options_mut) {
                Some(options) => options.status = Some(destination),
                None => return self.and(Action::move_to(destination)),
            },
        }
        self
    }

    /// The same step, with a reason in words: the last step or move of the action. Where that has no place for one (to
    /// resolve, the solution is the reason), an internal note.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let why = Action::cancel().because("It was a test.");
    /// assert_eq!(Action::untag("vip").because("She left."), Action::untag("vip").and(Action::note("She left.")));
    /// ```
    #[must_use]
    pub fn because(mut self, words: impl Into<String>) -> Action {
        let words = words.into();
        match self.last_step() {
            Some(Action::Move { comment, .. }) => *comment = Some(words),
            other => match other.and_then(Action::step_options_mut) {
                Some(options) => options.comment = Some(words),
                None => return self.and(Action::note(words)),
            },
        }
        self
    }

    /// The last thing in it that is a step or a move.
    fn last_step(&mut self) -> Option<&mut Action> {
        match self {
            Action::All(parts) => parts.iter_mut().rev().find_map(Action::last_step),
            other => matches!(other.verb(), Some(Verb::Step(_) | Verb::Move)).then_some(other),
        }
    }

    fn step_options_mut(&mut self) -> Option<&mut StepOptions> {
        match self {
            Action::Start(options)
            | Action::Hold { options, .. }
            | Action::Resume(options)
            | Action::Confirm(options)
            | Action::Close(options)
            | Action::Reopen(options)
            | Action::Cancel(options) => Some(options),
            _ => None,
        }
    }

    /// The status that it names, and the reason that it gives.
    pub(crate) fn step_options(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Action::Start(options)
            | Action::Hold { options, .. }
            | Action::Resume(options)
            | Action::Confirm(options)
            | Action::Close(options)
            | Action::Reopen(options)
            | Action::Cancel(options) => (options.status.as_deref(), options.comment.as_deref()),
            Action::Resolve { text, status, .. } => (status.as_deref(), Some(text)),
            Action::Move { status, comment } => (Some(status), comment.as_deref()),
            _ => (None, None),
        }
    }
}

//! Where an action leads, and why: the status that it names, and its reason in words.

use serde::{Deserialize, Serialize};

use super::Action;
use crate::lifecycle::Verb;

/// Where a step leads, and why it is taken, as far as somebody says so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Onward {
    /// The status to which it leads; where none is named, the workflow says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Onward {
    pub(super) fn is_empty(&self) -> bool {
        *self == Onward::default()
    }
}

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
        Action::Move { to: status.into(), why: None }
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
        let status = status.into();
        match self.last_step() {
            Some(Action::Move { to, .. }) => *to = status,
            Some(Action::Resolve { to, .. }) => *to = Some(status),
            other => match other.and_then(Action::onward_mut) {
                Some(onward) => onward.to = Some(status),
                None => return self.and(Action::move_to(status)),
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
            Some(Action::Move { why, .. }) => *why = Some(words),
            other => match other.and_then(Action::onward_mut) {
                Some(onward) => onward.why = Some(words),
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

    fn onward_mut(&mut self) -> Option<&mut Onward> {
        match self {
            Action::Start(onward)
            | Action::Hold { onward, .. }
            | Action::Resume(onward)
            | Action::Confirm(onward)
            | Action::Close(onward)
            | Action::Reopen(onward)
            | Action::Cancel(onward) => Some(onward),
            _ => None,
        }
    }

    /// The status that it names, and the reason that it gives.
    pub(crate) fn way(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Action::Start(onward)
            | Action::Hold { onward, .. }
            | Action::Resume(onward)
            | Action::Confirm(onward)
            | Action::Close(onward)
            | Action::Reopen(onward)
            | Action::Cancel(onward) => (onward.to.as_deref(), onward.why.as_deref()),
            Action::Resolve { text, to, .. } => (to.as_deref(), Some(text)),
            Action::Move { to, why } => (Some(to), why.as_deref()),
            _ => (None, None),
        }
    }
}

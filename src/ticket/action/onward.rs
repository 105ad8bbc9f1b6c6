//! Where an action leads, and why: the status that it names, and its reason in words.

use serde::{Deserialize, Serialize};

use super::Action;

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

    /// The same step, to this status of the ticket's workflow. After something that is no step, a move to it.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let wait = Action::hold("customer").into_status("Awaiting parcel");
    /// let ask = Action::reply("Which colour?").into_status("Awaiting answer");
    /// assert_eq!(ask, Action::reply("Which colour?").and(Action::move_to("Awaiting answer")));
    /// ```
    #[must_use]
    pub fn into_status(mut self, status: impl Into<String>) -> Action {
        let status = status.into();
        match self.last_way() {
            Some((to, _)) => *to = Some(status),
            None => match self.last() {
                Action::Move { to, .. } => *to = status,
                _ => return self.and(Action::move_to(status)),
            },
        }
        self
    }

    /// The same step, with a reason in words. After something that has no place for one, an internal note.
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
        match self.last() {
            Action::Move { why, .. } => *why = Some(words),
            _ => match self.last_way() {
                Some((_, Some(why))) => *why = Some(words),
                _ => return self.and(Action::note(words)),
            },
        }
        self
    }

    fn last(&mut self) -> &mut Action {
        let mut at = self;
        // The borrow checker wants the emptiness asked before the borrow is given away.
        while matches!(at, Action::All(parts) if !parts.is_empty()) {
            match at {
                Action::All(parts) => {
                    let last = parts.len() - 1;
                    at = &mut parts[last];
                }
                _ => break,
            }
        }
        at
    }

    /// Where the last part keeps its status and its reason, if it is a step.
    #[allow(clippy::type_complexity)]
    fn last_way(&mut self) -> Option<(&mut Option<String>, Option<&mut Option<String>>)> {
        match self.last() {
            Action::Start(Onward { to, why })
            | Action::Hold { onward: Onward { to, why }, .. }
            | Action::Resume(Onward { to, why })
            | Action::Confirm(Onward { to, why })
            | Action::Close(Onward { to, why })
            | Action::Reopen(Onward { to, why })
            | Action::Cancel(Onward { to, why }) => Some((to, Some(why))),
            Action::Resolve { to, .. } => Some((to, None)),
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

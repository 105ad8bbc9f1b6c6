//! The options of the last step of an action: its status, its comment, and the end of its hold.

use chrono::{DateTime, Utc};

use super::{Action, StepOptions};
use crate::lifecycle::{ActionKind, StateKind};
use crate::ticket::hold_end::HoldEnd;

impl Action {
    /// Sets the status of the last step or move in the action. Appends a move to the status if the action has neither.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let wait = Action::hold("customer").and(Action::reply("Which colour?")).with_status("Awaiting answer");
    /// assert_eq!(
    ///     wait,
    ///     Action::hold("customer").with_status("Awaiting answer").and(Action::reply("Which colour?")),
    /// );
    /// let ask = Action::reply("Which colour?").with_status("Awaiting answer");
    /// assert_eq!(ask, Action::reply("Which colour?").and(Action::move_to("Awaiting answer")));
    /// ```
    #[must_use]
    pub fn with_status(mut self, status: impl Into<String>) -> Action {
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

    /// Sets the comment of the last step or move in the action.
    ///
    /// If the action has neither, or if its last step is `resolve`, the comment is appended as an internal note. The
    /// text of `resolve` is the solution, so it has no other comment.
    ///
    /// ```
    /// use firstline::Action;
    ///
    /// let why = Action::cancel().comment("It was a test.");
    /// assert_eq!(Action::untag("vip").comment("She left."), Action::untag("vip").and(Action::note("She left.")));
    /// ```
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Action {
        let text = comment.into();
        match self.last_step() {
            Some(Action::Move { comment, .. }) => *comment = Some(text),
            other => match other.and_then(Action::step_options_mut) {
                Some(options) => options.comment = Some(text),
                None => return self.and(Action::note(text)),
            },
        }
        self
    }

    /// Resolves the ticket when the date of the hold is reached, for example because the customer has not answered.
    /// Without this, the ticket resumes.
    ///
    /// The desk takes the step itself, so the workflow must permit it without a comment. A message of the requester
    /// ends a hold for the customer, and then nothing happens at the date.
    #[must_use]
    pub fn then_resolve(self) -> Action {
        self.at_hold_end(|end| end.then = StateKind::Resolved)
    }

    /// Resolves and closes the ticket when the date of the hold is reached. Otherwise like
    /// [`then_resolve`](Action::then_resolve).
    #[must_use]
    pub fn then_close(self) -> Action {
        self.at_hold_end(|end| end.then = StateKind::Closed)
    }

    /// Records a reminder in the ticket's history at this instant, before the date of the hold is reached. The desk
    /// sends nothing.
    #[must_use]
    pub fn remind_at(self, instant: DateTime<Utc>) -> Action {
        self.at_hold_end(|end| end.remind_at = Some(instant))
    }

    /// Changes the end of the hold. Appends it if the action does not end with one.
    fn at_hold_end(mut self, change: impl FnOnce(&mut HoldEnd)) -> Action {
        let last = match &mut self {
            Action::All(parts) => parts.last_mut(),
            single => Some(single),
        };
        if let Some(Action::HoldEnd(end)) = last {
            change(end);
            return self;
        }
        let mut end = HoldEnd::default();
        change(&mut end);
        self.and(Action::HoldEnd(end))
    }

    /// Returns the last step or move in the action.
    fn last_step(&mut self) -> Option<&mut Action> {
        match self {
            Action::All(parts) => parts.iter_mut().rev().find_map(Action::last_step),
            // The cause of a cancellation as spam is its comment.
            Action::Spam => None,
            other => matches!(other.kind(), Some(ActionKind::Step(_) | ActionKind::Move)).then_some(other),
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

    /// Returns the status and the comment of a step or move.
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
            Action::Spam => (None, Some("spam")),
            _ => (None, None),
        }
    }
}

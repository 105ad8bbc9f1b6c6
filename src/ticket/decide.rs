//! The pure decision: a ticket, an action and a moment in; events or a refusal out.

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{HoldReason, Reason, Rejection, StepKind, Verb};
use crate::limits;
use crate::policy::Policy;
use crate::priority::Inputs;
use crate::ticket::action::Action;
use crate::ticket::draft::{Draft, Moment};
use crate::ticket::event::{Cause, Change, Personal};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;

impl Snapshot {
    /// Decides an action, purely: nothing is read, nothing is written, and the same question gets the same
    /// answer. A desk does it inside a transaction; a test, or a screen that shows what would happen, may do it
    /// anywhere.
    ///
    /// ```
    /// # use firstline::sla::Rulebook;
    /// # use firstline::ticket::draft::Moment;
    /// # use firstline::{Action, Actor, Desk, NewTicket, Policy};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let (policy, rules, anna) = (Policy::new(), Rulebook::new(), Actor::agent("anna"));
    /// let moment = Moment { now: "2100-01-05T09:00:00Z".parse()?, by: &anna, policy: &policy, rules: &rules };
    /// let draft = ticket.snapshot().decide(&Action::resolve("unmuted"), &moment)?;
    /// assert_eq!(draft.events().len(), 1);
    /// assert_eq!(draft.snapshot().state.to_string(), "resolved");
    /// assert!(ticket.snapshot().decide(&Action::confirm(), &moment).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [rejected](Error::is_rejected): the lifecycle, or who the actor is, forbids a part of the action;
    /// - [invalid](Error::is_invalid): a part breaks a stated rule (an undeclared field, an empty text).
    ///
    /// Either way nothing of the action happens.
    pub fn decide(&self, action: &Action, moment: &Moment<'_>) -> Result<Draft> {
        moment.by.check()?;
        let mut draft = Draft::of(self.clone(), moment.rules);
        draft.fire_due(moment)?;
        let parts = action.parts();
        if parts.is_empty() {
            return Err(Error::invalid("action", "is empty").allowing("at least one part"));
        }
        limits::count("parts of an action", parts.len())?;
        for part in &parts {
            draft.part(part, moment)?;
            // A target that was set anew may have run out long ago.
            draft.fire_due(moment)?;
        }
        let steps = parts.iter().any(|part| matches!(part.verb(), Some(Verb::Step(_))));
        let spoke = parts.iter().any(|part| part.verb() == Some(Verb::Reply));
        if spoke && !steps {
            draft.answer_to_message(moment)?;
        }
        if parts
            .iter()
            .any(|part| matches!(part.verb(), Some(Verb::Describe | Verb::HandOver | Verb::Assign)))
        {
            draft.reassess(moment)?;
        }
        draft.fire_due(moment)?;
        draft.settle()?;
        Ok(draft)
    }

    /// Why this state refuses the action, or a part of it once the parts before it are done; `None` if the
    /// state accepts it all. With an actor, also whether it is theirs to do.
    pub(crate) fn refusal(&self, action: &Action, by: Option<&Actor>) -> Option<Rejection> {
        let mut state = self.state.kind();
        for verb in action.parts().into_iter().filter_map(Action::verb) {
            let mut reasons = Vec::new();
            if !verb.accepted_in(state) {
                reasons.push(Reason::State);
            }
            reasons.extend(by.and_then(|by| may(verb, by, self)).map(|may| Reason::Actor { may }));
            if !reasons.is_empty() {
                let mut rejection = Rejection::new(state, verb, Reason::State);
                rejection.reasons = reasons;
                if let Some(by) = by {
                    rejection.permitted = rejection.permitted.only(|verb| may(verb, by, self).is_none());
                }
                return Some(rejection);
            }
            if let Verb::Step(step) = verb {
                state = step.target();
            }
        }
        None
    }
}

/// Who else may do it, if this actor may not.
fn may(verb: Verb, by: &Actor, ticket: &Snapshot) -> Option<&'static str> {
    let requester = ticket.requester();
    let asks = match &by.who {
        Who::Contact(id) => requester.is_none_or(|requester| requester == id),
        _ => false,
    };
    let works = !matches!(by.who, Who::Contact(_));
    let (allowed, may) = match verb {
        Verb::Step(StepKind::Confirm) => (asks, "the requester"),
        Verb::Step(StepKind::Reopen | StepKind::Cancel) => {
            (asks || works, "the requester, agents and programs")
        }
        Verb::Reply => (true, "everybody"),
        _ => (works, "agents and programs"),
    };
    (!allowed).then_some(may)
}

impl Draft {
    fn part(&mut self, part: &Action, moment: &Moment<'_>) -> Result<()> {
        if let Some(refusal) = self.snapshot().refusal(part, Some(moment.by)) {
            return Err(refusal.into());
        }
        match part {
            Action::Reply(message) => {
                message.check("reply")?;
                let files = message.files.clone();
                let change = match moment.by.who {
                    Who::Contact(_) => Change::Received { files },
                    _ => Change::Replied { files },
                };
                self.change(moment, change, message.personal())
            }
            Action::Note(message) => {
                message.check("note")?;
                self.change(moment, Change::Noted { files: message.files.clone() }, message.personal())
            }
            Action::Start => self.step(StepKind::Start, state::Active.into(), None, None, moment),
            Action::Hold { reason, until } => self.hold(reason, *until, moment),
            Action::Resume => self.step(StepKind::Resume, state::Active.into(), None, None, moment),
            Action::Resolve { text, code } => {
                limits::text("resolution", text)?;
                if let Some(code) = code {
                    limits::name("resolution code", code)?;
                }
                let resolved = resolved(moment.policy, moment.now.max(self.snapshot().updated_at));
                self.step(StepKind::Resolve, resolved, Some(text), code.clone(), moment)
            }
            Action::Confirm => self.step(StepKind::Confirm, state::Closed.into(), None, None, moment),
            Action::Close => self.step(StepKind::Close, state::Closed.into(), None, None, moment),
            Action::Reopen { why } => {
                self.step(StepKind::Reopen, state::Active.into(), why.as_deref(), None, moment)
            }
            Action::Cancel { why } => {
                self.step(StepKind::Cancel, state::Cancelled.into(), why.as_deref(), None, moment)
            }
            Action::Assign(to) => {
                to.iter().try_for_each(|agent| agent.check())?;
                if *to == self.snapshot().assignee {
                    return Ok(());
                }
                self.change(moment, Change::Assigned { to: to.clone() }, Personal::default())
            }
            Action::HandOver { team, line, packet } => {
                team.check()?;
                if self.snapshot().team.as_ref() == Some(team) && self.snapshot().line == *line {
                    return self.refuse(Verb::HandOver, format!("{team}, {line}, has it already"));
                }
                let personal = words("hand-over packet", packet.as_deref())?;
                self.change(moment, Change::HandedOver { team: Some(team.clone()), line: *line }, personal)?;
                match self.snapshot().assignee {
                    Some(_) => self.change(moment, Change::Assigned { to: None }, Personal::default()),
                    None => Ok(()),
                }
            }
            Action::Link(link) if link.to == self.snapshot().id => {
                self.refuse(Verb::Link, "a ticket is not linked with itself".to_owned())
            }
            Action::Link(link) if self.snapshot().links.contains(link) => Ok(()),
            Action::Link(link) => {
                limits::count("links", self.snapshot().links.len() + 1)?;
                self.change(moment, Change::Linked(*link), Personal::default())
            }
            Action::Unlink(link) if !self.snapshot().links.contains(link) => {
                self.refuse(Verb::Link, format!("it is not {} that ticket", link.kind))
            }
            Action::Unlink(link) => self.change(moment, Change::Unlinked(*link), Personal::default()),
            Action::All(_) => Ok(()), // `parts` has taken these apart.
            other => match other.verb() {
                Some(Verb::Prioritise) => self.prioritise(other, moment),
                _ => self.describe(other, moment),
            },
        }
    }

    /// Puts on this ticket what a link on another one means for it.
    pub(crate) fn mirror(&mut self, change: Change, moment: &Moment<'_>) -> Result<()> {
        self.change(moment, change, Personal::default())
    }

    pub(super) fn change(&mut self, moment: &Moment<'_>, change: Change, personal: Personal) -> Result<()> {
        self.emit(moment.now, moment.by, change, personal)
    }

    fn refuse(&self, verb: Verb, why: String) -> Result<()> {
        Err(Rejection::new(self.state(), verb, Reason::Because(why)).into())
    }

    fn step(
        &mut self,
        step: StepKind,
        to: State,
        why: Option<&str>,
        code: Option<String>,
        moment: &Moment<'_>,
    ) -> Result<()> {
        let from = self.state();
        let moved = Change::Moved { from, to, step: Some(step), cause: Cause::Action, code };
        let personal = words("reason", why)?;
        self.change(moment, moved, personal)
    }

    fn hold(&mut self, reason: &HoldReason, until: Option<DateTime<Utc>>, moment: &Moment<'_>) -> Result<()> {
        limits::name("hold reason", reason.as_str())?;
        let until = until.map(to_micros);
        if let Some(until) = until.filter(|until| *until <= moment.now) {
            return Err(Error::invalid("hold", format_args!("until {until} would be over already"))
                .allowing(format!("an instant after {}", moment.now)));
        }
        // Read again by its name, so that a reason of one's own called "customer" is the known one.
        let reason = HoldReason::from(reason.as_str());
        self.step(StepKind::Hold, state::OnHold { reason, until }.into(), None, None, moment)
    }

    /// A message of the requester ends a wait for the customer and undoes a resolution, unless the same action
    /// says itself what becomes of the ticket.
    fn answer_to_message(&mut self, moment: &Moment<'_>) -> Result<()> {
        let from_requester = self.snapshot().is_asked_by(&moment.by.who);
        let step = match &self.snapshot().state {
            State::OnHold(hold) if hold.reason == HoldReason::Customer => StepKind::Resume,
            State::Resolved(_) => StepKind::Reopen,
            _ => return Ok(()),
        };
        if !from_requester {
            return Ok(());
        }
        let moved = Change::Moved {
            from: self.state(),
            to: state::Active.into(),
            step: Some(step),
            cause: Cause::Message,
            code: None,
        };
        self.change(moment, moved, Personal::default())
    }

    fn prioritise(&mut self, part: &Action, moment: &Moment<'_>) -> Result<()> {
        let assessment = &self.snapshot().assessment;
        let mut modifiers = self.snapshot().modifiers.clone();
        let (mut impact, mut urgency) = (assessment.impact().given(), assessment.urgency().given());
        let mut overridden = assessment.overridden();
        let mut personal = Personal::default();
        match part {
            Action::Impact(level) => impact = Some(*level),
            Action::Urgency(level) => urgency = Some(*level),
            Action::Modifier { name, on: true } => {
                modifiers.insert(name.clone());
            }
            Action::Modifier { name, on: false } => {
                if !modifiers.remove(name) {
                    return self.refuse(Verb::Prioritise, format!("{name:?} is not named on this ticket"));
                }
            }
            Action::Override { priority, why } => {
                personal = words("reason", Some(why))?;
                overridden = Some(*priority);
            }
            _ => overridden = None,
        }
        let assessment = moment.policy.matrix_in_use().assess(&Inputs {
            impact,
            urgency,
            modifiers: &modifiers,
            overridden,
            facts: self.snapshot(),
        })?;
        // An override with a new reason is news, even if the priority stays.
        let unchanged = assessment == self.snapshot().assessment && modifiers == self.snapshot().modifiers;
        if unchanged && personal.is_empty() {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
        self.change(moment, change, personal)
    }

    /// Computes the priority anew after the facts behind it may have changed.
    pub(super) fn reassess(&mut self, moment: &Moment<'_>) -> Result<()> {
        let modifiers = self.snapshot().modifiers.clone();
        self.reassess_with(modifiers, moment.now, moment.by, moment.policy)
    }
}

/// The state after a resolution at this instant.
fn resolved(policy: &Policy, at: DateTime<Utc>) -> State {
    let closes_at = policy.verification_period().and_then(|period| at.checked_add_signed(period));
    state::Resolved { closes_at }.into()
}

fn words(what: &str, text: Option<&str>) -> Result<Personal> {
    match text {
        None => Ok(Personal::default()),
        Some(text) => limits::text(what, text).map(|()| Personal::text(text)),
    }
}

//! The pure decision: a ticket, an action and a moment in; events or a refusal out.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{HoldReason, Permitted, Reason, Rejection, Verb};
use crate::limits;
use crate::policy::Policy;
use crate::priority::Inputs;
use crate::ticket::action::Action;
use crate::ticket::decision::request::{Exemption, TransitionRequest};
use crate::ticket::decision::{Decision, DecisionContext, Draft};
use crate::ticket::event::{Cause, Change};
use crate::ticket::kind::Link;
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::{Personal, Words};
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;
use crate::workflow::Workflow;

impl Snapshot {
    /// Decides an action, purely: nothing is read, nothing is written, and the same question gets the same
    /// answer. A desk does it inside a transaction; a test, or a screen that shows what would happen, may do it
    /// anywhere.
    ///
    /// ```
    /// # use firstline::sla::AgreementSet;
    /// # use firstline::ticket::decision::DecisionContext;
    /// # use firstline::workflow::Catalogue;
    /// # use firstline::{Action, Actor, Desk, NewTicket, Policy};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let (policy, rules, workflows) = (Policy::new(), AgreementSet::new(), Catalogue::new());
    /// let anna = Actor::agent("anna");
    /// let context = DecisionContext { now: "2100-01-05T09:00:00Z".parse()?, by: &anna, policy: &policy, rules: &rules, workflows: &workflows, history: None };
    /// let decision = ticket.snapshot().decide(&Action::resolve("unmuted"), &context)?;
    /// assert_eq!(decision.events().len(), 1);
    /// assert_eq!(decision.snapshot().state.to_string(), "resolved");
    /// assert!(ticket.snapshot().decide(&Action::confirm(), &context).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// - [rejected](Error::is_rejected): the lifecycle, or who the actor is, forbids a part of the action;
    /// - [invalid](Error::is_invalid): a part breaks a stated rule (an undeclared field, an empty text);
    /// - [missing history](Error::missing_history): a clock must be measured from times before its last update, and the
    ///   moment has no history.
    ///
    /// Either way nothing of the action happens.
    pub fn decide(&self, action: &Action, context: &DecisionContext<'_>) -> Result<Decision> {
        self.decide_with(action, BTreeSet::new(), context)
    }

    /// The same, with those links of other tickets to this one that the action is about.
    pub(crate) fn decide_with(
        &self,
        action: &Action,
        incoming: BTreeSet<Link>,
        context: &DecisionContext<'_>,
    ) -> Result<Decision> {
        context.by.check()?;
        let mut draft = Draft::begin(self.clone(), context)?;
        draft.incoming = incoming;
        draft.act(action, context)?;
        draft.finish()
    }

    /// What the ticket accepts now, whoever asks.
    pub(crate) fn permitted(&self, workflow: &Workflow) -> Permitted {
        TransitionRequest { ticket: self, workflow, by: None, exemption: Exemption::Nothing }.permitted()
    }

    /// Why the ticket refuses the action, or a part of it once the parts before it are done; `None` if it
    /// accepts it all. With an actor, also whether it is theirs to do.
    pub(crate) fn refusal(
        &self,
        action: &Action,
        by: Option<&Actor>,
        workflow: &Workflow,
    ) -> Option<Rejection> {
        let parts = action.parts();
        let mut imagined = Cow::Borrowed(self);
        for part in &parts {
            let request =
                TransitionRequest { ticket: &imagined, workflow, by, exemption: Exemption::Nothing };
            let destination = match request.allow(part) {
                Ok(destination) => destination,
                Err(rejection) => return Some(rejection),
            };
            if parts.len() > 1 {
                imagined.to_mut().imagine(part, destination);
            }
        }
        None
    }
}

impl Draft {
    /// Does every part of an action, or fails.
    pub(crate) fn act(&mut self, action: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let parts = action.parts();
        if parts.is_empty() {
            return Err(Error::invalid("action", "is empty").allowing("at least one part"));
        }
        limits::count("parts of an action", parts.len())?;
        for part in &parts {
            self.part(part, context)?;
            // A target that was set anew may have run out long ago.
            self.fire_due(context)?;
        }
        let steps = parts.iter().any(|part| matches!(part.verb(), Some(Verb::Step(_) | Verb::Move)));
        let spoke = parts.iter().any(|part| part.verb() == Some(Verb::Reply));
        if spoke && !steps {
            self.answer_to_message(context)?;
        }
        if parts
            .iter()
            .any(|part| matches!(part.verb(), Some(Verb::Describe | Verb::HandOver | Verb::Assign)))
        {
            self.reassess(context)?;
        }
        self.fire_due(context)
    }

    fn part(&mut self, part: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let destination = self.destination(part, context)?;
        match part {
            Action::Reply(message) => {
                message.check("reply")?;
                let files = message.files.clone();
                let change = match context.by.who {
                    Who::Contact(_) => Change::Received { files },
                    _ => Change::Replied { files },
                };
                self.say(context, change, message.words())
            }
            Action::Note(message) => {
                message.check("note")?;
                self.say(context, Change::Noted { files: message.files.clone() }, message.words())
            }
            Action::Hold { reason, until, .. } => {
                let held = held(reason, *until, context)?;
                self.go_on(destination, held, part, None, context)
            }
            Action::Resolve { text, code, .. } => {
                limits::text("resolution", text)?;
                if let Some(code) = code {
                    limits::name("resolution code", code)?;
                }
                let resolved = resolved(context.policy, context.now.max(self.snapshot().updated_at));
                self.go_on(destination, resolved, part, code.clone(), context)
            }
            Action::Start(_) | Action::Resume(_) | Action::Reopen(_) => {
                self.go_on(destination, state::Active.into(), part, None, context)
            }
            Action::Confirm(_) | Action::Close(_) => {
                self.go_on(destination, state::Closed.into(), part, None, context)
            }
            Action::Cancel(_) => self.go_on(destination, state::Cancelled.into(), part, None, context),
            Action::Move { .. } => self.go_to(destination, part, context),
            Action::Assign(to) => {
                to.iter().try_for_each(|agent| agent.check())?;
                if *to == self.snapshot().assignee {
                    return Ok(());
                }
                self.change(context, Change::Assigned { to: to.clone() }, Personal::default())
            }
            Action::HandOver { team, line, note } => {
                team.check()?;
                let note = words("hand-over note", note.as_deref())?;
                self.say(context, Change::HandedOver { team: Some(team.clone()), line: *line }, note)?;
                match self.snapshot().assignee {
                    Some(_) => self.change(context, Change::Assigned { to: None }, Personal::default()),
                    None => Ok(()),
                }
            }
            Action::Link(link) if self.has(link) => Ok(()),
            Action::Link(link) => {
                self.set_link(Change::Linked(*link), context)?;
                self.incoming.insert(*link);
                Ok(())
            }
            Action::Unlink(link) if !self.has(link) => {
                let why = Reason::Because(link.is_missing());
                Err(Rejection::new(self.state(), Verb::Link, why).into())
            }
            Action::Unlink(link) => {
                self.set_link(Change::Unlinked(*link), context)?;
                self.incoming.remove(link);
                Ok(())
            }
            Action::All(_) => Ok(()), // `parts` has taken these apart.
            Action::Kind(kind) => {
                let changes = kind.as_str() != self.snapshot().kind.as_str();
                self.describe(part, context)?;
                if changes { self.follow_kind(kind, context) } else { Ok(()) }
            }
            other => match other.verb() {
                Some(Verb::Prioritise) => self.prioritise(other, context),
                _ => self.describe(other, context),
            },
        }
    }

    /// Whether there is this link, the ticket's own or another's.
    fn has(&self, link: &Link) -> bool {
        if link.kind.is_own() { self.snapshot.links.contains(link) } else { self.incoming.contains(link) }
    }

    /// Adds or takes away a link, here or at its other end.
    pub(crate) fn set_link(&mut self, change: Change, context: &DecisionContext<'_>) -> Result<()> {
        if matches!(change, Change::Linked(link) if link.kind.is_own()) {
            limits::count("links", self.snapshot().links.len() + 1)?;
        }
        self.change(context, change, Personal::default())
    }

    pub(super) fn change(
        &mut self,
        context: &DecisionContext<'_>,
        change: Change,
        personal: Personal,
    ) -> Result<()> {
        self.emit(context.now, context.by, change, personal)
    }

    /// Adds an event with words of the actor.
    pub(super) fn say(&mut self, context: &DecisionContext<'_>, change: Change, words: Words) -> Result<()> {
        let owner = self.snapshot().owner_of_words(&context.by.who);
        self.change(context, change, Personal::of(owner, words))
    }

    /// A message of the requester ends a wait for the customer and undoes a resolution, unless the same action
    /// says itself what becomes of the ticket.
    fn answer_to_message(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let action = match &self.snapshot().state {
            State::OnHold(hold) if hold.reason == HoldReason::Customer => Action::resume(),
            State::Resolved(_) => Action::reopen(),
            _ => return Ok(()),
        };
        if !self.snapshot().is_asked_by(&context.by.who) {
            return Ok(());
        }
        self.go_by_itself(&action, context.now, context.by, Cause::Message, Exemption::Words, context)
    }

    fn prioritise(&mut self, part: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let assessment = &self.snapshot().assessment;
        let mut modifiers = self.snapshot().modifiers.clone();
        let (mut impact, mut urgency) = (assessment.impact().given(), assessment.urgency().given());
        let mut overridden = assessment.overridden();
        let mut reason = Words::default();
        match part {
            Action::Impact(level) => impact = Some(*level),
            Action::Urgency(level) => urgency = Some(*level),
            Action::Modifier { name, on: true } => {
                modifiers.insert(name.clone());
            }
            Action::Modifier { name, on: false } => {
                modifiers.remove(name);
            }
            Action::Override { priority, comment } => {
                reason = words("reason", Some(comment))?;
                overridden = Some(*priority);
            }
            _ => overridden = None,
        }
        let assessment = context.policy.matrix_in_use().assess(&Inputs {
            impact,
            urgency,
            modifiers: &modifiers,
            overridden,
            facts: self.snapshot(),
        })?;
        // An override with a new reason is news, even if the priority stays.
        let unchanged = assessment == self.snapshot().assessment && modifiers == self.snapshot().modifiers;
        if unchanged && reason.is_empty() {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
        self.say(context, change, reason)
    }

    /// Computes the priority anew after the facts behind it may have changed.
    pub(super) fn reassess(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let modifiers = self.snapshot().modifiers.clone();
        self.reassess_with(modifiers, context.now, context.by, context.policy)
    }
}

/// The state after a resolution at this instant.
fn resolved(policy: &Policy, at: DateTime<Utc>) -> State {
    let closes_at = policy.verification_period().and_then(|period| at.checked_add_signed(period));
    state::Resolved { closes_at }.into()
}

/// The state of a hold.
fn held(reason: &HoldReason, until: Option<DateTime<Utc>>, context: &DecisionContext<'_>) -> Result<State> {
    limits::name("hold reason", reason.as_str())?;
    let until = until.map(to_micros);
    if let Some(until) = until.filter(|until| *until <= context.now) {
        return Err(Error::invalid("hold", format_args!("until {until} would be over already"))
            .allowing(format!("an instant after {}", context.now)));
    }
    // Read again by its name, so that a reason of one's own called "customer" is the known one.
    Ok(state::OnHold { reason: HoldReason::from(reason.as_str()), until }.into())
}

pub(super) fn words(what: &str, text: Option<&str>) -> Result<Words> {
    match text {
        None => Ok(Words::default()),
        Some(text) => limits::text(what, text).map(|()| Words::text(text)),
    }
}

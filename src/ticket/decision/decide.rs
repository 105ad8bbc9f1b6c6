//! The pure decision about an action on a ticket.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::id::AgentId;
use crate::language::Sentence;
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{ActionKind, HoldReason, Permitted, Rejection, RejectionReason};
use crate::limits;
use crate::policy::Policy;
use crate::priority::AssessmentInputs;
use crate::sla::AgreementSet;
use crate::ticket::access::Access;
use crate::ticket::action::Action;
use crate::ticket::decision::request::{Exemption, TransitionRequest};
use crate::ticket::decision::stored_facts::StoredFacts;
use crate::ticket::decision::{DecisionContext, Draft, TicketWrite};
use crate::ticket::event::Change;
use crate::ticket::kind::Link;
use crate::ticket::people::{Actor, Who};
use crate::ticket::personal::{Personal, Words};
use crate::ticket::snapshot::Snapshot;
use crate::time::to_micros;
use crate::workflow::{Status, Workflow, WorkflowSet};

impl Snapshot {
    /// Decides an action. The result depends on the ticket, the action and the context alone; nothing is read or
    /// written.
    ///
    /// A desk decides inside a transaction. Call this method in tests, or to preview the effect of an action.
    ///
    /// ```
    /// # use firstline::ticket::decision::DecisionContext;
    /// # use firstline::{Action, Actor, Desk, NewTicket, Policy};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ticket = Desk::memory().open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let (anna, policy) = (Actor::agent("anna"), Policy::new());
    /// let context = DecisionContext::new("2100-01-05T09:00:00Z".parse()?, &anna, &policy)?;
    /// let decision = ticket.snapshot().decide(&Action::resolve("unmuted"), &context)?;
    /// assert_eq!(decision.events.len(), 1);
    /// assert_eq!(decision.snapshot.state.to_string(), "resolved");
    /// assert!(ticket.snapshot().decide(&Action::confirm(), &context).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// No part of the action takes effect. The error is
    /// - [rejected](Error::is_rejected) if the lifecycle, the workflow or the actor's permissions forbid a part of the
    ///   action;
    /// - [invalid](Error::is_invalid) if a part breaks a rule: an undeclared field or an empty text, for example. It is
    ///   invalid too if a clock has to be measured from a time before its last update, and the context has no
    ///   [history](DecisionContext::history).
    pub fn decide(&self, action: &Action, context: &DecisionContext<'_>) -> Result<TicketWrite> {
        self.decide_with(action, StoredFacts::default(), context)
    }

    /// Decides an action with the stored facts about its links and thread keys.
    pub(crate) fn decide_with(
        &self,
        action: &Action,
        stored: StoredFacts,
        context: &DecisionContext<'_>,
    ) -> Result<TicketWrite> {
        context.by.check()?;
        let mut draft = Draft::begin(self.clone(), context)?;
        draft.stored = stored;
        draft.act(action, context)?;
        draft.finish()
    }

    /// Returns the actions that the ticket accepts now from any actor.
    pub(crate) fn permitted(&self, workflow: &Workflow, policy: &Policy) -> Permitted {
        let (by, exemption) = (None, Exemption::Nothing);
        TransitionRequest { ticket: self, workflow, policy, by, exemption }.permitted()
    }

    /// Returns the rejection of an action; `None` if the ticket accepts it. Executes the action on a copy of the
    /// ticket, so that the answer cannot differ from the execution. An actor who does not see the internal part gets
    /// the public form of the rejection.
    ///
    /// Without an actor, permissions are not checked, and guards that depend on the actor are assumed to hold.
    /// If `public_only` is true, only the public part of the ticket is shown, whoever the actor is.
    pub(crate) fn refusal(
        &self,
        action: &Action,
        by: Option<&Actor>,
        public_only: bool,
        policy: &Policy,
        workflows: &WorkflowSet,
    ) -> Option<Rejection> {
        let desk = Actor::desk();
        let context = DecisionContext {
            // The instant of the attempt is not known yet: no timer fires, and no instant is in the past.
            now: DateTime::<Utc>::MIN_UTC,
            by: by.unwrap_or(&desk),
            policy,
            agreements: Cow::Owned(AgreementSet::new()),
            workflows: Cow::Borrowed(workflows),
            policies: &[],
            history: None,
        };
        let access = by.map_or(Access::WHOLE, |by| Access::of_commands(by, policy));
        let not_found = || {
            let kind = action.parts().iter().find_map(|part| part.kind()).unwrap_or(ActionKind::Note);
            Some(Rejection::not_found(self.id, kind))
        };
        if !access.sees(self) {
            return not_found();
        }
        let shows_internal = !public_only && access.sees_internal(self);
        let mut draft = Draft::preview(self.clone(), action, by.is_none());
        draft.stored.without_links = !shows_internal;
        let error = context.by.check().and_then(|()| draft.act(action, &context)).err()?;
        // The table of standings lets a contact act on a ticket that they do not see.
        if by.is_some_and(|by| !Access::shows(self, by, policy)) {
            return not_found();
        }
        // What depends on the history is checked when the desk executes the action.
        if error.missing_history().is_some() {
            return None;
        }
        let error = match shows_internal {
            true => error,
            false => self.public_refusal(error, action, &context),
        };
        let rejection = error.rejection().cloned().unwrap_or_else(|| {
            let invalid = RejectionReason::Invalid(error.to_string());
            draft.rejection(draft.performing, vec![invalid], &context)
        });
        Some(if shows_internal { rejection } else { rejection.public() })
    }

    /// Returns the error of an action as an actor may see it who sees only the public part of the ticket. An invalid
    /// input is named only if it would be invalid on that part too; otherwise the error would reveal an internal fact.
    pub(crate) fn public_refusal(
        &self,
        error: Error,
        action: &Action,
        context: &DecisionContext<'_>,
    ) -> Error {
        if let Some(rejection) = error.rejection() {
            return rejection.clone().public().into();
        }
        if error.kind() != ErrorKind::Invalid || error.missing_history().is_some() {
            return error;
        }
        let mut draft = Draft::preview(self.public(), action, false);
        let seen = context.by.check().and_then(|()| draft.act(action, context)).err();
        if seen.is_some_and(|seen| seen.to_string() == error.to_string()) {
            return error;
        }
        // Finds the part of the action that is refused.
        let mut draft = Draft::preview(self.clone(), action, false);
        let _ = draft.act(action, context);
        let refused = self.refuse(draft.performing, Sentence::new("why.not_now"), context);
        refused.rejection().map_or(error, |rejection| rejection.clone().public().into())
    }

    /// Returns the refusal of an action of this actor for a reason that the workflow does not know.
    pub(crate) fn refuse(&self, kind: ActionKind, why: Sentence, context: &DecisionContext<'_>) -> Error {
        let draft = Draft::preview(self.clone(), &Action::All(Vec::new()), false);
        draft.refuse(kind, why, context)
    }
}

impl Draft {
    /// Executes every part of an action, or fails.
    pub(crate) fn act(&mut self, action: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let parts = action.parts();
        if parts.is_empty() {
            return Err(Error::invalid("action", "is empty").allowing("at least one part"));
        }
        limits::count("parts of an action", parts.len())?;
        let before = self.snapshot().version;
        if parts.len() > 1 && parts.iter().any(|part| matches!(part, Action::Undo)) {
            return Err(Error::invalid("undo", "is combined with other actions").allowing("undo alone"));
        }
        self.begin_command();
        self.assigns = parts.iter().any(|part| matches!(part, Action::Assign(_) | Action::Take));
        // True if the priority may have to be computed again. It is up to date before each step, because guards may
        // test it.
        let mut outdated = false;
        for part in &parts {
            let Some(kind) = part.kind() else { continue };
            self.performing = kind;
            let is_step = matches!(kind, ActionKind::Step(_) | ActionKind::Move);
            if is_step && std::mem::take(&mut outdated) {
                self.reassess(context)?;
            }
            self.part(part, context)?;
            outdated |= matches!(kind, ActionKind::Describe | ActionKind::HandOver | ActionKind::Assign);
            // A part can give a clock a new target, and its deadline may be in the past.
            self.fire_due(context)?;
        }
        if outdated {
            self.reassess(context)?;
        }
        let steps =
            parts.iter().any(|part| matches!(part.kind(), Some(ActionKind::Step(_) | ActionKind::Move)));
        let has_message = parts.iter().any(|part| part.kind() == Some(ActionKind::Reply));
        if has_message
            && !steps
            && let Some(standing) = self.snapshot().standing(&context.by.who)
        {
            self.message_effect(standing, context)?;
        }
        // Recorded time, followers and thread keys have no effect on the ticket.
        let acts = parts.iter().any(|part| {
            !matches!(part.kind(), Some(ActionKind::TimeSpent | ActionKind::Follow))
                && !matches!(part, Action::Thread(_))
        });
        if acts && self.snapshot().version > before {
            self.resume_closing(context)?;
        }
        self.fire_due(context)
    }

    fn part(&mut self, part: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let destination = self.destination(part, context)?;
        match part {
            Action::Reply(message) => {
                message.check("reply")?;
                match self.snapshot().standing(&context.by.who) {
                    Some(standing) => self.receive_reply(message, standing, context),
                    None => {
                        let files = message.files.clone();
                        self.emit_words(context, Change::Replied { files }, message.words())
                    }
                }
            }
            Action::Note(message) => {
                message.check("note")?;
                self.emit_words(context, Change::NoteAdded { files: message.files.clone() }, message.words())
            }
            Action::Hold { reason, until, .. } => {
                let on_hold = on_hold(reason, *until, context)?;
                // A pinned workflow may have a status for a reason that the policy no longer has.
                let request = self.request(None, Exemption::Nothing, context)?;
                let waits =
                    |status: &Status| status.reason.as_ref().is_some_and(|it| it.as_str() == reason.as_str());
                if !request.workflow.statuses().any(|(_, status)| waits(status)) {
                    context.policy.check_hold_reason(reason)?;
                }
                self.take_step(destination, on_hold, part, None, context)
            }
            Action::HoldEnd(end) => {
                let end = end.check(&self.snapshot().state, context.now)?;
                self.change(context, Change::HoldEndSet(end), Personal::default())
            }
            Action::Resolve { text, code, .. } => {
                limits::text("resolution", text)?;
                if let Some(code) = code {
                    limits::name("resolution code", code)?;
                    context.policy.check_resolution_code(code)?;
                }
                let resolved = resolved(context.policy, self.now(context));
                self.take_step(destination, resolved, part, code.clone(), context)
            }
            Action::Start(_) | Action::Resume(_) | Action::Reopen(_) => {
                self.take_step(destination, state::Active.into(), part, None, context)
            }
            Action::Confirm(_) | Action::Close(_) => {
                self.take_step(destination, state::Closed.into(), part, None, context)
            }
            Action::Cancel(_) => self.take_step(destination, state::Cancelled.into(), part, None, context),
            Action::Spam => self.spam(destination, context),
            Action::NotSpam => self.not_spam(context),
            Action::Undo => self.undo(context),
            Action::Move { .. } => self.move_to_status(destination, part, context),
            Action::Assign(to) => {
                to.iter().try_for_each(|agent| agent.check())?;
                self.assign(to.clone(), context)
            }
            Action::Take => match &context.by.who {
                Who::Agent(agent) => self.assign(Some(agent.clone()), context),
                _ => Ok(()), // Only a check without an actor comes here.
            },
            Action::HandOver { team, line, note } => {
                team.check()?;
                let note = words("hand-over note", note.as_deref())?;
                self.emit_words(context, Change::HandedOver { team: Some(team.clone()), line: *line }, note)?;
                if self.assigns { Ok(()) } else { self.assign(None, context) }
            }
            Action::TimeSpent { minutes } => self.record_time(*minutes, context),
            Action::Follow(agent) => {
                agent.check()?;
                if self.snapshot().followers.contains(agent) {
                    return Ok(());
                }
                limits::count("followers", self.snapshot().followers.len() + 1)?;
                self.change(context, Change::Followed { agent: agent.clone() }, Personal::default())
            }
            Action::Unfollow(agent) if !self.snapshot().followers.contains(agent) => Ok(()),
            Action::Unfollow(agent) => {
                self.change(context, Change::Unfollowed { agent: agent.clone() }, Personal::default())
            }
            Action::Link(link) if self.has(link) => Ok(()),
            Action::Link(link) => {
                self.set_link(Change::Linked(*link), context)?;
                self.stored.incoming.insert(*link);
                self.stored.hidden.remove(link);
                Ok(())
            }
            Action::Unlink(link) if self.stored.without_links || !self.has(link) => {
                Err(self.refuse(ActionKind::Link, link.is_missing(), context))
            }
            Action::Unlink(link) => {
                self.set_link(Change::Unlinked(*link), context)?;
                self.stored.incoming.remove(link);
                Ok(())
            }
            Action::All(_) => Ok(()), // `parts` has flattened these.
            Action::Thread(key) => {
                key.check()?;
                let Some(thread) = self.stored.threads.remove(key) else { return Ok(()) };
                let words = Words { thread: Some(thread), ..Words::default() };
                self.emit_words(context, Change::ThreadAdded, words)
            }
            Action::Kind(kind) => {
                let changes = kind.as_str() != self.snapshot().kind.as_str();
                self.describe(part, context)?;
                if !changes {
                    return Ok(());
                }
                self.reassess(context)?;
                self.follow_kind(kind, context)
            }
            other => match other.kind() {
                Some(ActionKind::Prioritise) => self.prioritise(other, context),
                _ => self.describe(other, context),
            },
        }
    }

    fn record_time(&mut self, minutes: i32, context: &DecisionContext<'_>) -> Result<()> {
        let total = self.snapshot().minutes_spent;
        if minutes == 0 || minutes.unsigned_abs() > limits::MAX_MINUTES {
            return Err(Error::invalid("time spent", format_args!("does not take {minutes} minutes"))
                .allowing(format!("1 to {} minutes, or as many below zero", limits::MAX_MINUTES)));
        }
        if total.checked_add_signed(minutes).is_none() {
            let (problem, allowed) = if minutes < 0 {
                ("cannot be corrected by", format!("at most the {total} minutes that were recorded"))
            } else {
                ("cannot be increased by", format!("a total of at most {} minutes", u32::MAX))
            };
            return Err(
                Error::invalid("time spent", format_args!("{problem} {minutes} minutes")).allowing(allowed)
            );
        }
        self.change(context, Change::TimeSpent { minutes }, Personal::default())
    }

    fn assign(&mut self, to: Option<AgentId>, context: &DecisionContext<'_>) -> Result<()> {
        if to == self.snapshot().assignee {
            return Ok(());
        }
        self.change(context, Change::Assigned { to }, Personal::default())
    }

    /// True if the link exists, owned by this ticket or by the other one, and the actor sees it.
    fn has(&self, link: &Link) -> bool {
        match link.kind.is_own() {
            true => self.snapshot.links.contains(link) && !self.stored.hidden.contains(link),
            false => self.stored.incoming.contains(link),
        }
    }

    /// Adds or removes a link, for a command on this ticket or on the other one.
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

    /// Adds an event with a text of the actor.
    pub(super) fn emit_words(
        &mut self,
        context: &DecisionContext<'_>,
        change: Change,
        words: Words,
    ) -> Result<()> {
        let owner = self.snapshot().owner_of_words(&context.by.who);
        self.change(context, change, Personal::of(owner, words))
    }

    fn prioritise(&mut self, part: &Action, context: &DecisionContext<'_>) -> Result<()> {
        let assessment = &self.snapshot().assessment;
        let mut modifiers = self.snapshot().modifiers.clone();
        let (mut impact, mut urgency) = (assessment.given_impact(), assessment.given_urgency());
        let mut manual_priority = assessment.manual_priority();
        let mut reason = Words::default();
        // Only what the action sets is checked: the other inputs may be older than the matrix.
        let (matrix, mut set) = (context.policy.priority_matrix(), AssessmentInputs::default());
        match part {
            Action::Impact(level) => {
                impact = Some(*level);
                set.impact = impact;
            }
            Action::Urgency(level) => {
                urgency = Some(*level);
                set.urgency = urgency;
            }
            Action::Modifier { name, on: true } => {
                matrix.modifier(name)?;
                modifiers.insert(name.clone());
            }
            Action::Modifier { name, on: false } => {
                modifiers.remove(name);
            }
            Action::OverridePriority { priority, comment } => {
                reason = words("reason", Some(comment))?;
                manual_priority = Some(*priority);
                set.manual_priority = manual_priority;
            }
            _ => manual_priority = None,
        }
        matrix.check(&set)?;
        let facts = self.snapshot();
        let inputs = AssessmentInputs { impact, urgency, modifiers: &modifiers, manual_priority, facts };
        let assessment = matrix.assess_within(&inputs);
        // An override with a comment is recorded, even if the priority stays the same.
        let unchanged = assessment == self.snapshot().assessment && modifiers == self.snapshot().modifiers;
        if unchanged && reason.is_empty() {
            return Ok(());
        }
        let change = Change::Prioritised { modifiers, assessment: Box::new(assessment) };
        self.emit_words(context, change, reason)
    }

    /// Computes the priority again, after a change that may affect its inputs.
    pub(super) fn reassess(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let modifiers = self.snapshot().modifiers.clone();
        self.reassess_with(modifiers, context.now, context.by, context.policy)
    }
}

/// Returns the state of a ticket that is resolved at this instant.
pub(super) fn resolved(policy: &Policy, at: DateTime<Utc>) -> State {
    let closes_at = policy.verification_period().and_then(|period| at.checked_add_signed(period));
    state::Resolved { closes_at, closing_stopped: false }.into()
}

/// Returns the state of a ticket that is put on hold.
fn on_hold(
    reason: &HoldReason,
    until: Option<DateTime<Utc>>,
    context: &DecisionContext<'_>,
) -> Result<State> {
    limits::name("hold reason", reason.as_str())?;
    let until = until.map(to_micros);
    if let Some(until) = until.filter(|until| *until <= context.now) {
        return Err(Error::invalid("hold", format_args!("would end at {until}, which is not in the future"))
            .allowing(format!("an instant after {}", context.now)));
    }
    // Parsed from its name, so that a custom reason called "customer" becomes the predefined one.
    Ok(state::OnHold { reason: HoldReason::from(reason.as_str()), until }.into())
}

pub(super) fn words(what: &str, text: Option<&str>) -> Result<Words> {
    match text {
        None => Ok(Words::default()),
        Some(text) => limits::text(what, text).map(|()| Words::text(text)),
    }
}

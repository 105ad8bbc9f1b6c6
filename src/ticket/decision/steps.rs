//! Steps and moves by an actor, by a message and by a timer.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::language::Sentence;
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{ActionKind, HoldReason, Rejection, RejectionReason, StepKind};
use crate::ticket::action::Action;
use crate::ticket::decision::decide::{resolved, words};
use crate::ticket::decision::request::{Destination, Exemption, TransitionRequest};
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Cause, Change};
use crate::ticket::people::Actor;
use crate::ticket::personal::Personal;
use crate::ticket::timer::TimerKind;
use crate::workflow::Workflow;

impl Draft {
    /// Checks that a part of an action is permitted now. Returns its destination if it is a step or a move.
    pub(super) fn destination(
        &self,
        part: &Action,
        context: &DecisionContext<'_>,
    ) -> Result<Option<Destination>> {
        Ok(self.request(Some(context.by), Exemption::Nothing, context)?.allow(part)?)
    }

    pub(super) fn request<'a>(
        &'a self,
        by: Option<&'a Actor>,
        exemption: Exemption,
        context: &'a DecisionContext<'_>,
    ) -> Result<TransitionRequest<'a>> {
        let ticket = self.snapshot();
        let workflow = match &ticket.placement {
            Some(placement) => context.workflows.get(&placement.workflow)?,
            None => Workflow::simple(),
        };
        let (policy, by) = (context.policy, by.filter(|_| !self.anybody));
        Ok(TransitionRequest { ticket, workflow, policy, by, exemption })
    }

    /// Returns the instant of the command: the current time, but not before the last event.
    pub(super) fn now(&self, context: &DecisionContext<'_>) -> DateTime<Utc> {
        context.now.max(self.snapshot().updated_at)
    }

    /// Returns the refusal of an action for a reason that the workflow does not know.
    pub(super) fn refuse(&self, kind: ActionKind, why: Sentence, context: &DecisionContext<'_>) -> Error {
        self.rejection(kind, vec![RejectionReason::Other(why)], context).into()
    }

    /// Returns a rejection with the actions that the ticket accepts from this actor instead.
    pub(super) fn rejection(
        &self,
        kind: ActionKind,
        reasons: Vec<RejectionReason>,
        context: &DecisionContext<'_>,
    ) -> Rejection {
        match self.request(Some(context.by), Exemption::Nothing, context) {
            Ok(request) => request.rejection(kind, reasons, Vec::new()),
            // The workflow is not loaded, so what it permits is not known.
            Err(_) => Rejection { reasons, ..Rejection::new(self.state(), kind, RejectionReason::State) },
        }
    }

    /// Takes a permitted step.
    pub(super) fn take_step(
        &mut self,
        destination: Option<Destination>,
        to: State,
        part: &Action,
        code: Option<String>,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        let Some(Destination { step, status }) = destination else { return Ok(()) };
        let (_, comment) = part.step_options();
        let moved = Change::StateChanged { from: self.state(), to, step, cause: Cause::Action, code, status };
        self.emit_words(context, moved, words("reason", comment)?)
    }

    /// Takes a permitted move to a status.
    pub(super) fn move_to_status(
        &mut self,
        destination: Option<Destination>,
        part: &Action,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        let to = match &destination {
            Some(Destination { step: Some(step), status }) => match step {
                StepKind::Hold => {
                    state::OnHold { reason: self.hold_reason_of(status.as_ref(), context)?, until: None }
                        .into()
                }
                StepKind::Confirm | StepKind::Close => state::Closed.into(),
                StepKind::Cancel => state::Cancelled.into(),
                // A move has no solution, so it is never allowed to resolve.
                StepKind::Resolve => return Ok(()),
                StepKind::Start | StepKind::Resume | StepKind::Reopen => state::Active.into(),
            },
            Some(Destination { step: None, status: Some(to) }) => {
                let (_, comment) = part.step_options();
                let status_changed =
                    Change::StatusChanged { from: self.snapshot().status().into(), to: Arc::clone(to) };
                return self.emit_words(context, status_changed, words("reason", comment)?);
            }
            _ => return Ok(()),
        };
        self.take_step(destination, to, part, None, context)
    }

    /// Returns the hold reason of this status.
    fn hold_reason_of(&self, status: Option<&Arc<str>>, context: &DecisionContext<'_>) -> Result<HoldReason> {
        let workflow = self.request(None, Exemption::Nothing, context)?.workflow;
        let reason =
            status.and_then(|it| workflow.find(it)).and_then(|it| workflow.status(it).reason.clone());
        // The move was permitted, so the status has a reason.
        Ok(reason.unwrap_or(HoldReason::Scheduled))
    }

    /// Takes the step of a message or a timer. If the workflow refuses it, the ticket stays in its status, and the
    /// timer of that status expires.
    pub(super) fn step_automatically(
        &mut self,
        action: &Action,
        at: DateTime<Utc>,
        by: &Actor,
        cause: Cause,
        exemption: Exemption,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        let allowed = self.request(Some(by), exemption, context)?.allow(action);
        let change = match allowed {
            Ok(Some(Destination { step: Some(step), status })) => {
                let to = match step.target().plain() {
                    Some(State::Resolved(_)) => resolved(
                        context.policy_of(self.clock_draft.reached()),
                        at.max(self.snapshot.updated_at),
                    ),
                    to => to.unwrap_or_else(|| state::Active.into()),
                };
                Change::StateChanged { from: self.state(), to, step: Some(step), cause, code: None, status }
            }
            Ok(_) => return Ok(()),
            Err(rejection) => {
                let timer = match (&self.snapshot().state, cause) {
                    (_, Cause::Timer(timer)) => timer,
                    // Somebody wrote, so the ticket must not close for lack of an answer.
                    (State::Resolved(resolved), _) if resolved.closes_at.is_some() => {
                        TimerKind::VerificationEnds
                    }
                    _ => return Ok(()),
                };
                let ActionKind::Step(step) = rejection.action else { return Ok(()) };
                let status = self.snapshot().status().into();
                let mut reasons: Vec<RejectionReason> = Vec::new();
                for reason in rejection.all_reasons() {
                    if !reasons.contains(reason) {
                        reasons.push(reason.clone());
                    }
                }
                Change::TimerExpired { timer, step, status, reasons }
            }
        };
        self.emit(at, by, change, Personal::default())
    }
}

//! The check of an action against the lifecycle and the ticket's workflow.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::condition::Facts;
use crate::language::Sentence;
use crate::lifecycle::{ActionKind, HoldReason, Permitted, Rejection, RejectionReason, StateKind, StepKind};
use crate::policy::Policy;
use crate::suggest;
use crate::text;
use crate::ticket::action::Action;
use crate::ticket::decision::permissions::{accepted, may};
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::{Answers, Edge, Performer, StatusId, Trigger, Workflow};

/// The destination of a step or a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// The step; `None` for a move within one state.
    pub(super) step: Option<StepKind>,
    /// The new status; `None` in the simple workflow.
    pub(super) status: Option<Arc<str>>,
}

/// The checks that are skipped for a step, by the cause of the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exemption {
    /// An action of an actor: no check is skipped.
    Nothing,
    /// A message of a contact, who cannot fill in fields. Skips required fields, required comments and the
    /// permissions of the lifecycle. The permissions of the workflow are checked.
    Message,
    /// The end of a hold, whose date an actor has set. Like `Message`, but also skips the permissions of the workflow.
    HoldEnd,
    /// The end of the verification period. Skips required comments, because there is nobody to write one.
    VerificationEnd,
}

/// A requested change and its actor.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransitionRequest<'a> {
    pub(super) ticket: &'a Snapshot,
    pub(super) workflow: &'a Workflow,
    /// The policy with the table of standings.
    pub(super) policy: &'a Policy,
    /// The actor; `None` skips the checks that depend on the actor.
    pub(super) by: Option<&'a Actor>,
    pub(super) exemption: Exemption,
}

/// The details of a step or a move.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct StepDetails<'a> {
    pub(super) status: Option<&'a str>,
    pub(super) comment: Option<&'a str>,
    pub(super) hold: Option<&'a HoldReason>,
    pub(super) code: Option<&'a str>,
}

impl<'a> StepDetails<'a> {
    fn of(action: &'a Action) -> StepDetails<'a> {
        let (status, comment) = action.step_options();
        match action {
            Action::Hold { reason, .. } => StepDetails { status, comment, hold: Some(reason), code: None },
            Action::Resolve { code, .. } => {
                StepDetails { status, comment, hold: None, code: code.as_deref() }
            }
            _ => StepDetails { status, comment, hold: None, code: None },
        }
    }
}

impl<'a> TransitionRequest<'a> {
    /// Checks that a part of an action is permitted now. Returns its destination if it is a step or a move.
    pub(super) fn allow(self, action: &Action) -> Result<Option<Destination>, Rejection> {
        let Some(kind) = action.kind() else { return Ok(None) };
        let details = StepDetails::of(action);
        match kind {
            ActionKind::Move => self.move_to(details).map(Some),
            // Contacts may cancel their tickets, but only the desk says what is spam.
            ActionKind::Step(_)
                if matches!(action, Action::Spam) && self.by.is_some_and(|by| !by.who.is_staff()) =>
            {
                let staff =
                    RejectionReason::Actor { allowed: vec!["agent".to_owned(), "automation".to_owned()] };
                self.refused(kind, vec![staff]).map(|()| None)
            }
            ActionKind::Step(step) if self.ticket.placement.is_some() || details.status.is_some() => {
                self.step(step, kind, details).map(Some)
            }
            ActionKind::Step(step) => {
                self.by_state(kind).map(|()| Some(Destination { step: Some(step), status: None }))
            }
            _ => self.without_step(kind, action).map(|()| None),
        }
    }

    /// Checks an action that is neither a step nor a move. Refuses some actions that would change nothing.
    fn without_step(self, kind: ActionKind, action: &Action) -> Result<(), Rejection> {
        self.by_state(kind)?;
        let ticket = self.ticket;
        let why = match action {
            Action::HandOver { team, line, .. }
                if ticket.team.as_ref() == Some(team) && ticket.line == *line =>
            {
                Sentence::new("why.has_it").text("team", team).name("line", "line", line.name())
            }
            Action::Link(link) if link.to == ticket.id => Sentence::new("why.link_to_itself"),
            Action::Take => match (&ticket.assignee, self.by.map(|by| &by.who)) {
                (_, Some(who)) if !matches!(who, Who::Agent(_)) => {
                    return self
                        .refused(kind, vec![RejectionReason::Actor { allowed: vec!["agent".to_owned()] }]);
                }
                (Some(to), Some(Who::Agent(by))) if to != by => {
                    return self.refused(kind, vec![RejectionReason::Assigned { to: to.clone() }]);
                }
                _ => return Ok(()),
            },
            Action::NotSpam if !ticket.spam => Sentence::new("why.not_spam"),
            Action::Modifier { name, on: false } if !ticket.modifiers.contains(name) => {
                Sentence::new("why.no_modifier").text("modifier", name)
            }
            _ => return Ok(()),
        };
        self.refused(kind, vec![RejectionReason::Other(why)])
    }

    /// Checks the state and the actor by the lifecycle alone.
    fn by_state(self, kind: ActionKind) -> Result<(), Rejection> {
        let mut reasons = Vec::new();
        if !accepted(kind, self.by, self.ticket, self.policy) {
            reasons.push(RejectionReason::State);
        }
        reasons.extend(self.actor_reason(kind));
        self.refused(kind, reasons)
    }

    fn state(self) -> StateKind {
        self.ticket.state.kind()
    }

    fn actor_reason(self, kind: ActionKind) -> Option<RejectionReason> {
        // The permissions of the lifecycle do not apply to a message or to the end of a hold.
        let by =
            self.by.filter(|_| matches!(self.exemption, Exemption::Nothing | Exemption::VerificationEnd))?;
        may(kind, by, self.ticket, self.policy).map(|allowed| RejectionReason::Actor { allowed })
    }

    fn refused(self, kind: ActionKind, reasons: Vec<RejectionReason>) -> Result<(), Rejection> {
        self.refused_all_ways(kind, reasons, Vec::new())
    }

    /// Returns a rejection if there are reasons. `ways` contains the reasons of alternative transitions.
    fn refused_all_ways(
        self,
        kind: ActionKind,
        reasons: Vec<RejectionReason>,
        ways: Vec<Vec<RejectionReason>>,
    ) -> Result<(), Rejection> {
        match reasons.is_empty() && ways.is_empty() {
            true => Ok(()),
            false => Err(self.rejection(kind, reasons, ways)),
        }
    }

    /// Returns a rejection with the actions that the ticket accepts from this actor instead.
    pub(super) fn rejection(
        self,
        kind: ActionKind,
        reasons: Vec<RejectionReason>,
        ways: Vec<Vec<RejectionReason>>,
    ) -> Rejection {
        let mut rejection = Rejection::new(self.state(), kind, RejectionReason::State);
        if self.ticket.placement.is_some() {
            rejection.status = Some(self.ticket.status().into());
            let all = self.permitted();
            rejection.permitted =
                if matches!(kind, ActionKind::Step(_) | ActionKind::Move) { all.ways_alone() } else { all };
        }
        let wrong_target = |reason: &RejectionReason| {
            matches!(reason, RejectionReason::UnknownStatus { .. } | RejectionReason::NoTransition { .. })
        };
        if matches!(kind, ActionKind::Step(_) | ActionKind::Move) && !reasons.iter().any(wrong_target) {
            rejection.permitted = rejection.permitted.without(kind);
        }
        (rejection.reasons, rejection.ways) = (reasons, ways.into());
        if let Some(by) = self.by {
            rejection.permitted =
                rejection.permitted.only(|kind| may(kind, by, self.ticket, self.policy).is_none());
        }
        rejection
    }

    /// True if the workflow permits this edge to the actor.
    fn may_take(self, edge: &Edge) -> bool {
        let Some(by) = self.by.filter(|_| self.exemption != Exemption::HoldEnd) else {
            return true;
        };
        edge.may.is_empty() || edge.may.iter().any(|performer| self.is(by, performer))
    }

    /// Returns the actions that the ticket accepts now by its workflow.
    pub(super) fn permitted(self) -> Permitted {
        let Some(from) = self.workflow.find(self.ticket.status()).filter(|_| self.ticket.placement.is_some())
        else {
            return Permitted::in_state(self.state());
        };
        let facts = GuardFacts { ticket: self.ticket, by: self.by };
        let mut answers = self.workflow.answers(&facts, self.by.is_some());
        // What the action itself can bring along.
        let details = StepDetails { comment: Some("given"), code: Some("given"), ..StepDetails::default() };
        Permitted::in_workflow(self.state(), |kind| {
            let trigger = if let ActionKind::Step(step) = kind { Trigger::Step(step) } else { Trigger::Move };
            let mut lacking: Option<Vec<String>> = None;
            for edge in self.workflow.edges(from, trigger) {
                if !self.closed_reasons(edge, &mut answers).is_empty() {
                    continue;
                }
                let unmet = self.unmet_requirements(from, edge, trigger, details).into_iter();
                let fields: Vec<String> = unmet
                    .filter_map(|reason| match reason {
                        RejectionReason::Missing { field, .. } => Some(field),
                        _ => None,
                    })
                    .collect();
                if fields.is_empty() {
                    return Some(fields);
                }
                lacking.get_or_insert(fields);
            }
            lacking
        })
    }

    fn current_status(self, kind: ActionKind) -> Result<StatusId, Rejection> {
        self.workflow.find(self.ticket.status()).ok_or_else(|| {
            let why = Sentence::new("why.lost_status")
                .text("status", self.ticket.status())
                .text("workflow", self.workflow.reference());
            self.rejection(kind, vec![RejectionReason::Other(why)], Vec::new())
        })
    }

    fn named_status(self, kind: ActionKind, name: Option<&str>) -> Result<Option<StatusId>, Rejection> {
        let Some(name) = name else { return Ok(None) };
        let found = self.workflow.find(name);
        if found.is_none() {
            let known = self.workflow.definition().statuses.iter().map(|it| it.name.as_str());
            let suggestion = suggest::nearest(name, known).map(str::to_owned);
            self.refused(kind, vec![RejectionReason::UnknownStatus { status: name.to_owned(), suggestion }])?;
        }
        Ok(found)
    }

    /// Checks a step of the lifecycle.
    fn step(
        self,
        step: StepKind,
        kind: ActionKind,
        details: StepDetails<'_>,
    ) -> Result<Destination, Rejection> {
        let from = self.current_status(kind)?;
        let to = self.named_status(kind, details.status)?;
        // If the lifecycle refuses the step, the workflow is not checked. The actor's permissions are.
        if !self.state().accepts(step) {
            self.by_state(kind)?;
        }
        let edges = self.workflow.candidates(from, Trigger::Step(step), to, details.hold);
        let status = self.choose(kind, from, &edges, Trigger::Step(step), details)?;
        Ok(Destination { step: Some(step), status: self.status_name(status) })
    }

    /// Checks a move to another status: within the state, or by the step that leads there.
    fn move_to(self, details: StepDetails<'_>) -> Result<Destination, Rejection> {
        let kind = ActionKind::Move;
        let from = self.current_status(kind)?;
        let to = self.named_status(kind, details.status)?;
        let leads = |trigger: &Trigger| {
            to.is_some() && !self.workflow.candidates(from, *trigger, to, None).is_empty()
        };
        // If several steps lead there, the first that this actor may take: the requester confirms, agents close.
        let may_step = |trigger: &Trigger| matches!(trigger, Trigger::Step(step) if self.actor_reason(ActionKind::Step(*step)).is_none());
        let within = Some(Trigger::Move).filter(leads);
        let trigger = within.or_else(|| Trigger::all().filter(leads).find(may_step));
        let Some(trigger) = trigger.or_else(|| Trigger::all().find(leads)) else {
            let mut available = Vec::new();
            for edge in Trigger::all().flat_map(|trigger| self.workflow.edges(from, trigger)) {
                let name = &self.workflow.status(edge.to).name;
                if !available.contains(name) {
                    available.push(name.clone());
                }
            }
            let no_transition =
                RejectionReason::NoTransition { to: details.status.map(str::to_owned), available };
            self.refused(kind, vec![no_transition])?;
            return Ok(Destination { step: None, status: None });
        };
        let edges = self.workflow.candidates(from, trigger, to, None);
        let step = match trigger {
            Trigger::Move => None,
            Trigger::Step(step) => Some(step),
        };
        if step == Some(StepKind::Resolve) {
            let kind = ActionKind::Step(StepKind::Resolve);
            let why = Sentence::new("why.move_resolves");
            let mut reasons = vec![RejectionReason::Other(why)];
            // The comment of `resolve` is the solution, which the first reason already asks for.
            let more = self.choose(kind, from, &edges, trigger, details);
            let mut ways = Vec::new();
            if let Err(no) = more {
                reasons.extend(no.reasons);
                ways = no.ways.into_vec();
            }
            for reasons in ways.iter_mut().chain([&mut reasons]) {
                reasons.retain(|reason| !matches!(reason, RejectionReason::MissingComment { .. }));
            }
            self.refused_all_ways(kind, reasons, ways)?;
        }
        let status = self.choose(step.map_or(kind, ActionKind::Step), from, &edges, trigger, details)?;
        if step == Some(StepKind::Hold) && self.workflow.status(status).reason.is_none() {
            let why = Sentence::new("why.move_holds");
            self.refused(kind, vec![RejectionReason::Other(why)])?;
        }
        Ok(Destination { step, status: self.status_name(status) })
    }

    fn status_name(self, status: StatusId) -> Option<Arc<str>> {
        self.ticket.placement.as_ref().map(|_| self.workflow.status(status).name.as_str().into())
    }

    /// Returns the destination of the first edge that may be taken.
    ///
    /// The first edge with satisfied guards and permissions is chosen. The checks for required fields and comments
    /// apply to that edge alone.
    pub(super) fn choose(
        self,
        kind: ActionKind,
        from: StatusId,
        edges: &[&Edge],
        trigger: Trigger,
        details: StepDetails<'_>,
    ) -> Result<StatusId, Rejection> {
        let mut ways: Vec<Vec<RejectionReason>> = Vec::new();
        let actor_reason = self.actor_reason(kind);
        if edges.is_empty() {
            ways.push(vec![self.no_transition(from, trigger, details)]);
        }
        let facts = GuardFacts { ticket: self.ticket, by: self.by };
        let mut answers = self.workflow.answers(&facts, self.by.is_some());
        for edge in edges {
            let mut edge_reasons = self.closed_reasons(edge, &mut answers);
            let open = edge_reasons.is_empty();
            edge_reasons.extend(self.unmet_requirements(from, edge, trigger, details));
            if open && edge_reasons.is_empty() && actor_reason.is_none() {
                return Ok(edge.to);
            }
            if open {
                ways = vec![edge_reasons];
                break;
            }
            if !ways.contains(&edge_reasons) {
                ways.push(edge_reasons);
            }
        }
        let mut reasons = if ways.len() == 1 { ways.remove(0) } else { Vec::new() };
        reasons.extend(actor_reason.filter(|reason| !reasons.contains(reason)));
        self.refused_all_ways(kind, reasons, ways)?;
        // Not reached: if there is no edge to take, there is a reason.
        Ok(from)
    }

    /// Returns the reason why no edge is a candidate: no edge leads to the status, or its hold reason differs.
    fn no_transition(self, from: StatusId, trigger: Trigger, details: StepDetails<'_>) -> RejectionReason {
        let available: BTreeMap<&str, Option<&HoldReason>> = self
            .workflow
            .edges(from, trigger)
            .iter()
            .map(|edge| self.workflow.status(edge.to))
            .map(|status| (status.name.as_str(), status.reason.as_ref()))
            .collect();
        if let Some(hold) = details.hold {
            let named = available.iter().filter(|(name, _)| details.status.is_none_or(|to| to == **name));
            let waits = |name: &str, reason: &HoldReason| {
                Sentence::new("why.waits").text("status", name).name("reason", "hold", reason.as_str())
            };
            let other_reasons: Vec<Sentence> =
                named.filter_map(|(name, reason)| Some(waits(name, (*reason)?))).collect();
            if !other_reasons.is_empty() {
                return RejectionReason::Other(
                    Sentence::new("why.other_reason").list("statuses", other_reasons).name(
                        "hold",
                        "hold",
                        hold.as_str(),
                    ),
                );
            }
        }
        let available = available.into_keys().map(str::to_owned).collect();
        RejectionReason::NoTransition { to: details.status.map(str::to_owned), available }
    }

    /// Returns the reasons why an edge cannot be taken: its failing guards, and the actor's missing permission.
    fn closed_reasons(self, edge: &Edge, answers: &mut Answers<'_>) -> Vec<RejectionReason> {
        let to = &self.workflow.status(edge.to).name;
        let failing = edge.guards.iter().filter(|guard| !answers.holds(**guard)).collect::<Vec<_>>();
        let guards = failing.into_iter().map(|guard| answers.name(*guard).to_owned());
        let mut reasons: Vec<RejectionReason> =
            guards.map(|guard| RejectionReason::Guard { guard, to: to.clone() }).collect();
        if !self.may_take(edge) {
            let allowed = edge.may.iter().map(ToString::to_string).collect();
            reasons.push(RejectionReason::Actor { allowed });
        }
        reasons
    }

    /// Returns the required fields and comments that an edge lacks. `cancel` skips the fields that the current status
    /// requires on leaving, because a ticket opened by mistake need not be completed first.
    fn unmet_requirements(
        self,
        from: StatusId,
        edge: &Edge,
        trigger: Trigger,
        details: StepDetails<'_>,
    ) -> Vec<RejectionReason> {
        let to = self.workflow.status(edge.to);
        let mut reasons = Vec::new();
        if matches!(self.exemption, Exemption::Nothing | Exemption::VerificationEnd) {
            let leave = &self.workflow.status(from).leave;
            let leaving =
                leave.iter().filter(|_| trigger != Trigger::Step(StepKind::Cancel) && from != edge.to);
            let fields: BTreeSet<&String> = leaving.chain(&to.enter).collect();
            // A new resolution needs its own code: the code of an earlier one does not count.
            let filled = |field: &str| match field {
                "resolution_code" if trigger == Trigger::Step(StepKind::Resolve) => details.code.is_some(),
                _ => self.ticket.has_filled(field),
            };
            let missing = fields.into_iter().filter(|field| !filled(field));
            reasons.extend(
                missing.map(|field| RejectionReason::Missing { field: field.clone(), to: to.name.clone() }),
            );
        }
        if edge.reason
            && self.exemption == Exemption::Nothing
            && details.comment.is_none_or(|why| why.trim().is_empty())
        {
            reasons.push(RejectionReason::MissingComment { to: to.name.clone() });
        }
        reasons
    }

    fn is(self, by: &Actor, performer: &Performer) -> bool {
        let attribute = |name: &str, expected: &str| match by.attributes.get(name) {
            Some(Value::Text(text)) => text::is_same(text, expected),
            Some(Value::List(items)) => items.iter().any(|item| text::is_same(item, expected)),
            _ => false,
        };
        match (performer, &by.who) {
            (Performer::Requester, who) => self.ticket.is_requester(who),
            (Performer::Automation, Who::Automation(_) | Who::Desk) | (Performer::Agent, Who::Agent(_)) => {
                true
            }
            (Performer::Line(line), Who::Agent(_)) => attribute("line", line.name()),
            (Performer::Role(role), Who::Agent(_)) => attribute("role", role),
            _ => false,
        }
    }
}

impl Snapshot {
    /// True if a required field has a value that is not empty.
    pub(crate) fn has_filled(&self, field: &str) -> bool {
        self.fact(field).is_some_and(|value| match &*value {
            Value::Text(text) => !text.trim().is_empty(),
            Value::List(items) => !items.is_empty(),
            _ => true,
        })
    }
}

/// The facts of the ticket and the actor, for guards.
struct GuardFacts<'a> {
    ticket: &'a Snapshot,
    by: Option<&'a Actor>,
}

impl Facts for GuardFacts<'_> {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        match (field, self.by) {
            ("actor.is", Some(by)) if self.ticket.is_requester(&by.who) => {
                Some(Cow::Owned(Value::from("requester")))
            }
            (field, by) if field.starts_with("actor") => by?.fact(field),
            (field, _) => self.ticket.fact(field),
        }
    }
}

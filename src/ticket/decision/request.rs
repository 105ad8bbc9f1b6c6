//! Which way a step or a move takes through the ticket's workflow, or every reason why none.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::condition::Facts;
use crate::lifecycle::{HoldReason, Permitted, Reason, Rejection, StateKind, StepKind, Verb};
use crate::suggest;
use crate::ticket::action::Action;
use crate::ticket::decision::permissions::may;
use crate::ticket::people::{Actor, Who};
use crate::ticket::snapshot::Snapshot;
use crate::value::Value;
use crate::workflow::{Answers, Edge, Performer, StatusId, Trigger, Workflow};

/// Where a step or a move leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    /// The step that is taken; `None` within one state.
    pub(super) step: Option<StepKind>,
    /// The status that is entered; `None` in the simple workflow.
    pub(super) status: Option<Arc<str>>,
}

/// What does not count for a way that nobody takes by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exemption {
    /// Everything counts.
    Nothing,
    /// Fields and words, which a message cannot fill in, and whose step it is where a workflow does not say so.
    Words,
    /// Those, and who may: it was said before by somebody who might.
    WordsAndPerformers,
    /// The reason in words: there is nobody to give one.
    Reason,
}

/// What is wanted, by whom, of which ticket.
#[derive(Debug, Clone, Copy)]
pub(super) struct TransitionRequest<'a> {
    pub(super) ticket: &'a Snapshot,
    pub(super) workflow: &'a Workflow,
    /// Who wants it; `None` where it is asked for anybody.
    pub(super) by: Option<&'a Actor>,
    pub(super) exemption: Exemption,
}

/// What a step or a move says of itself.
#[derive(Debug, Clone, Copy, Default)]
struct Said<'a> {
    to: Option<&'a str>,
    why: Option<&'a str>,
    hold: Option<&'a HoldReason>,
    code: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn by(action: &'a Action) -> Said<'a> {
        let (to, why) = action.step_options();
        match action {
            Action::Hold { reason, .. } => Said { to, why, hold: Some(reason), code: None },
            Action::Resolve { code, .. } => Said { to, why, hold: None, code: code.as_deref() },
            _ => Said { to, why, hold: None, code: None },
        }
    }
}

impl<'a> TransitionRequest<'a> {
    /// Whether one thing may be done now, and where it leads if it is a step or a move.
    pub(super) fn allow(self, action: &Action) -> Result<Option<Destination>, Rejection> {
        let Some(verb) = action.verb() else { return Ok(None) };
        let said = Said::by(action);
        match verb {
            Verb::Move => self.go(said).map(Some),
            Verb::Step(step) if self.ticket.placed.is_some() || said.to.is_some() => {
                self.step(step, verb, said).map(Some)
            }
            Verb::Step(step) => {
                self.by_state(verb).map(|()| Some(Destination { step: Some(step), status: None }))
            }
            _ => self.beside(verb, action).map(|()| None),
        }
    }

    /// What is no step: by the lifecycle, and where it would change nothing because there is nothing to be changed.
    fn beside(self, verb: Verb, action: &Action) -> Result<(), Rejection> {
        self.by_state(verb)?;
        let ticket = self.ticket;
        let why = match action {
            Action::HandOver { team, line, .. }
                if ticket.team.as_ref() == Some(team) && ticket.line == *line =>
            {
                format!("{team}, {line}, has it already")
            }
            Action::Link(link) if link.to == ticket.id => "a ticket is not linked with itself".to_owned(),
            // Whether another ticket's link leads here is known at the desk alone.
            Action::Unlink(link) if link.kind.is_own() && !ticket.links.contains(link) => link.is_missing(),
            Action::Modifier { name, on: false } if !ticket.modifiers.contains(name) => {
                format!("{name:?} is not named on this ticket")
            }
            _ => return Ok(()),
        };
        self.refused(verb, vec![Reason::Because(why)])
    }

    /// By the lifecycle alone, which is all that there is in the simple workflow.
    fn by_state(self, verb: Verb) -> Result<(), Rejection> {
        let mut reasons = Vec::new();
        if !verb.accepted_in(self.state()) {
            reasons.push(Reason::State);
        }
        reasons.extend(self.not_theirs(verb));
        self.refused(verb, reasons)
    }

    fn state(self) -> StateKind {
        self.ticket.state.kind()
    }

    fn not_theirs(self, verb: Verb) -> Option<Reason> {
        // What a message or a date brings about is not done by hand: the lifecycle's rules of hands do not count.
        let by = self.by.filter(|_| matches!(self.exemption, Exemption::Nothing | Exemption::Reason))?;
        may(verb, by, self.ticket).map(|may| Reason::Actor { may: Cow::Borrowed(may) })
    }

    fn refused(self, verb: Verb, reasons: Vec<Reason>) -> Result<(), Rejection> {
        if reasons.is_empty() {
            return Ok(());
        }
        let mut rejection = Rejection::new(self.state(), verb, Reason::State);
        if self.ticket.placed.is_some() {
            rejection.status = Some(self.ticket.status().into());
            let all = self.permitted();
            rejection.permitted =
                if matches!(verb, Verb::Step(_) | Verb::Move) { all.ways_alone() } else { all };
        }
        rejection.reasons = reasons;
        if let Some(by) = self.by {
            rejection.permitted = rejection.permitted.only(|verb| may(verb, by, self.ticket).is_none());
        }
        Err(rejection)
    }

    /// Whether whoever wants it is one of those for whom a way is.
    fn may_take(self, edge: &Edge) -> bool {
        let Some(by) = self.by.filter(|_| self.exemption != Exemption::WordsAndPerformers) else {
            return true;
        };
        edge.may.is_empty() || edge.may.iter().any(|performer| self.is(by, performer))
    }

    /// What the ticket accepts now, by its workflow.
    pub(super) fn permitted(self) -> Permitted {
        let Some(from) = self.workflow.find(self.ticket.status()).filter(|_| self.ticket.placed.is_some())
        else {
            return Permitted::in_state(self.state());
        };
        Permitted::in_workflow(self.state(), |verb| {
            let trigger = if let Verb::Step(step) = verb { Trigger::Step(step) } else { Trigger::Move };
            self.workflow.edges(from, trigger).iter().any(|edge| self.may_take(edge))
        })
    }

    fn here(self, verb: Verb) -> Result<StatusId, Rejection> {
        self.workflow.find(self.ticket.status()).ok_or_else(|| {
            let why =
                format!("its status {:?} is none of {}", self.ticket.status(), self.workflow.reference());
            Rejection::new(self.state(), verb, Reason::Because(why))
        })
    }

    fn named(self, verb: Verb, name: Option<&str>) -> Result<Option<StatusId>, Rejection> {
        let Some(name) = name else { return Ok(None) };
        let found = self.workflow.find(name);
        if found.is_none() {
            let known = self.workflow.definition().statuses.iter().map(|it| it.name.as_str());
            let meant = suggest::nearest(name, known).map(str::to_owned);
            self.refused(verb, vec![Reason::UnknownStatus { status: name.to_owned(), meant }])?;
        }
        Ok(found)
    }

    /// A step from state to state.
    fn step(self, step: StepKind, verb: Verb, said: Said<'_>) -> Result<Destination, Rejection> {
        let from = self.here(verb)?;
        let to = self.named(verb, said.to)?;
        // What the lifecycle refuses needs no further reason, but whose it is may be one more.
        if !self.state().accepts(step) {
            self.by_state(verb)?;
        }
        let edges = self.workflow.candidates(from, Trigger::Step(step), to, said.hold);
        let status = self.choose(verb, from, &edges, Trigger::Step(step), said)?;
        Ok(Destination { step: Some(step), status: self.entered(status) })
    }

    /// To another status: within the state, or by the step that leads there.
    fn go(self, said: Said<'_>) -> Result<Destination, Rejection> {
        let verb = Verb::Move;
        let from = self.here(verb)?;
        let to = self.named(verb, said.to)?;
        let leads = |trigger: &Trigger| {
            to.is_some() && !self.workflow.candidates(from, *trigger, to, None).is_empty()
        };
        // Of several steps that lead there, the first that this actor may take: the requester confirms, agents close.
        let theirs = |trigger: &Trigger| matches!(trigger, Trigger::Step(step) if self.not_theirs(Verb::Step(*step)).is_none());
        let within = Some(Trigger::Move).filter(leads);
        let trigger = within.or_else(|| Trigger::all().filter(leads).find(theirs));
        let Some(trigger) = trigger.or_else(|| Trigger::all().find(leads)) else {
            let mut available = Vec::new();
            for edge in Trigger::all().flat_map(|trigger| self.workflow.edges(from, trigger)) {
                let name = &self.workflow.status(edge.to).name;
                if !available.contains(name) {
                    available.push(name.clone());
                }
            }
            let no_transition = Reason::NoTransition { to: said.to.map(str::to_owned), available };
            self.refused(verb, vec![no_transition])?;
            return Ok(Destination { step: None, status: None });
        };
        let edges = self.workflow.candidates(from, trigger, to, None);
        let step = match trigger {
            Trigger::Move => None,
            Trigger::Step(step) => Some(step),
        };
        if step == Some(StepKind::Resolve) {
            let verb = Verb::Step(StepKind::Resolve);
            let why = "say what the solution is, and name the status with it".to_owned();
            let mut reasons = vec![Reason::Because(why)];
            // The reason in words is the solution, which is asked for already.
            let more = self.choose(verb, from, &edges, trigger, said);
            reasons.extend(more.err().into_iter().flat_map(|no| no.reasons));
            reasons.retain(|reason| !matches!(reason, Reason::Unsaid { .. }));
            self.refused(verb, reasons)?;
        }
        let status = self.choose(step.map_or(verb, Verb::Step), from, &edges, trigger, said)?;
        if step == Some(StepKind::Hold) && self.workflow.status(status).reason.is_none() {
            let why = "say for what it is to wait: hold it for that, and name the status with it".to_owned();
            self.refused(verb, vec![Reason::Because(why)])?;
        }
        Ok(Destination { step, status: self.entered(status) })
    }

    fn entered(self, status: StatusId) -> Option<Arc<str>> {
        self.ticket.placed.as_ref().map(|_| self.workflow.status(status).name.as_str().into())
    }

    /// The first of these ways that may be taken.
    fn choose(
        self,
        verb: Verb,
        from: StatusId,
        edges: &[&Edge],
        trigger: Trigger,
        said: Said<'_>,
    ) -> Result<StatusId, Rejection> {
        let mut reasons: Vec<Reason> = Vec::new();
        let theirs = self.not_theirs(verb);
        if edges.is_empty() {
            reasons.push(self.no_transition(from, trigger, said));
        }
        let facts = Known { ticket: self.ticket, by: self.by };
        let mut answers = self.workflow.answers(&facts, self.by.is_some());
        for edge in edges {
            let mut against = self.closed(edge, &mut answers);
            // A way that is open is the one; what it then demands is demanded.
            let open = against.is_empty();
            against.extend(self.demands(from, edge, trigger, said));
            if open && against.is_empty() && theirs.is_none() {
                return Ok(edge.to);
            }
            if open {
                reasons.clear();
            }
            reasons.extend(against);
            if open {
                break;
            }
        }
        reasons.extend(theirs);
        let mut told: Vec<Reason> = Vec::new();
        for reason in reasons {
            if !told.contains(&reason) {
                told.push(reason);
            }
        }
        self.refused(verb, told)?;
        // Not reached: without a reason there was a way.
        Ok(from)
    }

    /// Why there is no way to choose from: none leads there, or only to what waits for something else.
    fn no_transition(self, from: StatusId, trigger: Trigger, said: Said<'_>) -> Reason {
        let available: BTreeMap<&str, Option<&HoldReason>> = self
            .workflow
            .edges(from, trigger)
            .iter()
            .map(|edge| self.workflow.status(edge.to))
            .map(|status| (status.name.as_str(), status.reason.as_ref()))
            .collect();
        if let Some(hold) = said.hold {
            let named = available.iter().filter(|(name, _)| said.to.is_none_or(|to| to == **name));
            let waits: Vec<String> = named
                .filter_map(|(name, reason)| Some(format!("{name:?} waits for {}", (*reason)?)))
                .collect();
            if !waits.is_empty() {
                return Reason::Because(format!("{}, and not for {hold}", waits.join(", ")));
            }
        }
        let available = available.into_keys().map(str::to_owned).collect();
        Reason::NoTransition { to: said.to.map(str::to_owned), available }
    }

    /// Why a way is not open: its guards, and who may take it.
    fn closed(self, edge: &Edge, answers: &mut Answers<'_>) -> Vec<Reason> {
        let to = &self.workflow.status(edge.to).name;
        let failing = edge.guards.iter().filter(|guard| !answers.holds(**guard)).collect::<Vec<_>>();
        let guards = failing.into_iter().map(|guard| answers.name(*guard).to_owned());
        let mut reasons: Vec<Reason> = guards.map(|guard| Reason::Guard { guard, to: to.clone() }).collect();
        if !self.may_take(edge) {
            let may = edge.may.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
            reasons.push(Reason::Actor { may: may.into() });
        }
        reasons
    }

    /// What must be said or filled in for a way. To cancel, nothing is demanded on leaving: a mistake needs no care.
    fn demands(self, from: StatusId, edge: &Edge, trigger: Trigger, said: Said<'_>) -> Vec<Reason> {
        let to = self.workflow.status(edge.to);
        let mut reasons = Vec::new();
        if matches!(self.exemption, Exemption::Nothing | Exemption::Reason) {
            let leave = &self.workflow.status(from).leave;
            let leaving =
                leave.iter().filter(|_| trigger != Trigger::Step(StepKind::Cancel) && from != edge.to);
            let fields: BTreeSet<&String> = leaving.chain(&to.enter).collect();
            // The code of a former resolution does not answer for this one.
            let filled = |field: &str| match field {
                "resolution_code" if trigger == Trigger::Step(StepKind::Resolve) => said.code.is_some(),
                _ => self.ticket.has_filled(field),
            };
            let missing = fields.into_iter().filter(|field| !filled(field));
            reasons
                .extend(missing.map(|field| Reason::Missing { field: field.clone(), to: to.name.clone() }));
        }
        if edge.reason
            && self.exemption == Exemption::Nothing
            && said.why.is_none_or(|why| why.trim().is_empty())
        {
            reasons.push(Reason::Unsaid { to: to.name.clone() });
        }
        reasons
    }

    fn is(self, by: &Actor, performer: &Performer) -> bool {
        let attribute = |name: &str, wanted: &str| match by.attributes.get(name) {
            Some(Value::Text(text)) => text == wanted,
            Some(Value::List(items)) => items.iter().any(|item| item == wanted),
            _ => false,
        };
        match (performer, &by.who) {
            (Performer::Requester, who) => self.ticket.is_asked_by(who),
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
    /// Whether a field of an obligation is filled.
    pub(crate) fn has_filled(&self, field: &str) -> bool {
        self.fact(field).is_some_and(|value| match &*value {
            Value::Text(text) => !text.trim().is_empty(),
            Value::List(items) => !items.is_empty(),
            _ => true,
        })
    }
}

/// The ticket, and who acts.
struct Known<'a> {
    ticket: &'a Snapshot,
    by: Option<&'a Actor>,
}

impl Facts for Known<'_> {
    fn fact(&self, field: &str) -> Option<Cow<'_, Value>> {
        let Some(of_actor) = field.strip_prefix("actor") else { return self.ticket.fact(field) };
        let by = self.by?;
        match of_actor {
            "" => Some(Cow::Owned(Value::from(by.who.to_string()))),
            ".is" => Some(Cow::Owned(Value::from(match by.who {
                Who::Agent(_) => "agent",
                Who::Contact(_) if self.ticket.is_asked_by(&by.who) => "requester",
                Who::Contact(_) => "contact",
                Who::Automation(_) | Who::Desk => "automation",
            }))),
            name => by.attributes.get(name.strip_prefix('.')?).map(Cow::Borrowed),
        }
    }
}

//! An interpreter of compound actions, written to be easy to read: it changes a copy of the ticket part by part. It
//! shares no code with the desk apart from the priority matrix, and selects transitions with the naive reading.

use std::collections::BTreeSet;
use std::sync::Arc;

use firstline::lifecycle::{StateKind, StepKind, state};
use firstline::priority::{AssessmentInputs, Matrix};
use firstline::ticket::action::StepOptions;
use firstline::workflow::{Placement, Status, Transition, Trigger, Workflow};
use firstline::{Action, Actor, HoldReason, Snapshot, State, Who, WorkflowDefinition};

use crate::model::naive::{Cause, Flaw, Naive};

/// A deliberate mistake of the interpreter, which the test must detect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slip {
    None,
    /// A changed kind leads to the default status, regardless of the transitions.
    EntersAnyway,
    /// Required fields of the former status are forgotten when the kind changes.
    ForgetsLeaving,
    /// The order of an assignment and a hand-over matters.
    MindsTheOrder,
    /// Guards see the priority from before the action.
    SeesOldPriority,
}

/// The action is refused. The naive reading gives the reasons for steps. The reasons for whole actions are only
/// compared between the two answers of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

type Outcome = Result<(), Refused>;

pub(crate) struct Interpreter<'a> {
    /// The workflows, the one for all other kinds last.
    pub(crate) workflows: &'a [Workflow],
    pub(crate) matrix: &'a Matrix,
    pub(crate) ticket: Snapshot,
    pub(crate) by: &'a Actor,
    pub(crate) slip: Slip,
}

fn when(condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Refused) }
}

impl<'a> Interpreter<'a> {
    /// Executes all parts, or is refused.
    pub(crate) fn all(&mut self, action: &Action) -> Outcome {
        let parts = action.parts();
        let assigns = parts.iter().any(|part| matches!(part, Action::Assign(_) | Action::Take));
        for part in parts {
            self.part(part, assigns)?;
            if self.slip != Slip::SeesOldPriority {
                self.rate(|_| {});
            }
        }
        self.rate(|_| {});
        Ok(())
    }

    fn part(&mut self, part: &Action, assigns: bool) -> Outcome {
        let by_staff = !matches!(self.by.who, Who::Contact(_));
        let is_over = self.ticket.state.kind().is_final();
        match part {
            Action::Note(_) => when(by_staff),
            Action::Subject(_) => when(by_staff),
            Action::Assign(to) => {
                when(by_staff && !is_over)?;
                self.ticket.assignee.clone_from(to);
                Ok(())
            }
            Action::Take => {
                let Who::Agent(agent) = &self.by.who else { return Err(Refused) };
                when(!is_over && self.ticket.assignee.as_ref().is_none_or(|owner| owner == agent))?;
                self.ticket.assignee = Some(agent.clone());
                Ok(())
            }
            Action::HandOver { team, line, .. } => {
                when(by_staff && !is_over)?;
                when(self.ticket.team.as_ref() != Some(team) || self.ticket.line != *line)?;
                (self.ticket.team, self.ticket.line) = (Some(team.clone()), *line);
                if !assigns || self.slip == Slip::MindsTheOrder {
                    self.ticket.assignee = None;
                }
                Ok(())
            }
            Action::Impact(level) => self.prioritise(by_staff && !is_over, |it| it.impact = Some(*level)),
            Action::Urgency(level) => self.prioritise(by_staff && !is_over, |it| it.urgency = Some(*level)),
            Action::OverridePriority { priority, .. } => {
                self.prioritise(by_staff && !is_over, |it| it.manual_priority = Some(*priority))
            }
            Action::ClearOverride => self.prioritise(by_staff && !is_over, |it| it.manual_priority = None),
            Action::Category(path) => {
                when(by_staff)?;
                self.ticket.category.clone_from(path);
                Ok(())
            }
            Action::Tag(tag) => {
                when(by_staff)?;
                self.ticket.tags.insert(tag.clone());
                Ok(())
            }
            Action::Untag(tag) => {
                when(by_staff)?;
                self.ticket.tags.remove(tag);
                Ok(())
            }
            Action::Field { name, value } => {
                when(by_staff)?;
                match value {
                    Some(value) => drop(self.ticket.fields.insert(name.clone(), value.clone())),
                    None => drop(self.ticket.fields.remove(name)),
                }
                Ok(())
            }
            Action::Kind(kind) => {
                when(by_staff)?;
                let changes = *kind != self.ticket.kind;
                self.ticket.kind = kind.clone();
                self.rate(|_| {});
                if changes && !is_over { self.enter_workflow_of_kind() } else { Ok(()) }
            }
            step_or_move => self.step(step_or_move),
        }
    }

    fn prioritise(&mut self, may: bool, change: impl FnOnce(&mut AssessmentInputs<'_>)) -> Outcome {
        when(may)?;
        self.rate(change);
        Ok(())
    }

    /// Computes the priority from the present facts.
    fn rate(&mut self, change: impl FnOnce(&mut AssessmentInputs<'_>)) {
        let rated = {
            let ticket = &self.ticket;
            let mut inputs = AssessmentInputs {
                impact: ticket.assessment.given_impact(),
                urgency: ticket.assessment.given_urgency(),
                modifiers: &ticket.modifiers,
                manual_priority: ticket.assessment.manual_priority(),
                facts: ticket,
            };
            change(&mut inputs);
            self.matrix.assess(&inputs).unwrap()
        };
        self.ticket.assessment = rated;
    }

    fn workflow(&self) -> &'a Workflow {
        let name = &self.ticket.workflow_ref().name;
        self.workflows.iter().find(|it| it.reference().name == *name).unwrap()
    }

    fn naive<'b>(&'b self, definition: &'b WorkflowDefinition, ticket: &'b Snapshot) -> Naive<'b> {
        Naive { definition, ticket, by: self.by, cause: Cause::Own, flaw: Flaw::None }
    }

    fn step(&mut self, action: &Action) -> Outcome {
        let workflow = self.workflow();
        let definition = workflow.definition();
        let to = self.naive(definition, &self.ticket).answer(action).map_err(|_| Refused)?;
        let status = definition.statuses.iter().find(|it| it.name == to).unwrap();
        if let Action::Resolve { code, .. } = action {
            self.ticket.resolution_code.clone_from(code);
        }
        let state = match (action, status.state) {
            (Action::Hold { reason, .. }, _) => held_for(reason.clone()),
            (Action::Move { .. }, StateKind::OnHold) if self.ticket.state.kind() == StateKind::OnHold => {
                self.ticket.state.clone()
            }
            (_, StateKind::OnHold) => held_for(status.reason.clone().unwrap()),
            (_, state) => plain(state),
        };
        self.stand(workflow, &to, state);
        Ok(())
    }

    fn stand(&mut self, workflow: &Workflow, status: &str, state: State) {
        self.ticket.state = state;
        let simple = &*workflow.reference().name == "simple";
        let placement = Placement { workflow: workflow.reference().clone(), status: Arc::from(status) };
        self.ticket.placement = (!simple).then(|| Box::new(placement));
    }

    /// Goes from the start of the workflow of the new kind to a status in the ticket's state, over transitions that the
    /// actor may take.
    fn enter_workflow_of_kind(&mut self) -> Outcome {
        let kind = self.ticket.kind.as_str();
        let claims = |it: &&Workflow| it.definition().kinds.contains(kind);
        let target = self.workflows.iter().find(claims).or(self.workflows.last()).unwrap();
        let from = self.workflow();
        if target.reference().name == from.reference().name {
            return Ok(());
        }
        let here = self.naive(from.definition(), &self.ticket);
        let left = from.definition().statuses.iter().find(|it| it.name == self.ticket.status()).unwrap();
        let complete = left.leave.iter().all(|field| here.filled(field));
        when(complete || self.slip == Slip::ForgetsLeaving)?;

        let mut reached = BTreeSet::from([target.start().name.as_str()]);
        loop {
            let before = reached.len();
            for transition in &target.definition().transitions {
                for from in &transition.from {
                    let open = reached.contains(from.as_str())
                        && (self.slip == Slip::EntersAnyway || self.may_pass(target, transition, from));
                    if open {
                        reached.insert(&transition.to);
                    }
                }
            }
            if reached.len() == before {
                break;
            }
        }
        let hold = hold_reason(&self.ticket);
        let fits = |status: &&&Status| {
            status.state == self.ticket.state.kind()
                && (status.reason.is_none() || status.reason == hold)
                && reached.contains(status.name.as_str())
        };
        // Statuses for the reason of the hold come first, then the default, then the others.
        let statuses: Vec<&Status> = target.definition().statuses.iter().collect();
        let first_with = |test: &dyn Fn(&Status) -> bool| {
            statuses.iter().filter(fits).find(|status| test(status)).map(|status| status.name.clone())
        };
        let entered = first_with(&|it| it.reason.is_some() && it.default)
            .or_else(|| first_with(&|it| it.reason.is_some()))
            .or_else(|| first_with(&|it| it.default))
            .or_else(|| first_with(&|_| true))
            .ok_or(Refused)?;
        let state = self.ticket.state.clone();
        self.stand(target, &entered, state);
        Ok(())
    }

    /// True if the actor could take this transition now, if the ticket were in its source.
    fn may_pass(&self, workflow: &Workflow, transition: &Transition, from: &str) -> bool {
        let definition = workflow.definition();
        let status = |name: &str| definition.statuses.iter().find(|it| it.name == name).unwrap();
        let mut there = Interpreter { ticket: self.ticket.clone(), ..*self };
        let state = match status(from).state {
            StateKind::OnHold => {
                let own = hold_reason(&self.ticket);
                held_for(status(from).reason.clone().or(own).unwrap_or(HoldReason::Customer))
            }
            other => plain(other),
        };
        there.stand(workflow, from, state);
        let options = StepOptions { status: Some(transition.to.clone()), comment: None };
        let action = match transition.action {
            Trigger::Move => Action::Move { status: transition.to.clone(), comment: None },
            Trigger::Step(StepKind::Start) => Action::Start(options),
            Trigger::Step(StepKind::Hold) => {
                let reason = status(&transition.to).reason.clone().unwrap_or(HoldReason::Customer);
                Action::Hold { reason, until: None, options }
            }
            Trigger::Step(StepKind::Resume) => Action::Resume(options),
            Trigger::Step(StepKind::Resolve) => {
                // Only a ticket that is resolved has a solution.
                if self.ticket.state.kind() != StateKind::Resolved {
                    return false;
                }
                let code = self.ticket.resolution_code.clone();
                Action::Resolve { text: "solved".to_owned(), code, status: options.status }
            }
            Trigger::Step(StepKind::Confirm) => Action::Confirm(options),
            Trigger::Step(StepKind::Close) => Action::Close(options),
            Trigger::Step(StepKind::Reopen) => Action::Reopen(options),
            Trigger::Step(StepKind::Cancel) => Action::Cancel(options),
        };
        there.naive(definition, &there.ticket).answer(&action).is_ok()
    }
}

fn plain(kind: StateKind) -> State {
    match kind {
        StateKind::New => state::New.into(),
        StateKind::Active => state::Active.into(),
        StateKind::OnHold => held_for(HoldReason::Customer),
        StateKind::Resolved => state::Resolved::default().into(),
        StateKind::Closed => state::Closed.into(),
        StateKind::Cancelled => state::Cancelled.into(),
    }
}

fn held_for(reason: HoldReason) -> State {
    state::OnHold { reason, until: None }.into()
}

pub(crate) fn hold_reason(ticket: &Snapshot) -> Option<HoldReason> {
    match &ticket.state {
        State::OnHold(hold) => Some(hold.reason.clone()),
        _ => None,
    }
}

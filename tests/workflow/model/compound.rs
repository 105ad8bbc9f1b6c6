//! An interpreter of compound actions, written to be easy to read: it changes a copy of the ticket part by part. It
//! shares no code with the desk apart from the priority matrix, and selects transitions with the naive reading.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use firstline::lifecycle::{StateKind, StepKind, state};
use firstline::priority::{AssessmentInputs, Matrix};
use firstline::ticket::action::StepOptions;
use firstline::workflow::{Placement, Status, Transition, Trigger, Workflow};
use firstline::{
    Action, Actor, DateTime, HoldReason, Snapshot, State, TicketId, TimeDelta, Utc, Who, WorkflowDefinition,
};

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
    /// A command is taken back although somebody else has acted since.
    UndoesAnything,
    /// A ticket that is not spam after all has no date for the end of its hold.
    ForgetsHoldEnds,
    /// A ticket always resumes at the end of a hold.
    AlwaysResumes,
    /// A hold whose date passed during a mistake ends with the correction.
    KeepsPastDates,
}

/// The action is refused. The naive reading gives the reasons for steps. The reasons for whole actions are only
/// compared between the two answers of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused;

type Outcome = Result<(), Refused>;

/// The last command on a ticket that left an event.
#[derive(Debug, Clone)]
pub(crate) struct LastCommand {
    pub(crate) by: Who,
    pub(crate) at: DateTime<Utc>,
    /// The ticket before the command.
    pub(crate) before: Snapshot,
    /// The thread keys that the command added.
    pub(crate) threads: BTreeSet<String>,
    /// True for the opening, a correction and a timer, which nobody takes back.
    pub(crate) stays: bool,
}

pub(crate) struct Interpreter<'a> {
    /// The workflows, the one for all other kinds last.
    pub(crate) workflows: &'a [Workflow],
    pub(crate) matrix: &'a Matrix,
    pub(crate) ticket: Snapshot,
    pub(crate) by: &'a Actor,
    pub(crate) slip: Slip,
    pub(crate) now: DateTime<Utc>,
    pub(crate) last: &'a LastCommand,
    /// The ticket before it was cancelled as spam, and the instant of the cancellation.
    pub(crate) before_spam: Option<&'a (Snapshot, DateTime<Utc>)>,
    /// The tickets of the thread keys that have been added.
    pub(crate) threads: &'a BTreeMap<String, TicketId>,
}

/// The effects of an action besides the changed ticket.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    /// True if the action leaves an event.
    pub(crate) writes: bool,
    /// The ticket before a part that has cancelled it as spam, and the instant of the cancellation.
    pub(crate) before_spam: Option<(Snapshot, DateTime<Utc>)>,
    pub(crate) threads: BTreeSet<String>,
}

fn when(condition: bool) -> Outcome {
    if condition { Ok(()) } else { Err(Refused) }
}

impl<'a> Interpreter<'a> {
    /// Executes all parts, or is refused.
    pub(crate) fn all(&mut self, action: &Action) -> Result<Traces, Refused> {
        let parts = action.parts();
        when(parts.len() == 1 || parts.iter().all(|part| !matches!(part, Action::Undo)))?;
        let assigns = parts.iter().any(|part| matches!(part, Action::Assign(_) | Action::Take));
        let mut traces = Traces::default();
        for part in parts {
            let before = self.ticket.clone();
            match part {
                Action::Spam => traces.before_spam = Some((before.clone(), self.now)),
                // A new key leaves an event.
                Action::Thread(key) if !self.threads.contains_key(key.as_str()) => {
                    traces.threads.insert(key.as_str().to_owned());
                    traces.writes = true;
                }
                _ => {}
            }
            match (part, &traces.before_spam) {
                (Action::NotSpam, Some(spam)) => self.not_spam(&spam.clone())?,
                _ => self.part(part, assigns)?,
            }
            if self.slip != Slip::SeesOldPriority {
                self.rate(|_| {});
            }
            // A note and a step leave an event, even if the facts are the same again.
            let says =
                matches!(part, Action::Note(_) | Action::OverridePriority { .. } | Action::Hold { .. });
            traces.writes |=
                says || matches!(part, Action::Undo | Action::HoldEnd(_)) || before != self.ticket;
        }
        self.rate(|_| {});
        Ok(traces)
    }

    fn part(&mut self, part: &Action, assigns: bool) -> Outcome {
        let by_staff = !matches!(self.by.who, Who::Contact(_));
        let is_over = self.ticket.state.kind().is_final();
        match part {
            Action::Note(_) => when(by_staff),
            Action::Undo => self.undo(),
            Action::Spam => {
                when(by_staff)?;
                // The workflow must permit the cancellation, but no comment is needed.
                let comment = Some("spam".to_owned());
                self.step(&Action::Cancel(StepOptions { status: None, comment }))?;
                self.ticket.spam = true;
                Ok(())
            }
            Action::NotSpam => {
                let before = self.before_spam.filter(|_| self.ticket.spam).ok_or(Refused)?;
                self.not_spam(before)
            }
            Action::HoldEnd(end) => {
                when(by_staff)?;
                let until = hold_date(&self.ticket).ok_or(Refused)?;
                when(end.remind_at.is_none_or(|at| self.now < at && at < until))?;
                self.ticket.hold_end = Some(*end);
                Ok(())
            }
            Action::TimeSpent { minutes } => {
                when(matches!(self.by.who, Who::Agent(_)))?;
                let total = i64::from(self.ticket.minutes_spent) + i64::from(*minutes);
                self.ticket.minutes_spent = u32::try_from(total).map_err(|_| Refused)?;
                Ok(())
            }
            Action::Follow(agent) => {
                when(by_staff)?;
                self.ticket.followers.insert(agent.clone());
                Ok(())
            }
            Action::Unfollow(agent) => {
                when(by_staff)?;
                self.ticket.followers.remove(agent);
                Ok(())
            }
            Action::Thread(key) => {
                when(by_staff)?;
                when(self.threads.get(key.as_str()).is_none_or(|ticket| *ticket == self.ticket.id))
            }
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

    /// Takes back the actor's own last command.
    fn undo(&mut self) -> Outcome {
        let writes = match &self.by.who {
            Who::Contact(id) => self.ticket.contacts.contains_key(id),
            _ => true,
        };
        let LastCommand { by, at, before, stays, .. } = self.last;
        when(writes && !stays)?;
        when(*by == self.by.who || self.slip == Slip::UndoesAnything)?;
        when(self.now - *at <= TimeDelta::days(1))?;
        self.ticket = self.given_back(before, *at);
        self.timers();
        Ok(())
    }

    /// Returns the ticket to the state and status that it had before it was cancelled as spam.
    fn not_spam(&mut self, (before, at): &(Snapshot, DateTime<Utc>)) -> Outcome {
        when(!matches!(self.by.who, Who::Contact(_)) && self.ticket.spam)?;
        let before = self.given_back(before, *at);
        self.ticket.state.clone_from(&before.state);
        self.ticket.placement.clone_from(&before.placement);
        self.ticket.spam = false;
        if self.slip != Slip::ForgetsHoldEnds {
            self.ticket.hold_end = before.hold_end;
        }
        // The kind may have been changed since. The ticket then enters the workflow of its new kind.
        if self.ticket.kind != before.kind {
            self.enter_workflow_of_kind()?;
        }
        self.timers();
        Ok(())
    }

    /// Returns a ticket as a correction gives it back. If the date of its hold has passed since the mistake, the time
    /// that was left at the mistake begins again. A reminder keeps its distance to the date.
    fn given_back(&self, before: &Snapshot, mistake: DateTime<Utc>) -> Snapshot {
        let mut ticket = before.clone();
        if let State::OnHold(hold) = &mut ticket.state
            && let Some(date) = hold.until
            && date <= self.now
            && self.slip != Slip::KeepsPastDates
        {
            let moved = self.now + (date - mistake);
            hold.until = Some(moved);
            if let Some(end) = &mut ticket.hold_end {
                end.remind_at = end.remind_at.map(|at| moved - (date - at));
            }
        }
        ticket
    }

    /// Does what is due: a reminder, and the end of a hold. Returns false if nothing is.
    pub(crate) fn timers(&mut self) -> bool {
        let mut fired = false;
        if let Some(end) = &mut self.ticket.hold_end
            && end.remind_at.is_some_and(|at| at <= self.now)
        {
            end.remind_at = None;
            fired = true;
        }
        if hold_date(&self.ticket).is_some_and(|until| until <= self.now) {
            self.end_hold();
            fired = true;
        }
        fired
    }

    /// Ends a hold. If the workflow does not permit it, the ticket waits without a date.
    fn end_hold(&mut self) {
        let then = self.ticket.hold_end.map_or(StateKind::Active, |end| end.then);
        let steps = match then {
            _ if self.slip == Slip::AlwaysResumes => vec![(Cause::HoldEnds, Action::resume())],
            StateKind::Resolved => vec![(Cause::Silence, Action::resolve("no answer"))],
            StateKind::Closed => {
                vec![(Cause::Silence, Action::resolve("no answer")), (Cause::Silence, Action::close())]
            }
            _ => vec![(Cause::HoldEnds, Action::resume())],
        };
        let (desk, workflow) = (Actor::from(Who::Desk), self.workflow());
        let definition = workflow.definition();
        for (cause, action) in steps {
            let naive = Naive { definition, ticket: &self.ticket, by: &desk, cause, flaw: Flaw::None };
            let Ok(to) = naive.answer(&action) else { break };
            let status = definition.statuses.iter().find(|it| it.name == to).unwrap();
            if status.state == StateKind::Resolved {
                self.ticket.resolution_code = None;
            }
            self.stand(workflow, &to, plain(status.state));
            self.ticket.hold_end = None;
        }
        if let State::OnHold(hold) = &mut self.ticket.state {
            hold.until = None;
            self.ticket.hold_end = None;
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
        // A move within the state keeps the hold with its end. Every step ends it.
        let within = |it: &&Transition| {
            let here = it.from.iter().any(|from| *from == self.ticket.status());
            here && it.to == to && it.action == Trigger::Move
        };
        if matches!(action, Action::Move { .. }) && definition.transitions.iter().any(|it| within(&it)) {
            let state = self.ticket.state.clone();
            self.stand(workflow, &to, state);
            return Ok(());
        }
        let state = match (action, status.state) {
            (Action::Hold { reason, until, .. }, _) => {
                state::OnHold { reason: reason.clone(), until: *until }.into()
            }
            (_, StateKind::OnHold) => held_for(status.reason.clone().unwrap()),
            (_, state) => plain(state),
        };
        self.stand(workflow, &to, state);
        self.ticket.hold_end = None;
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

/// The date at which the hold of a ticket ends.
fn hold_date(ticket: &Snapshot) -> Option<DateTime<Utc>> {
    match &ticket.state {
        State::OnHold(hold) => hold.until,
        _ => None,
    }
}

pub(crate) fn hold_reason(ticket: &Snapshot) -> Option<HoldReason> {
    match &ticket.state {
        State::OnHold(hold) => Some(hold.reason.clone()),
        _ => None,
    }
}

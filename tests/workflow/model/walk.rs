//! Plays a random life of one ticket under a random workflow, compares each step with the naive reading, and finally
//! leads the ticket to an end.

use std::collections::VecDeque;

use firstline::desk::Settings;
use firstline::lifecycle::StepKind;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::ticket::action::StepOptions;
use firstline::time::ManualTime;
use firstline::workflow::{Transition, Trigger};
use firstline::{
    Action, ActionKind, Actor, DateTime, Desk, NewTicket, Policy, RejectionReason, Snapshot, State, TicketId,
    TimeDelta, Utc, Who, WorkflowDefinition,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::commands::{Command, Part, actor, fill, is_outsider, performers};
use crate::model::naive::{Cause, Flaw, Naive, texts};

type Played = Result<(), TestCaseError>;

/// The number of cases of each sort that the random lives covered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Coverage {
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) by_message: usize,
    pub(crate) by_timer: usize,
    pub(crate) expired: usize,
    pub(crate) ended: usize,
    pub(crate) searched: usize,
}

impl Coverage {
    pub(crate) fn add(&mut self, other: Coverage) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.by_message += other.by_message;
        self.by_timer += other.by_timer;
        self.expired += other.expired;
        self.ended += other.ended;
        self.searched += other.searched;
    }
}

pub(crate) struct Walk<'a> {
    definition: &'a WorkflowDefinition,
    desk: Desk<Memory>,
    time: ManualTime,
    id: TicketId,
    flaw: Flaw,
    pub(crate) coverage: Coverage,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(definition: &'a WorkflowDefinition, has_requester: bool, flaw: Flaw) -> Walk<'a> {
        let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
        let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
        let policy = Policy::new()
            .field("price", FieldType::Integer)
            .field("note", FieldType::Text)
            .workflow(definition.clone());
        desk.setup().adopt(&policy).unwrap();
        let request = NewTicket::new("The lamp flickers");
        let request = if has_requester { request.from("boris") } else { request };
        let id = desk.open_ticket(request).unwrap().id();
        Walk { definition, desk, time, id, flaw, coverage: Coverage::default() }
    }

    fn ticket(&self) -> Snapshot {
        self.desk.ticket(self.id).unwrap().into_snapshot()
    }

    fn now(&self) -> DateTime<Utc> {
        firstline::time::TimeSource::now(&self.time)
    }

    fn naive<'b>(&'b self, ticket: &'b Snapshot, by: &'b Actor) -> Naive<'b> {
        Naive { definition: self.definition, ticket, by, cause: Cause::Own, flaw: self.flaw }
    }

    pub(crate) fn play(&mut self, commands: &[Command]) -> Played {
        self.sound()?;
        for command in commands {
            self.command(command)?;
            self.sound()?;
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Played {
        match command {
            Command::Wait(hours) => self.wait(*hours),
            Command::Prepare(transition) => {
                let ticket = self.ticket();
                let transitions = self.transitions_from(&ticket);
                if let Some(transition) = (!transitions.is_empty()).then(|| *transition.get(&transitions)) {
                    self.prepare(&ticket, transition)?;
                }
                Ok(())
            }
            Command::Go(transition, hours) => {
                let ticket = self.ticket();
                let transitions = self.transitions_from(&ticket);
                let Some(transition) = (!transitions.is_empty()).then(|| *transition.get(&transitions))
                else {
                    return Ok(());
                };
                self.prepare(&ticket, transition)?;
                let action = self.action_for(transition, *hours);
                self.act(&action, &actor(performers(transition).0))
            }
            Command::Act { by, parts } => {
                let by = actor(*by);
                let ticket = self.ticket();
                let mut parts = parts.iter().filter_map(|part| self.action(part, &ticket));
                let Some(first) = parts.next() else { return Ok(()) };
                let action = parts.fold(first, Action::and);
                self.act(&action, &by)
            }
        }
    }

    fn action(&self, part: &Part, ticket: &Snapshot) -> Option<Action> {
        let statuses = &self.definition.statuses;
        let name = |index: &Index| {
            let place = index.index(statuses.len() + 1);
            statuses.get(place).map_or("nowhere".to_owned(), |it| it.name.clone())
        };
        Some(match part {
            Part::Step { step, to, why, hold, hours, code } => {
                self.step(*step, to.as_ref().map(name), *why, hold, *hours, *code)
            }
            Part::Move { to, why } => {
                Action::Move { status: name(to), comment: why.then(|| "it seems right".to_owned()) }
            }
            Part::Way { transition, named, why, code, hours } => {
                let transitions = self.transitions_from(ticket);
                let transition = *(!transitions.is_empty()).then(|| transition.get(&transitions))?;
                let to = self.definition.statuses.iter().find(|it| it.name == transition.to).unwrap();
                let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
                let named = named.then(|| transition.to.clone());
                match transition.action {
                    Trigger::Step(step) => self.step(step, named, *why, hold, *hours, *code),
                    Trigger::Move => Action::Move {
                        status: transition.to.clone(),
                        comment: why.then(|| "it seems right".to_owned()),
                    },
                }
            }
            Part::Reply => Action::reply("And?"),
            Part::Fill(field, full) => {
                let names =
                    ["category", "tags", "team", "assignee", "requester", "field.price", "field.note"];
                fill(names[*field], *full, ticket)
            }
        })
    }

    fn step(
        &self,
        step: StepKind,
        to: Option<String>,
        why: bool,
        hold: &str,
        hours: Option<i64>,
        code: bool,
    ) -> Action {
        let on = StepOptions { status: to.clone(), comment: why.then(|| "it seems right".to_owned()) };
        match step {
            StepKind::Start => Action::Start(on),
            StepKind::Hold => {
                let until = hours.map(|it| self.now() + TimeDelta::hours(it));
                Action::Hold { reason: hold.into(), until, options: on }
            }
            StepKind::Resume => Action::Resume(on),
            StepKind::Resolve => Action::Resolve {
                text: "mended".to_owned(),
                code: code.then(|| "part".to_owned()),
                status: to,
            },
            StepKind::Confirm => Action::Confirm(on),
            StepKind::Close => Action::Close(on),
            StepKind::Reopen => Action::Reopen(on),
            StepKind::Cancel => Action::Cancel(on),
        }
    }

    /// The transitions that lead from the ticket's status.
    fn transitions_from(&self, ticket: &Snapshot) -> Vec<&'a Transition> {
        let here = |it: &&Transition| it.from.iter().any(|from| *from == ticket.status());
        self.definition.transitions.iter().filter(here).collect()
    }

    /// Acts and compares: `why_not_by` with the outcome, and for a single part both with the naive reading.
    fn act(&mut self, action: &Action, by: &Actor) -> Played {
        let before = self.desk.ticket(self.id).unwrap();
        let predicted = before.why_not_by(action, by);
        let before = before.into_snapshot();
        prop_assert_eq!(&before, &self.ticket(), "why_not changed something");
        let naive = self.naive(&before, by);
        let single = action.parts().len() == 1;
        let a_way = matches!(action.kind(), Some(ActionKind::Step(_) | ActionKind::Move));
        let expected = (single && a_way).then(|| naive.answer(action));
        let after_message =
            (single && action.kind() == Some(ActionKind::Reply)).then(|| naive.after_message());
        match self.desk.act(self.id, action.clone(), by) {
            Ok(receipt) => {
                prop_assert!(
                    predicted.is_none(),
                    "why_not refuses it, but it was accepted: {:?} {predicted:?}",
                    action
                );
                self.coverage.accepted += 1;
                let status = receipt.ticket.status().to_owned();
                if let Some(expected) = expected {
                    prop_assert_eq!(expected, Ok(status), "{:?} by {}", action, by.who);
                } else if let Some(after) = after_message {
                    let stays = before.status().to_owned();
                    let expected = match after {
                        Some(Ok(to)) => {
                            self.coverage.by_message += 1;
                            to
                        }
                        _ => stays,
                    };
                    prop_assert_eq!(expected, status, "a message of {}", by.who);
                }
            }
            Err(error) => {
                self.coverage.refused += 1;
                prop_assert_eq!(&before, &self.ticket(), "refused, but changed");
                if is_outsider(by, &before) {
                    // A contact who is not on the ticket does not even learn that there is one.
                    let reasons = predicted.map(|it| it.reasons);
                    let missing = vec![RejectionReason::NotFound { ticket: self.id }];
                    prop_assert!(error.is_not_found() && reasons == Some(missing), "{action:?}: {error}");
                    prop_assert!(expected.is_none_or(|expected| expected.is_err()), "{action:?}: {error}");
                    return Ok(());
                }
                let Some(rejection) = error.rejection() else {
                    return Err(TestCaseError::fail(format!("{action:?}: {error}")));
                };
                let predicted = predicted.map(|it| texts(it.all_reasons()));
                prop_assert_eq!(
                    predicted,
                    Some(texts(rejection.all_reasons())),
                    "{:?} by {}",
                    action,
                    by.who
                );
                let reasons = texts(rejection.all_reasons());
                if let (Who::Contact(_), Some(expected)) = (&by.who, &expected) {
                    // Customers get the public reasons alone, or other words.
                    let whole = expected.clone().err().unwrap_or_default();
                    prop_assert!(!whole.is_empty(), "{action:?} by {} is refused: {reasons:?}", by.who);
                    let other = |reason: &&String| *reason != "for words of its own";
                    prop_assert!(reasons.iter().filter(other).all(|reason| whole.contains(reason)));
                } else if let Some(expected) = expected {
                    prop_assert_eq!(expected, Err(reasons), "{:?} by {}", action, by.who);
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self, hours: i64) -> Played {
        let before = self.ticket();
        let due = match &before.state {
            State::OnHold(hold) => hold.until,
            State::Resolved(resolved) => resolved.closes_at,
            _ => None,
        };
        self.time.advance(TimeDelta::hours(hours));
        let now = self.now();
        let ticked = self.desk.tick(now).unwrap();
        prop_assert!(ticked.failed.is_empty() && ticked.stopped.is_none(), "{ticked:?}");
        let desk = Actor::from(Who::Desk);
        let after = self.ticket();
        let expected = match due.filter(|due| *due <= now).map(|_| self.naive(&before, &desk).after_timer()) {
            Some(Ok(to)) => {
                self.coverage.by_timer += 1;
                to
            }
            Some(Err(_)) => {
                self.coverage.expired += 1;
                prop_assert!(after.timers().is_empty(), "the expired timer is still set");
                before.status().to_owned()
            }
            None => before.status().to_owned(),
        };
        prop_assert_eq!(expected, after.status(), "{:?} passed since {:?}", hours, before.state);
        Ok(())
    }

    /// Checks the invariants of every ticket.
    fn sound(&self) -> Played {
        let ticket = self.ticket();
        let history = self.desk.records().history(self.id).unwrap();
        prop_assert_eq!(&Snapshot::fold(&history).unwrap(), &ticket, "the row is not the fold");
        for version in 1..=history.len() {
            let then = Snapshot::fold(&history[..version]).unwrap();
            let status = self.definition.statuses.iter().find(|it| it.name == then.status());
            let Some(status) = status else {
                return Err(TestCaseError::fail(format!("no such status: {}", then.status())));
            };
            prop_assert_eq!(status.state, then.state.kind(), "{} at version {}", status.name, version);
            if let (State::OnHold(hold), Some(reason)) = (&then.state, &status.reason) {
                prop_assert_eq!(&hold.reason, reason, "what it waits for in {}", status.name);
            }
        }
        Ok(())
    }

    /// Fills in the fields that this transition demands.
    fn prepare(&mut self, ticket: &Snapshot, transition: &Transition) -> Played {
        let status = |name: &str| self.definition.statuses.iter().find(|it| it.name == name).unwrap();
        let demanded = status(ticket.status()).leave.iter().chain(&status(&transition.to).enter);
        let mut demanded: Vec<&String> = demanded.filter(|it| *it != "resolution_code").collect();
        // The team comes first, because a hand-over removes the assignee.
        demanded.sort_by_key(|field| *field != "team");
        for field in demanded {
            let ticket = self.ticket();
            let anna = actor(2);
            if self.naive(&ticket, &anna).filled(field) || ticket.state.kind().is_final() {
                continue;
            }
            if let Err(error) = self.desk.act(self.id, fill(field, true, &ticket), actor(2)) {
                return Err(TestCaseError::fail(format!("{field} cannot be filled: {error}")));
            }
        }
        Ok(())
    }

    /// Leads the ticket to an end over unguarded transitions, using only the definition.
    pub(crate) fn finish(&mut self) -> Played {
        // A guard may divert a message to another status, so this may take several rounds.
        for _ in 0..20 {
            let ticket = self.ticket();
            if ticket.state.kind().is_final() {
                self.coverage.ended += 1;
                return Ok(());
            }
            self.coverage.searched += 1;
            let Some(transition) = self.way_out(&ticket) else {
                let message = format!(
                    "no path out of {:?} ({}): {}",
                    ticket.status(),
                    ticket.state,
                    serde_json::to_string(self.definition).unwrap()
                );
                return Err(TestCaseError::fail(message));
            };
            self.prepare(&ticket, transition)?;
            let ticket = self.ticket();
            let (by, by_hand) = performers(transition);
            let action =
                if by_hand { self.action_for(transition, None) } else { Action::reply("Here it is.") };
            if by == 0 && ticket.requester().is_none() {
                // If the ticket has no requester, it gets one first.
                if let Err(error) = self.desk.act(self.id, fill("requester", true, &ticket), actor(2)) {
                    return Err(TestCaseError::fail(format!("no requester can be named: {error}")));
                }
            }
            let ticket = self.ticket();
            let by = if by == 0 {
                ticket.requester().map_or(actor(0), |it| Actor::contact(it.clone()))
            } else {
                actor(by)
            };
            if let Err(error) = self.desk.act(self.id, action, by) {
                return Err(TestCaseError::fail(format!("{transition:?}: {error}")));
            }
            self.sound()?;
        }
        Err(TestCaseError::fail("no end after 20 transitions"))
    }

    /// The action that takes this transition, with all optional values.
    fn action_for(&self, transition: &Transition, hours: Option<i64>) -> Action {
        let to = self.definition.statuses.iter().find(|it| it.name == transition.to).unwrap();
        let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
        match transition.action {
            Trigger::Move => {
                Action::Move { status: transition.to.clone(), comment: Some("onward".to_owned()) }
            }
            Trigger::Step(step) => self.step(step, Some(transition.to.clone()), true, hold, hours, true),
        }
    }

    /// The first transition of a shortest unguarded path to an end. A resolution without a code cannot take a
    /// transition that demands the code.
    fn way_out(&self, ticket: &Snapshot) -> Option<&'a Transition> {
        let status = |name: &str| self.definition.statuses.iter().find(|it| it.name == name).unwrap();
        type Place<'a> = (&'a str, bool);
        let start = (status(ticket.status()).name.as_str(), ticket.resolution_code.is_some());
        let mut waiting: VecDeque<(Place<'a>, Option<&'a Transition>)> = VecDeque::from([(start, None)]);
        let mut seen = vec![start];
        while let Some(((at, coded), first)) = waiting.pop_front() {
            if status(at).state.is_final() {
                return first;
            }
            for transition in &self.definition.transitions {
                let here = transition.from.iter().any(|it| it == at) && transition.when.is_empty();
                let resolves = transition.action == Trigger::Step(StepKind::Resolve);
                let asks_code = status(&transition.to).enter.contains("resolution_code")
                    || (status(at).leave.contains("resolution_code") && transition.to != at);
                let by_message = transition.action == Trigger::Step(StepKind::Resume)
                    && status(at).reason.as_ref().is_some_and(|it| it.as_str() == "customer");
                if !here || (asks_code && !coded && !resolves) || !(performers(transition).1 || by_message) {
                    continue;
                }
                let next = (status(&transition.to).name.as_str(), coded || resolves);
                if !seen.contains(&next) {
                    seen.push(next);
                    waiting.push_back((next, first.or(Some(transition))));
                }
            }
        }
        None
    }
}

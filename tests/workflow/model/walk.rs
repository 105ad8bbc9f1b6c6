//! Random lives of one ticket under a random workflow, each step compared with the naive reading; and from wherever it
//! stands at last, a way to its end.

use std::collections::VecDeque;

use firstline::desk::Settings;
use firstline::lifecycle::StepKind;
use firstline::memory::Memory;
use firstline::policy::FieldType;
use firstline::ticket::action::StepOptions;
use firstline::time::ManualTime;
use firstline::workflow::{Transition, Trigger};
use firstline::{
    Action, Actor, DateTime, Desk, NewTicket, Policy, Snapshot, State, TicketId, TimeDelta, Utc, Verb, Who,
    WorkflowDefinition,
};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::model::commands::{Command, Doing, actor, fill, takers};
use crate::model::naive::{Cause, Flaw, Naive, told};

type Played = Result<(), TestCaseError>;

/// What the random lives have met, so that a test can say that it met enough.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Met {
    pub(crate) accepted: usize,
    pub(crate) refused: usize,
    pub(crate) by_message: usize,
    pub(crate) by_timer: usize,
    pub(crate) lapsed: usize,
    pub(crate) ended: usize,
    pub(crate) searched: usize,
}

impl Met {
    pub(crate) fn add(&mut self, other: Met) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.by_message += other.by_message;
        self.by_timer += other.by_timer;
        self.lapsed += other.lapsed;
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
    pub(crate) met: Met,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(definition: &'a WorkflowDefinition, asked: bool, flaw: Flaw) -> Walk<'a> {
        let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
        let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
        let policy = Policy::new()
            .field("price", FieldType::Integer)
            .field("note", FieldType::Text)
            .workflow(definition.clone());
        desk.setup().adopt(&policy).unwrap();
        let request = NewTicket::new("The lamp flickers");
        let request = if asked { request.from("boris") } else { request };
        let id = desk.open_ticket(request).unwrap().id();
        Walk { definition, desk, time, id, flaw, met: Met::default() }
    }

    fn ticket(&self) -> Snapshot {
        self.desk.ticket(self.id).unwrap().into_snapshot()
    }

    fn now(&self) -> DateTime<Utc> {
        firstline::time::TimeSource::now(&self.time)
    }

    fn naive<'b>(&'b self, ticket: &'b Snapshot, by: &'b Actor) -> Naive<'b> {
        Naive { definition: self.definition, ticket, by, cause: Cause::Hand, flaw: self.flaw }
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
            Command::Prepare(way) => {
                let ticket = self.ticket();
                let ways = self.next_statuses(&ticket);
                if let Some(way) = (!ways.is_empty()).then(|| *way.get(&ways)) {
                    self.prepare(&ticket, way)?;
                }
                Ok(())
            }
            Command::Go(way, hours) => {
                let ticket = self.ticket();
                let ways = self.next_statuses(&ticket);
                let Some(way) = (!ways.is_empty()).then(|| *way.get(&ways)) else { return Ok(()) };
                self.prepare(&ticket, way)?;
                let action = self.along(way, *hours);
                self.act(&action, &actor(takers(way).0))
            }
            Command::Act { by, doings } => {
                let by = actor(*by);
                let ticket = self.ticket();
                let mut parts = doings.iter().filter_map(|doing| self.action(doing, &ticket));
                let Some(first) = parts.next() else { return Ok(()) };
                let action = parts.fold(first, Action::and);
                self.act(&action, &by)
            }
        }
    }

    fn action(&self, doing: &Doing, ticket: &Snapshot) -> Option<Action> {
        let statuses = &self.definition.statuses;
        let name = |index: &Index| {
            let place = index.index(statuses.len() + 1);
            statuses.get(place).map_or("nowhere".to_owned(), |it| it.name.clone())
        };
        Some(match doing {
            Doing::Step { step, to, why, hold, hours, code } => {
                self.step(*step, to.as_ref().map(name), *why, hold, *hours, *code)
            }
            Doing::Move { to, why } => {
                Action::Move { status: name(to), comment: why.then(|| "it seems right".to_owned()) }
            }
            Doing::Way { way, named, why, code, hours } => {
                let ways = self.next_statuses(ticket);
                let way = *(!ways.is_empty()).then(|| way.get(&ways))?;
                let to = self.definition.statuses.iter().find(|it| it.name == way.to).unwrap();
                let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
                let named = named.then(|| way.to.clone());
                match way.action {
                    Trigger::Step(step) => self.step(step, named, *why, hold, *hours, *code),
                    Trigger::Move => Action::Move {
                        status: way.to.clone(),
                        comment: why.then(|| "it seems right".to_owned()),
                    },
                }
            }
            Doing::Reply => Action::reply("And?"),
            Doing::Fill(field, full) => {
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

    /// The transitions that lead out of where the ticket stands.
    fn next_statuses(&self, ticket: &Snapshot) -> Vec<&'a Transition> {
        let here = |it: &&Transition| it.from.iter().any(|from| *from == ticket.status());
        self.definition.transitions.iter().filter(here).collect()
    }

    /// Does it, and compares: `why_not_by` with what happens, and for a single thing both with the naive reading.
    fn act(&mut self, action: &Action, by: &Actor) -> Played {
        let before = self.desk.ticket(self.id).unwrap();
        let foreseen = before.why_not_by(action, by);
        let before = before.into_snapshot();
        prop_assert_eq!(&before, &self.ticket(), "to ask why not has changed something");
        let naive = self.naive(&before, by);
        let single = action.parts().len() == 1;
        let a_way = matches!(action.verb(), Some(Verb::Step(_) | Verb::Move));
        let expected = (single && a_way).then(|| naive.answer(action));
        let after_message = (single && action.verb() == Some(Verb::Reply)).then(|| naive.after_message());
        match self.desk.act(self.id, action.clone(), by) {
            Ok(receipt) => {
                prop_assert!(foreseen.is_none(), "foreseen, but accepted: {:?} {foreseen:?}", action);
                self.met.accepted += 1;
                let status = receipt.ticket.status().to_owned();
                if let Some(expected) = expected {
                    prop_assert_eq!(expected, Ok(status), "{:?} by {}", action, by.who);
                } else if let Some(after) = after_message {
                    let stays = before.status().to_owned();
                    let expected = match after {
                        Some(Ok(to)) => {
                            self.met.by_message += 1;
                            to
                        }
                        _ => stays,
                    };
                    prop_assert_eq!(expected, status, "a message of {}", by.who);
                }
            }
            Err(error) => {
                let Some(rejection) = error.rejection() else {
                    return Err(TestCaseError::fail(format!("{action:?}: {error}")));
                };
                self.met.refused += 1;
                prop_assert_eq!(&before, &self.ticket(), "refused, but changed");
                let foreseen = foreseen.map(|it| told(&it.reasons));
                prop_assert_eq!(foreseen, Some(told(&rejection.reasons)), "{:?} by {}", action, by.who);
                if let Some(expected) = expected {
                    prop_assert_eq!(expected, Err(told(&rejection.reasons)), "{:?} by {}", action, by.who);
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
                self.met.by_timer += 1;
                to
            }
            Some(Err(_)) => {
                self.met.lapsed += 1;
                prop_assert!(after.timers().is_empty(), "what lapsed is still to come");
                before.status().to_owned()
            }
            None => before.status().to_owned(),
        };
        prop_assert_eq!(expected, after.status(), "{:?} passed since {:?}", hours, before.state);
        Ok(())
    }

    /// What holds of every ticket at every time.
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

    /// Fills in whatever this way demands.
    fn prepare(&mut self, ticket: &Snapshot, way: &Transition) -> Played {
        let status = |name: &str| self.definition.statuses.iter().find(|it| it.name == name).unwrap();
        let demanded = status(ticket.status()).leave.iter().chain(&status(&way.to).enter);
        let mut demanded: Vec<&String> = demanded.filter(|it| *it != "resolution_code").collect();
        // Who is given it by another team is nobody of this one yet.
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

    /// Brings the ticket to an end by ways that depend on no guard, as one who knows nothing but the definition.
    pub(crate) fn finish(&mut self) -> Played {
        // Where guards divert what a message brings about, it takes another turn.
        for _ in 0..20 {
            let ticket = self.ticket();
            if ticket.state.kind().is_final() {
                self.met.ended += 1;
                return Ok(());
            }
            self.met.searched += 1;
            let Some(way) = self.way_out(&ticket) else {
                let message = format!(
                    "no way out of {:?} ({}): {}",
                    ticket.status(),
                    ticket.state,
                    serde_json::to_string(self.definition).unwrap()
                );
                return Err(TestCaseError::fail(message));
            };
            self.prepare(&ticket, way)?;
            let ticket = self.ticket();
            let (by, by_hand) = takers(way);
            let action = if by_hand { self.along(way, None) } else { Action::reply("Here it is.") };
            let by = if by == 0 {
                ticket.requester().map_or(actor(0), |it| Actor::contact(it.clone()))
            } else {
                actor(by)
            };
            if let Err(error) = self.desk.act(self.id, action, by) {
                return Err(TestCaseError::fail(format!("{way:?}: {error}")));
            }
            self.sound()?;
        }
        Err(TestCaseError::fail("it goes round and round"))
    }

    /// What takes this way, with all that may be said.
    fn along(&self, way: &Transition, hours: Option<i64>) -> Action {
        let to = self.definition.statuses.iter().find(|it| it.name == way.to).unwrap();
        let hold = to.reason.as_ref().map_or("customer", |it| it.as_str());
        match way.action {
            Trigger::Move => Action::Move { status: way.to.clone(), comment: Some("onward".to_owned()) },
            Trigger::Step(step) => self.step(step, Some(way.to.clone()), true, hold, hours, true),
        }
    }

    /// The first transition of a shortest unguarded way to an end, where a resolution without a code has none until it
    /// is resolved again.
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
            for way in &self.definition.transitions {
                let here = way.from.iter().any(|it| it == at) && way.when.is_empty();
                let resolves = way.action == Trigger::Step(StepKind::Resolve);
                let asks_code = status(&way.to).enter.contains("resolution_code")
                    || (status(at).leave.contains("resolution_code") && way.to != at);
                let by_message = way.action == Trigger::Step(StepKind::Resume)
                    && status(at).reason.as_ref().is_some_and(|it| it.as_str() == "customer");
                if !here || (asks_code && !coded && !resolves) || !(takers(way).1 || by_message) {
                    continue;
                }
                let next = (status(&way.to).name.as_str(), coded || resolves);
                if !seen.contains(&next) {
                    seen.push(next);
                    waiting.push_back((next, first.or(Some(way))));
                }
            }
        }
        None
    }
}

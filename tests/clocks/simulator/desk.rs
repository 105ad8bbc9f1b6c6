//! Plays histories at a desk of the crate.

use firstline::policy::FieldType;
use firstline::priority::Effect;
use firstline::sla::{self, Metric, Reaction};
use firstline::{
    Action, Actor, Calendar, Condition, DateTime, ImportedTicket, ImportedVersion, Line, Matrix, Modifier,
    NewTicket, Priority, StateKind, TicketId, TimeDelta, Utc, Value, state,
};

use super::calendar::CALENDARS;
use super::script::World;
use super::ticket::{By, Op, VERIFICATION};
use super::{History, Minute, Time, When};
use crate::sla::{ANNA, BORIS, BOT, Bench};

/// The agent of writes by chance.
pub(super) const CHANCE: &str = "chance";

pub(super) fn instant(minute: Minute) -> DateTime<Utc> {
    DateTime::from_timestamp(minute * 60, 0).unwrap()
}

fn clock_time(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

fn hours(hours: &[(u32, u32)]) -> String {
    let shift = |(open, close): &(u32, u32)| {
        let close = if *close > 1440 { close - 1440 } else { *close };
        format!("{}-{}", clock_time(*open), clock_time(close))
    };
    hours.iter().map(shift).collect::<Vec<_>>().join(", ")
}

/// The policy of the crate for a policy of the simulator.
fn policy(of: &super::Policy, reactions: bool) -> firstline::Policy {
    let matrix = Matrix::itil().to_definition().modifier(Modifier::new("late", Effect::Raise(1)));
    let mut policy = firstline::Policy::new()
        .matrix(matrix.build().unwrap())
        .verification(Some(TimeDelta::minutes(VERIFICATION)))
        .field("plan", FieldType::Text)
        .field("promised", FieldType::Instant);
    let targets = || of.agreements.iter().flat_map(|it| &it.targets);
    for (number, it) in CALENDARS.iter().enumerate() {
        if !targets().any(|it| it.calendar == Some(number)) {
            continue;
        }
        let mut calendar = Calendar::builder(it.zone.name()).hours(it.days.iter().copied(), &hours(it.hours));
        for ((month, day), name) in it.holidays {
            calendar = calendar.holiday(&format!("2026-{month:02}-{day:02}"), name);
        }
        for ((month, day), shifts) in it.exceptions {
            calendar = calendar.exception(&format!("2026-{month:02}-{day:02}"), &hours(shifts));
        }
        policy = policy.calendar(format!("calendar {number}"), calendar.definition().unwrap());
    }
    for (position, it) in of.agreements.iter().enumerate() {
        let mut agreement = sla::Agreement::new(&it.name, position as u32)
            .on_reopen(it.on_reopen)
            .on_priority_change(it.on_priority)
            .on_policy_change(it.on_policy);
        agreement = match it.when {
            When::Always => agreement,
            When::Gold => agreement.when(Condition::field("tags").contains("gold")),
            When::Plan => agreement.when(Condition::field("field.plan").is("gold")),
            When::Urgent => agreement.when(Condition::field("priority").at_most(2)),
        };
        policy = policy.agreement(
            it.targets.iter().map(|it| target(it, reactions)).fold(agreement, sla::Agreement::target),
        );
    }
    policy
}

fn target(of: &super::Target, reactions: bool) -> sla::Target {
    let mut target = sla::Target::new(of.metric)
        .warn_at(of.warn_at.iter().copied())
        .warn_before(of.warn_before.iter().map(|it| TimeDelta::minutes(*it)));
    match &of.time {
        Time::Field => target = target.due_in_field("promised"),
        Time::By(times) => {
            for (priority, time) in
                [Priority::P1, Priority::P2, Priority::P3, Priority::P4, Priority::P5].into_iter().zip(times)
            {
                if let Some(time) = time {
                    target = target.time(priority, TimeDelta::minutes(*time));
                }
            }
        }
    }
    if let Some(number) = of.calendar {
        target = target.business(format!("calendar {number}"));
    }
    if let Some(reasons) = &of.pauses {
        target = target.pause_on(reasons.iter().cloned());
    }
    if reactions {
        target =
            target.on_warning(Reaction::Notify("anna".into())).on_breach(Reaction::Modifier("late".into()));
        if of.metric == Metric::Resolution {
            target = target.on_breach(Reaction::Escalate { team: "experts".into(), line: Line::Second });
        }
    }
    target
}

fn field(name: &str, value: Option<impl Into<Value>>) -> Action {
    Action::Field { name: name.to_owned(), value: value.map(Into::into) }
}

/// The action and the actor of an operation.
fn action(op: &Op) -> (Action, Actor) {
    let by = |by: By| match by {
        By::Anna => Actor::agent(ANNA),
        By::Boris => Actor::contact(BORIS),
        By::Bot => Actor::automation(BOT),
    };
    let action = match op {
        Op::Start => Action::start(),
        Op::Hold { reason, end: None } => Action::hold(reason.clone()),
        Op::Hold { reason, end: Some(end) } => {
            let hold = Action::hold_until(reason.clone(), instant(end.at));
            let hold = match end.then {
                StateKind::Resolved => hold.then_resolve(),
                StateKind::Closed => hold.then_close(),
                _ => hold,
            };
            end.remind_at.into_iter().fold(hold, |hold, at| hold.remind_at(instant(at)))
        }
        Op::Resume => Action::resume(),
        Op::Resolve(_) => Action::resolve("done"),
        Op::ReplyAndResolve => Action::reply("It works.").and(Action::resolve("done")),
        Op::Confirm => Action::confirm(),
        Op::Close => Action::close(),
        Op::Reopen => Action::reopen(),
        Op::Cancel => Action::cancel(),
        Op::Spam => Action::spam(),
        Op::NotSpam => Action::not_spam(),
        Op::Undo => Action::undo(),
        Op::Reply(_) => Action::reply("A message"),
        Op::Gold(true) => Action::tag("gold"),
        Op::Gold(false) => Action::untag("gold"),
        Op::Plan(on) => field("plan", on.then_some("gold")),
        Op::Promise(at) => field("promised", at.map(instant)),
        Op::Override(Some(priority)) => Action::override_priority(*priority, "a reason"),
        Op::Override(None) => Action::ClearOverride,
        Op::Assign(true) => Action::assign(ANNA),
        Op::Assign(false) => Action::unassign(),
        Op::HandOver(line) => Action::hand_over("team", *line, "please"),
        Op::Note => Action::note("A note"),
        Op::Adopt(_) => unreachable!("the desk adopts a policy"),
    };
    let actor = match op {
        Op::Confirm => by(By::Boris),
        Op::Resolve(who) | Op::Reply(who) => by(*who),
        Op::Note => Actor::agent("ben"),
        _ => by(By::Anna),
    };
    (action, actor)
}

/// The version of an imported ticket for an operation.
fn version(at: Minute, op: &Op, closes: bool) -> ImportedVersion {
    let version = ImportedVersion::new(instant(at), action(op).1);
    let closes_at = closes.then(|| instant(at + VERIFICATION));
    let resolved = state::Resolved { closes_at, ..Default::default() };
    match op {
        Op::Start | Op::Resume | Op::Reopen => version.status(state::Active),
        Op::Hold { reason, end } => {
            let until = end.map(|end| instant(end.at));
            version.status(state::OnHold { reason: reason.clone(), until })
        }
        Op::Resolve(_) => version.status(resolved),
        Op::ReplyAndResolve => version.message("It works.").status(resolved),
        Op::Confirm | Op::Close => version.status(state::Closed),
        Op::Cancel => version.status(state::Cancelled),
        Op::Reply(_) => version.message("A message"),
        Op::Gold(on) => version.tags(on.then_some("gold")),
        Op::Plan(on) => version.field("plan", on.then_some("gold")),
        Op::Promise(at) => version.field("promised", at.map(instant)),
        Op::Assign(true) => version.assigned_to(ANNA),
        Op::Assign(false) => version.unassigned(),
        Op::HandOver(line) => version.team("team").line(*line).unassigned(),
        _ => unreachable!("not importable"),
    }
}

/// Opens or imports the ticket of a history, as the ticket with the next number.
fn open(bench: &Bench, history: &History, next: u64) -> Result<TicketId, String> {
    let by = match history.opened_by {
        By::Boris => Actor::contact(BORIS),
        By::Anna => Actor::agent(ANNA),
        By::Bot => Actor::automation(BOT),
    };
    let Some(import) = &history.import else {
        let opening = NewTicket::new("No sound").from(BORIS).by(by);
        return Ok(bench.desk.open_ticket(opening).map_err(|it| it.to_string())?.id());
    };
    let opening = ImportedVersion::new(instant(history.opened), by).subject("No sound").from(BORIS);
    let ticket = ImportedTicket::new("old", next.to_string()).clocks(import.clocks);
    let versions = history.ops.iter().take_while(|(at, _)| *at < import.at);
    let versions = versions.map(|(at, op)| version(*at, op, import.closes));
    let ticket = versions.fold(ticket.version(opening.status(state::New)), ImportedTicket::version);
    let report = bench.desk.records().import([ticket]).unwrap();
    if !report.refused.is_empty() {
        return Err(format!("refused: {:?}", report.refused));
    }
    Ok(bench.desk.ticket(next).unwrap().id())
}

/// The time of ticks, and what happens at the desk besides the operations of the histories.
pub(super) struct Regime<'a> {
    /// True to tick at this minute, after its operations.
    pub(super) ticks: &'a dyn Fn(Minute) -> bool,
    /// True if the targets have reactions. The tickets then differ from the histories, and refused operations are left
    /// out.
    pub(super) reactions: bool,
    /// Writes of another agent to a ticket that change no clock.
    pub(super) chance_writes: Vec<(Minute, usize, Action)>,
    /// The instant at which all tickets are recorded. Without it, each is recorded at the end of its history.
    pub(super) end: Option<Minute>,
}

/// Takes the number of a history and its ticket, or the refusal of an operation.
pub(super) type Record<'a> = dyn FnMut(&Bench, usize, Result<TicketId, String>) + 'a;

/// Plays the histories of a desk. Each ticket is passed to `record` at its end, after a tick.
pub(super) fn play(world: &World, histories: &[History], regime: &Regime<'_>, record: &mut Record<'_>) {
    let adopted = |number: usize| policy(&world.policies[number], regime.reactions);
    let bench = Bench::new(adopted(world.adoptions[0].1));
    let mut steps: Vec<(Minute, Step<'_>)> = Vec::new();
    steps.extend(world.adoptions[1..].iter().map(|(at, policy)| (*at, Step::Adopt(*policy))));
    for (number, history) in histories.iter().enumerate() {
        let start = history.import.as_ref().map_or(history.opened, |it| it.at);
        steps.push((start, Step::Open(number)));
        let imported = |at: Minute| history.import.as_ref().is_some_and(|it| at < it.at);
        let ops = history.ops.iter().filter(|(at, op)| !imported(*at) && !matches!(op, Op::Adopt(_)));
        steps.extend(ops.map(|(at, op)| (*at, Step::Do(number, op))));
        steps.push((regime.end.unwrap_or(history.end), Step::Record(number)));
    }
    steps.extend(regime.chance_writes.iter().map(|(at, number, action)| (*at, Step::Write(*number, action))));
    steps.sort_by_key(|it| it.0);
    let mut tickets: Vec<Result<TicketId, String>> = vec![Err("not open".to_owned()); histories.len()];
    let (mut next, mut minute) = (1, steps[0].0);
    for (at, step) in steps {
        for minute in std::mem::replace(&mut minute, at)..at {
            if (regime.ticks)(minute) {
                bench.time.set(instant(minute));
                bench.tick();
            }
        }
        bench.time.set(instant(at));
        match step {
            Step::Adopt(number) => bench.adopt(adopted(number)),
            Step::Open(number) => {
                tickets[number] = open(&bench, &histories[number], next);
                next += 1;
            }
            Step::Do(number, op) => {
                let Ok(id) = tickets[number] else { continue };
                let (action, actor) = action(op);
                match bench.desk.act(id, action, actor) {
                    Err(error) if !(regime.reactions && error.is_rejected()) => {
                        let minutes = at - histories[number].opened;
                        tickets[number] = Err(format!("refused: {op:?} at {minutes}: {error}"));
                    }
                    _ => {}
                }
            }
            Step::Write(number, action) => {
                if let Ok(id) = tickets[number] {
                    bench.desk.act(id, action.clone(), Actor::agent(CHANCE)).unwrap();
                }
            }
            Step::Record(number) => {
                bench.tick();
                record(&bench, number, tickets[number].clone());
            }
        }
    }
}

/// A step at a desk. At one instant the order is the order of these variants, and of the tickets.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Adopt(usize),
    Open(usize),
    Do(usize, &'a Op),
    Write(usize, &'a Action),
    Record(usize),
}

//! Properties of random migrations: random workflows, tickets and plans.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::operation::{Engine, Interrupt, Job, Loaded, Operation};
use firstline::sla::{Agreement, Clock, Metric, Target};
use firstline::store::{Commit, Mode, Read, Write};
use firstline::workflow::{Migration, Status};
use firstline::{
    Action, Desk, DeskId, Error, ErrorKind, Event, HoldReason, Kind, NewTicket, Policy, Query, Snapshot,
    StateKind, TicketId, TimeDelta, WorkflowDefinition,
};
use proptest::prelude::*;

use super::soak;
use super::stage::{AnyDesk, AnyStore, Counted, Stage, anna, monday, stages};
use super::world::{check_migrated, open_workflow, policy, status};

/// A sequence of choices. After its end, every choice is 0.
struct Dice<'a>(std::slice::Iter<'a, u16>);

impl Dice<'_> {
    fn below(&mut self, n: usize) -> usize {
        self.0.next().map_or(0, |it| usize::from(*it) % n)
    }
}

const FIELDS: [&str; 4] = ["category", "assignee", "field.condition", "field.note"];

/// A version of the workflow: up to three statuses for each state, some with the same names in both versions.
fn version(number: u32, dice: &mut Dice<'_>) -> WorkflowDefinition {
    let mut statuses: Vec<Status> = Vec::new();
    for state in StateKind::ALL {
        let first = dice.below(3);
        let count = 1 + dice.below(if state.is_final() { 2 } else { 3 });
        for letter in ["α", "b", "в", "d", "e"].iter().skip(first).take(count) {
            let mut one = status(&format!("{state} {letter}"), *state);
            if number > 1 && !matches!(state, StateKind::New) {
                let demands = FIELDS.iter().filter(|_| dice.below(4) == 0);
                one = demands.fold(one, |one, field| one.enter(*field));
            }
            statuses.push(one);
        }
    }
    open_workflow("returns", number, &statuses)
}

fn policy_of(workflow: &WorkflowDefinition) -> Policy {
    let target = Target::new(Metric::Resolution).within(TimeDelta::hours(8)).pause_on([HoldReason::Customer]);
    policy(workflow.clone()).agreement(Agreement::new("standard", 1).target(target))
}

/// Opens tickets and takes random steps, which bring them into some of these statuses.
fn work(desk: &AnyDesk, pass: impl Fn(TimeDelta), tickets: usize, statuses: &[Status], dice: &mut Dice<'_>) {
    for _ in 0..tickets {
        let request = NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return"));
        let id = desk.open_ticket(request).unwrap().id();
        pass(TimeDelta::minutes(dice.below(20) as i64));
        for _ in 0..dice.below(4) {
            let to = &statuses[dice.below(statuses.len())];
            let step = match to.state {
                StateKind::OnHold => Action::hold("customer").with_status(&*to.name),
                StateKind::Resolved => Action::resolve("money back").with_status(&*to.name),
                _ => Action::move_to(&*to.name),
            };
            // A step that the lifecycle refuses changes nothing.
            let _ = desk.act(id, step, anna());
            let fill = match dice.below(6) {
                0 => Action::category(["lamps"]),
                1 => Action::field("condition", "used"),
                2 => Action::assign("carla"),
                3 => Action::field("note", "dented"),
                _ => continue,
            };
            let _ = desk.act(id, fill, anna());
        }
    }
}

/// A plan that maps most statuses that need it, and fills in most of the demanded fields.
fn plan(old: &WorkflowDefinition, new: &WorkflowDefinition, dice: &mut Dice<'_>) -> Migration {
    let mut plan = Migration::of("returns").from_version(1).to("returns", 2);
    for status in old.statuses.iter().filter(|it| !it.state.is_final()) {
        let same: Vec<&Status> = new.statuses.iter().filter(|it| it.state == status.state).collect();
        let kept = same.iter().any(|it| it.name == status.name);
        if dice.below(8) != 7 && (!kept || dice.below(4) == 3) {
            plan = plan.map(&status.name, &same[dice.below(same.len())].name);
        }
    }
    let demanded =
        |field: &str| new.statuses.iter().any(|it| !it.state.is_final() && it.enter.contains(field));
    for field in FIELDS.iter().filter(|field| demanded(field)) {
        plan = match (*field, dice.below(5)) {
            (_, 4) => plan,
            ("category", _) => plan.fill("category", ["returns"]),
            ("assignee", _) => plan.fill("assignee", "dora"),
            ("field.condition", _) => plan.fill("field.condition", "unknown"),
            (other, _) => plan.fill(other, "migrated"),
        };
    }
    plan
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    by_status: BTreeMap<(String, String), usize>,
    filled: BTreeMap<String, usize>,
    to: BTreeMap<TicketId, String>,
    lost: BTreeMap<String, usize>,
    blocked: BTreeMap<TicketId, Vec<String>>,
}

/// The expected outcome of the plan for these tickets, computed in a simple way.
fn expect(tickets: &[Snapshot], plan: &Migration, new: &WorkflowDefinition) -> Expected {
    let mut expected = Expected::default();
    for ticket in tickets.iter().filter(|it| !it.state.kind().is_final() && it.workflow_ref().version == 1) {
        let from = ticket.status().to_owned();
        let name = plan.statuses.get(&from).unwrap_or(&from);
        let Some(to) = new.statuses.iter().find(|it| it.name == *name && it.state == ticket.state.kind())
        else {
            *expected.lost.entry(from).or_default() += 1;
            continue;
        };
        let empty = |field: &&String| match field.as_str() {
            "category" => ticket.category.is_empty(),
            "assignee" => ticket.assignee.is_none(),
            field => ticket.field(field.strip_prefix("field.").unwrap()).is_none(),
        };
        let lacking: Vec<String> = to.enter.iter().filter(empty).cloned().collect();
        let missing: Vec<String> =
            lacking.iter().filter(|it| !plan.fill.contains_key(*it)).cloned().collect();
        if !missing.is_empty() {
            expected.blocked.insert(ticket.id, missing);
            continue;
        }
        *expected.by_status.entry((from, to.name.clone())).or_default() += 1;
        expected.to.insert(ticket.id, to.name.clone());
        for field in lacking {
            *expected.filled.entry(field).or_default() += 1;
        }
    }
    expected
}

type Rows = Vec<(Snapshot, Vec<Event>)>;

fn rows(desk: &AnyDesk) -> Rows {
    let mut rows = Rows::new();
    let mut next = None;
    loop {
        let page = desk.find(Query::oldest().limit(500).after(next)).unwrap();
        rows.extend(page.tickets.into_iter().map(|ticket| {
            let history = desk.records().history(ticket.id()).unwrap();
            (ticket.into_snapshot(), history)
        }));
        next = page.next;
        if next.is_none() {
            return rows;
        }
    }
}

/// The clocks after any action that does not affect them.
fn clocks(stage: &Stage, id: TicketId) -> Vec<Clock> {
    stage.desk.reports().what_if(id, Action::note("nothing"), anna()).unwrap()
}

/// Plays one random case. Returns the number of migrated tickets, and true if the plan was refused.
fn one_case(stage: &Stage, choices: &[u16]) -> (usize, bool) {
    let mut dice = Dice(choices.iter());
    let (old, new) = (version(1, &mut dice), version(2, &mut dice));
    let plan = plan(&old, &new, &mut dice);
    stage.desk.setup().adopt(&policy_of(&old)).unwrap();
    let count = 3 + dice.below(12);
    work(&stage.desk, |time| stage.later(time), count, &old.statuses, &mut dice);
    stage.later(TimeDelta::hours(1 + dice.below(9) as i64));
    stage.desk.setup().adopt(&policy_of(&new)).unwrap();
    work(&stage.desk, |time| stage.later(time), 2, &new.statuses, &mut dice);
    stage.later(TimeDelta::hours(dice.below(200) as i64));
    assert!(stage.desk.tick(stage.now()).unwrap().failed.is_empty());

    let before = rows(&stage.desk);
    let snapshots: Vec<Snapshot> = before.iter().map(|(ticket, _)| ticket.clone()).collect();
    let expected = expect(&snapshots, &plan, &new);
    let rehearsal = stage.desk.setup().preview(&plan).unwrap();
    assert_eq!(rows(&stage.desk), before, "a rehearsal wrote something");
    assert_eq!(rehearsal.faults.len(), expected.lost.len(), "{:?}", rehearsal.faults);
    for ((status, count), fault) in expected.lost.iter().zip(&rehearsal.faults) {
        let tickets = if *count == 1 { "1 ticket".to_owned() } else { format!("{count} tickets") };
        assert!(fault.starts_with(&format!("{status:?} ({tickets}) is not mapped")), "{fault}");
    }
    let named = rehearsal.blocked.listed.iter().map(|it| (it.ticket, it.missing.clone()));
    assert_eq!(named.collect::<BTreeMap<_, _>>(), expected.blocked);
    assert_eq!(
        (&rehearsal.counts.by_status, &rehearsal.counts.filled),
        (&expected.by_status, &expected.filled)
    );
    assert_eq!(rehearsal.counts.tickets, expected.to.len());

    let clocks: Vec<_> =
        snapshots.iter().map(|it| (!it.state.kind().is_final()).then(|| clocks(stage, it.id))).collect();
    let migrated = stage.desk.setup().migrate(&plan, anna());
    let after = rows(&stage.desk);
    let ready = expected.lost.is_empty() && expected.blocked.is_empty();
    assert_eq!(migrated.is_ok(), ready);
    match migrated {
        Err(error) => {
            assert_eq!(after, before, "a refused migration wrote something");
            assert_eq!(error.migration_preview(), Some(&rehearsal));
            (0, true)
        }
        Ok(migrated) => {
            assert_eq!((&migrated.counts, migrated.blocked.tickets), (&rehearsal.counts, 0));
            assert_eq!(after.len(), before.len());
            for (((old, history), (new, longer)), clocks) in before.iter().zip(&after).zip(&clocks) {
                check_migrated((old, history), (new, longer));
                match expected.to.get(&new.id) {
                    Some(to) => {
                        assert_eq!((new.workflow_ref().version, new.status()), (2, to.as_str()));
                        assert_eq!(clocks.as_ref(), Some(&new.clocks), "a clock was touched");
                    }
                    None => assert_eq!(new, old),
                }
            }
            assert_eq!(stage.desk.setup().migrate(&plan, anna()).unwrap().counts.tickets, 0);
            assert_eq!(rows(&stage.desk), after, "a second migration did something");
            (expected.to.len(), false)
        }
    }
}

#[test]
fn random_migrations_follow_the_plan_and_lose_nothing() {
    let (migrated, refused) = random_cases(soak::fixed(60));
    // Every run has the same cases, so the counts of both outcomes are fixed.
    assert!(migrated > 50 && refused > 5, "{migrated} tickets were migrated, {refused} plans were refused");
    if let Some(config) = soak::further(60) {
        random_cases(config);
    }
}

/// Runs random cases over every store. Returns the number of migrated tickets and the number of refused plans.
fn random_cases(config: ProptestConfig) -> (usize, usize) {
    let (migrated, refused) = (Cell::new(0), Cell::new(0));
    proptest!(config, |(choices in prop::collection::vec(any::<u16>(), 60..260))| {
        for stage in stages() {
            let (tickets, is_refused) = one_case(&stage, &choices);
            migrated.set(migrated.get() + tickets);
            refused.set(refused.get() + usize::from(is_refused));
        }
    });
    (migrated.get(), refused.get())
}

/// A store that fails after this number of writes.
#[derive(Debug, Clone)]
struct FailingStore(AnyStore, Arc<AtomicUsize>);

impl Engine for FailingStore {
    type Reply<'a, T: Send + 'a> = firstline::Result<T>;

    fn run<F: Operation>(&self, desk: &DeskId, operation: F) -> firstline::Result<F::Out> {
        let (left, writes) = (self.1.clone(), Arc::new(AtomicBool::new(false)));
        let out = self.0.run(desk, FailingOperation { operation, left, writes: writes.clone() })?;
        if writes.load(Ordering::Relaxed) {
            self.1.fetch_sub(1, Ordering::Relaxed);
        }
        Ok(out)
    }

    fn run_job<J: Job>(&self, desk: &DeskId, mut job: J) -> firstline::Result<J::Out> {
        while let Some(step) = job.next() {
            let result = self.run(desk, step.clone());
            step.complete(&mut job, result)?;
        }
        Ok(job.finish())
    }
}

struct FailingOperation<F> {
    operation: F,
    left: Arc<AtomicUsize>,
    writes: Arc<AtomicBool>,
}

impl<F: Operation> Operation for FailingOperation<F> {
    type Out = F::Out;

    fn mode(&self) -> Mode {
        self.operation.mode()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.operation.needs(reads);
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, F::Out), Interrupt> {
        let (commit, out) = self.operation.decide(loaded)?;
        if !commit.is_empty() {
            if self.left.load(Ordering::Relaxed) == 0 {
                return Err(Error::new(ErrorKind::Storage, "the plug was pulled").into());
            }
            self.writes.store(true, Ordering::Relaxed);
        }
        Ok((commit, out))
    }
}

/// Many tickets on the first version, the second version in force, and a plan for all of them.
fn many(stage: &Stage, tickets: usize) -> Migration {
    let pick: Vec<u16> = (0..10_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as u16).collect();
    let mut dice = Dice(pick.iter());
    let old = open_workflow(
        "returns",
        1,
        &StateKind::ALL.iter().map(|it| status(it.name(), *it)).collect::<Vec<_>>(),
    );
    let new = StateKind::ALL.iter().map(|it| match (status(&format!("{} 2", it.name()), *it), it) {
        // A request is never refused, so the initial status demands nothing.
        (start, StateKind::New) => start,
        (later, _) => later.enter("category"),
    });
    let new = open_workflow("returns", 2, &new.collect::<Vec<_>>());
    stage.desk.setup().adopt(&policy_of(&old)).unwrap();
    let live: Vec<_> = old.statuses.iter().filter(|it| !it.state.is_final()).cloned().collect();
    work(&stage.desk, |time| stage.later(time), tickets, &live, &mut dice);
    stage.later(TimeDelta::hours(1));
    stage.desk.setup().adopt(&policy_of(&new)).unwrap();
    let live = StateKind::ALL.iter().filter(|it| !it.is_final());
    let plan = Migration::of("returns").from_version(1).to("returns", 2).fill("category", ["returns"]);
    live.fold(plan, |plan, state| plan.map(state.name(), format!("{} 2", state.name())))
}

#[test]
fn an_interrupted_migration_resumes_to_the_same_end() {
    let whole: Vec<_> = stages()
        .into_iter()
        .map(|stage| {
            let plan = many(&stage, 240);
            let migrated = stage.desk.setup().migrate(&plan, anna()).unwrap();
            (migrated.counts.tickets, rows(&stage.desk))
        })
        .collect();
    assert!(whole[0].0 > 200, "more than two batches: {}", whole[0].0);
    let batches = whole[0].0.div_ceil(100);
    for cut in 0..=batches {
        for (stage, (tickets, rows_of_whole)) in stages().into_iter().zip(&whole) {
            let plan = many(&stage, 240);
            let left = Arc::new(AtomicUsize::new(cut));
            let settings = Settings::new("acme").time(stage.time.clone()).ids(Counted::default());
            let desk = Desk::over(FailingStore(stage.store.clone(), left.clone()), settings);
            let first = desk.setup().migrate(&plan, anna());
            let done = rows(&stage.desk).iter().filter(|(it, _)| it.workflow_ref().version == 2).count();
            match first {
                Ok(migrated) => assert_eq!((cut, migrated.counts.tickets), (batches, *tickets)),
                Err(error) if cut == 0 => assert_eq!(error.to_string(), "the plug was pulled"),
                Err(error) => {
                    let expected = format!(
                        "the migration stopped after {} tickets, which stay migrated; allowed: to migrate again, \
                         which continues with the remaining tickets",
                        cut * 100,
                    );
                    assert_eq!((error.to_string(), done), (expected, cut * 100));
                    assert!(error.is_storage());
                }
            }
            // A new desk continues, without any data from the first attempt.
            let desk = Desk::over(stage.store.clone(), Settings::new("acme").time(stage.time.clone()));
            let rest = desk.setup().preview(&plan).unwrap();
            let migrated = desk.setup().migrate(&plan, anna()).unwrap();
            assert_eq!(migrated.counts, rest.counts);
            assert_eq!(migrated.counts.tickets, tickets - done, "{}", stage.name);
            assert!(
                rows(&stage.desk) == *rows_of_whole,
                "{}: a different end after {cut} batches",
                stage.name
            );
        }
    }
}

/// A control: a store that drops one ticket of a batch is detected.
#[test]
fn a_store_that_loses_part_of_a_migration_is_detected() {
    fn spoil(commit: &mut Commit) {
        let migrates = |event: &Event| matches!(event.change, firstline::Change::WorkflowMigrated { .. });
        // One ticket of the batch is dropped.
        let migrated = |write: &Write| matches!(write, Write::Ticket(it) if it.events.iter().any(migrates));
        if let Some(place) = commit.writes.iter().position(migrated) {
            commit.writes.remove(place);
        }
    }
    let stage = Stage::new("spoiled", AnyStore::Faulty(Memory::new(), spoil));
    assert_eq!(stage.now(), monday());
    let plan = many(&stage, 20);
    let rehearsal = stage.desk.setup().preview(&plan).unwrap();
    let migrated = stage.desk.setup().migrate(&plan, anna()).unwrap();
    assert_eq!(migrated.counts, rehearsal.counts, "the job reports the counts of its store");
    let over = rows(&stage.desk).iter().filter(|(it, _)| it.workflow_ref().version == 2).count();
    assert_eq!(over + 1, rehearsal.counts.tickets);
    // The next run migrates all but the one ticket that is dropped again.
    assert_eq!(stage.desk.setup().preview(&plan).unwrap().counts.tickets, 1);
}

//! Plays random lives of tickets over all stores side by side. Results, rows, histories and pages must be equal, and
//! the invariants of a ticket must hold after every command.

use crate::soak;

#[path = "model/actions.rs"]
mod actions;
#[path = "model/command.rs"]
mod command;
#[path = "model/ledger.rs"]
mod ledger;
use crate::stage;
#[path = "model/tally.rs"]
mod tally;
#[path = "model/world.rs"]
mod world;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use command::{Command, life};
use firstline::StateKind;
use firstline::memory::Memory;
use firstline::store::{Commit, RecordKind, Write, kinds};
use proptest::test_runner::{Config, TestError, TestRunner};
use stage::{AnyStore, Stage, stages};
use tally::Tally;
use world::World;

/// Gives every life its own desk, so that a few stores serve all lives.
fn desks() -> impl Fn() -> Vec<Stage> {
    let (stores, lives) = (stages(), Cell::new(0));
    move || {
        let desk = format!("desk {}", lives.replace(lives.get() + 1));
        stores.iter().map(|it| Stage::at(it.name, it.store.clone(), &desk)).collect()
    }
}

fn run(config: Config, stages: impl Fn() -> Vec<Stage>) -> (Tally, Result<(), TestError<Vec<Command>>>) {
    let tally = RefCell::new(Tally::default());
    let result = TestRunner::new(config).run(&life(), |commands| {
        let mut world = World::new(stages());
        let played =
            commands.iter().try_for_each(|command| world.play(command)).and_then(|()| world.finish());
        tally.borrow_mut().add(&world.tally);
        played
    });
    (tally.into_inner(), result)
}

/// Prints the number of attempts of each step in each state. Every cell of the table must be tried, illegal ones too,
/// and a good share of all attempts must be illegal.
#[test]
fn random_lives_are_equal_over_every_store_and_always_sound() {
    let compare = |config| {
        let (tally, result) = run(Config { max_shrink_iters: 500, ..config }, desks());
        if let Err(error) = result {
            panic!("{error}");
        }
        tally
    };
    let lives = soak::counted(1_000);
    let tally = compare(soak::fixed(lives));
    println!("{tally}");
    println!("over {}", stages().iter().map(|it| it.name).collect::<Vec<_>>().join(", "));
    let untried: Vec<_> = tally::cells().filter(|cell| !tally.tried.contains_key(cell)).collect();
    assert!(untried.is_empty(), "never tried: {untried:?}");
    let illegal = tally.illegal_percent();
    assert!((30..80).contains(&illegal), "{illegal} % of the steps were illegal");
    let least = 10 * lives / 1_000;
    let rare: BTreeMap<_, _> = tally.outcomes.iter().filter(|(_, count)| **count < least).collect();
    assert!(rare.is_empty() && tally.outcomes.len() == tally::OUTCOMES.len(), "{:?}", tally.outcomes);
    if let Some(config) = soak::further(1_000) {
        compare(config);
    }
}

/// Drops the records of a kind.
fn loses(commit: &mut Commit, kind: RecordKind) {
    commit.writes.retain(|write| !matches!(write, Write::Record(record) if record.kind == kind));
}

/// Corrupts a commit before a store writes it.
type Spoil = fn(&mut Commit);

/// A control: every store that loses something is detected.
#[test]
fn a_store_that_loses_anything_is_detected() {
    let faults: [(&str, Spoil); 8] = [
        ("timers", |commit| commit.tickets_mut().for_each(|it| it.timers.clear())),
        ("the last of several events", |commit| {
            commit.tickets_mut().filter(|it| it.events.len() > 1).for_each(|it| drop(it.events.pop()));
        }),
        ("tags in rows", |commit| commit.tickets_mut().for_each(|it| it.snapshot.tags.clear())),
        ("threads", |commit| loses(commit, kinds::THREAD)),
        ("receipts", |commit| loses(commit, kinds::RECEIPT)),
        ("the second ticket of a commit", |commit| {
            let mut tickets = 0;
            commit.writes.retain(|write| {
                tickets += u32::from(matches!(write, Write::Ticket(_)));
                tickets < 2 || !matches!(write, Write::Ticket(_))
            });
        }),
        ("versions", |commit| commit.tickets_mut().for_each(|it| it.snapshot.version = it.expected.max(1))),
        ("the closed flag", |commit| {
            let closed =
                |it: &&mut firstline::store::TicketWrite| it.snapshot.state.kind() == StateKind::Closed;
            let resolved = firstline::state::Resolved::default();
            let reopen = |it: &mut firstline::store::TicketWrite| it.snapshot.state = resolved.clone().into();
            commit.tickets_mut().filter(closed).for_each(reopen);
        }),
    ];
    for (what, spoil) in faults {
        let faulty = || {
            let sound = AnyStore::Memory(Memory::new());
            let faulty = AnyStore::Faulty(Memory::new(), spoil);
            vec![Stage::new("sound", sound), Stage::new("faulty", faulty)]
        };
        // The failing life need not be the smallest.
        let (_, result) = run(Config { max_shrink_iters: 0, ..soak::fixed(100) }, faulty);
        match result {
            Err(TestError::Fail(why, commands)) => {
                let why: String = why.message().chars().take(200).collect();
                println!("losing {what} was detected by {} commands: {why}", commands.len());
            }
            other => panic!("losing {what} was not detected: {other:?}"),
        }
    }
}

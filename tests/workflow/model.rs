//! Random workflows and tickets: the desk agrees with a naive reading of the definition, the validator agrees with a
//! count of all paths, and every ticket of an accepted workflow can be closed.

use crate::soak;

#[path = "model/commands.rs"]
pub(crate) mod commands;
#[path = "model/compound.rs"]
pub(crate) mod compound;
#[path = "model/definitions.rs"]
pub(crate) mod definitions;
#[path = "model/found.rs"]
mod found;
#[path = "model/graph.rs"]
mod graph;
#[path = "model/naive.rs"]
mod naive;
#[path = "model/walk.rs"]
mod walk;

use std::cell::Cell;

use firstline::WorkflowDefinition;
use naive::Flaw;
use proptest::test_runner::{Config, TestError, TestRunner};
use walk::{Coverage, Walk};

fn shrunk(config: Config) -> Config {
    Config { max_shrink_iters: 600, ..config }
}

/// For a test that expects a failure and does not need the smallest one.
fn unshrunk(config: Config) -> Config {
    Config { max_shrink_iters: 0, ..config }
}

fn json(definition: &WorkflowDefinition) -> String {
    serde_json::to_string(definition).unwrap()
}

/// Plays random lives under the workflows that the validator accepts. Returns the coverage, the number of refused
/// workflows, and the first difference.
fn lives(config: Config, flaw: Flaw) -> (Coverage, u32, Result<(), String>) {
    let (coverage, refused) = (Cell::new(Coverage::default()), Cell::new(0));
    let strategy = (definitions::repaired(), commands::life());
    let result = TestRunner::new(config).run(&strategy, |(definition, (has_requester, commands))| {
        if definition.build().is_err() {
            refused.set(refused.get() + 1);
            return Ok(());
        }
        let mut walk = Walk::new(&definition, has_requester, flaw);
        let played = walk.play(&commands).and_then(|()| walk.finish());
        let mut sum = coverage.get();
        sum.add(walk.coverage);
        coverage.set(sum);
        played
    });
    let readable = |error| match error {
        TestError::Fail(why, (definition, life)) => format!("{why}\n{}\n{life:?}", json(&definition)),
        TestError::Abort(why) => why.to_string(),
    };
    (coverage.get(), refused.get(), result.map_err(readable))
}

/// The lives cover enough cases of each sort.
#[test]
fn the_desk_agrees_with_the_naive_reading_and_every_ticket_can_end() {
    let compare = |config| {
        let (coverage, refused, result) = lives(shrunk(config), Flaw::None);
        if let Err(error) = result {
            panic!("{error}");
        }
        (coverage, refused)
    };
    let cases = soak::counted(300);
    let (coverage, refused) = compare(soak::fixed(cases));
    println!("{cases} workflows, {refused} refused: {coverage:?}");
    assert!(refused * 10 < cases, "{refused} of {cases} workflows were refused");
    for (what, count, least) in [
        ("accepted", coverage.accepted, 4),
        ("refused", coverage.refused, 4),
        ("moved by a message", coverage.by_message, 0),
        ("moved by a timer", coverage.by_timer, 0),
        ("expired timers", coverage.expired, 0),
        ("transitions to an end", coverage.searched, 1),
    ] {
        assert!(count > cases as usize * least / 2, "{what}: only {count}");
    }
    if let Some(config) = soak::further(300) {
        compare(config);
    }
}

/// A control: the same test fails for an interpreter with any one mistake, so the lives reach every rule.
#[test]
fn a_naive_reading_with_one_mistake_is_detected() {
    for flaw in [
        Flaw::IgnoresPerformers,
        Flaw::IgnoresGuards,
        Flaw::IgnoresLeaving,
        Flaw::IgnoresOrder,
        Flaw::ForgetsReasons,
    ] {
        let (_, _, result) = lives(unshrunk(soak::fixed(300)), flaw);
        assert!(result.is_err(), "{flaw:?} makes no difference");
    }
}

fn paths(config: Config, ignores_guards: bool) -> Result<(), String> {
    let result = TestRunner::new(config)
        .run(&definitions::raw(7, 4), |definition| graph::Paths::of(&definition, ignores_guards).compare());
    result.map_err(|error| match error {
        TestError::Fail(why, definition) => format!("{why}\n{}", json(&definition)),
        TestError::Abort(why) => why.to_string(),
    })
}

#[test]
fn the_validator_finds_what_walking_every_path_finds() {
    let config = Config { cases: soak::drawn(1_000), failure_persistence: None, ..Config::default() };
    if let Err(error) = paths(shrunk(config), false) {
        panic!("{error}");
    }
}

#[test]
fn walking_every_path_without_seeing_guards_is_detected() {
    assert!(paths(unshrunk(soak::fixed(2_000)), true).is_err());
}

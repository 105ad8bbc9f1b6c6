//! Random workflows, and tickets that follow them: the desk says what a naive reading of the definition says; the
//! validator says what counting all paths says; and whatever the validator accepts can close whatever it opens.

use crate::soak;

#[path = "model/commands.rs"]
mod commands;
#[path = "model/definitions.rs"]
mod definitions;
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
use walk::{Met, Walk};

fn shrunk(config: Config) -> Config {
    Config { max_shrink_iters: 600, ..config }
}

/// For a test that expects a failure and does not care for the smallest.
fn unshrunk(config: Config) -> Config {
    Config { max_shrink_iters: 0, ..config }
}

fn json(definition: &WorkflowDefinition) -> String {
    serde_json::to_string(definition).unwrap()
}

/// Random lives under workflows that the validator accepts. Gives what was met, how many workflows were not accepted,
/// and the first difference.
fn lives(config: Config, flaw: Flaw) -> (Met, u32, Result<(), String>) {
    let (met, refused) = (Cell::new(Met::default()), Cell::new(0));
    let strategy = (definitions::mended(), commands::life());
    let result = TestRunner::new(config).run(&strategy, |(definition, (asked, commands))| {
        if definition.build().is_err() {
            refused.set(refused.get() + 1);
            return Ok(());
        }
        let mut walk = Walk::new(&definition, asked, flaw);
        let played = walk.play(&commands).and_then(|()| walk.finish());
        let mut sum = met.get();
        sum.add(walk.met);
        met.set(sum);
        played
    });
    let readable = |error| match error {
        TestError::Fail(why, (definition, life)) => format!("{why}\n{}\n{life:?}", json(&definition)),
        TestError::Abort(why) => why.to_string(),
    };
    (met.get(), refused.get(), result.map_err(readable))
}

/// The walks meet enough of everything that they are to compare, or they would prove little.
#[test]
fn the_desk_answers_as_the_definition_reads_and_every_ticket_can_be_ended() {
    let compare = |config| {
        let (met, refused, result) = lives(shrunk(config), Flaw::None);
        if let Err(error) = result {
            panic!("{error}");
        }
        (met, refused)
    };
    let cases = 300;
    let (met, refused) = compare(soak::fixed(cases));
    println!("{cases} workflows, {refused} not accepted: {met:?}");
    assert!(refused * 10 < cases, "{refused} of {cases} workflows were not accepted");
    for (what, count, least) in [
        ("accepted", met.accepted, 4),
        ("refused", met.refused, 4),
        ("led on by a message", met.by_message, 0),
        ("led on by the clock", met.by_timer, 0),
        ("lapsed", met.lapsed, 0),
        ("steps to an end that were searched for", met.searched, 1),
    ] {
        assert!(count > cases as usize * least / 2, "only {count} {what}");
    }
    if let Some(config) = soak::further(cases) {
        compare(config);
    }
}

/// The same test, with an interpreter that makes one mistake, fails for each: the lives reach every rule.
#[test]
fn a_naive_reading_with_one_mistake_is_caught() {
    for flaw in [
        Flaw::IgnoresTakers,
        Flaw::IgnoresGuards,
        Flaw::IgnoresLeaving,
        Flaw::TakesAnyOrder,
        Flaw::ForgetsReasons,
    ] {
        let (_, _, result) = lives(unshrunk(soak::fixed(300)), flaw);
        assert!(result.is_err(), "{flaw:?} makes no difference");
    }
}

fn paths(config: Config, blind_to_guards: bool) -> Result<(), String> {
    let result = TestRunner::new(config)
        .run(&definitions::raw(7, 4), |definition| graph::Paths::of(&definition, blind_to_guards).compare());
    result.map_err(|error| match error {
        TestError::Fail(why, definition) => format!("{why}\n{}", json(&definition)),
        TestError::Abort(why) => why.to_string(),
    })
}

#[test]
fn the_validator_finds_what_walking_every_path_finds() {
    let config = Config { cases: soak::cases(1_000), failure_persistence: None, ..Config::default() };
    if let Err(error) = paths(shrunk(config), false) {
        panic!("{error}");
    }
}

#[test]
fn walking_every_path_without_seeing_guards_is_caught() {
    assert!(paths(unshrunk(soak::fixed(2_000)), true).is_err());
}

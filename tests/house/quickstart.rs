//! The quickstart example: its output shows real events.
#![cfg(feature = "sqlite")]

#[path = "../../examples/quickstart/script.rs"]
mod script;

use firstline::{Action, Actor, Desk, HoldReason};
use script::{Scene, play};

/// Plays a script on a new file and returns its output.
fn output_of(script: Vec<Scene>) -> Result<String, Box<dyn std::error::Error>> {
    let directory = tempfile::tempdir()?;
    play(&directory.path().join("support.db"), script)
}

#[test]
fn the_readme_shows_the_output_of_the_quickstart() {
    let output = output_of(script::script()).unwrap();
    let readme = include_str!("../../README.md");
    assert!(readme.contains(output.trim_end()), "the README must show:\n{output}");
}

#[test]
fn another_action_changes_the_output() {
    let before = output_of(script::script()).unwrap();
    let mut script = script::script();
    let resolution = script.iter_mut().rev().nth(1).unwrap();
    resolution.2 = Action::reply("Use another card.").and(Action::resolve("another card works"));
    let after = output_of(script).unwrap();

    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    assert_eq!(before.len(), after.len());
    let changed: Vec<_> = before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert_eq!(
        changed,
        [
            (
                &r#"2026-01-05 10:25  carl replied: "It works again.""#,
                &r#"2026-01-05 10:25  carl replied: "Use another card.""#,
            ),
            (
                &r#"2026-01-05 10:25  carl resolved it: "the bank is back""#,
                &r#"2026-01-05 10:25  carl resolved it: "another card works""#,
            ),
        ]
    );
}

#[test]
fn a_shorter_script_ends_earlier() {
    let mut script = script::script();
    script.truncate(2);
    let output = output_of(script).unwrap();
    assert!(output.contains("Now on hold (customer), with priority P2"), "{output}");
    assert!(!output.contains("resolved"), "{output}");
}

#[test]
fn an_action_that_the_lifecycle_forbids_is_refused_by_name() {
    for (forbidden, why) in [
        ((1, Actor::agent("carl"), Action::confirm()), "confirm is for the requester"),
        ((1, Actor::agent("carl"), Action::hold(HoldReason::Problem)), "hold is not accepted while resolved"),
    ] {
        let mut script = script::script();
        *script.last_mut().unwrap() = forbidden;
        let error = output_of(script).unwrap_err();
        let error = error.downcast_ref::<firstline::Error>().unwrap();
        assert!(error.is_rejected() && error.to_string().contains(why), "{error}");
    }
}

#[test]
fn the_quickstart_stores_its_tickets_in_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("support.db");
    play(&file, script::script()).unwrap();
    let desk = firstline::sqlite::Sqlite::open(&file).unwrap().desk("acme");
    let ticket = desk.ticket("T-1").unwrap();
    assert_eq!(ticket.subject(), "Card declined at checkout");
    assert_eq!(desk.records().history(ticket.id()).unwrap().len(), 14);
    assert!(Desk::open(&file).unwrap().ticket("T-1").unwrap_err().is_not_found(), "another desk sees it");
}

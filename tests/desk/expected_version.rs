//! The expected version of a command: changes by others are conflicts, but bookkeeping by the desk is not.

use firstline::sla::{Agreement, Metric, Target};
use firstline::{Action, HoldReason, LinkKind, Policy, TimeDelta};

use super::stage::{Stage, anna, boris, on_each_store};

fn resolution_within(stage: &Stage, minutes: i64) {
    let target = Target::new(Metric::Resolution).within(TimeDelta::minutes(minutes));
    stage.desk.setup().adopt(&Policy::new().agreement(Agreement::new("standard", 1).target(target))).unwrap();
}

fn tick(stage: &Stage) -> usize {
    stage.desk.tick(stage.now()).unwrap().fired
}

#[test]
fn a_warning_and_a_breach_are_not_conflicts() {
    on_each_store(|stage| {
        resolution_within(stage, 600);
        let id = stage.open();
        let shown = stage.ticket(id).version;
        stage.later(TimeDelta::minutes(601));
        assert!(tick(stage) > 0);
        assert!(stage.ticket(id).version > shown);
        stage.desk.act(id, Action::reply("Unmute it."), anna().expected_version(shown)).unwrap();
    });
}

#[test]
fn a_mirrored_link_is_not_a_conflict() {
    on_each_store(|stage| {
        let (problem, incident) = (stage.open(), stage.open());
        let shown = stage.ticket(problem).version;
        stage.does(incident, Action::link(LinkKind::CausedBy, problem));
        assert!(stage.ticket(problem).version > shown);
        stage.desk.act(problem, Action::note("Looking."), anna().expected_version(shown)).unwrap();
    });
}

#[test]
fn a_message_or_a_note_in_between_is_a_conflict() {
    on_each_store(|stage| {
        resolution_within(stage, 600);
        for (by, action) in [(boris(), Action::reply("Never mind.")), (anna(), Action::note("Muted."))] {
            let id = stage.open();
            let shown = stage.ticket(id).version;
            stage.desk.act(id, action, by).unwrap();
            stage.later(TimeDelta::minutes(601));
            tick(stage);
            let error = stage
                .refuses(id, |desk| desk.act(id, Action::resolve("unmuted"), anna().expected_version(shown)));
            assert!(error.is_conflict(), "{error}");
            let error = error.conflict().unwrap().clone();
            assert_eq!((error.expected, error.found), (shown, stage.ticket(id).version));
        }
    });
}

#[test]
fn a_version_that_does_not_exist_yet_is_a_conflict() {
    on_each_store(|stage| {
        let id = stage.open();
        let error = stage.refuses(id, |desk| desk.act(id, Action::start(), anna().expected_version(7)));
        assert!(error.is_conflict(), "{error}");
    });
}

/// The outcome after the end of a hold does not depend on whether somebody has called `tick`.
#[test]
fn a_typed_step_after_a_hold_has_ended_has_the_same_outcome_with_and_without_a_tick() {
    on_each_store(|stage| {
        let outcomes = [false, true].map(|ticks| {
            let opened = stage.desk.open_ticket(firstline::NewTicket::new("No sound").from("boris")).unwrap();
            let until = stage.now() + TimeDelta::hours(1);
            let held = stage.desk.commit(opened.hold_until(HoldReason::Customer, until), anna()).unwrap();
            let id = held.id();
            stage.later(TimeDelta::hours(2));
            if ticks {
                assert!(tick(stage) > 0);
            }
            let error = stage.desk.commit(held.resume(), anna()).unwrap_err();
            assert!(error.is_rejected(), "{error}");
            (error.to_string(), id)
        });
        assert_eq!(outcomes[0].0, outcomes[1].0);
    });
}

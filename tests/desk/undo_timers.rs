//! Corrections and dates: a hold or a closing that ended during the mistake goes on after the correction.

use firstline::ticket::hold_end::HoldEnd;
use firstline::{Action, HoldReason, Policy, Snapshot, State, StateKind, TicketId, TimeDelta};

use super::stage::{Stage, anna, on_each_store};

fn hours(n: i64) -> TimeDelta {
    TimeDelta::hours(n)
}

fn hold(stage: &Stage, time: TimeDelta) -> Action {
    Action::hold_until(HoldReason::Customer, stage.now() + time)
}

fn until(ticket: &Snapshot) -> Option<firstline::DateTime<firstline::Utc>> {
    match &ticket.state {
        State::OnHold(hold) => hold.until,
        State::Resolved(resolved) => resolved.closes_at,
        _ => None,
    }
}

/// Makes a mistake after one hour, corrects it at `corrected`, and returns the ticket.
fn corrected(stage: &Stage, id: TicketId, mistake: &Action, time: TimeDelta, ticks: bool) -> Snapshot {
    stage.later(hours(1));
    stage.does(id, mistake.clone());
    stage.later(time);
    if ticks {
        assert_eq!(stage.desk.tick(stage.now()).unwrap().failed.len(), 0);
    }
    let back = if matches!(mistake, Action::Spam) { Action::not_spam() } else { Action::undo() };
    stage.does(id, back);
    let ticket = stage.ticket(id);
    assert_eq!(Snapshot::fold(&stage.history(id)).unwrap(), ticket);
    ticket
}

#[test]
fn a_correction_gives_back_a_hold_that_ended_during_the_mistake() {
    on_each_store(|stage| {
        let ends = [StateKind::Active, StateKind::Resolved, StateKind::Closed];
        for (then, ticks) in ends.into_iter().flat_map(|then| [(then, false), (then, true)]) {
            for mistake in [Action::spam(), Action::resume(), Action::cancel(), hold(stage, hours(90))] {
                let wait = hold(stage, hours(3)).remind_at(stage.now() + hours(2));
                let wait = match then {
                    StateKind::Resolved => wait.then_resolve(),
                    StateKind::Closed => wait.then_close(),
                    _ => wait,
                };
                let id = stage.opened_and([wait]);
                let ticket = corrected(stage, id, &mistake, hours(5), ticks);
                assert_eq!(ticket.state.kind(), StateKind::OnHold, "{mistake:?}");
                assert!(matches!(&ticket.state, State::OnHold(hold) if hold.reason == HoldReason::Customer));
                // Two of three hours were left, and one until the reminder.
                assert_eq!(until(&ticket), Some(stage.now() + hours(2)));
                let remind_at = Some(stage.now() + hours(1));
                assert_eq!(ticket.hold_end, Some(HoldEnd { then, remind_at }));
                stage.later(hours(2));
                assert_eq!(stage.desk.tick(stage.now()).unwrap().failed.len(), 0);
                assert_eq!(stage.ticket(id).state.kind(), then, "the hold ends later");
            }
        }
    });
}

#[test]
fn a_correction_keeps_a_date_that_is_still_to_come() {
    on_each_store(|stage| {
        for mistake in [Action::spam(), Action::resume()] {
            let id = stage.opened_and([hold(stage, hours(9)).then_close()]);
            let before = stage.ticket(id);
            let ticket = corrected(stage, id, &mistake, hours(5), false);
            assert_eq!((&ticket.state, ticket.hold_end), (&before.state, before.hold_end));
        }
    });
}

#[test]
fn the_undoing_of_a_reopening_gives_back_the_rest_of_the_time_to_object() {
    on_each_store(|stage| {
        stage.desk.setup().adopt(&Policy::new().verification(Some(hours(4)))).unwrap();
        for ticks in [false, true] {
            let id = stage.opened_and([Action::resolve("unmuted")]);
            let ticket = corrected(stage, id, &Action::reopen(), hours(5), ticks);
            assert_eq!(ticket.state.kind(), StateKind::Resolved);
            assert_eq!(until(&ticket), Some(stage.now() + hours(3)));
            stage.does(id, Action::note("still resolved"));
            let reopened = stage.desk.act(id, Action::reopen(), anna()).unwrap();
            assert_eq!(reopened.ticket.state().kind(), StateKind::Active);
        }
    });
}

//! Due timers: a hold ends and a silent ticket closes, once each, dated when they were due.

use firstline::ticket::event::Cause;
use firstline::ticket::timer::TimerKind;
use firstline::{
    Action, Change, DateTime, HoldReason, InboundMessage, LinkKind, StateKind, TicketId, TimeDelta, Utc, Who,
};

use super::stage::{Stage, anna, boris, on_each_store};

/// Checks that the last event is the desk's own, of this timer and at this instant.
#[track_caller]
fn fired(stage: &Stage, id: TicketId, kind: TimerKind, at: DateTime<Utc>, to: StateKind) {
    let history = stage.history(id);
    let last = history.last().unwrap();
    assert_eq!((last.at, &last.by.who), (at, &Who::Desk));
    match &last.change {
        Change::StateChanged { to: state, cause, .. } => {
            assert_eq!((state.kind(), *cause), (to, Cause::Timer(kind)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.ticket(id).state_since, at);
}

#[test]
fn a_hold_with_a_date_ends_once_at_that_date() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::days(2);
        let id = stage.opened_and([Action::hold_until(HoldReason::ThirdParty, until)]);
        assert_eq!(stage.desk.tick(until - TimeDelta::microseconds(1)).unwrap().fired, 0);
        assert_eq!(stage.ticket(id).state.kind(), StateKind::OnHold);
        // The tick comes a week late, but the hold ended on its date.
        let ticked = stage.desk.tick(until + TimeDelta::days(7)).unwrap();
        assert_eq!((ticked.fired, ticked.failed.len()), (1, 0));
        fired(stage, id, TimerKind::HoldEnds, until, StateKind::Active);
        assert_eq!(stage.desk.tick(until + TimeDelta::days(7)).unwrap().fired, 0);
        assert_eq!(stage.history(id).len(), 3);
    });
}

#[test]
fn silence_closes_once_at_the_end_of_the_verification_period() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::resolve("unmuted")]);
        let end = stage.now() + TimeDelta::days(5);
        assert_eq!(stage.desk.tick(end - TimeDelta::microseconds(1)).unwrap().fired, 0);
        assert_eq!(stage.desk.tick(end).unwrap().fired, 1, "due exactly at this instant");
        fired(stage, id, TimerKind::VerificationEnds, end, StateKind::Closed);
        assert_eq!(stage.ticket(id).closed_at, Some(end));
        assert_eq!(stage.desk.tick(end + TimeDelta::days(9)).unwrap().fired, 0);
    });
}

#[test]
fn timers_of_ended_holds_and_periods_do_not_fire() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::days(1);
        let late = stage.now() + TimeDelta::days(30);
        let resumed = stage.opened_and([Action::hold_until(HoldReason::ThirdParty, until), Action::resume()]);
        let renewed = stage.opened_and([
            Action::hold_until(HoldReason::ThirdParty, until),
            Action::hold(HoldReason::Customer),
        ]);
        let reopened = stage.opened_and([Action::resolve("unmuted"), Action::reopen()]);
        let confirmed = stage.opened_and([Action::resolve("unmuted")]);
        stage.desk.act(confirmed, Action::confirm(), boris()).unwrap();
        assert_eq!(stage.desk.tick(late).unwrap().fired, 0);
        let states = [resumed, renewed, reopened, confirmed].map(|id| stage.ticket(id).state.kind());
        assert_eq!(states, [StateKind::Active, StateKind::OnHold, StateKind::Active, StateKind::Closed]);
    });
}

/// Without a tick, the next command fires the due timers first, dated when they were due.
#[test]
fn an_action_fires_due_timers_first() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::days(1);
        let id = stage.opened_and([Action::hold_until(HoldReason::ThirdParty, until)]);
        stage.later(TimeDelta::days(3));
        let receipt = stage.desk.act(id, Action::note("looked at it"), anna()).unwrap();
        assert_eq!(receipt.events.len(), 2);
        assert_eq!((receipt.events[0].at, receipt.events[1].at), (until, stage.now()));
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Active);
        assert_eq!(stage.desk.tick(stage.now()).unwrap().fired, 0);

        let id = stage.opened_and([Action::resolve("unmuted")]);
        stage.later(TimeDelta::days(6));
        let error = stage.desk.act(id, Action::reopen(), boris()).unwrap_err();
        assert_eq!(error.rejection().unwrap().state, StateKind::Closed, "it closed yesterday");
        assert_eq!(stage.history(id).len(), 2, "a refusal writes nothing, not even due timers");
    });
}

#[test]
fn a_message_after_an_unticked_closing_opens_a_follow_up() {
    on_each_store(|stage| {
        let message =
            |text: &str| InboundMessage::new(text).from("boris").thread("chat-9").subject("No sound");
        let first = stage.desk.receive(message("I hear nothing.")).unwrap().ticket.id();
        stage.does(first, Action::resolve("unmuted"));
        let end = stage.now() + TimeDelta::days(5);
        stage.later(TimeDelta::days(5));
        let receipt = stage.desk.receive(message("It is silent again.")).unwrap();
        assert!(receipt.opened());
        let second = receipt.ticket.id();
        let (old, new) = (stage.ticket(first), stage.ticket(second));
        assert_eq!((old.state.kind(), old.closed_at), (StateKind::Closed, Some(end)));
        assert_eq!((old.reopens, new.state.kind()), (0, StateKind::New));
        let link = |kind, to| firstline::ticket::kind::Link { kind, to };
        assert!(new.links.iter().eq([&link(LinkKind::FollowUpOf, first)]));
        assert_eq!(stage.links(first), [link(LinkKind::FollowedUpBy, second)]);
        // The conversation continues on the new ticket.
        let third = stage.desk.receive(message("Hello?")).unwrap();
        assert_eq!((third.ticket.id(), third.opened()), (second, false));
    });
}

#[test]
fn many_late_timers_all_fire_dated_when_they_were_due() {
    on_each_store(|stage| {
        // More than one page of the sweep, with several timers due at the same instant.
        let begin = stage.now();
        let held: Vec<(TicketId, DateTime<Utc>)> = (0..450)
            .map(|n| {
                let until = begin + TimeDelta::minutes(1 + n / 3);
                (stage.opened_and([Action::hold_until(HoldReason::Scheduled, until)]), until)
            })
            .collect();
        let ticked = stage.desk.tick(begin + TimeDelta::days(365)).unwrap();
        assert_eq!((ticked.fired, ticked.failed.len()), (450, 0));
        for (id, until) in held {
            fired(stage, id, TimerKind::HoldEnds, until, StateKind::Active);
        }
        assert_eq!(stage.desk.tick(begin + TimeDelta::days(365)).unwrap().fired, 0);
    });
}

/// All stores agree on a time finer than the microseconds they keep.
#[test]
fn a_hold_until_a_fraction_of_a_microsecond_fires_like_any_other() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::days(1) + TimeDelta::nanoseconds(1_500);
        let id = stage.opened_and([Action::hold_until(HoldReason::Scheduled, until)]);
        let kept = stage.ticket(id).timers()[0].due;
        assert_eq!(kept.timestamp_subsec_nanos() % 1_000, 0, "{kept} is finer than a microsecond");
        assert_eq!(stage.desk.tick(kept - TimeDelta::microseconds(1)).unwrap().fired, 0);
        assert_eq!(stage.desk.tick(kept).unwrap().fired, 1);
        fired(stage, id, TimerKind::HoldEnds, kept, StateKind::Active);
    });
}

#[test]
fn concurrent_ticks_fire_each_timer_once() {
    on_each_store(|stage| {
        let until = stage.now() + TimeDelta::hours(1);
        let held: Vec<_> =
            (0..40).map(|_| stage.opened_and([Action::hold_until(HoldReason::Scheduled, until)])).collect();
        let tick = || stage.desk.tick(until).unwrap();
        let fired: usize = std::thread::scope(|threads| {
            let workers: Vec<_> = (0..4).map(|_| threads.spawn(tick)).collect();
            workers.into_iter().map(|it| it.join().unwrap().fired).sum()
        });
        assert_eq!(fired, 40);
        assert!(held.iter().all(|id| stage.history(*id).len() == 3));
    });
}

/// Regression: a leap second is written `23:59:60`, but the stored microseconds count it as the next second, so
/// the ticket no longer equalled the fold of its events.
#[test]
fn a_leap_second_is_stored_the_same_in_ticket_and_history() {
    on_each_store(|stage| {
        let leap: DateTime<Utc> = "2016-12-31T23:59:60.5Z".parse().unwrap();
        stage.time.set(leap - TimeDelta::days(1));
        let held = stage.opened_and([Action::hold_until(HoldReason::Scheduled, leap)]);
        stage.time.set(leap);
        let opened = stage.open();
        assert_eq!(stage.desk.tick(leap).unwrap().fired, 1);
        for id in [held, opened] {
            assert_eq!(firstline::Snapshot::fold(&stage.history(id)).unwrap(), stage.ticket(id));
        }
    });
}

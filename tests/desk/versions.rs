//! Expected versions, and commands that are applied completely or not at all.

use std::sync::Barrier;

use firstline::desk::Settings;
use firstline::{Action, AnyTicket, Contact, ContactRole, Desk, HoldReason, NewTicket, StateKind, TimeDelta};

use super::stage::{Stage, anna, boris, on_each_store, rejection};

#[test]
fn a_stale_version_is_a_conflict_that_shows_the_current_ticket() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::start(), Action::hold_until(HoldReason::ThirdParty, in_june())]);
        let error = stage.refuses(id, |desk| desk.act(id, Action::resume(), anna().expected_version(2)));
        assert!(error.is_conflict() && !error.is_rejected() && !error.is_retryable());
        let conflict = error.conflict().unwrap();
        assert_eq!((conflict.ticket, conflict.expected, conflict.found), (id, 2, 3));
        assert_eq!(conflict.state, stage.ticket(id).state);
        let expected = "ticket T-1 is at version 3, on hold (third party) until 2026-06-01T00:00:00Z; \
             version 2 was expected";
        assert_eq!(error.to_string(), expected);
        // A version from the future conflicts too.
        for version in [0, 4, u64::MAX] {
            let error =
                stage.refuses(id, |desk| desk.act(id, Action::resume(), anna().expected_version(version)));
            assert_eq!(error.conflict().unwrap().expected, version);
        }
        stage.desk.act(id, Action::resume(), anna().expected_version(3)).unwrap();
    });
}

fn in_june() -> firstline::DateTime<firstline::Utc> {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

#[test]
fn a_typed_step_on_a_changed_ticket_is_a_conflict_even_in_the_same_state() {
    on_each_store(|stage| {
        let ticket = stage.desk.open_ticket(NewTicket::new("No sound")).unwrap();
        let id = ticket.id();
        stage.does(id, Action::note("hm"));
        let error = stage.refuses(id, |desk| desk.commit(ticket.start(), anna()));
        assert_eq!((error.conflict().unwrap().expected, error.conflict().unwrap().found), (1, 2));
        let AnyTicket::New(ticket) = stage.desk.ticket(id).unwrap().into_typed() else { panic!() };
        stage.desk.commit(ticket.start(), anna()).unwrap();
    });
}

/// A predicate for errors.
type Predicate = fn(&firstline::Error) -> bool;

#[test]
fn an_action_of_several_parts_is_applied_completely_or_not_at_all() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::start()]);
        let good = || {
            vec![
                Action::reply("Here is how."),
                Action::tag("audio"),
                Action::assign("ben"),
                Action::note("done"),
            ]
        };
        let bad: [(Action, Predicate); 5] = [
            (Action::confirm(), firstline::Error::is_rejected),
            (Action::start(), firstline::Error::is_rejected),
            (Action::tag(" "), firstline::Error::is_invalid),
            (Action::field("undeclared", 1), firstline::Error::is_invalid),
            (
                Action::link(firstline::LinkKind::CausedBy, uuid::Uuid::nil().into()),
                firstline::Error::is_not_found,
            ),
        ];
        // A faulty part in any position prevents the others.
        for (part, is_right) in bad {
            for place in 0..=good().len() {
                let mut parts = good();
                parts.insert(place, part.clone());
                let error = stage.refuses(id, |desk| desk.act(id, Action::All(parts), anna()));
                assert!(is_right(&error), "{part:?} at {place}: {error}");
            }
        }
        let receipt = stage.desk.act(id, Action::All(good()), anna()).unwrap();
        assert_eq!(receipt.events.len(), 4, "the action without the faulty part is accepted");
    });
}

/// Each part sees the effects of the parts before it.
#[test]
fn the_parts_of_an_action_are_applied_in_order() {
    on_each_store(|stage| {
        let id = stage.open();
        let whole_life = Action::start()
            .and(Action::hold(HoldReason::Customer))
            .and(Action::resume())
            .and(Action::resolve("unmuted"))
            .and(Action::close());
        let handle = stage.desk.ticket(id).unwrap();
        assert_eq!(handle.why_not(&whole_life), None);
        let receipt = stage.desk.act(id, whole_life, anna()).unwrap();
        assert_eq!((receipt.events.len(), stage.ticket(id).state.kind()), (5, StateKind::Closed));
        assert!(receipt.events.iter().all(|event| event.at == stage.now()));

        let id = stage.open();
        let too_much = Action::start().and(Action::start());
        let error = stage.refuses(id, |desk| desk.act(id, too_much.clone(), anna()));
        assert_eq!(
            rejection(&error).state,
            StateKind::Active,
            "the second start is refused, in the new state"
        );
        assert_eq!(stage.desk.ticket(id).unwrap().why_not(&too_much).as_ref(), error.rejection());
    });
}

/// If two agents act at the same version, one succeeds and the other gets a conflict.
#[test]
fn one_of_two_concurrent_actions_succeeds_and_the_other_conflicts() {
    on_each_store(|stage| {
        for _ in 0..20 {
            let id = stage.open();
            let barrier = Barrier::new(2);
            let press = |text: &'static str| {
                barrier.wait();
                stage.desk.act(id, Action::resolve(text), anna().expected_version(1)).map(|_| ())
            };
            let results = std::thread::scope(|threads| {
                let both = [threads.spawn(|| press("one")), threads.spawn(|| press("two"))];
                both.map(|it| it.join().unwrap())
            });
            let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
            assert_eq!((won.len(), lost.len()), (1, 1));
            assert!(lost[0].as_ref().unwrap_err().is_conflict());
            assert_eq!(stage.history(id).len(), 2);
        }
    });
}

/// Without an expected version, concurrent actions run one after the other, and no update is lost.
#[test]
fn concurrent_writers_lose_nothing() {
    on_each_store(|stage| {
        let id = stage.open();
        std::thread::scope(|threads| {
            for writer in 0..4 {
                threads.spawn(move || {
                    for n in 0..25 {
                        stage.does(id, Action::tag(format!("{writer}-{n}")));
                    }
                });
            }
        });
        assert_eq!(stage.ticket(id).tags.len(), 100);
        assert_sound(stage, id);
    });
}

/// Row and history agree, versions have no gaps, and times never step back.
fn assert_sound(stage: &Stage, id: firstline::TicketId) {
    let history = stage.history(id);
    assert_eq!(firstline::Snapshot::fold(&history).unwrap(), stage.ticket(id));
    assert!(history.iter().map(|event| event.version).eq(1..=history.len() as u64));
    assert!(history.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[test]
fn a_clock_that_steps_back_does_not_reorder_a_history() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::start()]);
        stage.later(-TimeDelta::days(1));
        stage.does(id, Action::resolve("unmuted"));
        assert_sound(stage, id);
        let ticket = stage.ticket(id);
        assert_eq!(ticket.resolved_at, Some(ticket.opened_at));
        let until = ticket.timers()[0].due;
        assert_eq!(
            until,
            ticket.opened_at + TimeDelta::days(5),
            "counted from the event, not from the clock"
        );
    });
}

#[test]
fn an_unknown_id_is_not_found() {
    on_each_store(|stage| {
        let nobody = uuid::Uuid::nil().into();
        let errors = [
            stage.desk.act(nobody, Action::start(), boris()).unwrap_err(),
            stage.desk.ticket(nobody).unwrap_err(),
            stage.desk.records().history(nobody).unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_not_found(), "{error}");
            assert_eq!(error.to_string(), format!("ticket {nobody} is not known at this desk"));
        }
    });
}

/// Regression: one store reported a conflict, the other a storage error.
#[test]
fn an_id_in_use_is_a_conflict() {
    #[derive(Debug)]
    struct Stuck;
    impl firstline::id::IdSource for Stuck {
        fn new_id(&self, _: firstline::DateTime<firstline::Utc>) -> uuid::Uuid {
            uuid::Uuid::from_u128(7)
        }
    }
    on_each_store(|stage| {
        let desk = Desk::over(stage.store.clone(), Settings::new("acme").ids(Stuck));
        let first = desk.open_ticket(NewTicket::new("No sound")).unwrap();
        let error = stage.refuses(first.id(), |_| desk.open_ticket(NewTicket::new("No light")));
        let conflict = error.conflict().unwrap_or_else(|| panic!("{}: {error:?}", stage.name));
        assert_eq!((conflict.expected, conflict.found), (0, 1));
    });
}

/// Regression: an unchanged subject or contact was recorded as an event.
#[test]
fn an_unchanged_value_writes_no_event() {
    on_each_store(|stage| {
        let known = || Contact::new("boris").named("Борис").attribute("vip", true);
        let says = |contact| Action::Contact { contact, role: ContactRole::Requester };
        let id = stage.opened_and([says(known())]);
        let before = stage.history(id).len();
        for action in [says(known()), says(Contact::new("boris")), Action::subject("No sound")] {
            stage.does(id, action);
        }
        assert_eq!(stage.history(id).len(), before);
        stage.does(id, says(known().attribute("vip", false)));
        assert_eq!(stage.history(id).len(), before + 1);
    });
}

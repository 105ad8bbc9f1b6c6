//! Repeating a request with the same key returns the first result; another request with the same key is refused.

use firstline::desk::Settings;
use firstline::memory::Memory;
use firstline::store::kinds::RECEIPT;
use firstline::store::{Answer, Mode, Read, RecordRange, Store, Tx};
use firstline::time::ManualTime;
use firstline::{
    Action, Actor, DateTime, Desk, ErrorKind, HoldReason, IdempotencyKey, InboundMessage, NewTicket, Query,
    StateKind, TimeDelta,
};

use super::stage::{anna, boris, on_each_store};

#[test]
fn a_repeated_opening_returns_the_first_result() {
    on_each_store(|stage| {
        let request =
            || NewTicket::new("No sound").from("boris").message("I hear nothing.").idempotency_key("form-1");
        let first = stage.desk.open_ticket(request()).unwrap();
        let id = first.id();
        stage.does(id, Action::start());
        stage.later(TimeDelta::hours(1));
        // The ticket is active by now; the repetition still returns it as new.
        let again = stage.desk.open_ticket(request()).unwrap();
        assert_eq!(again, first);
        assert!(again.replayed() && !first.replayed() && again.into_untyped().replayed());
        assert_eq!(stage.ticket(id).state.kind(), StateKind::Active);
        assert_eq!(stage.history(id).len(), 2);
        // A repetition takes no running number.
        assert_eq!(stage.ticket(stage.open()).number.to_string(), "T-2");
    });
}

#[test]
fn a_repeated_action_returns_the_first_receipt_and_changes_nothing() {
    on_each_store(|stage| {
        let id = stage.open();
        let action = || Action::reply("Which browser?").and(Action::hold(HoldReason::Customer));
        let first = stage.desk.act(id, action(), anna().idempotency_key("click-1")).unwrap();
        assert!(!first.replayed);
        assert_eq!(first.events.len(), 2);
        stage.does(id, Action::resume());
        stage.later(TimeDelta::days(1));
        let before = stage.history(id);
        let again = stage.desk.act(id, action(), anna().idempotency_key("click-1")).unwrap();
        assert!(again.replayed);
        assert_eq!((&again.ticket, &again.events), (&first.ticket, &first.events));
        assert_eq!(stage.history(id), before);
        // Without the key, the same action runs again.
        assert!(!stage.desk.act(id, action(), anna()).unwrap().replayed);
    });
}

/// A client repeats a request after losing the answer, so later changes to the ticket must not make it fail.
#[test]
fn a_repetition_succeeds_despite_later_changes() {
    on_each_store(|stage| {
        let ticket = stage.desk.open_ticket(NewTicket::new("No sound").from("boris")).unwrap();
        let (id, version) = (ticket.id(), ticket.version);
        let step = || Action::resolve("unmuted");
        stage.desk.act(id, step(), anna().idempotency_key("r").expected_version(version)).unwrap();
        stage.does(id, Action::close());
        let again =
            stage.desk.act(id, step(), anna().idempotency_key("r").expected_version(version)).unwrap();
        assert!(again.replayed);
        assert_eq!(again.ticket.snapshot().state.kind(), StateKind::Resolved);
        // Without a key, the same action is refused.
        assert!(stage.desk.act(id, step(), anna()).unwrap_err().is_rejected());
        assert!(stage.desk.act(id, step(), anna().expected_version(version)).unwrap_err().is_conflict());
    });
}

#[test]
fn a_repeated_typed_step_returns_the_first_typed_ticket() {
    on_each_store(|stage| {
        let ticket = stage.desk.open_ticket(NewTicket::new("No sound")).unwrap();
        let copy = stage.desk.ticket(ticket.id()).unwrap();
        let active = stage.desk.commit(ticket.start(), anna().idempotency_key("start")).unwrap();
        stage.does(active.id(), Action::cancel());
        let firstline::AnyTicket::New(copy) = copy.into_typed() else { panic!("it was new") };
        let again = stage.desk.commit(copy.start(), anna().idempotency_key("start")).unwrap();
        assert!(again.replayed() && !active.replayed() && again == active);
    });
}

#[test]
fn a_message_delivered_twice_is_received_once() {
    on_each_store(|stage| {
        let message =
            |text: &str| InboundMessage::new(text).from("boris").thread("chat-9").subject("No sound");
        let first = stage.desk.receive(message("hello").idempotency_key("m-1")).unwrap();
        let second = stage.desk.receive(message("hello?").idempotency_key("m-2")).unwrap();
        let id = first.ticket.id();
        for (key, text, expected) in [("m-1", "hello", &first), ("m-2", "hello?", &second)] {
            let again = stage.desk.receive(message(text).idempotency_key(key)).unwrap();
            assert!(again.replayed);
            assert_eq!((&again.ticket, &again.events), (&expected.ticket, &expected.events));
        }
        assert_eq!(stage.ticket(id).messages_received, 2);
        assert_eq!(stage.history(id).len(), 2);
    });
}

#[test]
fn a_key_with_another_request_is_refused_across_all_commands() {
    on_each_store(|stage| {
        let id = stage.open();
        let other = stage.open();
        stage.desk.act(id, Action::note("one"), anna().idempotency_key("k")).unwrap();
        let request = NewTicket::new("No sound").idempotency_key("k");
        let attempts: Vec<(&str, firstline::Error)> = vec![
            (
                "another action",
                stage.desk.act(id, Action::note("two"), anna().idempotency_key("k")).unwrap_err(),
            ),
            (
                "another ticket",
                stage.desk.act(other, Action::note("one"), anna().idempotency_key("k")).unwrap_err(),
            ),
            (
                "another actor",
                stage.desk.act(id, Action::note("one"), boris().idempotency_key("k")).unwrap_err(),
            ),
            ("an opening", stage.desk.open_ticket(request).unwrap_err()),
            ("a message", stage.desk.receive(InboundMessage::new("Hello").idempotency_key("k")).unwrap_err()),
        ];
        for (what, error) in attempts {
            assert_eq!(error.kind(), ErrorKind::KeyReused, "{what}");
            assert!(error.is_invalid() && !error.is_retryable());
            assert_eq!(
                error.to_string(),
                "the idempotency key \"k\" was already used for another request; allowed: the same request, or a new key"
            );
        }
        assert_eq!((stage.history(id).len(), stage.history(other).len()), (2, 1));
    });
}

/// Regression: data that the sender does not control made a redelivery look like another request.
#[test]
fn requests_with_the_same_digest_of_the_caller_are_the_same() {
    on_each_store(|stage| {
        let key = |digest: &str| IdempotencyKey::new("k").with_digest(digest);
        let open = |subject: &str, digest: &str| {
            stage.desk.open_ticket(NewTicket::new(subject).idempotency_key(key(digest)))
        };
        let receive = |text: &str, digest: &str| {
            let key = IdempotencyKey::new("mail").with_digest(digest);
            stage.desk.receive(InboundMessage::new(text).from("boris").idempotency_key(key))
        };
        let first = open("No sound", "one").unwrap();
        let id = first.id();
        assert_eq!(open("No sound (2)", "one").unwrap(), first);
        let act = |action: Action, by: &str, digest: &str| {
            let key = IdempotencyKey::new("click").with_digest(digest);
            stage.desk.act(id, action, Actor::agent(by).idempotency_key(key))
        };
        let received = receive("It is silent.", "one").unwrap();
        assert_eq!(receive("It is silent, sent again.", "one").unwrap().ticket, received.ticket);
        let noted = act(Action::note("hm"), "anna", "one").unwrap();
        let again = act(Action::note("hm, again"), "anna", "one").unwrap();
        assert!(again.replayed && again.events == noted.events);

        let plain = |digest: Option<&str>| {
            let key = IdempotencyKey::new("step");
            let key = digest.map_or(key.clone(), |digest| key.with_digest(digest));
            let typed = NewTicket::new("Typed").idempotency_key("typed");
            let typed = stage.desk.open_ticket(typed).unwrap();
            stage.desk.commit(typed.start(), anna().idempotency_key(key))
        };
        assert!(!plain(Some("one")).unwrap().replayed() && plain(Some("one")).unwrap().replayed());

        let reused = [
            open("No sound", "two").unwrap_err(),
            receive("It is silent.", "two").unwrap_err(),
            act(Action::note("hm"), "anna", "two").unwrap_err(),
            act(Action::note("hm"), "ben", "one").unwrap_err(),
            plain(Some("two")).unwrap_err(),
            plain(None).unwrap_err(),
            stage.desk.open_ticket(NewTicket::new("No sound").idempotency_key("k")).unwrap_err(),
            stage.desk.act(id, Action::note("hm"), anna().idempotency_key(key("one"))).unwrap_err(),
        ];
        for error in reused {
            assert_eq!(error.kind(), ErrorKind::KeyReused, "{error}");
        }
        for (digest, problem) in
            [("", "is empty"), ("a\nb", "control character"), (&"x".repeat(1_001), "too long")]
        {
            let error = open("No sound", digest).unwrap_err();
            assert!(error.is_invalid() && error.to_string().contains(problem), "{error}");
        }
        assert_eq!(stage.desk.find(Query::oldest()).unwrap().tickets.len(), 3);
        assert_eq!(stage.history(id).len(), 2);
    });
}

#[test]
fn a_refused_command_does_not_use_up_its_key() {
    on_each_store(|stage| {
        let id = stage.open();
        let error = stage.refuses(id, |desk| desk.act(id, Action::resume(), anna().idempotency_key("k")));
        assert!(error.is_rejected());
        let receipt = stage.desk.act(id, Action::start(), anna().idempotency_key("k")).unwrap();
        assert!(!receipt.replayed);
    });
}

/// An action without effect also stores a receipt.
#[test]
fn an_action_without_effect_can_be_repeated() {
    on_each_store(|stage| {
        let id = stage.opened_and([Action::tag("audio")]);
        let first = stage.desk.act(id, Action::tag("audio"), anna().idempotency_key("k")).unwrap();
        assert_eq!((first.events.len(), first.ticket.version), (0, 2));
        stage.does(id, Action::Untag("audio".to_owned()));
        let again = stage.desk.act(id, Action::tag("audio"), anna().idempotency_key("k")).unwrap();
        assert!(again.replayed && again.events.is_empty());
        assert_eq!(again.ticket, first.ticket);
        assert!(stage.ticket(id).tags.is_empty());
    });
}

#[test]
fn a_receipt_is_kept_for_the_configured_period() {
    on_each_store(|stage| {
        let settings = Settings::new("acme").time(stage.time.clone()).keep_receipts(TimeDelta::days(2));
        let desk = Desk::over(stage.store.clone(), settings);
        let note = || Action::note("hm");
        let id = stage.open();
        let before = stage.history(id).len();
        desk.act(id, note(), anna().idempotency_key("k")).unwrap();
        stage.later(TimeDelta::days(2));
        assert!(
            desk.act(id, note(), anna().idempotency_key("k")).unwrap().replayed,
            "still within the two days"
        );
        stage.later(TimeDelta::seconds(1));
        // Storing a receipt deletes expired ones.
        desk.act(id, note(), anna().idempotency_key("another")).unwrap();
        assert!(
            !desk.act(id, note(), anna().idempotency_key("k")).unwrap().replayed,
            "the receipt has expired"
        );
        assert_eq!(stage.history(id).len(), before + 3);
    });
}

/// A digest was compared without the ticket, and `commit` counted as `act`: the second call reported success on the
/// wrong ticket and wrote nothing.
#[test]
fn a_digest_counts_for_one_method_and_one_ticket() {
    on_each_store(|stage| {
        let key = || IdempotencyKey::new("click").with_digest("one");
        let [first, second] =
            ["No sound", "No picture"].map(|it| stage.desk.open_ticket(NewTicket::new(it)).unwrap());
        let (a, b) = (first.id(), second.id());
        stage.desk.act(a, Action::note("hm"), anna().idempotency_key(key())).unwrap();
        let other_ticket = stage.desk.act(b, Action::note("hm"), anna().idempotency_key(key())).unwrap_err();
        let other_method = stage.desk.commit(first.start(), anna().idempotency_key(key())).unwrap_err();
        for error in [other_ticket, other_method] {
            assert_eq!(error.kind(), ErrorKind::KeyReused, "{error}");
        }
        assert_eq!((stage.history(a).len(), stage.history(b).len()), (2, 1));
    });
}

/// Regression D9: the hash of the request selected the commands that clean up, so a bot that alternated between two
/// requests kept every receipt.
#[test]
fn a_bot_that_repeats_two_requests_keeps_no_expired_receipts() {
    let (store, clock) = (Memory::new(), ManualTime::at(DateTime::UNIX_EPOCH));
    let settings = Settings::new("acme").time(clock.clone()).keep_receipts(TimeDelta::days(1));
    let desk = Desk::over(store.clone(), settings);
    for round in 0..1_000 {
        clock.advance(TimeDelta::hours(1));
        let subject = ["The lamp is on", "The lamp is off"][round % 2];
        desk.open_ticket(NewTicket::new(subject).idempotency_key(format!("{round}"))).unwrap();
    }
    let all = Read::Records(RecordRange::by_key(RECEIPT).limit(1_000));
    let answers = store.begin(&"acme".into(), Mode::Read).unwrap().load(&[all]).unwrap();
    let [Answer::Records(kept)] = &answers[..] else { panic!("{answers:?}") };
    // One command in 32 cleans up.
    assert!(kept.len() < 300, "{} receipts", kept.len());
}

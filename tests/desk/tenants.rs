//! Two desks in one store are isolated.

use firstline::ticket::event::ExternalRef;
use firstline::ticket::kind::Link;
use firstline::{Action, Condition, InboundMessage, LinkKind, NewTicket, Policy, Query, TimeDelta};

use super::stage::{anna, on_each_store};

#[test]
fn no_desk_reads_finds_or_changes_the_tickets_of_another() {
    on_each_store(|stage| {
        let other = stage.other_desk("globex");
        // Ids are counted at each desk, and must differ in this test.
        let _others: Vec<_> = (0..5).map(|_| stage.open()).collect();
        let opened = InboundMessage::new("hush")
            .from("boris")
            .thread("chat-9")
            .idempotency_key("key-1")
            .subject("Secret");
        let id = stage.desk.receive(opened).unwrap().ticket.id();
        stage.does(id, Action::tag("secret"));
        let before = (stage.ticket(id), stage.history(id));

        // The other desk cannot read, change or list the ticket, by id, number or external reference.
        assert!(other.ticket(id).unwrap_err().is_not_found());
        assert!(other.ticket("T-6").unwrap_err().is_not_found());
        assert!(other.ticket(6).unwrap_err().is_not_found());
        let elsewhere = ExternalRef { source: "zammad".to_owned(), id: "1".to_owned() };
        assert!(other.ticket(elsewhere).unwrap_err().is_not_found());
        assert!(other.records().history(id).unwrap_err().is_not_found());
        for action in [Action::start(), Action::note("hm"), Action::cancel()] {
            assert!(other.act(id, action, anna()).unwrap_err().is_not_found());
        }
        // A matching version does not help.
        assert!(other.act(id, Action::start(), anna().expected_version(2)).unwrap_err().is_not_found());

        // Searches, the inbox, and a cursor of the first desk.
        assert!(other.find(Query::inbox()).unwrap().tickets.is_empty());
        let tagged = Query::newest().matching(Condition::field("tags").contains("secret"));
        assert_eq!(
            stage.desk.find(tagged.clone()).unwrap().tickets.len(),
            1,
            "the tag is found at its own desk"
        );
        assert!(other.find(tagged).unwrap().tickets.is_empty());
        assert!(other.find(Query::oldest().from("boris")).unwrap().tickets.is_empty());

        // A link cannot lead to another desk.
        let own = other.open_ticket(NewTicket::new("No sound")).unwrap().id();
        assert!(other.act(own, Action::link(LinkKind::CausedBy, id), anna()).unwrap_err().is_not_found());
        let unlink = Action::Unlink(Link { kind: LinkKind::CausedBy, to: id });
        assert!(other.act(own, unlink, anna()).unwrap_err().is_rejected());
        assert_eq!((stage.ticket(id), stage.history(id)), before);
    });
}

#[test]
fn numbers_threads_and_keys_are_separate_for_each_desk() {
    on_each_store(|stage| {
        let other = stage.other_desk("globex");
        let request = || {
            InboundMessage::new("Hello?")
                .from("boris")
                .thread("chat-9")
                .idempotency_key("key-1")
                .subject("No sound")
        };
        let here = stage.desk.receive(request()).unwrap();
        let there = other.receive(request()).unwrap();
        assert!(there.opened() && !there.replayed, "neither thread nor key is shared");
        assert_eq!(there.ticket.number.to_string(), "T-1", "numbers are counted for each desk");
        assert_eq!(here.ticket.number, there.ticket.number);
        // Another desk may use the same key for another request.
        other.act(there.ticket.id(), Action::note("one"), anna().idempotency_key("key-2")).unwrap();
        stage.desk.act(here.ticket.id(), Action::note("two"), anna().idempotency_key("key-2")).unwrap();
    });
}

/// The ids of both desks are counted from one, so both have a ticket with the same id.
#[test]
fn the_same_id_at_two_desks_names_two_tickets() {
    on_each_store(|stage| {
        let other = stage.other_desk("globex");
        let id = stage.open();
        let theirs = other.open_ticket(NewTicket::new("Theirs")).unwrap();
        assert_eq!(theirs.id(), id, "the ids are equal");
        stage.does(id, Action::start());
        assert_eq!(other.ticket(id).unwrap().version, 1);
        assert_eq!(other.ticket(id).unwrap().subject(), "Theirs");
        assert_eq!(stage.ticket(id).subject(), "No sound");
        assert_eq!(other.records().history(id).unwrap().len(), 1);
    });
}

#[test]
fn policies_and_ticks_are_separate_for_each_desk() {
    on_each_store(|stage| {
        let other = stage.other_desk("globex");
        stage.desk.setup().adopt(&Policy::new().prefix("ACME").verification(None)).unwrap();
        assert_eq!(*other.setup().policy().unwrap(), Policy::new());
        let theirs = other.open_ticket(NewTicket::new("No sound")).unwrap();
        assert_eq!(theirs.number.to_string(), "T-1");
        other.act(theirs.id(), Action::resolve("unmuted"), anna()).unwrap();
        let late = stage.now() + TimeDelta::days(30);
        assert_eq!(stage.desk.tick(late).unwrap().fired, 0, "a timer of another desk fired");
        assert_eq!(other.tick(late).unwrap().fired, 1);
    });
}

#[test]
fn desks_with_similar_names_are_separate() {
    on_each_store(|stage| {
        let names = ["acme ", "Acme", "acme'", "acme%", "acm_", "а\u{301}cme", "acme\u{200b}", "acme/1", "☎"];
        for (n, name) in names.iter().enumerate() {
            let desk = stage.other_desk(name);
            assert!(desk.find(Query::newest()).unwrap().tickets.is_empty(), "{name:?}");
            for _ in 0..=n {
                desk.open_ticket(NewTicket::new("No sound")).unwrap();
            }
        }
        for (n, name) in names.iter().enumerate() {
            assert_eq!(
                stage.other_desk(name).find(Query::newest()).unwrap().tickets.len(),
                n + 1,
                "{name:?}"
            );
        }
        for bad in ["", "a\nb", "\0", &"x".repeat(201)] {
            let error = stage.other_desk(bad).open_ticket(NewTicket::new("No sound")).unwrap_err();
            assert!(error.to_string().starts_with("desk id "), "{error}");
            assert!(stage.other_desk(bad).find(Query::newest()).is_err());
        }
    });
}

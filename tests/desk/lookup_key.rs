//! A desk with a lookup key: stored keys are unreadable, but lookups still find them.
#![cfg(feature = "sqlite")]

use firstline::desk::Settings;
use firstline::sqlite::Sqlite;
use firstline::time::ManualTime;
use firstline::*;

const NAMES: [&str; 3] = ["+44 20 7946 0958", "order of boris@example.org", "Boris Example 4711"];

/// Stores a thread, an idempotency key and an external reference, and finds each again.
fn play(store: &Sqlite, settings: Settings) {
    let now: DateTime<Utc> = "2026-01-05T09:00:00Z".parse().unwrap();
    let desk = store.desk(settings.time(ManualTime::at(now)));
    let [thread, key, name] = NAMES;
    let first =
        InboundMessage::new("Hello?").from("c-1").thread(thread).idempotency_key(key).subject("No sound");
    let opened = desk.receive(first.clone()).unwrap();
    assert!(opened.opened());
    assert!(desk.receive(first).unwrap().replayed);
    let second = InboundMessage::new("Anybody?").from("c-1").thread(thread).subject("No sound");
    assert_eq!(desk.receive(second).unwrap().ticket.id(), opened.ticket.id());
    let old = || {
        let version = ImportedVersion::new(now - TimeDelta::days(9), Actor::agent("anna")).subject("Old");
        ImportedTicket::new("old desk", name).version(version)
    };
    assert_eq!(desk.records().import([old()]).unwrap().opened, 1);
    assert_eq!(desk.records().import([old()]).unwrap().unchanged, 1);
    let reference = ExternalRef { source: "old desk".into(), id: name.into() };
    assert_eq!(desk.ticket(reference).unwrap().subject(), "Old");
}

/// The number of names that occur in a key of the stored records.
fn readable(file: &std::path::Path) -> usize {
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql =
        "SELECT key || ' ' || coalesce(i1, '') || coalesce(i2, '') || coalesce(i3, '') FROM firstline_record";
    let mut statement = connection.prepare(sql).unwrap();
    let keys: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(keys.len(), 3, "a thread, a receipt and an external name");
    NAMES.iter().filter(|name| keys.iter().any(|key| key.contains(*name))).count()
}

#[test]
fn with_a_lookup_key_no_stored_key_names_a_person() {
    let dir = tempfile::tempdir().unwrap();
    for (name, settings, found) in [
        ("plain", Settings::new("acme"), 3), // Readable without a lookup key.
        ("keyed", Settings::new("acme").lookup_key([7; 32]), 0),
    ] {
        let file = dir.path().join(name);
        let store = Sqlite::open(&file).unwrap();
        play(&store, settings);
        assert_eq!(readable(&file), found, "{name}");
    }
}

/// Regression: these digests contain the customer's text and phone number, so without a key anybody who guesses
/// both can compute the digests.
#[test]
fn digests_of_a_persons_text_cannot_be_recomputed_without_the_lookup_key() {
    let dir = tempfile::tempdir().unwrap();
    let digests = |name: &str, settings: Settings| {
        let file = dir.path().join(name);
        let store = Sqlite::open(&file).unwrap();
        play(&store, settings);
        let imported = store.desk("acme").ticket(2_u64).unwrap().imported.clone().unwrap().fingerprint;
        let connection = rusqlite::Connection::open(&file).unwrap();
        let sql = "SELECT facts FROM firstline_record WHERE kind = 'r'";
        let receipt: Vec<u8> = connection.query_row(sql, [], |row| row.get(0)).unwrap();
        (imported, receipt[..16].to_vec())
    };
    let plain = digests("plain", Settings::new("acme"));
    assert_eq!(digests("again", Settings::new("acme")), plain, "the control");
    let keyed =
        [7, 8].map(|key| digests(&format!("keyed {key}"), Settings::new("acme").lookup_key([key; 32])));
    for (one, other) in [(&plain, &keyed[0]), (&plain, &keyed[1]), (&keyed[0], &keyed[1])] {
        assert_ne!(one.0, other.0, "the history of an import");
        assert_ne!(one.1, other.1, "the request of a receipt");
    }
}

/// The history has the stored form of an added key too, and an undoing finds the key by it.
#[test]
fn with_a_lookup_key_the_history_has_no_readable_thread_key() {
    for (settings, readable) in
        [(Settings::new("acme"), true), (Settings::new("acme").lookup_key([7; 32]), false)]
    {
        let desk = Sqlite::in_memory().unwrap().desk(settings);
        let id = desk.open_ticket(NewTicket::new("No sound").from("c-1")).unwrap().id();
        desk.act(id, Action::thread(NAMES[0]), Actor::agent("anna")).unwrap();
        let history = serde_json::to_string(&desk.records().history(id).unwrap()).unwrap();
        assert_eq!(history.contains(NAMES[0]), readable, "{history}");
        desk.act(id, Action::undo(), Actor::agent("anna")).unwrap();
        assert!(desk.ticket(ThreadKey::from(NAMES[0])).unwrap_err().is_not_found());
    }
}

#[test]
fn another_lookup_key_finds_nothing() {
    let store = Sqlite::in_memory().unwrap();
    let message = || InboundMessage::new("Hello?").from("c-1").thread(NAMES[0]).subject("No sound");
    let desk = |key: u8| store.desk(Settings::new("acme").lookup_key([key; 32]));
    assert!(desk(1).receive(message()).unwrap().opened());
    assert!(!desk(1).receive(message()).unwrap().opened());
    assert!(desk(2).receive(message()).unwrap().opened());
}

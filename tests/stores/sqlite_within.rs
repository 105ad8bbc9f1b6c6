//! The desk inside the host's own transaction on SQLite.
#![cfg(feature = "sqlite")]

use std::path::Path;

use firstline::sqlite::Sqlite;
use firstline::{Action, Actor, Desk, NewTicket, Query};
use rusqlite::{Connection, TransactionBehavior};

fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

#[test]
fn the_hosts_transaction_commits_both_or_neither() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let mut host = raw(&file);
    host.execute_batch("CREATE TABLE refund (cents INTEGER)").unwrap();
    let anna = Actor::agent("anna");

    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute("INSERT INTO refund VALUES (1)", []).unwrap();
    let id = desk.within(&tx).open_ticket(NewTicket::new("Refund 1")).unwrap().id();
    // A refused command writes nothing, and the transaction continues.
    let both = Action::note("seen").and(Action::confirm());
    assert!(desk.within(&tx).act(id, both, &anna).unwrap_err().is_rejected());
    desk.within(&tx).act(id, Action::start(), &anna).unwrap();
    tx.commit().unwrap();
    assert_eq!(desk.records().history(id).unwrap().len(), 2);

    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute("INSERT INTO refund VALUES (2)", []).unwrap();
    let lost = desk.within(&tx).open_ticket(NewTicket::new("Refund 2")).unwrap().id();
    tx.rollback().unwrap();
    assert!(desk.ticket(lost).unwrap_err().is_not_found());
    let refunds: i64 = host.query_row("SELECT count(*) FROM refund", [], |row| row.get(0)).unwrap();
    assert_eq!(refunds, 1);
}

/// Regression: a read or a refused command rolled back to its savepoint. After a change of the schema, this makes
/// SQLite abort every open statement.
#[test]
fn reads_and_refusals_leave_the_hosts_open_statements_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let mut host = raw(&file);
    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    tx.execute_batch("CREATE TABLE refund (cents INTEGER); INSERT INTO refund VALUES (1), (2), (3)").unwrap();
    let mut refunds = tx.prepare("SELECT cents FROM refund").unwrap();
    let mut rows = refunds.query([]).unwrap();
    let within = desk.within(&tx);
    let mut numbers = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let cents: i64 = row.get(0).unwrap();
        let ticket = within.open_ticket(NewTicket::new(format!("Refund {cents}"))).unwrap();
        assert!(within.act(ticket.id(), Action::confirm(), Actor::agent("anna")).unwrap_err().is_rejected());
        numbers.push(within.ticket(ticket.id()).unwrap().number.value);
    }
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn a_command_that_fails_midway_in_the_hosts_transaction_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let mut host = raw(&file);
    // The receipt is written last.
    let fails =
        "CREATE TEMP TRIGGER fails BEFORE INSERT ON firstline_record BEGIN SELECT RAISE(ABORT, 'no'); END";
    host.execute_batch(fails).unwrap();
    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let within = desk.within(&tx);
    let error = within.open_ticket(NewTicket::new("Refund 1").idempotency_key("k")).unwrap_err();
    assert!(error.is_storage() && within.find(Query::newest()).unwrap().tickets.is_empty(), "{error}");
    assert_eq!(within.open_ticket(NewTicket::new("Refund 2")).unwrap().number.value, 1);
    tx.commit().unwrap();
    assert_eq!(desk.ticket("T-1").unwrap().subject(), "Refund 2");
}

/// A full disk may roll back the host's whole transaction, and the error must say so.
#[test]
fn a_full_disk_in_the_hosts_transaction_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let mut host = raw(&file);
    let pages: i64 = host.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    host.execute_batch(&format!("PRAGMA max_page_count = {}", pages + 4)).unwrap();
    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let within = desk.within(&tx);
    let long = "x".repeat(30_000);
    let error =
        (0..50).find_map(|_| within.open_ticket(NewTicket::new("Big").message(long.as_str())).err()).unwrap();
    assert!(error.is_storage() && error.to_string().contains("rolled all of it back"), "{error}");
    assert!(tx.is_autocommit(), "SQLite did not roll the transaction back");
    drop(tx);
    assert_eq!(desk.find(Query::newest()).unwrap().tickets.len(), 0);
    host.execute_batch("PRAGMA max_page_count = 100000").unwrap();
    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    desk.within(&tx).open_ticket(NewTicket::new("Big").message(long.as_str())).unwrap();
    tx.commit().unwrap();
    assert_eq!(desk.find(Query::newest()).unwrap().tickets.len(), 1);
}

/// A transaction that was not begun by `rusqlite`, used through a second connection on the host's handle, as with other
/// libraries. `tests/hosts/sqlx_sqlite` does this with `sqlx`.
#[test]
fn a_transaction_begun_by_another_library_commits_both_or_neither() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let host = raw(&file);
    host.execute_batch("CREATE TABLE refund (cents INTEGER)").unwrap();
    for (end, kept) in [("ROLLBACK", false), ("COMMIT", true)] {
        let error = desk.within_connection(&host).unwrap_err();
        assert!(error.is_storage() && error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
        host.execute_batch("BEGIN IMMEDIATE; INSERT INTO refund VALUES (1)").unwrap();
        // SAFETY: the handle is open, and the connection on it is dropped before the host ends its transaction.
        let lent = unsafe { Connection::from_handle(host.handle()) }.unwrap();
        let within = desk.within_connection(&lent).unwrap();
        let id = within.open_ticket(NewTicket::new("Refund 1")).unwrap().id();
        assert!(within.act(id, Action::confirm(), Actor::agent("anna")).unwrap_err().is_rejected());
        host.execute_batch("INSERT INTO refund VALUES (2)").unwrap();
        within.act(id, Action::start(), Actor::agent("anna")).unwrap();
        drop(within);
        drop(lent);
        host.execute_batch(end).unwrap();
        let refunds: i64 = host.query_row("SELECT count(*) FROM refund", [], |row| row.get(0)).unwrap();
        let tickets = desk.find(Query::newest()).unwrap().tickets.len();
        assert_eq!((refunds, tickets), if kept { (2, 1) } else { (0, 0) }, "{end}");
    }
}

/// After the host's transaction has ended, SQLite would run each statement of the desk in its own transaction.
#[test]
fn a_desk_that_outlives_the_hosts_transaction_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let host = raw(&file);
    host.execute_batch("BEGIN IMMEDIATE").unwrap();
    let within = desk.within_connection(&host).unwrap();
    host.execute_batch("COMMIT").unwrap();
    assert!(within.open_ticket(NewTicket::new("Late")).unwrap_err().is_storage());
    assert!(desk.find(Query::newest()).unwrap().tickets.is_empty());

    let elsewhere = raw(&dir.path().join("theirs.db"));
    elsewhere.execute_batch("BEGIN IMMEDIATE").unwrap();
    let astray = desk.within_connection(&elsewhere).unwrap();
    let error = astray.open_ticket(NewTicket::new("Astray")).unwrap_err();
    assert!(error.to_string().contains("another database"), "{error}");
}

#[test]
fn a_transaction_on_another_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::open(dir.path().join("ours.db")).unwrap();
    drop(Desk::open(dir.path().join("theirs.db")).unwrap());
    let mut theirs = raw(&dir.path().join("theirs.db"));
    let tx = theirs.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    // Check a desk that was opened by URI too, and a desk in memory, on which the host can have no transaction.
    let by_uri = Desk::open(format!("file:{}?mode=rw", dir.path().join("ours.db").display())).unwrap();
    let in_memory = Sqlite::in_memory().unwrap().desk("main");
    for desk in [desk, by_uri, in_memory] {
        let error = desk.within(&tx).open_ticket(NewTicket::new("Astray")).unwrap_err();
        assert!(error.is_storage() && error.to_string().contains("another database"), "{error}");
    }
}

/// A DEFERRED transaction that read before another program wrote can no longer write.
#[test]
fn a_stale_deferred_transaction_must_be_restarted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let mut host = raw(&file);
    let tx = host.transaction().unwrap();
    assert_eq!(desk.within(&tx).ticket(id).unwrap().version, 1);
    desk.act(id, Action::start(), Actor::agent("anna")).unwrap();
    let error = desk.within(&tx).act(id, Action::cancel(), Actor::agent("ben")).unwrap_err();
    assert!(
        error.is_storage() && !error.is_retryable(),
        "a retry in this transaction cannot succeed: {error}"
    );
    assert!(error.to_string().contains("IMMEDIATE"), "{error}");
}

/// Regression: while the other program was still writing, the error advised a retry in the same transaction.
#[test]
fn a_deferred_transaction_during_a_write_must_be_restarted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let desk = Desk::open(&file).unwrap();
    let other = raw(&file);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut host = raw(&file);
    host.busy_timeout(std::time::Duration::ZERO).unwrap();
    let tx = host.transaction().unwrap();
    for _ in 0..2 {
        let error = desk.within(&tx).open_ticket(NewTicket::new("No sound")).unwrap_err();
        assert!(error.is_storage() && !error.is_retryable(), "a retry cannot succeed: {error}");
        assert!(error.to_string().contains("IMMEDIATE") && !error.to_string().contains("within"), "{error}");
    }
    // A read does not wait.
    assert!(desk.within(&tx).find(Query::newest()).unwrap().tickets.is_empty());
}

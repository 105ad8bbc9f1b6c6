//! Opens databases with the schema of every version so far. Small dumps of them are in `tests/house/schema`.
//!
//! A version that changes the tables adds a dump: `FIRSTLINE_BLESS=1 cargo test --test house todays_schema` writes it.
//! The dumps of released versions never change.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firstline::desk::Settings;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::{Sqlite, SqliteOptions};
use firstline::time::ManualTime;
use firstline::*;
use rusqlite::Connection;

use crate::stage;

use stage::{Counted, anna, monday};

fn kept() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/house/schema");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    files
}

fn desk(store: &Sqlite, name: &str, time: &ManualTime) -> Desk<Sqlite> {
    store.desk(Settings::new(name).time(time.clone()).ids(Counted::default()))
}

fn policy() -> Policy {
    let soon = Target::new(Metric::Resolution).within(TimeDelta::hours(8)).warn_at([50]);
    Policy::new().prefix("АБ").agreement(Agreement::new("standard", 1).target(soon))
}

/// Stores a little of everything.
fn play(store: &Sqlite) {
    let time = ManualTime::at(monday());
    let acme = desk(store, "acme", &time);
    acme.setup().adopt(&policy()).unwrap();
    let sound = NewTicket::new("Не слышно звука").from(Contact::new("борис").named("Борис Пример"));
    let sound = acme
        .open_ticket(sound.thread("чат-9").idempotency_key("form-1").message("Совсем ничего."))
        .unwrap()
        .id();
    acme.act(sound, Action::reply("Проверьте гарнитуру.").and(Action::hold(HoldReason::Customer)), anna())
        .unwrap();
    let light =
        acme.open_ticket(NewTicket::new("No light").from("carl").team("payments", Line::First)).unwrap();
    let light = acme.commit(light.start(), anna()).unwrap();
    acme.commit(light.resolve("switched on"), anna().idempotency_key("click-1")).unwrap();
    let done = acme.open_ticket(NewTicket::new("No heat").from("carl")).unwrap().id();
    acme.act(done, Action::resolve("heated").and(Action::close()), anna()).unwrap();
    let other = desk(store, "beta", &time);
    let parked = other.open_ticket(NewTicket::new("Later").from("dora")).unwrap().id();
    let until = monday() + TimeDelta::days(2);
    other.act(parked, Action::hold_until(HoldReason::Scheduled, until), anna()).unwrap();
    let version = |at: i64| ImportedVersion::new(monday() - TimeDelta::days(at), anna());
    let old = ImportedTicket::new("old", "4711")
        .version(version(30).subject("Old"))
        .version(version(20).status(state::Closed));
    other.records().import([old]).unwrap();
}

/// Every table, index and row, as SQL.
fn dump(connection: &Connection) -> String {
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let mut sql = String::from("BEGIN;\n");
    for made in texts("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type = 'index', rowid") {
        sql += &format!("{made};\n");
    }
    for table in texts("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid") {
        let columns = texts(&format!("SELECT 'quote(' || name || ')' FROM pragma_table_info('{table}')"));
        let row = columns.join(" || ', ' || ");
        for row in texts(&format!("SELECT {row} FROM {table} ORDER BY 1")) {
            sql += &format!("INSERT INTO {table} VALUES ({row});\n");
        }
    }
    sql + "COMMIT;\n"
}

/// Restores a database from a dump.
fn restored(dump: &Path, file: &Path) {
    Connection::open(file).unwrap().execute_batch(&std::fs::read_to_string(dump).unwrap()).unwrap();
}

/// Writes `tests/house/schema/vN.sql` for the current version.
fn bless(dir: &Path) {
    let file = dir.join("support.db");
    play(&SqliteOptions::new().open(&file).unwrap());
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("UPDATE firstline_migration SET applied_at = '2026-01-05 09:00:00'").unwrap();
    let version: i64 =
        connection.query_row("SELECT max(version) FROM firstline_migration", [], |row| row.get(0)).unwrap();
    let name = format!("{}/tests/house/schema/v{version}.sql", env!("CARGO_MANIFEST_DIR"));
    std::fs::write(name, dump(&connection)).unwrap();
}

/// Checks the data of [`play`] with the current code, and continues to work on it.
fn look(file: &Path) {
    let store = SqliteOptions::new().open(file).unwrap();
    let time = ManualTime::at(monday() + TimeDelta::hours(1));
    let (acme, beta) = (desk(&store, "acme", &time), desk(&store, "beta", &time));
    for (desk, tickets) in [(&acme, 3), (&beta, 2)] {
        let found = desk.find(Query::oldest()).unwrap().tickets;
        assert_eq!(found.len(), tickets);
        for ticket in found {
            let history = desk.records().history(ticket.id()).unwrap();
            assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
        }
    }
    assert_eq!(*acme.setup().policy().unwrap(), policy());
    let sound = acme.ticket("АБ-1").unwrap();
    assert_eq!((sound.subject(), sound.replies_sent), ("Не слышно звука", 1));
    assert!(sound.clock(Metric::Resolution).is_some());
    let old = ExternalRef { source: "old".into(), id: "4711".into() };
    assert_eq!(beta.ticket(old).unwrap().subject(), "Old");
    // A repeated request finds its first result, a thread finds its ticket, and numbers continue.
    let again = NewTicket::new("Не слышно звука").from(Contact::new("борис").named("Борис Пример"));
    let again = again.thread("чат-9").idempotency_key("form-1").message("Совсем ничего.");
    let id = sound.id();
    assert_eq!(acme.open_ticket(again).unwrap().id(), id);
    let more = InboundMessage::new("Слышно!").from("борис").thread("чат-9").subject("Не слышно звука");
    assert_eq!(acme.receive(more).unwrap().ticket.id(), id);
    let ids = store.desk(Settings::new("acme").time(time));
    assert_eq!(ids.open_ticket(NewTicket::new("More")).unwrap().number.to_string(), "АБ-4");
    // The timers in the past fire now: silence at one desk, the end of a hold at the other.
    let drained = Worker::over(store).tick(monday() + TimeDelta::days(7)).unwrap();
    assert!(drained.failed.is_empty() && drained.stopped.is_none(), "{drained:?}");
    assert!(drained.fired >= 2, "{drained:?}");
    assert_eq!(acme.ticket("АБ-2").unwrap().state().kind(), StateKind::Closed);
    assert_eq!(beta.ticket("T-1").unwrap().state().kind(), StateKind::Active);
}

#[test]
fn the_schemas_of_all_versions_open() {
    let dir = tempfile::tempdir().unwrap();
    for dump in kept() {
        let file = dir.path().join(dump.file_stem().unwrap());
        restored(&dump, &file);
        look(&file);
    }
}

/// A change of the tables needs a migration and a dump. Released migrations never change.
#[test]
fn todays_schema_is_kept_too() {
    let tables = |file: &Path| -> Vec<String> {
        let connection = Connection::open(file).unwrap();
        let mut found = Vec::new();
        for sql in [
            "SELECT coalesce(sql, name) FROM sqlite_master ORDER BY name",
            "SELECT version || ' ' || name || ' ' || hex(checksum) FROM firstline_migration ORDER BY version",
        ] {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
            found.extend(rows.map(Result::unwrap));
        }
        found
    };
    let dir = tempfile::tempdir().unwrap();
    if std::env::var_os("FIRSTLINE_BLESS").is_some() {
        bless(dir.path());
    }
    let fresh = dir.path().join("fresh.db");
    Desk::open(&fresh).unwrap();
    for dump in kept() {
        let (as_kept, migrated) = (dir.path().join("kept.db"), dir.path().join("migrated.db"));
        restored(&dump, &as_kept);
        restored(&dump, &migrated);
        Desk::open(&migrated).unwrap();
        assert_eq!(
            tables(&migrated),
            tables(&fresh),
            "{}: migrated tables differ from new ones",
            dump.display()
        );
        let newest = Some(&dump) == kept().last();
        assert_eq!(
            tables(&as_kept) == tables(&fresh),
            newest,
            "{}: see the comment at the top of this file",
            dump.display()
        );
        for file in [as_kept, migrated] {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn eight_programs_start_at_once_and_one_of_them_migrates_the_tables() {
    const CHILD: &str = "FIRSTLINE_STARTER_CHILD";
    if let Ok(file) = std::env::var(CHILD) {
        std::io::stdin().lines().next();
        // Only a hang can reach this timeout.
        let store =
            SqliteOptions::new().acquire_timeout(std::time::Duration::from_secs(60)).open(file).unwrap();
        store.desk("main").open_ticket(NewTicket::new("Started")).unwrap();
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    restored(&kept()[0], &file);
    let name = "schema::eight_programs_start_at_once_and_one_of_them_migrates_the_tables";
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name]).env(CHILD, &file);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    };
    let mut starters: Vec<_> = (0..8).map(|_| start()).collect();
    starters.iter_mut().for_each(|it| drop(it.stdin.take())); // Closing its input lets each program continue.
    for mut starter in starters {
        assert!(starter.wait().unwrap().success());
    }
    let started = Desk::open(&file).unwrap().find(Query::newest()).unwrap().tickets;
    let mut numbers: Vec<_> = started.iter().map(|it| it.number.value).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    look(&file);
}

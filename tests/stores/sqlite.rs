//! The SQLite store with damaged files, full disks, hosts and other programs.
#![cfg(feature = "sqlite")]

use std::path::Path;
use std::process::Command;

use firstline::memory::Memory;
use firstline::sqlite::{Durability, Sqlite, SqliteOptions};
use firstline::store::{
    Changes, Commit, Content, DataPolicy, Expected, Mode, RecordKind, RecordWrite, Store, Tx,
};
use firstline::ticket::decision::DecisionContext;
use firstline::time::{SystemClock, TimeDelta, TimeSource};
use firstline::{
    Action, Actor, Desk, ErrorKind, HoldReason, InboundMessage, NewTicket, Policy, Query, Snapshot,
};
use rusqlite::Connection;

fn raw(path: &Path) -> Connection {
    Connection::open(path).unwrap()
}

fn tables(path: &Path) -> Vec<String> {
    let connection = raw(path);
    let mut statement = connection.prepare("SELECT name FROM sqlite_master ORDER BY name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Regression: a store opened without one of its indexes.
#[test]
fn a_dropped_index_is_named_at_opening() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    drop(SqliteOptions::new().open(&file).unwrap());
    let connection = raw(&file);
    let mut statement = connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
        .unwrap();
    let indexes: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(indexes.len(), 14, "{indexes:?}");
    for index in indexes {
        raw(&file).execute_batch(&format!("DROP INDEX {index}")).unwrap();
        let error = SqliteOptions::new().open(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Schema);
        let text = error.to_string();
        let statement = text.split('`').nth(1).unwrap();
        assert!(statement.contains(&format!("INDEX {index} ON")), "{text}");
        raw(&file).execute_batch(statement).unwrap();
        drop(SqliteOptions::new().open(&file).unwrap());
    }
}

#[test]
fn written_tickets_are_found_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let opened =
        Desk::open(&file).unwrap().open_ticket(NewTicket::new("Не слышно звука").from("борис")).unwrap();
    let desk = Desk::open(&file).unwrap();
    let again = desk.ticket("T-1").unwrap();
    assert_eq!(again.snapshot(), opened.snapshot());
    let history = desk.records().history(opened.id()).unwrap();
    assert_eq!(&Snapshot::fold(&history).unwrap(), opened.snapshot());
}

/// After closing, a copy of the file alone is a copy of the database.
#[test]
fn a_closed_database_is_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let desk = Desk::open(&file).unwrap();
    desk.open_ticket(NewTicket::new("No sound")).unwrap();
    desk.ticket("T-1").unwrap();
    drop(desk);
    let left: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(left, ["support.db"]);
}

#[test]
fn a_foreign_file_is_refused_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("letter.txt");
    let letter = "Dear support, ".repeat(1_000);
    std::fs::write(&file, &letter).unwrap();
    let error = Desk::open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.is_storage() && error.to_string().contains("not an SQLite database"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
}

#[test]
fn a_damaged_database_is_an_error_and_not_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    {
        let desk = Desk::open(&file).unwrap();
        for n in 0..200 {
            desk.open_ticket(NewTicket::new(format!("Question {n}"))).unwrap();
        }
    }
    raw(&file).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let healthy = std::fs::read(&file).unwrap();
    let mut refused = 0;
    for page in 1..healthy.len() / 4_096 {
        let mut bytes = healthy.clone();
        bytes[page * 4_096..][..64].fill(0xA5);
        let damaged = dir.path().join("damaged.db");
        std::fs::write(&damaged, &bytes).unwrap();
        let used = Desk::open(&damaged).and_then(|desk| {
            for n in 1..=200_u64 {
                let ticket = desk.ticket(n)?;
                desk.records().history(ticket.id())?;
            }
            desk.open_ticket(NewTicket::new("One more")).map(drop)
        });
        if let Err(error) = used {
            refused += 1;
            // A damaged index may hide a row, so that the row is not found.
            assert!(error.is_storage() || error.is_not_found(), "{error:?}");
        }
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(dir.path().join(format!("damaged.db{suffix}")));
        }
    }
    assert!(refused > 10, "only {refused} damaged pages were detected");
}

#[test]
fn an_unreadable_row_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let desk = Desk::open(&file).unwrap();
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    raw(&file).execute("UPDATE firstline_ticket SET facts = '{\"id\":7}'", []).unwrap();
    let error = desk.ticket(id).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let error = desk.act(id, Action::start(), Actor::agent("anna")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn a_newer_schema_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    drop(Desk::open(&file).unwrap());
    raw(&file)
        .execute("INSERT INTO firstline_migration (version, name, checksum) VALUES (99, 'later', x'00')", [])
        .unwrap();
    raw(&file).execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    let before = (tables(&file), std::fs::read(&file).unwrap());
    let error = Desk::open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("left untouched"), "{error}");
    assert_eq!(before, (tables(&file), std::fs::read(&file).unwrap()));
}

#[test]
fn foreign_tables_are_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    raw(&file).execute_batch("CREATE TABLE firstline_ticket (mine TEXT)").unwrap();
    let before = (tables(&file), std::fs::read(&file).unwrap());
    let error = Desk::open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    // Regression: the file was switched to a write-ahead log before it was refused.
    assert!(before == (tables(&file), std::fs::read(&file).unwrap()), "the refused file was changed");

    // The checksum of an applied migration is compared, not only its number.
    let file = dir.path().join("changed.db");
    drop(Desk::open(&file).unwrap());
    raw(&file).execute("UPDATE firstline_migration SET checksum = x'00'", []).unwrap();
    assert_eq!(Desk::open(&file).unwrap_err().kind(), ErrorKind::Schema);
}

#[test]
fn host_tables_and_a_second_prefix_coexist() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    raw(&file).execute_batch("CREATE TABLE migration (version INTEGER); PRAGMA user_version = 42").unwrap();
    let first = Desk::open(&file).unwrap();
    let second = SqliteOptions::new().table_prefix("second_").open(&file).unwrap().desk("main");
    first.open_ticket(NewTicket::new("Here")).unwrap();
    assert_eq!(second.find(Query::newest()).unwrap().tickets.len(), 0);
    assert_eq!(first.find(Query::newest()).unwrap().tickets.len(), 1);
    // To SQLite, upper and lower case are the same name.
    let same = SqliteOptions::new().table_prefix("Firstline_").open(&file).unwrap().desk("main");
    assert_eq!(same.find(Query::newest()).unwrap().tickets.len(), 1);
    let version: i64 = raw(&file).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 42, "the host's user_version changed");
    for bad in ["", "1st_", "a-b", "sqlite_x", &"p".repeat(31)] {
        let error = SqliteOptions::new().table_prefix(bad).in_memory().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Definition, "{bad}");
        let not_made = dir.path().join("not made.db");
        assert_eq!(
            SqliteOptions::new().table_prefix(bad).open(&not_made).unwrap_err().kind(),
            ErrorKind::Definition
        );
        assert!(!not_made.exists(), "{bad}");
    }
}

#[test]
fn a_read_only_database_can_be_read_and_explains_refused_writes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let id = Desk::open(&file).unwrap().open_ticket(NewTicket::new("No sound")).unwrap().id();
    let read_only = Desk::open(format!("file:{}?mode=ro", file.display())).unwrap();
    assert_eq!(read_only.ticket(id).unwrap().subject(), "No sound");
    let error = read_only.open_ticket(NewTicket::new("More")).unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("read-only"), "{error}");
    assert_eq!(Desk::open(&file).unwrap().find(Query::newest()).unwrap().tickets.len(), 1);

    let error = Desk::open(dir.path()).unwrap_err();
    assert!(error.is_storage() && error.to_string().contains("cannot be opened"), "{error}");
}

#[test]
fn eight_programs_start_at_once_and_one_migrates() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    std::thread::scope(|scope| {
        for n in 0..8 {
            let file = &file;
            scope.spawn(move || {
                Desk::open(file).unwrap().open_ticket(NewTicket::new(format!("From {n}"))).unwrap()
            });
        }
    });
    let desk = Desk::open(&file).unwrap();
    let numbers: Vec<_> =
        desk.find(Query::oldest()).unwrap().tickets.iter().map(|ticket| ticket.number.value).collect();
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (1..=8).collect::<Vec<_>>(), "numbers have gaps or duplicates");
}

/// A second store on the same file waits instead of failing, and a reader sees a commit completely or not at all.
#[test]
fn readers_run_beside_the_writer() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        SqliteOptions::new().durability(Durability::Normal).open(dir.path().join("support.db")).unwrap();
    let desk = store.desk("main");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let anna = Actor::agent("anna");
            for n in 0..200 {
                desk.act(id, Action::note(format!("{n}")).and(Action::tag(format!("{n}"))), &anna).unwrap();
            }
        });
        while !writer.is_finished() {
            let ticket = desk.ticket(id).unwrap();
            assert_eq!(ticket.version % 2, 1, "half a command was seen");
            assert_eq!(ticket.tags.len() as u64, ticket.version / 2);
        }
    });
}

/// The disk becomes full. Runs in a child process with a limit on file sizes.
#[test]
#[cfg(unix)]
fn a_full_disk_loses_no_acknowledged_command() {
    const CHILD: &str = "FIRSTLINE_FULL_DISK_CHILD";
    if let Ok(file) = std::env::var(CHILD) {
        let desk = Desk::open(file).unwrap();
        let long = "x".repeat(10_000);
        let mut acknowledged = 0;
        let error = loop {
            match desk.open_ticket(NewTicket::new("Big").message(long.as_str())) {
                Ok(_) => acknowledged += 1,
                Err(error) => break error,
            }
            assert!(acknowledged < 10_000, "the disk never filled up");
        };
        assert!(error.is_storage(), "{error:?}");
        let stored = desk.find(Query::newest().limit(1_000)).unwrap().tickets.len();
        println!("acknowledged {acknowledged} stored {stored} error {error}");
        assert_eq!(stored, acknowledged);
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let test = std::env::current_exe().unwrap();
    let script = "trap '' XFSZ; ulimit -f 1000; exec \"$0\" --exact sqlite::a_full_disk_loses_no_acknowledged_command --nocapture";
    let output = Command::new("sh").args(["-c", script]).arg(&test).env(CHILD, &file).output().unwrap();
    let printed =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let line =
        printed.lines().find(|line| line.contains("acknowledged ")).unwrap_or_else(|| panic!("{printed}"));
    let count: usize = line.split("stored ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(count > 5, "{line}");
    // Without the limit, everything is stored and the next command works.
    let desk = Desk::open(&file).unwrap();
    assert_eq!(desk.find(Query::newest().limit(1_000)).unwrap().tickets.len(), count);
    for ticket in desk.find(Query::newest().limit(1_000)).unwrap().tickets {
        let history = desk.records().history(ticket.id()).unwrap();
        assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
    }
    desk.open_ticket(NewTicket::new("Again")).unwrap();
}

#[test]
fn a_desk_sees_only_its_own_rows() {
    let store = Sqlite::in_memory().unwrap();
    let (acme, other) = (store.desk("acme"), store.desk("other"));
    let id = acme.open_ticket(NewTicket::new("Secret").thread("t").idempotency_key("k")).unwrap().id();
    assert!(other.ticket(id).unwrap_err().is_not_found());
    assert!(other.ticket(1).unwrap_err().is_not_found());
    assert!(other.records().history(id).unwrap_err().is_not_found());
    assert!(other.act(id, Action::start(), Actor::agent("eve")).unwrap_err().is_not_found());
    assert!(other.find(Query::newest()).unwrap().tickets.is_empty());
    let theirs =
        other.receive(InboundMessage::new("").thread("t").idempotency_key("k").subject("Mine")).unwrap();
    assert!(theirs.opened() && theirs.ticket.id() != id && theirs.ticket.number.value == 1);
}

/// Regression: read connections, which are opened later, resolved a relative path in the working directory of that
/// time. Runs in a child process, because all threads share the working directory.
#[test]
fn a_changed_working_directory_keeps_the_database() {
    const CHILD: &str = "FIRSTLINE_CHANGED_DIRECTORY_CHILD";
    if let Ok(dir) = std::env::var(CHILD) {
        std::env::set_current_dir(&dir).unwrap();
        let desk = Desk::open("support.db").unwrap();
        let by_uri = Desk::open("file:support.db?mode=rw").unwrap();
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        std::env::set_current_dir("..").unwrap();
        assert_eq!(desk.ticket("T-1").unwrap().subject(), "No sound");
        assert_eq!(by_uri.ticket("T-1").unwrap().subject(), "No sound");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let name = "sqlite::a_changed_working_directory_keeps_the_database";
    let output = Command::new(test).args(["--exact", name]).env(CHILD, dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Regression: read connections were opened with a stricter mode than the URI's, which SQLite refuses.
#[test]
fn a_uri_with_a_mode_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    // Special characters of URIs are ordinary characters in a path.
    let file = dir.path().join("50% #1?.db");
    drop(Desk::open(&file).unwrap());
    let escaped = file.display().to_string().replace('%', "%25").replace('#', "%23").replace('?', "%3F");
    for (number, asked) in ["?mode=rwc", "?mode=rw&psow=1#part", ""].into_iter().enumerate() {
        let desk = Desk::open(format!("file:{escaped}{asked}")).unwrap();
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        assert_eq!(desk.find(Query::newest()).unwrap().tickets.len(), number + 1, "{asked}");
    }
    let read_only = Desk::open(format!("file:{escaped}?mode=ro")).unwrap();
    assert_eq!(read_only.ticket("T-3").unwrap().subject(), "No sound");
    assert!(read_only.open_ticket(NewTicket::new("No sound")).unwrap_err().is_storage());
    let files = std::fs::read_dir(&dir).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
    assert!(files.into_iter().all(|name| name.starts_with("50% #1?.db")), "another file was created");
}

/// Regression: the next read created an empty database in place of the moved file.
#[test]
#[cfg(unix)] // Other systems cannot move an open file.
fn a_read_does_not_recreate_a_moved_file() {
    for asked in ["", "?mode=rwc", "?psow=1&mode=rwc"] {
        let dir = tempfile::tempdir().unwrap();
        let (file, moved) = (dir.path().join("support.db"), dir.path().join("moved.db"));
        let desk = match asked {
            "" => Desk::open(&file).unwrap(),
            asked => Desk::open(format!("file:{}{asked}", file.display())).unwrap(),
        };
        desk.open_ticket(NewTicket::new("No sound")).unwrap();
        std::fs::rename(&file, &moved).unwrap();
        let error = desk.ticket("T-1").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Storage, "{asked}: {error}");
        assert!(error.to_string().contains("moved or deleted"), "{asked}: {error}");
        assert!(!file.exists(), "{asked}");
        std::fs::rename(&moved, &file).unwrap();
        assert_eq!(desk.ticket("T-1").unwrap().subject(), "No sound", "{asked}");
    }
}

/// SQLite rolls back the whole transaction, for example on a full disk. Here this happens in the middle of a
/// commit that is also stale.
#[test]
fn nothing_is_written_outside_a_rolled_back_transaction() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Sqlite::open(&file).unwrap();
    let desk = store.desk("main");
    let anna = Actor::agent("anna");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let until = SystemClock.now() + TimeDelta::days(1);
    let held = desk.act(id, Action::hold_until(HoldReason::Scheduled, until), &anna).unwrap();
    let host = raw(&file);
    host.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON firstline_event BEGIN SELECT RAISE(ROLLBACK, 'full'); END",
    )
    .unwrap();
    let timers = || host.query_row("SELECT count(*) FROM firstline_timer", [], |row| row.get::<_, i64>(0));
    assert_eq!(timers().unwrap(), 1);

    let policy = Policy::new();
    let context = DecisionContext::new(SystemClock.now(), &anna, &policy).unwrap();
    let mut stale = held.ticket.decide(&Action::note("late"), &context).unwrap();
    (stale.expected, stale.snapshot) = (1, held.ticket.snapshot().clone());
    (stale.events, stale.timers) = (held.events.clone(), Vec::new());
    let commit = Commit::from_iter([stale]);
    store.begin(&"main".into(), Mode::Write).unwrap().commit(commit).unwrap_err();
    assert_eq!(timers().unwrap(), 1, "a refused commit removed a timer");
}

/// Claims while another transaction is writing.
fn claim_beside_a_writer(store: &(impl Store + Sync)) {
    const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, DataPolicy::IMPERSONAL);
    let due = Content::new(*b"work").due(firstline::DateTime::UNIX_EPOCH);
    let commit = Commit::from_iter([RecordWrite::put(WORK, "w", Expected::Absent, due)]);
    store.begin(&"main".into(), Mode::Write).unwrap().commit(commit).unwrap();
    let writing = store.begin(&"main".into(), Mode::Write).unwrap();
    let (begins, has_begun) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let claiming = scope.spawn(move || {
            begins.send(()).unwrap();
            store.claim(WORK, 9, TimeDelta::hours(1)).unwrap()
        });
        has_begun.recv().unwrap();
        // The claim waits for at least this time. If its thread is late, it waits for less, and the test is
        // still valid.
        std::thread::sleep(std::time::Duration::from_millis(300));
        let ended = SystemClock.now();
        drop(writing);
        let leased_until = claiming.join().unwrap()[0].record.content.due.unwrap();
        assert!(leased_until >= ended + TimeDelta::hours(1), "{leased_until}");
    });
}

#[test]
fn a_lease_begins_after_the_wait() {
    let dir = tempfile::tempdir().unwrap();
    claim_beside_a_writer(&Sqlite::open(dir.path().join("support.db")).unwrap());
    claim_beside_a_writer(&Memory::new());
}

/// Regression: in a host's database in UTF-16, ranges of keys were empty or in another order.
#[test]
fn a_database_in_utf_16_is_refused_and_left_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host.db");
    let host = rusqlite::Connection::open(&file).unwrap();
    host.execute_batch("PRAGMA encoding = 'UTF-16le'; CREATE TABLE host (x)").unwrap();
    let error = Sqlite::open(&file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Schema);
    assert!(error.to_string().contains("UTF-16le"), "{error}");
    let tables: u32 = host.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

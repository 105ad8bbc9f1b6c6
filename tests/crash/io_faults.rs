//! Disk faults at every operation of every kind of command. Each fault gives a clean error, no command is written in
//! part, and a retry succeeds.
#![cfg(feature = "sqlite")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use firstline::sqlite::{Sqlite, SqliteOptions};
use firstline::{ErrorKind, Result};
use rusqlite::{Connection, ffi};

use crate::script;
use crate::soak;
use crate::vfs;

use script::{Script, digest, sound};
use vfs::{Op, Vfs};

/// The distance between tested operations: 1 in long runs, 4 otherwise.
fn step() -> usize {
    if soak::cases(1) >= 10 { 1 } else { 4 }
}

/// A kind of disk fault.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// One operation fails, and later ones succeed.
    Once,
    /// One operation and all later ones fail.
    ForGood,
    /// The disk is full from one write on.
    Full,
    /// One sync and all later ones fail.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code))] // Only tests of groups use it.
    Sync,
    /// No file can grow beyond this number of pages, so a small commit may succeed after a large one has failed.
    #[cfg_attr(not(feature = "tokio"), allow(dead_code))] // Only tests of groups use it.
    Space,
}

/// Injects the fault at the operation with this number, or at this number of pages. Returns the counter of failed
/// operations.
fn fail_at(vfs: &Vfs, number: usize, fault: Fault) -> Arc<AtomicUsize> {
    let (failed, mut seen) = (Arc::new(AtomicUsize::new(0)), 0);
    let count = Arc::clone(&failed);
    vfs.watch(move |_, op| {
        let grows = matches!(op, Op::Write { .. } | Op::Open { makes: true } | Op::Map);
        let counts = match fault {
            Fault::Once | Fault::ForGood => true,
            Fault::Full => grows,
            Fault::Sync => matches!(op, Op::Sync) || seen >= number,
            Fault::Space => {
                let end = number as u64 * 4_096;
                matches!(op, Op::Write { at, bytes } if at + bytes.len() as u64 > end)
            }
        };
        if !counts {
            return None;
        }
        seen += 1;
        let fails = match fault {
            Fault::Once => seen == number,
            Fault::Space => true,
            _ => seen >= number,
        };
        fails.then(|| {
            count.fetch_add(1, Ordering::Relaxed);
            match (fault, op) {
                (Fault::Full | Fault::Space, Op::Write { .. }) => ffi::SQLITE_FULL,
                _ => op.io_error(),
            }
        })
    });
    failed
}

/// Creates a database in which every kind of command has something to do.
fn base(dir: &Path) -> PathBuf {
    let file = dir.join("base.db");
    let (store, script) = (SqliteOptions::new().open(&file).unwrap(), Script::new());
    let kinds = ["open", "open", "open", "start", "hold", "resolve", "import", "open"];
    for (number, kind) in kinds.into_iter().enumerate() {
        script.play(&store, number, kind).unwrap();
    }
    drop(store);
    assert!(!dir.join("base.db-wal").exists());
    file
}

/// Copies a database for one attempt.
fn copied(from: &Path, dir: &Path) -> PathBuf {
    let file = dir.join("support.db");
    for end in ["-wal", "-shm", "-journal", "-firstline-lock"] {
        let _ = std::fs::remove_file(dir.join(format!("support.db{end}")));
    }
    std::fs::copy(from, &file).unwrap();
    file
}

/// Passes a copy of the database to `look`, as a program finds it after all others were killed: the log's index, which
/// is in memory, is lost, and only the file and the log remain.
fn as_if_killed<T>(file: &Path, look: impl FnOnce(&Path) -> T) -> T {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("support.db");
    std::fs::copy(file, &copy).unwrap();
    let log = file.with_extension("db-wal");
    if log.exists() {
        std::fs::copy(log, place.path().join("support.db-wal")).unwrap();
    }
    look(&copy)
}

type Command<'a> = &'a dyn Fn(&Sqlite) -> Result<()>;

/// Runs a command with a fault at the first operation, the second, and so on, until the command ends before the fault.
/// Returns the number of failures.
fn at_every_operation(vfs: &Vfs, base: &Path, fault: Fault, name: &str, command: Command<'_>) -> usize {
    let dir = tempfile::tempdir().unwrap();
    let open = |file: &Path| SqliteOptions::new().open(vfs.uri(file)).unwrap();
    let file = copied(base, dir.path());
    let store = open(&file);
    let before = digest(&file);
    command(&store).unwrap_or_else(|error| panic!("{name} fails without a fault: {error:?}"));
    let after = digest(&file);
    drop(store);
    let mut failures = 0;
    for number in (1..).step_by(step()) {
        let at = format!("{name}, {fault:?} at operation {number}");
        let file = copied(base, dir.path());
        let store = open(&file);
        let failed = fail_at(vfs, number, fault);
        let result = command(&store);
        vfs.end();
        let (state, killed) = (digest(&file), as_if_killed(&file, digest));
        match &result {
            // Some faults do not affect the command, such as one in a checkpoint or when a file is closed.
            Ok(()) => assert_eq!((state, killed), (after, after), "{at}: acknowledged, but not stored"),
            Err(error) => {
                failures += 1;
                assert!(error.is_storage(), "{at}: {error:?}");
                assert!(!matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Schema), "{at}: {error:?}");
                assert_eq!(state, before, "{at}: half-written, after {error}");
                let unknown = error.kind() == ErrorKind::Unknown;
                assert!(
                    killed == before || unknown && killed == after,
                    "{at}: restored by a kill, after {error}"
                );
            }
        }
        if result.is_err() {
            command(&store).unwrap_or_else(|error| panic!("{at}: a retry fails: {error:?}"));
        }
        assert_eq!(digest(&file), after, "{at}: the retry has another result");
        assert_eq!(as_if_killed(&file, digest), after, "{at}: the retry does not survive a kill");
        sound(&store, &file);
        drop(store);
        // The file has the same state as the connection.
        assert_eq!(digest(&file), after, "{at}: lost after closing");
        if failed.load(Ordering::Relaxed) == 0 {
            return failures;
        }
        assert!(number < 2_000, "{at}: the command never ends before the fault");
    }
    failures
}

fn every_kind(name: &str, fault: Fault) {
    let (vfs, dir, script) = (Vfs::register(name), tempfile::tempdir().unwrap(), Script::new());
    let base = base(dir.path());
    let kinds = [
        ("open", 20),
        ("receive", 15),
        ("start", 21),
        ("hold", 22),
        ("resolve", 23),
        ("follow up", 24),
        ("link", 25),
        ("import", 26),
        ("adopt", 27),
        ("drain", 8),
    ];
    let mut all = 0;
    for (kind, number) in kinds {
        let failures =
            at_every_operation(&vfs, &base, fault, kind, &|store| script.play(store, number, kind));
        assert!(failures >= 4 / step(), "{kind} failed only {failures} times: this test checks too little");
        all += failures;
    }
    // A command that writes nothing fails cleanly too.
    if fault != Fault::Full {
        let failures =
            at_every_operation(&vfs, &base, fault, "repeat", &|store| script.play(store, 0, "repeat"));
        let look = |store: &Sqlite| script.desk(store, 30).ticket("T-1").map(drop);
        all += failures + at_every_operation(&vfs, &base, fault, "look", &look);
    }
    println!("{fault:?}: {all} commands failed cleanly and succeeded when retried");
}

#[test]
fn an_operation_that_fails_once_is_a_clean_error() {
    every_kind("faults-once", Fault::Once);
}

#[test]
fn a_disk_that_keeps_failing_is_a_clean_error_until_it_works_again() {
    every_kind("faults-for-good", Fault::ForGood);
}

#[test]
fn a_full_disk_is_a_clean_error_until_space_is_freed() {
    every_kind("faults-full", Fault::Full);
}

/// Regression: the log holds the whole commit, so a program that opens the file after a kill applies it.
#[test]
fn a_commit_with_a_failed_sync_is_unknown() {
    let (vfs, dir, script) = (Vfs::register("faults-sync"), tempfile::tempdir().unwrap(), Script::new());
    let file = dir.path().join("support.db");
    let store = SqliteOptions::new().open(vfs.uri(&file)).unwrap();
    script.play(&store, 1, "open").unwrap();
    let sync_fails = |path: &str, op: &Op<'_>| path.ends_with("-wal") && matches!(op, Op::Sync);
    vfs.watch(move |path, op| sync_fails(path, op).then_some(ffi::SQLITE_IOERR_FSYNC));
    let error = script.play(&store, 2, "open").unwrap_err();
    vfs.end();
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert!(error.is_storage() && !error.is_retryable(), "{error}");
    assert!(error.to_string().contains("same idempotency key"), "{error}");
    let count =
        |store: &Sqlite| script.desk(store, 9).find(firstline::Query::oldest()).unwrap().tickets.len();
    assert_eq!(count(&store), 1);
    // A program that is killed now finds the commit when it restarts, and so does a repeated call.
    as_if_killed(&file, |copy| {
        let again = Sqlite::open(copy).unwrap();
        assert_eq!(count(&again), 2);
        script.play(&again, 2, "open").unwrap();
        assert_eq!(count(&again), 2);
    });
    // The next write removes the commit for good.
    script.play(&store, 3, "open").unwrap();
    assert_eq!(count(&store), 2);
    as_if_killed(&file, |copy| assert_eq!(digest(copy), digest(&file)));
}

/// The control: a command that writes in two transactions is reported as half-written.
#[test]
fn a_command_that_is_not_atomic_is_detected() {
    let (vfs, dir, script) = (Vfs::register("faults-control"), tempfile::tempdir().unwrap(), Script::new());
    let base = base(dir.path());
    let twice = |store: &Sqlite| {
        script.play(store, 20, "open")?;
        script.play(store, 21, "open")
    };
    let found = std::panic::catch_unwind(|| at_every_operation(&vfs, &base, Fault::Once, "twice", &twice));
    vfs.end();
    let message = *found.unwrap_err().downcast::<String>().unwrap();
    // The first half is stored at once, or after a kill if its commit was in doubt.
    assert!(["half-written", "restored by a kill"].iter().any(|it| message.contains(it)), "{message}");
}

/// Opens a database with all migrations. A failed migration leaves the database unchanged, and the database opens when
/// the disk works again.
#[test]
fn a_migration_is_atomic() {
    let (vfs, dir) = (Vfs::register("faults-migration"), tempfile::tempdir().unwrap());
    let old = dir.path().join("old.db");
    let dump = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/house/schema/v1.sql");
    Connection::open(&old).unwrap().execute_batch(&std::fs::read_to_string(dump).unwrap()).unwrap();
    let empty = dir.path().join("empty.db");
    std::fs::write(&empty, []).unwrap();
    let tables = |file: &Path| -> i64 {
        let connection = Connection::open(file).unwrap();
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).unwrap()
    };
    let mut failures = 0;
    for from in [&old, &empty] {
        let migrated = {
            let file = copied(from, dir.path());
            SqliteOptions::new().open(&file).unwrap();
            tables(&file)
        };
        for fault in [Fault::Once, Fault::ForGood, Fault::Full] {
            for number in (1..).step_by(step()) {
                let file = copied(from, dir.path());
                let failed = fail_at(&vfs, number, fault);
                let opened = SqliteOptions::new().open(vfs.uri(&file));
                let refused = opened.is_err();
                vfs.end();
                drop(opened);
                if refused {
                    failures += 1;
                    let found = tables(&file);
                    assert!(
                        found == tables(from) || found == migrated,
                        "{fault:?} at operation {number} left {found} tables and indexes"
                    );
                }
                let store = SqliteOptions::new().open(vfs.uri(&file)).unwrap();
                assert_eq!(tables(&file), migrated);
                sound(&store, &file);
                drop(store);
                if failed.load(Ordering::Relaxed) == 0 {
                    break;
                }
            }
        }
    }
    println!("{failures} openings failed cleanly and succeeded when retried");
    assert!(failures > 100 / step());
}

/// SQLite rolls back the transaction of a group of the writer thread. Each caller gets the true outcome of its own
/// command.
#[test]
#[cfg(feature = "tokio")]
fn each_command_of_a_lost_group_gets_its_own_outcome() {
    use crate::gate::{Passing, closed_gate};
    use firstline::operation::Engine;
    use firstline::store::Mode;
    use firstline::{Action, Actor, DeskId, NewTicket};

    let (vfs, dir) = (Vfs::register("faults-group"), tempfile::tempdir().unwrap());
    let base = base(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let id = Sqlite::open(&base).unwrap().desk("main").ticket("T-1").unwrap().id();
    // Only one of these two can succeed. The other is refused because of the first one's write.
    let resolves = |n: usize| {
        (Action::resolve("unmuted"), Actor::agent(format!("agent-{n}")).idempotency_key(format!("r-{n}")))
    };
    let (mut lost, mut mixed) = (0, 0);
    for fault in [Fault::Once, Fault::Full, Fault::Sync, Fault::Space] {
        for number in (1..).step_by(if fault == Fault::Sync { 1 } else { step() }) {
            // A separate folder, because the previous writer thread closes its file a little later.
            let place = tempfile::tempdir().unwrap();
            let file = copied(&base, place.path());
            let store = SqliteOptions::new().open(vfs.uri(&file)).unwrap();
            let awaited = store.clone().into_async().unwrap();
            let desk = awaited.desk("main");
            // The first command of the group waits at a gate in its decision. Meanwhile the callers queue up behind it,
            // and the writer thread does nothing with the file.
            let (gate, pause) = closed_gate();
            let first = runtime
                .spawn(async move { awaited.run(&DeskId::new("main"), Passing(gate, Mode::Write)).await });
            let calls: Vec<_> = (0..6)
                .map(|n| {
                    let desk = desk.clone();
                    let request = NewTicket::new(format!("Group {n}")).message("x".repeat(1 + 3_000 * n));
                    runtime.spawn(
                        async move { desk.open_ticket(request.idempotency_key(format!("g-{n}"))).await },
                    )
                })
                .collect();
            let resolving = [0, 1].map(|n| {
                let (desk, (action, by)) = (desk.clone(), resolves(n));
                runtime.spawn(async move { desk.act(id, action, by).await })
            });
            // Every task runs once and so enqueues its command.
            runtime.block_on(async { tokio::task::yield_now().await });
            pause.until_reached();
            let failed = fail_at(&vfs, number, fault);
            pause.end();
            let answers: Vec<_> = calls.into_iter().map(|call| runtime.block_on(call).unwrap()).collect();
            let resolved = resolving.map(|call| runtime.block_on(call).unwrap());
            // This command writes nothing, but fails if the group is lost and it cannot run again.
            let _ = runtime.block_on(first).unwrap();
            vfs.end();
            let keys = |file: &Path| -> Vec<String> {
                let connection = Connection::open(file).unwrap();
                let mut statement =
                    connection.prepare("SELECT key FROM firstline_record WHERE kind = 'r'").unwrap();
                statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
            };
            let (stored, killed) = (keys(&file), as_if_killed(&file, keys));
            for (n, answer) in answers.iter().enumerate() {
                let there = stored.contains(&format!("g-{n}"));
                assert_eq!(there, answer.is_ok(), "{fault:?} at {number}: call {n} returned {answer:?}");
                let unknown = answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unknown);
                let back = killed.contains(&format!("g-{n}"));
                assert!(unknown || back == there, "{fault:?} at {number}: call {n} after a kill: {back}");
                if let Err(error) = answer {
                    assert!(error.is_storage(), "{error:?}");
                }
            }
            for (n, answer) in resolved.iter().enumerate() {
                let there = |n: usize| stored.contains(&format!("r-{n}"));
                assert_eq!(there(n), answer.is_ok(), "{fault:?} at {number}: resolving {n}: {answer:?}");
                if let Err(error) = answer {
                    // A refusal depends only on stored rows.
                    let lost_race = error.is_rejected() && there(1 - n);
                    assert!(
                        lost_race || error.is_storage(),
                        "{fault:?} at {number}: resolving {n} beside {resolved:?}"
                    );
                }
            }
            let refused = answers.iter().filter(|it| it.is_err()).count();
            // One fault affects one caller. The others in the group are retried alone.
            assert!(fault != Fault::Once || refused <= 1, "{number}: {refused} were refused");
            lost += refused;
            mixed += usize::from(refused > 0 && refused < answers.len());
            for n in 0..6 {
                let request = NewTicket::new(format!("Group {n}")).message("x".repeat(1 + 3_000 * n));
                runtime.block_on(desk.open_ticket(request.idempotency_key(format!("g-{n}")))).unwrap();
            }
            let again = [0, 1].map(|n| {
                let (action, by) = resolves(n);
                runtime.block_on(desk.act(id, action, by))
            });
            assert_eq!(again.iter().filter(|it| it.is_ok()).count(), 1, "{again:?}");
            assert_eq!(sound(&store, &file), 4 + 3 + 6);
            if failed.load(Ordering::Relaxed) == 0 {
                break;
            }
        }
    }
    println!(
        "{lost} calls failed, each with the true outcome; {mixed} groups had both successes and failures"
    );
    assert!(lost > 5 && mixed > 0);
}

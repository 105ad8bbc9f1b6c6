//! The SQLite store while other programs move, delete, replace or restore its file.
//!
//! Unix only: Windows refuses to move, delete or replace a file that SQLite has open.
#![cfg(all(feature = "sqlite", unix))]

use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use firstline::sqlite::Sqlite;
use firstline::store::{
    Changes, Commit, Content, DataPolicy, Expected, Mode, RecordKind, RecordWrite, Store, Tx,
};
use firstline::time::TimeDelta;
use firstline::{Action, Actor, Desk, Error, ErrorKind, NewTicket};
use rusqlite::{Connection, TransactionBehavior};

const CHORE: RecordKind = RecordKind::new("test.chore", "chore", Changes::Replaced, DataPolicy::IMPERSONAL);

fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// A backup of the database with one ticket more, as another program would restore it.
fn backup(file: &Path) -> PathBuf {
    let copy = file.with_extension("backup");
    Connection::open(file).unwrap().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    Desk::open(&copy).unwrap().open_ticket(NewTicket::new("Only in the backup")).unwrap();
    copy
}

/// A way to remove the file under an open store, and the words of the error.
type Removal = (&'static str, fn(&Path), &'static str);

const REMOVALS: &[Removal] = &[
    ("deleted", |file| fs::remove_file(file).unwrap(), "moved or deleted"),
    ("moved away", |file| fs::rename(file, beside(file, ".old")).unwrap(), "moved or deleted"),
    ("replaced by a backup", |file| fs::rename(backup(file), file).unwrap(), "replaced"),
    (
        "replaced by an empty file",
        |file| {
            fs::rename(file, beside(file, ".old")).unwrap();
            fs::write(file, "").unwrap();
        },
        "replaced",
    ),
    (
        "deleted with its log, and restored",
        |file| {
            let copy = backup(file);
            for suffix in ["-wal", "-shm"] {
                fs::remove_file(beside(file, suffix)).unwrap();
            }
            fs::remove_file(file).unwrap();
            fs::copy(copy, file).unwrap();
        },
        "replaced",
    ),
    // The new log of another program must not be taken for the one that was deleted.
    (
        "overwritten in place, its log deleted",
        |file| {
            let copy = backup(file);
            fs::remove_file(beside(file, "-wal")).unwrap();
            fs::copy(copy, file).unwrap();
        },
        "support.db-wal was moved or deleted",
    ),
    (
        "its folder moved",
        |file| {
            let folder = file.parent().unwrap();
            fs::rename(folder, folder.with_extension("old")).unwrap();
        },
        "moved or deleted",
    ),
];

struct Scene {
    _dir: tempfile::TempDir,
    file: PathBuf,
    store: Sqlite,
}

fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("data");
    fs::create_dir(&folder).unwrap();
    let file = folder.join("support.db");
    let store = Sqlite::open(&file).unwrap();
    store.desk("main").open_ticket(NewTicket::new("No sound")).unwrap();
    Scene { _dir: dir, file, store }
}

fn is_refused(answer: Result<(), Error>, words: &str, what: &str) {
    let error = answer.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Storage, "{what}: {error}");
    assert!(error.to_string().contains(words), "{what}: {error}");
    assert!(!error.is_retryable(), "{what}: {error}");
}

/// Regression D1: 1,000 of 1,000 writes were acknowledged into a file that had been deleted.
#[test]
fn nothing_is_acknowledged_into_a_file_that_is_gone() {
    for (name, remove, words) in REMOVALS {
        let Scene { file, store, _dir } = scene();
        let desk = store.desk("main");
        let id = desk.ticket("T-1").unwrap().id();
        let mut host = Connection::open(&file).unwrap();
        remove(&file);
        for _ in 0..3 {
            is_refused(desk.open_ticket(NewTicket::new("Lost")).map(drop), words, name);
            is_refused(desk.act(id, Action::start(), Actor::agent("anna")).map(drop), words, name);
            is_refused(desk.ticket("T-1").map(drop), words, name);
            is_refused(store.claim(CHORE, 1, TimeDelta::minutes(1)).map(drop), words, name);
            // SQLite itself notices some of the removals when it begins an immediate transaction.
            let tx = host.transaction().unwrap();
            is_refused(desk.within(&tx).open_ticket(NewTicket::new("Lost")).map(drop), words, name);
        }
    }
}

/// A read that opens its connection after the replacement returned tickets of the new file, and one that had opened it
/// before returned tickets of the old file.
#[test]
fn reads_never_show_the_file_that_replaced_the_open_one() {
    let Scene { file, store, _dir } = scene();
    let old = beside(&file, ".old");
    let copy = backup(&file);
    fs::rename(&file, &old).unwrap();
    fs::rename(copy, &file).unwrap();
    is_refused(store.desk("main").ticket("T-2").map(drop), "replaced", "the first read");
    // The original is put back with its log. The store continues, and no connection to the other file was kept.
    fs::rename(&old, &file).unwrap();
    assert!(store.desk("main").ticket("T-2").unwrap_err().is_not_found());
    store.desk("main").open_ticket(NewTicket::new("After the return")).unwrap();
    drop(store);
    assert_eq!(Desk::open(&file).unwrap().ticket("T-2").unwrap().subject(), "After the return");
}

/// The verification before a transaction cannot see what happens during the transaction.
#[test]
fn a_file_that_vanishes_during_a_transaction_makes_the_outcome_unknown() {
    for (name, remove, words) in REMOVALS {
        let Scene { file, store, _dir } = scene();
        let mut tx = store.begin(&"main".into(), Mode::Write).unwrap();
        let chore = RecordWrite::put(CHORE, "water the plants", Expected::Absent, Content::new("today"));
        remove(&file);
        let error = tx.commit([chore].into_iter().collect::<Commit>()).expect_err(name);
        assert_eq!(error.kind(), ErrorKind::Unknown, "{name}: {error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains(words), "{name}: {cause}");
    }
}

#[test]
fn a_symbolic_link_that_leads_elsewhere_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (dir.path().join("monday.db"), dir.path().join("tuesday.db"));
    let link = dir.path().join("support.db");
    drop(Desk::open(&second).unwrap());
    symlink(&first, &link).unwrap();
    let desk = Desk::open(&link).unwrap();
    desk.open_ticket(NewTicket::new("No sound")).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&second, &link).unwrap();
    is_refused(desk.open_ticket(NewTicket::new("Lost")).map(drop), "replaced", "the link");
    fs::remove_file(&link).unwrap();
    symlink(&first, &link).unwrap();
    assert_eq!(desk.open_ticket(NewTicket::new("Found")).unwrap().number.value, 2);
}

/// A control: what other programs may do to an open database does not change its identity.
#[test]
fn ordinary_work_of_other_programs_is_not_taken_for_a_replacement() {
    let Scene { file, store, _dir } = scene();
    let other = Connection::open(&file).unwrap();
    let works = [
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "VACUUM",
        "CREATE TABLE mine (x); INSERT INTO mine VALUES (1)",
        "PRAGMA wal_checkpoint(RESTART)",
        "REINDEX",
    ];
    for (n, work) in works.iter().enumerate() {
        other.execute_batch(work).unwrap();
        drop(Desk::open(&file).unwrap());
        let number = store.desk("main").open_ticket(NewTicket::new(*work)).unwrap().number.value;
        assert_eq!(number, n as u64 + 2, "{work}");
        assert_eq!(store.desk("main").ticket(number).unwrap().subject(), *work);
    }
}

/// Regression D15: for a path that is not UTF-8, `within` reported another database, and the lock that protects old
/// versions of SQLite was not taken.
#[test]
fn a_path_that_is_not_utf8_is_a_path_like_others() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(std::ffi::OsString::from_vec(b"suppo\xFFrt.db".to_vec()));
    let desk = Desk::open(&file).unwrap();
    desk.open_ticket(NewTicket::new("No sound")).unwrap();
    let mut host = Connection::open(&file).unwrap();
    let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    assert_eq!(desk.within(&tx).open_ticket(NewTicket::new("Refund")).unwrap().number.value, 2);
    tx.commit().unwrap();
    // Controls: another file, a database in memory and a temporary one are other databases.
    let others =
        [Connection::open(dir.path().join("other.db")), Connection::open_in_memory(), Connection::open("")];
    for other in others {
        let mut other = other.unwrap();
        let tx = other.transaction().unwrap();
        let error = desk.within(&tx).open_ticket(NewTicket::new("Refund")).unwrap_err();
        assert!(error.to_string().contains("another database"), "{error}");
    }
    is_refused(
        {
            fs::remove_file(&file).unwrap();
            desk.ticket(1_u64).map(drop)
        },
        "moved or deleted",
        "a path that is not UTF-8",
    );
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn nothing_is_acknowledged_into_a_file_that_is_gone_when_commands_share_commits() {
    for (name, remove, words) in REMOVALS {
        let Scene { file, store, _dir } = scene();
        let desk = store.into_async().unwrap().desk("main");
        remove(&file);
        let lost = || desk.open_ticket(NewTicket::new("Lost"));
        let (first, second, read) = tokio::join!(lost(), lost(), desk.ticket("T-1"));
        for answer in [first.map(drop), second.map(drop), read.map(drop)] {
            is_refused(answer, words, name);
        }
    }
}

/// A command during which the file vanishes. It counts its runs.
#[cfg(feature = "tokio")]
struct Removing(std::sync::Arc<std::sync::atomic::AtomicUsize>, PathBuf, fn(&Path));

#[cfg(feature = "tokio")]
impl firstline::operation::Operation for Removing {
    type Out = ();

    fn decide(
        &self,
        _: &firstline::operation::Loaded,
    ) -> Result<(Commit, ()), firstline::operation::Interrupt> {
        if self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            (self.2)(&self.1);
        }
        let chore = RecordWrite::put(CHORE, "water the plants", Expected::Absent, Content::new("today"));
        Ok(([chore].into_iter().collect(), ()))
    }
}

/// The rows of a group that was committed into a file that is gone are written, so no command of it may run again.
#[cfg(feature = "tokio")]
#[tokio::test]
async fn commands_that_share_a_commit_into_a_vanished_file_run_once_and_are_unknown() {
    use firstline::operation::Engine;
    for (name, remove, _) in REMOVALS.iter().filter(|(name, ..)| !name.contains("backup")) {
        if name.contains("restored") || name.contains("overwritten") {
            continue; // Making the backup waits for the transaction.
        }
        let Scene { file, store, _dir } = scene();
        let store = store.into_async().unwrap();
        let runs = async |desk: &str, remove: fn(&Path)| {
            let runs = std::sync::Arc::default();
            let removing = Removing(std::sync::Arc::clone(&runs), file.clone(), remove);
            let answer = store.run(&desk.into(), removing).await;
            (answer.map_err(|error| error.kind()), runs.load(std::sync::atomic::Ordering::Relaxed))
        };
        // Debug builds decide twice to verify that a decision can be repeated.
        let (answer, usual) = runs("acme", |_| ()).await;
        assert_eq!(answer, Ok(()), "{name}");
        assert_eq!(runs("main", *remove).await, (Err(ErrorKind::Unknown), usual), "{name}");
    }
}

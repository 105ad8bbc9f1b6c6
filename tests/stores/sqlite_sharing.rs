//! Several programs and connections on one SQLite file: waits and timeouts.
#![cfg(feature = "sqlite")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use firstline::sqlite::{Durability, SqliteOptions};
use firstline::{Desk, NewTicket, Query};
use rusqlite::Connection;

const CHILD: &str = "FIRSTLINE_SHARING_CHILD";

/// Starts this test as another process in the given role.
fn child(test: &str, part: &str, file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("sqlite_sharing::{test}"), "--nocapture"])
        .env(CHILD, part)
        .env("FIRSTLINE_SHARING_FILE", file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Reads the next line of a child that contains `beginning`, and returns the rest of the line.
fn read_after(from: &mut impl BufRead, beginning: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(from.read_line(&mut line).unwrap() > 0, "a child ended before it printed {beginning:?}");
        // The test runner may have printed text before it on the same line.
        if let Some((_, rest)) = line.split_once(beginning) {
            return rest.trim().to_owned();
        }
    }
}

/// Two programs that write without pauses both make progress, and no write of either is lost. Each continues
/// until both have written fifty times. Regression: SQLite's own `busy_timeout` let one of them starve.
/// `src/sqlite/busy.rs` tests the pauses between attempts.
#[test]
fn two_programs_share_one_file() {
    const TEST: &str = "two_programs_share_one_file";
    const EACH: usize = 50;
    if std::env::var(CHILD).is_ok() {
        let file = std::env::var("FIRSTLINE_SHARING_FILE").unwrap();
        // Only a program that starves can reach this timeout.
        let options =
            SqliteOptions::new().durability(Durability::Normal).acquire_timeout(Duration::from_secs(60));
        let desk = options.open(file).unwrap().desk("main");
        println!("ready:");
        std::io::stdin().lines().next().unwrap().unwrap();
        let stop = AtomicBool::new(false);
        return std::thread::scope(|scope| {
            // The parent closes the input to stop this program.
            scope.spawn(|| {
                assert!(std::io::stdin().lines().next().is_none());
                stop.store(true, Ordering::Relaxed);
            });
            for n in 0.. {
                if stop.load(Ordering::Relaxed) {
                    return println!("stopped: {n}");
                }
                if let Err(error) = desk.open_ticket(NewTicket::new(format!("Question {n}"))) {
                    eprintln!("{error}");
                    std::process::exit(1); // A panic would wait for the end of the input.
                }
                println!("wrote: {n}");
            }
        });
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let desk = Desk::open(&file).unwrap();
    let mut children = [child(TEST, "writer", &file), child(TEST, "writer", &file)];
    let mut outputs = children.each_mut().map(|it| BufReader::new(it.stdout.take().unwrap()));
    outputs.iter_mut().for_each(|output| drop(read_after(output, "ready:")));
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    for output in &mut outputs {
        (0..EACH).for_each(|_| drop(read_after(output, "wrote:")));
    }
    children.iter_mut().for_each(|child| drop(child.stdin.take()));
    let counts = outputs.each_mut().map(|it| read_after(it, "stopped: ").parse::<u64>().unwrap());
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let last = desk.open_ticket(NewTicket::new("Last")).unwrap();
    assert_eq!(last.number.value, counts.into_iter().sum::<u64>() + 1, "a write was lost");
}

/// A slow writer, in this program or another, does not delay reads.
#[test]
fn reads_do_not_wait_for_writers() {
    use firstline::store::{Mode, Store};

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = SqliteOptions::new().open(&file).unwrap();
    let desk = store.desk("main");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE firstline_ticket SET version = 7").unwrap();
    // A read that waited for a writer would fail, because the writer continues until the read has ended.
    assert_eq!(desk.ticket(id).unwrap().version, 1);
    other.execute_batch("ROLLBACK").unwrap();
    let writing = store.begin(&"main".into(), Mode::Write).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(desk.find(Query::inbox()).unwrap().tickets.len(), 1));
        }
    });
    drop(writing);
}

/// Regression: the wait inside one program was unlimited. The writers hold their locks until each wait has ended.
#[test]
fn waiting_for_a_writer_ends_at_the_acquire_timeout() {
    use firstline::store::{Mode, Store};

    const TIMEOUT: Duration = Duration::from_millis(600);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = SqliteOptions::new().acquire_timeout(TIMEOUT).open(&file).unwrap();
    let waited = |who: &str| {
        let begin = Instant::now();
        let error = store.desk("main").open_ticket(NewTicket::new("No sound")).unwrap_err();
        let took = begin.elapsed();
        assert!(error.is_retryable() && error.to_string().contains("nothing was written"), "{who}: {error}");
        assert!(took >= TIMEOUT, "{who}: {took:?}");
        error.to_string()
    };
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = waited("another connection");
    assert!(error.contains("desk.within(&transaction)"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();

    let writing = store.begin(&"main".into(), Mode::Write).unwrap();
    let error = waited("this program");
    assert!(error.contains("in this program"), "{error}");
    drop(writing);
    assert_eq!(store.desk("main").open_ticket(NewTicket::new("Now")).unwrap().number.value, 1);
}

/// Regression: opening a desk while another program wrote gave an error that advised to use the desk.
#[test]
fn opening_during_a_write_is_a_clear_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE refund (cents INTEGER); BEGIN IMMEDIATE").unwrap();
    let error = SqliteOptions::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("cannot be opened while"), "{error}");
    assert!(!error.to_string().contains("within"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    SqliteOptions::new().open(&file).unwrap();
    // A database that is up to date is only read.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    SqliteOptions::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap();
}

#[test]
fn a_number_of_readers_out_of_range_is_refused() {
    for readers in [0, 1_001, usize::MAX] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let error = SqliteOptions::new().readers(readers).open(&file).unwrap_err();
        assert_eq!(error.kind(), firstline::ErrorKind::Definition);
        assert!(error.allowed().unwrap().contains("1,000") && !file.exists(), "{error}");
    }
}

#[test]
fn an_acquire_timeout_out_of_range_is_refused() {
    for acquire_timeout in
        [Duration::ZERO, Duration::from_micros(999), Duration::from_secs(3_601), Duration::MAX]
    {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let error = SqliteOptions::new().acquire_timeout(acquire_timeout).open(&file).unwrap_err();
        assert_eq!(error.kind(), firstline::ErrorKind::Definition);
        assert!(error.allowed().unwrap().contains("1 hour"), "{error}");
        assert!(!file.exists());
        assert!(SqliteOptions::new().acquire_timeout(acquire_timeout).in_memory().is_err());
    }
}

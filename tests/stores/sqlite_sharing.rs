//! Several programs and connections on one SQLite file: waits and timeouts.
#![cfg(feature = "sqlite")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firstline::sqlite::{Durability, Options};
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

/// Writes for two seconds after "go". Prints the number of writes and the longest wait.
fn write_away(mut write: impl FnMut(i64)) {
    println!("ready:");
    std::io::stdin().lines().next().unwrap().unwrap();
    let (begin, mut count, mut longest) = (Instant::now(), 0, Duration::ZERO);
    while begin.elapsed() < Duration::from_secs(2) {
        let from = Instant::now();
        write(count);
        longest = longest.max(from.elapsed());
        count += 1;
    }
    println!("wrote: {count} {}", longest.as_millis());
}

/// Returns the number of writes of each program, and the longest wait in milliseconds.
fn race(test: &str, part: &str) -> ([u64; 2], u64) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    Desk::open(&file).unwrap();
    let mut children = [child(test, part, &file), child(test, part, &file)];
    let mut said = children.each_mut().map(|it| BufReader::new(it.stdout.take().unwrap()));
    said.iter_mut().for_each(|said| drop(read_after(said, "ready:")));
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    let results = said.each_mut().map(|said| {
        let line = read_after(said, "wrote: ");
        let (count, longest) = line.split_once(' ').unwrap();
        (count.parse::<u64>().unwrap(), longest.parse::<u64>().unwrap())
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    (results.map(|it| it.0), results.map(|it| it.1).into_iter().max().unwrap())
}

/// Two programs that write without pauses get about equal shares, and neither waits long. The control with SQLite's own
/// `busy_timeout` lets one of them starve.
#[test]
fn two_programs_share_one_file_fairly() {
    const TEST: &str = "two_programs_share_one_file_fairly";
    if let Ok(part) = std::env::var(CHILD) {
        let file = std::env::var("FIRSTLINE_SHARING_FILE").unwrap();
        if part == "firstline" {
            let desk = Options::new().durability(Durability::Normal).open(file).unwrap().desk("main");
            return write_away(|n| drop(desk.open_ticket(NewTicket::new(format!("Question {n}"))).unwrap()));
        }
        let mut by_hand = Connection::open(file).unwrap();
        by_hand.busy_timeout(Duration::from_secs(10)).unwrap();
        by_hand.execute_batch("PRAGMA synchronous = NORMAL; CREATE TABLE IF NOT EXISTS note (n)").unwrap();
        return write_away(|n| {
            let tx = by_hand.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
            // Hold the lock nearly all of the time, as a command does.
            for row in 0..200 {
                tx.prepare_cached("INSERT INTO note VALUES (?1)").unwrap().execute([n + row]).unwrap();
            }
            tx.commit().unwrap();
        });
    }
    // Other load on the machine may disturb one race, but not three.
    let fair = |([a, b], longest): ([u64; 2], u64)| a.max(b) <= 2 * a.min(b) && longest <= 500;
    let mut races = Vec::new();
    for _ in 0..3 {
        races.push(race(TEST, "firstline"));
        if races.last().is_some_and(|it| fair(*it)) {
            break;
        }
    }
    println!("commits of each, and the longest wait in ms: {races:?}");
    assert!(races.last().is_some_and(|it| fair(*it)), "a program starves: {races:?}");
    let control = (0..5).map(|_| race(TEST, "busy_timeout")).find(|it| !fair(*it));
    println!("the same by busy_timeout: {control:?}");
    assert!(control.is_some(), "this test does not detect starvation");
}

/// A slow writer, in this program or another, does not delay reads.
#[test]
fn reads_do_not_wait_for_writers() {
    use firstline::store::{Mode, Store};

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Options::new().open(&file).unwrap();
    let desk = store.desk("main");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE firstline_ticket SET version = 7").unwrap();
    // A read that waited for the writer would take ten seconds.
    let begin = Instant::now();
    assert_eq!(desk.ticket(id).unwrap().version, 1);
    other.execute_batch("ROLLBACK").unwrap();
    let writing = store.begin(&"main".into(), Mode::Write).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(desk.find(Query::inbox()).unwrap().tickets.len(), 1));
        }
    });
    drop(writing);
    assert!(begin.elapsed() < Duration::from_secs(5), "reading took {:?}", begin.elapsed());
}

/// Regression: the wait inside one program was unlimited.
#[test]
fn waiting_for_a_writer_ends_at_the_acquire_timeout() {
    use firstline::store::{Mode, Store};

    const TIMEOUT: Duration = Duration::from_millis(600);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Options::new().acquire_timeout(TIMEOUT).open(&file).unwrap();
    let waited = |who: &str| {
        let begin = Instant::now();
        let error = store.desk("main").open_ticket(NewTicket::new("No sound")).unwrap_err();
        let took = begin.elapsed();
        assert!(error.is_retryable() && error.to_string().contains("nothing was written"), "{who}: {error}");
        // Other load on the machine may delay one attempt, but not all.
        assert!(took >= TIMEOUT, "{who}: {took:?}");
        (took <= TIMEOUT.mul_f64(1.5), took, error.to_string())
    };
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let for_another_program: Vec<_> = (0..3).map(|_| waited("another connection")).collect();
    assert!(for_another_program.iter().any(|it| it.0), "{for_another_program:?}");
    assert!(for_another_program[0].2.contains("desk.within(&transaction)"), "{for_another_program:?}");
    other.execute_batch("ROLLBACK").unwrap();

    let writing = store.begin(&"main".into(), Mode::Write).unwrap();
    let in_this_program: Vec<_> = (0..3).map(|_| waited("this program")).collect();
    assert!(in_this_program.iter().any(|it| it.0), "{in_this_program:?}");
    assert!(in_this_program[0].2.contains("in this program"), "{in_this_program:?}");
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
    let error = Options::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("cannot be opened while"), "{error}");
    assert!(!error.to_string().contains("within"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    Options::new().open(&file).unwrap();
    // A database that is up to date is only read.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    Options::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap();
}

#[test]
fn an_acquire_timeout_out_of_range_is_refused() {
    for acquire_timeout in
        [Duration::ZERO, Duration::from_micros(999), Duration::from_secs(3_601), Duration::MAX]
    {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        let error = Options::new().acquire_timeout(acquire_timeout).open(&file).unwrap_err();
        assert_eq!(error.kind(), firstline::ErrorKind::Definition);
        assert!(error.allowed().unwrap().contains("1 hour"), "{error}");
        assert!(!file.exists());
        assert!(Options::new().acquire_timeout(acquire_timeout).in_memory().is_err());
    }
}

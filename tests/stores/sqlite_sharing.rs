//! One SQLite file, used from several sides: who waits for whom, and for how long.
#![cfg(feature = "sqlite")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use firstline::sqlite::{Durability, Options};
use firstline::{Desk, NewTicket, Query};
use rusqlite::Connection;

const CHILD: &str = "FIRSTLINE_SHARING_CHILD";

/// This test again, as another process, with its part to play.
fn child(test: &str, part: &str, file: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &format!("sqlite_sharing::{test}"), "--nocapture"])
        .env(CHILD, part)
        .env("FIRSTLINE_SHARING_FILE", file);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// The next line of a child that begins so, without its beginning.
fn heard(from: &mut impl BufRead, beginning: &str) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(from.read_line(&mut line).unwrap() > 0, "a child ended before it said {beginning:?}");
        // The test runner may have written its own words before.
        if let Some((_, rest)) = line.split_once(beginning) {
            return rest.trim().to_owned();
        }
    }
}

/// Writes for two seconds from the word "go" on, and tells how often and the longest wait.
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

/// How often the two wrote, and the longest wait of either in milliseconds.
fn race(test: &str, part: &str) -> ([u64; 2], u64) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    Desk::open(&file).unwrap();
    let mut children = [child(test, part, &file), child(test, part, &file)];
    let mut said = children.each_mut().map(|it| BufReader::new(it.stdout.take().unwrap()));
    said.iter_mut().for_each(|said| drop(heard(said, "ready:")));
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    let results = said.each_mut().map(|said| {
        let line = heard(said, "wrote: ");
        let (count, longest) = line.split_once(' ').unwrap();
        (count.parse::<u64>().unwrap(), longest.parse::<u64>().unwrap())
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    (results.map(|it| it.0), results.map(|it| it.1).into_iter().max().unwrap())
}

/// Two programs that write without a pause get about the same, and neither waits long. SQLite's own `busy_timeout`
/// lets one of them starve, which this test would see.
#[test]
fn two_programs_on_one_file_get_their_turns() {
    const TEST: &str = "two_programs_on_one_file_get_their_turns";
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
            // Long enough to hold the lock nearly all of the time, as a command does.
            for row in 0..200 {
                tx.prepare_cached("INSERT INTO note VALUES (?1)").unwrap().execute([n + row]).unwrap();
            }
            tx.commit().unwrap();
        });
    }
    // Whatever else the machine does may spoil one race, but not three.
    let fair = |([a, b], longest): ([u64; 2], u64)| a.max(b) <= 2 * a.min(b) && longest <= 500;
    let mut races = Vec::new();
    for _ in 0..3 {
        races.push(race(TEST, "firstline"));
        if races.last().is_some_and(|it| fair(*it)) {
            break;
        }
    }
    println!("commits of each, and the longest wait in ms: {races:?}");
    assert!(races.last().is_some_and(|it| fair(*it)), "nobody may starve: {races:?}");
    let control = (0..5).map(|_| race(TEST, "busy_timeout")).find(|it| !fair(*it));
    println!("the same by busy_timeout: {control:?}");
    assert!(control.is_some(), "this test would not see a program starve");
}

/// A writer that takes its time, in another program or in this one, holds up nobody who reads.
#[test]
fn reading_waits_for_no_writer() {
    use firstline::store::{Mode, Store};

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Options::new().open(&file).unwrap();
    let desk = store.desk("main");
    let id = desk.open_ticket(NewTicket::new("No sound")).unwrap().id();
    let other = Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE firstline_ticket SET version = 7").unwrap();
    // Each of these would try for ten seconds before it gave up, if it waited.
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

/// Found by review: nobody could say for how long a command waits, and inside of one program there was no end to it.
#[test]
fn whoever_waits_for_a_writer_does_so_as_long_as_was_said_and_hardly_longer() {
    use firstline::store::{Mode, Store};

    const PATIENCE: Duration = Duration::from_millis(600);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let store = Options::new().acquire_timeout(PATIENCE).open(&file).unwrap();
    let waited = |who: &str| {
        let begin = Instant::now();
        let error = store.desk("main").open_ticket(NewTicket::new("No sound")).unwrap_err();
        let took = begin.elapsed();
        assert!(error.is_retryable() && error.to_string().contains("nothing was written"), "{who}: {error}");
        // The machine may be busy with other things, but not each time.
        assert!(took >= PATIENCE, "{who}: {took:?}");
        (took <= PATIENCE.mul_f64(1.5), took, error.to_string())
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

/// Found by review: a host that opened its desk while others wrote was told to use a desk that it did not have.
#[test]
fn whoever_cannot_open_a_database_that_is_being_written_is_told_so() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.db");
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE refund (cents INTEGER); BEGIN IMMEDIATE").unwrap();
    let error = Options::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("cannot be opened while"), "{error}");
    assert!(!error.to_string().contains("within"), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    Options::new().open(&file).unwrap();
    // One that is up to date is only looked at.
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    Options::new().acquire_timeout(Duration::from_millis(50)).open(&file).unwrap();
}

#[test]
fn a_patience_without_sense_is_refused() {
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

//! Programs that are killed (`kill -9`) while they write to one file. Every acknowledged command is stored exactly
//! once.
//!
//! The test starts itself as these programs. Each program reports on a pipe which command it begins and which one is
//! acknowledged. At a planned operation on the file it stops, reports that, and is killed there, so every kill
//! interrupts a command. Only operations on files change what another program finds. After a kill, the next program
//! repeats the unacknowledged commands with the same keys.
#![cfg(all(feature = "sqlite", unix))]

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firstline::desk::Settings;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::{Durability, Sqlite, SqliteOptions};
use firstline::time::ManualTime;
use firstline::*;

use crate::soak;
use crate::vfs::Vfs;

const CHILD: &str = "FIRSTLINE_KILLED_CHILD";

/// The point at which a program stops and is killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stop {
    /// Before the file operation with this number, counted from 0.
    At(usize),
    /// After a commit and before its acknowledgement.
    Between,
    Never,
}

impl Stop {
    fn of_this_program() -> Stop {
        match &*variable_of("STOP") {
            "between" => Stop::Between,
            "never" => Stop::Never,
            number => Stop::At(number.parse().unwrap()),
        }
    }

    /// Begins to count file operations.
    fn arm(self, vfs: &Vfs) {
        let Stop::At(number) = self else { return };
        let mut seen = 0;
        vfs.watch(move |_, _| {
            if seen == number {
                stop();
            }
            seen += 1;
            None
        });
    }

    fn between(self) {
        if self == Stop::Between {
            stop();
        }
    }
}

/// Reports that this program has stopped, and waits to be killed.
fn stop() {
    report("stopped");
    loop {
        std::thread::park();
    }
}

/// Starts this test as another program in the given role.
fn start(test: &str, part: &str, file: &Path, name: &str, stop: Stop) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("killed::{test}"), "--nocapture"]).env(CHILD, part);
    command.env("FIRSTLINE_KILLED_FILE", file).env("FIRSTLINE_KILLED_NAME", name);
    command.env(
        "FIRSTLINE_KILLED_STOP",
        match stop {
            Stop::At(number) => number.to_string(),
            Stop::Between => "between".to_owned(),
            Stop::Never => "never".to_owned(),
        },
    );
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn variable_of(variable: &str) -> String {
    std::env::var(format!("FIRSTLINE_KILLED_{variable}")).unwrap()
}

fn random(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// Prints a line and flushes it, so that it survives the program.
fn report(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// Opens the store of a program through a file system that can stop it.
fn opened(durability: Durability) -> (Sqlite, Vfs) {
    let vfs = Vfs::register("killed");
    // Another program may be stopped while it writes, and is then killed. Only a hang can reach the timeout.
    let options = SqliteOptions::new().durability(durability).acquire_timeout(Duration::from_secs(600));
    (options.open(vfs.uri(Path::new(&variable_of("FILE")))).unwrap(), vfs)
}

/// Runs commands until the program is killed. About half of them open a ticket; the others add a note to the last one.
/// The program stops during a command after the third one.
fn write_until_killed(part: &str) {
    let mut left = String::new();
    std::io::stdin().read_to_string(&mut left).unwrap();
    let ((store, vfs), stop) = (opened(Durability::Full), Stop::of_this_program());
    let desk = store.desk("main");
    let anna = Actor::agent("anna");
    let (mut last, mut done): (Option<TicketId>, usize) = (None, 0);
    let mut run = |key: &str, again: Option<Option<TicketId>>| {
        let on = again.unwrap_or(if last.is_some() && random(2) == 0 { last } else { None });
        report(&format!("begin {key} {}", on.map_or("-".to_owned(), |id| id.to_string())));
        if part == "acknowledges too early" {
            report(&format!("done {key}"));
        }
        let keyed = part != "has no keys";
        match on {
            Some(id) => {
                let by = if keyed { anna.idempotency_key(key) } else { anna.clone().into() };
                desk.act(id, Action::note(key), by).unwrap();
            }
            None => {
                let request = NewTicket::new(key).from("boris").message(key);
                last = Some(
                    desk.open_ticket(if keyed { request.idempotency_key(key) } else { request })
                        .unwrap()
                        .id(),
                );
            }
        }
        if done >= 3 {
            stop.between();
        }
        report(&format!("done {key}"));
        done += 1;
        if done == 3 {
            stop.arm(&vfs);
        }
    };
    for line in left.lines() {
        let (key, on) = line.split_once(' ').unwrap();
        run(key, Some(on.parse().ok()));
    }
    for number in 0.. {
        run(&format!("{}-{number}", variable_of("NAME")), None);
    }
}

/// The reports of all programs so far.
#[derive(Debug, Default)]
struct Reports {
    acknowledged: Vec<String>,
    /// Commands that were begun and not acknowledged: the key and the ticket.
    begun: HashMap<String, String>,
}

#[derive(Debug, Default)]
struct Outcome {
    kills: usize,
    in_flight: usize,
    acknowledged: usize,
    lost: usize,
    doubled: usize,
}

/// Runs `count` rounds. Each starts one to three programs and kills each of them where it stops.
fn rounds(test: &str, part: &str, count: u32, stop: impl Fn(usize) -> Stop) -> Outcome {
    let mut outcome = Outcome::default();
    let mut round = 0;
    while round < count {
        // Use a new file from time to time, so that checking everything stays fast.
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        Desk::open(&file).unwrap();
        let reports = Arc::new(Mutex::new(Reports::default()));
        for _ in 0..10 {
            play(test, part, &file, round, &stop, &reports, &mut outcome);
            look(&file, &reports.lock().unwrap(), &mut outcome);
            round += 1;
        }
        outcome.acknowledged += reports.lock().unwrap().acknowledged.len();
    }
    outcome
}

fn play(
    test: &str,
    part: &str,
    file: &Path,
    round: u32,
    stop: &impl Fn(usize) -> Stop,
    reports: &Arc<Mutex<Reports>>,
    outcome: &mut Outcome,
) {
    let left: Vec<String> =
        reports.lock().unwrap().begun.iter().map(|(key, on)| format!("{key} {on}")).collect();
    let mut programs = Vec::new();
    for number in 0..=round % 3 {
        let stop = stop(outcome.kills);
        outcome.kills += 1;
        let mut program = start(test, part, file, &format!("{round}-{number}"), stop);
        let mut input = program.stdin.take().unwrap();
        if number == 0 {
            left.iter().for_each(|line| writeln!(input, "{line}").unwrap());
        }
        drop(input);
        let reports = Arc::clone(reports);
        programs.push(std::thread::spawn(move || {
            let mut in_flight = false;
            let stopped = killed_where_it_stops(program, |line| {
                let words: Vec<&str> = line.split(' ').collect();
                let mut reports = reports.lock().unwrap();
                match words[..] {
                    ["begin", key, on] => {
                        reports.begun.insert(key.to_owned(), on.to_owned());
                        in_flight = true;
                    }
                    ["done", key] => {
                        reports.begun.remove(key);
                        reports.acknowledged.push(key.to_owned());
                        in_flight = false;
                    }
                    _ => {}
                }
            });
            assert!(stopped, "a program ended by itself");
            in_flight
        }));
    }
    for program in programs {
        outcome.in_flight += usize::from(program.join().unwrap());
    }
}

/// Passes each line of a program to `listen`, and kills the program when it has stopped. Returns false if it ended
/// successfully instead.
fn killed_where_it_stops(mut program: Child, mut listen: impl FnMut(&str)) -> bool {
    let (out, mut stopped) = (BufReader::new(program.stdout.take().unwrap()), false);
    for line in out.lines().map_while(std::result::Result::ok) {
        if line == "stopped" {
            stopped = true;
            program.kill().unwrap();
        }
        listen(&line);
    }
    let status = program.wait().unwrap();
    assert!(stopped || status.success(), "a program failed");
    stopped
}

/// Checks that every acknowledged key is stored once, that no key is stored twice, and that every row is the fold of
/// its history.
fn look(file: &Path, reports: &Reports, outcome: &mut Outcome) {
    let desk = Desk::open(file).unwrap();
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut next = None;
    loop {
        let page = desk.find(Query::oldest().limit(1_000).after(next)).unwrap();
        for ticket in page.tickets {
            let history = desk.records().history(ticket.id()).unwrap();
            assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
            for text in history.iter().filter_map(|event| event.personal.text()) {
                *seen.entry(text.to_string()).or_default() += 1;
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    outcome.lost += reports.acknowledged.iter().filter(|key| !seen.contains_key(*key)).count();
    outcome.doubled += seen.values().filter(|count| **count > 1).count();
}

#[test]
fn acknowledged_commands_survive_kill_9_exactly_once() {
    const TEST: &str = "acknowledged_commands_survive_kill_9_exactly_once";
    if let Ok(part) = std::env::var(CHILD) {
        return write_until_killed(&part);
    }
    // A command has about ten operations on files, so the higher numbers are in later commands.
    let stop = |kill: usize| if kill % 25 == 24 { Stop::Between } else { Stop::At(kill % 25) };
    let outcome = rounds(TEST, "honest", soak::cases(30), stop);
    println!("{outcome:?}");
    assert_eq!((outcome.lost, outcome.doubled), (0, 0), "{outcome:?}");
    assert_eq!(outcome.in_flight, outcome.kills, "a kill interrupted no command: {outcome:?}");

    // Killed before a command writes anything, and between a commit and its acknowledgement.
    let early = rounds(TEST, "acknowledges too early", 10, |_| Stop::At(0));
    println!("the control that acknowledges too early: {early:?}");
    assert!(early.lost > 0, "this test does not detect a lost command: {early:?}");
    let keyless = rounds(TEST, "has no keys", 10, |_| Stop::Between);
    println!("the control without keys: {keyless:?}");
    assert!(keyless.doubled > 0, "this test does not detect a doubled command: {keyless:?}");
}

fn monday() -> DateTime<Utc> {
    "2026-01-05T09:00:00Z".parse().unwrap()
}

const DESKS: u32 = 20;

fn desk(store: &Sqlite, number: u32) -> Desk<Sqlite> {
    store.desk(Settings::new(format!("desk-{number}")).time(ManualTime::at(monday() + TimeDelta::days(1))))
}

/// Creates a database with tickets whose first reply is due on Tuesday.
fn waiting(file: &Path, tickets: u32) -> Sqlite {
    let store = SqliteOptions::new().durability(Durability::Normal).open(file).unwrap();
    let target = Target::new(Metric::Resolution).within(TimeDelta::days(2)).warn_at([]);
    let policy = Policy::new().agreement(Agreement::new("standard", 1).target(target));
    for number in 0..DESKS {
        let desk = desk(&store, number);
        desk.setup().adopt(&policy).unwrap();
        let ticket = move |n: u32| {
            let at = monday() + TimeDelta::hours(1) + TimeDelta::seconds(n.into());
            let version = ImportedVersion::new(at, Actor::agent("anna")).subject("No sound").from("boris");
            ImportedTicket::new("old", n.to_string()).version(version)
        };
        let imported = desk.records().import((0..tickets / DESKS).map(ticket)).unwrap();
        assert_eq!(imported.opened, (tickets / DESKS) as usize);
    }
    store
}

fn tuesday() -> DateTime<Utc> {
    monday() + TimeDelta::days(10)
}

/// Fires timers until none is due, and reports it. The naive role lists, acts and then deletes the timer from a table
/// of its own, like programs that store their timers apart from the tickets.
fn drain_until_done(part: &str) {
    let ((store, vfs), stop) = (opened(Durability::Normal), Stop::of_this_program());
    stop.arm(&vfs);
    if part == "naive" {
        let raw = rusqlite::Connection::open(variable_of("FILE")).unwrap();
        loop {
            let mut listed = raw.prepare_cached("SELECT desk, ticket FROM naive_timer LIMIT 20").unwrap();
            let due: Vec<(String, Vec<u8>)> = listed
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
                .unwrap()
                .map(std::result::Result::unwrap)
                .collect();
            if due.is_empty() {
                return report("done");
            }
            for (name, id) in due {
                let desk = store.desk(name.as_str());
                let ticket = TicketId::from(uuid::Uuid::from_slice(&id).unwrap());
                desk.act(ticket, Action::note("fired"), Actor::automation("naive")).unwrap();
                stop.between();
                raw.execute("DELETE FROM naive_timer WHERE desk = ?1 AND ticket = ?2", (name, id)).unwrap();
            }
        }
    }
    let worker = Worker::over(store).batch(std::num::NonZeroUsize::new(50).unwrap());
    loop {
        let drained = worker.tick(tuesday()).unwrap();
        assert!(drained.failed.is_empty() && drained.stopped.is_none(), "{drained:?}");
        if drained.fired == 0 {
            return report("done");
        }
    }
}

/// Runs workers in this role, two at a time, each killed where it stops. Then runs this number of workers to the end.
fn drained(test: &str, part: &str, file: &Path, stops: &[Stop], last: usize) {
    let run = |stops: &[Stop]| {
        std::thread::scope(|scope| {
            for stop in stops {
                scope.spawn(move || {
                    let mut worker = start(test, part, file, "worker", *stop);
                    drop(worker.stdin.take());
                    let stopped = killed_where_it_stops(worker, |_| ());
                    assert_eq!(stopped, *stop != Stop::Never, "{stop:?}");
                });
            }
        });
    };
    stops.chunks(2).for_each(run);
    run(&vec![Stop::Never; last]);
}

#[test]
fn each_timer_fires_once_when_workers_are_killed() {
    const TEST: &str = "each_timer_fires_once_when_workers_are_killed";
    if let Ok(part) = std::env::var(CHILD) {
        return drain_until_done(&part);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("support.db");
    let tickets = soak::cases(4_000);
    let store = waiting(&file, tickets);
    // The later operations are in the middle of the work, and no worker is left with nothing to do.
    let stops = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 17, 23, 31, 47, 71, 103, 159, 239].map(Stop::At);
    drained(TEST, "honest", &file, &stops, 4);
    let (mut once, mut otherwise) = (0, 0);
    for number in 0..DESKS {
        let desk = desk(&store, number);
        let mut next = None;
        loop {
            let page = desk.find(Query::oldest().limit(1_000).after(next)).unwrap();
            for ticket in page.tickets {
                let history = desk.records().history(ticket.id()).unwrap();
                assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
                match history.iter().filter(|event| matches!(event.change, Change::Breached(_))).count() {
                    1 => once += 1,
                    _ => otherwise += 1,
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    println!("{once} timers fired once, {otherwise} did not, {} kills", stops.len());
    assert_eq!((once, otherwise), (tickets, 0));

    let naive = dir.path().join("naive.db");
    let store = waiting(&naive, 400);
    let raw = rusqlite::Connection::open(&naive).unwrap();
    raw.execute_batch("CREATE TABLE naive_timer AS SELECT desk, ticket FROM firstline_timer").unwrap();
    drained(TEST, "naive", &naive, &[Stop::Between], 1);
    let mut doubled = 0;
    for number in 0..DESKS {
        let desk = desk(&store, number);
        for ticket in desk.find(Query::oldest().limit(1_000)).unwrap().tickets {
            let history = desk.records().history(ticket.id()).unwrap();
            let notes = history.iter().filter(|event| event.personal.text().is_some());
            doubled += usize::from(notes.count() > 1);
        }
    }
    println!("the control that lists, acts and deletes: {doubled} of 400 fired more than once");
    assert!(doubled > 0, "this test does not detect a timer that fires twice");
}

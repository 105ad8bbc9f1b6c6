//! Programs that are killed (`kill -9`) while they write to one file. Every acknowledged command is stored exactly
//! once.
//!
//! The test starts itself as these programs. Each program reports on a pipe which command it begins and which one is
//! acknowledged. After a kill, the next program repeats the unacknowledged commands with the same keys.
#![cfg(all(feature = "sqlite", unix))]

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use firstline::desk::Settings;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::{Durability, Options, Sqlite};
use firstline::time::ManualTime;
use firstline::*;

use crate::soak;

const CHILD: &str = "FIRSTLINE_KILLED_CHILD";

/// Starts this test as another program in the given role.
fn start(test: &str, part: &str, file: &Path, name: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("killed::{test}"), "--nocapture"]).env(CHILD, part);
    command.env("FIRSTLINE_KILLED_FILE", file).env("FIRSTLINE_KILLED_NAME", name);
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

/// Runs commands until the program is killed. About half of them open a ticket; the others add a note to the last one.
fn write_until_killed(part: &str) {
    let mut left = String::new();
    std::io::stdin().read_to_string(&mut left).unwrap();
    let desk = Options::new().open(variable_of("FILE")).unwrap().desk("main");
    let anna = Actor::agent("anna");
    let mut last: Option<TicketId> = None;
    let mut run = |key: &str, again: Option<Option<TicketId>>| {
        let on = again.unwrap_or(if last.is_some() && random(2) == 0 { last } else { None });
        report(&format!("begin {key} {}", on.map_or("-".to_owned(), |id| id.to_string())));
        if part == "acknowledges too early" {
            report(&format!("done {key}"));
        }
        let keyed = part != "has no keys";
        match on {
            Some(id) => {
                let by = if keyed { anna.once(key) } else { anna.clone().into() };
                desk.act(id, Action::note(key), by).unwrap();
            }
            None => {
                let request = NewTicket::new(key).from("boris").message(key);
                last = Some(desk.open_ticket(if keyed { request.once(key) } else { request }).unwrap().id());
            }
        }
        report(&format!("done {key}"));
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

/// Runs `count` rounds. Each starts one to three programs and kills them.
fn rounds(test: &str, part: &str, count: u32) -> Outcome {
    let mut outcome = Outcome::default();
    let mut round = 0;
    while round < count {
        // Use a new file from time to time, so that checking everything stays fast.
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("support.db");
        Desk::open(&file).unwrap();
        let reports = Arc::new(Mutex::new(Reports::default()));
        for _ in 0..10 {
            play(test, part, &file, round, &reports, &mut outcome);
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
    reports: &Arc<Mutex<Reports>>,
    outcome: &mut Outcome,
) {
    let left: Vec<String> =
        reports.lock().unwrap().begun.iter().map(|(key, on)| format!("{key} {on}")).collect();
    let mut programs = Vec::new();
    for number in 0..=round % 3 {
        let mut program = start(test, part, file, &format!("{round}-{number}"));
        let mut input = program.stdin.take().unwrap();
        if number == 0 {
            left.iter().for_each(|line| writeln!(input, "{line}").unwrap());
        }
        drop(input);
        let (out, reports) = (BufReader::new(program.stdout.take().unwrap()), Arc::clone(reports));
        let begun = Arc::new(Mutex::new((0, false)));
        let heard = Arc::clone(&begun);
        let listener = std::thread::spawn(move || {
            for line in out.lines().map_while(std::result::Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                let mut reports = reports.lock().unwrap();
                match words[..] {
                    ["begin", key, on] => {
                        reports.begun.insert(key.to_owned(), on.to_owned());
                        heard.lock().unwrap().1 = true;
                    }
                    ["done", key] => {
                        reports.begun.remove(key);
                        reports.acknowledged.push(key.to_owned());
                        let mut heard = heard.lock().unwrap();
                        *heard = (heard.0 + 1, false);
                    }
                    _ => {}
                }
            }
        });
        programs.push((program, listener, begun));
    }
    // Kill the programs at a random moment after each has done something.
    let started = Instant::now();
    while programs.iter().any(|(.., heard)| heard.lock().unwrap().0 < 3) {
        assert!(started.elapsed() < Duration::from_secs(60), "a program does nothing");
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_micros(random(20_000)));
    for (program, ..) in &mut programs {
        program.kill().unwrap();
    }
    for (mut program, listener, heard) in programs {
        program.wait().unwrap();
        listener.join().unwrap();
        outcome.kills += 1;
        outcome.in_flight += usize::from(heard.lock().unwrap().1);
    }
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
    let outcome = rounds(TEST, "honest", soak::cases(30));
    println!("{outcome:?}");
    assert_eq!((outcome.lost, outcome.doubled), (0, 0), "{outcome:?}");
    // Nine of ten kills must interrupt a command; eight of ten in a short run.
    let of_ten = if soak::cases(1) >= 10 { 9 } else { 8 };
    assert!(
        outcome.in_flight * 10 >= outcome.kills * of_ten,
        "too few kills interrupted a command: {outcome:?}"
    );

    let early = rounds(TEST, "acknowledges too early", 10);
    println!("the control that acknowledges too early: {early:?}");
    assert!(early.lost > 0, "this test does not detect a lost command: {early:?}");
    let keyless = rounds(TEST, "has no keys", 20);
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
    let store = Options::new().durability(Durability::Normal).open(file).unwrap();
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

/// Fires timers until none is due, and reports it. The naive role lists, acts and then deletes the timer, like programs
/// that store their timers apart from the tickets.
fn drain_until_done(part: &str) {
    let file = variable_of("FILE");
    let store = Options::new().durability(Durability::Normal).open(&file).unwrap();
    if part == "naive" {
        let raw = rusqlite::Connection::open(&file).unwrap();
        raw.busy_timeout(Duration::from_secs(10)).unwrap();
        loop {
            let mut listed = raw.prepare_cached("SELECT desk, ticket FROM firstline_timer LIMIT 20").unwrap();
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
                raw.execute("DELETE FROM firstline_timer WHERE desk = ?1 AND ticket = ?2", (name, id))
                    .unwrap();
            }
        }
    }
    let worker = Worker::over(store).batch(std::num::NonZeroUsize::new(50).unwrap());
    loop {
        let drained = worker.drain(tuesday()).unwrap();
        assert!(drained.failed.is_empty() && drained.stopped.is_none(), "{drained:?}");
        if drained.fired == 0 {
            return report("done");
        }
    }
}

/// Runs four workers in this role and kills one of them from time to time. Returns the number of kills.
fn drained(test: &str, part: &str, file: &Path) -> usize {
    let begin = || start(test, part, file, "worker");
    let mut workers: Vec<Child> = (0..4).map(|_| begin()).collect();
    let mut kills = 0;
    while !workers.is_empty() {
        std::thread::sleep(Duration::from_millis(20 + random(60)));
        workers.retain_mut(|worker| match worker.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "a worker failed");
                false
            }
            None => true,
        });
        if !workers.is_empty() && kills < 200 {
            let unlucky = random(workers.len() as u64) as usize;
            workers[unlucky].kill().unwrap();
            workers[unlucky].wait().unwrap();
            workers[unlucky] = begin();
            kills += 1;
        }
    }
    kills
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
    let kills = drained(TEST, "honest", &file);
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
    println!("{once} timers fired once, {otherwise} did not, {kills} kills");
    assert_eq!((once, otherwise), (tickets, 0));
    assert!(kills > 3, "only {kills} kills");

    let naive = dir.path().join("naive.db");
    let store = waiting(&naive, 400);
    drained(TEST, "naive", &naive);
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

//! SQLite as a store: many callers that share syncs, and the cost of timers, in an empty and in a large
//! database.
//!
//! ```text
//! cargo bench --bench store --features tokio              # empty and a million tickets
//! cargo bench --bench store --features tokio -- --quick   # empty and 10 thousand
//! bash .ci/slow-disk 4 cargo bench --bench store --features tokio -- --quick # each sync takes 4 ms longer
//! ```
//!
//! A durable commit waits for the disk. A single caller cannot be faster than one sync of the disk, but many
//! callers can, if they share a sync. The floor is therefore one 4 KiB page overwritten and synced, measured in
//! the same rounds. The write-ahead log has its full length before the measurement: see `grown_log`.

#[path = "shared/desk.rs"]
mod desk;
#[path = "shared/filled.rs"]
mod filled;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use desk::{SeededIds, desk_in, request};
use filled::{filled, templates};
use firstline::desk::Settings;
use firstline::sqlite::{AsyncSqlite, Durability, Sqlite, SqliteOptions};
use firstline::time::{ManualTime, TimeDelta, TimeSource};
use firstline::{Action, Actor, Desk, Worker};
use measure::{Lane, Limits, aim, nanos, side_by_side};
use rusqlite::Connection;
use tokio::runtime::Runtime;

/// Commands of each lane per round.
const BATCH: usize = 64;
const CLIENTS: usize = 32;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (large, seconds) = if quick { (10_000, 2) } else { (1_000_000, 10) };
    println!("SQLite as a store: callers, syncs and timers.");
    println!("cargo bench --bench store --features tokio{}", if quick { " -- --quick" } else { "" });
    let limits = Limits { rounds: 300, time: Duration::from_secs(seconds) };
    // The build directory, because a temporary directory may be in memory, where a sync does nothing.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let grown = filled(large, &templates());
    for (name, from) in [("an empty database", None), ("a large database", Some(&grown))] {
        let directory = place.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        // Each lane has its own copy, so that no lane makes the database of another larger.
        let file = |lane: &str| {
            let file = directory.join(lane);
            from.map(|from| std::fs::copy(from, &file).unwrap());
            file
        };
        callers(name, limits, &file("blocking.db"), &file("awaited.db"), &directory.join("disk"));
    }
    polls(large, &grown, limits);
    fires(place.path(), limits);
}

fn settings(number: u64) -> Settings {
    // Each desk draws its ids from its own instant, so that they never collide with existing ids.
    let time = ManualTime::at("2027-01-05T09:00:00Z".parse().unwrap());
    time.advance(TimeDelta::days(number as i64));
    Settings::new("main").time(time).ids(SeededIds::default())
}

fn callers(name: &str, limits: Limits, blocking: &Path, awaited: &Path, disk: &Path) {
    let _logs = [blocking, awaited].map(grown_log);
    let desk = Sqlite::open(blocking).unwrap().desk(settings(0));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let shared = Sqlite::open(awaited).unwrap().into_async().unwrap().desk(settings(0));
    let disk = RefCell::new(File::create(disk).unwrap());
    let number = Arc::new(AtomicUsize::new(0));
    let next = || number.fetch_add(1, Ordering::Relaxed);
    let lanes: Vec<Lane<'_>> = vec![
        ("one 4 KiB page written and synced", Box::new(|| sync(&mut disk.borrow_mut()))),
        (
            "1 caller, blocking",
            Box::new(|| {
                nanos(BATCH, || (0..BATCH).for_each(|_| drop(desk.open_ticket(request(next())).unwrap())))
            }),
        ),
        ("1 caller, awaiting", Box::new(|| awaiting(&runtime, &shared, 1, &number))),
        ("32 callers, awaiting", Box::new(|| awaiting(&runtime, &shared, CLIENTS, &number))),
    ];
    let title = format!("Open a ticket, synchronous = FULL, on {name}");
    let ratios = side_by_side(&title, ("us", 1e3), limits, lanes);
    let synced = measure::median((0..5).map(|_| sync(&mut disk.borrow_mut())).collect()) / 1e3;
    if synced < 1_000.0 {
        println!(
            "the disk syncs in {synced:.0} us here: the callers do not wait for it, so no aim is checked"
        );
        return;
    }
    for (callers, least, ratio) in [(1, 0.9, ratios[2]), (CLIENTS, 10.0, ratios[3])] {
        let rate = 1.0 / ratio;
        aim(&format!("{callers} awaiting: at least {least} of the disk's syncs: {rate:.2}"), rate >= least);
    }
}

/// Makes the write-ahead log as long as it will get, because a sync of a growing log must also write its
/// length. The returned connection keeps the log at this length.
fn grown_log(file: &Path) -> Connection {
    let keeper = Connection::open(file).unwrap();
    let store = SqliteOptions::new().durability(Durability::Normal).open(file).unwrap();
    keeper.query_row("PRAGMA journal_mode", [], |_| Ok(())).unwrap();
    let desk = store.desk(settings(1));
    let log = file.with_extension("db-wal");
    while log.metadata().map_or(0, |it| it.len()) < 33_000_000 {
        (0..100).for_each(|number| drop(desk.open_ticket(request(number)).unwrap()));
    }
    keeper
}

/// Commands of concurrent callers, each of which awaits its answer before its next command. Returns nanoseconds
/// per command.
fn awaiting(runtime: &Runtime, desk: &Desk<AsyncSqlite>, callers: usize, number: &Arc<AtomicUsize>) -> f64 {
    // With many callers the series is long, so that the first and the last sync, shared by few callers, hardly
    // count.
    let commands = if callers == 1 { BATCH } else { 8 * BATCH };
    nanos(commands, || {
        runtime.block_on(async {
            let call = |_| {
                let (desk, number) = (desk.clone(), Arc::clone(number));
                tokio::spawn(async move {
                    for _ in 0..commands / callers {
                        desk.open_ticket(request(number.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                    }
                })
            };
            for call in (0..callers).map(call).collect::<Vec<_>>() {
                call.await.unwrap();
            }
        });
    })
}

/// Overwrites one page and syncs it. No durable commit of a single caller is faster.
fn sync(file: &mut File) -> f64 {
    nanos(BATCH, || {
        for _ in 0..BATCH {
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
        }
    })
}

/// Measures a check for due timers when nothing is due.
fn polls(large: usize, grown: &Path, limits: Limits) {
    const POLLS: usize = 100;
    let (desk, time) = desk_in(grown, Durability::Full);
    let worker = Worker::over(SqliteOptions::new().open(grown).unwrap());
    let now = time.now();
    let lanes: Vec<Lane<'_>> = vec![
        (
            "one desk: tick",
            Box::new(|| {
                nanos(POLLS, || (0..POLLS).for_each(|_| assert_eq!(desk.tick(now).unwrap().fired, 0)))
            }),
        ),
        (
            "all desks: a worker drains",
            Box::new(|| {
                nanos(POLLS, || (0..POLLS).for_each(|_| assert_eq!(worker.tick(now).unwrap().fired, 0)))
            }),
        ),
    ];
    let title = format!("Nothing due, at {large} tickets");
    let limits = Limits { time: Duration::from_secs(2), ..limits };
    side_by_side(&title, ("us", 1e3), limits, lanes);
    let idle = polled(&worker, now);
    aim(&format!("a check by a worker at most 5 us: {:.1}", idle / 1e3), idle <= 5e3);
}

fn polled(worker: &Worker<Sqlite>, now: firstline::time::DateTime<firstline::time::Utc>) -> f64 {
    let look = || nanos(200, || (0..200).for_each(|_| drop(worker.tick(now).unwrap())));
    measure::median((0..50).map(|_| look()).collect())
}

/// Measures each timer that fires. These timers close resolved tickets after silence.
fn fires(place: &Path, limits: Limits) {
    let store = SqliteOptions::new().durability(Durability::Normal).open(place.join("fires.db")).unwrap();
    let time = ManualTime::at("2026-01-05T09:00:00Z".parse().unwrap());
    let ids = Arc::new(AtomicUsize::new(0));
    let anna = Actor::agent("anna");
    let resolve = |name: &str| {
        let desk = store.desk(Settings::new(name).time(time.clone()));
        (0..BATCH).for_each(|_| {
            let id = desk.open_ticket(request(ids.fetch_add(1, Ordering::Relaxed))).unwrap().id();
            desk.act(id, Action::resolve("answered"), &anna).unwrap();
        });
        time.advance(TimeDelta::days(6));
        desk
    };
    let worker = Worker::over(store.clone());
    let lanes: Vec<Lane<'_>> = vec![
        (
            "one desk: tick",
            Box::new(|| {
                let desk = resolve("ticked");
                nanos(BATCH, || assert_eq!(desk.tick(time.now()).unwrap().fired, BATCH))
            }),
        ),
        (
            "all desks: a worker drains",
            Box::new(|| {
                resolve("drained");
                nanos(BATCH, || assert_eq!(worker.tick(time.now()).unwrap().fired, BATCH))
            }),
        ),
    ];
    let limits = Limits { rounds: 30, ..limits };
    side_by_side("A timer that fires, synchronous = NORMAL", ("us", 1e3), limits, lanes);
}

//! Measures how long a transaction of the host waits while three other programs write to the same SQLite file without a
//! pause. `cargo bench --bench neighbours`

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use firstline::NewTicket;
use firstline::sqlite::{Durability, Sqlite, SqliteOptions, busy_handler};
use rusqlite::{Connection, TransactionBehavior};

/// Set to the database's path in the programs that write without a pause.
const BUSY: &str = "FIRSTLINE_BENCH_BUSY";

const PROGRAMS: usize = 3;

fn main() {
    if let Ok(file) = std::env::var(BUSY) {
        return write_without_a_pause(Path::new(&file));
    }
    let place = tempfile::tempdir().expect("a temporary directory");
    let file = place.path().join("shop.db");
    drop(Sqlite::open(&file).expect("a database"));
    let alone = waits(&file, Duration::from_secs(1));
    let programs: Vec<Child> = (0..PROGRAMS).map(|_| busy_program(&file)).collect();
    std::thread::sleep(Duration::from_millis(500));
    let beside = waits(&file, Duration::from_secs(5));
    for mut program in programs {
        program.kill().and_then(|()| program.wait().map(drop)).expect("a program of this bench ends");
    }
    println!(
        "A transaction of the host beside {PROGRAMS} programs that write without a pause (SQLite, NORMAL):"
    );
    println!("    {:12} {:>10} {:>10} {:>10}", "", "p50", "p99", "longest");
    for (name, waits) in [("alone", &alone), ("beside them", &beside)] {
        let at = |share: usize| waits[(waits.len() - 1) * share / 100];
        println!("    {name:12} {:>10.1?} {:>10.1?} {:>10.1?}", at(50), at(99), at(100));
    }
    let longest = beside.last().copied().unwrap_or_default();
    println!("    longest wait against the bar of 1 s: {:.2}", longest.as_secs_f64());
}

fn busy_program(file: &Path) -> Child {
    let this = std::env::current_exe().expect("the path of this bench");
    Command::new(this).env(BUSY, file).spawn().expect("a program")
}

fn write_without_a_pause(file: &Path) {
    let desk = SqliteOptions::new().durability(Durability::Normal).open(file).expect("a store").desk("main");
    loop {
        desk.open_ticket(NewTicket::new("No sound")).expect("a ticket");
    }
}

/// The times that transactions of the host take to begin and commit, sorted.
fn waits(file: &Path, during: Duration) -> Vec<Duration> {
    let mut host = Connection::open(file).expect("a connection");
    host.busy_handler(Some(busy_handler)).expect("a busy handler");
    let (began, mut waits) = (Instant::now(), Vec::new());
    while began.elapsed() < during {
        let at = Instant::now();
        let tx = host.transaction_with_behavior(TransactionBehavior::Immediate).expect("a transaction");
        tx.commit().expect("a commit");
        waits.push(at.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    waits.sort_unstable();
    waits
}

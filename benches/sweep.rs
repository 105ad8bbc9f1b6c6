//! A tick over many tickets in SQLite: its cost when nothing is due, and the cost per due timer.
//!
//! ```text
//! cargo bench --bench sweep                        # 10,000 and 100,000 tickets
//! cargo bench --bench sweep -- 10000 1000000       # your numbers of tickets
//! ```
//!
//! Every ticket is open and has three clocks. The due timers are breaches. Each breach reads the ticket,
//! measures its clocks, and writes two events, the row and the timers in one transaction.

#[path = "shared/desk.rs"]
#[allow(dead_code)]
mod desk;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::time::Instant;

use desk::desk_in;
use firstline::calendar::EVERY_DAY;
use firstline::lifecycle::state;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::Durability;
use firstline::time::{DateTime, TimeDelta, Utc};
use firstline::{Actor, Calendar, ImportedTicket, ImportedVersion, Policy};
use measure::{median, nanos};

/// Due timers per round, and the number of rounds.
const DUE: i64 = 500;
const ROUNDS: i64 = 5;

fn policy() -> Policy {
    let hours = Calendar::builder("Europe/Berlin").hours(EVERY_DAY, "00:00-24:00").build().unwrap();
    let target =
        |metric, hours| Target::new(metric).within(TimeDelta::hours(hours)).business("always").warn_at([]);
    let agreement = Agreement::new("standard", 1)
        .target(target(Metric::Resolution, 1_000))
        .target(target(Metric::FirstReply, 2_000))
        .target(target(Metric::AgentWork, 2_000));
    Policy::new().calendar("always", hours.definition()).agreement(agreement)
}

fn ticket(number: usize, at: DateTime<Utc>) -> ImportedTicket {
    let opened = ImportedVersion::new(at, Actor::agent("anna")).subject("No sound").status(state::Active);
    ImportedTicket::new("bench", number.to_string()).version(opened)
}

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|it| it.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000] } else { sizes };
    println!("{:>10} {:>12} {:>16} {:>16}", "tickets", "seeded in s", "idle tick in us", "due timer in us");
    for size in sizes {
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (desk, time) = desk_in(&place.path().join("sweep.db"), Durability::Normal);
        let begin: DateTime<Utc> = "2026-01-05T09:00:00Z".parse().unwrap();
        desk.setup().adopt(&policy()).unwrap();
        time.set(begin + TimeDelta::hours(500));
        let seeding = Instant::now();
        let opened = move |number: usize| begin + TimeDelta::seconds(number as i64);
        let seeded =
            desk.records().import((0..size).map(move |number| ticket(number, opened(number)))).unwrap();
        assert_eq!(seeded.opened, size, "{:?}", seeded.refused.first());
        let seeding = seeding.elapsed().as_secs_f64();

        let idle = || {
            let now = begin + TimeDelta::hours(999);
            nanos(200, || (0..200).for_each(|_| assert_eq!(desk.tick(now).unwrap().fired, 0)))
        };
        let idle = median((0..ROUNDS).map(|_| idle()).collect());
        let due = |round: i64| {
            let now = begin + TimeDelta::hours(1_000) + TimeDelta::seconds((round + 1) * DUE)
                - TimeDelta::milliseconds(1);
            time.set(now);
            nanos(DUE as usize, || assert_eq!(desk.tick(now).unwrap().fired, DUE as usize))
        };
        let due = median((0..ROUNDS).map(due).collect());
        println!("{size:>10} {seeding:>12.1} {:>16.2} {:>16.1}", idle / 1e3, due / 1e3);
    }
}

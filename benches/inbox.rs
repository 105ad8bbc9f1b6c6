//! Inbox pages of 50 tickets and a sweep with nothing due, in a small and in a large database.
//!
//! ```text
//! cargo bench --bench inbox              # 10 thousand and a million tickets; the first run builds them in some minutes
//! cargo bench --bench inbox -- --quick   # 10 thousand and 100 thousand
//! ```
//!
//! One ticket in ten is open, and each ticket has ten events. Plain SQL fills the large database with copies of
//! rows that a desk wrote; each copy has its own id, number and instant. The database stays under `target/` for
//! the next run. A store caches what it has read, so a page is measured both with a warm store and with a newly
//! opened one. The floor is the same page by hand: one cached statement that reads the bytes of the same rows
//! and does not decode them.

#[path = "shared/desk.rs"]
mod desk;
#[path = "shared/filled.rs"]
mod filled;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use desk::desk_in;
use filled::{filled, templates};
use firstline::sqlite::{Durability, Sqlite};
use firstline::time::{ManualTime, TimeSource};
use firstline::{Desk, Query};
use measure::{Lane, Limits, aim, median, nanos, side_by_side};
use rusqlite::Connection;

const PAGE: usize = 50;
const PAGES: usize = 10;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (large, seconds) = if quick { (100_000, 2) } else { (1_000_000, 8) };
    let limits = Limits { rounds: 400, time: Duration::from_secs(seconds) };
    println!("Inbox pages of {PAGE} and idle sweeps, at 10,000 and at {large} tickets.");
    println!("cargo bench --bench inbox{}", if quick { " -- --quick" } else { "" });
    let templates = templates();
    let files = [10_000, large].map(|tickets| filled(tickets, &templates));
    let desks = files.each_ref().map(|file| desk_in(file, Durability::Full));
    let [small, grown] = &desks;
    let by_hand = Connection::open(&files[1]).unwrap();

    let title = format!("A page of {PAGE}: the first {PAGES} of the inbox, one after another");
    let lanes: Vec<Lane<'_>> = vec![
        ("firstline, 10,000 tickets", Box::new(|| leaf_through(&small.0))),
        ("firstline, grown", Box::new(|| leaf_through(&grown.0))),
        ("the same by a store just opened", Box::new(|| leaf_through(&just_opened(&files[1])))),
        ("the bytes of the first page, by hand", Box::new(|| bytes(&by_hand))),
    ];
    let ratios = side_by_side(&title, ("us", 1e3), limits, lanes);
    aim("grown at most 1.5 times as long", ratios[1] <= 1.5);

    let title = format!("A page of {PAGE}: the first of one team's inbox");
    let page = median((0..50).map(|_| leaf_through(&grown.0)).collect()) / 1e3;
    aim(&format!("a page at most 100 us, grown: {page:.0}"), page <= 100.0);

    let lanes: Vec<Lane<'_>> = vec![
        ("firstline, 10,000 tickets", Box::new(|| team(&small.0))),
        ("firstline, grown", Box::new(|| team(&grown.0))),
    ];
    let ratios = side_by_side(&title, ("us", 1e3), limits, lanes);
    aim("grown at most 1.5 times as long", ratios[1] <= 1.5);

    let lanes: Vec<Lane<'_>> = vec![
        ("firstline, 10,000 tickets", Box::new(|| tick(small))),
        ("firstline, grown", Box::new(|| tick(grown))),
    ];
    let ratios = side_by_side("A sweep with nothing due", ("us", 1e3), limits, lanes);
    aim("grown at most 1.5 times as long", ratios[1] <= 1.5);
}

/// A desk of a new store, with an empty cache and an open read connection.
fn just_opened(file: &Path) -> Desk<Sqlite> {
    let desk = desk_in(file, Durability::Full).0;
    assert!(desk.find(Query::inbox().limit(1)).unwrap().next.is_some());
    desk
}

fn leaf_through(desk: &Desk<Sqlite>) -> f64 {
    nanos(PAGES, || {
        let mut next = None;
        for _ in 0..PAGES {
            let page = desk.find(Query::inbox().limit(PAGE).after(next)).unwrap();
            assert_eq!(page.tickets.len(), PAGE);
            next = black_box(page).next;
        }
    })
}

fn team(desk: &Desk<Sqlite>) -> f64 {
    nanos(PAGES, || {
        for _ in 0..PAGES {
            let page = desk.find(Query::inbox().team("payments").limit(PAGE)).unwrap();
            assert_eq!(black_box(page).tickets.len(), PAGE);
        }
    })
}

fn tick((desk, time): &(Desk<Sqlite>, ManualTime)) -> f64 {
    nanos(PAGES, || {
        for _ in 0..PAGES {
            assert_eq!(desk.tick(time.now()).unwrap().fired, 0);
        }
    })
}

fn bytes(connection: &Connection) -> f64 {
    nanos(PAGES, || {
        for _ in 0..PAGES {
            let mut statement = connection
                .prepare_cached(
                    "SELECT facts, personal FROM firstline_ticket WHERE desk = 'main' AND open = 1 \
                     ORDER BY priority, due_at, opened_at, id LIMIT 51",
                )
                .unwrap();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                black_box((row.get_ref(0).unwrap(), row.get_ref(1).unwrap()));
            }
        }
    })
}

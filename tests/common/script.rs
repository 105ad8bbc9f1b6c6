//! A repeatable sequence of commands of all kinds, and the resulting content of the database.

#![allow(dead_code)] // No test target uses all of it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use firstline::desk::Settings;
use firstline::id::IdSource;
use firstline::sla::{Agreement, Metric, Target};
use firstline::sqlite::Sqlite;
use firstline::store::Store;
use firstline::time::ManualTime;
use firstline::*;
use rusqlite::Connection;

/// The kinds of commands. Each can be played at any time and any number of times.
pub(crate) const KINDS: [&str; 11] = [
    "open",
    "receive",
    "start",
    "hold",
    "resolve",
    "follow up",
    "link",
    "repeat",
    "import",
    "adopt",
    "drain",
];

/// Plays numbered commands. Command `n` is the same in every run, with the same ids and instants, so it can be tried
/// again.
#[derive(Clone)]
pub(crate) struct Script {
    began: DateTime<Utc>,
}

#[derive(Debug, Clone)]
struct Numbered(Arc<AtomicU64>);

impl IdSource for Numbered {
    fn new_id(&self, _: DateTime<Utc>) -> uuid::Uuid {
        let drawn = self.0.fetch_add(1, Ordering::Relaxed);
        uuid::Uuid::from_u128((0x0190_0000_0000_7000_8000 << 48) | u128::from(drawn))
    }
}

impl Script {
    pub(crate) fn new() -> Script {
        Script { began: "2026-01-05T09:00:00Z".parse().unwrap() }
    }

    pub(crate) fn now(&self, number: usize) -> DateTime<Utc> {
        self.began + TimeDelta::hours(number as i64)
    }

    pub(crate) fn desk<S: Store + Clone>(&self, store: &S, number: usize) -> Desk<S> {
        let ids = Numbered(Arc::new(AtomicU64::new(1_000 * (number as u64 + 1))));
        Desk::over(store.clone(), Settings::new("main").time(ManualTime::at(self.now(number))).ids(ids))
    }

    pub(crate) fn request(&self, number: usize) -> NewTicket {
        // Long enough to spread over several pages of the log.
        let words = format!("Ничего не слышно. Nothing is heard ({number}). ").repeat(1 + number % 30);
        NewTicket::new(format!("No sound {number}"))
            .from(Contact::new(format!("customer-{}", number % 5)).named("Борис"))
            .thread(format!("thread-{number}"))
            .idempotency_key(format!("key-{number}"))
            .message(words)
    }

    /// Plays the command with this number.
    pub(crate) fn play<S: Store + Clone>(&self, store: &S, number: usize, kind: &str) -> Result<()> {
        let desk = self.desk(store, number);
        let anna = Actor::agent("anna").idempotency_key(format!("act-{number}"));
        let some = |states: &[StateKind]| -> Result<Option<TicketId>> {
            let query = states.iter().fold(Query::oldest(), |query, state| query.state(*state));
            let found = desk.find(query.limit(50))?.tickets;
            Ok((!found.is_empty()).then(|| found[number % found.len()].id()))
        };
        let open = [StateKind::New, StateKind::Active, StateKind::OnHold];
        match kind {
            "open" => desk.open_ticket(self.request(number)).map(drop),
            "receive" => {
                let more = InboundMessage::new("And not even the bell.")
                    .from(format!("customer-{}", number / 2 % 5))
                    .thread(format!("thread-{}", number / 2))
                    .subject("More");
                desk.receive(more.idempotency_key(format!("key-{number}"))).map(drop)
            }
            "start" => match some(&[StateKind::New])? {
                Some(id) => desk.act(id, Action::start().and(Action::assign("anna")), anna).map(drop),
                None => Ok(()),
            },
            "hold" => match some(&open[..2])? {
                Some(id) => {
                    let until = self.now(number) + TimeDelta::hours(3);
                    desk.act(id, Action::hold_until(HoldReason::Scheduled, until), anna).map(drop)
                }
                None => Ok(()),
            },
            "resolve" => match some(&open)? {
                Some(id) => {
                    desk.act(id, Action::reply("Try it now.").and(Action::resolve("unmuted")), anna).map(drop)
                }
                None => Ok(()),
            },
            "follow up" => match some(&[StateKind::Resolved])? {
                Some(id) => desk.act(id, Action::close().and(Action::note("done")), anna).map(drop),
                None => Ok(()),
            },
            "link" => match (some(&open)?, some(&[StateKind::Resolved, StateKind::Closed])?) {
                (Some(a), Some(b)) => desk.act(a, Action::link(LinkKind::CausedBy, b), anna).map(drop),
                _ => Ok(()),
            },
            "repeat" => desk.open_ticket(self.request(number / 11 * 11)).map(drop),
            "import" => {
                let version = |hours: i64| {
                    ImportedVersion::new(self.began - TimeDelta::hours(hours), Actor::agent("ben"))
                };
                let tickets = (0..3).map(move |n| format!("{number}-{n}")).collect::<Vec<_>>();
                let tickets = tickets.into_iter().map(|name| {
                    let first = version(90).subject("Old").from("carl");
                    ImportedTicket::new("old", name).version(first).version(version(9).status(state::Closed))
                });
                desk.records().import(tickets.collect::<Vec<_>>()).map(drop)
            }
            "adopt" => {
                let target = Target::new(Metric::Resolution).within(TimeDelta::hours(2 + number as i64 % 7));
                let agreement = Agreement::new("standard", 1).target(target.warn_at([50]));
                desk.setup().adopt(&Policy::new().agreement(agreement)).map(drop)
            }
            "drain" => Worker::over(store.clone()).tick(self.now(number)).and_then(|report| {
                let failed = report.failed.into_iter().map(|it| it.error);
                report.stopped.into_iter().chain(failed).next().map_or(Ok(()), Err)
            }),
            other => panic!("there is no command {other}"),
        }
    }
}

/// A hash of everything stored, independent of the order of rows.
pub(crate) fn digest(file: &Path) -> u64 {
    let connection = Connection::open(file).unwrap();
    let tables: Vec<String> = {
        let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'firstline_migration' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(std::result::Result::unwrap).collect()
    };
    let mut whole = DefaultHasher::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows: Vec<u64> = Vec::new();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let mut one = DefaultHasher::new();
            for column in 0..columns {
                format!("{:?}", row.get_ref(column).unwrap()).hash(&mut one);
            }
            rows.push(one.finish());
        }
        rows.sort_unstable();
        (table, rows).hash(&mut whole);
    }
    whole.finish()
}

/// Checks that the file is sound and that every ticket's row is the fold of its history. Returns the number of
/// tickets.
pub(crate) fn sound(store: &Sqlite, file: &Path) -> usize {
    let connection = Connection::open(file).unwrap();
    let answer: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(answer, "ok");
    let desk = store.desk("main");
    let (mut next, mut count) = (None, 0);
    loop {
        let page = desk.find(Query::oldest().limit(500).after(next)).unwrap();
        for ticket in page.tickets {
            let history = desk.records().history(ticket.id()).unwrap();
            assert_eq!(&Snapshot::fold(&history).unwrap(), ticket.snapshot());
            count += 1;
        }
        next = page.next;
        if next.is_none() {
            return count;
        }
    }
}

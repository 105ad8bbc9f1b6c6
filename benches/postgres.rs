//! Whole commands of a desk in PostgreSQL, compared with the same rows written by hand and with a bare
//! statement.
//!
//! ```text
//! bash .ci/postgres cargo bench --features postgres --bench postgres              # up to 60 s
//! bash .ci/postgres cargo bench --features postgres --bench postgres -- --quick   # up to 10 s
//! bash .ci/slow-disk 4 bash .ci/postgres cargo bench --features postgres --bench postgres
//! ```
//!
//! The command adds a note to a ticket, and each client has its own tickets. The handwritten lane uses
//! tokio-postgres, prepared statements, the desk's tables and indexes, and the bytes that the desk writes. It
//! reads and locks the ticket in one round trip, and writes and commits the ticket row and the event in a
//! second one. The bare statement writes the same rows in one round trip and reads nothing. All lanes sync each
//! commit, if the server syncs.
//!
//! On a disk that syncs fast, the figures compare the work of two processors, and one round trip with two. On a
//! disk that needs milliseconds (the third command), they compare the time that callers wait.

#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use firstline::postgres::{Postgres, PostgresOptions};
use firstline::{Action, Actor, Desk, NewTicket, TicketId};
use futures_util::future::{join, join_all};
use measure::median;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

const CLIENTS: [usize; 3] = [1, 8, 32];
/// Tickets per client.
const TICKETS: usize = 20;
const NOTE: &str = "Their 3-D Secure server was down; it works again since this morning.";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lane {
    Bare,
    ByHand,
    Firstline,
}

const LANES: [(Lane, &str); 3] = [
    (Lane::Bare, "the bare statement"),
    (Lane::ByHand, "the same rows, by hand"),
    (Lane::Firstline, "firstline"),
];

/// A client that writes the rows by hand.
struct Hand {
    client: Client,
    read: Statement,
    write: Statement,
    tickets: Vec<TicketId>,
    facts: (String, String, Option<String>),
}

impl Hand {
    async fn new(url: &str, schema: &str, tickets: Vec<TicketId>) -> Hand {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let read = format!(
            "SELECT facts, personal FROM {schema}.ticket WHERE desk = $1 AND id = $2 FOR NO KEY UPDATE"
        );
        let write = format!(
            "WITH ticket AS (UPDATE {schema}.ticket SET version = version + 1, facts = $3 \
             WHERE desk = $1 AND id = $2 RETURNING version) \
             INSERT INTO {schema}.event (desk, ticket, version, at, facts, personal) \
             SELECT $1, $2, version, 1767603600000000, $4, $5 FROM ticket"
        );
        let (read, write) = (client.prepare(&read).await.unwrap(), client.prepare(&write).await.unwrap());
        let bytes = format!(
            "SELECT ticket.facts, event.facts, event.personal FROM {schema}.ticket, {schema}.event \
             WHERE event.ticket = ticket.id AND event.version = 2 LIMIT 1"
        );
        let row = client.query_one(&bytes, &[]).await.unwrap();
        Hand { read, write, tickets, facts: (row.get(0), row.get(1), row.get(2)), client }
    }

    async fn note(&self, number: usize, reads: bool) {
        let id = self.tickets[number % TICKETS].as_uuid();
        let (facts, event, personal) = &self.facts;
        let values: [&(dyn ToSql + Sync); 5] = [&"main", &id, facts, event, personal];
        let write = self.client.execute(&self.write, &values);
        if !reads {
            assert_eq!(write.await.unwrap(), 1);
            return;
        }
        let (begun, row) =
            join(self.client.batch_execute("BEGIN"), self.client.query_one(&self.read, &[&"main", &id]))
                .await;
        begun.unwrap();
        assert!(!row.unwrap().get::<_, &str>(0).is_empty());
        let (written, committed) = join(write, self.client.batch_execute("COMMIT")).await;
        assert_eq!(written.unwrap(), 1);
        committed.unwrap();
    }
}

/// The rate of this number of clients, in commands per second.
async fn rate(
    lane: Lane,
    hands: &Arc<Vec<Hand>>,
    desk: &Desk<Postgres>,
    clients: usize,
    time: Duration,
) -> f64 {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|n| {
            let (stop, done, hands, desk) =
                (Arc::clone(&stop), Arc::clone(&done), Arc::clone(hands), desk.clone());
            tokio::spawn(async move {
                let (hand, anna) = (&hands[n], Actor::agent("anna"));
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    match lane {
                        Lane::Bare => hand.note(number, false).await,
                        Lane::ByHand => hand.note(number, true).await,
                        Lane::Firstline => {
                            let ticket = hand.tickets[number % TICKETS];
                            drop(desk.act(ticket, Action::note(NOTE), &anna).await.unwrap());
                        }
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    stop.store(true, Ordering::Relaxed);
    join_all(tasks).await;
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

async fn compare(url: &str, rounds: usize, time: Duration) {
    let schema = |lane| format!("firstline_bench_{}_{lane}", std::process::id());
    let (ours, theirs) = (schema("ours"), schema("theirs"));
    let most = CLIENTS[CLIENTS.len() - 1];
    // The pool has a connection for each client, plus a third more: it reserves a quarter of its connections
    // for reads.
    let connections = most * 4 / 3 + 1;
    let connect = |schema: &str| PostgresOptions::new().schema(schema).connections(connections).connect(url);
    let desk = connect(&ours).await.unwrap().desk("main");
    // The handwritten lane uses copies of the desk's tables, with the same tickets and bytes.
    let mut hands = Vec::new();
    for n in 0..most {
        let mut tickets = Vec::new();
        for number in 0..TICKETS {
            let request = NewTicket::new(format!("Card declined {n}/{number}")).from("customer-77");
            let id = desk.open_ticket(request).await.unwrap().id();
            desk.act(id, Action::note(NOTE), Actor::agent("anna")).await.unwrap();
            tickets.push(id);
        }
        hands.push(tickets);
    }
    drop(connect(&theirs).await.unwrap());
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    for table in ["ticket", "event"] {
        client
            .batch_execute(&format!("INSERT INTO {theirs}.{table} SELECT * FROM {ours}.{table}"))
            .await
            .unwrap();
    }
    client.batch_execute("ANALYZE").await.unwrap();
    let hands = Arc::new(join_all(hands.into_iter().map(|tickets| Hand::new(url, &theirs, tickets))).await);

    for clients in CLIENTS {
        let mut rates = [(); 3].map(|()| Vec::new());
        // The first round only prepares statements and fills caches.
        for round in 0..=rounds {
            for turn in 0..LANES.len() {
                let index = (round + turn) % LANES.len();
                let rate = rate(LANES[index].0, &hands, &desk, clients, time).await;
                if round > 0 {
                    rates[index].push(rate);
                }
            }
        }
        println!("\n{clients} client{}", if clients == 1 { "" } else { "s" });
        for ((_, name), rates_of) in LANES.iter().zip(&rates) {
            let ratios = rates[2].iter().zip(rates_of).map(|(ours, theirs)| ours / theirs);
            let ratio = median(ratios.collect());
            println!("  {name:<24} {:>8.0} /s   firstline does {ratio:.2} of it", median(rates_of.clone()));
        }
    }
    for schema in [ours, theirs] {
        client.batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).await.unwrap();
    }
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let Ok(url) = std::env::var("FIRSTLINE_POSTGRES") else {
        println!("No FIRSTLINE_POSTGRES: bash .ci/postgres cargo bench --features postgres --bench postgres");
        return;
    };
    println!(
        "Whole commands in PostgreSQL, compared with the same rows by hand. Medians of rounds that measure all lanes."
    );
    let (rounds, time) =
        if quick { (3, Duration::from_millis(200)) } else { (9, Duration::from_millis(600)) };
    tokio::runtime::Runtime::new().unwrap().block_on(compare(&url, rounds, time));
}

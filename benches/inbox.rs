//! Whether a desk stays quick as it grows: inbox pages of 50 and a sweep with nothing due, small beside large.
//!
//! ```text
//! cargo bench --bench inbox              # 10 thousand beside a million tickets, built once in well under a minute
//! cargo bench --bench inbox -- --quick   # 10 thousand beside 100 thousand
//! ```
//!
//! One ticket in ten is open. The large database is filled by plain SQL with copies of what a desk wrote, each under
//! an id, a number and an instant of its own, and stays under `target/` for the next run. The floor is the same page
//! by hand: one cached statement that reads the bytes of the same rows and makes nothing of them.

#[path = "shared/desk.rs"]
mod desk;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use desk::{desk_in, request, scattered};
use firstline::definition::Fingerprint;
use firstline::store::sqlite::{Durability, Sqlite};
use firstline::time::{DateTime, ManualTime, TimeDelta, TimeSource, Utc};
use firstline::{Action, Actor, Desk, HoldReason, Query, Snapshot};
use measure::{Lane, Limits, aim, nanos, side_by_side};
use rusqlite::{Connection, params};
use uuid::Uuid;

const TEMPLATES: usize = 240;
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
        ("the first page's bytes by hand, grown", Box::new(|| bytes(&by_hand))),
    ];
    let ratios = side_by_side(&title, ("us", 1e3), limits, lanes);
    aim("grown at most 1.5 times as long", ratios[1] <= 1.5);

    let title = format!("A page of {PAGE}: the first of one team's inbox");
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

/// What a desk wrote of one ticket.
struct Template {
    ticket: Snapshot,
    personal: String,
    state: String,
    place: (bool, i64, i64),
    people: [Option<String>; 3],
    opening: (String, Option<String>),
}

/// Tickets of a desk, most of them closed.
fn templates() -> Vec<Template> {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = place.path().join("templates.db");
    let (desk, time) = desk_in(&file, Durability::Normal);
    let anna = Actor::agent("anna");
    for number in 0..TEMPLATES {
        time.advance(TimeDelta::seconds(1));
        let id = desk.open_ticket(request(number)).unwrap().id();
        let act = |action| drop(desk.act(id, action, &anna).unwrap());
        match number * 7 % 20 {
            0 => {}
            1 => act(Action::start().and(Action::assign("anna")).and(Action::hold(HoldReason::Customer))),
            2 => act(Action::reply("Try it now.").and(Action::resolve("answered"))),
            _ => act(Action::reply("Try it now.").and(Action::resolve("answered")).and(Action::close())),
        }
    }
    let connection = Connection::open(&file).unwrap();
    let mut statement = connection
        .prepare(
            "SELECT t.facts, t.personal, state, open, priority, due_at, team, assignee, requester, \
             e.facts, e.personal FROM firstline_ticket t JOIN firstline_event e ON e.ticket = t.id \
             WHERE e.version = 1 ORDER BY number",
        )
        .unwrap();
    let template = |row: &rusqlite::Row<'_>| {
        let facts: String = row.get(0)?;
        Ok(Template {
            ticket: serde_json::from_str(&facts).unwrap(),
            personal: row.get(1)?,
            state: row.get(2)?,
            place: (row.get(3)?, row.get(4)?, row.get(5)?),
            people: [row.get(6)?, row.get(7)?, row.get(8)?],
            opening: (row.get(9)?, row.get(10)?),
        })
    };
    statement.query_map([], template).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The database of so many tickets; made if it is not there, or if desks write something else by now.
fn filled(tickets: usize, templates: &[Template]) -> PathBuf {
    let written: Vec<_> = templates.iter().map(|it| (&it.ticket, &it.personal, &it.opening)).collect();
    let mark = Fingerprint::of_json(&written).unwrap().to_string();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inbox-{tickets}-{}.db", &mark[..8]));
    if !file.exists() {
        let begun = std::time::Instant::now();
        let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let growing = place.path().join("growing.db");
        let (desk, time) = desk_in(&growing, Durability::Normal);
        drop(desk);
        fill(&mut Connection::open(&growing).unwrap(), tickets, templates, time.now()).unwrap();
        std::fs::rename(growing, &file).unwrap();
        println!("built {tickets} tickets in {:.0} s", begun.elapsed().as_secs_f64());
    }
    file
}

fn fill(
    connection: &mut Connection,
    tickets: usize,
    templates: &[Template],
    began: DateTime<Utc>,
) -> rusqlite::Result<()> {
    // Killed half-way it is thrown away: nothing needs to be safe before the end.
    connection.execute_batch(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144",
    )?;
    let tx = connection.transaction()?;
    {
        let mut insert_ticket = tx.prepare(
            "INSERT INTO firstline_ticket (desk, id, version, facts, personal, state, open, priority, due_at, \
             opened_at, team, assignee, requester, number) \
             VALUES ('main', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?;
        let mut insert_event = tx.prepare(
            "INSERT INTO firstline_event (desk, ticket, version, at, facts, personal) VALUES ('main', ?1, 1, ?2, ?3, ?4)",
        )?;
        let mut insert_timer = tx.prepare(
            "INSERT INTO firstline_timer (desk, ticket, kind, subject, due_at, armed_by) \
             VALUES ('main', ?1, 'silence', '', ?2, ?3)",
        )?;
        for number in 0..tickets {
            let random = scattered(number as u64);
            let template = &templates[(random % TEMPLATES as u64) as usize];
            let opened = began + TimeDelta::seconds(number as i64);
            let mut tail = [0; 10];
            tail[2..].copy_from_slice(&random.to_le_bytes());
            let id = uuid::Builder::from_unix_timestamp_millis(opened.timestamp_millis() as u64, &tail)
                .into_uuid();
            let ticket = numbered(&template.ticket, id, number as u64 + 1, opened);
            let facts = serde_json::to_string(&ticket).unwrap();
            let (open, priority, due) = template.place;
            let [team, assignee, requester] = &template.people;
            let (key, at) = (id.as_bytes(), opened.timestamp_micros());
            insert_ticket.execute(params![
                key,
                ticket.version as i64,
                facts,
                template.personal,
                template.state,
                open,
                priority,
                due,
                at,
                team,
                assignee,
                requester,
                number as i64 + 1
            ])?;
            insert_event.execute(params![key, at, template.opening.0, template.opening.1])?;
            if template.state == "resolved" {
                insert_timer.execute(params![key, at + 5 * 86_400_000_000, ticket.version as i64])?;
            }
        }
        tx.execute("INSERT INTO firstline_desk (desk, last_number) VALUES ('main', ?1)", [tickets as i64])?;
    }
    tx.commit()?;
    connection.execute_batch("PRAGMA journal_mode = WAL").map(drop)
}

/// The same ticket under another id and number, opened at another instant.
fn numbered(template: &Snapshot, id: Uuid, number: u64, opened: DateTime<Utc>) -> Snapshot {
    let mut ticket = template.clone();
    (ticket.id, ticket.number.value) = (id.into(), number);
    let later = opened - template.opened_at;
    (ticket.opened_at, ticket.state_since) = (opened, template.state_since + later);
    ticket.updated_at = template.updated_at + later;
    ticket
}

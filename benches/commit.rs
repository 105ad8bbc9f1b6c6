//! Whole commands of a desk in SQLite, compared with the same rows written by hand.
//!
//! ```text
//! cargo bench --bench commit              # up to 90 s
//! cargo bench --bench commit -- --quick   # up to 15 s
//! cargo bench --bench commit -- --normal  # without syncs, for a profiler
//! ```
//!
//! A command writes the ticket row, its events, its timers and the receipt that identifies a repeated request.
//! The handwritten lane uses rusqlite, cached statements, the desk's tables and indexes, and bytes that a desk
//! wrote earlier. It uses `BEGIN IMMEDIATE` and the same durability, log and checkpoints. It reads only what a
//! correct program must read: the receipt under the key, and the ticket row (or the last number of the desk, if
//! it opens a ticket). It decides, builds and checks nothing. At the end both databases must have the same
//! content.

#[path = "shared/desk.rs"]
mod desk;
#[path = "shared/measure.rs"]
#[allow(dead_code)]
mod measure;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use desk::{desk_in, request, scattered};
use firstline::sqlite::{Durability, Sqlite};
use firstline::time::{DateTime, ManualTime, TimeDelta, TimeSource, Utc};
use firstline::{Action, Actor, Desk, TicketId};
use measure::{Lane, Limits, aim, nanos, side_by_side};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// Commands of one kind per round.
const BATCH: usize = 5;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Command {
    Open,
    Start,
    Answer,
}

const COMMANDS: [(Command, &str); 3] = [
    (Command::Open, "open a ticket"),
    (Command::Start, "act: start"),
    (Command::Answer, "act: reply and resolve"),
];

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (rounds, seconds) = if quick { (100, 2) } else { (600, 15) };
    println!("Whole commands, compared with the same rows written by hand (SQLite {}).", rusqlite::version());
    println!("cargo bench --bench commit{}", if quick { " -- --quick" } else { "" });
    // The build directory, because a temporary directory may be in memory, where a sync does nothing.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let scribe = Script::written(&place.path().join("scribe.db"), rounds + 1);
    let only_normal = std::env::args().any(|argument| argument == "--normal");
    for (durability, name) in [(Durability::Full, "FULL"), (Durability::Normal, "NORMAL")] {
        if only_normal && durability == Durability::Full {
            continue;
        }
        let directory = place.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        let seconds = if durability == Durability::Full { seconds } else { 1 + seconds / 5 };
        let limits = Limits { rounds, time: Duration::from_secs(seconds) };
        compare(&directory, durability, name, limits, &scribe);
    }
    log_bytes(place.path());
}

fn compare(directory: &Path, durability: Durability, name: &str, mut limits: Limits, script: &Script) {
    let ours = RefCell::new(Player::new(&directory.join("ours.db"), durability));
    let by_hand = RefCell::new(ByHand::new(&directory.join("by-hand.db"), durability, true));
    let blind = RefCell::new(ByHand::new(&directory.join("blind.db"), durability, false));
    let disk = RefCell::new(File::create(directory.join("disk")).unwrap());
    // The first table opens the tickets, the second starts them, the third answers them.
    for (index, (command, what)) in COMMANDS.into_iter().enumerate() {
        let rows = &script.0[index];
        let at = [Cell::new(0), Cell::new(0), Cell::new(0)];
        let next = |cell: &Cell<usize>| cell.replace(cell.get() + 1);
        let (batches, [a, b, c]) = (rows.chunks(BATCH).collect::<Vec<_>>(), &at);
        let mut lanes: Vec<Lane<'_>> = vec![
            ("the same rows, by hand", Box::new(|| by_hand.borrow_mut().play(command, batches[next(a)]))),
            ("the same rows, without reads", Box::new(|| blind.borrow_mut().play(command, batches[next(b)]))),
            ("firstline", Box::new(|| ours.borrow_mut().play(command, next(c)))),
        ];
        if durability == Durability::Full {
            lanes.push(("one 4 KiB page written and synced", Box::new(|| sync(&mut disk.borrow_mut()))));
        }
        let title = format!("{what}, synchronous = {name}");
        let ratios = side_by_side(&title, ("us", 1e3), limits, lanes);
        // The next table needs the tickets of this one.
        limits.rounds = at[0].get() - 1;
        aim(
            &format!("at least 0.80 of the handwritten speed: {:.2}", 1.0 / ratios[2]),
            ratios[2] <= 1.0 / 0.8,
        );
    }
    drop(ours);
    for other in ["by-hand.db", "blind.db"] {
        let (ours, other) = (content(&directory.join("ours.db")), content(&directory.join(other)));
        assert!(ours == other, "the handwritten rows differ from the rows of the desk");
    }
}

/// A desk that plays the script.
struct Player {
    desk: Desk<Sqlite>,
    time: ManualTime,
    began: DateTime<Utc>,
    anna: Actor,
    tickets: Vec<TicketId>,
}

impl Player {
    fn new(file: &Path, durability: Durability) -> Player {
        let (desk, time) = desk_in(file, durability);
        Player { desk, began: time.now(), time, anna: Actor::agent("anna"), tickets: Vec::new() }
    }

    /// Plays a batch of commands of one kind. Returns nanoseconds per command.
    fn play(&mut self, command: Command, batch: usize) -> f64 {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let requests: Vec<_> =
            numbers.clone().map(|number| request(number).idempotency_key(key(command, number))).collect();
        nanos(BATCH, || {
            for (number, request) in numbers.zip(requests) {
                self.time
                    .set(self.began + TimeDelta::days(command as i64) + TimeDelta::seconds(number as i64));
                if command == Command::Open {
                    self.tickets.push(self.desk.open_ticket(request).unwrap().id());
                    continue;
                }
                let action = match command {
                    Command::Answer => {
                        Action::reply("Your bank asks for 3-D Secure; here is how to switch it on.")
                            .and(Action::resolve("answered"))
                    }
                    _ => Action::start(),
                };
                let by = self.anna.idempotency_key(key(command, number));
                self.desk.act(self.tickets[number], action, by).unwrap();
            }
        })
    }
}

impl Player {
    /// The rows that a batch of commands wrote.
    fn written(&self, reader: &Connection, command: Command, batch: usize) -> Vec<Written> {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        numbers.map(|number| written(reader, self.tickets[number], &key(command, number))).collect()
    }
}

/// A key without order, like the random keys of programs.
fn key(command: Command, number: usize) -> String {
    format!("{:016x}-{}", scattered(number as u64), command as u8)
}

type Row = Vec<Value>;

/// The values that one command binds to its statements: ticket, events, timers, receipt.
struct Written {
    ticket: Row,
    events: Vec<Row>,
    timers: Vec<Row>,
    receipt: Row,
}

/// The rows of each command of the script, read from a database in which a desk played it.
struct Script([Vec<Written>; 3]);

impl Script {
    fn written(file: &Path, batches: usize) -> Script {
        let mut player = Player::new(file, Durability::Normal);
        let reader = connection(file, Durability::Normal);
        Script(COMMANDS.map(|(command, _)| {
            (0..batches)
                .flat_map(|batch| {
                    player.play(command, batch);
                    player.written(&reader, command, batch)
                })
                .collect()
        }))
    }
}

fn written(reader: &Connection, ticket: TicketId, key: &str) -> Written {
    let ticket = ticket.as_uuid().as_bytes().to_vec();
    let rows = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| -> Vec<Row> {
        let mut statement = reader.prepare_cached(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get(column)).collect();
        statement.query_map(parameters, row).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let receipt = rows(
        "SELECT desk, kind, key, version, facts, i2, tries FROM firstline_record \
         WHERE desk = 'main' AND kind = 'r' AND key = ?1",
        &[&key],
    );
    // Byte 32 of the receipt, after the request digest and the ticket id, is the version before the command.
    let Value::Blob(facts) = &receipt[0][4] else { panic!("{receipt:?}") };
    let before = i64::from(facts[32]);
    Written {
        ticket: rows(
            "SELECT desk, id, version, facts, personal, state, open, priority, due_at, opened_at, team, assignee, \
             requester, number FROM firstline_ticket WHERE desk = 'main' AND id = ?1",
            &[&ticket],
        )
        .remove(0),
        events: rows(
            "SELECT desk, ticket, version, at, facts, personal FROM firstline_event \
             WHERE desk = 'main' AND ticket = ?1 AND version > ?2",
            &[&ticket, &before],
        ),
        timers: rows(
            "SELECT desk, ticket, kind, subject, due_at, armed_by FROM firstline_timer \
             WHERE desk = 'main' AND ticket = ?1",
            &[&ticket],
        ),
        receipt: receipt[0].clone(),
    }
}

/// The handwritten lane: it writes the rows of the script.
struct ByHand {
    connection: Connection,
    reads: bool,
}

impl ByHand {
    fn new(file: &Path, durability: Durability, reads: bool) -> ByHand {
        drop(desk_in(file, durability)); // creates the tables
        ByHand { connection: connection(file, durability), reads }
    }

    fn play(&mut self, command: Command, batch: &[Written]) -> f64 {
        nanos(BATCH, || batch.iter().for_each(|written| self.write(command, written).unwrap()))
    }

    fn run(&self, sql: &str, row: &[Value]) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(params_from_iter(row)).map(drop)
    }

    /// Reads the bytes of the first row. A program would decide by them.
    fn read(&self, sql: &str, key: &[Value]) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params_from_iter(key))?;
        if let Some(row) = rows.next()? {
            std::hint::black_box(row.get_ref(0)?);
        }
        Ok(())
    }

    fn write(&self, command: Command, written: &Written) -> rusqlite::Result<()> {
        let Written { ticket, events, timers, receipt } = written;
        self.run("BEGIN IMMEDIATE", &[])?;
        if self.reads {
            self.read(
                "SELECT facts FROM firstline_record WHERE desk = ?1 AND kind = ?2 AND key = ?3",
                &receipt[..3],
            )?;
            match command {
                Command::Open => {
                    self.read("SELECT last_number FROM firstline_desk WHERE desk = ?1", &ticket[..1])?;
                }
                _ => self.read(
                    "SELECT facts, personal FROM firstline_ticket WHERE desk = ?1 AND id = ?2",
                    &ticket[..2],
                )?,
            }
        }
        match command {
            Command::Open => {
                self.run(
                    "INSERT INTO firstline_desk (desk, last_number) VALUES (?1, 1) \
                     ON CONFLICT (desk) DO UPDATE SET last_number = last_number + 1",
                    &ticket[..1],
                )?;
                self.run(
                    "INSERT INTO firstline_ticket (desk, id, version, facts, personal, state, open, priority, due_at, \
                     opened_at, team, assignee, requester, number) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
                    ticket,
                )?;
            }
            // No index contains the state, so this updates no index.
            Command::Start => self.run(
                "UPDATE firstline_ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6 \
                 WHERE desk = ?1 AND id = ?2",
                &ticket[..6],
            )?,
            Command::Answer => self.run(
                "UPDATE firstline_ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6, open = ?7 \
                 WHERE desk = ?1 AND id = ?2",
                &ticket[..7],
            )?,
        }
        for event in events {
            self.run(
                "INSERT INTO firstline_event (desk, ticket, version, at, facts, personal) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                event,
            )?;
        }
        for timer in timers {
            self.run(
                "INSERT INTO firstline_timer (desk, ticket, kind, subject, due_at, armed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                timer,
            )?;
        }
        self.run(
            "INSERT INTO firstline_record (desk, kind, key, version, facts, i2, tries) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            receipt,
        )?;
        self.run("COMMIT", &[])
    }
}

/// A connection with the same settings as the desk's connection.
fn connection(file: &Path, durability: Durability) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.set_prepared_statement_cache_capacity(64);
    let synchronous = if durability == Durability::Full { "FULL" } else { "NORMAL" };
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 8000; \
             PRAGMA journal_size_limit = 67108864"
        ))
        .unwrap();
    connection
}

/// The content of all tables, without order.
fn content(file: &Path) -> Vec<Vec<String>> {
    let connection = connection(file, Durability::Normal);
    let table = |(table, key): (&str, &str)| -> Vec<String> {
        let mut statement =
            connection.prepare(&format!("SELECT * FROM firstline_{table} ORDER BY {key}")).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values: Vec<Value> = (0..columns).map(|column| row.get(column)).collect::<Result<_, _>>()?;
            Ok(format!("{values:?}"))
        };
        statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let tables = [
        ("desk", "desk"),
        ("ticket", "desk, id"),
        ("event", "desk, ticket, version"),
        ("timer", "desk, ticket, kind, subject"),
        ("record", "desk, kind, key"),
    ];
    tables.into_iter().map(table).collect()
}

/// Overwrites one page and syncs it. No durable commit is faster.
fn sync(file: &mut File) -> f64 {
    nanos(BATCH, || {
        for _ in 0..BATCH {
            file.seek(SeekFrom::Start(0)).unwrap();
            file.write_all(&[7; 4096]).unwrap();
            file.sync_data().unwrap();
        }
    })
}

/// Prints how much each kind of command adds to the write-ahead log of a database with some tickets.
fn log_bytes(place: &Path) {
    const TICKETS: usize = 2_000;
    const PLAYED: usize = 20;
    let file = place.join("log.db");
    let mut player = Player::new(&file, Durability::Normal);
    let other = connection(&file, Durability::Normal);
    for batch in 0..TICKETS / BATCH {
        player.play(Command::Open, batch);
    }
    let mut by_hand = ByHand::new(&place.join("log-by-hand.db"), Durability::Normal, true);
    for batch in 0..TICKETS / BATCH {
        by_hand.play(Command::Open, &player.written(&other, Command::Open, batch));
    }
    println!("\nWrite-ahead log at {TICKETS} tickets, KiB a command {:>10} {:>10}", "firstline", "by hand");
    for (command, what) in COMMANDS {
        for connection in [&other, &by_hand.connection] {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        let first = if command == Command::Open { TICKETS / BATCH } else { 0 };
        for batch in first..first + PLAYED {
            player.play(command, batch);
            by_hand.play(command, &player.written(&other, command, batch));
        }
        let log = |name: &str| {
            let bytes = std::fs::metadata(place.join(name)).unwrap().len();
            bytes as f64 / 1024.0 / (PLAYED * BATCH) as f64
        };
        println!("{what:<51} {:>10.1} {:>10.1}", log("log.db-wal"), log("log-by-hand.db-wal"));
    }
}

//! Databases with many tickets of ten events each. Plain SQL fills them once with copies of rows that a desk
//! wrote, and they stay under `target/`.

use std::path::{Path, PathBuf};

use firstline::definition::Fingerprint;
use firstline::sqlite::Durability;
use firstline::time::{DateTime, TimeDelta, TimeSource, Utc};
use firstline::{Action, Actor, HoldReason, Snapshot};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::desk::{desk_in, request, scattered};

const TEMPLATES: usize = 240;

/// Events per ticket. Notes make up the number after the opening and the steps of the ticket.
pub(crate) const EVENTS: usize = 10;

/// The rows that a desk wrote for one ticket.
pub(crate) struct Template {
    ticket: Snapshot,
    personal: String,
    state: String,
    place: (bool, i64, i64),
    people: [Option<String>; 3],
    /// Instant, facts and personal part, in the order of versions.
    events: Vec<(i64, String, Option<String>)>,
}

/// Tickets of a desk. Most are closed.
pub(crate) fn templates() -> Vec<Template> {
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = place.path().join("templates.db");
    let (desk, time) = desk_in(&file, Durability::Normal);
    let anna = Actor::agent("anna");
    for number in 0..TEMPLATES {
        time.advance(TimeDelta::seconds(1));
        let id = desk.open_ticket(request(number)).unwrap().id();
        let act = |action| drop(desk.act(id, action, &anna).unwrap());
        let last = match number * 7 % 20 {
            0 => None,
            1 => Some(Action::start().and(Action::assign("anna")).and(Action::hold(HoldReason::Customer))),
            2 => Some(Action::reply("Try it now.").and(Action::resolve("answered"))),
            _ => Some(Action::reply("Try it now.").and(Action::resolve("answered")).and(Action::close())),
        };
        let others = 1 + last.as_ref().map_or(0, |it| it.parts().len());
        (others..EVENTS).for_each(|_| act(Action::note("Their 3-D Secure server was down this morning.")));
        last.into_iter().for_each(act);
    }
    let connection = Connection::open(&file).unwrap();
    let mut events = connection
        .prepare("SELECT at, facts, personal FROM firstline_event WHERE ticket = ?1 ORDER BY version")
        .unwrap();
    let mut statement = connection
        .prepare(
            "SELECT facts, personal, state, open, priority, due_at, team, assignee, requester, id \
             FROM firstline_ticket ORDER BY number",
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
            events: events
                .query_map([row.get::<_, Vec<u8>>(9)?], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?,
        })
    };
    let templates: Vec<Template> =
        statement.query_map([], template).unwrap().collect::<Result<_, _>>().unwrap();
    assert!(templates.iter().all(|it| it.events.len() == EVENTS));
    templates
}

/// The database with this number of tickets. It is built if it is missing, or if the rows of a desk have
/// changed since.
pub(crate) fn filled(tickets: usize, templates: &[Template]) -> PathBuf {
    let written: Vec<_> = templates.iter().map(|it| (&it.ticket, &it.personal, &it.events)).collect();
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
        let (mib, seconds) = (file.metadata().unwrap().len() >> 20, begun.elapsed().as_secs_f64());
        println!("built {tickets} tickets of {EVENTS} events in {seconds:.0} s: {mib} MiB");
    }
    file
}

fn fill(
    connection: &mut Connection,
    tickets: usize,
    templates: &[Template],
    began: DateTime<Utc>,
) -> rusqlite::Result<()> {
    // A build that was interrupted is discarded, so nothing needs to be durable before the end.
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
            "INSERT INTO firstline_event (desk, ticket, version, at, facts, personal) VALUES ('main', ?1, ?2, ?3, ?4, ?5)",
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
            let later = at - template.events[0].0;
            for (version, (at, facts, personal)) in (1..).zip(&template.events) {
                insert_event.execute(params![key, version, at + later, facts, personal])?;
            }
            if template.state == "resolved" {
                insert_timer.execute(params![key, at + 5 * 86_400_000_000, ticket.version as i64])?;
            }
        }
        tx.execute("INSERT INTO firstline_desk (desk, last_number) VALUES ('main', ?1)", [tickets as i64])?;
    }
    tx.commit()?;
    connection.execute_batch("PRAGMA journal_mode = WAL").map(drop)
}

/// The same ticket with another id, number and opening instant.
fn numbered(template: &Snapshot, id: Uuid, number: u64, opened: DateTime<Utc>) -> Snapshot {
    let mut ticket = template.clone();
    (ticket.id, ticket.number.value) = (id.into(), number);
    let later = opened - template.opened_at;
    (ticket.opened_at, ticket.state_since) = (opened, template.state_since + later);
    ticket.updated_at = template.updated_at + later;
    ticket
}

//! The tables and their migrations. A history table records the applied migrations.
//!
//! Every unique key starts with the desk, so that the keys of one desk are adjacent. Times are microseconds since 1970
//! in UTC. The personal part of tickets, events and records has a column of its own. The column `personal_key` is
//! reserved for the id of an encryption key, and `chain` of the table `event` for a hash. Both are empty in this
//! version.
//!
//! `contact` lists the contacts of tickets except the requesters, which are in `ticket`.
//!
//! `record` is a table WITHOUT ROWID, in which large rows are inefficient. So the facts and the personal part of a
//! large record are stored in `record_body`, and both are null in `record`.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{commit_on, fault};
use crate::codec::verify_indexes;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};

/// A migration. Migrations are applied once and in order, and are never changed after a release.
struct Migration {
    version: i64,
    name: &'static str,
    sql: &'static str,
}

/// `{p}` stands for the table prefix.
const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    name: "foundation",
    sql: "
CREATE TABLE {p}desk (
    desk TEXT NOT NULL PRIMARY KEY,
    last_number INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE {p}ticket (
    desk TEXT NOT NULL,
    id BLOB NOT NULL,
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    state TEXT NOT NULL,
    open INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    team TEXT,
    assignee TEXT,
    requester TEXT,
    facts TEXT NOT NULL,
    personal TEXT,
    personal_key TEXT
);
CREATE UNIQUE INDEX {p}ticket_id ON {p}ticket (desk, id);
CREATE UNIQUE INDEX {p}ticket_number ON {p}ticket (desk, number);
CREATE INDEX {p}ticket_inbox ON {p}ticket (desk, priority, due_at, opened_at, id) WHERE open = 1;
CREATE INDEX {p}ticket_team ON {p}ticket (desk, team, priority, due_at, opened_at, id)
    WHERE open = 1 AND team IS NOT NULL;
CREATE INDEX {p}ticket_assignee ON {p}ticket (desk, assignee, priority, due_at, opened_at, id)
    WHERE open = 1 AND assignee IS NOT NULL;
CREATE INDEX {p}ticket_of_team ON {p}ticket (desk, team, id) WHERE team IS NOT NULL;
CREATE INDEX {p}ticket_of_assignee ON {p}ticket (desk, assignee, id) WHERE assignee IS NOT NULL;
CREATE INDEX {p}ticket_requester ON {p}ticket (desk, requester, id) WHERE requester IS NOT NULL;

CREATE TABLE {p}contact (
    desk TEXT NOT NULL,
    contact TEXT NOT NULL,
    ticket BLOB NOT NULL,
    PRIMARY KEY (desk, contact, ticket)
) WITHOUT ROWID;

CREATE TABLE {p}event (
    desk TEXT NOT NULL,
    ticket BLOB NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    facts TEXT NOT NULL,
    personal TEXT,
    personal_key TEXT,
    chain BLOB,
    PRIMARY KEY (desk, ticket, version)
) WITHOUT ROWID;

CREATE TABLE {p}timer (
    desk TEXT NOT NULL,
    ticket BLOB NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    armed_by INTEGER NOT NULL,
    PRIMARY KEY (desk, ticket, kind, subject)
) WITHOUT ROWID;
CREATE INDEX {p}timer_due ON {p}timer (desk, due_at, kind, subject, ticket);

CREATE INDEX {p}timer_all_desks ON {p}timer (due_at, desk, ticket);

CREATE TABLE {p}record (
    desk TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    facts BLOB,
    personal BLOB,
    personal_key TEXT,
    i1 TEXT,
    i2 TEXT,
    i3 TEXT,
    due INTEGER,
    tries INTEGER NOT NULL,
    PRIMARY KEY (desk, kind, key)
) WITHOUT ROWID;
CREATE INDEX {p}record_i1 ON {p}record (desk, kind, i1) WHERE i1 IS NOT NULL;
CREATE INDEX {p}record_i2 ON {p}record (desk, kind, i2) WHERE i2 IS NOT NULL;
CREATE INDEX {p}record_i3 ON {p}record (desk, kind, i3) WHERE i3 IS NOT NULL;
CREATE INDEX {p}record_due ON {p}record (kind, due) WHERE due IS NOT NULL;

CREATE TABLE {p}record_body (
    desk TEXT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    facts BLOB NOT NULL,
    personal BLOB,
    PRIMARY KEY (desk, kind, key)
);
",
}];

/// Applies missing migrations in one transaction. An up-to-date database is only read.
///
/// # Errors
/// [`ErrorKind::Schema`] if the tables are newer than this version, differ from these migrations, or lack an index.
/// They are left untouched.
pub(super) fn migrate(connection: &mut Connection, prefix: &str) -> Result<()> {
    if applied(connection, prefix)? == MIGRATIONS.len() {
        return verify(connection, prefix);
    }
    // Several programs may start at once. The check is repeated inside the lock, so that only the first one migrates.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let done = applied(&tx, prefix)?;
    if done == 0 {
        tx.execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS {prefix}migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
             checksum BLOB NOT NULL, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
        ))
        .map_err(fault)?;
    }
    for Migration { version, name, sql } in &MIGRATIONS[done..] {
        tx.execute_batch(&sql.replace("{p}", prefix)).map_err(|error| {
            let problem =
                format!("migration {version} ({name}) cannot be applied: other tables {prefix}… may exist");
            Error::new(ErrorKind::Schema, problem).caused_by(error)
        })?;
        tx.execute(
            &format!("INSERT INTO {prefix}migration (version, name, checksum) VALUES (?1, ?2, ?3)"),
            params![version, name, Fingerprint::of(sql).as_bytes()],
        )
        .map_err(fault)?;
    }
    commit_on(&tx)
}

/// Verifies that all indexes exist. To SQLite, upper and lower case are the same name.
fn verify(connection: &Connection, prefix: &str) -> Result<()> {
    let mut statement =
        connection.prepare("SELECT lower(name) FROM sqlite_master WHERE type = 'index'").map_err(fault)?;
    let existing = statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(fault)?;
    MIGRATIONS
        .iter()
        .try_for_each(|it| verify_indexes(&it.sql.replace("{p}", &prefix.to_ascii_lowercase()), &existing))
}

/// Returns the number of applied migrations.
///
/// # Errors
/// [`ErrorKind::Schema`] if there are more than these, or if one differs.
fn applied(connection: &Connection, prefix: &str) -> Result<usize> {
    let table = format!("{prefix}migration");
    let known: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE",
            [&table],
            |row| row.get(0),
        )
        .optional()
        .map_err(fault)?;
    if known.is_none() {
        return Ok(0);
    }
    let mut statement = connection
        .prepare(&format!("SELECT version, checksum FROM {table} ORDER BY version"))
        .map_err(|error| {
            Error::new(ErrorKind::Schema, format!("the table {table} is not firstline's")).caused_by(error)
        })?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        .map_err(fault)?;
    if rows.len() > MIGRATIONS.len() {
        let problem = format!(
            "the tables {prefix}… have schema version {}, but this firstline supports up to {}; left untouched",
            rows.len(),
            MIGRATIONS.len()
        );
        return Err(Error::new(ErrorKind::Schema, problem).allowing("a newer version of firstline"));
    }
    for ((version, checksum), ours) in rows.iter().zip(MIGRATIONS) {
        if *version != ours.version || checksum != Fingerprint::of(ours.sql).as_bytes() {
            let problem =
                format!("migration {version} of the tables {prefix}… is not firstline's; left untouched");
            return Err(Error::new(ErrorKind::Schema, problem));
        }
    }
    Ok(rows.len())
}

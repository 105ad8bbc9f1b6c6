//! Writes a commit as one statement, so that a dropped future or a lost connection leaves all of it or nothing.

use std::collections::HashMap;
use std::sync::Arc;

use super::driver::{SqlValue, Statement};
use super::sql::Shared;
use crate::codec::{self, Columns, Place, Recent, signed};
use crate::error::Result;
use crate::id::{AgentId, ContactId, DeskId, TeamId, TicketId};
use crate::store::commit::highest_number;
use crate::store::{Content, Expected, Index, RecordWrite};
use crate::ticket::decision::TicketWrite;
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// The parts of the statement, each a `WITH` query. All parts see the rows as they were before the statement. No two
/// parts write the same row.
struct Parts<'s> {
    schema: &'s str,
    parts: Vec<String>,
    values: Vec<SqlValue>,
}

impl Parts<'_> {
    /// Adds a parameter and returns its placeholder, which may be used more than once.
    fn bind(&mut self, value: SqlValue) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn with(&mut self, name: &str, sql: &str) {
        self.parts.push(format!("{name} AS ({})", sql.replace("{s}", self.schema)));
    }

    /// Returns a table of parameters. `columns` holds the type and the values of each column; all columns are equally
    /// long.
    fn table(&mut self, mut columns: Vec<(&str, SqlValue)>) -> String {
        // Most commits write one ticket, so single rows are bound as scalars: PostgreSQL reuses a generic plan only if
        // its cost does not depend on the parameters, and the length of an array changes it.
        let single: Vec<_> =
            columns.iter_mut().filter_map(|(kind, value)| Some((*kind, value.only()?))).collect();
        if single.len() == columns.len() {
            let row: Vec<_> =
                single.into_iter().map(|(kind, value)| format!("{}::{kind}", self.bind(value))).collect();
            return format!("(VALUES ({}))", row.join(", "));
        }
        let columns: Vec<_> =
            columns.into_iter().map(|(kind, value)| format!("{}::{kind}[]", self.bind(value))).collect();
        format!("unnest({})", columns.join(", "))
    }
}

impl Parts<'_> {
    /// Returns a table of parameters, given row by row. `types` holds the type of each column.
    fn rows(&mut self, types: &[&str], rows: Vec<Vec<SqlValue>>) -> String {
        if rows.len() <= BOUND {
            let row = |row: Vec<SqlValue>| {
                let values = row.into_iter().zip(types);
                let bound: Vec<_> =
                    values.map(|(value, kind)| format!("{}::{kind}", self.bind(value))).collect();
                format!("({})", bound.join(", "))
            };
            let rows: Vec<_> = rows.into_iter().map(row).collect();
            return format!("(VALUES {})", rows.join(", "));
        }
        let mut columns: Vec<SqlValue> = types
            .iter()
            .map(|kind| match *kind {
                "text" => SqlValue::Texts(Vec::new()),
                "bytea" => SqlValue::Blobs(Vec::new()),
                _ => SqlValue::Integers(Vec::new()),
            })
            .collect();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                match (column, value) {
                    (SqlValue::Texts(column), SqlValue::Text(value)) => column.push(value),
                    (SqlValue::Blobs(column), SqlValue::Bytes(value)) => column.push(value),
                    (SqlValue::Integers(column), SqlValue::Integer(value)) => column.push(value),
                    _ => {}
                }
            }
        }
        self.table(types.iter().copied().zip(columns).collect())
    }
}

impl Shared {
    /// Returns the statement that writes these tickets and records. It fails, without writing anything, if a version is
    /// not the expected one.
    ///
    /// `before` has the tickets that were read, in the version that was read. Only the differences of their contacts
    /// are written, and unchanged timers are left alone.
    pub(super) fn write(
        &self,
        desk: &DeskId,
        tickets: Vec<TicketWrite>,
        records: Vec<RecordWrite>,
        before: &HashMap<TicketId, Arc<Snapshot>>,
    ) -> Result<Statement<'static>> {
        let Shared { sql, recent } = self;
        let mut parts =
            Parts { schema: &sql.schema, parts: Vec::new(), values: vec![SqlValue::from(desk.as_str())] };
        let highest = highest_number(&tickets);
        if highest > 0 {
            let highest = parts.bind(SqlValue::Integer(signed(highest)));
            parts.with(
                "numbered",
                &format!(
                    "INSERT INTO {{s}}.desk AS desk (desk, last_number) VALUES ($1, {highest}) \
                     ON CONFLICT (desk) DO UPDATE SET last_number = greatest(desk.last_number, excluded.last_number)"
                ),
            );
        }
        let timers_unchanged = |write: &TicketWrite| match before.get(&write.snapshot.id) {
            Some(before) => before.timers() == write.timers,
            None => write.expected == 0 && write.timers.is_empty(),
        };
        let timers_changed: Vec<_> = tickets.iter().filter(|it| !timers_unchanged(it)).collect();
        timers(&mut parts, &timers_changed);
        contacts(&mut parts, &tickets, before);
        events(&mut parts, tickets.iter().flat_map(|write| &write.events))?;
        let (old, new): (Vec<_>, Vec<_>) = tickets.into_iter().partition(|write| write.expected > 0);
        insert(&mut parts, new, recent)?;
        let updated = update(&mut parts, old, recent)?;

        let (found, wanted) = write_records(&mut parts, records);
        let mut counts: Vec<_> = found.into_iter().collect();
        if updated > 0 {
            counts.push("updated");
        }
        let wanted = wanted + updated;

        // A row that was not written has another version, is missing, or exists although it must not. The cast, and so
        // the statement, then fails.
        let check = if counts.is_empty() {
            "SELECT 0".to_owned()
        } else {
            let counts: Vec<_> = counts.iter().map(|part| format!("(SELECT count(*) FROM {part})")).collect();
            let wanted = parts.bind(SqlValue::Integer(wanted));
            format!(
                "SELECT CASE WHEN found = {wanted} THEN 0 ELSE ('stale: ' || found)::integer END \
                 FROM (SELECT {} AS found) AS it",
                counts.join(" + ")
            )
        };
        let Parts { parts, values, .. } = parts;
        let with = if parts.is_empty() { String::new() } else { format!("WITH {} ", parts.join(", ")) };
        Ok(Statement::new(format!("{with}{check}"), values))
    }
}

fn events<'e>(parts: &mut Parts<'_>, events: impl Iterator<Item = &'e Event>) -> Result<()> {
    let (mut tickets, mut versions, mut instants) = (Vec::new(), Vec::new(), Vec::new());
    let (mut facts, mut personal) = (Vec::new(), Vec::new());
    for event in events {
        let (its_facts, its_personal) = codec::event_to_json(event)?;
        tickets.push(event.ticket.as_uuid());
        versions.push(signed(event.version));
        instants.push(event.at.timestamp_micros());
        facts.push(Some(its_facts));
        personal.push(its_personal);
    }
    if tickets.is_empty() {
        return Ok(());
    }
    let table = parts.table(vec![
        ("uuid", SqlValue::Ids(tickets)),
        ("bigint", SqlValue::Integers(versions)),
        ("bigint", SqlValue::Integers(instants)),
        ("text", SqlValue::Texts(facts)),
        ("text", SqlValue::Texts(personal)),
    ]);
    parts.with(
        "events",
        &format!("INSERT INTO {{s}}.event (desk, ticket, version, at, facts, personal) SELECT $1, it.* FROM {table} AS it"),
    );
    Ok(())
}

/// The columns that inserts and updates of tickets share, the key first.
const COLUMNS: [&str; 12] = [
    "id",
    "version",
    "state",
    "open",
    "priority",
    "due_at",
    "opened_at",
    "team",
    "assignee",
    "requester",
    "facts",
    "personal",
];

/// The values of ticket rows, column by column.
#[derive(Default)]
struct Rows {
    ids: Vec<uuid::Uuid>,
    versions: Vec<i64>,
    states: Vec<Option<String>>,
    open: Vec<bool>,
    priorities: Vec<i64>,
    due: Vec<i64>,
    opened: Vec<i64>,
    teams: Vec<Option<String>>,
    assignees: Vec<Option<String>>,
    requesters: Vec<Option<String>>,
    facts: Vec<Option<String>>,
    personal: Vec<Option<String>>,
}

impl Rows {
    fn add(&mut self, ticket: Snapshot, recent: &Recent) -> Result<()> {
        let Columns { place: Place { open, inbox, team, assignee }, requester, .. } = Columns::of(&ticket);
        self.ids.push(ticket.id.as_uuid());
        self.versions.push(signed(ticket.version));
        self.states.push(Some(ticket.state.kind().name().to_owned()));
        self.open.push(open);
        self.priorities.push(i64::from(inbox.priority));
        self.due.push(inbox.due);
        self.opened.push(inbox.opened);
        self.teams.push(team.as_ref().map(TeamId::as_str).map(str::to_owned));
        self.assignees.push(assignee.as_ref().map(AgentId::as_str).map(str::to_owned));
        self.requesters.push(requester.as_ref().map(ContactId::as_str).map(str::to_owned));
        recent.written(ticket, |facts, personal| {
            self.facts.push(Some(facts.to_owned()));
            self.personal.push(personal.map(str::to_owned));
            Ok(())
        })
    }

    /// Returns the rows as a table, with further columns at the end.
    fn table<const N: usize>(self, parts: &mut Parts<'_>, more: [(&'static str, SqlValue); N]) -> String {
        let mut columns = vec![
            ("uuid", SqlValue::Ids(self.ids)),
            ("bigint", SqlValue::Integers(self.versions)),
            ("text", SqlValue::Texts(self.states)),
            ("boolean", SqlValue::Booleans(self.open)),
            ("bigint", SqlValue::Integers(self.priorities)),
            ("bigint", SqlValue::Integers(self.due)),
            ("bigint", SqlValue::Integers(self.opened)),
            ("text", SqlValue::Texts(self.teams)),
            ("text", SqlValue::Texts(self.assignees)),
            ("text", SqlValue::Texts(self.requesters)),
            ("text", SqlValue::Texts(self.facts)),
            ("text", SqlValue::Texts(self.personal)),
        ];
        columns.extend(more);
        parts.table(columns)
    }
}

fn insert(parts: &mut Parts<'_>, tickets: Vec<TicketWrite>, recent: &Recent) -> Result<()> {
    if tickets.is_empty() {
        return Ok(());
    }
    let mut rows = Rows::default();
    let mut numbers = Vec::new();
    for TicketWrite { snapshot, .. } in tickets {
        numbers.push(signed(snapshot.number.value));
        rows.add(snapshot, recent)?;
    }
    let (table, columns) = (rows.table(parts, [("bigint", SqlValue::Integers(numbers))]), COLUMNS.join(", "));
    parts.with(
        "opened",
        &format!("INSERT INTO {{s}}.ticket (desk, {columns}, number) SELECT $1, it.* FROM {table} AS it"),
    );
    Ok(())
}

/// Adds the part that updates these tickets. Returns the number of rows that it must update.
fn update(parts: &mut Parts<'_>, tickets: Vec<TicketWrite>, recent: &Recent) -> Result<i64> {
    if tickets.is_empty() {
        return Ok(0);
    }
    let mut rows = Rows::default();
    let mut expected = Vec::new();
    for TicketWrite { expected: version, snapshot, .. } in tickets {
        expected.push(signed(version));
        rows.add(snapshot, recent)?;
    }
    let count = i64::try_from(expected.len()).unwrap_or(i64::MAX);
    let table = rows.table(parts, [("bigint", SqlValue::Integers(expected))]);
    let set: Vec<_> = COLUMNS[1..].iter().map(|column| format!("{column} = it.{column}")).collect();
    // PostgreSQL compares the values itself, and leaves indexes alone if no indexed value has changed.
    parts.with(
        "updated",
        &format!(
            "UPDATE {{s}}.ticket AS ticket SET {} FROM {table} AS it ({}, expected) \
             WHERE ticket.desk = $1 AND ticket.id = it.id AND ticket.version = it.expected RETURNING 1",
            set.join(", "),
            COLUMNS.join(", ")
        ),
    );
    Ok(count)
}

/// Adds the parts that write the contacts of these tickets, except the requesters.
fn contacts(parts: &mut Parts<'_>, tickets: &[TicketWrite], before: &HashMap<TicketId, Arc<Snapshot>>) {
    let (mut added, mut removed, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for TicketWrite { expected, snapshot, .. } in tickets {
        let id = snapshot.id.as_uuid();
        let now = codec::other_contacts(snapshot);
        let stored = before.get(&snapshot.id).map(|it| codec::other_contacts(it)).unwrap_or_default();
        if *expected > 0 && !before.contains_key(&snapshot.id) {
            unread.push(id);
        }
        added.extend(now.difference(&stored).map(|contact| (contact.as_str().to_owned(), id)));
        removed.extend(stored.difference(&now).map(|contact| (contact.as_str().to_owned(), id)));
    }
    let mut table = |rows: Vec<(String, uuid::Uuid)>| {
        let (contacts, ids): (Vec<_>, Vec<_>) =
            rows.into_iter().map(|(contact, id)| (Some(contact), id)).unzip();
        parts.table(vec![("text", SqlValue::Texts(contacts)), ("uuid", SqlValue::Ids(ids))])
    };
    let (has_removed, has_added) = (!removed.is_empty(), !added.is_empty());
    // Every parameter of a statement must be used, so a table is made only for a part that uses it.
    let removed = has_removed.then(|| table(removed));
    let added = (has_added || !unread.is_empty()).then(|| table(added));
    if let Some(removed) = removed {
        parts.with(
            "contacts_removed",
            &format!(
                "DELETE FROM {{s}}.contact AS contact USING {removed} AS it (contact, ticket) \
                 WHERE contact.desk = $1 AND contact.contact = it.contact AND contact.ticket = it.ticket"
            ),
        );
    }
    if let (Some(added), false) = (&added, unread.is_empty()) {
        let unread = parts.table(vec![("uuid", SqlValue::Ids(unread))]);
        parts.with(
            "contacts_replaced",
            &format!(
                "DELETE FROM {{s}}.contact AS contact WHERE desk = $1 \
                 AND ticket IN (SELECT it.ticket FROM {unread} AS it (ticket)) AND NOT EXISTS (\
                 SELECT FROM {added} AS it (contact, ticket) \
                 WHERE it.contact = contact.contact AND it.ticket = contact.ticket)"
            ),
        );
    }
    if let (Some(added), true) = (added, has_added) {
        parts.with(
            "contacts_added",
            &format!(
                "INSERT INTO {{s}}.contact (desk, contact, ticket) SELECT $1, it.* FROM {added} AS it \
                 ON CONFLICT (desk, contact, ticket) DO NOTHING"
            ),
        );
    }
}

/// Adds the parts that replace the timers of these tickets. Unchanged timers are not rewritten.
fn timers(parts: &mut Parts<'_>, tickets: &[&TicketWrite]) {
    let old: Vec<_> =
        tickets.iter().filter(|it| it.expected > 0).map(|it| it.snapshot.id.as_uuid()).collect();
    let armed: Vec<(TicketId, u64, &Timer)> = tickets
        .iter()
        .flat_map(|it| it.timers.iter().map(|timer| (it.snapshot.id, it.snapshot.version, timer)))
        .collect();
    if armed.is_empty() && old.is_empty() {
        return;
    }
    let texts = |of: fn(&Timer) -> &str| armed.iter().map(|(.., it)| Some(of(it).to_owned())).collect();
    let table = parts.table(vec![
        ("uuid", SqlValue::Ids(armed.iter().map(|(id, ..)| id.as_uuid()).collect())),
        ("text", SqlValue::Texts(texts(|it| it.kind.as_str()))),
        ("text", SqlValue::Texts(texts(|it| &it.subject))),
        ("bigint", SqlValue::Integers(armed.iter().map(|(.., it)| it.due.timestamp_micros()).collect())),
        ("bigint", SqlValue::Integers(armed.iter().map(|(_, version, _)| signed(*version)).collect())),
    ]);
    if !old.is_empty() {
        let old = parts.table(vec![("uuid", SqlValue::Ids(old))]);
        parts.with(
            "disarmed",
            &format!(
                "DELETE FROM {{s}}.timer AS timer WHERE desk = $1 AND ticket IN (SELECT it.ticket FROM {old} AS it (ticket)) AND NOT EXISTS (\
                 SELECT FROM {table} AS it (ticket, kind, subject, due_at, armed_by) \
                 WHERE it.ticket = timer.ticket AND it.kind = timer.kind AND it.subject = timer.subject)"
            ),
        );
    }
    if !armed.is_empty() {
        parts.with(
            "armed",
            &format!(
                "INSERT INTO {{s}}.timer AS timer (desk, ticket, kind, subject, due_at, armed_by) \
                 SELECT $1, it.* FROM {table} AS it \
                 ON CONFLICT (desk, ticket, kind, subject) DO UPDATE SET due_at = excluded.due_at, \
                 armed_by = excluded.armed_by WHERE timer.due_at <> excluded.due_at"
            ),
        );
    }
}

/// The number of records up to which values are bound one by one, so that the statement text is reused.
const BOUND: usize = 4;

/// The types of the columns of a record's content, and of the expected version.
const CONTENT: [&str; 8] = ["bytea", "bytea", "text", "text", "text", "bigint", "bigint", "bigint"];

/// Adds the parts that write these records. Returns the names of the parts with counted rows, and the number of rows
/// that they must have together.
fn write_records(parts: &mut Parts<'_>, records: Vec<RecordWrite>) -> (Vec<&'static str>, i64) {
    let (mut new, mut changed, mut perhaps, mut put, mut gone, mut cleared, mut never) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for RecordWrite { kind, key, expected, content } in records {
        let mut row = vec![SqlValue::from(kind.code()), SqlValue::Text(Some(key))];
        match (expected, content) {
            (Expected::Absent, Some(content)) => new.push(with_content(row, content, 0)),
            (Expected::Any, Some(content)) => put.push(with_content(row, content, 0)),
            (Expected::Version(version), Some(content)) => {
                changed.push(with_content(row, content, signed(version)));
            }
            (Expected::VersionOrSkip(version), Some(content)) => {
                perhaps.push(with_content(row, content, signed(version)));
            }
            (Expected::Version(version), None) => {
                row.push(SqlValue::Integer(signed(version)));
                gone.push(row);
            }
            (Expected::VersionOrSkip(version), None) => {
                row.push(SqlValue::Integer(signed(version)));
                cleared.push(row);
            }
            (Expected::Any, None) => {
                row.push(SqlValue::Integer(0));
                cleared.push(row);
            }
            (Expected::Absent, None) => never.push(row),
        }
    }
    let columns = "desk, kind, key, version, facts, personal, i1, i2, i3, due, tries";
    let rows = "SELECT $1, it.kind, it.key, 1, it.facts, nullif(it.personal, ''), it.i1, it.i2, it.i3, \
                nullif(it.due, -9223372036854775808), nullif(it.tries, 0)";
    let names = "it (kind, key, facts, personal, i1, i2, i3, due, tries, expected)";
    let types: Vec<_> = ["text", "text"].into_iter().chain(CONTENT).collect();
    let (mut counted, mut wanted) = (Vec::new(), 0);
    let mut count = |part, rows: usize| {
        counted.push(part);
        wanted += i64::try_from(rows).unwrap_or(i64::MAX);
    };
    if !new.is_empty() {
        count("recorded", new.len());
        let table = parts.rows(&types, new);
        parts.with(
            "recorded",
            &format!(
                "INSERT INTO {{s}}.record ({columns}) {rows} FROM {table} AS {names} \
                 ON CONFLICT (desk, kind, key) DO NOTHING RETURNING 1"
            ),
        );
    }
    for (part, rows) in [("rewritten", changed), ("rewritten_perhaps", perhaps)] {
        if rows.is_empty() {
            continue;
        }
        if part == "rewritten" {
            count(part, rows.len());
        }
        let table = parts.rows(&types, rows);
        parts.with(
            part,
            &format!(
                "UPDATE {{s}}.record AS record SET version = record.version + 1, facts = it.facts, \
                 personal = nullif(it.personal, ''), i1 = it.i1, i2 = it.i2, i3 = it.i3, \
                 due = nullif(it.due, -9223372036854775808), tries = nullif(it.tries, 0) FROM {table} AS {names} \
                 WHERE record.desk = $1 AND record.kind = it.kind AND record.key = it.key \
                 AND record.version = it.expected RETURNING 1"
            ),
        );
    }
    if !put.is_empty() {
        // This part is counted, because counted parts are executed before the rest. Two commands that each delete
        // expired records of the other would deadlock if they deleted first.
        count("put", put.len());
        let table = parts.rows(&types, put);
        parts.with(
            "put",
            &format!(
                "INSERT INTO {{s}}.record AS record ({columns}) {rows} FROM {table} AS {names} \
                 ON CONFLICT (desk, kind, key) DO UPDATE SET version = record.version + 1, facts = excluded.facts, \
                 personal = excluded.personal, i1 = excluded.i1, i2 = excluded.i2, i3 = excluded.i3, \
                 due = excluded.due, tries = excluded.tries RETURNING 1"
            ),
        );
    }
    if !gone.is_empty() {
        count("deleted", gone.len());
        let table = parts.rows(&["text", "text", "bigint"], gone);
        parts.with(
            "deleted",
            &format!(
                "DELETE FROM {{s}}.record AS record USING {table} AS it (kind, key, expected) \
                 WHERE record.desk = $1 AND record.kind = it.kind AND record.key = it.key \
                 AND record.version = it.expected RETURNING 1"
            ),
        );
    }
    if !cleared.is_empty() {
        let table = parts.rows(&["text", "text", "bigint"], cleared);
        // Records that another transaction is writing are skipped, so that a clean-up never waits for a long one. An
        // expected version of 0 stands for any version.
        parts.with(
            "cleared",
            &format!(
                "DELETE FROM {{s}}.record WHERE (desk, kind, key) IN (SELECT record.desk, record.kind, record.key \
                 FROM {{s}}.record AS record JOIN {table} AS it (kind, key, expected) \
                 ON record.kind = it.kind AND record.key = it.key AND it.expected IN (0, record.version) \
                 WHERE record.desk = $1 FOR UPDATE OF record SKIP LOCKED)"
            ),
        );
    }
    if !never.is_empty() {
        count("absent", never.len());
        let table = parts.rows(&["text", "text"], never);
        parts.with(
            "absent",
            &format!(
                "SELECT 1 FROM {table} AS it (kind, key) WHERE NOT EXISTS (SELECT FROM {{s}}.record AS record \
                 WHERE record.desk = $1 AND record.kind = it.kind AND record.key = it.key)"
            ),
        );
    }
    (counted, wanted)
}

/// Returns a row of a table of records. A missing personal part becomes an empty value, a missing due time `i64::MIN`.
fn with_content(mut row: Vec<SqlValue>, content: Content, expected: i64) -> Vec<SqlValue> {
    let indexes = Index::ALL.map(|index| SqlValue::Text(content.index(index).map(str::to_owned)));
    row.push(SqlValue::Bytes(content.facts));
    row.push(SqlValue::Bytes(content.personal.unwrap_or_default()));
    row.extend(indexes);
    row.push(SqlValue::Integer(content.due.map_or(i64::MIN, |due| due.timestamp_micros())));
    row.push(SqlValue::Integer(i64::from(content.tries)));
    row.push(SqlValue::Integer(expected));
    row
}

//! A commit as one statement: a dropped future, a lost connection leaves all of it or nothing.

use super::Shared;
use super::driver::{Statement, Value};
use crate::codec::{self, Columns, Place, Recent, signed};
use crate::definition::Adoption;
use crate::error::Result;
use crate::id::{AgentId, ContactId, DeskId, TeamId, TicketId};
use crate::store::commit::{Commit, KeptReceipt, TicketWrite, highest_number};
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::Timer;

/// Its parts, each a `WITH` of the one statement. All of them see the rows as they were before it, and none touches a
/// row that another does.
struct Parts<'s> {
    schema: &'s str,
    parts: Vec<String>,
    values: Vec<Value>,
}

impl Parts<'_> {
    /// A parameter, which may be asked for again by the name that it gets.
    fn bind(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    fn with(&mut self, name: &str, sql: &str) {
        self.parts.push(format!("{name} AS ({})", sql.replace("{s}", self.schema)));
    }

    /// A table of parameters: `(type, values)` for each of its columns, which are equally long.
    fn table(&mut self, mut columns: Vec<(&str, Value)>) -> String {
        // Most commits are of one ticket. PostgreSQL plans a statement once and for all only if what it is told at
        // each execution makes no difference, and the length of a list would.
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

impl Shared {
    /// The statement that writes this commit. It fails, writing nothing, if a ticket's version is not the expected one.
    ///
    /// The timers of a ticket for which `waits_as_before` says so are as they were.
    pub(super) fn write(
        &self,
        desk: &DeskId,
        commit: Commit,
        waits_as_before: impl Fn(&TicketWrite) -> bool,
    ) -> Result<Statement<'static>> {
        let Shared { sql, recent } = self;
        let mut parts =
            Parts { schema: &sql.schema, parts: Vec::new(), values: vec![Value::from(desk.as_str())] };
        let Commit { tickets, threads, definitions, adoptions, receipt, forget_receipts_before } = commit;
        let highest = highest_number(&tickets);
        if highest > 0 {
            let highest = parts.bind(Value::Integer(signed(highest)));
            parts.with(
                "numbered",
                &format!(
                    "INSERT INTO {{s}}.desk AS desk (desk, last_number) VALUES ($1, {highest}) \
                     ON CONFLICT (desk) DO UPDATE SET last_number = greatest(desk.last_number, excluded.last_number)"
                ),
            );
        }
        let timers_anew: Vec<_> = tickets.iter().filter(|it| !waits_as_before(it)).collect();
        timers(&mut parts, &timers_anew);
        events(&mut parts, tickets.iter().flat_map(|write| &write.events))?;
        let (old, new): (Vec<_>, Vec<_>) = tickets.into_iter().partition(|write| write.expected > 0);
        insert(&mut parts, new, recent)?;
        let updated = update(&mut parts, old, recent)?;

        if !threads.is_empty() {
            let (keys, ids): (Vec<_>, Vec<_>) =
                threads.iter().map(|(key, ticket)| (Some(key.as_str().to_owned()), ticket.as_uuid())).unzip();
            let table = parts.table(vec![("text", Value::Texts(keys)), ("uuid", Value::Ids(ids))]);
            parts.with(
                "threads",
                &format!(
                    "INSERT INTO {{s}}.thread (desk, key, ticket) SELECT $1, key, ticket FROM {table} AS it (key, ticket) \
                     ON CONFLICT (desk, key) DO UPDATE SET ticket = excluded.ticket"
                ),
            );
        }
        if !definitions.is_empty() {
            let (hashes, texts): (Vec<_>, Vec<_>) =
                definitions.into_iter().map(|(hash, text)| (hash.as_bytes().to_vec(), Some(text))).unzip();
            let table = parts.table(vec![("bytea", Value::Blobs(hashes)), ("text", Value::Texts(texts))]);
            parts.with(
                "definitions",
                &format!(
                    "INSERT INTO {{s}}.definition (desk, hash, text) SELECT $1, hash, text FROM {table} AS it (hash, text) \
                     ON CONFLICT (desk, hash) DO NOTHING"
                ),
            );
        }
        adopt(&mut parts, &adoptions);
        let kept = receipt.as_ref().map(|it| it.key.as_str().to_owned());
        if let Some(before) = forget_receipts_before {
            let before = parts.bind(Value::Integer(before.timestamp_micros()));
            // Not the one that is replaced: one statement must not touch a row twice.
            let but = kept
                .map_or(String::new(), |key| format!(" AND key <> {}", parts.bind(Value::Text(Some(key)))));
            // Nor those that somebody else is forgetting, perhaps in a long transaction: nobody waits for a sweeper.
            parts.with(
                "forgotten",
                &format!(
                    "DELETE FROM {{s}}.receipt WHERE desk = $1 AND key IN (SELECT key FROM {{s}}.receipt \
                     WHERE desk = $1 AND expires_at < {before}{but} FOR UPDATE SKIP LOCKED)"
                ),
            );
        }
        if let Some(receipt) = receipt {
            keep(&mut parts, receipt);
        }

        // What was not updated had another version, or is not there: the cast fails, and the statement with it.
        let check = match updated {
            0 => "SELECT 0".to_owned(),
            updated => {
                let updated = parts.bind(Value::Integer(updated));
                format!(
                    "SELECT CASE WHEN found = {updated} THEN 0 ELSE ('stale: ' || found)::integer END \
                     FROM (SELECT count(*) AS found FROM updated) AS it"
                )
            }
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
        ("uuid", Value::Ids(tickets)),
        ("bigint", Value::Integers(versions)),
        ("bigint", Value::Integers(instants)),
        ("text", Value::Texts(facts)),
        ("text", Value::Texts(personal)),
    ]);
    parts.with(
        "events",
        &format!("INSERT INTO {{s}}.event (desk, ticket, version, at, facts, personal) SELECT $1, it.* FROM {table} AS it"),
    );
    Ok(())
}

/// What a new ticket's row and a changed one's have in common, the key first.
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

/// The columns of tickets, side by side.
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

    /// As a table, with more columns after those that all rows have.
    fn table<const N: usize>(self, parts: &mut Parts<'_>, more: [(&'static str, Value); N]) -> String {
        let mut columns = vec![
            ("uuid", Value::Ids(self.ids)),
            ("bigint", Value::Integers(self.versions)),
            ("text", Value::Texts(self.states)),
            ("boolean", Value::Booleans(self.open)),
            ("bigint", Value::Integers(self.priorities)),
            ("bigint", Value::Integers(self.due)),
            ("bigint", Value::Integers(self.opened)),
            ("text", Value::Texts(self.teams)),
            ("text", Value::Texts(self.assignees)),
            ("text", Value::Texts(self.requesters)),
            ("text", Value::Texts(self.facts)),
            ("text", Value::Texts(self.personal)),
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
    let (mut numbers, mut sources, mut externals) = (Vec::new(), Vec::new(), Vec::new());
    for TicketWrite { snapshot, .. } in tickets {
        let (source, external) = snapshot.external.clone().map(|it| (it.source, it.id)).unzip();
        numbers.push(signed(snapshot.number.value));
        sources.push(source);
        externals.push(external);
        rows.add(snapshot, recent)?;
    }
    let more = [
        ("bigint", Value::Integers(numbers)),
        ("text", Value::Texts(sources)),
        ("text", Value::Texts(externals)),
    ];
    let (table, columns) = (rows.table(parts, more), COLUMNS.join(", "));
    parts.with(
        "opened",
        &format!(
            "INSERT INTO {{s}}.ticket (desk, {columns}, number, source, external) SELECT $1, it.* FROM {table} AS it"
        ),
    );
    Ok(())
}

/// How many rows must be found.
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
    let table = rows.table(parts, [("bigint", Value::Integers(expected))]);
    let set: Vec<_> = COLUMNS[1..].iter().map(|column| format!("{column} = it.{column}")).collect();
    // PostgreSQL compares the values itself: indexes are left alone if nothing of theirs has changed.
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

/// Leaves exactly these timers, touching only what differs.
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
        ("uuid", Value::Ids(armed.iter().map(|(id, ..)| id.as_uuid()).collect())),
        ("text", Value::Texts(texts(|it| it.kind.as_str()))),
        ("text", Value::Texts(texts(|it| &it.subject))),
        ("bigint", Value::Integers(armed.iter().map(|(.., it)| it.due.timestamp_micros()).collect())),
        ("bigint", Value::Integers(armed.iter().map(|(_, version, _)| signed(*version)).collect())),
    ]);
    if !old.is_empty() {
        let old = parts.table(vec![("uuid", Value::Ids(old))]);
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

fn adopt(parts: &mut Parts<'_>, adoptions: &[Adoption]) {
    if adoptions.is_empty() {
        return;
    }
    let table = parts.table(vec![
        ("text", Value::Texts(adoptions.iter().map(|it| Some(it.kind.as_str().to_owned())).collect())),
        ("bigint", Value::Integers(adoptions.iter().map(|it| signed(it.version)).collect())),
        ("bigint", Value::Integers(adoptions.iter().map(|it| it.from.timestamp_micros()).collect())),
        ("bytea", Value::Blobs(adoptions.iter().map(|it| it.hash.as_bytes().to_vec()).collect())),
    ]);
    parts.with(
        "adopted",
        &format!("INSERT INTO {{s}}.adoption (desk, kind, version, holds_from, hash) SELECT $1, it.* FROM {table} AS it"),
    );
}

fn keep(parts: &mut Parts<'_>, receipt: KeptReceipt) {
    let KeptReceipt { key, request, ticket, before, after, expires } = receipt;
    let bound = [
        Value::from(key.as_str()),
        Value::Bytes(request.as_bytes().to_vec()),
        Value::Id(ticket.as_uuid()),
        Value::Integer(signed(before)),
        Value::Integer(signed(after)),
        Value::Integer(expires.timestamp_micros()),
    ]
    .map(|value| parts.bind(value));
    parts.with(
        "kept",
        &format!(
            "INSERT INTO {{s}}.receipt (desk, key, request, ticket, before, after, expires_at) VALUES ($1, {}) \
             ON CONFLICT (desk, key) DO UPDATE SET request = excluded.request, ticket = excluded.ticket, \
             before = excluded.before, after = excluded.after, expires_at = excluded.expires_at",
            bound.join(", ")
        ),
    );
}

//! The statements that read and claim, with the schema filled in once.

use std::ops::Bound;

use chrono::{DateTime, TimeDelta, Utc};

use super::driver::{Statement, Value};
use crate::codec::signed;
use crate::definition::Fingerprint;
use crate::id::{DeskId, TicketId};
use crate::store::query::{Order, Query};
use crate::store::read::{DueTimer, Owed, Read};
use crate::store::{
    Changes, Cursor, DueRecord, Index, Lock, LockMode, Mode, RecordKind, RecordOrder, RecordPlace,
    RecordRange,
};

/// What all transactions of a store share.
pub(super) type Shared = crate::codec::Shared<Sql>;

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// Every statement but those of searches and commits.
        #[derive(Debug)]
        pub(super) struct Sql {
            /// As it stands in statements.
            pub(super) schema: String,
            $($name: String,)*
        }

        impl Sql {
            pub(super) fn new(schema: &str) -> Sql {
                let schema = format!("\"{schema}\"");
                Sql { $($name: $sql.replace("{s}", &schema),)* schema }
            }
        }
    };
}

statements! {
    ticket: "SELECT id, facts, personal FROM {s}.ticket WHERE desk = $1 AND id = $2";
    claimed_ticket: "SELECT id, facts, personal FROM {s}.ticket WHERE desk = $1 AND id = $2 FOR NO KEY UPDATE";
    tickets: "SELECT id, facts, personal FROM {s}.ticket WHERE desk = $1 AND id = ANY ($2::uuid[])";
    claimed_tickets: "SELECT id, facts, personal FROM {s}.ticket WHERE desk = $1 AND id = ANY ($2::uuid[]) \
        ORDER BY id FOR NO KEY UPDATE";
    record: "SELECT key, version, facts, coalesce(personal, ''), i1, i2, i3, coalesce(due, -9223372036854775808), \
        coalesce(tries, 0) FROM {s}.record WHERE desk = $1 AND kind = $2 AND key = $3";
    claimed_record: "WITH due AS MATERIALIZED (SELECT key, version, facts, coalesce(personal, ''), i1, i2, i3, coalesce(due, -9223372036854775808), \
        coalesce(tries, 0) FROM {s}.record \
        WHERE desk = $1 AND kind = $2 AND key = $3 AND coalesce(due, -9223372036854775808) > -9223372036854775808 FOR SHARE) \
        SELECT * FROM due UNION ALL SELECT key, version, facts, coalesce(personal, ''), i1, i2, i3, coalesce(due, -9223372036854775808), \
        coalesce(tries, 0) FROM {s}.record \
        WHERE desk = $1 AND kind = $2 AND key = $3 AND NOT EXISTS (SELECT FROM due)";
    due_records: "SELECT due, desk, key FROM {s}.record WHERE kind = $1 AND due <= $2{after} \
        ORDER BY due, desk, key LIMIT $3";
    claim: "WITH taken AS MATERIALIZED (SELECT desk, kind, key FROM {s}.record \
        WHERE kind = $1 AND due <= (extract(epoch FROM statement_timestamp()) * 1000000)::bigint \
        ORDER BY due LIMIT $2 FOR UPDATE SKIP LOCKED) \
        UPDATE {s}.record AS it \
        SET due = least((extract(epoch FROM statement_timestamp()) * 1000000)::bigint + $3, $4), \
        tries = least(coalesce(it.tries, 0) + 1, 4294967295), version = it.version + 1 FROM taken \
        WHERE it.desk = taken.desk AND it.kind = taken.kind AND it.key = taken.key \
        RETURNING it.key, it.version, it.facts, coalesce(it.personal, ''), it.i1, it.i2, it.i3, it.due, it.tries, it.desk";
    now: "SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint";
    number: "SELECT id FROM {s}.ticket WHERE desk = $1 AND number = $2";
    last_number: "SELECT last_number FROM {s}.desk WHERE desk = $1";
    history: "SELECT version, at, facts, personal FROM {s}.event \
        WHERE desk = $1 AND ticket = $2 AND version > $3 ORDER BY version LIMIT $4";
    due: "SELECT due_at, kind, subject, ticket FROM {s}.timer WHERE desk = $1 AND due_at <= $2{after} \
        ORDER BY due_at, kind, subject, ticket LIMIT $3";
    owed: "SELECT DISTINCT due_at, desk, ticket FROM {s}.timer WHERE due_at <= $1{after} \
        ORDER BY due_at, desk, ticket LIMIT $2";
}

/// The number under which PostgreSQL locks something that may have no row. It is the same in every program and
/// version; of two things with one number, one merely waits for the other.
pub(super) fn lock_id(schema: &str, what: &str, parts: &[&str]) -> i64 {
    let mut text = String::from("firstline");
    for part in [schema, what].iter().chain(parts) {
        // With its length, so that no two lists of parts are one text.
        text.push_str(&format!(" {} {part}", part.len()));
    }
    let hash = Fingerprint::of(text);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn limit(limit: usize) -> Value {
    Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

impl Sql {
    fn lock_of(&self, desk: &DeskId, lock: &Lock) -> Option<i64> {
        let desk = desk.as_str();
        let id = |what, parts: &[&str]| Some(lock_id(&self.schema, what, parts));
        match lock {
            Lock::Record(kind, key) => id("record", &[desk, kind.code(), key]),
            Lock::Numbers => id("numbers", &[desk]),
            Lock::Ticket(_) => None, // Its row is locked.
        }
    }

    /// The script that takes these locks, but for tickets: in their order, each by a statement of its own, because a
    /// statement sees the rows as they were when it began, not as they were when it got a lock.
    pub(super) fn locks<'a>(
        &self,
        desk: &DeskId,
        locks: impl Iterator<Item = (&'a Lock, &'a LockMode)>,
    ) -> Option<String> {
        let take = |(lock, mode): (&Lock, &LockMode)| {
            let id = self.lock_of(desk, lock)?;
            let function = match mode {
                LockMode::Shared => "pg_advisory_xact_lock_shared",
                LockMode::Exclusive => "pg_advisory_xact_lock",
            };
            Some(format!("SELECT {function}({id})"))
        };
        let taken: Vec<_> = locks.filter_map(take).collect();
        (!taken.is_empty()).then(|| taken.join("; "))
    }

    /// The statement that reads these tickets, and locks them for writing.
    pub(super) fn tickets(&self, desk: &DeskId, ids: &[TicketId], mode: Mode) -> Option<Statement<'_>> {
        let sql = match (ids.len(), mode) {
            (0, _) => return None,
            (1, Mode::Read) => &self.ticket,
            (1, Mode::Write) => &self.claimed_ticket,
            (_, Mode::Read) => &self.tickets,
            (_, Mode::Write) => &self.claimed_tickets,
        };
        let mut ids = Value::Ids(ids.iter().map(TicketId::as_uuid).collect());
        let ids = ids.only().unwrap_or(ids);
        Some(Statement::new(sql.as_str(), vec![Value::from(desk.as_str()), ids]))
    }

    /// The statement that answers a read by itself, and locks a due record for writing: a claim looks at the locks of rows.
    /// Tickets and searches are read otherwise, and what no row can be called is not looked for.
    pub(super) fn read(&self, desk: &DeskId, read: &Read, mode: Mode) -> Option<Statement<'_>> {
        let desk = Value::from(desk.as_str());
        let (sql, values) = match read {
            Read::Record { kind, key, .. } => {
                let locks = mode == Mode::Write && kind.may_be_due() && kind.changes() != Changes::Never;
                let sql = if locks { &self.claimed_record } else { &self.record };
                (sql, vec![desk, Value::from(kind.code()), Value::from(&**key)])
            }
            Read::Records(range) => return self.range(desk, range),
            Read::CountRecords { kind, index, from, until, limit: most } => {
                return self.counts(vec![desk, Value::from(kind.code())], *index, [from, until], *most);
            }
            Read::DueRecords { kind, until, after, limit: most } => {
                let values =
                    vec![Value::from(kind.code()), Value::Integer(until.timestamp_micros()), limit(*most)];
                let after = after.as_deref().map(|DueRecord { due, desk, key }| {
                    let due = Value::Integer(due.timestamp_micros());
                    vec![("due", due), ("desk", Value::from(desk.as_str())), ("key", Value::from(&**key))]
                });
                return paged(&self.due_records, values, after);
            }
            Read::Number(number) => (&self.number, vec![desk, Value::Integer(signed(*number))]),
            Read::NextNumber { .. } => (&self.last_number, vec![desk]),
            Read::History { ticket, after, limit: most } => {
                let after = Value::Integer(signed(*after));
                (&self.history, vec![desk, Value::Id(ticket.as_uuid()), after, limit(*most)])
            }
            Read::Due { until, after, limit: most } => {
                let values = vec![desk, Value::Integer(until.timestamp_micros()), limit(*most)];
                let after = after.as_deref().map(|DueTimer { timer, ticket }| {
                    vec![
                        ("due_at", Value::Integer(timer.due.timestamp_micros())),
                        ("kind", Value::from(timer.kind.as_str())),
                        ("subject", Value::from(&*timer.subject)),
                        ("ticket", Value::Id(ticket.as_uuid())),
                    ]
                });
                return paged(&self.due, values, after);
            }
            Read::Owed { until, after, limit: most } => {
                let values = vec![Value::Integer(until.timestamp_micros()), limit(*most)];
                let after = after.as_deref().map(|Owed { due, desk, ticket }| {
                    let due = Value::Integer(due.timestamp_micros());
                    vec![
                        ("due_at", due),
                        ("desk", Value::from(desk.as_str())),
                        ("ticket", Value::Id(ticket.as_uuid())),
                    ]
                });
                return paged(&self.owed, values, after);
            }
            Read::Ticket(_) | Read::Find(_) => return None,
        };
        if values.iter().all(is_text) { Some(Statement::new(sql.as_str(), values)) } else { None }
    }

    /// The statement for a range of records, in its order.
    fn range(&self, desk: Value, range: &RecordRange) -> Option<Statement<'static>> {
        let mut values = vec![desk, Value::from(range.kind.code())];
        let column = match range.order {
            RecordOrder::Key => "key",
            RecordOrder::Index(index) => column(index),
        };
        let mut sql = format!(
            "SELECT key, version, facts, coalesce(personal, ''), i1, i2, i3, \
             coalesce(due, -9223372036854775808), coalesce(tries, 0) FROM {}.record \
             WHERE desk = $1 AND kind = $2",
            self.schema
        );
        let one = match (&range.from, &range.until) {
            (Bound::Included(from), Bound::Included(until)) if from == until => Some(from),
            _ => None,
        };
        match one {
            Some(value) => {
                values.push(Value::from(&**value));
                sql.push_str(&format!(" AND {column} = $3"));
            }
            None => {
                sql.push_str(&format!(" AND {column} IS NOT NULL"));
                between(&mut sql, &mut values, column, [&range.from, &range.until]);
            }
        }
        if let Some(RecordPlace { index, key }) = &range.after {
            let mut place = vec![("key", Value::from(&**key))];
            if range.order != RecordOrder::Key && one != Some(index) {
                place.insert(0, (column, Value::from(&**index)));
            }
            comes_after(&mut sql, &mut values, place, range.descending);
        }
        let direction = if range.descending { " DESC" } else { "" };
        // Records with one value are ordered by their keys alone, for which there is an index.
        match one {
            None if column != "key" => {
                sql.push_str(&format!(" ORDER BY {column}{direction}, key{direction}"))
            }
            _ => sql.push_str(&format!(" ORDER BY key{direction}")),
        }
        values.push(limit(range.limit));
        sql.push_str(&format!(" LIMIT ${}", values.len()));
        values.iter().all(is_text).then(|| Statement::new(sql, values))
    }

    /// The statement for counts by an index key.
    fn counts(
        &self,
        mut values: Vec<Value>,
        index: Index,
        ends: [&Bound<String>; 2],
        most: usize,
    ) -> Option<Statement<'static>> {
        let column = column(index);
        let mut sql = format!(
            "SELECT {column}, count(*) FROM {}.record WHERE desk = $1 AND kind = $2 AND {column} IS NOT NULL",
            self.schema
        );
        between(&mut sql, &mut values, column, ends);
        values.push(limit(most));
        sql.push_str(&format!(" GROUP BY {column} ORDER BY {column} LIMIT ${}", values.len()));
        values.iter().all(is_text).then(|| Statement::new(sql, values))
    }

    /// The statement that claims due records of any desk.
    pub(super) fn claim(&self, kind: RecordKind, most: usize, lease: TimeDelta) -> Statement<'_> {
        let end = DateTime::<Utc>::MAX_UTC.timestamp_micros();
        // Now and a lease as long as the calendar are still less than the end of `i64`.
        let lease = lease.num_microseconds().unwrap_or(end).clamp(-end, end);
        let values = vec![Value::from(kind.code()), limit(most), Value::Integer(lease), Value::Integer(end)];
        Statement::new(self.claim.as_str(), values)
    }

    /// The statement that asks for the server's clock.
    pub(super) fn now(&self) -> Statement<'_> {
        Statement::new(self.now.as_str(), Vec::new())
    }

    /// The statement for a search: narrowed by what has an index and in the query's order, a batch of rows after a
    /// place. The query itself has the last word on every row. `None` if no row can match.
    pub(super) fn find(
        &self,
        desk: &DeskId,
        query: &Query,
        after: Option<&Cursor>,
        batch: usize,
    ) -> Option<Statement<'static>> {
        let mut sql = format!("SELECT id, facts, personal FROM {}.ticket WHERE desk = $1", self.schema);
        let mut values = vec![Value::from(desk.as_str())];
        let mut bind = |value| {
            values.push(value);
            format!("${}", values.len())
        };
        if query.open_only() {
            sql.push_str(" AND open");
        }
        let wanted = [
            ("team", query.wanted_team().map(|it| it.as_str())),
            ("assignee", query.wanted_assignee().map(|it| it.as_str())),
            ("requester", query.wanted_requester().map(|it| it.as_str())),
        ];
        for (column, value) in wanted {
            if let Some(value) = value {
                if value.contains('\0') {
                    return None;
                }
                sql.push_str(&format!(" AND {column} = {}", bind(Value::from(value))));
            }
        }
        if !query.wanted_states().is_empty() {
            let names = query.wanted_states().iter().map(|it| Some(it.name().to_owned())).collect();
            sql.push_str(&format!(" AND state = ANY ({}::text[])", bind(Value::Texts(names))));
        }
        let order = match query.order() {
            Order::Inbox => "priority, due_at, opened_at, id",
            Order::Newest => "id DESC",
            Order::Oldest => "id",
        };
        if let Some(after) = after {
            let id = bind(Value::Id(after.id().as_uuid()));
            match (query.order(), after.inbox()) {
                (Order::Inbox, Some(place)) => {
                    let [priority, due, opened] = [i64::from(place.priority), place.due, place.opened]
                        .map(|it| bind(Value::Integer(it)));
                    sql.push_str(&format!(" AND ({order}) > ({priority}, {due}, {opened}, {id})"));
                }
                (Order::Newest, _) => sql.push_str(&format!(" AND id < {id}")),
                _ => sql.push_str(&format!(" AND id > {id}")),
            }
        }
        sql.push_str(&format!(" ORDER BY {order} LIMIT {}", bind(limit(batch))));
        Some(Statement::new(sql, values))
    }
}

/// PostgreSQL's texts have no NUL, and refuse to be compared with one.
fn is_text(value: &Value) -> bool {
    !matches!(value, Value::Text(Some(text)) if text.contains('\0'))
}

fn column(index: Index) -> &'static str {
    match index {
        Index::First => "i1",
        Index::Second => "i2",
        Index::Third => "i3",
    }
}

/// A place in an order: its columns and their values.
type Place = Vec<(&'static str, Value)>;

/// The statement for a page, with the condition that its rows come after a place.
fn paged(sql: &str, mut values: Vec<Value>, after: Option<Place>) -> Option<Statement<'static>> {
    let mut condition = String::new();
    if let Some(place) = after {
        comes_after(&mut condition, &mut values, place, false);
    }
    let sql = sql.replace("{after}", &condition);
    values.iter().all(is_text).then(|| Statement::new(sql, values))
}

/// Adds the condition that a row comes after a place. No row has a NUL in a text, so a text is compared up to its first NUL: a
/// row with just that text comes before the place, and no later column matters.
fn comes_after(sql: &mut String, values: &mut Vec<Value>, place: Place, descending: bool) {
    let (mut columns, mut bound, mut cut) = (Vec::new(), Vec::new(), false);
    for (column, mut value) in place {
        if let Value::Text(Some(text)) = &mut value
            && let Some(nul) = text.find('\0')
        {
            text.truncate(nul);
            cut = true;
        }
        values.push(value);
        columns.push(column);
        bound.push(format!("${}", values.len()));
        if cut {
            break;
        }
    }
    let sign = match (descending, cut) {
        (false, _) => ">",
        (true, false) => "<",
        (true, true) => "<=",
    };
    if let ([column, _, ..], [value, _, ..]) = (&columns[..], &bound[..]) {
        // This alone bounds the range of an index that does not have the other columns.
        let sign = if descending { "<=" } else { ">=" };
        sql.push_str(&format!(" AND {column} {sign} {value}"));
    }
    sql.push_str(&format!(" AND ({}) {sign} ({})", columns.join(", "), bound.join(", ")));
}

/// Adds the conditions that a column is between these ends. No row has a NUL in a text: beyond a text with one is the same as
/// beyond what precedes the NUL.
fn between(sql: &mut String, values: &mut Vec<Value>, column: &str, ends: [&Bound<String>; 2]) {
    for (end, [included, excluded, with_nul]) in ends.into_iter().zip([[">=", ">", ">"], ["<=", "<", "<="]]) {
        let (value, sign) = match end {
            Bound::Included(value) => (value, included),
            Bound::Excluded(value) => (value, excluded),
            Bound::Unbounded => continue,
        };
        let (value, sign) = value.split_once('\0').map_or((&**value, sign), |(before, _)| (before, with_nul));
        values.push(Value::from(value));
        sql.push_str(&format!(" AND {column} {sign} ${}", values.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs of different versions use one database: what they lock must have one number for ever.
    #[test]
    fn the_numbers_of_locks_never_change() {
        assert_eq!(
            lock_id("support", "record", &["acme", "chat-9"]),
            lock_id("support", "record", &["acme", "chat-9"])
        );
        assert_ne!(
            lock_id("support", "record", &["acme", "chat-9"]),
            lock_id("support", "thread", &["acmec", "hat-9"])
        );
        assert_ne!(lock_id("support", "record", &["a b", "c"]), lock_id("support", "record", &["a", "b c"]));
        assert_eq!(lock_id("support", "record", &["acme", "chat-9"]), -8_459_106_335_976_096_882);
    }
}

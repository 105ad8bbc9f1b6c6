//! The statements for reads, locks and claims, with the schema filled in once.

use std::ops::Bound;

use chrono::{DateTime, TimeDelta, Utc};

use super::driver::{SqlValue, Statement};
use crate::codec::signed;
use crate::definition::Fingerprint;
use crate::id::{DeskId, TicketId};
use crate::store::read::{DueTicket, DueTimer, Read};
use crate::store::{
    Changes, Cursor, DueRecord, GroupBy, Index, Lock, LockMode, Mode, Order, Query, RecordCursor, RecordKind,
    RecordRange,
};
use crate::ticket::people::ContactRole;

/// The state that all transactions of a store share.
pub(super) type Shared = crate::codec::Shared<Sql>;

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// The fixed statements. Searches, ranges, counts and commits are built for each call.
        #[derive(Debug)]
        pub(super) struct Sql {
            /// The quoted name, as used in statements.
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
    due_tickets: "SELECT DISTINCT due_at, desk, ticket FROM {s}.timer WHERE due_at <= $1{after} \
        ORDER BY due_at, desk, ticket LIMIT $2";
}

/// Returns the number of the advisory lock for something that may have no row. The number is the same in every program
/// and version. Two things may share a number; commands for one then wait for commands for the other.
pub(super) fn lock_id(schema: &str, what: &str, parts: &[&str]) -> i64 {
    let mut text = String::from("firstline");
    for part in [schema, what].iter().chain(parts) {
        // The length makes the text unambiguous.
        text.push_str(&format!(" {} {part}", part.len()));
    }
    let hash = Fingerprint::of(text);
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}

fn limit(limit: usize) -> SqlValue {
    SqlValue::Integer(i64::try_from(limit).unwrap_or(i64::MAX))
}

impl Sql {
    fn lock_of(&self, desk: &DeskId, lock: &Lock) -> Option<i64> {
        let desk = desk.as_str();
        let id = |what, parts: &[&str]| Some(lock_id(&self.schema, what, parts));
        match lock {
            Lock::Record(kind, key) => id("record", &[desk, kind.code(), key]),
            Lock::Numbers => id("numbers", &[desk]),
            Lock::Ticket(_) => None, // The row itself is locked.
        }
    }

    /// Returns the script that takes these locks in order, except those of tickets. Each lock is a statement of its
    /// own, because a statement sees the rows as of its start, not as of the moment when it gets the lock.
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

    /// Returns the statement that reads these tickets. In write mode it locks them too.
    pub(super) fn tickets(&self, desk: &DeskId, ids: &[TicketId], mode: Mode) -> Option<Statement<'_>> {
        let sql = match (ids.len(), mode) {
            (0, _) => return None,
            (1, Mode::Read) => &self.ticket,
            (1, Mode::Write) => &self.claimed_ticket,
            (_, Mode::Read) => &self.tickets,
            (_, Mode::Write) => &self.claimed_tickets,
        };
        let mut ids = SqlValue::Ids(ids.iter().map(TicketId::as_uuid).collect());
        let ids = ids.only().unwrap_or(ids);
        Some(Statement::new(sql.as_str(), vec![SqlValue::from(desk.as_str()), ids]))
    }

    /// Returns the statement for a single read, or `None` for tickets and searches, which are read elsewhere, and for a
    /// key with NUL, which no row can have. In write mode the statement locks the row of a due record, because claims
    /// check row locks.
    pub(super) fn read(&self, desk: &DeskId, read: &Read, mode: Mode) -> Option<Statement<'_>> {
        let desk = SqlValue::from(desk.as_str());
        let (sql, values) = match read {
            Read::Record { kind, key, .. } => {
                let locks = mode == Mode::Write && kind.may_be_due() && kind.changes() != Changes::Never;
                let sql = if locks { &self.claimed_record } else { &self.record };
                (sql, vec![desk, SqlValue::from(kind.code()), SqlValue::from(&**key)])
            }
            Read::Records(range) => return self.range(desk, range),
            Read::CountRecords { kind, index, from, until, limit: most } => {
                return self.counts(vec![desk, SqlValue::from(kind.code())], *index, [from, until], *most);
            }
            Read::DueRecords { kind, until, after, limit: most } => {
                let values = vec![
                    SqlValue::from(kind.code()),
                    SqlValue::Integer(until.timestamp_micros()),
                    limit(*most),
                ];
                let after = after.as_deref().map(|DueRecord { due, desk, key }| {
                    let due = SqlValue::Integer(due.timestamp_micros());
                    vec![
                        ("due", due),
                        ("desk", SqlValue::from(desk.as_str())),
                        ("key", SqlValue::from(&**key)),
                    ]
                });
                return paged(&self.due_records, values, after);
            }
            Read::TicketByNumber(number) => (&self.number, vec![desk, SqlValue::Integer(signed(*number))]),
            Read::NextNumber { .. } => (&self.last_number, vec![desk]),
            Read::History { ticket, after, limit: most } => {
                let after = SqlValue::Integer(signed(*after));
                (&self.history, vec![desk, SqlValue::Id(ticket.as_uuid()), after, limit(*most)])
            }
            Read::DueTimers { until, after, limit: most } => {
                let values = vec![desk, SqlValue::Integer(until.timestamp_micros()), limit(*most)];
                let after = after.as_deref().map(|DueTimer { timer, ticket }| {
                    vec![
                        ("due_at", SqlValue::Integer(timer.due.timestamp_micros())),
                        ("kind", SqlValue::from(timer.kind.as_str())),
                        ("subject", SqlValue::from(&*timer.subject)),
                        ("ticket", SqlValue::Id(ticket.as_uuid())),
                    ]
                });
                return paged(&self.due, values, after);
            }
            Read::DueTickets { until, after, limit: most } => {
                let values = vec![SqlValue::Integer(until.timestamp_micros()), limit(*most)];
                let after = after.as_deref().map(|DueTicket { due, desk, ticket }| {
                    let due = SqlValue::Integer(due.timestamp_micros());
                    vec![
                        ("due_at", due),
                        ("desk", SqlValue::from(desk.as_str())),
                        ("ticket", SqlValue::Id(ticket.as_uuid())),
                    ]
                });
                return paged(&self.due_tickets, values, after);
            }
            Read::Ticket(_) | Read::Find(_) | Read::Count { .. } => return None,
        };
        if values.iter().all(is_text) { Some(Statement::new(sql.as_str(), values)) } else { None }
    }

    /// Returns the statement for a range of records, in the order of the range.
    fn range(&self, desk: SqlValue, range: &RecordRange) -> Option<Statement<'static>> {
        let mut values = vec![desk, SqlValue::from(range.kind.code())];
        let column = match range.index {
            None => "key",
            Some(index) => column(index),
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
                values.push(SqlValue::from(&**value));
                sql.push_str(&format!(" AND {column} = $3"));
            }
            None => {
                sql.push_str(&format!(" AND {column} IS NOT NULL"));
                between(&mut sql, &mut values, column, [&range.from, &range.until]);
            }
        }
        if let Some(RecordCursor { index, key }) = &range.after {
            let mut place = vec![("key", SqlValue::from(&**key))];
            if range.index.is_some() && one != Some(index) {
                place.insert(0, (column, SqlValue::from(&**index)));
            }
            comes_after(&mut sql, &mut values, place, range.descending);
        }
        let direction = if range.descending { " DESC" } else { "" };
        // Records with the same index value are ordered by key alone, which an index supports.
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

    /// Returns the statement for counts by an index key.
    fn counts(
        &self,
        mut values: Vec<SqlValue>,
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

    /// Returns the statement that claims due records of any desk.
    pub(super) fn claim(&self, kind: RecordKind, most: usize, lease: TimeDelta) -> Statement<'_> {
        let end = DateTime::<Utc>::MAX_UTC.timestamp_micros();
        // The current time plus the longest lease still fits into an `i64`.
        let lease = lease.num_microseconds().unwrap_or(end).clamp(-end, end);
        let values =
            vec![SqlValue::from(kind.code()), limit(most), SqlValue::Integer(lease), SqlValue::Integer(end)];
        Statement::new(self.claim.as_str(), values)
    }

    /// Returns the statement that reads the server's clock.
    pub(super) fn now(&self) -> Statement<'_> {
        Statement::new(self.now.as_str(), Vec::new())
    }

    /// Returns the statement for a batch of a search, or `None` if no row can match. It filters by the table's columns,
    /// in the query's order, after a place. The caller must still match every row against the query.
    pub(super) fn find(
        &self,
        desk: &DeskId,
        query: &Query,
        after: Option<&Cursor>,
        batch: usize,
    ) -> Option<Statement<'static>> {
        let mut values = vec![SqlValue::from(desk.as_str())];
        let mut filters = filters(query, &mut values)?;
        let mut bind = |value| {
            values.push(value);
            format!("${}", values.len())
        };
        let order = match query.order() {
            Order::Inbox => "priority, due_at, opened_at, id",
            Order::Newest => "id DESC",
            Order::Oldest => "id",
        };
        if let Some(after) = after {
            let id = bind(SqlValue::Id(after.id().as_uuid()));
            match (query.order(), after.inbox()) {
                (Order::Inbox, Some(place)) => {
                    let [priority, due, opened] = [i64::from(place.priority), place.due, place.opened]
                        .map(|it| bind(SqlValue::Integer(it)));
                    filters.push_str(&format!(" AND ({order}) > ({priority}, {due}, {opened}, {id})"));
                }
                (Order::Newest, _) => filters.push_str(&format!(" AND id < {id}")),
                _ => filters.push_str(&format!(" AND id > {id}")),
            }
        }
        let limit = bind(limit(batch));
        // The further columns are for the order of two selects.
        let columns = "id, facts, personal, priority, due_at, opened_at";
        let selects = self.selects(query, columns, &filters, &mut values).join(" UNION ALL ");
        Some(Statement::new(format!("{selects} ORDER BY {order} LIMIT {limit}"), values))
    }

    /// Returns the statement that counts the tickets of a query by group, or `None` if no row can match. The query must
    /// have no condition, because the statement filters by the table's columns alone.
    pub(super) fn count(&self, desk: &DeskId, query: &Query, by: GroupBy) -> Option<Statement<'static>> {
        let mut values = vec![SqlValue::from(desk.as_str())];
        let filters = filters(query, &mut values)?;
        let key = match by {
            GroupBy::State => "state".to_owned(),
            GroupBy::Status => "coalesce(facts::json #>> '{placement,status}', state)".to_owned(),
            GroupBy::Team => "coalesce(team, '')".to_owned(),
            GroupBy::Assignee => "coalesce(assignee, '')".to_owned(),
            GroupBy::Priority => "priority::text".to_owned(),
            GroupBy::Channel => "facts::json ->> 'channel'".to_owned(),
            GroupBy::Due => {
                let mut key = format!("CASE WHEN due_at = {} THEN 'none'", i64::MAX);
                for (group, end) in GroupBy::due_ends(query.now()) {
                    values.push(SqlValue::Integer(end));
                    key.push_str(&format!(" WHEN due_at < ${} THEN '{group}'", values.len()));
                }
                key + " ELSE 'later' END"
            }
        };
        let counts = self.selects(query, &format!("{key} AS key"), &filters, &mut values).join(" UNION ALL ");
        Some(Statement::new(format!("SELECT key, count(*) FROM ({counts}) AS it GROUP BY key"), values))
    }

    /// Returns the selects that together return the tickets that pass the filters, each once. There are two for a
    /// contact in any role, because the requester has another index than the other contacts.
    fn selects(
        &self,
        query: &Query,
        columns: &str,
        filters: &str,
        values: &mut Vec<SqlValue>,
    ) -> Vec<String> {
        let s = &self.schema;
        let of_tickets =
            |filter| format!("SELECT {columns} FROM {s}.ticket WHERE desk = $1{filter}{filters}");
        let Some((contact, role)) = query.selected_contact() else { return vec![of_tickets(String::new())] };
        values.push(SqlValue::from(contact.as_str()));
        let value = values.len();
        let as_requester = of_tickets(format!(" AND requester = ${value}"));
        let otherwise = format!(
            "SELECT {columns} FROM (SELECT contact.ticket AS id, facts, personal, state, open, priority, due_at, \
             opened_at, team, assignee, requester FROM {s}.contact AS contact JOIN {s}.ticket AS ticket \
             ON ticket.desk = contact.desk AND ticket.id = contact.ticket \
             WHERE contact.desk = $1 AND contact.contact = ${value}) AS it WHERE TRUE{filters}"
        );
        match role {
            None => vec![as_requester, otherwise],
            Some(ContactRole::Requester) => vec![as_requester],
            Some(_) => vec![otherwise],
        }
    }
}

/// Returns the filters of a query by the columns of the table of tickets, and adds their parameters. `None` if no row
/// can match.
fn filters(query: &Query, values: &mut Vec<SqlValue>) -> Option<String> {
    let mut sql = String::new();
    let mut bind = |value| {
        values.push(value);
        format!("${}", values.len())
    };
    if query.selects_open_only() {
        sql.push_str(" AND open");
    }
    let wanted = [
        ("team", query.selected_team().map(|it| it.as_str())),
        ("assignee", query.selected_assignee().map(|it| it.as_str())),
        ("requester", query.selected_requester().map(|it| it.as_str())),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            if value.contains('\0') {
                return None;
            }
            sql.push_str(&format!(" AND {column} = {}", bind(SqlValue::from(value))));
        }
    }
    if query.selected_contact().is_some_and(|(contact, _)| contact.as_str().contains('\0')) {
        return None;
    }
    if query.unassigned_only() {
        sql.push_str(" AND assignee IS NULL");
    }
    if !query.selected_states().is_empty() {
        let names = query.selected_states().iter().map(|it| Some(it.name().to_owned())).collect();
        sql.push_str(&format!(" AND state = ANY ({}::text[])", bind(SqlValue::Texts(names))));
    }
    for (column, from, until) in query.bounds() {
        for (sign, instant) in [(">=", from), ("<=", until)] {
            if let Some(instant) = instant {
                sql.push_str(&format!(" AND {column} {sign} {}", bind(SqlValue::Integer(instant))));
            }
        }
    }
    Some(sql)
}

/// False for a text with NUL, which PostgreSQL can neither store nor compare.
fn is_text(value: &SqlValue) -> bool {
    !matches!(value, SqlValue::Text(Some(text)) if text.contains('\0'))
}

fn column(index: Index) -> &'static str {
    match index {
        Index::First => "i1",
        Index::Second => "i2",
        Index::Third => "i3",
    }
}

/// A place in an order: its columns and their values.
type Place = Vec<(&'static str, SqlValue)>;

/// Returns the statement for a page, with the condition that rows come after a place.
fn paged(sql: &str, mut values: Vec<SqlValue>, after: Option<Place>) -> Option<Statement<'static>> {
    let mut condition = String::new();
    if let Some(place) = after {
        comes_after(&mut condition, &mut values, place, false);
    }
    let sql = sql.replace("{after}", &condition);
    values.iter().all(is_text).then(|| Statement::new(sql, values))
}

/// Adds the condition that a row comes after a place. Stored texts have no NUL, so a text is cut at its first NUL. A
/// row with exactly the cut text comes before the place, and later columns do not matter.
fn comes_after(sql: &mut String, values: &mut Vec<SqlValue>, place: Place, descending: bool) {
    let (mut columns, mut bound, mut cut) = (Vec::new(), Vec::new(), false);
    for (column, mut value) in place {
        if let SqlValue::Text(Some(text)) = &mut value
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
        // An index without the other columns is bounded by this condition alone.
        let sign = if descending { "<=" } else { ">=" };
        sql.push_str(&format!(" AND {column} {sign} {value}"));
    }
    sql.push_str(&format!(" AND ({}) {sign} ({})", columns.join(", "), bound.join(", ")));
}

/// Adds the conditions that a column is between these ends. Stored texts have no NUL, so an end with NUL is cut at the
/// NUL: a row is beyond the end exactly if it is beyond the cut text.
fn between(sql: &mut String, values: &mut Vec<SqlValue>, column: &str, ends: [&Bound<String>; 2]) {
    for (end, [included, excluded, with_nul]) in ends.into_iter().zip([[">=", ">", ">"], ["<=", "<", "<="]]) {
        let (value, sign) = match end {
            Bound::Included(value) => (value, included),
            Bound::Excluded(value) => (value, excluded),
            Bound::Unbounded => continue,
        };
        let (value, sign) = value.split_once('\0').map_or((&**value, sign), |(before, _)| (before, with_nul));
        values.push(SqlValue::from(value));
        sql.push_str(&format!(" AND {column} {sign} ${}", values.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs of different versions share a database, so these numbers must never change.
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

//! SQL statements. The table prefix is filled in once per store.

use std::ops;

use rusqlite::ToSql;
use rusqlite::types::ToSqlOutput;

use super::row::signed;
use crate::store::{GroupBy, Index, Order, Query, RecordRange};
use crate::ticket::people::ContactRole;

/// The state that all transactions of a store share.
pub(super) type Shared = crate::codec::Shared<Sql>;

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// All statements with a fixed text. Searches, ranges and counts are built by methods.
        #[derive(Debug)]
        pub(super) struct Sql {
            prefix: String,
            $(pub(super) $name: String,)*
        }

        impl Sql {
            pub(super) fn new(prefix: &str) -> Sql {
                Sql {
                    prefix: prefix.to_owned(),
                    $($name: $sql.replace("{p}", prefix),)*
                }
            }
        }
    };
}

statements! {
    record: "SELECT key, version, facts, personal, i1, i2, i3, due, tries FROM {p}record \
        WHERE desk = ?1 AND kind = ?2 AND key = ?3";
    body: "SELECT facts, personal FROM {p}record_body WHERE desk = ?1 AND kind = ?2 AND key = ?3";
    due_records: "SELECT due, desk, key FROM {p}record WHERE kind = ?1 AND due <= ?2 \
        ORDER BY due, desk, key LIMIT ?3";
    due_records_after: "SELECT due, desk, key FROM {p}record WHERE kind = ?1 AND due <= ?2 \
        AND (due, desk, key) > (?4, ?5, ?6) ORDER BY due, desk, key LIMIT ?3";
    number: "SELECT id FROM {p}ticket WHERE desk = ?1 AND number = ?2";
    ticket: "SELECT id, facts, personal FROM {p}ticket WHERE desk = ?1 AND id = ?2";
    last_number: "SELECT last_number FROM {p}desk WHERE desk = ?1";
    history: "SELECT version, at, facts, personal FROM {p}event \
        WHERE desk = ?1 AND ticket = ?2 AND version > ?3 ORDER BY version LIMIT ?4";
    due: "SELECT due_at, kind, subject, ticket FROM {p}timer WHERE desk = ?1 AND due_at <= ?2 \
        ORDER BY due_at, kind, subject, ticket LIMIT ?3";
    due_after: "SELECT due_at, kind, subject, ticket FROM {p}timer WHERE desk = ?1 AND due_at <= ?2 \
        AND (due_at, kind, subject, ticket) > (?4, ?5, ?6, ?7) \
        ORDER BY due_at, kind, subject, ticket LIMIT ?3";
    due_tickets: "SELECT DISTINCT due_at, desk, ticket FROM {p}timer WHERE due_at <= ?1 \
        ORDER BY due_at, desk, ticket LIMIT ?2";
    due_tickets_after: "SELECT DISTINCT due_at, desk, ticket FROM {p}timer WHERE due_at <= ?1 \
        AND (due_at, desk, ticket) > (?3, ?4, ?5) ORDER BY due_at, desk, ticket LIMIT ?2";

    insert_ticket: "INSERT INTO {p}ticket (desk, id, version, facts, personal, state, open, priority, due_at, \
        opened_at, team, assignee, requester, number) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
    update_ticket: "UPDATE {p}ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6 \
        WHERE desk = ?1 AND id = ?2 AND version = ?7";
    update_and_place: "UPDATE {p}ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6, open = ?8, \
        priority = ?9, due_at = ?10, opened_at = ?11 WHERE desk = ?1 AND id = ?2 AND version = ?7";
    update_owner: "UPDATE {p}ticket SET team = ?3, assignee = ?4 WHERE desk = ?1 AND id = ?2";
    update_requester: "UPDATE {p}ticket SET requester = ?3 WHERE desk = ?1 AND id = ?2";
    insert_contact: "INSERT INTO {p}contact (desk, contact, ticket) VALUES (?1, ?2, ?3) \
        ON CONFLICT (desk, contact, ticket) DO NOTHING";
    delete_contact: "DELETE FROM {p}contact WHERE desk = ?1 AND contact = ?2 AND ticket = ?3";
    insert_event: "INSERT INTO {p}event (desk, ticket, version, at, facts, personal) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    timers_of: "SELECT due_at, kind, subject FROM {p}timer WHERE desk = ?1 AND ticket = ?2";
    insert_timer: "INSERT INTO {p}timer (desk, ticket, kind, subject, due_at, armed_by) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    delete_timer: "DELETE FROM {p}timer WHERE desk = ?1 AND ticket = ?2 AND kind = ?3 AND subject = ?4";
    insert_record: "INSERT INTO {p}record (desk, kind, key, version, facts, personal, i1, i2, i3, due, tries) \
        VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (desk, kind, key) DO NOTHING";
    update_record: "UPDATE {p}record SET version = version + 1, facts = ?4, personal = ?5, i1 = ?6, i2 = ?7, i3 = ?8, \
        due = ?9, tries = ?10 WHERE desk = ?1 AND kind = ?2 AND key = ?3 AND version = ?11";
    put_record: "INSERT INTO {p}record (desk, kind, key, version, facts, personal, i1, i2, i3, due, tries) \
        VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (desk, kind, key) DO UPDATE SET \
        version = version + 1, facts = excluded.facts, personal = excluded.personal, i1 = excluded.i1, \
        i2 = excluded.i2, i3 = excluded.i3, due = excluded.due, tries = excluded.tries";
    delete_record: "DELETE FROM {p}record WHERE desk = ?1 AND kind = ?2 AND key = ?3 AND version = ?4";
    delete_any_record: "DELETE FROM {p}record WHERE desk = ?1 AND kind = ?2 AND key = ?3";
    put_body: "INSERT INTO {p}record_body (desk, kind, key, facts, personal) VALUES (?1, ?2, ?3, ?4, ?5) \
        ON CONFLICT (desk, kind, key) DO UPDATE SET facts = excluded.facts, personal = excluded.personal";
    delete_body: "DELETE FROM {p}record_body WHERE desk = ?1 AND kind = ?2 AND key = ?3";
    is_due: "SELECT 1 FROM {p}record WHERE kind = ?1 AND due <= ?2 LIMIT 1";
    claim: "UPDATE {p}record SET due = ?3, tries = min(tries + 1, 4294967295), version = version + 1 WHERE (desk, kind, key) IN \
        (SELECT desk, kind, key FROM {p}record WHERE kind = ?1 AND due <= ?2 ORDER BY due LIMIT ?4) \
        RETURNING key, version, facts, personal, i1, i2, i3, due, tries, desk";
    advance_number: "INSERT INTO {p}desk (desk, last_number) VALUES (?1, ?2) \
        ON CONFLICT (desk) DO UPDATE SET last_number = max(last_number, ?2)";
}

impl Sql {
    /// The statement for a range of records, in the order of the range, and its parameters. The caller also binds
    /// `:desk` and `:kind`.
    pub(super) fn range(&self, range: &RecordRange) -> (String, Vec<(&'static str, Bound)>) {
        let column = match range.index {
            None => "key",
            Some(index) => column(index),
        };
        let mut sql = format!(
            "SELECT key, version, facts, personal, i1, i2, i3, due, tries FROM {}record \
             WHERE desk = :desk AND kind = :kind AND {column} IS NOT NULL",
            self.prefix
        );
        let mut bound = Vec::new();
        between(&mut sql, &mut bound, column, &range.from, &range.until);
        let (comes_after, direction) = if range.descending { ("<", " DESC") } else { (">", "") };
        let is_by_key = range.index.is_none();
        if let Some(after) = &range.after {
            bound.push((":key", Bound::Text(after.key.clone())));
            if is_by_key {
                sql.push_str(&format!(" AND key {comes_after} :key"));
            } else {
                bound.push((":after", Bound::Text(after.index.clone())));
                sql.push_str(&format!(" AND ({column}, key) {comes_after} (:after, :key)"));
            }
        }
        sql.push_str(&format!(" ORDER BY {column}{direction}"));
        if !is_by_key {
            sql.push_str(&format!(", key{direction}"));
        }
        sql.push_str(" LIMIT :limit");
        bound.push((":limit", Bound::Integer(signed(range.limit as u64))));
        (sql, bound)
    }

    /// The statement that counts records by index key, and its parameters. The caller also binds `:desk` and `:kind`.
    pub(super) fn counts(
        &self,
        index: Index,
        from: &ops::Bound<String>,
        until: &ops::Bound<String>,
        limit: usize,
    ) -> (String, Vec<(&'static str, Bound)>) {
        let column = column(index);
        let mut sql = format!(
            "SELECT {column}, count(*) FROM {}record WHERE desk = :desk AND kind = :kind AND {column} IS NOT NULL",
            self.prefix
        );
        let mut bound = vec![(":limit", Bound::Integer(signed(limit as u64)))];
        between(&mut sql, &mut bound, column, from, until);
        sql.push_str(&format!(" GROUP BY {column} ORDER BY {column} LIMIT :limit"));
        (sql, bound)
    }

    /// The statement for a search in the query's order, and its parameters. The caller also binds `:desk`.
    ///
    /// The statement filters only by the table's columns. It has no limit, because the caller tests each row with
    /// [`Query::matches`].
    pub(super) fn find(&self, query: &Query) -> (String, Vec<(&'static str, Bound)>) {
        let (mut filters, mut bound) = filters(query);
        if let Some(cursor) = query.cursor() {
            bound.push((":id", Bound::Blob(*cursor.id().as_uuid().as_bytes())));
            if let Some(place) = cursor.inbox() {
                bound.push((":priority", Bound::Integer(place.priority.into())));
                bound.push((":due", Bound::Integer(place.due)));
                bound.push((":opened", Bound::Integer(place.opened)));
            }
        }
        let (after, order) = match query.order() {
            Order::Inbox => (
                " AND (priority, due_at, opened_at, id) > (:priority, :due, :opened, :id)",
                " ORDER BY priority, due_at, opened_at, id",
            ),
            Order::Newest => (" AND id < :id", " ORDER BY id DESC"),
            Order::Oldest => (" AND id > :id", " ORDER BY id"),
        };
        if query.cursor().is_some() {
            filters.push_str(after);
        }
        // The further columns are for the order of two selects.
        let columns = "id, facts, personal, priority, due_at, opened_at";
        (self.selects(query, columns, &filters).join(" UNION ALL ") + order, bound)
    }

    /// The statement that counts the tickets of a query by group, and its parameters. The caller also binds `:desk`.
    /// The query must have no condition, because the statement filters by the table's columns alone.
    pub(super) fn count(&self, query: &Query, by: GroupBy) -> (String, Vec<(&'static str, Bound)>) {
        let (filters, mut bound) = filters(query);
        let key = match by {
            GroupBy::State => "state".to_owned(),
            GroupBy::Status => "coalesce(json_extract(facts, '$.placement.status'), state)".to_owned(),
            GroupBy::Team => "coalesce(team, '')".to_owned(),
            GroupBy::Assignee => "coalesce(assignee, '')".to_owned(),
            GroupBy::Priority => "CAST(priority AS TEXT)".to_owned(),
            GroupBy::Channel => "json_extract(facts, '$.channel')".to_owned(),
            GroupBy::Due => {
                let mut key = format!("CASE WHEN due_at = {} THEN 'none'", i64::MAX);
                let names = [":end0", ":end1", ":end2", ":end3"];
                for ((group, end), name) in GroupBy::due_ends(query.now()).zip(names) {
                    key.push_str(&format!(" WHEN due_at < {name} THEN '{group}'"));
                    bound.push((name, Bound::Integer(end)));
                }
                key + " ELSE 'later' END"
            }
        };
        let counts = self.selects(query, &format!("{key} AS key"), &filters).join(" UNION ALL ");
        (format!("SELECT key, count(*) FROM ({counts}) GROUP BY key"), bound)
    }

    /// Returns the selects that together return the tickets that pass the filters, each once. There are two for a
    /// contact in any role, because the requester has another index than the other contacts.
    fn selects(&self, query: &Query, columns: &str, filters: &str) -> Vec<String> {
        let p = &self.prefix;
        let of_tickets = |index, filter| {
            format!(
                "SELECT {columns} FROM {p}ticket INDEXED BY {p}ticket_{index} WHERE desk = :desk{filter}{filters}"
            )
        };
        let Some((_, role)) = query.selected_contact() else { return vec![of_tickets(index(query), "")] };
        let as_requester = of_tickets("requester", " AND requester = :contact");
        let otherwise = format!(
            "SELECT {columns} FROM (SELECT contact.ticket AS id, facts, personal, state, open, priority, due_at, \
             opened_at, team, assignee, requester FROM {p}contact AS contact CROSS JOIN {p}ticket AS ticket \
             ON ticket.desk = contact.desk AND ticket.id = contact.ticket \
             WHERE contact.desk = :desk AND contact.contact = :contact) WHERE TRUE{filters}"
        );
        match role {
            None => vec![as_requester, otherwise],
            Some(ContactRole::Requester) => vec![as_requester],
            Some(_) => vec![otherwise],
        }
    }
}

/// Returns the index that serves a query best. SQLite itself would rather read all open tickets in order than sort
/// those of one requester.
fn index(query: &Query) -> &'static str {
    let owner = (query.selected_requester(), query.selected_assignee(), query.selected_team());
    match (owner, query.selects_open_only()) {
        ((Some(_), ..), _) => "requester",
        ((_, Some(_), _), true) => "assignee",
        ((_, Some(_), _), false) => "of_assignee",
        ((.., Some(_)), true) => "team",
        ((.., Some(_)), false) => "of_team",
        (_, true) => "inbox",
        (_, false) => "id",
    }
}

/// Returns the filters of a query by the columns of the table of tickets, and their parameters.
fn filters(query: &Query) -> (String, Vec<(&'static str, Bound)>) {
    let (mut sql, mut bound) = (String::new(), Vec::new());
    if query.selects_open_only() {
        sql.push_str(" AND open = 1");
    }
    let filters = [
        ("team", ":team", query.selected_team().map(|it| it.as_str())),
        ("assignee", ":assignee", query.selected_assignee().map(|it| it.as_str())),
        ("requester", ":requester", query.selected_requester().map(|it| it.as_str())),
    ];
    for (column, name, value) in filters {
        if let Some(value) = value {
            sql.push_str(&format!(" AND {column} = {name}"));
            bound.push((name, Bound::Text(value.to_owned())));
        }
    }
    if let Some((contact, _)) = query.selected_contact() {
        bound.push((":contact", Bound::Text(contact.as_str().to_owned())));
    }
    if query.unassigned_only() {
        sql.push_str(" AND assignee IS NULL");
    }
    if !query.selected_states().is_empty() {
        let names: Vec<_> = query.selected_states().iter().map(|it| format!("'{}'", it.name())).collect();
        sql.push_str(&format!(" AND state IN ({})", names.join(", ")));
    }
    let names = [(":opened_from", ":opened_until"), (":due_from", ":due_until")];
    for ((column, from, until), names) in query.bounds().zip(names) {
        for (sign, name, instant) in [(">=", names.0, from), ("<=", names.1, until)] {
            if let Some(instant) = instant {
                sql.push_str(&format!(" AND {column} {sign} {name}"));
                bound.push((name, Bound::Integer(instant)));
            }
        }
    }
    (sql, bound)
}

fn column(index: Index) -> &'static str {
    match index {
        Index::First => "i1",
        Index::Second => "i2",
        Index::Third => "i3",
    }
}

fn between(
    sql: &mut String,
    bound: &mut Vec<(&'static str, Bound)>,
    column: &str,
    from: &ops::Bound<String>,
    until: &ops::Bound<String>,
) {
    let signs = [(":from", from, ">=", ">"), (":until", until, "<=", "<")];
    for (name, end, included, excluded) in signs {
        let (value, sign) = match end {
            ops::Bound::Included(value) => (value, included),
            ops::Bound::Excluded(value) => (value, excluded),
            ops::Bound::Unbounded => continue,
        };
        sql.push_str(&format!(" AND {column} {sign} {name}"));
        bound.push((name, Bound::Text(value.clone())));
    }
}

/// The value of a named parameter.
#[derive(Debug)]
pub(super) enum Bound {
    Text(String),
    Integer(i64),
    Blob([u8; 16]),
}

impl ToSql for Bound {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Bound::Text(text) => ToSqlOutput::from(text.as_str()),
            Bound::Integer(number) => ToSqlOutput::from(*number),
            Bound::Blob(bytes) => ToSqlOutput::from(&bytes[..]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::StateKind;
    use crate::store::Cursor;

    /// Every filter with a method reads its index in every order. A search sorts only if it reads the tickets of one
    /// person, or the open tickets in an order of ids.
    #[test]
    fn searches_read_the_index_of_their_filter() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let inbox: Cursor = "i.3.9223372036854775807.0.00000000-0000-0000-0000-000000000000".parse().unwrap();
        let newest: Cursor = "n.00000000-0000-0000-0000-000000000000".parse().unwrap();
        let sorted = [
            (Query::inbox().from("c"), "p_ticket_requester"),
            (Query::inbox().from("c").team("t").assigned_to("a"), "p_ticket_requester"),
            (Query::inbox().contact("c"), "p_ticket_requester"),
            (Query::newest().state(StateKind::OnHold), "p_ticket_inbox"),
            (Query::oldest().state(StateKind::New).state(StateKind::Active), "p_ticket_inbox"),
            (Query::newest().state(StateKind::New).team("t"), "p_ticket_team"),
            (Query::newest().state(StateKind::New).assigned_to("a"), "p_ticket_assignee"),
        ];
        let in_order = [
            (Query::inbox(), "p_ticket_inbox"),
            (Query::inbox().state(StateKind::New).unassigned(), "p_ticket_inbox"),
            (Query::newest().team("t"), "p_ticket_of_team"),
            (
                Query::oldest()
                    .team("t")
                    .after("o.00000000-0000-0000-0000-000000000000".parse::<Cursor>().unwrap()),
                "p_ticket_of_team",
            ),
            (Query::newest().assigned_to("a").after(newest.clone()), "p_ticket_of_assignee"),
            (Query::oldest().assigned_to("a").team("t"), "p_ticket_of_assignee"),
            (Query::newest().state(StateKind::Closed), "p_ticket_id"),
            (Query::newest().unassigned(), "p_ticket_id"),
            (Query::inbox().after(inbox.clone()), "p_ticket_inbox"),
            (Query::inbox().team("t"), "p_ticket_team"),
            (Query::inbox().team("t").after(inbox.clone()), "p_ticket_team"),
            (Query::inbox().assigned_to("a").after(inbox), "p_ticket_assignee"),
            (Query::newest().after(newest.clone()), "p_ticket_id"),
            (Query::oldest(), "p_ticket_id"),
            (Query::newest().from("c").after(newest.clone()), "p_ticket_requester"),
            (Query::newest().contact("c").after(newest.clone()), "p_ticket_requester"),
            (Query::oldest().contact("c"), "p_ticket_requester"),
            (Query::newest().contact_as("c", ContactRole::Cc).after(newest), "p_ticket_id"),
        ];
        let cases = in_order.map(|it| (it, false)).into_iter().chain(sorted.map(|it| (it, true)));
        for ((query, index), sorts) in cases {
            let (sql, bound) = Sql::new("p_").find(&query);
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":desk", &"main")];
            parameters.extend(bound.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
            let rows = statement.query_map(&parameters[..], |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            let plan = plan.join("; ");
            let is_index = plan.contains(&format!("INDEX {index} (desk=?"));
            assert!(is_index && plan.contains("TEMP B-TREE") == sorts, "{query:?}: {plan}");
        }
        // The control: a search without a suitable index sorts, and the plan shows it.
        let sql = Sql::new("p_").find(&Query::newest()).0.replace("ORDER BY id", "ORDER BY version");
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map(&[(":desk", "main")], |row| row.get::<_, String>(3)).unwrap();
        assert!(rows.map(Result::unwrap).any(|step| step.contains("TEMP B-TREE")));
    }

    /// Due timers and records, of one desk or of all, are read from an index in order. If nothing is due, the read is
    /// cheap.
    #[test]
    fn due_timers_are_read_from_an_index_in_order() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let sql = Sql::new("p_");
        let cases = [
            (&sql.due, "USING COVERING INDEX p_timer_due (desk=? AND due_at<?)"),
            (&sql.due_after, "USING COVERING INDEX p_timer_due (desk=? AND"),
            (&sql.due_tickets, "USING COVERING INDEX p_timer_all_desks (due_at<?)"),
            (&sql.due_tickets_after, "USING COVERING INDEX p_timer_all_desks ("),
            (&sql.due_records, "USING COVERING INDEX p_record_due (kind=? AND due<?)"),
            (&sql.due_records_after, "USING COVERING INDEX p_record_due (kind=? AND"),
            (&sql.is_due, "USING COVERING INDEX p_record_due (kind=? AND due<?)"),
        ];
        for (sql, walked) in cases {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
            let rows = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
                .unwrap();
            let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            assert!(plan.contains(walked) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }

    /// Ranges and counts of records read an index in order.
    #[test]
    fn ranges_and_counts_read_an_index_in_order() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let kind = crate::store::kinds::RECEIPT;
        let place = crate::store::RecordCursor { index: "i".to_owned(), key: "k".to_owned() };
        let sql = Sql::new("p_");
        let mut asked = vec![(sql.range(&RecordRange::by_key(kind)), "PRIMARY KEY")];
        for (index, name) in [(Index::First, "p_record_i1"), (Index::Third, "p_record_i3")] {
            let range = RecordRange::by_index(kind, index).starting_with("a");
            asked.push((sql.range(&range), name));
            asked.push((sql.range(&range.clone().after(place.clone())), name));
            asked.push((sql.range(&range.after(place.clone()).descending()), name));
            asked.push((sql.counts(index, &ops::Bound::Unbounded, &ops::Bound::Unbounded, 9), name));
        }
        for ((sql, _), index) in asked {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
            let rows = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
                .unwrap();
            let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }

    /// Each index that a statement updates adds a page to the write-ahead log: see `Rows::write_ticket`.
    #[test]
    fn an_update_writes_only_to_the_indexes_of_its_columns() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let sql = Sql::new("p_");
        let updates = [
            (&sql.update_ticket, 0),
            (&sql.update_requester, 1),
            (&sql.update_and_place, 3),
            (&sql.update_owner, 4),
        ];
        for (update, written) in updates {
            let mut statement = connection.prepare(&format!("EXPLAIN {update}")).unwrap();
            let count = statement.parameter_count();
            let nothing = rusqlite::params_from_iter(vec![rusqlite::types::Null; count]);
            let opcodes = statement.query_map(nothing, |row| row.get::<_, String>(1)).unwrap();
            let found = opcodes.map(Result::unwrap).filter(|opcode| opcode == "IdxInsert").count();
            assert_eq!(found, written, "{update}");
        }
    }
}

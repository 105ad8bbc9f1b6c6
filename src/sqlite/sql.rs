//! The statements, with the table prefix filled in once.

use rusqlite::ToSql;
use rusqlite::types::ToSqlOutput;

use crate::store::query::{Order, Query};

macro_rules! statements {
    ($($name:ident: $sql:literal;)*) => {
        /// Every statement but those of searches.
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
    receipt: "SELECT request, ticket, before, after, expires_at FROM {p}receipt WHERE desk = ?1 AND key = ?2";
    thread: "SELECT ticket FROM {p}thread WHERE desk = ?1 AND key = ?2";
    external: "SELECT id FROM {p}ticket WHERE desk = ?1 AND source = ?2 AND external = ?3";
    number: "SELECT id FROM {p}ticket WHERE desk = ?1 AND number = ?2";
    in_force: "SELECT version, holds_from, hash FROM {p}adoption \
        WHERE desk = ?1 AND kind = ?2 AND holds_from <= ?3 ORDER BY version DESC LIMIT 1";
    definition: "SELECT text FROM {p}definition WHERE desk = ?1 AND hash = ?2";
    ticket: "SELECT id, facts, personal FROM {p}ticket WHERE desk = ?1 AND id = ?2";
    last_number: "SELECT last_number FROM {p}desk WHERE desk = ?1";
    history: "SELECT version, at, facts, personal FROM {p}event \
        WHERE desk = ?1 AND ticket = ?2 AND version > ?3 ORDER BY version LIMIT ?4";
    due: "SELECT due_at, kind, subject, ticket FROM {p}timer WHERE desk = ?1 AND due_at <= ?2 \
        ORDER BY due_at, kind, subject, ticket LIMIT ?3";
    due_after: "SELECT due_at, kind, subject, ticket FROM {p}timer WHERE desk = ?1 AND due_at <= ?2 \
        AND (due_at, kind, subject, ticket) > (?4, ?5, ?6, ?7) \
        ORDER BY due_at, kind, subject, ticket LIMIT ?3";
    owed: "SELECT DISTINCT due_at, desk, ticket FROM {p}timer WHERE due_at <= ?1 \
        ORDER BY due_at, desk, ticket LIMIT ?2";
    owed_after: "SELECT DISTINCT due_at, desk, ticket FROM {p}timer WHERE due_at <= ?1 \
        AND (due_at, desk, ticket) > (?3, ?4, ?5) ORDER BY due_at, desk, ticket LIMIT ?2";

    insert_ticket: "INSERT INTO {p}ticket (desk, id, version, facts, personal, state, open, priority, due_at, \
        opened_at, team, assignee, requester, number, source, external) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    update_ticket: "UPDATE {p}ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6 \
        WHERE desk = ?1 AND id = ?2 AND version = ?7";
    update_and_place: "UPDATE {p}ticket SET version = ?3, facts = ?4, personal = ?5, state = ?6, open = ?8, \
        priority = ?9, due_at = ?10, opened_at = ?11, team = ?12, assignee = ?13 \
        WHERE desk = ?1 AND id = ?2 AND version = ?7";
    update_requester: "UPDATE {p}ticket SET requester = ?3 WHERE desk = ?1 AND id = ?2";
    insert_event: "INSERT INTO {p}event (desk, ticket, version, at, facts, personal) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    timers_of: "SELECT due_at, kind, subject FROM {p}timer WHERE desk = ?1 AND ticket = ?2";
    insert_timer: "INSERT INTO {p}timer (desk, ticket, kind, subject, due_at, armed_by) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    delete_timer: "DELETE FROM {p}timer WHERE desk = ?1 AND ticket = ?2 AND kind = ?3 AND subject = ?4";
    put_thread: "INSERT INTO {p}thread (desk, key, ticket) VALUES (?1, ?2, ?3) \
        ON CONFLICT (desk, key) DO UPDATE SET ticket = excluded.ticket";
    put_definition: "INSERT INTO {p}definition (desk, hash, text) VALUES (?1, ?2, ?3) \
        ON CONFLICT (desk, hash) DO NOTHING";
    insert_adoption: "INSERT INTO {p}adoption (desk, kind, version, holds_from, hash) \
        VALUES (?1, ?2, ?3, ?4, ?5)";
    put_receipt: "INSERT INTO {p}receipt (desk, key, request, ticket, before, after, expires_at) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (desk, key) DO UPDATE SET request = excluded.request, \
        ticket = excluded.ticket, before = excluded.before, after = excluded.after, \
        expires_at = excluded.expires_at";
    forget_receipts: "DELETE FROM {p}receipt WHERE desk = ?1 AND expires_at < ?2";
    advance_number: "INSERT INTO {p}desk (desk, last_number) VALUES (?1, ?2) \
        ON CONFLICT (desk) DO UPDATE SET last_number = max(last_number, ?2)";
}

impl Sql {
    /// The statement for a search: narrowed by what has an index, in the query's order, and without a limit, because
    /// the query itself has the last word on every row.
    pub(super) fn find(&self, query: &Query) -> (String, Vec<(&'static str, Bound)>) {
        let mut sql = format!("SELECT id, facts, personal FROM {}ticket WHERE desk = :desk", self.prefix);
        let mut bound = Vec::new();
        if query.open_only() {
            sql.push_str(" AND open = 1");
        }
        let wanted = [
            ("team", ":team", query.wanted_team().map(|it| it.as_str())),
            ("assignee", ":assignee", query.wanted_assignee().map(|it| it.as_str())),
            ("requester", ":requester", query.wanted_requester().map(|it| it.as_str())),
        ];
        for (column, name, value) in wanted {
            if let Some(value) = value {
                sql.push_str(&format!(" AND {column} = {name}"));
                bound.push((name, Bound::Text(value.to_owned())));
            }
        }
        if !query.wanted_states().is_empty() {
            let names: Vec<_> = query.wanted_states().iter().map(|it| format!("'{}'", it.name())).collect();
            sql.push_str(&format!(" AND state IN ({})", names.join(", ")));
        }
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
            sql.push_str(after);
        }
        sql.push_str(order);
        (sql, bound)
    }
}

/// A value for a search.
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
    use crate::store::Cursor;

    /// Searches that the crate promises to be fast walk an index in its order: nothing is sorted afterwards.
    #[test]
    fn promised_searches_walk_an_index_in_order() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let inbox: Cursor = "i.3.9223372036854775807.0.00000000-0000-0000-0000-000000000000".parse().unwrap();
        let newest: Cursor = "n.00000000-0000-0000-0000-000000000000".parse().unwrap();
        for (query, index) in [
            (Query::inbox(), "p_ticket_inbox"),
            (Query::inbox().after(inbox.clone()), "p_ticket_inbox"),
            (Query::inbox().team("t"), "p_ticket_team"),
            (Query::inbox().team("t").after(inbox.clone()), "p_ticket_team"),
            (Query::inbox().assigned_to("a").after(inbox), "p_ticket_assignee"),
            (Query::newest().after(newest.clone()), "p_ticket_id"),
            (Query::oldest(), "p_ticket_id"),
            (Query::newest().from("c").after(newest), "p_ticket_requester"),
        ] {
            let (sql, bound) = Sql::new("p_").find(&query);
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":desk", &"main")];
            parameters.extend(bound.iter().map(|(name, value)| (*name, value as &dyn ToSql)));
            let rows = statement.query_map(&parameters[..], |row| row.get::<_, String>(3)).unwrap();
            let plan: Vec<String> = rows.map(Result::unwrap).collect();
            let plan = plan.join("; ");
            assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
        }
        // The control: a search that no index serves is sorted, and this test would see it.
        let sql = Sql::new("p_").find(&Query::newest()).0.replace("ORDER BY id", "ORDER BY version");
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = statement.query_map(&[(":desk", "main")], |row| row.get::<_, String>(3)).unwrap();
        assert!(rows.map(Result::unwrap).any(|step| step.contains("TEMP B-TREE")));
    }

    /// What is due, at one desk or at all, is read from an index in its order, so that nothing due costs next to nothing.
    #[test]
    fn due_timers_are_read_from_an_index_in_order() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let sql = Sql::new("p_");
        let searched = [
            (&sql.due, "USING COVERING INDEX p_timer_due (desk=? AND due_at<?)"),
            (&sql.due_after, "USING COVERING INDEX p_timer_due (desk=? AND"),
            (&sql.owed, "USING COVERING INDEX p_timer_owed (due_at<?)"),
            (&sql.owed_after, "USING COVERING INDEX p_timer_owed ("),
        ];
        for (sql, walked) in searched {
            let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let nothing = vec![rusqlite::types::Null; statement.parameter_count()];
            let rows = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3))
                .unwrap();
            let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            assert!(plan.contains(walked) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }

    /// An index into which a statement writes costs a page of the write-ahead log: see `Rows::write_ticket`.
    #[test]
    fn an_update_writes_into_no_index_but_those_of_its_columns() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::schema::migrate(&mut connection, "p_").unwrap();
        let sql = Sql::new("p_");
        let updates = [(&sql.update_ticket, 0), (&sql.update_requester, 1), (&sql.update_and_place, 3)];
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

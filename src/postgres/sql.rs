//! The statements that read and claim, with the schema filled in once.

use super::driver::{Statement, Value};
use crate::codec::signed;
use crate::definition::Fingerprint;
use crate::id::{DeskId, TicketId};
use crate::store::query::{Order, Query};
use crate::store::read::{DueTimer, Owed, Read};
use crate::store::{Claim, Hold};
use crate::store::{Cursor, Mode};

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
    receipt: "SELECT request, ticket, before, after, expires_at FROM {s}.receipt WHERE desk = $1 AND key = $2";
    thread: "SELECT ticket FROM {s}.thread WHERE desk = $1 AND key = $2";
    external: "SELECT id FROM {s}.ticket WHERE desk = $1 AND source = $2 AND external = $3";
    number: "SELECT id FROM {s}.ticket WHERE desk = $1 AND number = $2";
    in_force: "SELECT version, holds_from, hash FROM {s}.adoption \
        WHERE desk = $1 AND kind = $2 AND holds_from <= $3 ORDER BY version DESC LIMIT 1";
    definition: "SELECT text FROM {s}.definition WHERE desk = $1 AND hash = $2";
    last_number: "SELECT last_number FROM {s}.desk WHERE desk = $1";
    history: "SELECT version, at, facts, personal FROM {s}.event \
        WHERE desk = $1 AND ticket = $2 AND version > $3 ORDER BY version LIMIT $4";
    due: "SELECT due_at, kind, subject, ticket FROM {s}.timer WHERE desk = $1 AND due_at <= $2 \
        ORDER BY due_at, kind, subject, ticket LIMIT $3";
    due_after: "SELECT due_at, kind, subject, ticket FROM {s}.timer WHERE desk = $1 AND due_at <= $2 \
        AND (due_at, kind, subject, ticket) > ($4, $5, $6, $7) \
        ORDER BY due_at, kind, subject, ticket LIMIT $3";
    owed: "SELECT DISTINCT due_at, desk, ticket FROM {s}.timer WHERE due_at <= $1 \
        ORDER BY due_at, desk, ticket LIMIT $2";
    owed_after: "SELECT DISTINCT due_at, desk, ticket FROM {s}.timer WHERE due_at <= $1 \
        AND (due_at, desk, ticket) > ($3, $4, $5) ORDER BY due_at, desk, ticket LIMIT $2";
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
    fn lock_of(&self, desk: &DeskId, claim: &Claim) -> Option<i64> {
        let desk = desk.as_str();
        let lock = |what, parts: &[&str]| Some(lock_id(&self.schema, what, parts));
        match claim {
            Claim::Definitions(kind) => lock("definitions", &[desk, kind.as_str()]),
            Claim::Receipt(key) => lock("receipt", &[desk, key.as_str()]),
            Claim::Thread(key) => lock("thread", &[desk, key.as_str()]),
            Claim::External(name) => lock("external", &[desk, &name.source, &name.id]),
            Claim::Numbers => lock("numbers", &[desk]),
            Claim::Ticket(_) => None, // Its row is locked.
        }
    }

    /// The script that takes these claims, but for tickets: in their order, each by a statement of its own, because a
    /// statement sees the rows as they were when it began, not as they were when it got a lock.
    pub(super) fn claims<'a>(
        &self,
        desk: &DeskId,
        claims: impl Iterator<Item = (&'a Claim, &'a Hold)>,
    ) -> Option<String> {
        let take = |(claim, hold): (&Claim, &Hold)| {
            let id = self.lock_of(desk, claim)?;
            let function = match hold {
                Hold::Shared => "pg_advisory_xact_lock_shared",
                Hold::Exclusive => "pg_advisory_xact_lock",
            };
            Some(format!("SELECT {function}({id})"))
        };
        let taken: Vec<_> = claims.filter_map(take).collect();
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

    /// The statement that answers a read by itself. Tickets and searches are read otherwise, and what no row can be
    /// called is not looked for.
    pub(super) fn read(&self, desk: &DeskId, read: &Read) -> Option<Statement<'_>> {
        let desk = Value::from(desk.as_str());
        let (sql, values) = match read {
            Read::Receipt(key) => (&self.receipt, vec![desk, Value::from(key.as_str())]),
            Read::Thread(key) => (&self.thread, vec![desk, Value::from(key.as_str())]),
            Read::External(name) => {
                (&self.external, vec![desk, Value::from(&*name.source), Value::from(&*name.id)])
            }
            Read::Number(number) => (&self.number, vec![desk, Value::Integer(signed(*number))]),
            Read::InForce(kind, at) => (
                &self.in_force,
                vec![desk, Value::from(kind.as_str()), Value::Integer(at.timestamp_micros())],
            ),
            Read::Newest(kind) => {
                (&self.in_force, vec![desk, Value::from(kind.as_str()), Value::Integer(i64::MAX)])
            }
            Read::Definition(hash) => (&self.definition, vec![desk, Value::Bytes(hash.as_bytes().to_vec())]),
            Read::NextNumber { .. } => (&self.last_number, vec![desk]),
            Read::History { ticket, after, limit: most } => {
                let after = Value::Integer(signed(*after));
                (&self.history, vec![desk, Value::Id(ticket.as_uuid()), after, limit(*most)])
            }
            Read::Due { until, after, limit: most } => {
                let mut values = vec![desk, Value::Integer(until.timestamp_micros()), limit(*most)];
                match after.as_deref() {
                    None => (&self.due, values),
                    Some(DueTimer { timer, ticket }) => {
                        values.extend([
                            Value::Integer(timer.due.timestamp_micros()),
                            Value::from(timer.kind.as_str()),
                            Value::from(&*timer.subject),
                            Value::Id(ticket.as_uuid()),
                        ]);
                        (&self.due_after, values)
                    }
                }
            }
            Read::Owed { until, after, limit: most } => {
                let mut values = vec![Value::Integer(until.timestamp_micros()), limit(*most)];
                match after.as_deref() {
                    None => (&self.owed, values),
                    Some(Owed { due, desk, ticket }) => {
                        values.extend([
                            Value::Integer(due.timestamp_micros()),
                            Value::from(desk.as_str()),
                            Value::Id(ticket.as_uuid()),
                        ]);
                        (&self.owed_after, values)
                    }
                }
            }
            Read::Ticket(_) | Read::Find(_) => return None,
        };
        // PostgreSQL's texts have no NUL, and refuse to be compared with one.
        let sayable = |value: &Value| !matches!(value, Value::Text(Some(text)) if text.contains('\0'));
        values.iter().all(sayable).then(|| Statement::new(sql.as_str(), values))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs of different versions use one database: what they lock must have one number for ever.
    #[test]
    fn the_numbers_of_locks_never_change() {
        assert_eq!(
            lock_id("support", "thread", &["acme", "chat-9"]),
            lock_id("support", "thread", &["acme", "chat-9"])
        );
        assert_ne!(
            lock_id("support", "thread", &["acme", "chat-9"]),
            lock_id("support", "thread", &["acmec", "hat-9"])
        );
        assert_ne!(
            lock_id("support", "external", &["a b", "c"]),
            lock_id("support", "external", &["a", "b c"])
        );
        assert_eq!(lock_id("support", "thread", &["acme", "chat-9"]), -1_538_718_050_327_494_542);
    }
}

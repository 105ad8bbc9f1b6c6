//! PostgreSQL's plans for the statements, observed through the trait for other drivers.

use std::ops::Bound;
use std::sync::Mutex;

use firstline::operation::{Engine, Interrupt, Loaded, Operation};
use firstline::postgres::driver::{Connection, DriverError, Statement};
use firstline::store::{
    Changes, Commit, Content, DataPolicy, Expected, Index, Read, RecordCursor, RecordKind, RecordRange,
    RecordWrite,
};
use firstline::*;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};

use crate::server::Place;

/// A transaction that records each statement with its plan.
struct Spied<'c> {
    transaction: Transaction<'c>,
    seen: Mutex<Vec<(String, String)>>,
}

impl Connection for Spied<'_> {
    type Row = Row;

    async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, DriverError> {
        let values: Vec<_> = statement.values().iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        let explain = format!("EXPLAIN {}", statement.sql());
        let plan = self.transaction.query(&explain, &values).await.map_err(DriverError::other)?;
        let plan: Vec<String> = plan.iter().map(|row| row.get(0)).collect();
        self.seen.lock().unwrap().push((statement.sql().to_owned(), plan.join("\n")));
        Connection::query(&self.transaction, statement).await
    }

    async fn run(&self, sql: &str) -> Result<(), DriverError> {
        self.transaction.run(sql).await
    }
}

impl Spied<'_> {
    fn seen(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// Locks one record and writes nothing.
struct LockRecord(RecordKind, &'static str);

impl Operation for LockRecord {
    type Out = ();

    fn decide(&self, loaded: &Loaded) -> std::result::Result<(Commit, ()), Interrupt> {
        loaded.record(self.0, self.1)?;
        Ok((Commit::new(), ()))
    }
}

/// Searches that are documented as fast read an index in order and do not sort. A row is found by its key. A command
/// writes everything with one statement.
pub(crate) async fn rows_are_found_by_an_index_and_written_by_one_statement(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let transaction = host.transaction().await.unwrap();
    // PostgreSQL would rightly use a sequential scan on a table with few rows.
    transaction.batch_execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off").await.unwrap();
    let mut spied = Spied { transaction, seen: Mutex::default() };
    let anna = Actor::agent("anna");

    let mut opened = Vec::new();
    for n in 0..3 {
        let request = NewTicket::new("No sound")
            .from("c")
            .thread(format!("chat-{n}"))
            .idempotency_key(format!("form-{n}"));
        opened.push(desk.within(&mut spied).open_ticket(request).await.unwrap().id());
    }
    let both = Action::link(LinkKind::CauseOf, opened[0]).and(Action::resolve("unmuted"));
    desk.within(&mut spied).act(opened[2], both, &anna).await.unwrap();
    desk.within(&mut spied).setup().adopt(&Policy::new().prefix("SHOP")).await.unwrap();
    let message = InboundMessage::new("Hello?").from("c").thread("chat-0").subject("?");
    desk.within(&mut spied).receive(message).await.unwrap();
    let seen = spied.seen();
    let writing = seen.iter().filter(|(sql, _)| sql.contains("INSERT INTO") || sql.contains("DELETE FROM"));
    assert_eq!(writing.count(), 6, "one statement per command");
    // A row lock is written to the log, so records that are never due are not locked as rows.
    assert!(!seen.iter().any(|(sql, _)| sql.contains("record") && sql.contains("FOR SHARE")));
    for (sql, plan) in &seen {
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
    }

    let inbox: Cursor = "i.3.9223372036854775807.0.00000000-0000-0000-0000-000000000000".parse().unwrap();
    let newest: Cursor = "n.ffffffff-0000-0000-0000-000000000000".parse().unwrap();
    for (query, index) in [
        (Query::inbox(), "ticket_inbox"),
        (Query::inbox().after(inbox.clone()), "ticket_inbox"),
        (Query::inbox().team("t"), "ticket_team"),
        (Query::inbox().team("t").after(inbox.clone()), "ticket_team"),
        (Query::inbox().assigned_to("a").after(inbox), "ticket_assignee"),
        (Query::newest().after(newest.clone()), "ticket_pkey"),
        (Query::oldest(), "ticket_pkey"),
        (Query::newest().from("c").after(newest), "ticket_requester"),
    ] {
        desk.within(&mut spied).find(query.clone()).await.unwrap();
        let (_, plan) = spied.seen().pop().unwrap();
        assert!(plan.contains(index) && !plan.contains("Sort"), "{query:?}\n{plan}");
    }
    // The control: a search without a suitable index sorts, and the plan shows it.
    desk.within(&mut spied).find(Query::oldest()).await.unwrap();
    let unserved = spied.seen().pop().unwrap().0.replace("ORDER BY id", "ORDER BY version");
    let plan = spied.transaction.query(&format!("EXPLAIN {unserved}"), &[&"acme", &50_i64]).await.unwrap();
    assert!(plan.iter().any(|row| row.get::<_, &str>(0).contains("Sort")));

    assert!(
        desk.within(&mut spied)
            .tick("2100-01-01T00:00:00Z".parse().unwrap())
            .await
            .unwrap()
            .failed
            .is_empty()
    );
    let seen = spied.seen();
    let (_, due) = seen.iter().find(|(sql, _)| sql.contains(".timer")).unwrap();
    assert!(due.contains("timer_due") && !due.contains("Sort"), "{due}");
}

/// Most records share one value of the second index. Pages of them and counts are read from an index in order. A claim
/// reads only due records.
pub(crate) async fn records_are_read_counted_and_claimed_by_an_index(place: Place) {
    const WORK: RecordKind = RecordKind::new("test.work", "work", Changes::Replaced, DataPolicy::IMPERSONAL);
    let (store, desk) = (place.store().await, DeskId::new("acme"));
    let write = |n: u32| {
        let content = Content::new(*b"work").indexed(Index::First, format!("{n:05}"));
        let content = content.indexed(Index::Second, if n.is_multiple_of(100) { "few" } else { "many" });
        let content = content.due(DateTime::UNIX_EPOCH + TimeDelta::days(100 * i64::from(n)));
        RecordWrite::put(WORK, format!("{n:05}"), Expected::Absent, content)
    };
    store.save(&desk, (0..4_000).map(write).collect::<Commit>()).await.unwrap();
    let mut host = place.host().await;
    host.batch_execute(&format!("ANALYZE {}.record", place.schema)).await.unwrap();
    let transaction = host.transaction().await.unwrap();
    let mut spied = Spied { transaction, seen: Mutex::default() };
    let after = |index: &str| RecordCursor { index: index.to_owned(), key: "02000".to_owned() };
    let many = || RecordRange::by_index(WORK, Index::Second).equal_to("many").limit(20);
    let first = || RecordRange::by_index(WORK, Index::First).limit(20);
    let ranges = [
        (RecordRange::by_key(WORK).limit(20), "record_pkey"),
        (RecordRange::by_key(WORK).starting_with("03").after(after("")).limit(20), "record_pkey"),
        (first(), "record_i1"),
        (first().starting_with("03"), "record_i1"),
        (first().after(after("02000")), "record_i1"),
        (first().after(after("02000")).descending(), "record_i1"),
        (many(), "record_pkey"),
        (many().after(after("many")), "record_pkey"),
        (many().after(after("many")).descending(), "record_pkey"),
    ];
    let (from, until) = (Bound::Included("f".to_owned()), Bound::Excluded("g".to_owned()));
    let few = Read::CountRecords { kind: WORK, index: Index::Second, from, until, limit: 20 };
    let reads =
        ranges.into_iter().map(|(range, index)| (Read::Records(range), index)).chain([(few, "record_i2")]);
    for (read, index) in reads {
        store.within(&mut spied).load(&desk, vec![read.clone()]).await.unwrap();
        let (_, plan) = spied.seen().pop().unwrap();
        assert!(
            plan.contains(index) && !plan.contains("Sort") && !plan.contains("Seq Scan"),
            "{read:?}\n{plan}"
        );
    }
    let due = Read::DueRecords { kind: WORK, until: DateTime::UNIX_EPOCH, after: None, limit: 20 };
    store.within(&mut spied).load(&desk, vec![due]).await.unwrap();
    let (_, plan) = spied.seen().pop().unwrap();
    assert!(plan.contains("record_due") && !plan.contains("Seq Scan"), "{plan}");
    let claimed = store.within(&mut spied).claim(WORK, 5, TimeDelta::hours(1)).await.unwrap();
    assert_eq!(claimed.len(), 5);
    let (_, plan) = spied.seen().pop().unwrap();
    assert!(plan.contains("record_due") && !plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
    // The locking read of one record uses an index too.
    store.within(&mut spied).run(&desk, LockRecord(WORK, "00001")).await.unwrap();
    let (_, plan) = spied.seen().pop().unwrap();
    assert_eq!((plan.matches("record_pkey").count(), plan.matches("Seq Scan").count()), (2, 0), "{plan}");
}

/// Every filter with a method, in every order, among many tickets of two desks: only the index of the filter is read,
/// and of it only the part of the desk.
pub(crate) async fn every_filter_is_served_by_an_index_of_its_desk(place: Place) {
    let desk = place.store().await.desk("acme");
    let mut host = place.host().await;
    let schema = &place.schema;
    // 100,000 tickets, of which a seventh is open. The plans need no readable facts.
    let fill = format!(
        "INSERT INTO {schema}.ticket (desk, id, version, number, state, open, priority, due_at, opened_at, team, \
         assignee, requester, facts) \
         SELECT (ARRAY['acme', 'other'])[1 + n % 2], gen_random_uuid(), 1, n, \
         CASE WHEN n % 14 < 2 THEN (ARRAY['new', 'active', 'on_hold'])[1 + n % 3] ELSE 'closed' END, n % 14 < 2, \
         1 + n % 5, n, n, 'team ' || n % 10, CASE WHEN n % 5 > 0 THEN 'agent ' || n % 50 END, 'person ' || n % 20000, \
         '' FROM generate_series(1, 100000) AS n; \
         INSERT INTO {schema}.contact SELECT desk, 'person ' || number % 17000, id FROM {schema}.ticket; \
         ANALYZE {schema}.ticket; ANALYZE {schema}.contact"
    );
    host.batch_execute(&fill).await.unwrap();
    let transaction = host.transaction().await.unwrap();
    let mut spied = Spied { transaction, seen: Mutex::default() };
    let mut plan_of = async |query: &Query| {
        let read = desk.within(&mut spied).find(query.clone()).await;
        assert!(read.is_err(), "the facts cannot be read");
        let seen = spied.seen();
        seen.into_iter().find(|(sql, _)| sql.contains(".ticket")).unwrap().1
    };
    const OPEN: &[&str] = &["ticket_inbox"];
    const IDS: &[&str] = &["ticket_pkey", "ticket_number"];
    type Filter = (fn(Query) -> Query, [&'static [&'static str]; 2]);
    // The indexes that serve a filter among open tickets, and among all tickets.
    let filters: [Filter; 8] = [
        (|it| it, [OPEN, IDS]),
        (|it| it.team("team 4"), [&["ticket_team"], &["ticket_of_team"]]),
        (|it| it.assigned_to("agent 2"), [&["ticket_assignee"], &["ticket_of_assignee"]]),
        (|it| it.from("person 12"), [&["ticket_requester"], &["ticket_requester"]]),
        (|it| it.contact("person 12"), [&["contact_pkey"], &["contact_pkey"]]),
        (|it| it.contact_as("person 12", ContactRole::Cc), [&["contact_pkey"], &["contact_pkey"]]),
        (|it| it.unassigned(), [OPEN, IDS]),
        (|it| it.state(StateKind::Active), [OPEN, &["ticket_inbox", "ticket_pkey"]]),
    ];
    for (filter, [of_open, of_all]) in filters {
        for (order, served) in
            [(Query::inbox(), of_open), (Query::newest(), of_all), (Query::oldest(), of_all)]
        {
            let query = filter(order);
            let plan = plan_of(&query).await;
            assert!(served.iter().any(|index| plan.contains(index)), "{query:?}\n{plan}");
            assert!(!plan.contains("Seq Scan"), "{query:?}\n{plan}");
            let conditions = plan.lines().filter(|line| line.contains("Index Cond:"));
            for condition in conditions {
                assert!(condition.contains("desk = "), "{query:?}\n{plan}");
            }
        }
    }
    // The control: without its index, the filter reads other rows.
    let drop = format!("DROP INDEX {schema}.ticket_of_team");
    spied.transaction.batch_execute(&drop).await.unwrap();
    desk.within(&mut spied).find(Query::newest().team("team 4")).await.unwrap_err();
    let seen = spied.seen();
    let (_, plan) = seen.iter().find(|(sql, _)| sql.contains(".ticket")).unwrap();
    assert!(!plan.contains("ticket_of_team"), "{plan}");
}

//! The desk inside a PostgreSQL transaction of sqlx: the host implements the connection for its own driver.
//!
//! ```sh
//! bash .ci/postgres cargo run --manifest-path tests/hosts/sqlx_postgres/Cargo.toml
//! ```
//!
//! A host needs only [`Sqlx`] and [`Cells`]; copy them. The same source is built with sqlx 0.8 and with 0.9,
//! which requires a mark that firstline's SQL contains no user input.

use firstline::postgres::PostgresOptions;
use firstline::postgres::driver::{Columns, Connection, DriverError, Statement, SqlValue};
use firstline::{InboundMessage, Action, Actor, Error, ErrorKind, NewTicket, Query};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, Connection as _, Executor, Row};
use tokio::sync::Mutex;

#[cfg(feature = "sqlx-09")]
use sqlx::AssertSqlSafe as vouched;
#[cfg(not(feature = "sqlx-09"))]
use std::convert::identity as vouched;

/// A transaction of sqlx. Its connection answers one statement at a time, so the statements queue up.
struct Sqlx<'c>(Mutex<&'c mut PgConnection>);

impl Connection for Sqlx<'_> {
    type Row = Cells;

    async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Cells>, DriverError> {
        let mut arguments = PgArguments::default();
        for value in statement.values() {
            match value.clone() {
                SqlValue::Text(it) => arguments.add(it),
                SqlValue::Boolean(it) => arguments.add(it),
                SqlValue::Integer(it) => arguments.add(it),
                SqlValue::Id(it) => arguments.add(it),
                SqlValue::Bytes(it) => arguments.add(it),
                SqlValue::Texts(it) => arguments.add(it),
                SqlValue::Integers(it) => arguments.add(it),
                SqlValue::Booleans(it) => arguments.add(it),
                SqlValue::Ids(it) => arguments.add(it),
                SqlValue::Blobs(it) => arguments.add(it),
            }
            .map_err(DriverError::other)?;
        }
        let mut connection = self.0.lock().await;
        let rows = (&mut **connection).fetch_all(sqlx::query_with(vouched(statement.sql()), arguments)).await;
        rows.map(|rows| rows.into_iter().map(Cells).collect()).map_err(failure)
    }

    async fn run(&self, sql: &str) -> Result<(), DriverError> {
        let mut connection = self.0.lock().await;
        (&mut **connection).execute(sqlx::raw_sql(vouched(sql))).await.map(drop).map_err(failure)
    }
}

fn failure(error: sqlx::Error) -> DriverError {
    match error.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned()) {
        Some(code) => DriverError::refused(code, error),
        None if matches!(error, sqlx::Error::Io(_)) => DriverError::connection_lost(error),
        None => DriverError::other(error),
    }
}

/// A row.
struct Cells(PgRow);

fn cell<'r, T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(
    row: &'r PgRow,
    n: usize,
) -> firstline::Result<T> {
    row.try_get(n).map_err(|error| Error::new(ErrorKind::Corrupt, "a row cannot be read").caused_by(error))
}

impl Columns for Cells {
    fn text(&self, n: usize) -> firstline::Result<&str> {
        cell(&self.0, n)
    }
    fn text_or_null(&self, n: usize) -> firstline::Result<Option<&str>> {
        cell(&self.0, n)
    }
    fn integer(&self, n: usize) -> firstline::Result<i64> {
        cell(&self.0, n)
    }
    fn bytes(&self, n: usize) -> firstline::Result<&[u8]> {
        cell(&self.0, n)
    }
    fn id(&self, n: usize) -> firstline::Result<uuid::Uuid> {
        cell(&self.0, n)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("FIRSTLINE_POSTGRES")?;
    let desk = PostgresOptions::new().schema("firstline_sqlx_host").connect(&url).await?.desk("shop");
    let mut host = PgConnection::connect(&url).await?;
    sqlx::query("CREATE TEMPORARY TABLE refund (cents bigint)").execute(&mut host).await?;
    let before = desk.find(Query::newest()).await?.tickets.len();
    // The first pass rolls the transaction back, and the second commits the same work.
    for kept in [false, true] {
        let mut tx = host.begin().await?;
        sqlx::query("INSERT INTO refund VALUES (1)").execute(&mut *tx).await?;
        {
            let mut door = Sqlx(Mutex::new(&mut *tx));
            let within = desk.within(&mut door);
            let anna = Actor::agent("anna");
            let ticket =
                within.open_ticket(NewTicket::new("Возврат").from("boris").thread("t").idempotency_key("k")).await?;
            let refused = within.act(ticket.id(), Action::note("x").and(Action::confirm()), &anna).await;
            assert!(refused.unwrap_err().is_rejected());
            let late = within.act(ticket.id(), Action::start(), anna.expected_version(7)).await;
            assert!(late.unwrap_err().is_conflict());
            within.act(ticket.id(), Action::reply("Да").and(Action::resolve("готово")), &anna).await?;
            assert_eq!(within.records().history(ticket.id()).await?.len(), 3);
            assert_eq!(within.ticket(ticket.id()).await?.subject(), "Возврат");
            let message = InboundMessage::new("Ещё раз").from("boris").thread("t").subject("?");
            assert!(!within.receive(message).await?.opened());
        }
        if kept {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        let now = desk.find(Query::newest()).await?.tickets.len();
        let refunds: i64 = sqlx::query("SELECT count(*) FROM refund").fetch_one(&mut host).await?.get(0);
        assert_eq!((now - before, refunds), if kept { (1, 1) } else { (0, 0) });
    }
    sqlx::query("DROP SCHEMA firstline_sqlx_host CASCADE").execute(&mut host).await?;
    println!("rolled back: no refund, no ticket; committed: both");
    Ok(())
}

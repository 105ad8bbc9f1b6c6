//! The connection trait of transactions, and the encoding of values for `tokio-postgres`.

use std::error::Error as StdError;
use std::future::Future;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::driver::{Columns, Connection, DriverError, SqlValue, Statement};
use super::fault::Fault;
use crate::codec::corrupt;
use crate::error::Result;

/// A connection as a transaction uses it: the host's or a pooled one.
pub(super) trait Wire: Send + Sync {
    /// A prepared statement.
    type Ready: Send + Sync;
    /// A row of the answer.
    type Row: Columns + Send + Sync;

    /// Announces the number of locks that the next statements take. The limit for the answer grows with the number.
    fn claiming(&self, _claims: usize) {}

    /// Prepares a statement. This may take a round trip.
    fn ready(&self, statement: &Statement<'_>) -> impl Future<Output = Result<Self::Ready, Fault>> + Send;

    /// Returns the value for a statement that is sent without preparing it.
    fn unprepared(&self) -> Self::Ready;

    /// Reports that the session of the transaction belongs to another connection.
    fn session_is_shared(&self) {}

    /// Sends a prepared statement at the first poll, or queues it, without waiting for earlier answers.
    fn send(
        &self,
        ready: &Self::Ready,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;

    /// Sends one or more statements without parameters. Their rows are discarded.
    fn script(&self, sql: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The host's connection. Statements are not prepared on it, because each command would prepare them again. The host
/// sets the limits for answers.
pub(super) struct HostConnection<'c, C>(pub(super) &'c C);

impl<C: Connection> Wire for HostConnection<'_, C> {
    type Ready = ();
    type Row = C::Row;

    async fn ready(&self, _: &Statement<'_>) -> Result<(), Fault> {
        Ok(())
    }

    fn unprepared(&self) {}

    async fn send(&self, (): &(), statement: &Statement<'_>) -> Result<Vec<C::Row>, Fault> {
        self.0.query(statement).await.map_err(|failure| failure.0)
    }

    async fn script(&self, sql: &str) -> Result<(), Fault> {
        self.0.run(sql).await.map_err(|failure| failure.0)
    }
}

impl Connection for tokio_postgres::Transaction<'_> {
    type Row = Row;

    async fn query(&self, statement: &Statement<'_>) -> Result<Vec<Row>, DriverError> {
        query_typed(self.client(), statement).await.map_err(|error| DriverError(error.into()))
    }

    async fn run(&self, sql: &str) -> Result<(), DriverError> {
        self.batch_execute(sql).await.map_err(|error| DriverError(error.into()))
    }
}

/// Sends a statement without preparing it.
pub(super) async fn query_typed(
    client: &tokio_postgres::Client,
    statement: &Statement<'_>,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let typed = statement.values.iter().map(|value| (value as &(dyn ToSql + Sync), type_of(value)));
    let typed: Vec<_> = typed.collect();
    client.query_typed(&statement.sql, &typed).await
}

/// Returns the value of a statement with one row and one column. It is not prepared, because the session may be shared:
/// see [`session`](super::session).
pub(super) async fn query_value<T: for<'a> FromSql<'a>>(
    client: &tokio_postgres::Client,
    sql: &str,
    texts: &[&str],
) -> Result<T, Fault> {
    let texts: Vec<_> = texts.iter().map(|text| (text as &(dyn ToSql + Sync), Type::TEXT)).collect();
    let rows = client.query_typed(sql, &texts).await?;
    let none = || Fault::new(None, false, "the server returned no row".into());
    Ok(rows.first().ok_or_else(none)?.try_get(0)?)
}

pub(super) fn type_of(value: &SqlValue) -> Type {
    match value {
        SqlValue::Text(_) => Type::TEXT,
        SqlValue::Boolean(_) => Type::BOOL,
        SqlValue::Integer(_) => Type::INT8,
        SqlValue::Id(_) => Type::UUID,
        SqlValue::Bytes(_) => Type::BYTEA,
        SqlValue::Texts(_) => Type::TEXT_ARRAY,
        SqlValue::Integers(_) => Type::INT8_ARRAY,
        SqlValue::Booleans(_) => Type::BOOL_ARRAY,
        SqlValue::Ids(_) => Type::UUID_ARRAY,
        SqlValue::Blobs(_) => Type::BYTEA_ARRAY,
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            SqlValue::Text(it) => it.to_sql(ty, out),
            SqlValue::Boolean(it) => it.to_sql(ty, out),
            SqlValue::Integer(it) => it.to_sql(ty, out),
            SqlValue::Id(it) => it.to_sql(ty, out),
            SqlValue::Bytes(it) => it.to_sql(ty, out),
            SqlValue::Texts(it) => it.to_sql(ty, out),
            SqlValue::Integers(it) => it.to_sql(ty, out),
            SqlValue::Booleans(it) => it.to_sql(ty, out),
            SqlValue::Ids(it) => it.to_sql(ty, out),
            SqlValue::Blobs(it) => it.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true // The statement states the types of its parameters.
    }

    to_sql_checked!();
}

fn cell<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(corrupt)
}

impl Columns for Row {
    fn text(&self, column: usize) -> Result<&str> {
        cell(self, column)
    }

    fn text_or_null(&self, column: usize) -> Result<Option<&str>> {
        cell(self, column)
    }

    fn integer(&self, column: usize) -> Result<i64> {
        cell(self, column)
    }

    fn bytes(&self, column: usize) -> Result<&[u8]> {
        cell(self, column)
    }

    fn id(&self, column: usize) -> Result<Uuid> {
        cell(self, column)
    }
}

//! What a transaction needs of a connection, and how values travel on one of `tokio-postgres`.

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

/// What a transaction needs of a connection, the host's or one of the pool's.
pub(super) trait Wire: Send + Sync {
    /// A statement that is ready to be sent.
    type Ready: Send + Sync;
    /// A row of its answer.
    type Row: Columns + Send + Sync;

    /// What is sent from now on takes so many claims, which may be waited for one after another before anything is heard.
    fn claiming(&self, _claims: usize) {}

    /// Makes a statement ready; may ask the server.
    fn ready(&self, statement: &Statement<'_>) -> impl Future<Output = Result<Self::Ready, Fault>> + Send;

    /// Sends it at the first poll, or queues it up, whether or not what was sent before is answered.
    fn send(
        &self,
        ready: &Self::Ready,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;

    /// The same for a text without parameters, which may be several statements whose answers are not wanted.
    fn script(&self, sql: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// The host's connection: what is prepared on it would have to be prepared for each command, so nothing is. How long
/// an answer is waited for on it is the host's affair.
pub(super) struct Hosts<'c, C>(pub(super) &'c C);

impl<C: Connection> Wire for Hosts<'_, C> {
    type Ready = ();
    type Row = C::Row;

    async fn ready(&self, _: &Statement<'_>) -> Result<(), Fault> {
        Ok(())
    }

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
        let typed = statement.values.iter().map(|value| (value as &(dyn ToSql + Sync), type_of(value)));
        let typed: Vec<_> = typed.collect();
        self.query_typed(&statement.sql, &typed).await.map_err(|error| DriverError(error.into()))
    }

    async fn run(&self, sql: &str) -> Result<(), DriverError> {
        self.batch_execute(sql).await.map_err(|error| DriverError(error.into()))
    }
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
        true // The statement says itself which types it has.
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

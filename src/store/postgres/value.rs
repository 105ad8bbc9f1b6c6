//! Statements as values, and what a driver must do with them: the one thin layer over a driver's own types.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::Future;

use tokio_postgres::Row;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::fault::Fault;
use crate::definition::Fingerprint;
use crate::error::Result;
use crate::id::TicketId;
use crate::store::record::{corrupt, unsigned};

/// One statement with its parameters, which are as many as the text has and of these types.
#[derive(Debug, Clone)]
pub(super) struct Statement<'a> {
    pub(super) sql: Cow<'a, str>,
    pub(super) values: Vec<Value>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: impl Into<Cow<'a, str>>, values: Vec<Value>) -> Statement<'a> {
        Statement { sql: sql.into(), values }
    }

    pub(super) fn types(&self) -> Vec<Type> {
        self.values.iter().map(Value::sql_type).collect()
    }

    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
    }
}

/// A parameter.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Option<String>),
    Boolean(bool),
    Integer(i64),
    Id(Uuid),
    Bytes(Vec<u8>),
    Texts(Vec<Option<String>>),
    Integers(Vec<i64>),
    Booleans(Vec<bool>),
    Ids(Vec<Uuid>),
    Blobs(Vec<Vec<u8>>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(Some(text.to_owned()))
    }
}

impl Value {
    /// The one element of a list that has but one.
    pub(super) fn only(&mut self) -> Option<Value> {
        fn only<T>(list: &mut Vec<T>) -> Option<T> {
            if list.len() == 1 { list.pop() } else { None }
        }
        match self {
            Value::Texts(list) => only(list).map(Value::Text),
            Value::Integers(list) => only(list).map(Value::Integer),
            Value::Booleans(list) => only(list).map(Value::Boolean),
            Value::Ids(list) => only(list).map(Value::Id),
            Value::Blobs(list) => only(list).map(Value::Bytes),
            _ => None,
        }
    }

    fn sql_type(&self) -> Type {
        match self {
            Value::Text(_) => Type::TEXT,
            Value::Boolean(_) => Type::BOOL,
            Value::Integer(_) => Type::INT8,
            Value::Id(_) => Type::UUID,
            Value::Bytes(_) => Type::BYTEA,
            Value::Texts(_) => Type::TEXT_ARRAY,
            Value::Integers(_) => Type::INT8_ARRAY,
            Value::Booleans(_) => Type::BOOL_ARRAY,
            Value::Ids(_) => Type::UUID_ARRAY,
            Value::Blobs(_) => Type::BYTEA_ARRAY,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Value::Text(it) => it.to_sql(ty, out),
            Value::Boolean(it) => it.to_sql(ty, out),
            Value::Integer(it) => it.to_sql(ty, out),
            Value::Id(it) => it.to_sql(ty, out),
            Value::Bytes(it) => it.to_sql(ty, out),
            Value::Texts(it) => it.to_sql(ty, out),
            Value::Integers(it) => it.to_sql(ty, out),
            Value::Booleans(it) => it.to_sql(ty, out),
            Value::Ids(it) => it.to_sql(ty, out),
            Value::Blobs(it) => it.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true // The statement says itself which types it has.
    }

    to_sql_checked!();
}

/// A row, whoever read it.
pub(super) trait Cells {
    fn text(&self, column: usize) -> Result<&str>;
    fn text_or_null(&self, column: usize) -> Result<Option<&str>>;
    fn integer(&self, column: usize) -> Result<i64>;
    fn bytes(&self, column: usize) -> Result<&[u8]>;
    fn id(&self, column: usize) -> Result<TicketId>;

    fn unsigned(&self, column: usize) -> Result<u64> {
        self.integer(column).and_then(unsigned)
    }

    fn fingerprint(&self, column: usize) -> Result<Fingerprint> {
        self.bytes(column)?.try_into().map(Fingerprint::from_bytes).map_err(corrupt)
    }
}

fn cell<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(corrupt)
}

impl Cells for Row {
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

    fn id(&self, column: usize) -> Result<TicketId> {
        cell::<Uuid>(self, column).map(TicketId::from)
    }
}

/// A connection of some driver on which a transaction may be open.
pub(super) trait Wire: Send + Sync {
    /// A statement that is ready to be sent.
    type Ready: Send + Sync;
    /// A row of its answer.
    type Row: Cells + Send + Sync;

    /// Makes a statement ready; may ask the server.
    fn ready(&self, statement: &Statement<'_>) -> impl Future<Output = Result<Self::Ready, Fault>> + Send;

    /// Sends it at the first poll, whether or not what was sent before is answered.
    fn send(
        &self,
        ready: &Self::Ready,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, Fault>> + Send;

    /// The same for a text without parameters and answer, which may be several statements.
    fn script(&self, sql: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

impl Wire for deadpool_postgres::Object {
    type Ready = tokio_postgres::Statement;
    type Row = Row;

    async fn ready(&self, statement: &Statement<'_>) -> Result<Self::Ready, Fault> {
        // Known after the first time, and then ready at once.
        Ok(self.prepare_typed_cached(&statement.sql, &statement.types()).await?)
    }

    async fn send(&self, ready: &Self::Ready, statement: &Statement<'_>) -> Result<Vec<Row>, Fault> {
        Ok(self.query(ready, &statement.parameters()).await?)
    }

    async fn script(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.batch_execute(sql).await?)
    }
}

/// The host's connection: what is prepared on it would have to be prepared for each command, so nothing is.
impl Wire for tokio_postgres::Transaction<'_> {
    type Ready = ();
    type Row = Row;

    async fn ready(&self, _: &Statement<'_>) -> Result<(), Fault> {
        Ok(())
    }

    async fn send(&self, (): &(), statement: &Statement<'_>) -> Result<Vec<Row>, Fault> {
        let typed: Vec<_> = statement.parameters().into_iter().zip(statement.types()).collect();
        Ok(self.query_typed(&statement.sql, &typed).await?)
    }

    async fn script(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.batch_execute(sql).await?)
    }
}

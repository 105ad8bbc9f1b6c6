//! A door for transactions of other drivers: what a connection must do for a desk to work inside its transaction.
//!
//! A transaction of `tokio-postgres` can do it as it is. For `sqlx`, `diesel-async` or whatever the host uses, the host
//! writes some 60 lines once: a [`Connection`] that sends a [`Statement`], and [`Columns`] of its rows. The statements
//! are the same for all, so that nothing depends on the driver's version. `tests/hosts/sqlx_postgres` in the repository is
//! a host that uses `sqlx` (0.8 and 0.9), with the lines to be copied.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::future::Future;

use uuid::Uuid;

use super::fault::Fault;
use crate::error::Result;

/// A connection on which the host has begun a transaction.
pub trait Connection: Send + Sync {
    /// A row of an answer.
    type Row: Columns + Send + Sync;

    /// Runs a statement, and gives its rows.
    ///
    /// Several calls may be awaited at once. They must be executed in the order in which they were first polled: a
    /// driver that cannot send one before another is answered lets them queue up, by `tokio::sync::Mutex` say.
    ///
    /// # Errors
    /// What the server or the driver complains of.
    fn query(
        &self,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, DriverError>> + Send;

    /// Runs a text without parameters, which may be several statements, one after another. Their answers are not wanted.
    ///
    /// # Errors
    /// What the server or the driver complains of.
    fn run(&self, sql: &str) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// A row, by columns from 0. A value of another type is an error, which may be of any kind.
pub trait Columns {
    /// `text`.
    ///
    /// # Errors
    /// If it is of another type, or null.
    fn text(&self, column: usize) -> Result<&str>;

    /// `text` or null.
    ///
    /// # Errors
    /// If it is of another type.
    fn text_or_null(&self, column: usize) -> Result<Option<&str>>;

    /// `bigint`.
    ///
    /// # Errors
    /// If it is of another type, or null.
    fn integer(&self, column: usize) -> Result<i64>;

    /// `bytea`.
    ///
    /// # Errors
    /// If it is of another type, or null.
    fn bytes(&self, column: usize) -> Result<&[u8]>;

    /// `uuid`.
    ///
    /// # Errors
    /// If it is of another type, or null.
    fn id(&self, column: usize) -> Result<Uuid>;
}

/// One statement with its parameters.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    pub(super) sql: Cow<'a, str>,
    pub(super) values: Vec<SqlValue>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: impl Into<Cow<'a, str>>, values: Vec<SqlValue>) -> Statement<'a> {
        Statement { sql: sql.into(), values }
    }

    /// Its text, with the parameters `$1`, `$2`, ….
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// The parameters: as many as the text has, and of the types that these values say.
    pub fn values(&self) -> &[SqlValue] {
        &self.values
    }
}

/// A parameter.
#[derive(Debug, Clone)]
pub enum SqlValue {
    /// `text`, or null.
    Text(Option<String>),
    /// `boolean`.
    Boolean(bool),
    /// `bigint`.
    Integer(i64),
    /// `uuid`.
    Id(Uuid),
    /// `bytea`.
    Bytes(Vec<u8>),
    /// `text[]`, some of them null.
    Texts(Vec<Option<String>>),
    /// `bigint[]`.
    Integers(Vec<i64>),
    /// `boolean[]`.
    Booleans(Vec<bool>),
    /// `uuid[]`.
    Ids(Vec<Uuid>),
    /// `bytea[]`.
    Blobs(Vec<Vec<u8>>),
}

impl From<&str> for SqlValue {
    fn from(text: &str) -> SqlValue {
        SqlValue::Text(Some(text.to_owned()))
    }
}

impl SqlValue {
    /// The one element of a list that has but one.
    pub(super) fn only(&mut self) -> Option<SqlValue> {
        fn only<T>(list: &mut Vec<T>) -> Option<T> {
            if list.len() == 1 { list.pop() } else { None }
        }
        match self {
            SqlValue::Texts(list) => only(list).map(SqlValue::Text),
            SqlValue::Integers(list) => only(list).map(SqlValue::Integer),
            SqlValue::Booleans(list) => only(list).map(SqlValue::Boolean),
            SqlValue::Ids(list) => only(list).map(SqlValue::Id),
            SqlValue::Blobs(list) => only(list).map(SqlValue::Bytes),
            _ => None,
        }
    }
}

/// A statement that failed.
#[derive(Debug)]
pub struct DriverError(pub(super) Fault);

impl DriverError {
    /// The server said why: by the five characters of its SQLSTATE, `40P01` say.
    pub fn said(
        sqlstate: impl Into<String>,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> DriverError {
        DriverError(Fault::new(Some(sqlstate.into()), false, cause.into()))
    }

    /// The connection is gone.
    pub fn gone(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DriverError {
        DriverError(Fault::new(None, true, cause.into()))
    }

    /// The driver failed.
    pub fn other(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DriverError {
        DriverError(Fault::new(None, false, cause.into()))
    }
}

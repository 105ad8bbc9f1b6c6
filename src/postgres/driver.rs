//! Traits for running a desk inside a transaction of another driver.
//!
//! A transaction of `tokio-postgres` already implements [`Connection`]. For `sqlx`, `diesel-async` or another driver,
//! the host implements [`Connection`], which sends a [`Statement`], and [`Columns`] for its rows, in about 60 lines.
//! The statements are the same for all drivers and do not depend on a driver's version. `tests/hosts/sqlx_postgres` in
//! the repository has an implementation for `sqlx` 0.8 and 0.9 that can be copied.

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

    /// Runs a statement and returns its rows.
    ///
    /// Several calls may be awaited at once. They must be executed in the order in which they were first polled. A
    /// driver that cannot send a statement before the previous one is answered must queue the calls, for example with a
    /// `tokio::sync::Mutex`.
    ///
    /// # Errors
    /// Any error of the server or the driver.
    fn query(
        &self,
        statement: &Statement<'_>,
    ) -> impl Future<Output = Result<Vec<Self::Row>, DriverError>> + Send;

    /// Runs one or more statements without parameters, in order. Their rows are discarded.
    ///
    /// # Errors
    /// Any error of the server or the driver.
    fn run(&self, sql: &str) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// A row with columns counted from 0. A value of the wrong type must give an error of any kind.
pub trait Columns {
    /// Returns a `text` column.
    ///
    /// # Errors
    /// If the column has another type or is null.
    fn text(&self, column: usize) -> Result<&str>;

    /// Returns a `text` column, or `None` for null.
    ///
    /// # Errors
    /// If the column has another type.
    fn text_or_null(&self, column: usize) -> Result<Option<&str>>;

    /// Returns a `bigint` column.
    ///
    /// # Errors
    /// If the column has another type or is null.
    fn integer(&self, column: usize) -> Result<i64>;

    /// Returns a `bytea` column.
    ///
    /// # Errors
    /// If the column has another type or is null.
    fn bytes(&self, column: usize) -> Result<&[u8]>;

    /// Returns a `uuid` column.
    ///
    /// # Errors
    /// If the column has another type or is null.
    fn id(&self, column: usize) -> Result<Uuid>;
}

/// A statement with its parameters.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    pub(super) sql: Cow<'a, str>,
    pub(super) values: Vec<SqlValue>,
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: impl Into<Cow<'a, str>>, values: Vec<SqlValue>) -> Statement<'a> {
        Statement { sql: sql.into(), values }
    }

    /// Returns the text, with the parameters `$1`, `$2`, ….
    pub fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the parameters in order. Each value states its SQL type.
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
    /// `text[]`, with nulls allowed.
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
    /// Takes the only element of a list; `None` if the list has another length.
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
    /// Creates the error for a statement that the server refused. `sqlstate` has five characters, such as `40P01`.
    pub fn refused(
        sqlstate: impl Into<String>,
        cause: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> DriverError {
        DriverError(Fault::new(Some(sqlstate.into()), false, cause.into()))
    }

    /// Creates the error for a broken connection.
    pub fn connection_lost(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DriverError {
        DriverError(Fault::new(None, true, cause.into()))
    }

    /// Creates the error for any other failure in the driver.
    pub fn other(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> DriverError {
        DriverError(Fault::new(None, false, cause.into()))
    }
}

//! A connection of the pool's, on which nobody waits for ever.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::driver::Statement;
use super::fault::Fault;
use super::wire::{Wire, type_of};

/// How long an answer is waited for where a lock is waited for so long: longer, so that whoever waits for a lock in
/// vain is told so by the server, which knows why.
pub(super) fn limit(patience: Duration) -> Duration {
    patience * 2
}

/// What comes of it in time. Nothing says of a server that has vanished that it has: packets are lost without a word.
pub(super) async fn in_time<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(limit, answer).await.map_err(|_| Fault::silent(limit))
}

/// A connection of the pool's. One on which an answer did not come in time is not given back.
#[derive(Debug)]
pub(super) struct Line {
    connection: Object,
    limit: Duration,
    silent: AtomicBool,
}

impl Line {
    pub(super) fn new(connection: Object, patience: Duration) -> Line {
        Line { connection, limit: limit(patience), silent: AtomicBool::new(false) }
    }

    /// Gives the connection back, on which no transaction is open.
    pub(super) fn give_back(self) {
        if !self.silent.load(Ordering::Relaxed) {
            return;
        }
        // Those that lay idle all the while are no better for all that is known: each would be waited for as long.
        if let Some(pool) = Object::pool(&self.connection) {
            drop(pool.retain(|_, metrics| metrics.last_used() < self.limit));
        }
        self.close();
    }

    /// Ends the connection, and with it the transaction that may be open on it.
    pub(super) fn close(self) {
        drop(Object::take(self.connection));
    }

    async fn answer<T, E>(&self, answer: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
    where
        Fault: From<E>,
    {
        let answer = in_time(self.limit, answer).await;
        if answer.is_err() {
            self.silent.store(true, Ordering::Relaxed);
        }
        Ok(answer??)
    }
}

impl Wire for Line {
    type Ready = tokio_postgres::Statement;
    type Row = Row;

    async fn ready(&self, statement: &Statement<'_>) -> Result<Self::Ready, Fault> {
        let types: Vec<Type> = statement.values.iter().map(type_of).collect();
        // Known after the first time, and then ready at once.
        self.answer(self.connection.prepare_typed_cached(&statement.sql, &types)).await
    }

    async fn send(&self, ready: &Self::Ready, statement: &Statement<'_>) -> Result<Vec<Row>, Fault> {
        let values: Vec<_> = statement.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.answer(self.connection.query(ready, &values)).await
    }

    async fn script(&self, sql: &str) -> Result<(), Fault> {
        self.answer(self.connection.batch_execute(sql)).await
    }
}

//! A pooled connection with a time limit for every answer.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use deadpool_postgres::Object;
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{CancelToken, Row, Socket};

use super::driver::Statement;
use super::fault::Fault;
use super::permits::Permit;
use super::session::Sessions;
use super::wire::{Wire, query_typed, type_of};

/// The time limits of a connection. The limit for an answer is longer than the limit for a lock, so that a command that
/// cannot get a lock receives the server's error with the reason.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) acquire_timeout: Duration,
    /// The time that the server waits for one lock.
    pub(super) lock: Duration,
}

/// The largest number of locks for which the limit of an answer is extended. A command takes fewer. An import batch may
/// take thousands; without this bound, a vanished server would block it for hours.
const MOST: u32 = 8;

impl Limits {
    /// Returns the limit for an answer that waits for this many locks, one after another. At least one lock is assumed:
    /// even a read may wait for a table lock.
    fn of(self, claims: usize) -> Duration {
        let locks = u32::try_from(claims).unwrap_or(MOST).clamp(1, MOST);
        self.lock.saturating_mul(locks).saturating_add(self.acquire_timeout)
    }

    /// Returns the limit for an answer if the number of locks is unknown.
    pub(super) fn longest(self) -> Duration {
        self.of(usize::MAX)
    }
}

/// Returns the answer, or fails when the limit has passed. Only the limit detects a vanished server, because lost
/// packets raise no error.
pub(super) async fn in_time<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(limit, answer).await.map_err(|_| Fault::silent(limit))
}

/// The time to wait for something that usually arrives at once: the answer to the statement of a dropped future before
/// it is cancelled, and the end of a session.
const GRACE: Duration = Duration::from_millis(50);

/// Cancels the running statement of a connection. The cancel request uses the same TLS connector as the pool.
#[derive(Clone)]
pub(super) struct Cancel(Arc<dyn Fn(CancelToken) -> Cancelling + Send + Sync>);

type Cancelling = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Cancel {
    pub(super) fn over<T>(tls: T) -> Cancel
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send + Sync,
        T::TlsConnect: Send + Sync,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        Cancel(Arc::new(move |token| {
            let tls = tls.clone();
            Box::pin(async move {
                // If the request fails, the server still ends the statement: waits for a lock are limited.
                let _ = token.cancel_query(tls).await;
            })
        }))
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cancel")
    }
}

/// A pooled connection. After a late answer it does not return to the pool.
#[derive(Debug)]
pub(super) struct PgConnection {
    connection: Object,
    permit: Permit,
    limits: Limits,
    /// The number of locks that the statements sent last take.
    claims: AtomicUsize,
    cancel: Cancel,
    sessions: Sessions,
    /// True if statements are not prepared, because the session may change with each transaction.
    shared: bool,
    silent: AtomicBool,
}

impl PgConnection {
    pub(super) fn new(
        connection: Object,
        permit: Permit,
        limits: Limits,
        cancel: Cancel,
        sessions: Sessions,
    ) -> PgConnection {
        PgConnection {
            shared: sessions.are_shared(),
            sessions,
            connection,
            permit,
            limits,
            claims: AtomicUsize::new(0),
            cancel,
            silent: AtomicBool::new(false),
        }
    }

    /// True if the sessions were shared when the connection was taken.
    pub(super) fn is_shared(&self) -> bool {
        self.shared
    }

    fn limit(&self) -> Duration {
        self.limits.of(self.claims.load(Ordering::Relaxed))
    }

    /// Returns the connection to the pool. No transaction may be open on it.
    pub(super) fn give_back(self) {
        if !self.silent.load(Ordering::Relaxed) {
            return;
        }
        // Connections that were idle all this time may be dead too, and each would take as long to fail. Drop them.
        if let Some(pool) = Object::pool(&self.connection) {
            let limit = self.limit();
            drop(pool.retain(|_, metrics| metrics.last_used() < limit));
        }
        drop(Closing(Some(self.connection)));
    }

    /// Ends the open transaction of a dropped future. The server may still be running its statement or waiting for a
    /// lock. Until the server has released the connection, it counts as one of the pool's, so that the number of
    /// connections stays within the limit.
    pub(super) fn abandon(self) {
        let silent = self.silent.load(Ordering::Relaxed);
        let PgConnection { connection, permit, limits, cancel, .. } = self;
        let closing = Closing(Some(connection));
        match Handle::try_current() {
            Ok(runtime) if !silent => drop(runtime.spawn(async move {
                closing.let_go(limits.acquire_timeout, cancel).await;
                drop(permit);
            })),
            _ => drop(closing),
        }
    }

    async fn answer<T, E>(&self, answer: impl Future<Output = Result<T, E>>) -> Result<T, Fault>
    where
        Fault: From<E>,
    {
        let answer = in_time(self.limit(), answer).await;
        if answer.is_err() {
            self.silent.store(true, Ordering::Relaxed);
        }
        Ok(answer??)
    }
}

/// A connection that is closed when this value is dropped, together with any open transaction. The connection never
/// returns to the pool with a transaction open, even if its task is cancelled.
struct Closing(Option<Object>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

impl Closing {
    /// Waits until the server has ended the transaction, and cancels a slow statement. The server executes everything
    /// sent before the `ROLLBACK` first, including a `COMMIT`. Even if it is
    /// cancelled, that commit takes effect completely or not at all.
    async fn let_go(mut self, acquire_timeout: Duration, cancel: Cancel) {
        let Some(connection) = &self.0 else { return };
        let cancelled = {
            let mut ended = pin!(connection.batch_execute("ROLLBACK"));
            match timeout(GRACE, &mut ended).await {
                Ok(ended) => ended.is_err(),
                Err(_) => {
                    let token = connection.cancel_token();
                    let cancelling = async {
                        let mut pause = GRACE;
                        loop {
                            // Repeat the request: one that arrives between two statements cancels neither.
                            cancel.0(token.clone()).await;
                            if timeout(pause, &mut ended).await.is_ok() {
                                break;
                            }
                            pause *= 2;
                        }
                    };
                    let _ = timeout(acquire_timeout, cancelling).await;
                    true
                }
            }
        };
        if cancelled {
            // A late cancel would hit the next statement on this connection, so the connection is not reused.
            drop(self);
            // The server ends the session shortly after the connection closes, and sends no confirmation.
            tokio::time::sleep(GRACE).await;
        } else {
            drop(self.0.take());
        }
    }
}

impl Wire for PgConnection {
    /// `None` for a statement that is not prepared.
    type Ready = Option<tokio_postgres::Statement>;
    type Row = Row;

    fn claiming(&self, claims: usize) {
        self.claims.store(claims, Ordering::Relaxed);
    }

    async fn ready(&self, statement: &Statement<'_>) -> Result<Self::Ready, Fault> {
        if self.shared {
            return Ok(None);
        }
        let types: Vec<Type> = statement.values.iter().map(type_of).collect();
        // The statement is cached after its first use, and then needs no round trip.
        self.answer(self.connection.prepare_typed_cached(&statement.sql, &types)).await.map(Some)
    }

    fn unprepared(&self) -> Self::Ready {
        None
    }

    fn session_is_shared(&self) {
        self.sessions.set_shared();
    }

    async fn send(&self, ready: &Self::Ready, statement: &Statement<'_>) -> Result<Vec<Row>, Fault> {
        match ready {
            Some(ready) => {
                let values: Vec<_> =
                    statement.values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
                self.answer(self.connection.query(ready, &values)).await
            }
            None => self.answer(query_typed(&self.connection, statement)).await,
        }
    }

    async fn script(&self, sql: &str) -> Result<(), Fault> {
        self.answer(self.connection.batch_execute(sql)).await
    }
}

//! A connection of the pool's, on which nobody waits for ever.

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
use super::wire::{Wire, type_of};

/// How long an answer is waited for: longer than for a lock, so that whoever waits for one in vain is told so by the
/// server, which knows why.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) acquire_timeout: Duration,
    /// How long the server waits for one lock.
    pub(super) lock: Duration,
}

/// For how many locks, each waited for to the last, an answer may be late. A command takes fewer. An import's batch may
/// take thousands, and would have a vanished server waited for all day.
const MOST: u32 = 8;

impl Limits {
    /// Where so many claims are taken, one after another. What claims nothing may wait for a table's lock.
    fn of(self, claims: usize) -> Duration {
        let locks = u32::try_from(claims).unwrap_or(MOST).clamp(1, MOST);
        self.lock.saturating_mul(locks).saturating_add(self.acquire_timeout)
    }

    /// Where it is not known how many.
    pub(super) fn longest(self) -> Duration {
        self.of(usize::MAX)
    }
}

/// What comes of it in time. Nothing says of a server that has vanished that it has: packets are lost without a word.
pub(super) async fn in_time<T>(limit: Duration, answer: impl Future<Output = T>) -> Result<T, Fault> {
    tokio::time::timeout(limit, answer).await.map_err(|_| Fault::silent(limit))
}

/// How long is waited for what is mostly on its way: the answer to what a dropped future has sent, before it is
/// cancelled, and the end of a session.
const GRACE: Duration = Duration::from_millis(50);

/// Cancels what a connection runs, over the same sort of connection as the pool's.
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
                // In vain, the server ends the statement by itself: what waits for a lock does so for a time only.
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

/// A connection of the pool's. One on which an answer did not come in time is not given back.
#[derive(Debug)]
pub(super) struct PgConnection {
    connection: Object,
    permit: Permit,
    limits: Limits,
    /// How many claims are taken by what was sent last.
    claims: AtomicUsize,
    cancel: Cancel,
    silent: AtomicBool,
}

impl PgConnection {
    pub(super) fn new(connection: Object, permit: Permit, limits: Limits, cancel: Cancel) -> PgConnection {
        PgConnection {
            connection,
            permit,
            limits,
            claims: AtomicUsize::new(0),
            cancel,
            silent: AtomicBool::new(false),
        }
    }

    fn limit(&self) -> Duration {
        self.limits.of(self.claims.load(Ordering::Relaxed))
    }

    /// Gives the connection back, on which no transaction is open.
    pub(super) fn give_back(self) {
        if !self.silent.load(Ordering::Relaxed) {
            return;
        }
        // Those that lay idle all the while are no better for all that is known: each would be waited for as long.
        if let Some(pool) = Object::pool(&self.connection) {
            let limit = self.limit();
            drop(pool.retain(|_, metrics| metrics.last_used() < limit));
        }
        drop(Closing(Some(self.connection)));
    }

    /// Ends the transaction that is open on the connection, of which nobody awaits the answers any more. The server
    /// works on, or waits for a lock, though nobody listens; until it has let go, the connection counts as one of the
    /// pool's, so that there are never more of them than there may be.
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

/// A connection that is ended with this, and with it the transaction that may be open on it: whatever becomes of the
/// task that has it, it does not come back to the pool with one.
struct Closing(Option<Object>);

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(Object::take(connection));
        }
    }
}

impl Closing {
    /// Waits until the server has ended the transaction, and cancels what takes long. What was sent is executed before
    /// the `ROLLBACK` in any case: a `COMMIT` too, which a cancel stops whole, or not at all.
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
                            // More than once, because one that comes between two statements stops neither.
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
            // A cancel may come late, and would stop whatever runs on the connection then: it is not used again.
            drop(self);
            // The server ends a session a moment after its connection, and says nothing of it.
            tokio::time::sleep(GRACE).await;
        } else {
            drop(self.0.take());
        }
    }
}

impl Wire for PgConnection {
    type Ready = tokio_postgres::Statement;
    type Row = Row;

    fn claiming(&self, claims: usize) {
        self.claims.store(claims, Ordering::Relaxed);
    }

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

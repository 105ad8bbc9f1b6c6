//! The store under test.

use crate::error::Result;
use crate::operation::Engine;

/// A store under test: creates stores and waits for their replies.
pub trait Candidate: Sync {
    /// The engine under test. Every [`Store`](crate::store::Store) is an engine;
    /// [`Async`](crate::operation::async_store::Async) turns an async store into one.
    type Engine: Engine + Send + Sync;

    /// Creates an empty store that shares nothing with the stores created before.
    ///
    /// # Errors
    /// Any error of creating the store. The check then fails with it.
    fn create(&self) -> Result<Self::Engine>;

    /// Opens the same store a second time, as another thread or program would: through another connection if the store
    /// has connections, otherwise as a clone.
    ///
    /// # Errors
    /// Any error of opening the store. The check then fails with it.
    fn reopen(&self, store: &Self::Engine) -> Result<Self::Engine>;

    /// Waits for a reply. A blocking engine replies with a result, an async engine with a future.
    ///
    /// # Errors
    /// The error in the reply.
    fn wait<'a, T: Send + 'a>(&self, reply: <Self::Engine as Engine>::Reply<'a, T>) -> Result<T>
    where
        Self::Engine: 'a;

    /// Abandons a reply: polls the future at most `_polls` times and then drops it. The default, for blocking engines,
    /// just drops the reply.
    fn abandon<'a, T: Send + 'a>(&self, reply: <Self::Engine as Engine>::Reply<'a, T>, _polls: u32)
    where
        Self::Engine: 'a,
    {
        drop(reply);
    }

    /// True if readers do not wait for writers, nor writers for readers. Return `false` for a store behind a single
    /// lock; the suite then [skips](super::Check::skipped_for) the check that depends on concurrent reads.
    fn reads_beside_writes(&self) -> bool {
        true
    }
}

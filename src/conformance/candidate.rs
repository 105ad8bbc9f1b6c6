//! A store that is to be checked.

use crate::error::Result;
use crate::operation::Engine;

/// A store that is to be checked: how to get one, and how to wait for what it replies.
pub trait Candidate: Sync {
    /// The store, as the engine of a desk. Every [`Store`](crate::store::Store) is one; a store whose calls are awaited
    /// becomes one by [`Async`](crate::operation::async_store::Async).
    type Engine: Engine + Send + Sync;

    /// A store with nothing in it, apart from all that were given before.
    ///
    /// # Errors
    /// Whatever keeps it from being made. The check has then failed.
    fn fresh(&self) -> Result<Self::Engine>;

    /// The same store once more, as another thread or program has it: another connection if there are any, else a
    /// clone.
    ///
    /// # Errors
    /// Whatever keeps it from being opened.
    fn again(&self, store: &Self::Engine) -> Result<Self::Engine>;

    /// Waits for a reply: it is a result at once where the engine blocks, a future of it where it awaits.
    ///
    /// # Errors
    /// What the reply says.
    fn wait<'a, T: Send + 'a>(&self, reply: <Self::Engine as Engine>::Reply<'a, T>) -> Result<T>
    where
        Self::Engine: 'a;

    /// Lets a reply go without hearing it out: a future is polled so many times at most, and dropped. Where replies are
    /// results at once, there is nothing to be done.
    fn abandon<'a, T: Send + 'a>(&self, reply: <Self::Engine as Engine>::Reply<'a, T>, _polls: u32)
    where
        Self::Engine: 'a,
    {
        drop(reply);
    }

    /// Whether reading goes on while somebody writes, and writing while somebody reads. Say `false` of a store behind
    /// one lock; what follows from the question is then not checked.
    fn reads_beside_writes(&self) -> bool {
        true
    }
}

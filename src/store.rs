//! The storage port: what a store must do, and nothing about how.
//!
//! A store keeps, for every desk apart: tickets with their events, timers, definitions, threads and receipts. It
//! implements a way to [begin](Store::begin) and the two methods of [`Tx`]. Everything else (which tickets to
//! load, what to decide, what to write) is the same for all stores.
//!
//! A store whose calls are awaited does the same in the words of [`flow::awaiting`](crate::flow::awaiting).
//!
//! [`Memory`](crate::memory::Memory) is the reference, `Sqlite` the default; `examples/custom_store.rs` is a third
//! party's store in one file. [`Desk::over`](crate::Desk::over) makes a desk of any.
//!
//! # What a store of yours must keep to
//!
//! - Desks are apart: a transaction sees and touches one desk's rows; [`Read::Owed`] alone looks beyond, for ids.
//! - A commit is written whole or not at all; a transaction dropped without one leaves nothing behind.
//! - In [`Mode::Write`] what was read, absence included, stays as it was read until the end.
//! - In [`Mode::Read`] what one `load` answers is of one state of the desk. Two loads need not agree: what the second one
//!   reads may have gone on since the first, and is never older. No flow of this crate relies on more. (Inside a
//!   transaction of the host's, its isolation has the last word.)
//! - A ticket is written only at its expected version, else the commit is a [`Conflict`](crate::Conflict).
//! - Everything in a [`Commit`] is kept. It may grow by fields: a store that does not know one must be brought up to
//!   date with the crate, as a match on [`Read`] with its `_` arm says at run time.
//!
//! Whether a store does, the suite in `conformance` (feature `conformance`) says by name.

mod claim;
pub mod commit;
pub mod query;
pub mod read;

use crate::error::Result;
use crate::id::DeskId;

pub use claim::{Claim, Hold};
pub use commit::{Commit, KeptReceipt, TicketWrite};
pub use query::{Cursor, Order, Query};
pub use read::{Answer, DueTimer, Owed, Read};

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Reading alone: no claims, no waiting. One [`load`](Tx::load) sees one state, a later one perhaps a later state.
    Read,
    /// Reading in order to write: what is read, absence included, stays so until the end.
    Write,
}

/// A store whose calls return when they are done.
pub trait Store {
    /// A transaction at one desk.
    type Tx<'a>: Tx
    where
        Self: 'a;

    /// Begins a transaction at this desk. It sees and touches no other desk's rows.
    ///
    /// In [`Mode::Write`] it excludes every other writer of what it reads, until it ends.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if other writers hold the store for longer than its patience, or a storage error.
    /// A store says how long that is: SQLite's and PostgreSQL's in the `patience` of their options, at first ten seconds.
    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<Self::Tx<'_>>;
}

/// One transaction at one desk. Dropped without a commit, it leaves nothing behind.
pub trait Tx {
    /// Answers the reads, in their order, each with the [`Answer`] named at the [`Read`].
    ///
    /// What was read in [`Mode::Write`], absence included, does not change before the end of the transaction.
    ///
    /// # Errors
    /// A storage error, or [`Corrupt`](crate::ErrorKind::Corrupt) if stored bytes cannot be read.
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>>;

    /// Writes everything in the commit, or nothing, and ends the transaction.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if a ticket's version is not the expected one; a storage error
    /// otherwise. Either way nothing was written, except if it is [`Unknown`](crate::ErrorKind::Unknown) whether it was.
    fn commit(&mut self, commit: Commit) -> Result<()>;
}

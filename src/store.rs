//! The storage port: what a store must do, and nothing about how.
//!
//! A store keeps, for every desk apart: tickets with their events and timers, and [records](RecordKind): rows of any kind, whose
//! meaning it does not know. Definitions, receipts and thread keys are records. It implements a way to [begin](Store::begin) and
//! the two methods of [`Tx`]. Everything else (which tickets to load, what to decide, what to write) is the same for all
//! stores. [`RecordTable`] answers the reads of records for stores that keep them in memory.
//!
//! A store whose calls are awaited does the same in the words of [`flow::awaiting`](crate::flow::awaiting).
//!
//! [`Memory`](crate::memory::Memory) is the reference, `Sqlite` the default; `examples/custom_store.rs` is a third
//! party's store in one file. [`Desk::over`](crate::Desk::over) makes a desk of any.
//!
//! # What a store of yours must keep to
//!
//! - Desks are apart: a transaction sees and touches one desk's rows. Only [`Read::Owed`] and [`Read::DueRecords`] look beyond,
//!   for ids and keys.
//! - A commit is written whole or not at all; a transaction dropped without one leaves nothing behind.
//! - In [`Mode::Write`] what was read with a [lock](Read::lock), absence included, stays as it was read until the end: no other
//!   commit changes it, and no claim. Only a write that expects [nothing in particular](Expected::Any) may replace a record that
//!   is not due.
//! - In [`Mode::Read`] what one `load` answers is of one state of the desk. Two loads need not agree: what the second one
//!   reads may have gone on since the first, and is never older. No flow of this crate relies on more. (Inside a
//!   transaction of the host's, its isolation has the last word.)
//! - A ticket is written only at its expected version, a record only as its [`Expected`] says, else the commit is a
//!   [conflict](crate::ErrorKind::Conflict).
//! - Everything in a [`Commit`] is kept. [`Read`] and [`Write`] may get variants in later versions: a store answers one that it
//!   does not know with [`Error::unsupported`](crate::Error::unsupported), and writes nothing.
//!
//! Whether a store does, the suite in `conformance` (feature `conformance`) says by name.

pub(crate) mod claims;
pub mod commit;
mod handling;
pub mod kinds;
mod lock;
pub mod query;
pub mod read;
mod record;
mod record_table;
pub mod registry;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::Result;
use crate::id::DeskId;
use crate::time::{SystemTime, TimeSource, to_micros};
use claims::{Claim, due_in, records_in};

pub use commit::{Commit, TicketWrite, Write};
pub use handling::{Erasure, Export, Handling, Moving, PersonalData, Retention};
pub use lock::{Lock, LockMode};
pub use query::{Cursor, Order, Query};
pub use read::{Answer, DueTimer, Owed, Read};
pub use record::{
    Changes, Claimed, Content, DueRecord, Expected, Index, Record, RecordCount, RecordKind, RecordOrder,
    RecordPlace, RecordRange, RecordWrite,
};
pub use record_table::{RecordTable, due_records};

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Reading alone: no claims, no waiting. One [`load`](Tx::load) sees one state, a later one perhaps a later state.
    Read,
    /// Reading in order to write: what is read with a [lock](Read::lock), absence included, stays so until the end.
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
    /// In [`Mode::Write`] it excludes every other writer of what it reads with a [lock](Read::lock), until it ends.
    ///
    /// # Errors
    /// [`Busy`](crate::ErrorKind::Busy) if other writers hold the store for longer than its patience, or a storage error.
    /// A store says how long that is: SQLite's and PostgreSQL's in the `patience` of their options, at first ten seconds.
    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<Self::Tx<'_>>;

    /// The store's clock, by which leases are measured: that of the database where it has one. Unless overridden it is the
    /// machine's.
    ///
    /// # Errors
    /// A storage error.
    fn now(&self) -> Result<DateTime<Utc>> {
        Ok(to_micros(SystemTime.now()))
    }

    /// Claims up to `limit` records of a kind that are due by the store's [clock](Store::now), at any desk. Those that were due
    /// first are claimed first; the claimed records are returned in no particular order. Until the `lease` ends no other claim
    /// gets them; then they are due again. A record that another transaction has read in order to write, or is writing, is not
    /// claimed meanwhile: PostgreSQL skips it, SQLite waits for the other transaction.
    ///
    /// Unless overridden, it lists what is due and writes each record at the version that was read.
    ///
    /// # Errors
    /// A storage error. What was claimed before it comes back when its lease ends. [`Unknown`](crate::ErrorKind::Unknown) if the
    /// claim was sent and not answered: it may have claimed records, which come back as well.
    fn claim(&self, kind: RecordKind, limit: usize, lease: TimeDelta) -> Result<Vec<Claimed>> {
        let claim = Claim::new(kind, limit, self.now()?, lease);
        let listed = self.begin(&DeskId::new("claims"), Mode::Read)?.load(&[claim.listing()])?;
        let mut all = Vec::new();
        for (desk, reads) in claim.by_desk(due_in(&listed)?) {
            let mut tx = self.begin(&desk, Mode::Write)?;
            let claim = claim.at_present();
            let records = tx.load(&reads)?;
            let (commit, claimed) = claim.take(&desk, records_in(&records));
            if commit.is_empty() {
                continue;
            }
            match tx.commit(commit) {
                Ok(()) => all.extend(claimed),
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(all)
    }
}

/// One transaction at one desk. Dropped without a commit, it leaves nothing behind.
pub trait Tx {
    /// Answers the reads, in their order, each with the [`Answer`] named at the [`Read`].
    ///
    /// What was read in [`Mode::Write`] with a [lock](Read::lock), absence included, does not change before the end of the
    /// transaction.
    ///
    /// # Errors
    /// A storage error, or [`Corrupt`](crate::ErrorKind::Corrupt) if stored bytes cannot be read.
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>>;

    /// Writes everything in the commit, or nothing, and ends the transaction.
    ///
    /// # Errors
    /// [`Conflict`](crate::ErrorKind::Conflict) if the version of a ticket or record is not the expected one; a storage error
    /// otherwise. Either way nothing was written, except if it is [`Unknown`](crate::ErrorKind::Unknown) whether it was.
    fn commit(&mut self, commit: Commit) -> Result<()>;
}

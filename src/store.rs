//! The storage interface.
//!
//! A store keeps, separately for each desk, tickets with their events and timers, and [records](RecordKind): rows of
//! any kind that the store does not interpret. Definitions, receipts and thread keys are records. A store implements
//! [`Store::begin`] and the two methods of [`Tx`]. Everything else (which tickets to load, what to decide, what to
//! write) is the same for all stores. [`RecordTable`] answers the reads of records for stores that keep them in memory.
//!
//! An async store implements the equivalent traits in [`operation::async_store`](crate::operation::async_store).
//!
//! [`Memory`](crate::memory::Memory) is the reference and `Sqlite` the default. `examples/custom_store.rs` is a
//! complete store in one file that keeps only events. [`Desk::over`](crate::Desk::over) makes a desk with any store.
//!
//! # Requirements for stores
//!
//! - Desks are separate: a transaction reads and writes the rows of one desk. Only [`Read::DueTickets`] and
//!   [`Read::DueRecords`] cover all desks; they return only ids, keys and instants.
//! - A commit is written completely or not at all. A transaction dropped without a commit leaves nothing behind.
//! - In [`Mode::Write`], everything that was read with a [lock](Read::lock), absence included, stays the same until the
//!   end of the transaction: no other commit and no claim changes it. The only exception is a write with
//!   [`Expected::Any`], which may replace a record that is not due.
//! - In [`Mode::Read`], all answers of one `load` are from one state of the desk. A later `load` may see a newer state,
//!   but never an older one. The operations of this crate rely on nothing more. (Inside a transaction of the host,
//!   the isolation level of that transaction applies.)
//! - A ticket is written only if the stored version is the expected one, and a record only if its [`Expected`] holds.
//!   Otherwise the commit fails with a [conflict](crate::ErrorKind::Conflict).
//! - Every part of a [`Commit`] is stored. Later versions may add variants to [`Read`] and [`Write`]: a store answers
//!   an unknown one with [`Error::unsupported`](crate::Error::unsupported) and writes nothing.
//!
//! The suite in `conformance` (feature `conformance`) checks these requirements one by one.

pub(crate) mod claims;
pub mod commit;
mod cursor;
mod data_policy;
mod group;
pub mod kinds;
mod lock;
pub mod query;
pub mod read;
mod record;
mod record_table;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::Result;
use crate::id::DeskId;
use crate::time::{SystemClock, TimeSource, to_micros};
use claims::{Claim, due_in, records_in};

pub use crate::ticket::decision::TicketWrite;
pub use commit::{Commit, Write};
pub use cursor::{Cursor, InboxPlace, Order};
pub use data_policy::{DataPolicy, DeskTransfer, Erasure, PersonalData, Retention};
pub use group::GroupBy;
pub use lock::{Lock, LockMode};
pub use query::Query;
pub use read::{Answer, DueTicket, DueTimer, Read};
pub use record::{
    Changes, Claimed, Content, DueRecord, Expected, Index, Record, RecordCursor, RecordKind, RecordRange,
    RecordWrite,
};
pub use record_table::{RecordTable, due_records};

/// The purpose of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Only reads, without locks or waiting. All reads of one [`load`](Tx::load) see the same state of the database. The
    /// next `load` may see later commits.
    Read,
    /// Reads and then writes. Everything that is read with a [lock](Read::lock), absence included, stays the same until
    /// the end.
    Write,
}

/// A store with blocking calls.
pub trait Store {
    /// A transaction at one desk.
    type Tx<'a>: Tx
    where
        Self: 'a;

    /// Begins a transaction at this desk. It reads and writes only rows of this desk, except for [`Read::DueTickets`]
    /// and [`Read::DueRecords`].
    ///
    /// In [`Mode::Write`], no other transaction writes what this one has read with a [lock](Read::lock), until this one
    /// ends.
    ///
    /// # Errors
    /// - [`Busy`](crate::ErrorKind::Busy) if other writers hold the store for longer than the store's timeout. SQLite
    ///   and PostgreSQL take it from `acquire_timeout` in their options; the default is ten seconds.
    /// - a storage error
    fn begin(&self, desk: &DeskId, mode: Mode) -> Result<Self::Tx<'_>>;

    /// Returns the time of the store's clock, which measures leases: the clock of the database if it has one. The
    /// default is the machine's clock.
    ///
    /// # Errors
    /// A storage error.
    fn now(&self) -> Result<DateTime<Utc>> {
        Ok(to_micros(SystemClock.now()))
    }

    /// Claims up to `limit` records of a kind that are due by the store's [clock](Store::now), at any desk.
    ///
    /// The records that were due first are claimed first; they are returned in no particular order. No other claim gets
    /// them until the `lease` ends; then they are due again. A record that another transaction has read for writing, or
    /// is writing, is not claimed in the meantime: PostgreSQL skips the record, SQLite waits for the other transaction.
    ///
    /// The default lists the due records and writes each of them with the version that was read.
    ///
    /// # Errors
    /// - a storage error. Records that were claimed before the error become due again when their lease ends.
    /// - [`Unknown`](crate::ErrorKind::Unknown) if the claim was sent and not answered. It may have claimed records,
    ///   which become due again as well.
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

/// One transaction at one desk. Dropped without a commit, it writes nothing.
pub trait Tx {
    /// Answers the reads in their order, each with the [`Answer`] named at the [`Read`].
    ///
    /// In [`Mode::Write`], everything that was read with a [lock](Read::lock), absence included, stays the same until
    /// the end of the transaction.
    ///
    /// # Errors
    /// - [`Corrupt`](crate::ErrorKind::Corrupt) if stored bytes cannot be read
    /// - a storage error
    fn load(&mut self, reads: &[Read]) -> Result<Vec<Answer>>;

    /// Writes the whole commit or nothing, and ends the transaction.
    ///
    /// # Errors
    /// - [`Conflict`](crate::ErrorKind::Conflict) if the version of a ticket or record is not the expected one
    /// - [`Unknown`](crate::ErrorKind::Unknown) if the commit may or may not have taken effect
    /// - a storage error
    ///
    /// Except for `Unknown`, an error means that nothing was written.
    fn commit(&mut self, commit: Commit) -> Result<()>;
}

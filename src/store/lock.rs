//! The locks of reads, and their order.

use crate::id::TicketId;
use crate::store::record::RecordKind;

/// A unit that stays as it was read, absence included, until the transaction ends.
///
/// A store that allows several writers at once takes one of these locks for each locking read of a [`Mode::Write`]
/// transaction, always in the order of this type. So two commands that need the same locks wait for one another without
/// a deadlock. The order is the order in which commands learn what they need, so that few commands have to start again.
///
/// [`Mode::Write`]: crate::store::Mode::Write
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lock {
    /// The record under a key, present or absent. Ordered by the code of the kind, then by key.
    Record(RecordKind, String),
    /// A ticket with its history.
    Ticket(TicketId),
    /// The running numbers of the desk.
    Numbers,
}

/// The mode of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Others may hold the lock too, if all of them only rely on the data.
    Shared,
    /// Nobody else may hold the lock.
    Exclusive,
}

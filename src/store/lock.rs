//! The locks of reads, and their order.

use crate::id::TicketId;
use crate::store::record::RecordKind;

/// A lock. The locked data stays unchanged until the transaction ends; absent data stays absent.
///
/// A store that allows several writers at once takes one of these locks for each locking read of a [`Mode::Write`]
/// transaction, always in the order of this type. So two commands that need the same locks wait for each other without
/// a deadlock. A command must start again if it needs an earlier lock than it holds. This order matches the order in
/// which most commands discover their locks, so few have to start again.
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
    /// Other transactions may hold the lock in this mode too. None of them may write the data.
    Shared,
    /// No other transaction may hold the lock.
    Exclusive,
}

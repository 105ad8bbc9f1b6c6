//! What a read locks, and in which order locks are taken.

use crate::id::TicketId;
use crate::store::record::RecordKind;

/// Something that stays as it was read, absence included, until the transaction ends.
///
/// A store that lets several writers in at once locks one of these for each read of a [`Mode::Write`] transaction,
/// always in the order of this type: two commands that want the same things then wait for each other in turn
/// instead of for ever. The order is that in which commands learn what they need, so that few have to begin again.
///
/// [`Mode::Write`]: crate::store::Mode::Write
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lock {
    /// What is stored under a key, by the code of the kind and the key.
    Record(RecordKind, String),
    /// A ticket with its history.
    Ticket(TicketId),
    /// The desk's running numbers.
    Numbers,
}

/// Whether others may hold the same lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockMode {
    /// Others may, as long as all of them only rely on it.
    Shared,
    /// Nobody else may.
    Exclusive,
}

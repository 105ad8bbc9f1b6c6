//! What a read claims, and in which order claims are taken.

use crate::definition::DefinitionKind;
use crate::id::{RequestKey, ThreadKey, TicketId};
use crate::store::read::Read;
use crate::ticket::event::ExternalRef;

/// Something that stays as it was read, absence included, until the transaction ends.
///
/// A store that lets several writers in at once locks one of these for each read of a [`Mode::Write`] transaction,
/// always in the order of this type: two commands that want the same things then wait for each other in turn
/// instead of for ever. The order is that in which commands learn of what they need, so that few have to begin anew.
///
/// [`Mode::Write`]: crate::store::Mode::Write
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Claim {
    /// Which versions of a definition there are.
    Definitions(DefinitionKind),
    /// What is kept under an idempotency key.
    Receipt(RequestKey),
    /// Where a thread leads.
    Thread(ThreadKey),
    /// Which ticket is called so in another system.
    External(ExternalRef),
    /// A ticket with its history.
    Ticket(TicketId),
    /// The desk's running numbers.
    Numbers,
}

/// Whether others may hold the same claim at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// Others may, as long as all of them only rely on it.
    Shared,
    /// Nobody may.
    Exclusive,
}

impl Read {
    /// What this read claims in a transaction that writes. [`Due`](Read::Due), [`Owed`](Read::Owed) and
    /// [`Find`](Read::Find) never claim anything, nor does the text of a definition, which never changes.
    pub fn claim(&self) -> Option<(Claim, Hold)> {
        Some(match self {
            // Every command asks which policy holds. Only an adoption asks for the newest one.
            Read::InForce(kind, _) => (Claim::Definitions(*kind), Hold::Shared),
            Read::Newest(kind) => (Claim::Definitions(*kind), Hold::Exclusive),
            Read::Receipt(key) => (Claim::Receipt(key.clone()), Hold::Exclusive),
            Read::Thread(key) => (Claim::Thread(key.clone()), Hold::Exclusive),
            Read::External(name) => (Claim::External(name.clone()), Hold::Exclusive),
            Read::Ticket(ticket) | Read::History { ticket, .. } => (Claim::Ticket(*ticket), Hold::Exclusive),
            Read::Number(_) | Read::NextNumber { .. } => (Claim::Numbers, Hold::Exclusive),
            Read::Definition(_) | Read::Due { .. } | Read::Owed { .. } | Read::Find(_) => return None,
        })
    }
}

//! Facts about the links and thread keys in an action.

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ThreadKey, TicketId};
use crate::ticket::kind::Link;

/// The facts about the links and thread keys in an action that are not in the ticket's row. The desk reads them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoredFacts {
    /// The existing links from other tickets.
    pub(crate) incoming: BTreeSet<Link>,
    /// The ticket's own links to tickets that the actor does not see.
    pub(crate) hidden: BTreeSet<Link>,
    /// True if the actor sees none of the ticket's links.
    pub(crate) without_links: bool,
    /// If the action takes a command back: the tickets that the actor does not see, in links that the command or a
    /// later event changed.
    pub(crate) unseen: BTreeSet<TicketId>,
    /// The thread keys that lead to no ticket yet, each with its stored form.
    pub(crate) threads: BTreeMap<ThreadKey, String>,
}

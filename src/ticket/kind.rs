//! Kinds, channels, numbers and links of tickets.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::TicketId;
use crate::language::{Sentence, words_by_name};

pub use crate::kind::{Channel, Kind};

/// The running number of a ticket within its desk, with the desk's prefix at the time of opening: `T-1042`.
///
/// The number is unique within the desk even without its prefix, so old references still work after the prefix changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketNumber {
    /// The text before the hyphen. May be empty.
    pub prefix: Arc<str>,
    /// The running number, from 1.
    pub value: u64,
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(f, "{}-", self.prefix)?;
        }
        write!(f, "{}", self.value)
    }
}

/// The relation of one ticket to another.
///
/// A link can be added and removed from either ticket, and both histories record it. One of its two directions is
/// [owned](LinkKind::is_own): a part links to its whole, a duplicate to its original. A ticket's snapshot has only the
/// links that it owns, because any number of tickets may link to it. [`Records::links`](crate::desk::Records::links)
/// reads the other direction.
///
/// ```
/// use firstline::ticket::kind::Link;
/// use firstline::{Action, Actor, Desk, LinkKind, NewTicket};
///
/// let desk = Desk::memory();
/// let first = desk.open_ticket(NewTicket::new("No sound"))?.id();
/// let second = desk.open_ticket(NewTicket::new("No sound either"))?.id();
/// desk.act(second, Action::link(LinkKind::DuplicateOf, first), Actor::agent("anna"))?;
///
/// assert!(desk.ticket(second)?.links.contains(&Link { kind: LinkKind::DuplicateOf, to: first }));
/// assert_eq!(desk.records().links(first, None)?, [Link { kind: LinkKind::DuplicatedBy, to: second }]);
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LinkKind {
    /// The other ticket is a part of this one.
    ParentOf,
    /// This ticket is a part of the other.
    ChildOf,
    /// This ticket duplicates the other.
    DuplicateOf,
    /// The other ticket duplicates this one.
    DuplicatedBy,
    /// This ticket continues the other, which is closed.
    FollowUpOf,
    /// The other ticket continues this one.
    FollowedUpBy,
    /// This ticket was opened by somebody whose message belongs to the conversation of the other ticket, in which they
    /// have no part.
    Mentions,
    /// The other ticket was opened in that way.
    MentionedBy,
    /// The other ticket is the cause of this one.
    CausedBy,
    /// This ticket is the cause of the other.
    CauseOf,
}

impl LinkKind {
    /// True if the ticket owns links of this kind. An owned link points from one of many tickets to the one that they
    /// share, for example from a duplicate to its original.
    pub const fn is_own(self) -> bool {
        matches!(
            self,
            LinkKind::ChildOf
                | LinkKind::DuplicateOf
                | LinkKind::FollowUpOf
                | LinkKind::Mentions
                | LinkKind::CausedBy
        )
    }

    /// Returns the stored name.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            LinkKind::ParentOf => "parent_of",
            LinkKind::ChildOf => "child_of",
            LinkKind::DuplicateOf => "duplicate_of",
            LinkKind::DuplicatedBy => "duplicated_by",
            LinkKind::FollowUpOf => "follow_up_of",
            LinkKind::FollowedUpBy => "followed_up_by",
            LinkKind::Mentions => "mentions",
            LinkKind::MentionedBy => "mentioned_by",
            LinkKind::CausedBy => "caused_by",
            LinkKind::CauseOf => "cause_of",
        }
    }

    /// Returns the kind of the same link from the other ticket's side.
    pub const fn inverse(self) -> LinkKind {
        match self {
            LinkKind::ParentOf => LinkKind::ChildOf,
            LinkKind::ChildOf => LinkKind::ParentOf,
            LinkKind::DuplicateOf => LinkKind::DuplicatedBy,
            LinkKind::DuplicatedBy => LinkKind::DuplicateOf,
            LinkKind::FollowUpOf => LinkKind::FollowedUpBy,
            LinkKind::FollowedUpBy => LinkKind::FollowUpOf,
            LinkKind::Mentions => LinkKind::MentionedBy,
            LinkKind::MentionedBy => LinkKind::Mentions,
            LinkKind::CausedBy => LinkKind::CauseOf,
            LinkKind::CauseOf => LinkKind::CausedBy,
        }
    }
}

words_by_name!(LinkKind, "link", |kind| kind.as_str());

/// A link to another ticket of the same desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The relation of this ticket to the other.
    pub kind: LinkKind,
    /// The other ticket.
    pub to: TicketId,
}

impl Link {
    /// Returns the reason why a link that does not exist cannot be removed.
    pub(crate) fn is_missing(self) -> Sentence {
        Sentence::new("why.no_link").name("link", "link", self.kind.as_str())
    }
}

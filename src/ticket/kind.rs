//! What a ticket is and how it came: kind, channel, number, links.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::TicketId;
use crate::open_set::open_set;

open_set! {
    /// What a ticket is about. An open set: a desk may have kinds of its own, such as `"complaint"`.
    Kind {
        /// Something is broken.
        Incident = "incident" "incident",
        /// Something is wanted.
        Request = "request" "request",
        /// Something is to be explained: the default.
        Question = "question" "question",
        /// The cause behind several tickets.
        Problem = "problem" "problem",
        /// Something could be better.
        Suggestion = "suggestion" "suggestion",
    }
}

open_set! {
    /// How a ticket or message came. An open set: a desk may have channels of its own, such as `"kiosk"`.
    Channel {
        /// E-mail.
        Email = "email" "e-mail",
        /// A telephone call.
        Phone = "phone" "phone",
        /// A chat on the host's site.
        Chat = "chat" "chat",
        /// A messenger.
        Messenger = "messenger" "messenger",
        /// A social network.
        Social = "social" "social network",
        /// A form on the host's site: the default.
        WebForm = "web_form" "web form",
        /// Another program.
        Api = "api" "API",
        /// Face to face.
        InPerson = "in_person" "in person",
    }
}

/// The running number of a ticket at its desk, with the prefix that the desk had when it was opened: `T-1042`.
///
/// The value alone is unique within the desk, so that a changed prefix breaks no old reference.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TicketNumber {
    /// What stands before the hyphen; may be empty.
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

/// How one ticket stands to another. A link can be made and taken away at either end, and both histories have it.
///
/// Of the two directions one is [the ticket's own](LinkKind::is_own): a part knows its whole, a duplicate its original. The ticket
/// keeps its own links; those that lead to it may be many, and are [read](crate::desk::Records::links) when they are needed.
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
    /// This one has the other as a part.
    ParentOf,
    /// This one is a part of the other.
    ChildOf,
    /// This one repeats the other.
    DuplicateOf,
    /// The other repeats this one.
    DuplicatedBy,
    /// This one goes on where the other, closed, ended.
    FollowUpOf,
    /// The other goes on where this one ended.
    FollowedUpBy,
    /// The other is the cause of this one.
    CausedBy,
    /// This one is the cause of the other.
    CauseOf,
}

impl LinkKind {
    /// Whether a link of this kind is the ticket's own: it leads from one of many to what they have in common.
    pub const fn is_own(self) -> bool {
        matches!(self, LinkKind::ChildOf | LinkKind::DuplicateOf | LinkKind::FollowUpOf | LinkKind::CausedBy)
    }

    /// The same link seen from the other ticket.
    pub const fn inverse(self) -> LinkKind {
        match self {
            LinkKind::ParentOf => LinkKind::ChildOf,
            LinkKind::ChildOf => LinkKind::ParentOf,
            LinkKind::DuplicateOf => LinkKind::DuplicatedBy,
            LinkKind::DuplicatedBy => LinkKind::DuplicateOf,
            LinkKind::FollowUpOf => LinkKind::FollowedUpBy,
            LinkKind::FollowedUpBy => LinkKind::FollowUpOf,
            LinkKind::CausedBy => LinkKind::CauseOf,
            LinkKind::CauseOf => LinkKind::CausedBy,
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LinkKind::ParentOf => "parent of",
            LinkKind::ChildOf => "child of",
            LinkKind::DuplicateOf => "duplicate of",
            LinkKind::DuplicatedBy => "duplicated by",
            LinkKind::FollowUpOf => "follow-up of",
            LinkKind::FollowedUpBy => "followed up by",
            LinkKind::CausedBy => "caused by",
            LinkKind::CauseOf => "cause of",
        })
    }
}

/// A link to another ticket of the same desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// How this ticket stands to the other.
    pub kind: LinkKind,
    /// The other.
    pub to: TicketId,
}

impl Link {
    /// Why it cannot be taken away, in words.
    pub(crate) fn is_missing(self) -> String {
        format!("it is not {} that ticket", self.kind)
    }
}

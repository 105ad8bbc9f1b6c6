//! Positions in the orders of queries.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::ticket::snapshot::Snapshot;

/// The order of the tickets in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Order {
    /// Open tickets, ordered by priority, then by the earliest due instant (tickets without one last), then by age.
    Inbox,
    /// Ordered by id, the newest first. See [`Oldest`](Order::Oldest) for tickets that are opened at the same moment.
    Newest,
    /// Ordered by id, the oldest first.
    ///
    /// A ticket's id is created when its command begins, and its running number when the command commits. So for
    /// tickets opened at the same moment, the ids and the numbers may be in different orders, and a new ticket may
    /// appear before tickets that were already read. Use this order for pages, not as a feed of new tickets.
    Oldest,
}

/// The position of a ticket in an order: the end of a page.
///
/// A cursor can be passed in a URL as text. The text is opaque to users. It contains only the sort keys of one ticket
/// and grants no access:
///
/// ```
/// use firstline::{Cursor, Desk, NewTicket, Query};
///
/// let desk = Desk::memory();
/// let first = desk.open_ticket(NewTicket::new("No sound"))?.id();
/// desk.open_ticket(NewTicket::new("No light"))?;
/// let page = desk.find(Query::newest().limit(1))?;
/// let text = page.next.map(|cursor| cursor.to_string()).unwrap_or_default();
///
/// let next: Cursor = text.parse()?;
/// assert_eq!(desk.find(Query::newest().after(next))?.tickets[0].id(), first);
/// assert!("page 2".parse::<Cursor>().is_err());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor(Place);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Inbox(InboxPlace),
    Newest(std::cmp::Reverse<TicketId>),
    Oldest(TicketId),
}

/// The sort keys of the inbox, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InboxPlace {
    /// The rank of the priority; 1 is the highest.
    pub priority: u8,
    /// The earliest due instant in microseconds since 1970; `i64::MAX` if nothing is due.
    pub due: i64,
    /// The instant of opening in microseconds since 1970.
    pub opened: i64,
    /// The id.
    pub id: TicketId,
}

impl InboxPlace {
    /// Returns the sort keys of this ticket.
    pub fn of(ticket: &Snapshot) -> InboxPlace {
        InboxPlace {
            priority: ticket.priority().rank(),
            due: ticket.earliest_deadline().map_or(i64::MAX, |due: DateTime<Utc>| due.timestamp_micros()),
            opened: ticket.opened_at.timestamp_micros(),
            id: ticket.id,
        }
    }
}

impl Cursor {
    pub(super) fn of(order: Order, ticket: &Snapshot) -> Cursor {
        Cursor(match order {
            Order::Inbox => Place::Inbox(InboxPlace::of(ticket)),
            Order::Newest => Place::Newest(std::cmp::Reverse(ticket.id)),
            Order::Oldest => Place::Oldest(ticket.id),
        })
    }

    pub(super) fn order(&self) -> Order {
        match self.0 {
            Place::Inbox(_) => Order::Inbox,
            Place::Newest(_) => Order::Newest,
            Place::Oldest(_) => Order::Oldest,
        }
    }

    /// Returns the id of the last ticket of the page. In an order by id, the id alone is the position.
    pub fn id(&self) -> TicketId {
        match &self.0 {
            Place::Inbox(place) => place.id,
            Place::Newest(std::cmp::Reverse(id)) | Place::Oldest(id) => *id,
        }
    }

    /// Returns the sort keys, in the order of the inbox.
    pub fn inbox(&self) -> Option<&InboxPlace> {
        match &self.0 {
            Place::Inbox(place) => Some(place),
            _ => None,
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Inbox(InboxPlace { priority, due, opened, id }) => {
                write!(f, "i.{priority}.{due}.{opened}.{id}")
            }
            Place::Newest(std::cmp::Reverse(id)) => write!(f, "n.{id}"),
            Place::Oldest(id) => write!(f, "o.{id}"),
        }
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Cursor> {
        fn parse(text: &str) -> Option<Place> {
            let parts: Vec<&str> = text.split('.').collect();
            Some(match parts[..] {
                ["i", priority, due, opened, id] => Place::Inbox(InboxPlace {
                    priority: priority.parse().ok()?,
                    due: due.parse().ok()?,
                    opened: opened.parse().ok()?,
                    id: id.parse().ok()?,
                }),
                ["n", id] => Place::Newest(std::cmp::Reverse(id.parse().ok()?)),
                ["o", id] => Place::Oldest(id.parse().ok()?),
                _ => return None,
            })
        }
        parse(text).map(Cursor).ok_or_else(|| {
            Error::invalid("cursor", "cannot be read").allowing("the `next` cursor of a page of this desk")
        })
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Cursor, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

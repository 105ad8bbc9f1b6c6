//! Queries for tickets, their orders and their pages.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::StateKind;
use crate::ticket::snapshot::Snapshot;

/// The maximum number of tickets on one page.
pub const MAX_PAGE: usize = 1_000;

/// A query for tickets.
///
/// The filters with an index in the stores have methods of their own. All other properties of a ticket can be compared
/// in a [`Condition`].
///
/// ```
/// use firstline::{Condition, Query, StateKind};
///
/// let urgent = Query::inbox().team("payments").limit(20);
/// let parked = Query::newest().state(StateKind::OnHold).matching(Condition::field("tags").contains("refund"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a query does nothing until it is passed to `Desk::find`"]
pub struct Query {
    order: Order,
    states: Vec<StateKind>,
    team: Option<TeamId>,
    assignee: Option<AgentId>,
    unassigned: bool,
    requester: Option<ContactId>,
    condition: Condition,
    after: Option<Cursor>,
    limit: usize,
}

/// The order of the tickets in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl Query {
    fn ordered(order: Order) -> Query {
        Query {
            order,
            states: Vec::new(),
            team: None,
            assignee: None,
            unassigned: false,
            requester: None,
            condition: Condition::ALWAYS,
            after: None,
            limit: 50,
        }
    }

    /// Creates a query for open tickets in the order of urgency: priority, then due instant, then age.
    pub fn inbox() -> Query {
        Query::ordered(Order::Inbox)
    }

    /// Creates a query for all tickets, the newest first.
    pub fn newest() -> Query {
        Query::ordered(Order::Newest)
    }

    /// Creates a query for all tickets, the oldest first.
    pub fn oldest() -> Query {
        Query::ordered(Order::Oldest)
    }

    /// Selects tickets in this state. Several calls select tickets in any of these states.
    pub fn state(mut self, state: StateKind) -> Query {
        self.states.push(state);
        self
    }

    /// Selects tickets of this team.
    pub fn team(mut self, team: impl Into<TeamId>) -> Query {
        self.team = Some(team.into());
        self
    }

    /// Selects tickets assigned to this agent.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> Query {
        self.assignee = Some(agent.into());
        self
    }

    /// Selects tickets without an assigned agent.
    pub fn unassigned(mut self) -> Query {
        self.unassigned = true;
        self
    }

    /// Selects tickets of this requester.
    pub fn from(mut self, requester: impl Into<ContactId>) -> Query {
        self.requester = Some(requester.into());
        self
    }

    /// Selects tickets that satisfy the condition too. See [`ticket::facts`](crate::ticket::facts) for the fields.
    pub fn matching(mut self, condition: Condition) -> Query {
        self.condition = self.condition.and(condition);
        self
    }

    /// Sets the maximum number of tickets on a page, from 1 to [`MAX_PAGE`]. The default is 50.
    pub fn limit(mut self, limit: usize) -> Query {
        self.limit = limit;
        self
    }

    /// Continues after the end of the previous page. The cursor must come from a query with the same order.
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Query {
        self.after = cursor.into();
        self
    }

    /// Checks the limit and the order of the cursor.
    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_PAGE).contains(&self.limit) {
            return Err(Error::invalid("limit", format_args!("{} is out of range", self.limit))
                .allowing(format!("1 to {MAX_PAGE}")));
        }
        if self.after.as_ref().is_some_and(|cursor| cursor.order() != self.order) {
            return Err(Error::invalid("cursor", "belongs to a query with another order"));
        }
        Ok(())
    }

    /// Returns the condition that tickets must satisfy in addition to the filters.
    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Raises the limit by one ticket, to detect if there is a next page.
    pub(crate) fn one_more(mut self) -> Query {
        self.limit += 1;
        self
    }
}

/// Accessors and the evaluation of a query, for stores.
impl Query {
    /// Returns the order.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Returns the maximum number of tickets.
    pub fn page_size(&self) -> usize {
        self.limit
    }

    /// Returns the position after which the page begins.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// Returns the selected states; empty for all states.
    pub fn wanted_states(&self) -> &[StateKind] {
        &self.states
    }

    /// Returns the selected team.
    pub fn wanted_team(&self) -> Option<&TeamId> {
        self.team.as_ref()
    }

    /// Returns the selected agent.
    pub fn wanted_assignee(&self) -> Option<&AgentId> {
        self.assignee.as_ref()
    }

    /// Returns the selected requester.
    pub fn wanted_requester(&self) -> Option<&ContactId> {
        self.requester.as_ref()
    }

    /// True if the answer contains only open tickets.
    pub fn open_only(&self) -> bool {
        self.order == Order::Inbox
    }

    /// True if the ticket belongs in the answer, ignoring the cursor and the limit.
    ///
    /// A store may use its indexes to select candidates, and then calls this method for each of them, so that all
    /// stores give the same answers.
    pub fn matches(&self, ticket: &Snapshot) -> bool {
        let state = ticket.state.kind();
        (self.order != Order::Inbox || state.is_open())
            && (self.states.is_empty() || self.states.contains(&state))
            && self.team.as_ref().is_none_or(|team| ticket.team.as_ref() == Some(team))
            && self.assignee.as_ref().is_none_or(|agent| ticket.assignee.as_ref() == Some(agent))
            && !(self.unassigned && ticket.assignee.is_some())
            && self.requester.as_ref().is_none_or(|contact| ticket.requester() == Some(contact))
            && self.condition.holds(ticket)
    }

    /// Returns the ticket's position in this order. Positions compare in the order of the tickets.
    pub fn place(&self, ticket: &Snapshot) -> Cursor {
        Cursor::of(self.order, ticket)
    }
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
    fn of(order: Order, ticket: &Snapshot) -> Cursor {
        Cursor(match order {
            Order::Inbox => Place::Inbox(InboxPlace::of(ticket)),
            Order::Newest => Place::Newest(std::cmp::Reverse(ticket.id)),
            Order::Oldest => Place::Oldest(ticket.id),
        })
    }

    fn order(&self) -> Order {
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

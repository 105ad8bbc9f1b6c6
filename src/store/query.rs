//! Which tickets, in which order, from where on.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::lifecycle::StateKind;
use crate::ticket::snapshot::Snapshot;

/// The most tickets of one page.
pub const MAX_PAGE: usize = 1_000;

/// A question for tickets. Filters that a store has an index for have methods of their own; everything else a
/// ticket knows can be asked for by a [`Condition`].
///
/// ```
/// use firstline::{Condition, Query, StateKind};
///
/// let urgent = Query::inbox().team("payments").limit(20);
/// let parked = Query::newest().state(StateKind::OnHold).matching(Condition::field("tags").contains("refund"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a query does nothing until a desk is asked"]
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

/// In which order tickets come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// By priority, then by what is due first (nothing due last), then by age. Open tickets only.
    Inbox,
    /// By id, the youngest first: see [`Oldest`](Order::Oldest).
    Newest,
    /// By id, the oldest first. Ids are drawn when a command begins, and running numbers when it commits: of tickets opened
    /// at the same moment the numbers may stand otherwise, and one may appear before the last one that was seen.
    /// It is an order to read pages in, not a feed to follow.
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

    /// Open tickets in the order in which they want to be worked on: priority, then due, then age.
    pub fn inbox() -> Query {
        Query::ordered(Order::Inbox)
    }

    /// All tickets, the youngest first.
    pub fn newest() -> Query {
        Query::ordered(Order::Newest)
    }

    /// All tickets, the oldest first.
    pub fn oldest() -> Query {
        Query::ordered(Order::Oldest)
    }

    /// Only tickets in this state; asked several times, in one of these states.
    pub fn state(mut self, state: StateKind) -> Query {
        self.states.push(state);
        self
    }

    /// Only tickets of this team.
    pub fn team(mut self, team: impl Into<TeamId>) -> Query {
        self.team = Some(team.into());
        self
    }

    /// Only tickets of this agent.
    pub fn assigned_to(mut self, agent: impl Into<AgentId>) -> Query {
        self.assignee = Some(agent.into());
        self
    }

    /// Only tickets that no agent has.
    pub fn unassigned(mut self) -> Query {
        self.unassigned = true;
        self
    }

    /// Only tickets of this requester.
    pub fn from(mut self, requester: impl Into<ContactId>) -> Query {
        self.requester = Some(requester.into());
        self
    }

    /// Only tickets for which this holds too. See [`ticket::facts`](crate::ticket::facts) for the fields.
    pub fn matching(mut self, condition: Condition) -> Query {
        self.condition = self.condition.and(condition);
        self
    }

    /// At most so many, from 1 to [`MAX_PAGE`]; 50 if not said.
    pub fn limit(mut self, limit: usize) -> Query {
        self.limit = limit;
        self
    }

    /// From where the last page ended. The cursor must come from a query of the same order.
    pub fn after(mut self, cursor: impl Into<Option<Cursor>>) -> Query {
        self.after = cursor.into();
        self
    }

    /// Refuses a query that could not be answered as it was meant.
    pub(crate) fn check(&self) -> Result<()> {
        if !(1..=MAX_PAGE).contains(&self.limit) {
            return Err(Error::invalid("limit", format_args!("{} is out of range", self.limit))
                .allowing(format!("1 to {MAX_PAGE}")));
        }
        if self.after.as_ref().is_some_and(|cursor| cursor.order() != self.order) {
            return Err(Error::invalid("cursor", "is of a query in another order"));
        }
        Ok(())
    }

    /// What must hold beside the filters.
    pub(crate) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The same query with one ticket more, by which one sees whether there is a next page.
    pub(crate) fn one_more(mut self) -> Query {
        self.limit += 1;
        self
    }
}

/// For stores: what a query asks, and the one evaluator of it.
impl Query {
    /// In which order.
    pub fn order(&self) -> Order {
        self.order
    }

    /// How many at most.
    pub fn page_size(&self) -> usize {
        self.limit
    }

    /// From where on, exclusively.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// The states asked for; empty for all.
    pub fn wanted_states(&self) -> &[StateKind] {
        &self.states
    }

    /// The team asked for.
    pub fn wanted_team(&self) -> Option<&TeamId> {
        self.team.as_ref()
    }

    /// The agent asked for.
    pub fn wanted_assignee(&self) -> Option<&AgentId> {
        self.assignee.as_ref()
    }

    /// The requester asked for.
    pub fn wanted_requester(&self) -> Option<&ContactId> {
        self.requester.as_ref()
    }

    /// Whether only open tickets can be in the answer.
    pub fn open_only(&self) -> bool {
        self.order == Order::Inbox
    }

    /// Whether the ticket belongs into the answer, wherever it stands in the order. A store narrows by its
    /// indexes as it likes and lets this have the last word, so that all stores agree.
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

    /// The ticket's place in this order. Places compare as the tickets stand.
    pub fn place(&self, ticket: &Snapshot) -> Cursor {
        Cursor::of(self.order, ticket)
    }
}

/// A ticket's place in an order: where a page ended. Opaque text for users; it holds no more than the sort keys of
/// one ticket, and gives nobody access to anything.
///
/// It goes through a URL as text:
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
    /// The priority's rank, 1 first.
    pub priority: u8,
    /// Microseconds since 1970 of what is due first; the largest number if nothing is.
    pub due: i64,
    /// Microseconds since 1970 of the opening.
    pub opened: i64,
    /// The id.
    pub id: TicketId,
}

impl InboxPlace {
    /// The keys of this ticket.
    pub fn of(ticket: &Snapshot) -> InboxPlace {
        InboxPlace {
            priority: ticket.priority().rank(),
            due: ticket.due_at.map_or(i64::MAX, |due: DateTime<Utc>| due.timestamp_micros()),
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

    /// The id at which the page ended: all of the place in an order by id.
    pub fn id(&self) -> TicketId {
        match &self.0 {
            Place::Inbox(place) => place.id,
            Place::Newest(std::cmp::Reverse(id)) | Place::Oldest(id) => *id,
        }
    }

    /// The sort keys, in the order of the inbox.
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
            Error::invalid("cursor", "cannot be read").allowing("one that a page of this desk gave")
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

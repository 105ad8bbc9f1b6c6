//! Queries for tickets, their orders and their pages.

mod form;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::id::{AgentId, ContactId, TeamId};
use crate::lifecycle::StateKind;
use crate::store::cursor::{Cursor, Order};
use crate::store::group::GroupBy;
use crate::ticket::people::ContactRole;
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
///
/// A query is data. An application can keep it as a saved view, in JSON, TOML or another self-describing serde format:
///
/// ```
/// use firstline::{Condition, Query, TimeDelta};
///
/// let view: Query = serde_json::from_str(r#"{
///     "order": "inbox",
///     "team": "payments",
///     "matching": {"field": "touched_at", "before": "7d ago"}
/// }"#)?;
/// let untouched = Condition::field("touched_at").before(-TimeDelta::days(7));
/// assert_eq!(view, Query::inbox().team("payments").matching(untouched));
///
/// let misspelt = serde_json::from_str::<Query>(r#"{"order": "inbox", "tem": "payments"}"#);
/// assert!(misspelt.unwrap_err().to_string().contains("did you mean \"team\"?"));
/// # Ok::<(), serde_json::Error>(())
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
    contact: Option<(ContactId, Option<ContactRole>)>,
    condition: Condition,
    after: Option<Cursor>,
    limit: usize,
    now: Option<DateTime<Utc>>,
}

/// The number of tickets on a page, if the query does not set it.
const PAGE: usize = 50;

impl Query {
    fn ordered(order: Order) -> Query {
        Query {
            order,
            states: Vec::new(),
            team: None,
            assignee: None,
            unassigned: false,
            requester: None,
            contact: None,
            condition: Condition::ALWAYS,
            after: None,
            limit: PAGE,
            now: None,
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

    /// Selects tickets on which this person is a contact in any role: requester, affected or cc.
    pub fn contact(mut self, contact: impl Into<ContactId>) -> Query {
        self.contact = Some((contact.into(), None));
        self
    }

    /// Selects tickets on which this person is a contact in this role.
    pub fn contact_as(mut self, contact: impl Into<ContactId>, role: ContactRole) -> Query {
        self.contact = Some((contact.into(), Some(role)));
        self
    }

    /// Selects tickets that this agent follows: the condition `followers` shares the agent.
    pub fn followed_by(self, agent: impl Into<AgentId>) -> Query {
        self.matching(Condition::field("followers").shares(agent.into().as_str()))
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

    /// Sets the current time, with which conditions such as `due_at is before 2h from now` compare. The desk sets it
    /// for each read. It is not part of the serialized form.
    pub fn at(mut self, now: DateTime<Utc>) -> Query {
        self.now = Some(now);
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
    pub fn selected_states(&self) -> &[StateKind] {
        &self.states
    }

    /// Returns the selected team.
    pub fn selected_team(&self) -> Option<&TeamId> {
        self.team.as_ref()
    }

    /// Returns the selected agent.
    pub fn selected_assignee(&self) -> Option<&AgentId> {
        self.assignee.as_ref()
    }

    /// True if the answer contains only tickets without an assigned agent.
    pub fn unassigned_only(&self) -> bool {
        self.unassigned
    }

    /// Returns the selected requester.
    pub fn selected_requester(&self) -> Option<&ContactId> {
        self.requester.as_ref()
    }

    /// Returns the selected contact, and the role if only one is selected.
    pub fn selected_contact(&self) -> Option<(&ContactId, Option<ContactRole>)> {
        self.contact.as_ref().map(|(contact, role)| (contact, *role))
    }

    /// Returns bounds for the columns of tickets that hold instants, in microseconds since 1970: the column, and the
    /// lowest and the highest value that a ticket of the answer can have there. A database reads fewer candidates with
    /// them.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn bounds(&self) -> impl Iterator<Item = (&'static str, Option<i64>, Option<i64>)> {
        let now = self.now.filter(|_| self.condition.requires("overdue", true));
        ["opened_at", "due_at"].into_iter().map(move |column| {
            let (mut from, mut until) = self.condition.instants_of(column, self.now);
            if column == "due_at" {
                // The column has the earliest deadline, even if it has passed; the fact has the next one.
                from = None;
            }
            if let ("due_at", Some(now)) = (column, now) {
                until = Some(until.map_or(now, |until| until.min(now)));
            }
            (column, from.map(|it| it.timestamp_micros()), until.map(|it| it.timestamp_micros()))
        })
    }

    /// True if the filters with methods of their own decide alone which tickets match, without the condition.
    pub(crate) fn has_no_condition(&self) -> bool {
        self.condition == Condition::ALWAYS
    }

    /// True if the columns of a row decide which tickets match.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn is_decided_by_columns(&self) -> bool {
        let any_role = self.contact.as_ref().is_none_or(|(_, role)| role.is_none());
        self.has_no_condition() && any_role
    }

    /// True if the answer contains only open tickets.
    pub fn open_only(&self) -> bool {
        self.order == Order::Inbox
    }

    /// True if the order or the selected states allow only open tickets.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn selects_open_only(&self) -> bool {
        self.open_only() || (!self.states.is_empty() && self.states.iter().all(|state| state.is_open()))
    }

    /// True if no ticket can match: the order has only open tickets, and none of the selected states is open.
    pub(crate) fn matches_nothing(&self) -> bool {
        self.open_only() && !self.states.is_empty() && !self.states.iter().any(|state| state.is_open())
    }

    /// True if no index serves all parts of the query, so that a database may read many tickets that are not in the
    /// answer. It reads the tickets of the assignee or of the team if one is selected, the open ones if only those can
    /// match, and otherwise all tickets of the desk. It stops when the page is full, unless it has to sort first: open
    /// tickets that are selected by state in an order of ids.
    ///
    /// The filters by requester, contact, assignee and team have an index. The filters by state, by role of a contact,
    /// for tickets without an assignee, and conditions have none. A query for one requester or contact never scans:
    /// a person has few tickets.
    ///
    /// ```
    /// use firstline::{Condition, Query, StateKind};
    ///
    /// assert!(!Query::inbox().team("payments").scans());
    /// assert!(!Query::newest().from("boris").state(StateKind::Closed).scans());
    /// assert!(Query::inbox().matching(Condition::field("tags").contains("refund")).scans());
    /// ```
    pub fn scans(&self) -> bool {
        let is_of_person = self.requester.is_some() || self.contact.is_some();
        let has_two_owners = self.team.is_some() && self.assignee.is_some();
        let has_unindexed = self.unassigned || !self.states.is_empty() || !self.has_no_condition();
        !is_of_person && !self.matches_nothing() && (has_unindexed || has_two_owners)
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
            && self.contact.as_ref().is_none_or(|(contact, role)| {
                ticket.contacts.get(contact).is_some_and(|of| role.is_none_or(|role| *of == role))
            })
            && match self.now {
                _ if self.has_no_condition() => true,
                Some(now) => self.condition.holds(&ticket.facts_at(now)),
                None => self.condition.holds(ticket),
            }
    }

    /// Counts the matching tickets by group, ignoring the cursor and the limit. A store without a faster way answers
    /// [`Read::Count`](crate::store::Read::Count) with it.
    pub fn count<'t>(
        &self,
        by: GroupBy,
        tickets: impl IntoIterator<Item = &'t Snapshot>,
    ) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for ticket in tickets.into_iter().filter(|ticket| self.matches(ticket)) {
            *counts.entry(by.key(ticket, self.now)).or_default() += 1;
        }
        counts
    }

    /// Returns the current time that was [set](Query::at).
    pub fn now(&self) -> Option<DateTime<Utc>> {
        self.now
    }

    /// Returns the ticket's position in this order. Positions compare in the order of the tickets.
    pub fn cursor_of(&self, ticket: &Snapshot) -> Cursor {
        Cursor::of(self.order, ticket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_says_that_no_index_serves_it() {
        let tag = Condition::field("tags").contains("refund");
        for order in [Query::inbox, Query::newest, Query::oldest] {
            let served = [
                order(),
                order().team("t"),
                order().assigned_to("a"),
                order().from("c").unassigned().matching(tag.clone()),
                order().contact("c").state(StateKind::Closed).team("t"),
            ];
            let scanning = [
                order().state(StateKind::New),
                order().unassigned(),
                order().team("t").assigned_to("a"),
                order().team("t").matching(tag.clone()),
                order().followed_by("a"),
            ];
            assert!(served.iter().all(|query| !query.scans()));
            assert!(scanning.iter().all(Query::scans));
        }
    }

    #[test]
    fn an_inbox_of_states_that_are_not_open_is_empty() {
        let (open, closed) = (StateKind::OnHold, StateKind::Closed);
        for (query, expected) in [
            (Query::inbox(), false),
            (Query::inbox().state(open), false),
            (Query::inbox().state(closed).state(open), false),
            (Query::inbox().state(closed), true),
            (Query::newest().state(closed), false),
        ] {
            assert_eq!(query.matches_nothing(), expected, "{query:?}");
            assert!(!(expected && query.scans()), "{query:?}");
        }
    }
}

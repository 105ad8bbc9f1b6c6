//! The state intervals of a ticket, computed from its history.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::sla::StateInterval;
use crate::ticket::event::{Change, Event};
use crate::ticket::missing_history::MissingHistory;
use crate::ticket::snapshot::Snapshot;

/// Returns the state intervals of a ticket from its opening on, computed from its history.
///
/// ```
/// use firstline::{Action, Actor, Desk, HoldReason, NewTicket, StateKind, ticket};
///
/// let desk = Desk::memory();
/// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
/// desk.act(id, Action::hold(HoldReason::Customer), Actor::agent("anna"))?;
/// desk.act(id, Action::reply("It works again."), Actor::contact("boris"))?;
///
/// let intervals = ticket::intervals(&desk.records().history(id)?);
/// let states: Vec<_> = intervals.iter().map(|it| it.state).collect();
/// assert_eq!(states, [StateKind::New, StateKind::OnHold, StateKind::Active]);
/// assert_eq!(intervals[1].reason, Some(HoldReason::Customer));
/// # Ok::<(), firstline::Error>(())
/// ```
pub fn intervals(events: &[Event]) -> Vec<StateInterval> {
    let mut intervals = Vec::new();
    events.iter().for_each(|event| extend(&mut intervals, event));
    intervals
}

/// Applies the next event to the intervals.
fn extend(intervals: &mut Vec<StateInterval>, event: &Event) {
    match &event.change {
        Change::Opened(opened) => intervals.push(StateInterval::new(event.at, &opened.state)),
        Change::Moved { to, .. } => intervals.push(StateInterval::new(event.at, to)),
        Change::Undone { before, .. } => {
            let restored = StateInterval::new(event.at, &before.state);
            let stays = |it: &StateInterval| it.state == restored.state && it.reason == restored.reason;
            if !intervals.last().is_some_and(stays) {
                intervals.push(restored);
            }
        }
        Change::StateRedated => {
            let Some(current) = intervals.last_mut() else { return };
            let began = std::mem::replace(&mut current.since, event.at);
            // The opening state is dated later, so the ticket was new until then.
            if intervals.len() == 1 && began < event.at {
                intervals.insert(0, StateInterval { since: began, state: StateKind::New, reason: None });
            }
        }
        _ => {}
    }
}

/// The state intervals that are available to a decision: all intervals if the decision has the whole history, otherwise
/// only the current one.
#[derive(Debug, Clone)]
pub(in crate::ticket) struct KnownIntervals(Option<Vec<StateInterval>>);

impl KnownIntervals {
    /// The intervals of a ticket that is about to be opened.
    pub(in crate::ticket) fn beginning() -> KnownIntervals {
        KnownIntervals(Some(Vec::new()))
    }

    /// The intervals of a stored ticket. `history` is `None` if it was not read.
    pub(in crate::ticket) fn of(history: Option<&[Event]>) -> KnownIntervals {
        KnownIntervals(history.map(intervals))
    }

    /// Applies the next event.
    pub(in crate::ticket) fn extend(&mut self, event: &Event) {
        if let Some(intervals) = &mut self.0 {
            extend(intervals, event);
        }
    }

    /// Returns all intervals.
    ///
    /// # Errors
    /// [`MissingHistory`] if the history was not read.
    pub(in crate::ticket) fn all(&self, ticket: &Snapshot) -> Result<&[StateInterval]> {
        self.0.as_deref().ok_or_else(|| MissingHistory::of(ticket.id))
    }

    /// Returns the intervals that end after `from`. The result may include earlier ones.
    ///
    /// # Errors
    /// [`MissingHistory`] if the history was not read, and either the current interval began after `from` or the
    /// history is out of order.
    pub(in crate::ticket) fn since(
        &self,
        from: DateTime<Utc>,
        ticket: &Snapshot,
    ) -> Result<Cow<'_, [StateInterval]>> {
        let since = current_since(ticket);
        if since <= from && !ticket.out_of_order {
            return Ok(Cow::Owned(vec![StateInterval::new(since, &ticket.state)]));
        }
        self.all(ticket).map(Cow::Borrowed)
    }

    /// True if the ticket entered a finished state (resolved, closed or cancelled) at this instant. `at` must be the
    /// time of the current event.
    ///
    /// # Errors
    /// [`MissingHistory`] if the history was not read and is out of order.
    pub(in crate::ticket) fn ended_at(&self, at: DateTime<Utc>, ticket: &Snapshot) -> Result<bool> {
        if ticket.out_of_order {
            return Ok(self.all(ticket)?.iter().any(|it| !it.state.is_open() && it.since == at));
        }
        let ends = !ticket.state.kind().is_open() && current_since(ticket) == at;
        Ok(ends || ticket.resolved_at == Some(at) || ticket.closed_at == Some(at))
    }
}

/// Returns the start of the current interval. It differs from `state_since` if an imported event has redated the state.
fn current_since(ticket: &Snapshot) -> DateTime<Utc> {
    let dated = match ticket.state.kind() {
        StateKind::Resolved => ticket.resolved_at,
        StateKind::Closed => ticket.closed_at,
        _ => None,
    };
    dated.unwrap_or(ticket.state_since)
}

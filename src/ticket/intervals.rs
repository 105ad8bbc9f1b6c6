//! The intervals of a ticket's life, computed from its history.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::sla::StateInterval;
use crate::ticket::event::{Change, Event};
use crate::ticket::missing_history::MissingHistory;
use crate::ticket::snapshot::Snapshot;

/// The states a ticket was in, from its opening on, computed from its history.
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

/// Adds what the next event means for the intervals.
fn extend(intervals: &mut Vec<StateInterval>, event: &Event) {
    match &event.change {
        Change::Opened(opened) => intervals.push(StateInterval::new(event.at, &opened.state)),
        Change::Moved { to, .. } => intervals.push(StateInterval::new(event.at, to)),
        Change::Restamped => {
            let Some(current) = intervals.last_mut() else { return };
            let began = std::mem::replace(&mut current.since, event.at);
            // The state in which it was opened began later: until then it was new.
            if intervals.len() == 1 && began < event.at {
                intervals.insert(0, StateInterval { since: began, state: StateKind::New, reason: None });
            }
        }
        _ => {}
    }
}

/// The intervals of a ticket's life as far as a decision knows them: all of them, if it has read or made the whole history,
/// else the current one.
#[derive(Debug, Clone)]
pub(in crate::ticket) struct KnownIntervals(Option<Vec<StateInterval>>);

impl KnownIntervals {
    /// Those of a ticket that is about to be opened.
    pub(in crate::ticket) fn beginning() -> KnownIntervals {
        KnownIntervals(Some(Vec::new()))
    }

    /// Those of a stored ticket, with its history if that was read.
    pub(in crate::ticket) fn of(history: Option<&[Event]>) -> KnownIntervals {
        KnownIntervals(history.map(intervals))
    }

    /// Adds what the next event means for them.
    pub(in crate::ticket) fn extend(&mut self, event: &Event) {
        if let Some(intervals) = &mut self.0 {
            extend(intervals, event);
        }
    }

    /// All of them.
    ///
    /// # Errors
    /// [`MissingHistory`].
    pub(in crate::ticket) fn all(&self, ticket: &Snapshot) -> Result<&[StateInterval]> {
        self.0.as_deref().ok_or_else(|| MissingHistory::of(ticket.id))
    }

    /// Those that end after an instant, and perhaps earlier ones.
    ///
    /// # Errors
    /// [`MissingHistory`], unless the current one began at that instant or before.
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

    /// Whether an interval of a state in which the ticket is not open began at this instant, which is the present one or,
    /// in an imported history, that of the present event.
    ///
    /// # Errors
    /// [`MissingHistory`], if the times of the history run backwards.
    pub(in crate::ticket) fn ended_at(&self, at: DateTime<Utc>, ticket: &Snapshot) -> Result<bool> {
        if ticket.out_of_order {
            return Ok(self.all(ticket)?.iter().any(|it| !it.state.is_open() && it.since == at));
        }
        let ends = !ticket.state.kind().is_open() && current_since(ticket) == at;
        Ok(ends || ticket.resolved_at == Some(at) || ticket.closed_at == Some(at))
    }
}

/// The start of the current interval. It differs from `state_since` if imported history dated the state again.
fn current_since(ticket: &Snapshot) -> DateTime<Utc> {
    let dated = match ticket.state.kind() {
        StateKind::Resolved => ticket.resolved_at,
        StateKind::Closed => ticket.closed_at,
        _ => None,
    };
    dated.unwrap_or(ticket.state_since)
}

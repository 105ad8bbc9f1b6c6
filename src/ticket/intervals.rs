//! The state intervals of a ticket, computed from its history.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::error::Result;
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
    let state = match &event.change {
        Change::Opened(opened) => &opened.state,
        Change::StateChanged { to, .. } => to,
        Change::Undone { before, .. } => &before.state,
        _ => return,
    };
    // An imported event may be dated before its predecessor. It then replaces what was known of the time from its date
    // on, so that intervals never overlap. No interval begins before the opening.
    let since = intervals.first().map_or(event.at, |opening| event.at.max(opening.since));
    while intervals.last().is_some_and(|last| last.since > since) {
        intervals.pop();
    }
    let next = StateInterval::new(since, state);
    let continues = |last: &StateInterval| last.state == next.state && last.reason == next.reason;
    if !intervals.last().is_some_and(continues) {
        intervals.push(next);
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
        let since = ticket.state_since;
        if since <= from && !ticket.out_of_order {
            return Ok(Cow::Owned(vec![StateInterval::new(since, &ticket.state)]));
        }
        self.all(ticket).map(Cow::Borrowed)
    }
}

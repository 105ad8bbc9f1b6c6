//! The intervals of a ticket's life: the state it was in, and since when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lifecycle::{HoldReason, State, StateKind};

/// A period that a ticket spent in one state. It ends where the next interval begins; the last one goes on.
///
/// [`ticket::intervals`](crate::ticket::intervals()) computes them from a ticket's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateInterval {
    /// The instant at which it began.
    pub since: DateTime<Utc>,
    /// The state.
    pub state: StateKind,
    /// The reason of the hold, while on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
}

impl StateInterval {
    /// The interval that begins with a move to this state.
    pub(crate) fn new(since: DateTime<Utc>, state: &State) -> StateInterval {
        StateInterval { since, state: state.kind(), reason: state.hold_reason().cloned() }
    }
}

/// The intervals between two instants, each with its start and end there. Empty ones are left out.
pub(crate) fn between(
    intervals: &[StateInterval],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>, &StateInterval)> {
    let ends = intervals.iter().skip(1).map(|interval| interval.since).chain([DateTime::<Utc>::MAX_UTC]);
    intervals
        .iter()
        .zip(ends)
        .map(move |(interval, end)| (interval.since.max(from), end.min(to), interval))
        .filter(|(start, end, _)| start < end)
}

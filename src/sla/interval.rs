//! State intervals: the periods that a ticket spent in each state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lifecycle::{HoldReason, State, StateKind};

/// A period that a ticket spent in one state. It ends at the start of the next interval; the last interval is
/// open-ended.
///
/// [`ticket::intervals`](crate::ticket::intervals()) computes them from a ticket's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateInterval {
    /// The start of the interval.
    pub since: DateTime<Utc>,
    /// The state.
    pub state: StateKind,
    /// The hold reason, if the state is on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
}

impl StateInterval {
    /// Creates the interval that begins with a move to this state.
    pub(crate) fn new(since: DateTime<Utc>, state: &State) -> StateInterval {
        StateInterval { since, state: state.kind(), reason: state.hold_reason().cloned() }
    }
}

/// Returns the non-empty parts of the intervals between two instants, each as start, end and interval.
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

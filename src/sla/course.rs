//! The course of a ticket: which state it was in from when on.
//!
//! It is the part of the history that clocks measure by. The snapshot carries it, so that a decision can measure a
//! clock anew from its beginning (another target, another calendar, other pauses) without reading the history.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lifecycle::state::OnHold;
use crate::lifecycle::{HoldReason, State, StateKind};

/// A stretch of a ticket's life in one state, up to the next leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// From when on.
    pub since: DateTime<Utc>,
    /// The state.
    pub state: StateKind,
    /// What it waited for, while on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<HoldReason>,
}

impl Leg {
    /// The leg that begins with a move to this state.
    pub(crate) fn new(since: DateTime<Utc>, state: &State) -> Leg {
        let reason = match state {
            State::OnHold(OnHold { reason, .. }) => Some(reason.clone()),
            _ => None,
        };
        Leg { since, state: state.kind(), reason }
    }
}

/// The legs with their ends within a stretch of time; the last one ends with it. Empty ones are left out.
pub(crate) fn between(
    course: &[Leg],
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>, &Leg)> {
    let ends = course.iter().skip(1).map(|leg| leg.since).chain([DateTime::<Utc>::MAX_UTC]);
    course
        .iter()
        .zip(ends)
        .map(move |(leg, end)| (leg.since.max(from), end.min(to), leg))
        .filter(|(start, end, _)| start < end)
}

//! What a ticket waits for by the clock.
//!
//! Timers are derived from the ticket, never kept beside it: a ticket on hold until Monday *is* the timer. The
//! store keeps a row for each so that it can find the due ones; firing one is a command like any other, which
//! changes the ticket in such a way that the timer is gone. So each fires once, however many workers look.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::lifecycle::State;
use crate::lifecycle::state::{OnHold, Resolved};
use crate::sla::Clock;

/// What a timer is for. Timers of one instant come in this order, which is also that of the stored names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimerKind {
    /// A clock reaches a percentage at which the agreement wants a warning, or passes its deadline.
    Clock,
    /// A hold with a date ends.
    HoldEnds,
    /// The verification period ends in silence, and the ticket closes.
    Silence,
}

impl TimerKind {
    /// The name under which it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            TimerKind::Clock => "clock",
            TimerKind::HoldEnds => "hold_ends",
            TimerKind::Silence => "silence",
        }
    }

    /// The kind stored under this name.
    pub fn named(name: &str) -> Option<TimerKind> {
        [TimerKind::Clock, TimerKind::HoldEnds, TimerKind::Silence]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for TimerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimerKind::Clock => "a target ran out",
            TimerKind::HoldEnds => "the hold ended",
            TimerKind::Silence => "nobody objected",
        })
    }
}

/// One instant at which a ticket is to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// When it falls due.
    pub due: DateTime<Utc>,
    /// What for.
    pub kind: TimerKind,
    /// Which one of this kind, where a ticket has several; empty where it has one.
    pub subject: String,
}

/// The timers that a ticket in this state has.
pub(crate) fn of_state(state: &State) -> Option<Timer> {
    let (due, kind) = match state {
        State::OnHold(OnHold { until: Some(until), .. }) => (*until, TimerKind::HoldEnds),
        State::Resolved(Resolved { closes_at: Some(at) }) => (*at, TimerKind::Silence),
        _ => return None,
    };
    Some(Timer { due, kind, subject: String::new() })
}

/// The timer that a clock has.
pub(crate) fn of_clock(clock: &Clock) -> Option<Timer> {
    let subject = clock.metric.as_str().to_owned();
    clock.next.map(|alarm| Timer { due: alarm.at, kind: TimerKind::Clock, subject })
}

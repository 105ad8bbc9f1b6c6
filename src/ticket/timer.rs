//! The timers of a ticket.
//!
//! Timers are derived from the ticket: a ticket on hold until Monday has a timer on Monday. A store keeps a row for
//! each timer so that it can find the due ones. Firing a timer is a command that changes the ticket, and the changed
//! ticket no longer has that timer. Each timer therefore fires once, even if several workers find it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::language::words_by_name;
use crate::lifecycle::State;
use crate::lifecycle::state::{OnHold, Resolved};
use crate::sla::Clock;
use crate::ticket::hold_end::HoldEnd;

/// The kind of a timer. Timers of the same instant sort in this order, which is also the order of the stored names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TimerKind {
    /// A clock reaches a warning percentage of its target, or passes its deadline.
    Clock,
    /// A hold with a date ends.
    HoldEnds,
    /// A reminder of a hold is due.
    Reminder,
    /// The verification period ends without an objection, and the ticket closes.
    VerificationEnds,
}

impl TimerKind {
    /// Returns the stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            TimerKind::Clock => "clock",
            TimerKind::HoldEnds => "hold_ends",
            TimerKind::Reminder => "reminder",
            TimerKind::VerificationEnds => "verification_ends",
        }
    }

    /// Returns the kind with this stored name.
    pub fn named(name: &str) -> Option<TimerKind> {
        [TimerKind::Clock, TimerKind::HoldEnds, TimerKind::Reminder, TimerKind::VerificationEnds]
            .into_iter()
            .find(|kind| kind.as_str() == name)
    }
}

words_by_name!(TimerKind, "timer", |kind| kind.as_str());

/// An instant at which the desk has to act on a ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timer {
    /// The due time.
    pub due: DateTime<Utc>,
    /// The kind.
    pub kind: TimerKind,
    /// The metric of a [`TimerKind::Clock`] timer; empty for the other kinds.
    pub subject: String,
}

/// Returns the timer of a state, if it has one.
pub(crate) fn of_state(state: &State) -> Option<Timer> {
    let (due, kind) = match state {
        State::OnHold(OnHold { until: Some(until), .. }) => (*until, TimerKind::HoldEnds),
        State::Resolved(Resolved { closes_at: Some(at), .. }) => (*at, TimerKind::VerificationEnds),
        _ => return None,
    };
    Some(Timer { due, kind, subject: String::new() })
}

/// Returns the timer of the reminder of a hold, if it has one.
pub(crate) fn of_hold_end(end: HoldEnd) -> Option<Timer> {
    end.remind_at.map(|due| Timer { due, kind: TimerKind::Reminder, subject: String::new() })
}

/// Returns the timer of a clock, if it has one.
pub(crate) fn of_clock(clock: &Clock) -> Option<Timer> {
    let subject = clock.metric.as_str().to_owned();
    clock.next.map(|alert| Timer { due: alert.at, kind: TimerKind::Clock, subject })
}

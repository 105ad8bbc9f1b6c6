//! A clock: the measurement of one target on a ticket.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::machine::{ClockState, ClockStep};
use super::metric::Metric;
use crate::definition::Fingerprint;
use crate::duration;
use crate::error::{Error, ErrorKind, Result};
use crate::priority::Priority;

/// The measurement of one target on a ticket, as of the version of the ticket that contains it.
///
/// A ticket has the latest cycle of each metric; earlier cycles are in its history. Reading a ticket returns its clocks
/// as they were last written. Deadlines that have passed since are recorded by the next [tick](crate::Desk::tick) or
/// command on the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Clock {
    /// The metric that the clock measures.
    pub metric: Metric,
    /// The cycle of the metric on this ticket, from 1.
    pub cycle: u32,
    /// The name of the agreement that contains the target.
    pub agreement: String,
    /// The hash of the agreements that the clock follows. It covers all agreements of a policy and their calendars.
    pub pinned_to: Fingerprint,
    /// The priority of the ticket that determined the target time.
    pub priority: Priority,
    /// The target time.
    #[serde(with = "nanos")]
    pub target: TimeDelta,
    /// The number of times that the target was changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// The state of the clock.
    pub state: ClockState,
    /// The start of the clock.
    pub from: DateTime<Utc>,
    /// The start of the current target: equal to `from`, unless the target was changed and elapsed time was carried
    /// over or discarded.
    pub counted_from: DateTime<Utc>,
    /// The time that was carried over from before `counted_from`.
    #[serde(default = "TimeDelta::zero", with = "nanos", skip_serializing_if = "TimeDelta::is_zero")]
    pub carried: TimeDelta,
    /// The time consumed when the clock was last updated. It includes the carried time, but not pauses and closed
    /// hours.
    #[serde(with = "nanos")]
    pub consumed: TimeDelta,
    /// The instant since which the clock is counting; `None` if it is not counting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<DateTime<Utc>>,
    /// The deadline. `None` while the clock is paused, unless the deadline has passed; also `None` if the calendar has
    /// too few open hours left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// The instant of the breach: the deadline, even if the breach was recorded later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached_at: Option<DateTime<Utc>>,
    /// The end of the clock; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// True if the ticket was resolved, closed or cancelled at `ended_at`. Reopening the ticket continues or restarts
    /// such clocks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_with_ticket: bool,
    /// The percentages for which an alert was recorded; 100 is the breach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerted: Vec<u8>,
    /// The next alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextAlert>,
}

/// The next warning or breach of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextAlert {
    /// The instant.
    pub at: DateTime<Utc>,
    /// The part of the target that is used up then, in percent; 100 is the breach.
    pub percent: u8,
}

impl NextAlert {
    /// True if the alert is due. A warning is due at its instant. A breach is due only after the deadline, because the
    /// target can still be met at the deadline.
    pub(crate) fn is_due(self, now: DateTime<Utc>) -> bool {
        if self.percent >= 100 { self.at < now } else { self.at <= now }
    }
}

/// A warning or a breach in the history of a ticket. There is at most one for each cycle, percentage and revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Alert {
    /// The metric of the clock.
    pub metric: Metric,
    /// The cycle of the clock.
    pub cycle: u32,
    /// The part of the target that was used up, in percent; 100 is the breach.
    pub percent: u8,
    /// The revision of the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// The instant at which the percentage was reached, even if it was recorded later. For a breach, the deadline.
    pub due: DateTime<Utc>,
    /// The recipients to notify, from [`Reaction::Notify`](super::Reaction::Notify). The application sends the
    /// notifications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
}

impl Clock {
    /// True if the clock passed its deadline, whether it has ended or not.
    pub fn is_late(&self) -> bool {
        self.breached_at.is_some()
    }

    /// Returns the time left at the last update of the clock: at [`running_since`](Clock::running_since) if it is
    /// counting. Negative if the target was exceeded. [`Ticket::remaining`](crate::Ticket::remaining) counts up to now.
    pub fn remaining(&self) -> TimeDelta {
        self.target - self.consumed
    }

    /// Takes a step of the state machine.
    pub(crate) fn step(&mut self, step: ClockStep) -> Result<()> {
        self.state = self.state.take(step).ok_or_else(|| {
            let problem =
                format!("the clock {} is {}, which does not accept {step}", self.metric, self.state);
            Error::new(ErrorKind::Corrupt, problem)
        })?;
        Ok(())
    }
}

/// Prints `resolution: running, 2h of 4h used before 2026-01-05T10:00:00Z, due 2026-01-05T12:00:00Z`. The used time is
/// as of the last update, because a clock does not contain the current time.
/// [`Reports::explain`](crate::desk::Reports::explain) counts up to now.
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = duration::in_hours(self.consumed);
        let of = duration::in_hours(self.target);
        write!(f, "{}", self.metric)?;
        if self.cycle > 1 {
            write!(f, " ({})", self.cycle)?;
        }
        write!(f, ": {}, {used} of {of} used", self.state)?;
        let at = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
        if let Some(since) = self.running_since {
            write!(f, " before {}", at(since))?;
        }
        match (self.ended_at, self.due_at) {
            (Some(ended), _) => write!(f, ", ended {}", at(ended)),
            (None, Some(due)) => write!(f, ", due {}", at(due)),
            (None, None) => Ok(()),
        }
    }
}

/// Replaces the clock with the same metric, or inserts the clock. The list is sorted by metric.
pub(crate) fn keep_latest(clocks: &mut Vec<Clock>, clock: Clock) {
    match clocks.binary_search_by_key(&clock.metric, |it| it.metric) {
        Ok(place) => clocks[place] = clock,
        Err(place) => clocks.insert(place, clock),
    }
}

// serde's `skip_serializing_if` passes a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The stored form of a duration: seconds, or seconds and nanoseconds if there is a fraction.
mod nanos {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    /// The longest duration: no two instants are further apart, and a percentage of it does not overflow.
    const LONGEST: TimeDelta = TimeDelta::days(366 * 530_000);

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Seconds(i64),
        Exact(i64, u32),
    }

    pub(super) fn serialize<S: Serializer>(span: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        let seconds = span.num_seconds() - i64::from(span.subsec_nanos() < 0);
        match u32::try_from(span.subsec_nanos().rem_euclid(1_000_000_000)) {
            Ok(0) | Err(_) => Written::Seconds(seconds),
            Ok(nanos) => Written::Exact(seconds, nanos),
        }
        .serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        let (seconds, nanos) = match Written::deserialize(from)? {
            Written::Seconds(seconds) => (seconds, 0),
            Written::Exact(seconds, nanos) => (seconds, nanos),
        };
        let length = TimeDelta::new(seconds, nanos).filter(|it| it.abs() <= LONGEST);
        length
            .ok_or_else(|| de::Error::custom("the duration is longer than the time between any two instants"))
    }
}

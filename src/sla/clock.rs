//! A clock: one target's running measure, as a ticket carries it.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::machine::{ClockState, ClockStep};
use super::metric::Metric;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::priority::Priority;

/// One target's running measure. It is a value: as of the ticket's version in which it stands.
///
/// A ticket carries the latest cycle of each metric; earlier cycles stand in its history. A ticket that is only read
/// shows its clocks as they were last written: what fell due since is seen after a
/// [tick](crate::Desk::tick) or a command on the ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Clock {
    /// What it measures.
    pub metric: Metric,
    /// Which time, from 1.
    pub cycle: u32,
    /// The agreement whose target it is.
    pub agreement: String,
    /// The hash of the agreements that the clock follows: all agreements of a policy with their calendars.
    pub pinned_to: Fingerprint,
    /// The ticket's priority by which the target's time was chosen.
    pub priority: Priority,
    /// How long it may take.
    #[serde(with = "nanos")]
    pub target: TimeDelta,
    /// How often the target was set anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// What it is doing.
    pub state: ClockState,
    /// When it began.
    pub from: DateTime<Utc>,
    /// From when on the present target counts: `from`, unless elapsed time was carried over or given up.
    pub counted_from: DateTime<Utc>,
    /// Elapsed before that.
    #[serde(default = "TimeDelta::zero", with = "nanos", skip_serializing_if = "TimeDelta::is_zero")]
    pub carried: TimeDelta,
    /// Elapsed when it last began or ceased to count: the carried time included, pauses and closed hours not.
    #[serde(with = "nanos")]
    pub consumed: TimeDelta,
    /// Since when it counts again; `None` while it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub running_since: Option<DateTime<Utc>>,
    /// The deadline, where it is settled: not while paused, unless it has passed; never, if its calendar does not
    /// open for so long again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it was breached: the deadline, however late that was noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether the ticket was resolved, closed or cancelled at that instant. A reopening concerns only such clocks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_with_ticket: bool,
    /// The percentages that are on record as reached, 100 being the breach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerted: Vec<u8>,
    /// What is to be told next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<NextAlert>,
}

/// The next instant at which something is to be told of a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NextAlert {
    /// When.
    pub at: DateTime<Utc>,
    /// How much of the target is used up then, in percent; 100 is the breach.
    pub percent: u8,
}

impl NextAlert {
    /// Whether it is due. A warning is due at its instant. A breach is due after the deadline: at the deadline
    /// itself the target can still be met.
    pub(crate) fn is_due(self, now: DateTime<Utc>) -> bool {
        if self.percent >= 100 { self.at < now } else { self.at <= now }
    }
}

/// A warning or a breach, as it stands in the history: told exactly once for each cycle, percentage and revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Alert {
    /// Which clock.
    pub metric: Metric,
    /// Its cycle.
    pub cycle: u32,
    /// How much of the target was used up, in percent; 100 is the breach.
    pub percent: u8,
    /// The revision of the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// When that was so, however late it was noticed. For a breach it is the deadline.
    pub due: DateTime<Utc>,
    /// Who is to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
}

impl Clock {
    /// Whether it missed its deadline, over or not.
    pub fn is_late(&self) -> bool {
        self.breached_at.is_some()
    }

    /// How much of the target was left at [`running_since`](Clock::running_since), or is left while it does not
    /// count. Negative if it was overdrawn.
    pub fn remaining(&self) -> TimeDelta {
        self.target - self.consumed
    }

    /// Takes a step of the table.
    pub(crate) fn step(&mut self, step: ClockStep) -> Result<()> {
        self.state = self.state.take(step).ok_or_else(|| {
            let problem =
                format!("the clock {} is {}, which does not accept {step}", self.metric, self.state);
            Error::new(ErrorKind::Corrupt, problem)
        })?;
        Ok(())
    }
}

/// `resolution: running, 2h of 4h used before 2026-01-05T10:00:00Z, due 2026-01-05T12:00:00Z`: what was used when it
/// last began to count, as a clock does not know what time it is now. Asked
/// [where the time went](crate::desk::Reports::explain), the desk counts up to now.
impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = super::duration::written(self.consumed);
        let of = super::duration::written(self.target);
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

/// Puts a clock in the place of the earlier one of its metric. They stand in the order of metrics.
pub(crate) fn keep_latest(clocks: &mut Vec<Clock>, clock: Clock) {
    match clocks.binary_search_by_key(&clock.metric, |it| it.metric) {
        Ok(place) => clocks[place] = clock,
        Err(place) => clocks.insert(place, clock),
    }
}

// serde's `skip_serializing_if` hands over a reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An exact length: seconds, with nanoseconds beside them where there are any.
mod nanos {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    /// No two instants are further apart, and percentages of it have room.
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
        length.ok_or_else(|| de::Error::custom("no length of time between two instants"))
    }
}

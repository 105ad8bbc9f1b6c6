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
    /// The number of later cycles that were started by commands that were taken back. Their numbers are not used again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub taken_back: u32,
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
    /// The instant of the first breach: the deadline, even if the breach was recorded later. A later target does not
    /// change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breached_at: Option<DateTime<Utc>>,
    /// The target that was missed at [`breached_at`](Clock::breached_at), if the target was changed since.
    #[serde(default, with = "optional_nanos", skip_serializing_if = "Option::is_none")]
    missed: Option<TimeDelta>,
    /// The end of the clock; `None` while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// True if the clock ended because the ticket was resolved, closed or cancelled. Reopening the ticket continues or
    /// restarts such clocks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended_with_ticket: bool,
    /// The percentages of the current target that need no alert any more; 100 is the breach. Most of them were
    /// recorded. The others were passed when the target began, or were recorded for an earlier target with the same or
    /// a later deadline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerted: Vec<u8>,
    /// The same for the warnings of the current target by time left, in seconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alerted_left: Vec<i64>,
    /// The alerts of earlier targets of the cycle.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    alerted_before: Vec<EarlierAlert>,
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
    /// The time that is left then, if this is a warning [by time left](super::Target::warn_before).
    #[serde(default, with = "optional_nanos", skip_serializing_if = "Option::is_none")]
    pub left: Option<TimeDelta>,
}

/// An alert of an earlier target of the cycle, with the latest deadline of these targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct EarlierAlert {
    percent: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<i64>,
    /// `None` if the target had no deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deadline: Option<DateTime<Utc>>,
}

/// A point of a target at which an alert is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Threshold {
    /// The used time.
    pub(crate) used: TimeDelta,
    /// The used part in percent; 100 is the breach.
    pub(crate) percent: u8,
    /// The time left, if this is a warning by time left.
    pub(crate) left: Option<TimeDelta>,
}

impl NextAlert {
    /// True if the alert is due. A warning is due at its instant. A breach is due only after the deadline, because the
    /// target can still be met at the deadline.
    pub(crate) fn is_due(self, now: DateTime<Utc>) -> bool {
        if self.percent >= 100 { self.at < now } else { self.at <= now }
    }
}

/// A warning or a breach in the history of a ticket. There is at most one for each cycle, percentage and revision. The
/// [rules](crate::sla#warnings-and-breaches) state when an alert is recorded.
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
    /// The time that was left, if this is a warning [by time left](super::Target::warn_before).
    #[serde(default, with = "optional_nanos", skip_serializing_if = "Option::is_none")]
    pub left: Option<TimeDelta>,
    /// The revision of the target.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u32,
    /// The instant at which the percentage was reached, even if it was recorded later. For a breach, the deadline.
    pub due: DateTime<Utc>,
    /// The recipients to notify, from [`Reaction::Notify`](super::Reaction::Notify). The application sends the
    /// notifications.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// True if a reaction would have handed the ticket over, but four reactions in a row had handed it over already and
    /// nobody had acted on it in between.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub escalation_stopped: bool,
}

impl Clock {
    /// Creates a running clock. Its figures are computed next.
    pub(crate) fn starting(
        metric: Metric,
        cycle: u32,
        agreement: &str,
        pinned_to: Fingerprint,
        priority: Priority,
        target: TimeDelta,
        from: DateTime<Utc>,
    ) -> Clock {
        Clock {
            metric,
            cycle,
            taken_back: 0,
            agreement: agreement.to_owned(),
            pinned_to,
            priority,
            target,
            revision: 0,
            state: ClockState::Running,
            from,
            counted_from: from,
            carried: TimeDelta::zero(),
            consumed: TimeDelta::zero(),
            running_since: None,
            due_at: None,
            breached_at: None,
            missed: None,
            ended_at: None,
            ended_with_ticket: false,
            alerted: Vec::new(),
            alerted_left: Vec::new(),
            alerted_before: Vec::new(),
            next: None,
        }
    }

    /// True if the clock has passed a deadline, whether it has ended or not.
    pub fn is_late(&self) -> bool {
        self.breached_at.is_some()
    }

    /// Returns the time left at the last update of the clock: at [`running_since`](Clock::running_since) if it is
    /// counting. Negative if the target was exceeded. [`Ticket::remaining`](crate::Ticket::remaining) counts up to now.
    pub fn remaining(&self) -> TimeDelta {
        self.target - self.consumed
    }

    /// Returns the target that was missed; `None` if no deadline was passed.
    ///
    /// It differs from [`target`](Clock::target) if the target was changed after the breach.
    pub fn missed_target(&self) -> Option<TimeDelta> {
        self.breached_at.map(|_| self.missed.unwrap_or(self.target))
    }

    /// True if the clock is open and its current deadline has passed. This is as of the last update of the clock.
    pub fn is_overdue(&self) -> bool {
        let passed = self.breached_at == self.due_at || self.alerted.contains(&100);
        self.state.is_open() && self.due_at.is_some() && passed
    }

    /// Marks an alert of the current target as done.
    pub(crate) fn mark_alerted(&mut self, percent: u8, left: Option<TimeDelta>) {
        match left.map(|left| left.num_seconds()) {
            Some(left) if self.alerted_left.contains(&left) => {}
            Some(left) => self.alerted_left.push(left),
            None if self.alerted.contains(&percent) => {}
            None => self.alerted.push(percent),
        }
    }

    /// True if the alert of the current target is done.
    pub(super) fn is_alerted(&self, threshold: &Threshold) -> bool {
        match threshold.left {
            Some(left) => self.alerted_left.contains(&left.num_seconds()),
            None => self.alerted.contains(&threshold.percent),
        }
    }

    /// Returns the latest deadline of the earlier targets of the cycle for which this alert was recorded.
    pub(super) fn deadline_before(&self, threshold: &Threshold) -> Option<Option<DateTime<Utc>>> {
        let left = threshold.left.map(|left| left.num_seconds());
        let same = |it: &&EarlierAlert| match left {
            Some(_) => it.left == left,
            None => it.left.is_none() && it.percent == threshold.percent,
        };
        self.alerted_before.iter().find(same).map(|it| it.deadline)
    }

    /// Removes a breach that no event records. Only imported histories have such breaches: the other system, and not
    /// this desk, measured the ticket at that time.
    pub(crate) fn forget_unrecorded_breach(&mut self) {
        let before = self.alerted_before.iter().map(|it| (it.percent, it.left));
        let mut alerted = self.alerted.iter().map(|percent| (*percent, None)).chain(before);
        if !alerted.any(|(percent, left)| percent >= 100 && left.is_none()) {
            (self.breached_at, self.missed) = (None, None);
        }
    }

    /// Prepares the clock for another target. `deadline` is the deadline of the current one.
    pub(crate) fn replace_target(&mut self, target: TimeDelta, deadline: Option<DateTime<Utc>>) {
        if self.breached_at.is_some() && self.missed.is_none() && self.target != target {
            self.missed = Some(self.target);
        }
        let percents = self.alerted.drain(..).map(|percent| (percent, None));
        for (percent, left) in percents.chain(self.alerted_left.drain(..).map(|left| (0, Some(left)))) {
            let alert = EarlierAlert { percent, left, deadline };
            let same = |it: &&mut EarlierAlert| (it.percent, it.left) == (percent, left);
            match self.alerted_before.iter_mut().find(same) {
                Some(before) if is_later(deadline, before.deadline) => *before = alert,
                Some(_) => {}
                None => self.alerted_before.push(alert),
            }
        }
        self.target = target;
        self.revision += 1;
    }

    /// Returns the clock as it was earlier in the same cycle, with the alerts that were recorded since. `deadline` is
    /// the deadline of the current target.
    pub(crate) fn restored(earlier: &Clock, current: &Clock, deadline: Option<DateTime<Utc>>) -> Clock {
        let mut current = current.clone();
        if current.revision != earlier.revision {
            current.replace_target(earlier.target, deadline);
        }
        let Clock { alerted, alerted_left, alerted_before, missed, revision, .. } = current;
        Clock { alerted, alerted_left, alerted_before, missed, revision, ..earlier.clone() }
    }

    /// Takes a step of the state machine.
    pub(crate) fn step(&mut self, step: ClockStep) -> Result<()> {
        self.state = self.state.apply(step).ok_or_else(|| {
            let problem =
                format!("the clock {} is {}, which does not accept {step}", self.metric, self.state);
            Error::new(ErrorKind::Corrupt, problem)
        })?;
        Ok(())
    }
}

/// True if the first deadline is later than the second. No deadline is later than any deadline.
pub(super) fn is_later(deadline: Option<DateTime<Utc>>, other: Option<DateTime<Utc>>) -> bool {
    match (deadline, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(deadline), Some(other)) => deadline > other,
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

/// The stored form of an optional duration, as in [`nanos`].
mod optional_nanos {
    use chrono::TimeDelta;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Written(#[serde(with = "super::nanos")] TimeDelta);

    // serde passes a reference.
    #[allow(clippy::ref_option)]
    pub(super) fn serialize<S: Serializer>(span: &Option<TimeDelta>, to: S) -> Result<S::Ok, S::Error> {
        span.map(Written).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeDelta>, D::Error> {
        Ok(Option::<Written>::deserialize(from)?.map(|Written(span)| span))
    }
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

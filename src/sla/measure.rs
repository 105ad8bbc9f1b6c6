//! Measures the time of a ticket that counts for a clock, and the instant at which its target is used up.
//!
//! There are two methods. [`Measure::extend`] updates a clock with the time since its last update. It does not use the
//! earlier history, and returns `false` if the history is needed. [`Measure::remeasure`] computes the same values from
//! the ticket's state intervals. If `extend` succeeds, both give the same result.

use chrono::{DateTime, TimeDelta, Utc};

use super::agreement_set::{AgreementSet, CompiledAgreements};
use super::clock::{Clock, NextAlert, Threshold, is_later};
use super::interval::{self, StateInterval};
use super::metric::Metric;
use super::target::Target;
use crate::calendar::Calendar;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{HoldReason, StateKind};

/// A target with the calendar in which it is measured; no calendar means wall time.
#[derive(Clone, Copy)]
pub(crate) struct Measure<'a> {
    pub(crate) calendar: Option<&'a Calendar>,
    pub(crate) target: &'a Target,
}

impl Clock {
    /// Returns the time left of the target at an instant, which must not be before the last update of the clock.
    pub(crate) fn remaining_at(&self, now: DateTime<Utc>, agreements: &AgreementSet) -> Result<TimeDelta> {
        Ok(self.target - Measure::of(agreements, self)?.consumed(self, now))
    }

    /// Returns the time left until the deadline in the time basis of the target: negative if the deadline has passed,
    /// `None` if there is no deadline.
    pub(crate) fn left(&self, now: DateTime<Utc>, agreements: &AgreementSet) -> Result<Option<TimeDelta>> {
        let measure = Measure::of(agreements, self)?;
        Ok(self.due_at.map(|due| measure.between(now, due)))
    }
}

impl<'a> Measure<'a> {
    /// Returns the measure of a target.
    pub(crate) fn new(agreements: &'a CompiledAgreements, target: &'a Target) -> Result<Measure<'a>> {
        Ok(Measure { calendar: agreements.calendar(&target.measured)?, target })
    }

    /// Returns the measure of a clock.
    pub(crate) fn of(agreements: &'a AgreementSet, clock: &Clock) -> Result<Measure<'a>> {
        let compiled = agreements.of(clock.pinned_to)?;
        let agreement = compiled.agreement(&clock.agreement);
        let target =
            agreement.and_then(|it| it.target_for(clock.metric, clock.priority)).ok_or_else(|| {
                let problem = format!(
                    "the agreements {} have no target for the clock {}",
                    clock.pinned_to, clock.metric
                );
                Error::new(ErrorKind::Corrupt, problem)
            })?;
        Measure::new(compiled, target)
    }

    /// True if both have the same target, with the same warnings and reactions, and the same calendar.
    pub(crate) fn is_like(&self, other: &Measure<'_>) -> bool {
        self.target == other.target
            && self.calendar.map(Calendar::definition) == other.calendar.map(Calendar::definition)
    }

    /// True if both count the same time.
    pub(crate) fn counts_like(&self, other: &Measure<'_>) -> bool {
        self.target.metric == other.target.metric
            && self.target.field().is_some() == other.target.field().is_some()
            && self.target.pauses_like(other.target)
            && self.calendar.map(Calendar::definition) == other.calendar.map(Calendar::definition)
    }

    /// True if time counts in this state. `reason` is the hold reason, if the state is on hold.
    pub(crate) fn counts(&self, state: StateKind, reason: Option<&HoldReason>) -> bool {
        if self.target.field().is_some() {
            return state != StateKind::Cancelled;
        }
        match (state, self.target.metric) {
            (StateKind::New | StateKind::Active, _) => true,
            (StateKind::OnHold, Metric::AgentWork) => false,
            (StateKind::OnHold, metric) => {
                let customer_wait = metric == Metric::RequesterWait && reason == Some(&HoldReason::Customer);
                !customer_wait && !reason.is_some_and(|reason| self.target.pauses_for(reason))
            }
            // An imported ticket may be reopened after it was closed. The time until then still counts for closure.
            (StateKind::Resolved | StateKind::Closed, metric) => metric == Metric::Closure,
            (StateKind::Cancelled, _) => false,
        }
    }

    /// True if the time of this interval counts.
    pub(crate) fn counts_in(&self, interval: &StateInterval) -> bool {
        self.counts(interval.state, interval.reason.as_ref())
    }

    /// Returns the counted time between two instants, in an interval that counts.
    fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        match self.calendar {
            Some(calendar) => calendar.between(start, end),
            None => end - start,
        }
    }

    /// Returns the instant at which this much time has been counted since `start`, if counting is not interrupted.
    fn add(&self, start: DateTime<Utc>, time: TimeDelta) -> Option<DateTime<Utc>> {
        match self.calendar {
            Some(calendar) => calendar.add(start, time),
            None => start.checked_add_signed(time),
        }
    }

    /// Returns the time that a clock has consumed at an instant, which must not be before its last update.
    pub(crate) fn consumed(&self, clock: &Clock, at: DateTime<Utc>) -> TimeDelta {
        let running = clock.running_since.filter(|since| *since < at);
        running.map_or(clock.consumed, |since| clock.consumed + self.between(since, at))
    }

    /// Returns the counted time of these intervals between two instants.
    pub(crate) fn elapsed(
        &self,
        intervals: &[StateInterval],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> TimeDelta {
        interval::between(intervals, from, to)
            .filter(|(.., interval)| self.counts_in(interval))
            .fold(TimeDelta::zero(), |sum, (start, end, _)| sum + self.between(start, end))
    }

    /// Returns the instant at which this much time has been counted since `from`, if the last interval continues;
    /// `None` if the time is never reached, for example because the last interval does not count.
    fn due(
        &self,
        intervals: &[StateInterval],
        from: DateTime<Utc>,
        time: TimeDelta,
    ) -> Option<DateTime<Utc>> {
        if time <= TimeDelta::zero() {
            return Some(from);
        }
        let mut left = time;
        for (start, end, interval) in interval::between(intervals, from, DateTime::<Utc>::MAX_UTC) {
            if !self.counts_in(interval) {
                continue;
            }
            if let Some(due) = self.add(start, left).filter(|due| *due <= end) {
                return Some(due);
            }
            if end == DateTime::<Utc>::MAX_UTC {
                return None;
            }
            left -= self.between(start, end);
        }
        None
    }

    /// Returns the deadline of an open clock. While the clock is paused, this is the deadline if it continued now.
    pub(crate) fn deadline(&self, clock: &Clock, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        clock.due_at.or_else(|| match clock.running_since {
            Some(_) => None,
            None if clock.consumed >= clock.target => Some(now),
            None => self.add(now, clock.target - clock.consumed),
        })
    }

    /// Computes the values of an open clock from the intervals since [`counted_from`](Clock::counted_from).
    pub(crate) fn remeasure(&self, clock: &mut Clock, intervals: &[StateInterval], now: Present) {
        let (from, carried) = (clock.counted_from, clock.carried);
        clock.consumed = carried + self.elapsed(intervals, from, now.at);
        clock.running_since = now.counts.then_some(now.at);
        clock.due_at = self.due(intervals, from, clock.target - carried);
        if now.begins {
            self.pass_alerts(clock, clock.due_at, now.at);
        }
        clock.next = self.next_alert_from_intervals(clock, intervals, now);
    }

    /// Marks the alerts that a target has passed when it begins as done, except for the last one. The last one is
    /// marked if it was recorded for an earlier target.
    fn pass_alerts(&self, clock: &mut Clock, due: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let (thresholds, consumed) = (self.thresholds(clock.target), self.consumed(clock, now));
        let is_passed = |threshold: &Threshold| match threshold.percent {
            100.. => due.is_some_and(|due| due < now),
            _ => threshold.used <= consumed,
        };
        let Some(last) = thresholds.iter().rposition(is_passed) else { return };
        let again = clock.deadline_before(&thresholds[last]).is_none_or(|before| is_later(due, before));
        let done = if again { &thresholds[..last] } else { &thresholds[..=last] };
        done.iter().for_each(|threshold| clock.mark_alerted(threshold.percent, threshold.left));
    }

    /// Returns the next alert, computed from the intervals since [`counted_from`](Clock::counted_from).
    pub(crate) fn next_alert_from_intervals(
        &self,
        clock: &Clock,
        intervals: &[StateInterval],
        now: Present,
    ) -> Option<NextAlert> {
        let Threshold { used, percent, left } = self.next_threshold(clock, clock.due_at, now)?;
        let at = self.due(intervals, clock.counted_from, used - clock.carried)?;
        Some(NextAlert { at, percent, left })
    }

    /// Updates the values of an open clock from its last update to the present. A deadline and a next alert that have
    /// passed are kept. Returns `false` if earlier intervals are needed; the clock must be remeasured then.
    pub(crate) fn extend(&self, clock: &mut Clock, now: Present) -> bool {
        let due = match clock.due_at.filter(|due| *due <= now.at) {
            Some(due) => Reached::Known(Some(due)),
            None => self.reach(clock, clock.target, now),
        };
        let Reached::Known(due) = due else { return false };
        if now.begins {
            self.pass_alerts(clock, due, now.at);
        }
        let next = match clock.next.filter(|alert| alert.at <= now.at) {
            Some(alert) => Reached::Known(Some(alert)),
            None => self.next_alert_from_values(clock, due, now),
        };
        let Reached::Known(next) = next else { return false };
        clock.consumed = self.consumed(clock, now.at);
        clock.running_since = now.counts.then_some(now.at);
        (clock.due_at, clock.next) = (due, next);
        true
    }

    /// Returns the next alert, computed from the values of the clock. `due` is the deadline of the clock.
    pub(crate) fn next_alert_from_values(
        &self,
        clock: &Clock,
        due: Option<DateTime<Utc>>,
        now: Present,
    ) -> Reached<NextAlert> {
        let Some(Threshold { used, percent, left }) = self.next_threshold(clock, due, now) else {
            return Reached::Known(None);
        };
        let at = if percent >= 100 { Reached::Known(due) } else { self.reach(clock, used, now) };
        match at {
            Reached::Known(at) => Reached::Known(at.map(|at| NextAlert { at, percent, left })),
            Reached::Earlier => Reached::Earlier,
        }
    }

    /// Returns the instant at which the clock has consumed this much time, computed from its values.
    fn reach(&self, clock: &Clock, used: TimeDelta, now: Present) -> Reached<DateTime<Utc>> {
        if used <= clock.carried {
            return Reached::Known(Some(clock.counted_from));
        }
        let left = used - clock.consumed;
        if left <= TimeDelta::zero() {
            return Reached::Earlier;
        }
        let running = clock.running_since.and_then(|since| self.add(since, left));
        Reached::Known(
            running.filter(|at| *at <= now.at).or_else(|| {
                now.counts.then(|| self.add(now.at, used - self.consumed(clock, now.at))).flatten()
            }),
        )
    }

    /// Returns the thresholds of a target in the order in which they are reached.
    fn thresholds(&self, target: TimeDelta) -> Vec<Threshold> {
        let percent =
            |percent: u8| Threshold { used: target * i32::from(percent) / 100, percent, left: None };
        let mut thresholds: Vec<_> = self.target.percentages().map(percent).collect();
        let before = self.target.warnings_before().iter().filter(|left| **left < target).map(|left| {
            let used = target - *left;
            let percent = used.num_seconds() * 100 / target.num_seconds().max(1);
            let percent = u8::try_from(percent).map_or(99, |percent| percent.min(99));
            Threshold { used, percent, left: Some(*left) }
        });
        thresholds.extend(before);
        thresholds.sort_unstable();
        thresholds
    }

    /// Returns the next alert after those that are done. Skips an alert that was recorded for an earlier target, unless
    /// the deadline is later now. Such an alert is also skipped if it was passed while the deadline was not later.
    fn next_threshold(&self, clock: &Clock, due: Option<DateTime<Utc>>, now: Present) -> Option<Threshold> {
        let thresholds = self.thresholds(clock.target);
        let done = thresholds.iter().rposition(|it| clock.is_alerted(it));
        let used = done.map(|last| thresholds[last].used);
        thresholds.into_iter().skip(done.map_or(0, |last| last + 1)).find(|it| {
            let passed = it.percent < 100 && it.used <= self.consumed(clock, now.at) && used != Some(it.used);
            match clock.deadline_before(it) {
                None => !clock.is_alerted(it),
                Some(_) if !now.begins && passed => false,
                Some(before) => !clock.is_alerted(it) && is_later(due, before),
            }
        })
    }

    /// Marks an alert as done. Alerts at the same used time are marked as well if they were recorded for an earlier
    /// target and the deadline is not later now.
    pub(crate) fn mark_alerted(&self, clock: &mut Clock, percent: u8, left: Option<TimeDelta>) {
        clock.mark_alerted(percent, left);
        let thresholds = self.thresholds(clock.target);
        let Some(used) =
            thresholds.iter().find(|it| (it.percent, it.left) == (percent, left)).map(|it| it.used)
        else {
            return;
        };
        for threshold in thresholds.iter().filter(|it| it.used == used && it.percent < 100) {
            if clock.deadline_before(threshold).is_some_and(|before| !is_later(clock.due_at, before)) {
                clock.mark_alerted(threshold.percent, threshold.left);
            }
        }
    }
}

/// The instant to which a clock is updated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present {
    pub(crate) at: DateTime<Utc>,
    /// True if time counts from this instant on.
    pub(crate) counts: bool,
    /// True if the target begins at this instant, or replaces another one.
    pub(crate) begins: bool,
}

/// The instant at which a clock reaches a certain consumed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached<T> {
    /// The instant; `None` if it is never reached, for example while the clock is paused.
    Known(Option<T>),
    /// An instant before the last update of the clock. Only the earlier intervals determine it.
    Earlier,
}

//! Measuring: how much of a ticket's time counts for a clock, and when its target is used up.
//!
//! There are two ways. [`Measure::extend`] adds what happened since a clock was last updated; it knows nothing of the time
//! before, and says so where that is not enough. [`Measure::remeasure`] computes the same figures from the intervals of the
//! ticket's life. Where both give an answer, it is the same.

use chrono::{DateTime, TimeDelta, Utc};

use super::agreement_set::{AgreementSet, CompiledAgreements};
use super::clock::{Clock, NextAlert};
use super::interval::{self, StateInterval};
use super::metric::Metric;
use super::target::Target;
use crate::calendar::Calendar;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{HoldReason, StateKind};

/// By what a target is measured.
#[derive(Clone, Copy)]
pub(crate) struct Measure<'a> {
    pub(crate) calendar: Option<&'a Calendar>,
    pub(crate) target: &'a Target,
}

impl Clock {
    /// How much time is left until the deadline, measured as the target is; negative if it has passed.
    pub(crate) fn left(&self, now: DateTime<Utc>, agreements: &AgreementSet) -> Result<Option<TimeDelta>> {
        let measure = Measure::of(agreements, self)?;
        Ok(self.due_at.map(|due| measure.between(now, due)))
    }
}

impl<'a> Measure<'a> {
    /// That of this target.
    pub(crate) fn new(rules: &'a CompiledAgreements, target: &'a Target) -> Result<Measure<'a>> {
        Ok(Measure { calendar: rules.calendar(&target.measured)?, target })
    }

    /// That of this clock.
    pub(crate) fn of(agreements: &'a AgreementSet, clock: &Clock) -> Result<Measure<'a>> {
        let rules = agreements.of(clock.pinned_to)?;
        let agreement = rules.agreement(&clock.agreement);
        let target =
            agreement.and_then(|it| it.target_for(clock.metric, clock.priority)).ok_or_else(|| {
                let problem = format!(
                    "the agreements {} have no target for the clock {}",
                    clock.pinned_to, clock.metric
                );
                Error::new(ErrorKind::Corrupt, problem)
            })?;
        Measure::new(rules, target)
    }

    /// Whether both measure the same in the same way, and tell of it alike.
    pub(crate) fn is_like(&self, other: &Measure<'_>) -> bool {
        self.target == other.target
            && self.calendar.map(Calendar::definition) == other.calendar.map(Calendar::definition)
    }

    /// Whether both count the same time.
    pub(crate) fn counts_like(&self, other: &Measure<'_>) -> bool {
        self.target.metric == other.target.metric
            && self.target.pauses == other.target.pauses
            && self.calendar.map(Calendar::definition) == other.calendar.map(Calendar::definition)
    }

    /// Whether time counts while a ticket is in this state; the reason is that of a hold.
    pub(crate) fn counts(&self, state: StateKind, reason: Option<&HoldReason>) -> bool {
        match (state, self.target.metric) {
            (StateKind::New | StateKind::Active, _) => true,
            (StateKind::OnHold, Metric::AgentWork) => false,
            (StateKind::OnHold, metric) => {
                let always = metric == Metric::RequesterWait && reason == Some(&HoldReason::Customer);
                !always && !reason.is_some_and(|reason| self.target.pauses.contains(reason))
            }
            // Imported tickets may come back from closed: then they were not closed for good.
            (StateKind::Resolved | StateKind::Closed, metric) => metric == Metric::Closure,
            (StateKind::Cancelled, _) => false,
        }
    }

    /// Whether an interval counts.
    pub(crate) fn counts_in(&self, interval: &StateInterval) -> bool {
        self.counts(interval.state, interval.reason.as_ref())
    }

    /// The counted time between two instants of an interval that counts.
    fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        match self.calendar {
            Some(calendar) => calendar.between(start, end),
            None => end - start,
        }
    }

    /// The instant at which so much time has counted since `start`, if it goes on counting.
    fn add(&self, start: DateTime<Utc>, time: TimeDelta) -> Option<DateTime<Utc>> {
        match self.calendar {
            Some(calendar) => calendar.add(start, time),
            None => start.checked_add_signed(time),
        }
    }

    /// The time that a clock has consumed at an instant since its last update.
    pub(crate) fn consumed(&self, clock: &Clock, at: DateTime<Utc>) -> TimeDelta {
        let running = clock.running_since.filter(|since| *since < at);
        running.map_or(clock.consumed, |since| clock.consumed + self.between(since, at))
    }

    /// The counted time of these intervals.
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

    /// The instant at which so much time of these intervals has counted, if the last one goes on; `None` if it pauses.
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

    /// Computes the figures of an open clock from the intervals since it is [counted](Clock::counted_from).
    pub(crate) fn remeasure(&self, clock: &mut Clock, intervals: &[StateInterval], now: Present) {
        let (from, carried) = (clock.counted_from, clock.carried);
        clock.consumed = carried + self.elapsed(intervals, from, now.at);
        clock.running_since = now.counts.then_some(now.at);
        clock.due_at = self.due(intervals, from, clock.target - carried);
        clock.next = self.next_alarm(clock, intervals);
    }

    /// The lowest percentage that is not told yet, with its instant, from the intervals since the clock is counted.
    pub(crate) fn next_alarm(&self, clock: &Clock, intervals: &[StateInterval]) -> Option<NextAlert> {
        let (percent, used) = self.next_percent(clock)?;
        let at = self.due(intervals, clock.counted_from, used - clock.carried)?;
        Some(NextAlert { at, percent })
    }

    /// Brings the figures of an open clock from its last update to the present. Of its deadline and its next alarm it keeps
    /// what has passed. `false` if it takes the intervals of the past to know them; the clock is then as it was.
    pub(crate) fn extend(&self, clock: &mut Clock, now: Present) -> bool {
        let due = match clock.due_at.filter(|due| *due <= now.at) {
            Some(due) => Reached::Known(Some(due)),
            None => self.reach(clock, clock.target, now),
        };
        let Reached::Known(due) = due else { return false };
        let next = match clock.next.filter(|alarm| alarm.at <= now.at) {
            Some(alarm) => Reached::Known(Some(alarm)),
            None => self.following_alarm(clock, due, now),
        };
        let Reached::Known(next) = next else { return false };
        clock.consumed = self.consumed(clock, now.at);
        clock.running_since = now.counts.then_some(now.at);
        (clock.due_at, clock.next) = (due, next);
        true
    }

    /// The lowest percentage that is not told yet, with its instant, as far as the clock's figures tell. The deadline is that
    /// of the clock.
    pub(crate) fn following_alarm(
        &self,
        clock: &Clock,
        due: Option<DateTime<Utc>>,
        now: Present,
    ) -> Reached<NextAlert> {
        let Some((percent, used)) = self.next_percent(clock) else { return Reached::Known(None) };
        let at = if percent >= 100 { Reached::Known(due) } else { self.reach(clock, used, now) };
        match at {
            Reached::Known(at) => Reached::Known(at.map(|at| NextAlert { at, percent })),
            Reached::Earlier => Reached::Earlier,
        }
    }

    /// The instant at which a clock has consumed so much time, as far as its figures tell.
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

    /// The lowest percentage that is not told yet, and the time of which it is one.
    fn next_percent(&self, clock: &Clock) -> Option<(u8, TimeDelta)> {
        let told = clock.alerted.iter().copied().max().unwrap_or(0);
        let percent = self.target.percentages().find(|percent| *percent > told)?;
        Some((percent, clock.target * i32::from(percent) / 100))
    }
}

/// An instant to which clocks are brought, and whether time counts from there on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present {
    pub(crate) at: DateTime<Utc>,
    pub(crate) counts: bool,
}

/// When a clock reaches something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached<T> {
    /// Then; `None` if never, as while it pauses.
    Known(Option<T>),
    /// Before the clock's last update: only the intervals of the past say when.
    Earlier,
}

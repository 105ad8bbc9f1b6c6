//! Measuring: how much of a ticket's course counts for a clock, and when its target is used up.

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::Clock;
use super::course::{self, Leg};
use super::metric::Metric;
use super::rules::{Rulebook, Rules};
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
    pub(crate) fn left(&self, now: DateTime<Utc>, rulebook: &Rulebook) -> Result<Option<TimeDelta>> {
        let measure = Measure::of(rulebook, self)?;
        Ok(self.due_at.map(|due| measure.between(now, due)))
    }
}

impl<'a> Measure<'a> {
    /// That of this target.
    pub(crate) fn new(rules: &'a Rules, target: &'a Target) -> Result<Measure<'a>> {
        Ok(Measure { calendar: rules.calendar(&target.measured)?, target })
    }

    /// That of this clock.
    pub(crate) fn of(rulebook: &'a Rulebook, clock: &Clock) -> Result<Measure<'a>> {
        let rules = rulebook.of(clock.pinned_to)?;
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

    /// Whether a ticket's being in this state counts.
    pub(crate) fn counts(&self, leg: &Leg) -> bool {
        match (leg.state, self.target.metric) {
            (StateKind::New | StateKind::Active, _) => true,
            (StateKind::OnHold, Metric::AgentWork) => false,
            (StateKind::OnHold, metric) => {
                let always = metric == Metric::RequesterWait && leg.reason == Some(HoldReason::Customer);
                !always && !leg.reason.as_ref().is_some_and(|reason| self.target.pauses.contains(reason))
            }
            // Imported tickets may come back from closed: then they were not closed for good.
            (StateKind::Resolved | StateKind::Closed, metric) => metric == Metric::Closure,
            (StateKind::Cancelled, _) => false,
        }
    }

    /// What counts from one instant to another within a leg.
    fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        match self.calendar {
            Some(calendar) => calendar.between(start, end),
            None => end - start,
        }
    }

    /// What counts of a course.
    pub(crate) fn elapsed(&self, course: &[Leg], from: DateTime<Utc>, to: DateTime<Utc>) -> TimeDelta {
        course::between(course, from, to)
            .filter(|(.., leg)| self.counts(leg))
            .fold(TimeDelta::zero(), |sum, (start, end, _)| sum + self.between(start, end))
    }

    /// When so much of a course will have counted, if it stays as it is; `None` if never, as while it pauses.
    pub(crate) fn due(&self, course: &[Leg], from: DateTime<Utc>, time: TimeDelta) -> Option<DateTime<Utc>> {
        if time <= TimeDelta::zero() {
            return Some(from);
        }
        let mut left = time;
        for (start, end, leg) in course::between(course, from, DateTime::<Utc>::MAX_UTC) {
            if !self.counts(leg) {
                continue;
            }
            let due = match self.calendar {
                Some(calendar) => calendar.add(start, left),
                None => start.checked_add_signed(left),
            };
            if let Some(due) = due.filter(|due| *due <= end) {
                return Some(due);
            }
            if end == DateTime::<Utc>::MAX_UTC {
                return None;
            }
            left -= self.between(start, end);
        }
        None
    }
}

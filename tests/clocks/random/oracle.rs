//! Computes the figures of clocks from the whole history, for comparison with figures that are extended event by
//! event.
//!
//! The oracle is written to be easy to read: a clock's figures follow only from the ticket's states since the clock
//! started.

use std::collections::BTreeSet;

use firstline::sla::{Clock, Metric, NextAlert};
use firstline::{Calendar, Change, DateTime, Event, HoldReason, Snapshot, State, StateKind, TimeDelta, Utc};

/// The measurement rules of a clock's target.
pub(crate) struct TimeBasis {
    pub(crate) calendar: Option<Calendar>,
    pub(crate) pauses: BTreeSet<HoldReason>,
    pub(crate) warn_at: Vec<u8>,
    /// True if the target does not state its pauses, so that a first reply does not pause.
    pub(crate) default_pauses: bool,
}

impl TimeBasis {
    fn counts(&self, state: &State, metric: Metric) -> bool {
        match (state, metric) {
            (State::New(_) | State::Active(_), _) => true,
            (State::OnHold(_), Metric::AgentWork) => false,
            (State::OnHold(_), Metric::FirstReply) if self.default_pauses => true,
            (State::OnHold(hold), Metric::RequesterWait) if hold.reason == HoldReason::Customer => false,
            (State::OnHold(hold), _) => !self.pauses.contains(&hold.reason),
            (State::Resolved(_) | State::Closed(_), metric) => metric == Metric::Closure,
            (State::Cancelled(_), _) => false,
        }
    }

    fn between(&self, start: DateTime<Utc>, end: DateTime<Utc>) -> TimeDelta {
        self.calendar.as_ref().map_or(end - start, |calendar| calendar.between(start, end))
    }

    fn add(&self, start: DateTime<Utc>, time: TimeDelta) -> Option<DateTime<Utc>> {
        match &self.calendar {
            Some(calendar) => calendar.add(start, time),
            None => Some(start + time),
        }
    }
}

/// The ticket's states, each with its start.
pub(crate) fn states(history: &[Event]) -> Vec<(DateTime<Utc>, State)> {
    let mut states: Vec<(DateTime<Utc>, State)> = Vec::new();
    for event in history {
        match &event.change {
            Change::Opened(opened) => states.push((event.at, opened.state.clone())),
            Change::StateChanged { to, .. } => states.push((event.at, to.clone())),
            _ => {}
        }
    }
    states
}

/// The time ranges after an instant that count for a clock. The last one may have no end.
fn counted(
    states: &[(DateTime<Utc>, State)],
    clock: &Clock,
    measured: &TimeBasis,
) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let ends = states.iter().skip(1).map(|it| it.0).chain([DateTime::<Utc>::MAX_UTC]);
    let stretches = states.iter().zip(ends).filter(|((_, state), _)| measured.counts(state, clock.metric));
    let stretches = stretches.map(|((start, _), end)| ((*start).max(clock.counted_from), end));
    stretches.filter(|(start, end)| start < end).collect()
}

/// The instant at which this much of the clock's time is used up.
fn used_up(
    stretches: &[(DateTime<Utc>, DateTime<Utc>)],
    clock: &Clock,
    measured: &TimeBasis,
    used: TimeDelta,
) -> Option<DateTime<Utc>> {
    let mut left = used - clock.carried;
    if left <= TimeDelta::zero() {
        return Some(clock.counted_from);
    }
    for (start, end) in stretches {
        if let Some(at) = measured.add(*start, left).filter(|at| at <= end) {
            return Some(at);
        }
        if *end < DateTime::<Utc>::MAX_UTC {
            left -= measured.between(*start, *end);
        }
    }
    None
}

/// Compares every clock of a ticket with the figures from its whole history, at each event that recorded clocks.
pub(crate) fn check(history: &[Event], measured: impl Fn(&Clock) -> TimeBasis) {
    for (place, event) in history.iter().enumerate() {
        if !matches!(event.change, Change::ClocksUpdated { .. }) {
            continue;
        }
        let so_far = &history[..=place];
        let (ticket, states) = (Snapshot::fold(so_far).unwrap(), states(so_far));
        for clock in &ticket.clocks {
            let measured = measured(clock);
            let stretches = counted(&states, clock, &measured);
            let until = clock.ended_at.or(clock.running_since).unwrap_or(event.at);
            let elapsed = stretches.iter().filter(|(start, _)| *start < until);
            let elapsed = elapsed.fold(TimeDelta::zero(), |sum, (start, end)| {
                sum + measured.between(*start, (*end).min(until))
            });
            assert_eq!(clock.consumed, clock.carried + elapsed, "{clock:?}\n{states:?}");
            if let Some(ended) = clock.ended_at {
                let ends =
                    |(since, state): &(DateTime<Utc>, State)| !state.kind().is_open() && *since == ended;
                assert!(!clock.ended_with_ticket || states.iter().any(ends), "{clock:?}\n{states:?}");
                assert_eq!((clock.running_since, clock.next), (None, None), "{clock:?}");
                continue;
            }
            let due = used_up(&stretches, clock, &measured, clock.target);
            assert_eq!(clock.due_at, due, "{clock:?}\n{states:?}");
            let last_alert = clock.alerted.iter().max().copied().unwrap_or(0);
            let mut percentages = measured.warn_at.iter().copied().chain([100]);
            let next = percentages.find(|percent| *percent > last_alert).and_then(|percent| {
                let used = clock.target * i32::from(percent) / 100;
                Some((used_up(&stretches, clock, &measured, used)?, percent))
            });
            // After a revision, alerts of earlier targets may be left out.
            let recorded = clock.next.map(|next: NextAlert| (next.at, next.percent));
            assert!(recorded == next || clock.revision > 0, "{clock:?}\n{states:?}\n{next:?}");
            assert_eq!(
                clock.running_since.is_some(),
                measured.counts(&ticket.state, clock.metric),
                "{clock:?}"
            );
            assert!(!clock.ended_with_ticket);
        }
        assert!(
            ticket.state.kind() != StateKind::Cancelled
                || ticket.clocks.iter().all(|it| it.ended_at.is_some())
        );
    }
}

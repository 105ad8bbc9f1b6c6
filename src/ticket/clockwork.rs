//! The mechanics of the fold: how clocks begin, are timed, given other targets, and end.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::error::Result;
use crate::sla::{
    Agreement, Alarm, Clock, ClockState, ClockStep, Measure, Metric, OnPriorityChange, Rules, keep_latest,
};
use crate::ticket::clocks::{After, Clockwork};
use crate::ticket::snapshot::Snapshot;

impl Clockwork {
    /// Chooses the agreement anew, gives running clocks its targets, and starts those that it adds.
    pub(super) fn rechoose(&mut self, now: After<'_>) -> Result<()> {
        let Some(rules) = self.rules(now.at)? else { return Ok(()) };
        let agreement = rules.choose(now.ticket).cloned();
        for metric in self.open_metrics() {
            let how = agreement.as_ref().map_or(OnPriorityChange::default(), |it| it.on_priority_change);
            self.rebind(metric, &rules, agreement.as_ref(), how, now)?;
        }
        if now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// Starts the clocks that the ticket's agreement wants and that there have not been yet, or that had lost their
    /// target for a while.
    pub(super) fn begin(&mut self, now: After<'_>) -> Result<()> {
        let Some(rules) = self.rules(now.at)? else { return Ok(()) };
        let Some(agreement) = rules.choose(now.ticket) else { return Ok(()) };
        let since_opening = agreement.on_priority_change == OnPriorityChange::FromOpening;
        let from = if since_opening { now.ticket.opened_at } else { now.at };
        for metric in Metric::ALL {
            let wanted = match metric {
                Metric::NextReply | Metric::PeriodicUpdate => false,
                Metric::FirstReply => {
                    now.ticket.first_replied_at.is_none() && now.ticket.resolved_at.is_none()
                }
                Metric::Handling(line) => line == now.ticket.line,
                _ => true,
            };
            if !wanted {
                continue;
            }
            let handling = matches!(metric, Metric::Handling(_));
            match self.clock(metric) {
                None => self.start(metric, if handling { now.at } else { from }, now)?,
                Some(clock) if clock.state.is_open() || ended_with(now.ticket, clock) => {}
                Some(_) if handling => self.start(metric, now.at, now)?,
                Some(clock) if clock.state == ClockState::Cancelled => {
                    self.rebind(metric, &rules, Some(agreement), agreement.on_priority_change, now)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Gives a clock the target that this agreement has for it; without one it is cancelled. One that was cancelled
    /// so goes on.
    pub(super) fn rebind(
        &mut self,
        metric: Metric,
        rules: &Rules,
        agreement: Option<&Agreement>,
        how: OnPriorityChange,
        now: After<'_>,
    ) -> Result<()> {
        let Some(mut clock) = self.clock(metric).cloned() else { return Ok(()) };
        let priority = now.ticket.priority();
        let found = agreement.and_then(|it| it.target_for(metric, priority).map(|target| (it, target)));
        let Some((agreement, target)) = found else { return self.cancel(metric, now) };
        let time = target.time_for(priority).unwrap_or(clock.target);
        let measure = Measure::new(rules, target)?;
        let was_away = clock.state == ClockState::Cancelled;
        if !was_away && clock.target == time && self.measure(&clock)?.is_like(&measure) {
            let bound = (rules.hash(), agreement.name());
            if (clock.policy, clock.agreement.as_str()) != bound {
                (clock.policy, clock.agreement, clock.priority) = (bound.0, bound.1.to_owned(), priority);
                self.set(clock);
            }
            return Ok(());
        }
        match how {
            OnPriorityChange::FromOpening => {
                (clock.counted_from, clock.carried) = (clock.from, TimeDelta::zero());
            }
            OnPriorityChange::CarryElapsed => {
                let until = clock.ended_at.unwrap_or(now.at);
                let elapsed = self.measure(&clock)?.elapsed(&now.ticket.course, clock.counted_from, until);
                (clock.counted_from, clock.carried) = (now.at, clock.carried + elapsed);
            }
            OnPriorityChange::Restart => {
                (clock.counted_from, clock.carried) = (now.at, TimeDelta::zero());
            }
        }
        (clock.policy, clock.priority, clock.target) = (rules.hash(), priority, time);
        agreement.name().clone_into(&mut clock.agreement);
        clock.revision += 1;
        // What the desk did of itself, to help a clock that runs out, does not start the warnings over again.
        if !now.by_desk {
            clock.told.clear();
            clock.breached_at = None;
        }
        clock.ended_at = None;
        clock.step(if was_away { ClockStep::GoOn } else { ClockStep::Revise })?;
        if clock.breached_at.is_some() {
            clock.step(ClockStep::Breach)?;
        }
        self.time(clock, now)
    }

    /// Begins another cycle, if the ticket's agreement has a target for it.
    pub(super) fn start(&mut self, metric: Metric, from: DateTime<Utc>, now: After<'_>) -> Result<()> {
        let Some(rules) = self.rules(now.at)? else { return Ok(()) };
        let Some(agreement) = rules.choose(now.ticket) else { return Ok(()) };
        let priority = now.ticket.priority();
        let target = agreement.target_for(metric, priority).and_then(|it| it.time_for(priority));
        let Some(target) = target else { return Ok(()) };
        let clock = Clock {
            metric,
            cycle: self.clock(metric).map_or(0, |last| last.cycle) + 1,
            agreement: agreement.name().to_owned(),
            policy: rules.hash(),
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
            ended_at: None,
            told: Vec::new(),
            next: None,
        };
        self.time(clock, now)
    }

    pub(super) fn finish(&mut self, metric: Metric, now: After<'_>) -> Result<()> {
        let Some(mut clock) = self.clock(metric).filter(|it| it.state.is_open()).cloned() else {
            return Ok(());
        };
        let in_time = clock.breached_at.is_none();
        clock.step(if in_time { ClockStep::Meet } else { ClockStep::Miss })?;
        self.end(clock, now)
    }

    pub(super) fn cancel(&mut self, metric: Metric, now: After<'_>) -> Result<()> {
        let Some(mut clock) = self.clock(metric).filter(|it| it.state.is_open()).cloned() else {
            return Ok(());
        };
        clock.step(ClockStep::Cancel)?;
        self.end(clock, now)
    }

    pub(super) fn end(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        let elapsed = self.measure(&clock)?.elapsed(&now.ticket.course, clock.counted_from, now.at);
        clock.consumed = clock.carried + elapsed;
        clock.ended_at = Some(now.at);
        (clock.running_since, clock.next) = (None, None);
        self.set(clock);
        Ok(())
    }

    /// Works out the figures of an open clock from the ticket's course.
    pub(super) fn time(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        let measure = self.measure(&clock)?;
        let counts = now.ticket.course.last().is_some_and(|leg| measure.counts(leg));
        clock.consumed = clock.carried + measure.elapsed(&now.ticket.course, clock.counted_from, now.at);
        clock.running_since = counts.then_some(now.at);
        clock.due_at = measure.due(&now.ticket.course, clock.counted_from, clock.target - clock.carried);
        clock.next = next_alarm(&clock, &measure, now.ticket);
        match (clock.state, counts) {
            (ClockState::Running, false) => clock.step(ClockStep::Pause)?,
            (ClockState::Paused, true) => clock.step(ClockStep::Resume)?,
            _ => {}
        }
        self.set(clock);
        Ok(())
    }

    /// The rules by which this ticket is measured: those of its open clocks, which change over by a migration alone;
    /// where none is open, those in force, if the agreement of the one that ended last follows them.
    pub(super) fn rules(&self, at: DateTime<Utc>) -> Result<Option<Arc<Rules>>> {
        let clock = self.clocks.iter().find(|it| it.state.is_open());
        let clock = clock.or_else(|| self.clocks.iter().max_by_key(|it| it.ended_at));
        let in_force = self.rulebook.at(at).map(|(_, rules)| rules.clone());
        let Some(clock) = clock else { return Ok(in_force) };
        let follows = !clock.state.is_open() && self.follows(clock)?;
        let pinned = self.rulebook.of(clock.policy)?;
        Ok(in_force.filter(|_| follows).or_else(|| Some(pinned.clone())))
    }

    pub(super) fn clock(&self, metric: Metric) -> Option<&Clock> {
        self.clocks.iter().find(|clock| clock.metric == metric)
    }

    pub(super) fn is_open(&self, metric: Metric) -> bool {
        self.clock(metric).is_some_and(|clock| clock.state.is_open())
    }

    pub(super) fn open_metrics(&self) -> Vec<Metric> {
        self.clocks.iter().filter(|clock| clock.state.is_open()).map(|clock| clock.metric).collect()
    }

    pub(super) fn set(&mut self, clock: Clock) {
        // Every target that a cycle had is on record, so that a ledger can say what was counted by which.
        let revision = (clock.metric, clock.cycle, clock.revision);
        match self.changed.iter_mut().find(|it| (it.metric, it.cycle, it.revision) == revision) {
            Some(changed) => changed.clone_from(&clock),
            None => self.changed.push(clock.clone()),
        }
        keep_latest(&mut self.clocks, clock);
    }
}

/// Whether a clock ended when the ticket did.
pub(super) fn ended_with(ticket: &Snapshot, clock: &Clock) -> bool {
    ticket.course.iter().any(|leg| !leg.state.is_open() && Some(leg.since) == clock.ended_at)
}

/// The lowest percentage that is not told yet, with its instant.
pub(super) fn next_alarm(clock: &Clock, measure: &Measure<'_>, ticket: &Snapshot) -> Option<Alarm> {
    let told = clock.told.iter().copied().max().unwrap_or(0);
    let percent = measure.target.percentages().find(|percent| *percent > told)?;
    let used = clock.target * i32::from(percent) / 100;
    let at = measure.due(&ticket.course, clock.counted_from, used - clock.carried)?;
    Some(Alarm { at, percent })
}

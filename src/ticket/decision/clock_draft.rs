//! The clocks of a ticket within a decision: starting, measuring and ending a clock.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::sla::{
    AgreementSet, Clock, ClockState, ClockStep, CompiledAgreements, Measure, Metric, NextAlert, Present,
    Reached, keep_latest,
};
use crate::ticket::event::Event;
use crate::ticket::import_mark::ImportClocks;
use crate::ticket::intervals::KnownIntervals;
use crate::ticket::snapshot::Snapshot;

/// The ticket right after an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct After<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) ticket: &'a Snapshot,
    pub(super) by_agent: bool,
}

/// The working copy of a ticket's clocks.
#[derive(Debug, Clone)]
pub(crate) struct ClockDraft {
    pub(super) agreements: AgreementSet,
    /// The number of versions of the agreements that have come into force so far.
    reached: usize,
    /// The latest cycle of each metric.
    pub(super) clocks: Vec<Clock>,
    pub(super) intervals: KnownIntervals,
    /// The clocks that an imported ticket gets; all of them for other tickets.
    pub(super) import_clocks: ImportClocks,
    /// Alerts of an imported ticket that were due at this instant or earlier are not sent.
    pub(super) quiet_until: Option<DateTime<Utc>>,
    /// The clocks that changed since the last `take_changed`: the latest value of each cycle and revision, in order.
    pub(super) changed: Vec<Clock>,
    /// The clocks that a correction restores.
    pub(super) remembered: Vec<Clock>,
}

impl ClockDraft {
    /// Creates the clocks of a ticket that is about to be opened.
    pub(crate) fn beginning(agreements: AgreementSet, import_clocks: ImportClocks) -> ClockDraft {
        ClockDraft {
            agreements,
            reached: 0,
            clocks: Vec::new(),
            intervals: KnownIntervals::beginning(),
            import_clocks,
            quiet_until: None,
            changed: Vec::new(),
            remembered: Vec::new(),
        }
    }

    /// Creates the clocks of a stored ticket. `history` is `None` if it was not read.
    pub(crate) fn of(ticket: &Snapshot, history: Option<&[Event]>, agreements: AgreementSet) -> ClockDraft {
        let import = ticket.imported.as_deref();
        let reached = agreements.count_known(ticket.known_since(), ticket.known_agreements());
        ClockDraft {
            agreements,
            reached,
            clocks: ticket.clocks.clone(),
            intervals: KnownIntervals::of(history),
            import_clocks: import.map(|mark| mark.clocks).unwrap_or_default(),
            quiet_until: import.map(|mark| mark.quiet_until),
            changed: Vec::new(),
            remembered: Vec::new(),
        }
    }

    /// Returns the version of the agreements in force.
    pub(super) fn in_force(&self) -> Option<&Arc<CompiledAgreements>> {
        self.reached.checked_sub(1).and_then(|last| self.agreements.get(last)).map(|(_, version)| version)
    }

    /// True if an open clock will migrate to a version that has not come into force yet.
    pub(crate) fn will_migrate(mut self, ticket: &Snapshot) -> Result<bool> {
        while self.next_version().is_some() {
            if self.enter_next_version(ticket)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the last agreements that came into force at this instant, if any did. Later agreements that changed
    /// nothing may be in force already.
    pub(super) fn adopted_at(&self, at: DateTime<Utc>) -> Option<Fingerprint> {
        self.agreements.adopted_at(at, self.reached.min(self.agreements.count_until(at)))
    }

    /// Returns the number of versions of the agreements that have come into force so far.
    pub(super) fn reached(&self) -> usize {
        self.reached
    }

    /// Returns the instant from which the next version of the agreements is in force.
    pub(super) fn next_version(&self) -> Option<DateTime<Utc>> {
        self.agreements.get(self.reached).map(|(from, _)| *from)
    }

    /// Puts the next version of the agreements in force. Returns its hash if an open clock migrates to it, or if it is
    /// the first that applies to an imported ticket that is not finished.
    pub(super) fn enter_next_version(&mut self, ticket: &Snapshot) -> Result<Option<Fingerprint>> {
        let Some((_, version)) = self.agreements.get(self.reached).cloned() else { return Ok(None) };
        let hash = version.hash();
        self.reached += 1;
        if self.is_unmeasured(ticket) {
            let is_finished = ticket.state.kind().is_final();
            return Ok(version.choose(ticket).filter(|_| !is_finished).map(|_| hash));
        }
        for clock in self.clocks.iter().filter(|it| it.state.is_open() && it.pinned_to != hash) {
            if self.follows(clock)? {
                return Ok(Some(hash));
            }
        }
        Ok(None)
    }

    /// Puts the versions of the agreements in force that are in force at this instant.
    pub(super) fn enter_versions_until(&mut self, at: DateTime<Utc>) {
        self.reached = self.reached.max(self.agreements.count_until(at));
    }

    /// Puts the first `reached` versions of the agreements in force.
    pub(super) fn enter_versions(&mut self, reached: usize) {
        self.reached = self.reached.max(reached);
    }

    /// Measures the following events under these agreements, of which the first `reached` versions are in force.
    pub(super) fn measure_under(&mut self, agreements: AgreementSet, reached: usize) {
        (self.agreements, self.reached) = (agreements, reached);
    }

    /// Sets the clocks that the next correction restores.
    pub(super) fn remember(&mut self, clocks: &[Clock]) {
        self.remembered = clocks.to_vec();
    }

    /// Returns the latest cycle of each metric.
    pub(crate) fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// Returns the clocks that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<Clock> {
        std::mem::take(&mut self.changed)
    }

    /// Returns the measure of this clock's target.
    pub(crate) fn measure(&self, clock: &Clock) -> Result<Measure<'_>> {
        Measure::of(&self.agreements, clock)
    }

    /// Marks open clocks as breached if their deadline is before this instant.
    pub(super) fn pass(&mut self, at: DateTime<Utc>) -> Result<()> {
        for metric in self.open_metrics() {
            let Some(mut clock) = self.clock(metric).cloned() else { continue };
            if let Some(due) = clock.due_at.filter(|due| *due < at && clock.breached_at.is_none()) {
                clock.step(ClockStep::Breach)?;
                clock.breached_at = Some(due);
                self.set(clock);
            }
        }
        Ok(())
    }

    /// Starts a new cycle of a metric, if the ticket's agreement has a target for it.
    pub(super) fn start(&mut self, metric: Metric, from: DateTime<Utc>, now: After<'_>) -> Result<()> {
        let Some(compiled) = self.in_force() else { return Ok(()) };
        let Some(agreement) = compiled.choose(now.ticket) else { return Ok(()) };
        let priority = now.ticket.priority();
        let target = agreement.target_for(metric, priority);
        let Some(target) = target.and_then(|it| it.time_from(from, priority, now.ticket)) else {
            return Ok(());
        };
        let cycle = self.clock(metric).map_or(0, |last| last.cycle + last.taken_back) + 1;
        let (name, hash) = (agreement.name(), compiled.hash());
        self.begin_target(Clock::starting(metric, cycle, name, hash, priority, target, from), now)
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

    /// Ends a clock and stores its consumed time.
    fn end(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        clock.consumed = self.consumed(&clock, now.at, now.ticket)?;
        clock.ended_at = Some(now.at);
        clock.ended_with_ticket = false;
        (clock.running_since, clock.next) = (None, None);
        self.set(clock);
        Ok(())
    }

    /// Returns the time that a clock has consumed at an instant.
    pub(super) fn consumed(&self, clock: &Clock, at: DateTime<Utc>, ticket: &Snapshot) -> Result<TimeDelta> {
        let measure = self.measure(clock)?;
        if !ticket.out_of_order {
            return Ok(measure.consumed(clock, at));
        }
        let from = clock.counted_from;
        Ok(clock.carried + measure.elapsed(&self.intervals.since(from, ticket)?, from, at))
    }

    /// Updates the values of an open clock from its last update, or from the intervals if earlier history is needed.
    pub(super) fn update(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        let present = Present { at: now.at, counts: self.counts(&clock, now.ticket)?, begins: false };
        if now.ticket.out_of_order || !self.measure(&clock)?.extend(&mut clock, present) {
            return self.remeasure(clock, false, now);
        }
        self.set_open(clock, now)
    }

    /// Computes the values of an open clock with a new target from the intervals since `counted_from`.
    pub(super) fn begin_target(&mut self, clock: Clock, now: After<'_>) -> Result<()> {
        self.remeasure(clock, true, now)
    }

    /// Computes the values of an open clock with a new target from its last update, if that is possible.
    pub(super) fn extend_target(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        let present = Present { at: now.at, counts: self.counts(&clock, now.ticket)?, begins: true };
        if !self.measure(&clock)?.extend(&mut clock, present) {
            return self.begin_target(clock, now);
        }
        self.set_open(clock, now)
    }

    /// Computes the values of an open clock from the intervals since `counted_from`. `begins` is true if its target is
    /// new.
    pub(super) fn remeasure(&mut self, mut clock: Clock, begins: bool, now: After<'_>) -> Result<()> {
        let present = Present { at: now.at, counts: self.counts(&clock, now.ticket)?, begins };
        let intervals = self.intervals.since(clock.counted_from, now.ticket)?;
        self.measure(&clock)?.remeasure(&mut clock, &intervals, present);
        self.set_open(clock, now)
    }

    /// Returns the next alert of a clock whose other values are up to date.
    pub(super) fn next_alert(&self, clock: &Clock, now: After<'_>) -> Result<Option<NextAlert>> {
        let measure = self.measure(clock)?;
        let present = Present { at: now.at, counts: clock.running_since.is_some(), begins: false };
        match measure.next_alert_from_values(clock, clock.due_at, present) {
            Reached::Known(next) if !now.ticket.out_of_order => Ok(next),
            _ => {
                let intervals = self.intervals.since(clock.counted_from, now.ticket)?;
                Ok(measure.next_alert_from_intervals(clock, &intervals, present))
            }
        }
    }

    /// Marks the alerts of a clock that are due at `quiet_until` or earlier as recorded, without an event. They passed
    /// before the desk knew the ticket. The clock itself is breached.
    fn silence(&self, clock: &mut Clock, now: After<'_>) -> Result<()> {
        let Some(until) = self.quiet_until else { return Ok(()) };
        while let Some(alert) = clock.next.filter(|alert| alert.is_due(until)) {
            self.measure(clock)?.mark_alerted(clock, alert.percent, alert.left);
            if alert.percent >= 100 && clock.breached_at.is_none() {
                clock.step(ClockStep::Breach)?;
                clock.breached_at = Some(alert.at);
            }
            clock.next = self.next_alert(clock, now)?;
        }
        Ok(())
    }

    /// Silences all open clocks.
    pub(super) fn silence_all(&mut self, now: After<'_>) -> Result<()> {
        for metric in self.open_metrics() {
            let Some(mut clock) = self.clock(metric).cloned() else { continue };
            self.silence(&mut clock, now)?;
            self.set(clock);
        }
        Ok(())
    }

    /// Stores an open clock, paused if its time does not count.
    fn set_open(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        match (clock.state, clock.running_since.is_some()) {
            (ClockState::Running, false) => clock.step(ClockStep::Pause)?,
            (ClockState::Paused, true) => clock.step(ClockStep::Resume)?,
            _ => {}
        }
        self.silence(&mut clock, now)?;
        self.set(clock);
        Ok(())
    }

    /// True if the time in the ticket's state counts for a clock.
    pub(super) fn counts(&self, clock: &Clock, ticket: &Snapshot) -> Result<bool> {
        Ok(self.measure(clock)?.counts(ticket.state.kind(), ticket.state.hold_reason()))
    }

    /// Sets `ended_with_ticket` on those of these clocks that the end of the ticket has ended.
    pub(super) fn mark_ended(&mut self, metrics: &[Metric]) {
        for metric in metrics {
            let Some(mut clock) = self.clock(*metric).filter(|it| !it.state.is_open()).cloned() else {
                continue;
            };
            clock.ended_with_ticket = true;
            self.set(clock);
        }
    }

    /// True if the clock's agreement migrates to new versions.
    pub(super) fn follows(&self, clock: &Clock) -> Result<bool> {
        self.agreements.migrates(clock)
    }

    /// Returns the versions of the agreements that limit which clocks start: those of the open clocks. If all clocks
    /// have ended, the version of the clock that ended last, unless its agreement migrates to new versions.
    pub(super) fn limiting_versions(&self) -> Result<Vec<Arc<CompiledAgreements>>> {
        let mut clocks: Vec<&Clock> = self.clocks.iter().filter(|it| it.state.is_open()).collect();
        if clocks.is_empty()
            && let Some(last) = self.clocks.iter().max_by_key(|it| it.ended_at)
            && !self.follows(last)?
        {
            clocks.push(last);
        }
        let mut hashes: Vec<Fingerprint> = clocks.iter().map(|clock| clock.pinned_to).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.into_iter().map(|hash| self.agreements.of(hash).cloned()).collect()
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
        // Every revision of a cycle is kept, so that a ledger can show the target that applied in each period.
        let revision = (clock.metric, clock.cycle, clock.revision);
        match self.changed.iter_mut().find(|it| (it.metric, it.cycle, it.revision) == revision) {
            Some(changed) => changed.clone_from(&clock),
            None => self.changed.push(clock.clone()),
        }
        keep_latest(&mut self.clocks, clock);
    }
}

/// Continues an ended clock. The caller must compute its values again.
pub(super) fn continue_clock(mut clock: Clock) -> Result<Clock> {
    let late = clock.breached_at.filter(|_| clock.state == ClockState::Cancelled);
    clock.step(if clock.state == ClockState::Missed {
        ClockStep::ContinueLate
    } else {
        ClockStep::Continue
    })?;
    if late.is_some() {
        clock.step(ClockStep::Breach)?;
    }
    (clock.ended_at, clock.ended_with_ticket) = (None, false);
    Ok(clock)
}

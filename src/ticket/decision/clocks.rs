//! The fold of events into clocks.
//!
//! A decision applies each new event, and a replay applies a stored history; both use the same functions. The result
//! depends on the events and the agreements in the context alone, not on the current time or on the time of the last
//! `tick`. The caller selects the agreements: they are those in force at the time of the decision. Events of
//! one instant are applied in the order of their versions. Deadlines before the instant of an event are breached before
//! the event is applied. An event at the deadline itself is in time.

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::sla::{
    Agreement, AgreementSet, Alert, Clock, ClockState, ClockStep, CompiledAgreements, Measure, Metric,
    OnPriorityChange, OnReopen,
};
use crate::ticket::decision::clock_draft::{After, ClockDraft, continue_clock};
use crate::ticket::decision::last_command::taken_back;
use crate::ticket::event::{Cause, Change, Event};
use crate::ticket::import_mark::{ImportClocks, ImportMark};
use crate::ticket::people::Who;
use crate::ticket::snapshot::Snapshot;

/// Computes the clocks of a whole history: every cycle of every metric, in the order in which they began.
///
/// The clocks are computed from the changes of the ticket. [`Change::Clocked`] events are ignored. Warnings and
/// breaches in the history mark the alerts that were sent already.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the events do not belong to one ticket.
pub fn replay(events: &[Event], agreements: &AgreementSet) -> Result<Vec<Clock>> {
    let import_clocks = events.iter().find_map(|event| match &event.change {
        Change::Imported(mark) => Some(mark.clocks),
        _ => None,
    });
    let mut work = ClockDraft::beginning(agreements.clone(), import_clocks.unwrap_or_default());
    work.observe_all(events)?;
    let mut cycles: Vec<Clock> = Vec::new();
    for clock in work.changed {
        match cycles.iter_mut().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle)) {
            Some(cycle) => *cycle = clock,
            None => cycles.push(clock),
        }
    }
    Ok(cycles)
}

/// The clocks of imported tickets.
impl ClockDraft {
    /// True if the ticket was imported when no agreement applied to it, and none has applied since.
    pub(crate) fn is_unmeasured(&self, ticket: &Snapshot) -> bool {
        let waits = |mark: &ImportMark| !mark.measured && mark.clocks != ImportClocks::Never;
        self.clocks.is_empty() && ticket.imported.as_deref().is_some_and(waits)
    }

    /// Returns the first agreements that apply to an imported ticket, if they were adopted after the import, and the
    /// instant from which they are in force. The history of the ticket is then measured under them.
    pub(crate) fn adoption_after_import(
        &self,
        at: DateTime<Utc>,
        ticket: &Snapshot,
    ) -> Option<(DateTime<Utc>, Fingerprint)> {
        if !self.is_unmeasured(ticket) {
            return None;
        }
        let (since, agreements) = self.agreements.at(at)?;
        agreements.choose(ticket).map(|_| (*since, agreements.hash()))
    }

    /// Measures the history of an imported ticket as if these agreements had always been in force.
    pub(crate) fn measure_import(&mut self, history: &[Event], agreements: Fingerprint) -> Result<()> {
        let always = AgreementSet::always(self.agreements.of(agreements)?.clone());
        let mut work = ClockDraft::beginning(always, self.import_clocks);
        work.observe_all(history)?;
        let ClockDraft { clocks, intervals, changed, .. } = work;
        (self.clocks, self.intervals) = (clocks, intervals);
        self.changed.extend(changed);
        Ok(())
    }

    /// Starts the clocks of an imported ticket that begin at an instant, before the first event after this instant.
    /// `ticket` is the ticket before that event.
    pub(crate) fn reach(&mut self, at: DateTime<Utc>, ticket: &Snapshot) -> Result<()> {
        let ImportClocks::From(from) = self.import_clocks else { return Ok(()) };
        if from > at || ticket.updated_at >= from || !self.clocks.is_empty() {
            return Ok(());
        }
        if !ticket.state.kind().is_open() || self.agreements.at(from).is_none() {
            return Ok(());
        }
        self.begin(After { at: from, ticket, by_agent: false, by_desk: false })
    }

    /// Applies the mark of an import.
    fn imported(&mut self, mark: &ImportMark, now: After<'_>) -> Result<()> {
        self.reach(mark.quiet_until, now.ticket)?;
        self.silence_all(now)
    }
}

impl ClockDraft {
    /// Applies a whole history.
    fn observe_all(&mut self, events: &[Event]) -> Result<()> {
        let Some(first) = events.first() else { return Ok(()) };
        let mut ticket = Snapshot::fold([first])?;
        self.observe(first, &ticket)?;
        // The clocks before each event, which a correction restores. Most histories have no correction.
        let corrected = (1..events.len()).any(|place| taken_back(events, place).is_some());
        let mut clocks_before: Vec<Vec<Clock>> = vec![Vec::new()];
        for (before, event) in events.iter().enumerate().skip(1) {
            if corrected {
                clocks_before.push(self.clocks.clone());
                let clocks = taken_back(events, before).and_then(|first| clocks_before.get(first));
                self.remember(clocks.map_or(&[], Vec::as_slice));
            }
            if let Change::PolicyRebound { agreements } = &event.change
                && self.is_unmeasured(&ticket)
            {
                self.measure_import(&events[..before], *agreements)?;
            }
            self.reach(event.at, &ticket)?;
            ticket.apply(event)?;
            self.observe(event, &ticket)?;
        }
        Ok(())
    }

    /// Applies an event. `ticket` is the ticket right after the event.
    pub(crate) fn observe(&mut self, event: &Event, ticket: &Snapshot) -> Result<()> {
        // Imported events may be dated before the opening, or before the instant from which clocks count. For the clocks,
        // they happen at that instant.
        let begins = match self.import_clocks {
            ImportClocks::From(from) => ticket.opened_at.max(from),
            _ => ticket.opened_at,
        };
        let now = After {
            at: event.at.max(begins),
            ticket,
            by_agent: matches!(event.by.who, Who::Agent(_)),
            by_desk: event.by.who == Who::Desk,
        };
        self.intervals.extend(event);
        if let Some(mark) = &ticket.imported {
            self.quiet_until = Some(mark.quiet_until);
        }
        if self.import_clocks == ImportClocks::Never {
            return Ok(());
        }
        if let Change::Imported(mark) = &event.change {
            return self.imported(mark, now);
        }
        let is_early = matches!(self.import_clocks, ImportClocks::From(from) if event.at < from);
        if self.clocks.is_empty() && (is_early || self.agreements.at(now.at).is_none()) {
            return Ok(());
        }
        match &event.change {
            // These events only record results and do not affect the clocks.
            Change::Clocked { .. } => return Ok(()),
            Change::Warned(alert) | Change::Breached(alert) => return self.alerted(alert, now),
            _ => self.pass(now.at)?,
        }
        match &event.change {
            Change::Opened(_) => {
                self.begin(now)?;
                // An imported history may begin with a finished ticket.
                if ticket.state.kind().is_open() { Ok(()) } else { self.moved(StateKind::New, now) }
            }
            Change::PolicyRebound { agreements } => {
                self.migrated(*agreements, After { by_desk: false, ..now })?;
                self.silence_all(now)
            }
            Change::Replied { .. } if now.by_agent => self.answered(now),
            Change::Received(arrived) if arrived.owes_reply => self.asked(now),
            Change::Moved { cause: Cause::NotSpam, .. } | Change::Undone { .. } => self.restore(now),
            // The state continues: only the date or the reason of a hold, or the resolution changed.
            Change::Moved { from, to, .. } if *from == to.kind() => self.toggle(now),
            Change::Moved { from, .. } => self.moved(*from, now),
            Change::HandedOver { .. } => self.handed_over(now),
            Change::Prioritised { .. } | Change::Described(_) | Change::Assigned { .. } => self.rechoose(now),
            _ => Ok(()),
        }
    }

    /// Returns the agreements in force that an open clock must migrate to, and the instant from which they apply.
    pub(crate) fn migration(&self, at: DateTime<Utc>) -> Result<Option<(DateTime<Utc>, Fingerprint)>> {
        let Some((since, latest)) = self.agreements.at(at) else { return Ok(None) };
        for clock in self.clocks.iter().filter(|it| it.state.is_open() && it.pinned_to != latest.hash()) {
            if self.follows(clock)? {
                return Ok(Some((*since, latest.hash())));
            }
        }
        Ok(None)
    }

    /// Migrates the open clocks to these agreements. The clocks are measured again from their beginning.
    fn migrated(&mut self, to: Fingerprint, now: After<'_>) -> Result<()> {
        let compiled = self.agreements.of(to)?.clone();
        let agreement = compiled.choose(now.ticket).cloned();
        for clock in self.clocks.clone().iter().filter(|it| it.state.is_open()) {
            if self.follows(clock)? {
                self.rebind(clock.metric, &compiled, agreement.as_ref(), OnPriorityChange::FromOpening, now)?;
            }
        }
        // Start the metrics that the new agreements add, but only if all open clocks have migrated. A clock that
        // started under the old agreements would have to migrate at once.
        let mut open = self.clocks.iter().filter(|it| it.state.is_open()).peekable();
        let changed_over = open.peek().is_some() && open.all(|it| it.pinned_to == to);
        if changed_over && now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// Applies a warning or a breach of the history.
    fn alerted(&mut self, alert: &Alert, now: After<'_>) -> Result<()> {
        let same = |clock: &&Clock| clock.cycle == alert.cycle;
        let Some(mut clock) = self.clock(alert.metric).filter(same).cloned() else { return Ok(()) };
        if !clock.alerted.contains(&alert.percent) {
            clock.alerted.push(alert.percent);
        }
        if alert.percent >= 100 && clock.breached_at.is_none() {
            clock.step(ClockStep::Breach)?;
            clock.breached_at = Some(alert.due);
        }
        clock.next = self.next_alert(&clock, now)?;
        self.set(clock);
        Ok(())
    }

    /// Applies a public reply of an agent.
    fn answered(&mut self, now: After<'_>) -> Result<()> {
        for metric in [Metric::FirstReply, Metric::NextReply, Metric::PeriodicUpdate] {
            self.finish(metric, now)?;
        }
        if now.ticket.state.kind().is_open() {
            self.start(Metric::PeriodicUpdate, now.at, now)
        } else {
            Ok(())
        }
    }

    /// Applies a message that owes a reply. It starts a next-reply clock, unless a first-reply or next-reply clock is
    /// open: the open clock counts from the oldest unanswered message.
    fn asked(&mut self, now: After<'_>) -> Result<()> {
        let reply_metrics = [Metric::FirstReply, Metric::NextReply];
        let answered_once = now.ticket.first_replied_at.is_some()
            || match self.clock(Metric::FirstReply) {
                Some(clock) => matches!(clock.state, ClockState::Met | ClockState::Missed),
                None => now.ticket.resolved_at.is_some(),
            };
        if !answered_once || reply_metrics.into_iter().any(|metric| self.is_open(metric)) {
            return Ok(());
        }
        self.start(Metric::NextReply, now.at, now)
    }

    fn moved(&mut self, from: StateKind, now: After<'_>) -> Result<()> {
        let to = now.ticket.state.kind();
        match to {
            StateKind::Cancelled => {
                for metric in self.open_metrics() {
                    self.cancel(metric, now)?;
                }
            }
            StateKind::Resolved | StateKind::Closed => {
                for metric in self.open_metrics() {
                    match metric {
                        Metric::Closure if to == StateKind::Resolved => {}
                        Metric::FirstReply | Metric::NextReply if !now.by_agent => {
                            self.cancel(metric, now)?
                        }
                        // A finished ticket needs no further update.
                        Metric::PeriodicUpdate => self.cancel(metric, now)?,
                        _ => self.finish(metric, now)?,
                    }
                }
            }
            StateKind::New | StateKind::Active | StateKind::OnHold if !from.is_open() => {
                self.reopened(from, now)?;
            }
            _ => {}
        }
        if !to.is_open() {
            self.mark_ended(now.at);
        }
        self.toggle(now)
    }

    /// Gives the clocks the values that they had before a command, and runs on from there. A breach and the warnings
    /// that were recorded since stay recorded.
    fn restore(&mut self, now: After<'_>) -> Result<()> {
        let before = std::mem::take(&mut self.remembered);
        let metrics: Vec<Metric> = self.clocks.iter().map(|clock| clock.metric).collect();
        for metric in metrics {
            let Some(current) = self.clock(metric).cloned() else { continue };
            let Some(earlier) = before.iter().find(|it| it.metric == metric) else {
                // The command has started this clock.
                self.cancel(metric, now)?;
                continue;
            };
            // A warning or a breach at the beginning of the command may be all that has changed.
            let values = |it: &Clock| {
                let pinned = (it.pinned_to, it.target, it.revision, it.cycle);
                (pinned, it.state.is_open(), it.counted_from, it.carried, it.ended_at)
            };
            if *earlier == current || (current.state.is_open() && values(earlier) == values(&current)) {
                continue;
            }
            let mut clock = earlier.clone();
            if earlier.cycle == current.cycle {
                clock.alerted.extend(current.alerted.iter().filter(|it| !earlier.alerted.contains(it)));
                clock.alerted.sort_unstable();
                if current.revision != earlier.revision {
                    clock.revision = current.revision + 1;
                }
                if let Some(breached) = current.breached_at.filter(|_| clock.breached_at.is_none())
                    && clock.state.is_open()
                {
                    clock.step(ClockStep::Breach)?;
                    clock.breached_at = Some(breached);
                }
            } else {
                self.cancel(metric, now)?;
            }
            if clock.state.is_open() { self.remeasure(clock, now)? } else { self.set(clock) }
        }
        self.toggle(now)
    }

    fn reopened(&mut self, from: StateKind, now: After<'_>) -> Result<()> {
        for clock in self.clocks.clone() {
            let compiled = self.agreements.of(clock.pinned_to)?;
            let Some(how) = compiled.agreement(&clock.agreement).map(|it| it.on_reopen) else { continue };
            let continues = match clock.metric {
                Metric::FirstReply => {
                    clock.state == ClockState::Cancelled && now.ticket.first_replied_at.is_none()
                }
                Metric::NextReply => false,
                Metric::Handling(line) => line == now.ticket.line,
                _ => true,
            };
            if clock.state.is_open() || !continues || how == OnReopen::Freeze {
                continue;
            }
            match (clock.metric, how) {
                (Metric::PeriodicUpdate, _) => self.start(clock.metric, now.at, now)?,
                // The clock ended before the ticket was finished.
                (metric, _) if metric != Metric::FirstReply && !clock.ended_with_ticket => {}
                (_, OnReopen::NewCycle) => self.start(clock.metric, now.at, now)?,
                _ => self.continue_from(from, clock, now)?,
            }
        }
        self.rechoose(now)
    }

    /// Continues an ended clock when the ticket leaves the state that ended it.
    fn continue_from(&mut self, from: StateKind, clock: Clock, now: After<'_>) -> Result<()> {
        let entered = match from {
            StateKind::Resolved => now.ticket.resolved_at,
            StateKind::Closed => now.ticket.closed_at,
            _ => None,
        };
        // True if the ticket has been in that state since the clock ended, and the state does not count.
        let stopped =
            entered.is_some() && entered == clock.ended_at && !self.measure(&clock)?.counts(from, None);
        let ended = clock.ended_at;
        let mut clock = continue_clock(clock)?;
        if !stopped {
            return self.remeasure(clock, now);
        }
        clock.due_at = clock.due_at.filter(|due| Some(*due) <= ended);
        self.update(clock, now)
    }

    /// Applies a hand-over to another team or line.
    fn handed_over(&mut self, now: After<'_>) -> Result<()> {
        for metric in self.open_metrics() {
            if matches!(metric, Metric::Handling(line) if line != now.ticket.line) {
                self.finish(metric, now)?;
            }
        }
        self.rechoose(now)?;
        let metric = Metric::Handling(now.ticket.line);
        if !now.ticket.state.kind().is_open() || self.is_open(metric) {
            return Ok(());
        }
        self.start(metric, now.at, now)
    }

    /// Pauses and resumes clocks according to the ticket's state.
    fn toggle(&mut self, now: After<'_>) -> Result<()> {
        for metric in self.open_metrics() {
            let Some(clock) = self.clock(metric) else { continue };
            if self.counts(clock, now.ticket)? != clock.running_since.is_some() {
                self.update(clock.clone(), now)?;
            }
        }
        Ok(())
    }
}

/// Starting clocks and giving them other targets.
impl ClockDraft {
    /// Chooses the agreement again, gives open clocks its targets, and starts the clocks that it adds.
    fn rechoose(&mut self, now: After<'_>) -> Result<()> {
        let Some(compiled) = self.agreements_for(now.at)? else { return Ok(()) };
        let agreement = compiled.choose(now.ticket).cloned();
        for metric in self.open_metrics() {
            let how = agreement.as_ref().map_or(OnPriorityChange::default(), |it| it.on_priority_change);
            self.rebind(metric, &compiled, agreement.as_ref(), how, now)?;
        }
        if now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// Starts the clocks that the ticket's agreement requires and that have not started before. Continues cancelled
    /// clocks that have a target again.
    fn begin(&mut self, now: After<'_>) -> Result<()> {
        let Some(compiled) = self.agreements_for(now.at)? else { return Ok(()) };
        let Some(agreement) = compiled.choose(now.ticket) else { return Ok(()) };
        let since_opening = agreement.on_priority_change == OnPriorityChange::FromOpening;
        let from = match (since_opening, self.import_clocks) {
            (true, ImportClocks::From(from)) => now.ticket.opened_at.max(from),
            (true, _) => now.ticket.opened_at,
            (false, _) => now.at,
        };
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
                Some(clock) if clock.state.is_open() || clock.ended_with_ticket => {}
                Some(_) if handling => self.start(metric, now.at, now)?,
                Some(clock) if clock.state == ClockState::Cancelled => {
                    self.rebind(metric, &compiled, Some(agreement), agreement.on_priority_change, now)?;
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Gives a clock the target of this agreement. The clock is cancelled if the agreement has no target for it, and
    /// continued if it was cancelled and the agreement has one.
    fn rebind(
        &mut self,
        metric: Metric,
        compiled: &CompiledAgreements,
        agreement: Option<&Agreement>,
        how: OnPriorityChange,
        now: After<'_>,
    ) -> Result<()> {
        let Some(mut clock) = self.clock(metric).cloned() else { return Ok(()) };
        let priority = now.ticket.priority();
        let found = agreement.and_then(|it| it.target_for(metric, priority).map(|target| (it, target)));
        let Some((agreement, target)) = found else { return self.cancel(metric, now) };
        let time = target.time_for(priority).unwrap_or(clock.target);
        let measure = Measure::new(compiled, target)?;
        let was_away = clock.state == ClockState::Cancelled;
        if !was_away && clock.target == time && self.measure(&clock)?.is_like(&measure) {
            let bound = (compiled.hash(), agreement.name());
            if (clock.pinned_to, clock.agreement.as_str()) != bound {
                (clock.pinned_to, clock.agreement, clock.priority) = (bound.0, bound.1.to_owned(), priority);
                self.set(clock);
            }
            return Ok(());
        }
        // The consumed time is kept if the new target counts the same time as the old one.
        let mut keeps_consumed = false;
        match how {
            OnPriorityChange::FromOpening => {
                keeps_consumed = !was_away
                    && !now.ticket.out_of_order
                    && (clock.counted_from, clock.carried) == (clock.from, TimeDelta::zero())
                    && self.measure(&clock)?.counts_like(&measure);
                (clock.counted_from, clock.carried) = (clock.from, TimeDelta::zero());
            }
            OnPriorityChange::CarryElapsed => {
                let consumed = self.consumed(&clock, clock.ended_at.unwrap_or(now.at), now.ticket)?;
                (clock.counted_from, clock.carried) = (now.at.max(clock.from), consumed);
            }
            OnPriorityChange::Restart => {
                (clock.counted_from, clock.carried) = (now.at.max(clock.from), TimeDelta::zero());
            }
        }
        (clock.pinned_to, clock.priority, clock.target) = (compiled.hash(), priority, time);
        agreement.name().clone_into(&mut clock.agreement);
        clock.revision += 1;
        // If a reaction of the desk changed the target, the clock must not repeat its warnings.
        if !now.by_desk {
            clock.alerted.clear();
            clock.breached_at = None;
        }
        (clock.ended_at, clock.ended_with_ticket) = (None, false);
        clock.step(if was_away { ClockStep::Continue } else { ClockStep::Revise })?;
        if clock.breached_at.is_some() {
            clock.step(ClockStep::Breach)?;
        }
        if !keeps_consumed {
            return self.remeasure(clock, now);
        }
        (clock.due_at, clock.next) = (None, None);
        self.update(clock, now)
    }
}

//! The fold of events into clocks.
//!
//! A decision applies each new event, and a replay applies a stored history; both use the same functions. The result
//! depends on the events and the adopted agreements alone, not on the current time or on the time of the last `tick`.
//! Events of one instant are applied in the order of their versions. Deadlines before the instant of an event are
//! breached before the event is applied. An event at the deadline itself is in time.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::policy::Policy;
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
/// The clocks are computed from the changes of the ticket. Warnings and breaches in the history mark the alerts that
/// were recorded already. [`Change::ClocksUpdated`] events are not used. `policies` are all adopted policies in the
/// order of their adoption, each with the instant from which it is in force.
///
/// # Errors
/// - [`Corrupt`](crate::ErrorKind::Corrupt) if the events do not belong to one ticket;
/// - [`Definition`](crate::ErrorKind::Definition) if a calendar of a policy is faulty.
pub fn replay(events: &[Event], policies: &[(DateTime<Utc>, Policy)]) -> Result<Vec<Clock>> {
    let mut agreements = AgreementSet::new();
    for (from, policy) in policies {
        agreements = agreements.with(*from, policy.compiled_agreements()?);
    }
    let marks = events.iter().enumerate().filter_map(|(place, event)| match &event.change {
        Change::Imported(mark) => Some((place, mark)),
        _ => None,
    });
    let import_clocks = marks.clone().next().map_or_else(ImportClocks::default, |(_, mark)| mark.clocks);
    let mut marks = marks.peekable();
    // During an import, the number of versions of the agreements that are in force at its end.
    let mut importing = None;
    let draft = ClockDraft::beginning(agreements.clone(), import_clocks);
    let mut replay = Replay::beginning(draft, events);
    let mut cycles: Vec<Clock> = Vec::new();
    for (place, event) in events.iter().enumerate() {
        if importing.is_none()
            && event.origin.is_some()
            && let Some((_, mark)) = marks.peek()
        {
            let in_force =
                agreements.count_known_after(replay.draft.reached(), mark.quiet_until, mark.adopted);
            replay.draft.measure_under(agreements.as_if_always(in_force), 0);
            importing = Some(in_force);
        }
        replay.step(events, place)?;
        if marks.next_if(|(end, _)| *end == place).is_some()
            && let Some(in_force) = importing.take()
        {
            replay.draft.measure_under(agreements.clone(), in_force);
        }
        for clock in replay.draft.take_changed() {
            match cycles.iter_mut().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle)) {
                Some(cycle) => *cycle = clock,
                None => cycles.push(clock),
            }
        }
    }
    Ok(cycles)
}

/// A replay of a history up to an event.
#[derive(Debug)]
struct Replay {
    /// `None` before the first event.
    ticket: Option<Snapshot>,
    draft: ClockDraft,
    /// The clocks before each event, which a correction restores; `None` if the history has no correction.
    clocks_before: Option<Vec<Vec<Clock>>>,
}

impl Replay {
    /// Starts the replay of a history.
    fn beginning(draft: ClockDraft, history: &[Event]) -> Replay {
        let corrected = (1..history.len()).any(|place| taken_back(history, place).is_some());
        Replay { ticket: None, draft, clocks_before: corrected.then(Vec::new) }
    }

    /// Applies one event of a history.
    fn step(&mut self, history: &[Event], place: usize) -> Result<()> {
        let (event, draft) = (&history[place], &mut self.draft);
        if let Some(clocks_before) = &mut self.clocks_before {
            clocks_before.push(draft.clocks.clone());
            let clocks = taken_back(history, place).and_then(|first| clocks_before.get(first));
            draft.remember(clocks.map_or(&[], Vec::as_slice));
        }
        let ticket = match &mut self.ticket {
            Some(ticket) => {
                if let Change::PolicyRebound { agreements } = &event.change
                    && draft.is_unmeasured(ticket)
                {
                    draft.measure_import(&history[..place], *agreements)?;
                }
                draft.reach(event.at, ticket)?;
                ticket.apply(event)?;
                ticket
            }
            None => self.ticket.insert(Snapshot::fold([event])?),
        };
        draft.enter_versions(draft.agreements.count_known_after(draft.reached(), event.at, event.adopted));
        draft.observe(event, ticket)
    }
}

/// The clocks of imported tickets.
impl ClockDraft {
    /// True if the ticket was imported when no agreement applied to it, and none has applied since.
    pub(crate) fn is_unmeasured(&self, ticket: &Snapshot) -> bool {
        self.clocks.is_empty() && ticket.imported.as_deref().is_some_and(ImportMark::awaits_agreements)
    }

    /// Measures the history of an imported ticket as if these agreements had always been in force.
    pub(crate) fn measure_import(&mut self, history: &[Event], agreements: Fingerprint) -> Result<()> {
        let always = AgreementSet::always(self.agreements.of(agreements)?.clone());
        let mut replay = Replay::beginning(ClockDraft::beginning(always, self.import_clocks), history);
        for place in 0..history.len() {
            replay.step(history, place)?;
        }
        let ClockDraft { clocks, intervals, changed, .. } = replay.draft;
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
        if !ticket.state.kind().is_open() || self.agreements.count_until(from) == 0 {
            return Ok(());
        }
        self.enter_versions_until(from);
        self.begin(After { at: from, ticket, by_agent: false })
    }

    /// Applies the mark of an import.
    fn imported(&mut self, mark: &ImportMark, now: After<'_>) -> Result<()> {
        self.reach(mark.quiet_until, now.ticket)?;
        self.silence_all(now)
    }
}

impl ClockDraft {
    /// Applies an event. `ticket` is the ticket right after the event.
    pub(crate) fn observe(&mut self, event: &Event, ticket: &Snapshot) -> Result<()> {
        // Imported events may be dated before the opening, or before the instant from which clocks count. For the
        // clocks, they happen at that instant.
        let begins = match self.import_clocks {
            ImportClocks::From(from) => ticket.opened_at.max(from),
            _ => ticket.opened_at,
        };
        let now = After { at: event.at.max(begins), ticket, by_agent: matches!(event.by.who, Who::Agent(_)) };
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
        self.enter_versions(self.agreements.count_before(now.at));
        let is_early = matches!(self.import_clocks, ImportClocks::From(from) if event.at < from);
        if self.clocks.is_empty() && (is_early || self.in_force().is_none()) {
            return Ok(());
        }
        match &event.change {
            // These events only record results and do not affect the clocks.
            Change::ClocksUpdated { .. } => return Ok(()),
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
                self.migrated(*agreements, now)?;
                self.silence_all(now)
            }
            Change::Replied { .. } if now.by_agent => self.answered(now),
            Change::Received(arrived) if arrived.needs_reply => self.asked(now),
            Change::StateChanged { cause: Cause::NotSpam, .. } => {
                self.restore(now)?;
                // The description may have changed while the ticket was spam.
                self.rechoose(now)
            }
            Change::Undone { .. } => self.restore(now),
            // The state continues: only the date or the reason of a hold, or the resolution changed.
            Change::StateChanged { from, to, .. } if *from == to.kind() => self.toggle(now),
            Change::StateChanged { from, .. } => self.moved(*from, now),
            Change::HandedOver { .. } => self.handed_over(now),
            Change::Assigned { to } => {
                if to.is_some() {
                    self.finish(Metric::Assignment, now)?;
                }
                self.rechoose(now)
            }
            Change::Prioritised { .. } | Change::DetailsChanged(_) => self.rechoose(now),
            _ => Ok(()),
        }
    }

    /// Migrates the open clocks to these agreements. The clocks are measured again from their beginning.
    fn migrated(&mut self, to: Fingerprint, now: After<'_>) -> Result<()> {
        if let Some(place) = self.agreements.place_of(to, self.agreements.count_before(now.at)) {
            self.enter_versions(place + 1);
        }
        let compiled = self.agreements.of(to)?.clone();
        let agreement = compiled.choose(now.ticket).cloned();
        let mut migrates = false;
        for clock in self.clocks.clone().iter().filter(|it| it.state.is_open()) {
            if self.follows(clock)? {
                self.rebind(clock.metric, &compiled, agreement.as_ref(), OnPriorityChange::FromOpening, now)?;
                migrates = true;
            }
        }
        // Start the metrics that the new agreements add, but only if all open clocks have migrated. A clock that
        // started under the old agreements would have to migrate at once.
        let mut open = self.clocks.iter().filter(|it| it.state.is_open());
        let changed_over = migrates && open.all(|it| it.pinned_to == to);
        if changed_over && now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// Applies a warning or a breach of the history.
    fn alerted(&mut self, alert: &Alert, now: After<'_>) -> Result<()> {
        let same = |clock: &&Clock| clock.cycle == alert.cycle;
        let Some(mut clock) = self.clock(alert.metric).filter(same).cloned() else { return Ok(()) };
        self.measure(&clock)?.mark_alerted(&mut clock, alert.percent, alert.left);
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

    /// Applies a message that needs a reply. Before the first reply, it starts a first-reply clock if no contact opened
    /// the ticket and it is the first message. After the first reply, it starts a next-reply clock. An open clock
    /// counts from the oldest unanswered message.
    fn asked(&mut self, now: After<'_>) -> Result<()> {
        let ticket = now.ticket;
        if ticket.state.kind().is_final() {
            return Ok(());
        }
        if ticket.first_replied_at.is_none() {
            let is_first = ticket.asked_at == Some(now.at) && self.clock(Metric::FirstReply).is_none();
            return if is_first { self.start(Metric::FirstReply, now.at, now) } else { Ok(()) };
        }
        if [Metric::FirstReply, Metric::NextReply].into_iter().any(|metric| self.is_open(metric)) {
            return Ok(());
        }
        self.start(Metric::NextReply, now.at, now)
    }

    fn moved(&mut self, from: StateKind, now: After<'_>) -> Result<()> {
        let to = now.ticket.state.kind();
        let open = self.open_metrics();
        if from == StateKind::New && to != StateKind::Cancelled && to != StateKind::New {
            self.finish(Metric::Acceptance, now)?;
        }
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
                        Metric::FirstReply | Metric::NextReply | Metric::Assignment if !now.by_agent => {
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
            self.mark_ended(&open);
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
                let deadline = self.measure(&current)?.deadline(&current, now.at);
                clock = Clock::restored(earlier, &current, deadline);
                if let Some(breached) = current.breached_at.filter(|_| clock.breached_at.is_none())
                    && clock.state.is_open()
                {
                    clock.step(ClockStep::Breach)?;
                    clock.breached_at = Some(breached);
                }
            } else {
                clock.taken_back = current.cycle + current.taken_back - earlier.cycle;
                self.cancel(metric, now)?;
            }
            if clock.state.is_open() { self.begin_target(clock, now)? } else { self.set(clock) }
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
                Metric::Assignment => clock.state == ClockState::Cancelled && now.ticket.assignee.is_none(),
                Metric::NextReply | Metric::Acceptance => false,
                Metric::Handling(line) => line == now.ticket.line,
                _ => true,
            };
            if clock.state.is_open() || !continues || how == OnReopen::Freeze {
                continue;
            }
            match (clock.metric, how) {
                (Metric::PeriodicUpdate, _) => self.start(clock.metric, now.at, now)?,
                // The clock ended before the ticket was finished.
                _ if !clock.ended_with_ticket => {}
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
        // True if the ticket has been in that state since the clock ended, and the state does not count. A correction
        // may have returned the ticket to that state.
        let stayed = now.ticket.undone == 0 && entered.is_some() && entered == clock.ended_at;
        let stopped = stayed && !self.measure(&clock)?.counts(from, None);
        let ended = clock.ended_at;
        let mut clock = continue_clock(clock)?;
        if !stopped {
            return self.begin_target(clock, now);
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
    /// Chooses the agreement again. An open clock keeps its target if its version still gives it the same one.
    /// Otherwise the clock gets the target of the version in force. Then starts the clocks that the agreement adds.
    fn rechoose(&mut self, now: After<'_>) -> Result<()> {
        let Some(compiled) = self.in_force().cloned() else { return Ok(()) };
        let agreement = compiled.choose(now.ticket).cloned();
        for metric in self.open_metrics() {
            if !self.keeps_target(metric, now)? {
                let how = agreement.as_ref().map_or(OnPriorityChange::default(), |it| it.on_priority_change);
                self.rebind(metric, &compiled, agreement.as_ref(), how, now)?;
            }
        }
        if now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// True if the version to which an open clock is pinned still gives it the same agreement and target time.
    fn keeps_target(&mut self, metric: Metric, now: After<'_>) -> Result<bool> {
        let Some(mut clock) = self.clock(metric).cloned() else { return Ok(true) };
        let (ticket, priority) = (now.ticket, now.ticket.priority());
        let pinned = self.agreements.of(clock.pinned_to)?;
        let agreement = pinned.choose(ticket).filter(|it| it.name() == clock.agreement);
        let target = agreement.and_then(|it| it.target_for(metric, priority));
        let keeps = target.and_then(|it| it.time_from(clock.from, priority, ticket)) == Some(clock.target);
        if keeps && clock.priority != priority {
            clock.priority = priority;
            self.set(clock);
        }
        Ok(keeps)
    }

    /// Starts the clocks that the ticket's agreement requires and that have not started before. Continues cancelled
    /// clocks that have a target again. The versions of the other clocks must have a target for the metric as well: a
    /// ticket that keeps an older version does not get targets that a newer version adds.
    fn begin(&mut self, now: After<'_>) -> Result<()> {
        let ticket = now.ticket;
        let Some(compiled) = self.in_force().cloned() else { return Ok(()) };
        let Some(agreement) = compiled.choose(ticket) else { return Ok(()) };
        let since_opening = agreement.on_priority_change == OnPriorityChange::FromOpening;
        let limits = self.limiting_versions()?;
        for metric in Metric::ALL {
            let wanted = match metric {
                Metric::NextReply | Metric::PeriodicUpdate => false,
                Metric::FirstReply => ticket.first_replied_at.is_none() && ticket.first_asked_at().is_some(),
                Metric::Assignment => ticket.assignee.is_none(),
                Metric::Acceptance => ticket.state.kind() == StateKind::New,
                Metric::Handling(line) => line == ticket.line,
                _ => true,
            };
            let has_target = |version: &Arc<CompiledAgreements>| {
                let agreement = version.choose(ticket);
                agreement.is_some_and(|it| it.target_for(metric, ticket.priority()).is_some())
            };
            if !wanted || !limits.iter().all(has_target) {
                continue;
            }
            let handling = matches!(metric, Metric::Handling(_));
            let start =
                if metric == Metric::FirstReply { ticket.first_asked_at() } else { Some(ticket.opened_at) };
            let start = match self.import_clocks {
                ImportClocks::From(from) => start.map(|start| start.max(from)),
                _ => start,
            };
            let from = start.filter(|_| since_opening && !handling).unwrap_or(now.at);
            match self.clock(metric) {
                None => self.start(metric, from, now)?,
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
        let found = found.and_then(|(agreement, target)| {
            Some((agreement, target, target.time_from(clock.from, priority, now.ticket)?))
        });
        let Some((agreement, target, time)) = found else { return self.cancel(metric, now) };
        // A deadline in a field does not depend on the elapsed time.
        let how = if target.field().is_some() { OnPriorityChange::FromOpening } else { how };
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
        let deadline = self.measure(&clock)?.deadline(&clock, now.at);
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
        clock.forget_unrecorded_breach();
        clock.replace_target(time, deadline);
        (clock.pinned_to, clock.priority) = (compiled.hash(), priority);
        agreement.name().clone_into(&mut clock.agreement);
        (clock.ended_at, clock.ended_with_ticket) = (None, false);
        clock.step(if was_away { ClockStep::Continue } else { ClockStep::Revise })?;
        if clock.breached_at.is_some() {
            clock.step(ClockStep::Breach)?;
        }
        (clock.due_at, clock.next) = (None, None);
        if keeps_consumed { self.extend_target(clock, now) } else { self.begin_target(clock, now) }
    }
}

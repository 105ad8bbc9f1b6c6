//! The fold: from events to clocks.
//!
//! The same steps serve a decision, which lets them hear each event as it comes about, and a replay, which lets them
//! hear a history. What they give depends on nothing else: no present time, no order of looking. Of events at one
//! instant the order of their versions counts. Before an event is heard, what fell due before its instant has
//! passed: whoever comes at the deadline itself is in time.

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::sla::{
    Agreement, AgreementSet, Alert, Clock, ClockState, ClockStep, CompiledAgreements, Measure, Metric,
    OnPriorityChange, OnReopen, Present, Reached, StateInterval,
};
use crate::ticket::decision::clock_draft::{After, ClockDraft, go_on};
use crate::ticket::event::{Change, Event};
use crate::ticket::people::Who;
use crate::ticket::snapshot::Snapshot;

/// The clocks after a whole history: every cycle of every metric, in the order in which they began.
///
/// What the history itself says of clocks is not believed: they come out of what happened to the ticket. Only that
/// a warning or a breach was told is taken from it.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the events are not one ticket's.
pub fn replay(events: &[Event], agreements: &AgreementSet) -> Result<Vec<Clock>> {
    let Some((first, rest)) = events.split_first() else { return Ok(Vec::new()) };
    let mut ticket = Snapshot::fold([first])?;
    let mut work = ClockDraft::beginning(agreements.clone());
    work.observe(first, &ticket)?;
    for event in rest {
        ticket.apply(event)?;
        work.observe(event, &ticket)?;
    }
    let mut cycles: Vec<Clock> = Vec::new();
    for clock in work.changed {
        match cycles.iter_mut().find(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle)) {
            Some(cycle) => *cycle = clock,
            None => cycles.push(clock),
        }
    }
    Ok(cycles)
}

impl ClockDraft {
    /// Hears an event; `ticket` is as it stands right after it.
    pub(crate) fn observe(&mut self, event: &Event, ticket: &Snapshot) -> Result<()> {
        let now = After {
            at: event.at,
            ticket,
            by_agent: matches!(event.by.who, Who::Agent(_)),
            by_desk: event.by.who == Who::Desk,
        };
        self.intervals.extend(event);
        if self.clocks.is_empty() && self.agreements.at(now.at).is_none() {
            return Ok(());
        }
        match &event.change {
            // Neither happens to the ticket: they are notes about what did.
            Change::Clocked { .. } | Change::Imported { .. } => return Ok(()),
            Change::Warned(alert) | Change::Breached(alert) => return self.alerted(alert, now),
            // It changes what counted before this instant, and so the deadlines that may have passed.
            Change::StateRedated => return self.restamped(now),
            _ => self.pass(now.at)?,
        }
        match &event.change {
            Change::Opened(_) => {
                self.begin(now)?;
                // An imported history may begin with a ticket that has ended.
                if ticket.state.kind().is_open() { Ok(()) } else { self.moved(StateKind::New, now) }
            }
            Change::PolicyRebound { agreements } => {
                self.migrated(*agreements, After { by_desk: false, ..now })
            }
            Change::Replied { .. } if now.by_agent => self.answered(now),
            Change::Received { .. } if ticket.is_asked_by(&event.by.who) => self.asked(now),
            Change::Moved { from, .. } => self.moved(*from, now),
            Change::HandedOver { .. } => self.handed_over(now),
            Change::Prioritised { .. } | Change::Described(_) | Change::Assigned { .. } => self.rechoose(now),
            _ => Ok(()),
        }
    }

    /// The rules in force to which clocks want to change over, and since when these hold.
    pub(crate) fn migration(&self, at: DateTime<Utc>) -> Result<Option<(DateTime<Utc>, Fingerprint)>> {
        let Some((since, latest)) = self.agreements.at(at) else { return Ok(None) };
        for clock in self.clocks.iter().filter(|it| it.state.is_open() && it.pinned_to != latest.hash()) {
            if self.follows(clock)? {
                return Ok(Some((*since, latest.hash())));
            }
        }
        Ok(None)
    }

    /// Its clocks change over to these rules, by which they are measured from their beginning.
    fn migrated(&mut self, to: Fingerprint, now: After<'_>) -> Result<()> {
        let rules = self.agreements.of(to)?.clone();
        let agreement = rules.choose(now.ticket).cloned();
        for clock in self.clocks.clone().iter().filter(|it| it.state.is_open()) {
            if self.follows(clock)? {
                self.rebind(clock.metric, &rules, agreement.as_ref(), OnPriorityChange::FromOpening, now)?;
            }
        }
        // Only where the new rules are those by which the ticket is measured now: what began by old ones would want
        // to change over at once.
        let mut open = self.clocks.iter().filter(|it| it.state.is_open()).peekable();
        let changed_over = open.peek().is_some() && open.all(|it| it.pinned_to == to);
        if changed_over && now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// A warning or a breach stands in the history.
    fn alerted(&mut self, alert: &Alert, After { at, ticket, .. }: After<'_>) -> Result<()> {
        let same = |clock: &&Clock| clock.cycle == alert.cycle;
        let Some(mut clock) = self.clock(alert.metric).filter(same).cloned() else { return Ok(()) };
        if !clock.alerted.contains(&alert.percent) {
            clock.alerted.push(alert.percent);
        }
        if alert.percent >= 100 && clock.breached_at.is_none() {
            clock.step(ClockStep::Breach)?;
            clock.breached_at = Some(alert.due);
        }
        let measure = self.measure(&clock)?;
        let now = Present { at, counts: clock.running_since.is_some() };
        clock.next = match measure.following_alarm(&clock, clock.due_at, now) {
            Reached::Known(next) if !ticket.out_of_order => next,
            _ => measure.next_alarm(&clock, &self.intervals.since(clock.counted_from, ticket)?),
        };
        self.set(clock);
        Ok(())
    }

    /// An agent answered.
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

    /// The requester wrote. While the first reply is owed, it is the answer to this too; and the oldest unanswered
    /// message is the one that counts.
    fn asked(&mut self, now: After<'_>) -> Result<()> {
        let owed = [Metric::FirstReply, Metric::NextReply];
        let answered_once = now.ticket.first_replied_at.is_some()
            || match self.clock(Metric::FirstReply) {
                Some(clock) => matches!(clock.state, ClockState::Met | ClockState::Missed),
                None => now.ticket.resolved_at.is_some(),
            };
        if !answered_once || owed.into_iter().any(|metric| self.is_open(metric)) {
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
                        // No further update is owed; one that is owed already was late.
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

    /// The state in which it is began later than was said: so ended what that state ends.
    fn restamped(&mut self, now: After<'_>) -> Result<()> {
        let state = now.ticket.state.kind();
        let mut ending = Vec::new();
        for clock in self.clocks.clone() {
            let intervals = self.intervals.all(now.ticket)?;
            // Some time belongs to the state before now, and may count otherwise there.
            let (measure, before) = (self.measure(&clock)?, intervals.iter().rev().nth(1));
            let counted_before = before.is_some_and(|it| measure.counts_in(it));
            let moves = match clock.metric {
                Metric::Resolution | Metric::RequesterWait | Metric::AgentWork => {
                    state == StateKind::Resolved
                }
                Metric::Closure => state == StateKind::Closed,
                Metric::Handling(line) => state == StateKind::Resolved && line == now.ticket.line,
                _ => false,
            };
            if moves && matches!(clock.state, ClockState::Met | ClockState::Missed) {
                ending.push(clock.metric);
                self.remeasure(go_on(clock)?, now)?;
            } else if clock.state.is_open() && counted_before != self.counts(&clock, now.ticket)? {
                self.remeasure(clock, now)?;
            }
        }
        self.pass(now.at)?;
        for metric in ending {
            self.finish(metric, now)?;
        }
        for mut clock in self.clocks.clone() {
            let Some(ended) = clock.ended_at else { continue };
            let intervals = self.intervals.all(now.ticket)?;
            let began = |it: &StateInterval| !it.state.is_open() && it.since == ended;
            let with_ticket = intervals.iter().any(began);
            if clock.ended_with_ticket != with_ticket {
                clock.ended_with_ticket = with_ticket;
                self.set(clock);
            }
        }
        Ok(())
    }

    fn reopened(&mut self, from: StateKind, now: After<'_>) -> Result<()> {
        for clock in self.clocks.clone() {
            let rules = self.agreements.of(clock.pinned_to)?;
            let Some(how) = rules.agreement(&clock.agreement).map(|it| it.on_reopen) else { continue };
            let owed = match clock.metric {
                Metric::FirstReply => {
                    clock.state == ClockState::Cancelled && now.ticket.first_replied_at.is_none()
                }
                Metric::NextReply => false,
                Metric::Handling(line) => line == now.ticket.line,
                _ => true,
            };
            if clock.state.is_open() || !owed || how == OnReopen::Freeze {
                continue;
            }
            match (clock.metric, how) {
                (Metric::PeriodicUpdate, _) => self.start(clock.metric, now.at, now)?,
                // It ended before the ticket did.
                (metric, _) if metric != Metric::FirstReply && !clock.ended_with_ticket => {}
                (_, OnReopen::NewCycle) => self.start(clock.metric, now.at, now)?,
                _ => self.go_on_from(from, clock, now)?,
            }
        }
        self.rechoose(now)
    }

    /// Lets a clock go on after the ticket was in a state in which it had ended.
    fn go_on_from(&mut self, from: StateKind, clock: Clock, now: After<'_>) -> Result<()> {
        let entered = match from {
            StateKind::Resolved => now.ticket.resolved_at,
            StateKind::Closed => now.ticket.closed_at,
            _ => None,
        };
        // The ticket has been in that state since the clock ended, and nothing counted there.
        let stopped =
            entered.is_some() && entered == clock.ended_at && !self.measure(&clock)?.counts(from, None);
        let ended = clock.ended_at;
        let mut clock = go_on(clock)?;
        if !stopped {
            return self.remeasure(clock, now);
        }
        clock.due_at = clock.due_at.filter(|due| Some(*due) <= ended);
        self.update(clock, now)
    }

    /// It came to another team, perhaps on another line.
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

    /// Pauses and resumes what the ticket's state now pauses and resumes.
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

/// The mechanics of the fold: how clocks begin, are timed, given other targets, and end.
impl ClockDraft {
    /// Chooses the agreement anew, gives running clocks its targets, and starts those that it adds.
    fn rechoose(&mut self, now: After<'_>) -> Result<()> {
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
    fn begin(&mut self, now: After<'_>) -> Result<()> {
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
                Some(clock) if clock.state.is_open() || clock.ended_with_ticket => {}
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
    fn rebind(
        &mut self,
        metric: Metric,
        rules: &CompiledAgreements,
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
            if (clock.pinned_to, clock.agreement.as_str()) != bound {
                (clock.pinned_to, clock.agreement, clock.priority) = (bound.0, bound.1.to_owned(), priority);
                self.set(clock);
            }
            return Ok(());
        }
        // Where the same time counts as before, what was counted stands.
        let mut stands = false;
        match how {
            OnPriorityChange::FromOpening => {
                stands = !was_away
                    && !now.ticket.out_of_order
                    && (clock.counted_from, clock.carried) == (clock.from, TimeDelta::zero())
                    && self.measure(&clock)?.counts_like(&measure);
                (clock.counted_from, clock.carried) = (clock.from, TimeDelta::zero());
            }
            OnPriorityChange::CarryElapsed => {
                let consumed = self.consumed(&clock, clock.ended_at.unwrap_or(now.at), now.ticket)?;
                (clock.counted_from, clock.carried) = (now.at, consumed);
            }
            OnPriorityChange::Restart => {
                (clock.counted_from, clock.carried) = (now.at, TimeDelta::zero());
            }
        }
        (clock.pinned_to, clock.priority, clock.target) = (rules.hash(), priority, time);
        agreement.name().clone_into(&mut clock.agreement);
        clock.revision += 1;
        // What the desk did of itself, to help a clock that runs out, does not start the warnings over again.
        if !now.by_desk {
            clock.alerted.clear();
            clock.breached_at = None;
        }
        (clock.ended_at, clock.ended_with_ticket) = (None, false);
        clock.step(if was_away { ClockStep::GoOn } else { ClockStep::Revise })?;
        if clock.breached_at.is_some() {
            clock.step(ClockStep::Breach)?;
        }
        if !stands {
            return self.remeasure(clock, now);
        }
        (clock.due_at, clock.next) = (None, None);
        self.update(clock, now)
    }
}

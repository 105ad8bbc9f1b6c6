//! The fold: from events to clocks.
//!
//! The same steps serve a decision, which lets them hear each event as it comes about, and a replay, which lets them
//! hear a history. What they give depends on nothing else: no present time, no order of looking. Of events at one
//! instant the order of their versions counts. Before an event is heard, what fell due before its instant has
//! passed: whoever comes at the deadline itself is in time.

use chrono::{DateTime, Utc};

use crate::definition::Fingerprint;
use crate::error::Result;
use crate::lifecycle::StateKind;
use crate::sla::{
    Alert, Clock, ClockState, ClockStep, Measure, Metric, OnPolicyChange, OnPriorityChange, OnReopen,
    Rulebook,
};
use crate::ticket::clockwork::{ended_with, next_alarm};
use crate::ticket::event::{Change, Event};
use crate::ticket::people::Who;
use crate::ticket::snapshot::Snapshot;

/// The ticket right after an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct After<'a> {
    pub(super) at: DateTime<Utc>,
    pub(super) ticket: &'a Snapshot,
    pub(super) by_agent: bool,
    pub(super) by_desk: bool,
}

/// The clocks of a ticket at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Clockwork {
    pub(super) rulebook: Rulebook,
    /// The latest cycle of each metric.
    pub(super) clocks: Vec<Clock>,
    /// What changed since it was last taken: the latest value of each cycle and revision, in order.
    pub(super) changed: Vec<Clock>,
}

/// The clocks after a whole history: every cycle of every metric, in the order in which they began.
///
/// What the history itself says of clocks is not believed: they come out of what happened to the ticket. Only that
/// a warning or a breach was told is taken from it.
///
/// # Errors
/// [`ErrorKind::Corrupt`](crate::ErrorKind::Corrupt) if the events are not one ticket's.
pub fn replay(events: &[Event], rulebook: &Rulebook) -> Result<Vec<Clock>> {
    let Some((first, rest)) = events.split_first() else { return Ok(Vec::new()) };
    let mut ticket = Snapshot::fold([first])?;
    let mut work = Clockwork::new(rulebook.clone(), Vec::new());
    work.hear(first, &ticket)?;
    for event in rest {
        ticket.apply(event)?;
        work.hear(event, &ticket)?;
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

impl Clockwork {
    pub(crate) fn new(rulebook: Rulebook, clocks: Vec<Clock>) -> Clockwork {
        Clockwork { rulebook, clocks, changed: Vec::new() }
    }

    /// The latest cycle of each metric.
    pub(crate) fn clocks(&self) -> &[Clock] {
        &self.clocks
    }

    /// What changed since this was last asked.
    pub(crate) fn take_changed(&mut self) -> Vec<Clock> {
        std::mem::take(&mut self.changed)
    }

    /// The target's measure of this clock.
    pub(crate) fn measure(&self, clock: &Clock) -> Result<Measure<'_>> {
        Measure::of(&self.rulebook, clock)
    }

    /// Hears an event; `ticket` is as it stands right after it.
    pub(crate) fn hear(&mut self, event: &Event, ticket: &Snapshot) -> Result<()> {
        let now = After {
            at: event.at,
            ticket,
            by_agent: matches!(event.by.who, Who::Agent(_)),
            by_desk: event.by.who == Who::Desk,
        };
        if self.clocks.is_empty() && self.rulebook.at(now.at).is_none() {
            return Ok(());
        }
        match &event.change {
            // Neither happens to the ticket: they are notes about what did.
            Change::Clocked { .. } | Change::Imported { .. } => return Ok(()),
            Change::Warned(alert) | Change::Breached(alert) => return self.told(alert, ticket),
            _ => self.pass(now.at)?,
        }
        match &event.change {
            Change::Opened(_) => {
                self.begin(now)?;
                // An imported history may begin with a ticket that has ended.
                if ticket.state.kind().is_open() { Ok(()) } else { self.moved(StateKind::New, now) }
            }
            Change::Migrated { policy } => self.migrated(*policy, After { by_desk: false, ..now }),
            Change::Replied { .. } if now.by_agent => self.answered(now),
            Change::Received { .. } if ticket.is_asked_by(&event.by.who) => self.asked(now),
            Change::Moved { from, .. } => self.moved(*from, now),
            Change::Restamped => self.restamped(now),
            Change::HandedOver { .. } => self.handed_over(now),
            Change::Prioritised { .. } | Change::Described(_) | Change::Assigned { .. } => self.rechoose(now),
            _ => Ok(()),
        }
    }

    /// The rules in force to which clocks want to change over, and since when these hold.
    pub(crate) fn migration(&self, at: DateTime<Utc>) -> Result<Option<(DateTime<Utc>, Fingerprint)>> {
        let Some((since, latest)) = self.rulebook.at(at) else { return Ok(None) };
        for clock in self.clocks.iter().filter(|it| it.state.is_open() && it.policy != latest.hash()) {
            if self.follows(clock)? {
                return Ok(Some((*since, latest.hash())));
            }
        }
        Ok(None)
    }

    /// Whether the clock's agreement changes over to new rules.
    pub(super) fn follows(&self, clock: &Clock) -> Result<bool> {
        let agreement = self.rulebook.of(clock.policy)?.agreement(&clock.agreement);
        Ok(agreement.is_some_and(|it| it.on_policy_change == OnPolicyChange::Migrate))
    }

    /// Its clocks change over to these rules, by which they are measured from their beginning.
    fn migrated(&mut self, to: Fingerprint, now: After<'_>) -> Result<()> {
        let rules = self.rulebook.of(to)?.clone();
        let agreement = rules.choose(now.ticket).cloned();
        for clock in self.clocks.clone().iter().filter(|it| it.state.is_open()) {
            if self.follows(clock)? {
                self.rebind(clock.metric, &rules, agreement.as_ref(), OnPriorityChange::FromOpening, now)?;
            }
        }
        // Only where the new rules are those by which the ticket is measured now: what began by old ones would want
        // to change over at once.
        let mut open = self.clocks.iter().filter(|it| it.state.is_open()).peekable();
        let changed_over = open.peek().is_some() && open.all(|it| it.policy == to);
        if changed_over && now.ticket.state.kind().is_open() { self.begin(now) } else { Ok(()) }
    }

    /// Lets deadlines pass that lie before an instant.
    fn pass(&mut self, at: DateTime<Utc>) -> Result<()> {
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

    /// A warning or a breach stands in the history.
    fn told(&mut self, alert: &Alert, ticket: &Snapshot) -> Result<()> {
        let same = |clock: &&Clock| clock.cycle == alert.cycle;
        let Some(mut clock) = self.clock(alert.metric).filter(same).cloned() else { return Ok(()) };
        if !clock.told.contains(&alert.percent) {
            clock.told.push(alert.percent);
        }
        if alert.percent >= 100 && clock.breached_at.is_none() {
            clock.step(ClockStep::Breach)?;
            clock.breached_at = Some(alert.due);
        }
        clock.next = next_alarm(&clock, &self.measure(&clock)?, ticket);
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
                self.reopened(now)?;
            }
            _ => {}
        }
        self.toggle(now)
    }

    /// The state in which it is began later than was said: so ended what that state ends.
    fn restamped(&mut self, now: After<'_>) -> Result<()> {
        let state = now.ticket.state.kind();
        for clock in self.clocks.clone() {
            let moves = match clock.metric {
                Metric::Resolution | Metric::RequesterWait | Metric::AgentWork => {
                    state == StateKind::Resolved
                }
                Metric::Closure => state == StateKind::Closed,
                Metric::Handling(line) => state == StateKind::Resolved && line == now.ticket.line,
                _ => false,
            };
            if moves && matches!(clock.state, ClockState::Met | ClockState::Missed) {
                let metric = clock.metric;
                self.go_on(clock, now)?;
                self.pass(now.at)?;
                self.finish(metric, now)?;
            }
        }
        Ok(())
    }

    fn reopened(&mut self, now: After<'_>) -> Result<()> {
        for clock in self.clocks.clone() {
            let rules = self.rulebook.of(clock.policy)?;
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
                (metric, _) if metric != Metric::FirstReply && !ended_with(now.ticket, &clock) => {}
                (_, OnReopen::NewCycle) => self.start(clock.metric, now.at, now)?,
                _ => self.go_on(clock, now)?,
            }
        }
        self.rechoose(now)
    }

    fn go_on(&mut self, mut clock: Clock, now: After<'_>) -> Result<()> {
        let late = clock.breached_at.filter(|_| clock.state == ClockState::Cancelled);
        clock.step(if clock.state == ClockState::Missed { ClockStep::GoOnLate } else { ClockStep::GoOn })?;
        if late.is_some() {
            clock.step(ClockStep::Breach)?;
        }
        clock.ended_at = None;
        self.time(clock, now)
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
            let counts = now.ticket.course.last().map(|leg| self.measure(clock).map(|it| it.counts(leg)));
            if counts.transpose()?.unwrap_or(false) != clock.running_since.is_some() {
                self.time(clock.clone(), now)?;
            }
        }
        Ok(())
    }
}

//! The rules of `firstline::sla` about the start, the end and the change of clocks. The numbers are those of the rules.

use std::collections::{BTreeMap, BTreeSet};

use firstline::reports::SpanKind;
use firstline::sla::{Metric, OnPolicyChange, OnPriorityChange, OnReopen};
use firstline::{Line, Priority, StateKind};

use super::calendar::Closed;
use super::ticket::{By, Event};
use super::{Agreement, Clock, Minute, Mistake, Point, Segment, Simulator, Target, Time, When, rank};

/// A span of a ledger.
pub(super) type Span = (Minute, Minute, SpanKind);

/// Metrics that end with the resolution.
const UNTIL_RESOLVED: [Metric; 3] = [Metric::Resolution, Metric::RequesterWait, Metric::AgentWork];

pub(super) const LINES: [Line; 4] = [Line::First, Line::Second, Line::Third, Line::External];

impl Simulator<'_> {
    /// Rule 1: the first agreement of a policy whose condition holds.
    fn choose(&self, policy: usize) -> Option<&Agreement> {
        let holds = |it: &&Agreement| match it.when {
            When::Always => true,
            When::Gold => self.ticket.gold,
            When::Plan => self.ticket.plan,
            When::Urgent => self.ticket.priority() <= Priority::P2,
        };
        self.history.policies[policy].agreements.iter().find(holds)
    }

    /// Returns the target of an agreement for a metric, and its time for a clock that starts at `from`.
    fn target(&self, agreement: &Agreement, metric: Metric, from: Minute) -> Option<(Target, Minute)> {
        let target = agreement.targets.iter().find(|it| it.metric == metric)?;
        let time = match &target.time {
            Time::By(times) => times[rank(self.ticket.priority())]?,
            // Rule 9. A date before the start is missed at the start.
            Time::Field => (self.ticket.promise? - from).max(0),
        };
        Some((target.clone(), time))
    }

    /// Returns the agreement under which a clock was pinned.
    pub(super) fn agreement_of(&self, clock: &Clock) -> &Agreement {
        let mut agreements = self.history.policies[clock.policy].agreements.iter();
        agreements.find(|it| it.name == clock.agreement).unwrap()
    }

    /// Returns the latest cycle of a metric. A cycle that was taken back counts only without another.
    pub(super) fn latest(&self, metric: Metric) -> Option<usize> {
        let cycles = (0..self.clocks.len()).filter(|it| self.clocks[*it].metric == metric);
        cycles.max_by_key(|it| (!self.clocks[*it].undone, *it))
    }

    fn is_open(&self, metric: Metric) -> bool {
        self.latest(metric).is_some_and(|it| self.clocks[it].ended.is_none())
    }

    pub(super) fn apply(&mut self, events: &[Event]) {
        if !self.measures() {
            return;
        }
        for event in events {
            match event {
                Event::AgentReplied => {
                    self.end(Metric::FirstReply, true, false);
                    self.end(Metric::NextReply, true, false);
                    self.end(Metric::PeriodicUpdate, true, false);
                    if !self.ticket.is_final() && self.ticket_before_event(events) {
                        self.start(Metric::PeriodicUpdate, self.now);
                    }
                }
                Event::Received => self.received(),
                Event::Moved { from, to, by_agent } => self.moved(*from, *to, *by_agent),
                Event::Changed => self.choose_again(),
                Event::Assigned => {
                    if self.ticket.assigned {
                        self.end(Metric::Assignment, true, false);
                    }
                    self.choose_again();
                }
                Event::LineChanged => {
                    let line_now = self.ticket.line;
                    for line in LINES.into_iter().filter(|it| *it != line_now) {
                        self.end(Metric::Handling(line), true, false);
                    }
                    self.choose_again();
                    let handling = Metric::Handling(self.ticket.line);
                    if self.ticket.state != StateKind::Resolved && !self.is_open(handling) {
                        self.start(handling, self.now);
                    }
                }
                Event::Undone => self.take_back(&self.before_command.clone()),
                Event::NotSpam => self.take_back(&self.before_spam.clone()),
                Event::Reminded => {}
            }
        }
    }

    /// True if the ticket has clocks by now: an import may let them start later, or never.
    fn measures(&self) -> bool {
        match &self.history.import {
            Some(import) if import.clocks == firstline::import::ImportClocks::Never => false,
            Some(super::Import { from: Some(from), .. }) => self.now >= *from,
            _ => true,
        }
    }

    /// True if the ticket is open at an agent's reply. The reply comes before the step of the same command.
    fn ticket_before_event(&self, events: &[Event]) -> bool {
        match events.iter().find_map(|it| if let Event::Moved { from, .. } = it { Some(*from) } else { None })
        {
            Some(from) => !matches!(from, StateKind::Resolved | StateKind::Closed | StateKind::Cancelled),
            None => self.ticket.state != StateKind::Resolved,
        }
    }

    /// Rule 6, a and c.
    fn received(&mut self) {
        if self.ticket.answered {
            if !self.is_open(Metric::FirstReply) && !self.is_open(Metric::NextReply) {
                self.start(Metric::NextReply, self.now);
            }
        } else if self.latest(Metric::FirstReply).is_none()
            && self.ticket.opened_by != By::Boris
            && self.ticket.first_message == Some(self.now)
        {
            self.start(Metric::FirstReply, self.now);
        }
    }

    /// Rule 6: the ends of clocks at a change of the state.
    fn moved(&mut self, from: StateKind, to: StateKind, by_agent: bool) {
        if from == StateKind::New && to != StateKind::Cancelled {
            self.end(Metric::Acceptance, true, false);
        }
        match to {
            StateKind::Resolved | StateKind::Closed => {
                if to == StateKind::Closed {
                    self.end(Metric::Closure, true, true);
                }
                for metric in [Metric::FirstReply, Metric::NextReply, Metric::Assignment] {
                    self.end(metric, by_agent, !by_agent);
                }
                self.end(Metric::PeriodicUpdate, false, true);
                for metric in UNTIL_RESOLVED {
                    self.end(metric, true, true);
                }
                for line in LINES {
                    self.end(Metric::Handling(line), true, true);
                }
            }
            StateKind::Cancelled => {
                for index in self.open() {
                    self.end(self.clocks[index].metric, false, true);
                }
            }
            StateKind::Active if from == StateKind::Resolved => self.reopen(),
            _ => {}
        }
    }

    /// Rule 18.
    fn reopen(&mut self) {
        let mut metrics: Vec<Metric> = self.clocks.iter().map(|it| it.metric).collect();
        metrics.dedup();
        let metrics: BTreeSet<Metric> = metrics.into_iter().collect();
        for metric in metrics {
            let Some(index) = self.latest(metric) else { continue };
            let clock = &self.clocks[index];
            let here = match metric {
                Metric::FirstReply => clock.ended.is_some_and(|it| !it.1) && !self.ticket.answered,
                Metric::Assignment => clock.ended.is_some_and(|it| !it.1) && !self.ticket.assigned,
                Metric::NextReply | Metric::Acceptance | Metric::PeriodicUpdate => false,
                Metric::Handling(line) => line == self.ticket.line,
                _ => true,
            };
            if !clock.with_ticket || !here {
                continue;
            }
            let how = self.agreement_of(clock).on_reopen;
            let how = if self.mistake == Some(Mistake::ReopeningAlwaysContinues) {
                OnReopen::Continue
            } else {
                how
            };
            match how {
                OnReopen::Continue => self.go_on(index),
                OnReopen::NewCycle => self.start(metric, self.now),
                OnReopen::Freeze => {}
                other => unreachable!("the rules do not know {other:?}"),
            }
        }
        if let Some(index) = self.latest(Metric::PeriodicUpdate)
            && self.agreement_of(&self.clocks[index]).on_reopen != OnReopen::Freeze
        {
            self.start(Metric::PeriodicUpdate, self.now);
        }
        self.choose_again();
    }

    /// Lets an ended clock continue.
    fn go_on(&mut self, index: usize) {
        let clock = &mut self.clocks[index];
        (clock.ended, clock.with_ticket, clock.without_target) = (None, false, false);
        self.recount(index);
        self.pass(index);
    }

    /// Ends the open clock of a metric.
    fn end(&mut self, metric: Metric, met: bool, with_ticket: bool) {
        if let Some(index) = self.latest(metric).filter(|_| self.is_open(metric)) {
            let late = self.mistake == Some(Mistake::LateAtTheDeadline)
                && self.clocks[index].reached == Some(self.now);
            let deadline = self.deadline(&self.clocks[index]);
            self.miss(index, self.now);
            let clock = &mut self.clocks[index];
            if late {
                clock.breached.get_or_insert(self.now);
            }
            clock.last_deadline = deadline;
            clock.ended = Some((self.now, met));
            clock.with_ticket = with_ticket;
        }
    }

    /// Starts a new cycle under the version in force (rule 3), if the ticket has a target for it.
    fn start(&mut self, metric: Metric, from: Minute) {
        let Some(agreement) = self.choose(self.policy).cloned() else { return };
        let Some((target, time)) = self.target(&agreement, metric, from) else { return };
        let cycles = self.clocks.iter().filter(|it| it.metric == metric).count();
        self.clocks.push(Clock {
            metric,
            cycle: cycles as u32 + 1,
            agreement: agreement.name,
            policy: self.policy,
            segments: vec![Segment { from, target: Some(target.clone()), superseded: None, counted: 0 }],
            target,
            time,
            revision: 0,
            from,
            counted_from: from,
            carried: 0,
            used: 0,
            reached: None,
            breached: None,
            missed: None,
            ended: None,
            with_ticket: false,
            without_target: false,
            undone: false,
            last_deadline: None,
            done: BTreeSet::new(),
            earlier: BTreeMap::new(),
        });
        self.recount(self.clocks.len() - 1);
        self.pass(self.clocks.len() - 1);
    }

    /// Rule 5: the versions that decide which metrics may start are those of the open clocks, or that of the clock that
    /// ended last.
    fn limits(&self) -> Vec<usize> {
        let mut pinned: Vec<&Clock> = self.clocks.iter().filter(|it| it.ended.is_none()).collect();
        if pinned.is_empty() {
            let last = self.clocks.iter().max_by_key(|it| (it.ended.map(|it| it.0), it.metric));
            pinned.extend(last.filter(|it| self.agreement_of(it).on_policy == OnPolicyChange::Pin));
        }
        pinned.into_iter().map(|it| it.policy).collect()
    }

    fn may_start(&self, metric: Metric, limits: &[usize]) -> bool {
        let applies = |target: &Target| match &target.time {
            Time::By(times) => times[rank(self.ticket.priority())].is_some(),
            Time::Field => true,
        };
        let has_target = |it: &usize| {
            let mut targets = self.choose(*it).into_iter().flat_map(|it| &it.targets);
            targets.any(|it| it.metric == metric && applies(it))
        };
        limits.iter().all(has_target)
    }

    /// Rule 13: of the alerts that a target has passed when it begins, only the last one is recorded.
    fn pass(&mut self, index: usize) {
        self.miss(index, self.now);
        let clock = &self.clocks[index];
        let passed = clock.points().into_iter().filter(|it| it.0 <= clock.used);
        let mut passed: Vec<Point> = passed.map(|it| it.1).filter(|it| !clock.done.contains(it)).collect();
        if clock.reached.is_some_and(|it| it < self.now) && !clock.done.contains(&Point::Percent(100)) {
            passed.push(Point::Percent(100));
        }
        let recorded = match self.mistake {
            Some(Mistake::EveryPassedWarningIsRecorded) => 0,
            _ => passed.len().saturating_sub(1),
        };
        self.clocks[index].done.extend(passed.iter().take(recorded));
        for point in passed.into_iter().skip(recorded) {
            let clock = &self.clocks[index];
            let due = match point {
                Point::Percent(100) => clock.reached,
                _ => {
                    let used = clock.points().into_iter().find(|it| it.1 == point).unwrap().0;
                    self.instant_of(clock, used)
                }
            };
            self.alert(index, point, due.unwrap());
        }
    }

    /// Rules 4 and 5.
    fn choose_again(&mut self) {
        for index in self.open() {
            let clock = &self.clocks[index];
            let pinned = self.choose(clock.policy).filter(|it| it.name == clock.agreement);
            let pinned = pinned.and_then(|it| self.target(it, clock.metric, clock.from));
            if pinned.is_some_and(|it| it.1 == clock.time) {
                continue;
            }
            self.retarget(index, None);
        }
        self.start_missing();
    }

    /// Gives a clock the target of the version in force, or cancels it.
    fn retarget(&mut self, index: usize, how: Option<OnPriorityChange>) {
        let clock = &self.clocks[index];
        let found = self.choose(self.policy);
        let found = found.and_then(|it| Some((it, self.target(it, clock.metric, clock.from)?)));
        let Some((agreement, (target, time))) = found else {
            let metric = self.clocks[index].metric;
            self.end(metric, false, false);
            self.leave_without_target(index);
            return;
        };
        let how = match target.time {
            Time::Field => OnPriorityChange::FromOpening, // so that the deadline is the instant in the field
            Time::By(_) => how.unwrap_or(agreement.on_priority),
        };
        let name = agreement.name.clone();
        let same = clock.target == target && clock.time == time && clock.ended.is_none();
        if !same {
            self.revise(index, target, time, how);
        }
        (self.clocks[index].agreement, self.clocks[index].policy) = (name, self.policy);
    }

    /// Notes the time that counted in the last part with a target.
    fn close_segment(&mut self, index: usize) {
        let clock = &mut self.clocks[index];
        if let Some(last) = clock.segments.last_mut().filter(|it| it.target.is_some()) {
            last.counted = clock.used - clock.carried;
        }
    }

    /// Marks a cancelled clock that may get a target again.
    fn leave_without_target(&mut self, index: usize) {
        self.close_segment(index);
        let segment = Segment { from: self.now, target: None, superseded: None, counted: 0 };
        self.clocks[index].segments.push(segment);
        self.clocks[index].without_target = true;
    }

    /// Returns the deadline of a target that is replaced: that at the end of the clock if it has ended, and while it is
    /// paused, the one that it would have if it continued now.
    fn replaced_deadline(&self, clock: &Clock) -> Option<Minute> {
        let known = if clock.ended.is_some() { clock.last_deadline } else { self.deadline(clock) };
        known.or_else(|| Some(self.deadline_from_now(clock)))
    }

    fn revise(&mut self, index: usize, target: Target, time: Minute, how: OnPriorityChange) {
        let now = self.now;
        // Rule 15: a clock that ended before the import, or changes in it, has no recorded breach.
        let known = self.clocks[index].ended.map_or(now, |it| it.0);
        let unrecorded = self.history.measured_at.is_some_and(|it| known < it);
        let deadline = self.replaced_deadline(&self.clocks[index]);
        self.close_segment(index);
        let clock = &mut self.clocks[index];
        clock.leave_alerts(deadline);
        if unrecorded {
            (clock.earlier, clock.breached, clock.missed) = (BTreeMap::new(), None, None);
        }
        clock.revision += 1;
        clock.target = target.clone();
        clock.time = time;
        (clock.ended, clock.without_target, clock.undone) = (None, false, false);
        let segment = Segment { from: now, target: Some(target), superseded: None, counted: 0 };
        match how {
            OnPriorityChange::FromOpening => {
                (clock.counted_from, clock.carried) = (clock.from, 0);
                clock.segments = vec![Segment { from: clock.from, ..segment }];
            }
            OnPriorityChange::CarryElapsed => {
                let lost = self.mistake == Some(Mistake::CarriedTimeIsLost);
                (clock.counted_from, clock.carried) = (now, if lost { 0 } else { clock.used });
                clock.segments.push(segment);
            }
            OnPriorityChange::Restart => {
                (clock.counted_from, clock.carried) = (now, 0);
                for segment in &mut clock.segments {
                    segment.superseded.get_or_insert(segment.counted > 0);
                }
                clock.segments.push(segment);
            }
            other => unreachable!("the rules do not know {other:?}"),
        }
        self.recount(index);
        self.pass(index);
    }

    /// Rules 5 and 7: starts the clocks that start at the opening and are missing.
    pub(super) fn start_missing(&mut self) {
        let Some(agreement) = self.choose(self.policy) else { return };
        if self.ticket.is_final() || self.ticket.state == StateKind::Resolved {
            return;
        }
        let from_opening = agreement.on_priority == OnPriorityChange::FromOpening;
        let begin = self
            .history
            .import
            .as_ref()
            .and_then(|it| it.from)
            .map_or(self.history.opened, |it| it.max(self.history.opened));
        let from = if from_opening { begin } else { self.now };
        let metrics: Vec<Metric> = agreement.targets.iter().map(|it| it.metric).collect();
        let limits = self.limits();
        for metric in metrics {
            let first_message = match self.ticket.opened_by {
                By::Boris => Some(begin),
                _ => self.ticket.first_message.map(|it| it.max(begin)),
            };
            let from = match metric {
                Metric::FirstReply if self.ticket.answered => None,
                Metric::FirstReply => first_message.map(|it| if from_opening { it } else { self.now }),
                Metric::NextReply | Metric::PeriodicUpdate => None,
                Metric::Assignment => (!self.ticket.assigned).then_some(from),
                Metric::Acceptance => (self.ticket.state == StateKind::New).then_some(from),
                Metric::Handling(line) => (line == self.ticket.line).then_some(self.now),
                _ => Some(from),
            };
            match self.latest(metric) {
                None => {
                    if let Some(from) = from.filter(|_| self.may_start(metric, &limits)) {
                        self.start(metric, from);
                    }
                }
                // A stay on a line is measured from the change.
                Some(index)
                    if matches!(metric, Metric::Handling(_))
                        && !self.clocks[index].with_ticket
                        && self.clocks[index].ended.is_some() =>
                {
                    if let Some(from) = from.filter(|_| self.may_start(metric, &limits)) {
                        self.start(metric, from);
                    }
                }
                // The clock had no target for a while.
                Some(index)
                    if self.clocks[index].without_target
                        && from.is_some()
                        && self.may_start(metric, &limits) =>
                {
                    self.retarget(index, None);
                }
                Some(_) => {}
            }
        }
    }

    /// Rule 19.
    pub(super) fn adopt(&mut self, policy: usize) {
        if self.mistake == Some(Mistake::AdoptedPolicyIgnored) {
            return;
        }
        self.policy = policy;
        let open = self.open();
        let mut migrated = false;
        for index in open {
            let clock = &self.clocks[index];
            if clock.policy != policy && self.agreement_of(clock).on_policy == OnPolicyChange::Migrate {
                self.retarget(index, Some(OnPriorityChange::FromOpening));
                migrated = true;
            }
        }
        if migrated {
            self.start_missing();
        }
    }

    /// Takes back a command: the clocks are as before it, with the alerts that were recorded since.
    fn take_back(&mut self, before: &[Clock]) {
        for index in 0..self.clocks.len() {
            let Some(old) = before.get(index) else {
                if self.clocks[index].ended.is_none() {
                    let metric = self.clocks[index].metric;
                    self.end(metric, false, false);
                }
                self.leave_without_target(index);
                self.clocks[index].undone = true;
                continue;
            };
            let clock = self.clocks[index].clone();
            let restored = &mut self.clocks[index];
            *restored = old.clone();
            if restored.ended.is_none() {
                restored.breached = restored.breached.or(clock.breached);
                restored.missed = restored.missed.or(clock.missed);
            }
            (restored.done, restored.earlier) = (clock.done.clone(), clock.earlier.clone());
            if clock.revision != old.revision {
                restored.revision = clock.revision + 1;
                let deadline = self.replaced_deadline(&clock);
                self.clocks[index].leave_alerts(deadline);
            }
            let restored = &self.clocks[index];
            if restored.ended.is_none() {
                self.recount(index);
                self.pass(index);
            }
        }
    }

    /// Returns the ledger of a clock.
    pub(super) fn ledger(&self, clock: &Clock) -> Vec<Span> {
        let end = clock.ended.map_or(self.now, |it| it.0);
        let mut spans: Vec<Span> = Vec::new();
        for minute in clock.from..end {
            let kind = self.kind(clock, minute);
            match spans.last_mut() {
                Some(last) if last.2 == kind => last.1 = minute + 1,
                _ => spans.push((minute, minute + 1, kind)),
            }
        }
        if self.mistake == Some(Mistake::LedgerOffByAMinute)
            && let [first, second, ..] = spans.as_mut_slice()
        {
            (first.1, second.0) = (first.1 + 1, second.0 + 1);
        }
        spans
    }

    fn kind(&self, clock: &Clock, minute: Minute) -> SpanKind {
        let segment = clock.segments.iter().rev().find(|it| it.from <= minute).unwrap();
        let Some(target) = &segment.target else { return SpanKind::NoTarget };
        if segment.superseded == Some(true) {
            return SpanKind::Superseded;
        }
        let moment = &self.moments[usize::try_from(minute - self.history.opened).unwrap()];
        if !self.runs(target, moment) {
            return match &moment.0 {
                StateKind::OnHold => SpanKind::OnHold(moment.1.clone().unwrap()),
                StateKind::Resolved => SpanKind::Resolved,
                _ => SpanKind::Closed,
            };
        }
        match self.closed(target, minute) {
            None => SpanKind::Running,
            Some(Closed::Week) => SpanKind::OffHours,
            Some(Closed::Holiday(name)) => SpanKind::Holiday(name.to_owned()),
            Some(Closed::Exception) => SpanKind::SpecialHours,
        }
    }
}

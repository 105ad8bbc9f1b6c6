//! A simulator of SLA clocks. It walks through a history minute by minute and follows the numbered rules in the
//! documentation of `firstline::sla`. It was written from these rules alone, without reading the code of the crate.
//! From the crate it uses names, such as `Metric::FirstReply`, and no computation.

#[path = "simulator/calendar.rs"]
mod calendar;
#[path = "simulator/compare.rs"]
mod compare;
#[path = "simulator/desk.rs"]
mod desk;
#[path = "simulator/regimes.rs"]
mod regimes;
#[path = "simulator/rules.rs"]
mod rules;
#[path = "simulator/script.rs"]
mod script;
#[path = "simulator/ticket.rs"]
mod ticket;

use std::collections::{BTreeMap, BTreeSet};

use firstline::import::ImportClocks;
use firstline::sla::{ClockState, Metric, OnPolicyChange, OnPriorityChange, OnReopen};
use firstline::{HoldReason, Priority, StateKind};

use ticket::{By, Event, Op, Ticket};

/// An instant, in minutes since 1970; also a duration in minutes.
type Minute = i64;

/// A condition of an agreement.
#[derive(Debug, Clone, Copy, PartialEq)]
enum When {
    Always,
    /// The ticket has the tag `gold`.
    Gold,
    /// The field `plan` is `gold`.
    Plan,
    /// The priority is P1 or P2.
    Urgent,
}

#[derive(Debug, Clone, PartialEq)]
enum Time {
    /// One time for each priority from P1 to P5.
    By([Option<Minute>; 5]),
    /// The deadline is in the field `promised`.
    Field,
}

#[derive(Debug, Clone, PartialEq)]
struct Target {
    metric: Metric,
    time: Time,
    /// The number of the calendar.
    calendar: Option<usize>,
    pauses: Option<Vec<HoldReason>>,
    warn_at: Vec<u8>,
    warn_before: Vec<Minute>,
}

#[derive(Debug, Clone)]
struct Agreement {
    name: String,
    when: When,
    targets: Vec<Target>,
    on_reopen: OnReopen,
    on_priority: OnPriorityChange,
    on_policy: OnPolicyChange,
}

/// The agreements of a policy, in the order of their positions.
#[derive(Debug, Clone)]
struct Policy {
    agreements: Vec<Agreement>,
}

#[derive(Debug, Clone)]
struct Import {
    at: Minute,
    clocks: ImportClocks,
    /// The start of the clocks, if they start at an instant.
    from: Option<Minute>,
    /// True if an imported resolution closes after the verification period.
    closes: bool,
}

#[derive(Debug, Clone)]
struct History {
    policies: Vec<Policy>,
    /// The number of the policy in force at the opening, or at the import.
    initial: usize,
    /// The instant at which an imported history is measured.
    measured_at: Option<Minute>,
    opened: Minute,
    opened_by: By,
    ops: Vec<(Minute, Op)>,
    /// The operations before its instant are imported.
    import: Option<Import>,
    end: Minute,
}

/// A mistake that a control plants into the simulator.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mistake {
    FirstReplyPauses,
    WarningsRepeat,
    LedgerOffByAMinute,
    HolidayIgnored,
    LateAtTheDeadline,
    ReopeningAlwaysContinues,
    EveryPassedWarningIsRecorded,
    CarriedTimeIsLost,
    AdoptedPolicyIgnored,
}

impl Mistake {
    const ALL: [Mistake; 9] = [
        Mistake::FirstReplyPauses,
        Mistake::WarningsRepeat,
        Mistake::LedgerOffByAMinute,
        Mistake::HolidayIgnored,
        Mistake::LateAtTheDeadline,
        Mistake::ReopeningAlwaysContinues,
        Mistake::EveryPassedWarningIsRecorded,
        Mistake::CarriedTimeIsLost,
        Mistake::AdoptedPolicyIgnored,
    ];
}

/// A point of a target at which an alert is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    Percent(u8),
    Left(Minute),
}

#[derive(Debug, Clone, PartialEq)]
struct Alert {
    metric: Metric,
    cycle: u32,
    point: Point,
    revision: u32,
    due: Minute,
}

/// The part of a clock's life with one target; `None` without a target.
#[derive(Debug, Clone)]
struct Segment {
    from: Minute,
    target: Option<Target>,
    /// The time that counted in it, known at its end.
    counted: Minute,
    /// True if a restart discarded this time; `None` before a restart.
    superseded: Option<bool>,
}

#[derive(Debug, Clone)]
struct Clock {
    metric: Metric,
    cycle: u32,
    agreement: String,
    /// The number of the policy to which it is pinned.
    policy: usize,
    target: Target,
    time: Minute,
    revision: u32,
    from: Minute,
    counted_from: Minute,
    carried: Minute,
    used: Minute,
    /// The instant at which the time was used up.
    reached: Option<Minute>,
    breached: Option<Minute>,
    missed: Option<Minute>,
    /// The end, and whether the target event happened.
    ended: Option<(Minute, bool)>,
    /// True if the end of the ticket ended the clock.
    with_ticket: bool,
    /// True if it was cancelled because no target applied.
    without_target: bool,
    /// True if the command that started it was taken back.
    undone: bool,
    /// The deadline at the end of the clock.
    last_deadline: Option<Minute>,
    /// The alerts of the current target that are recorded, or will not be.
    done: BTreeSet<Point>,
    /// The alerts of earlier targets, with the latest deadline.
    earlier: BTreeMap<Point, Option<Minute>>,
    segments: Vec<Segment>,
}

impl Clock {
    fn state(&self, counts: bool) -> ClockState {
        match (self.ended, self.breached) {
            (Some((_, false)), _) => ClockState::Cancelled,
            (Some((_, true)), None) => ClockState::Met,
            (Some((_, true)), Some(_)) => ClockState::Missed,
            (None, Some(_)) => ClockState::Breached,
            (None, None) if counts => ClockState::Running,
            (None, None) => ClockState::Paused,
        }
    }

    /// Keeps the alerts of a target that is replaced, each with its latest deadline.
    fn leave_alerts(&mut self, deadline: Option<Minute>) {
        for point in std::mem::take(&mut self.done) {
            let earlier = self.earlier.entry(point).or_insert(deadline);
            if is_later(deadline, *earlier) {
                *earlier = deadline;
            }
        }
    }

    /// Returns the alerts in the order of the used time at which they are due.
    fn points(&self) -> Vec<(Minute, Point)> {
        let percent = |it: &u8| (self.time * i64::from(*it) / 100, Point::Percent(*it));
        let before = self.target.warn_before.iter().filter(|it| **it < self.time);
        let mut points: Vec<_> = before.map(|it| (self.time - it, Point::Left(*it))).collect();
        points.extend(self.target.warn_at.iter().map(percent));
        points.sort();
        points
    }
}

/// The state of the ticket during one minute.
type Moment = (StateKind, Option<HoldReason>);

#[derive(Debug, Clone)]
struct Simulator<'a> {
    history: &'a History,
    mistake: Option<Mistake>,
    ticket: Ticket,
    /// The number of the policy in force.
    policy: usize,
    /// The states of the ticket during each minute since the opening.
    moments: Vec<Moment>,
    clocks: Vec<Clock>,
    /// The clocks before the last command, and before the ticket was cancelled as spam.
    before_command: Vec<Clock>,
    before_spam: Vec<Clock>,
    alerts: Vec<Alert>,
    /// The events of timers.
    timers: Vec<Event>,
    now: Minute,
}

/// Walks through a history. The result is the state at its end.
fn simulate(history: &History, mistake: Option<Mistake>) -> Simulator<'_> {
    let mut simulator = Simulator {
        history,
        mistake,
        ticket: Ticket::new(history.opened_by),
        policy: history.initial,
        moments: Vec::new(),
        clocks: Vec::new(),
        before_command: Vec::new(),
        before_spam: Vec::new(),
        alerts: Vec::new(),
        timers: Vec::new(),
        now: history.opened,
    };
    let mut ops = history.ops.iter().peekable();
    loop {
        simulator.begin_of_minute();
        while let Some((_, op)) = ops.next_if(|(at, _)| *at == simulator.now) {
            simulator.command(op);
        }
        if simulator.now == history.end {
            return simulator;
        }
        simulator.end_of_minute();
    }
}

impl Simulator<'_> {
    /// True while the history is imported.
    fn importing(&self) -> bool {
        self.history.import.as_ref().is_some_and(|it| self.now < it.at)
    }

    /// Applies the warnings and timers of this minute, before the commands of the minute.
    fn begin_of_minute(&mut self) {
        for index in self.open() {
            let clock = &self.clocks[index];
            for (used, point) in clock.points() {
                if self.clocks[index].used >= used && !self.clocks[index].done.contains(&point) {
                    self.alert(index, point, self.now);
                }
            }
        }
        let events = self.ticket.timers(self.now);
        self.apply(&events);
        self.timers.extend(events);
        let begin = match &self.history.import {
            Some(import) if import.clocks == ImportClocks::Never => None,
            Some(Import { from: Some(from), .. }) => Some(self.history.opened.max(*from)),
            _ => Some(self.history.opened),
        };
        if begin == Some(self.now) {
            self.start_missing();
        }
    }

    /// Applies the breaches of this minute, after its commands, and counts the minute.
    fn end_of_minute(&mut self) {
        for index in self.open() {
            self.miss(index, self.now + 1);
            let due = self.clocks[index].reached.filter(|it| *it <= self.now);
            if let Some(due) = due
                && !self.clocks[index].done.contains(&Point::Percent(100))
            {
                self.alert(index, Point::Percent(100), due);
            }
        }
        self.moments.push((self.ticket.state, self.ticket.reason.clone()));
        for index in self.open() {
            if self.counts(&self.clocks[index].target, self.now) {
                let clock = &mut self.clocks[index];
                clock.used += 1;
                if clock.used == clock.time && clock.reached.is_none() {
                    clock.reached = Some(self.now + 1);
                }
            }
        }
        self.now += 1;
    }

    fn command(&mut self, op: &Op) {
        if let Op::Adopt(policy) = op {
            self.adopt(*policy);
            self.ticket.before_command = None;
            return;
        }
        let clocks = self.clocks.clone();
        let events = self.ticket.execute(op, self.now, self.importing());
        self.apply(&events);
        if *op == Op::Spam {
            self.before_spam = clocks.clone();
        }
        self.before_command = clocks;
    }

    /// Returns the numbers of the open clocks.
    fn open(&self) -> Vec<usize> {
        (0..self.clocks.len()).filter(|it| self.clocks[*it].ended.is_none()).collect()
    }

    /// True if time counts for a target while the ticket is in this state, whatever its calendar.
    fn runs(&self, target: &Target, (state, reason): &Moment) -> bool {
        if target.time == Time::Field {
            return *state != StateKind::Cancelled;
        }
        match state {
            StateKind::New | StateKind::Active => true,
            StateKind::OnHold => {
                let reason = reason.as_ref().unwrap();
                let customer = *reason == HoldReason::Customer;
                let usual =
                    target.metric != Metric::FirstReply || self.mistake == Some(Mistake::FirstReplyPauses);
                let pauses = match &target.pauses {
                    Some(reasons) => reasons.contains(reason),
                    None => usual && customer,
                };
                let always =
                    target.metric == Metric::AgentWork || target.metric == Metric::RequesterWait && customer;
                !pauses && !always
            }
            StateKind::Resolved | StateKind::Closed => target.metric == Metric::Closure,
            _ => false,
        }
    }

    /// Returns the reason why a minute is closed for a target.
    fn closed(&self, target: &Target, minute: Minute) -> Option<calendar::Closed> {
        let closed = calendar::closed(target.calendar?, minute)?;
        let ignored = self.mistake == Some(Mistake::HolidayIgnored)
            && matches!(closed, calendar::Closed::Holiday(_))
            && (8 * 60..16 * 60).contains(&(minute % 1440));
        (!ignored).then_some(closed)
    }

    /// True if a minute in the past counts.
    fn counts(&self, target: &Target, minute: Minute) -> bool {
        let moment = &self.moments[usize::try_from(minute - self.history.opened).unwrap()];
        self.runs(target, moment) && self.closed(target, minute).is_none()
    }

    /// Counts the time of a clock from its start until now, and finds the instant at which the time was used up.
    fn recount(&mut self, index: usize) {
        let clock = &self.clocks[index];
        let (used, reached) = (self.used(clock), self.instant_of(clock, clock.time));
        (self.clocks[index].used, self.clocks[index].reached) = (used, reached);
    }

    fn used(&self, clock: &Clock) -> Minute {
        let minutes = (clock.counted_from..self.now).filter(|it| self.counts(&clock.target, *it));
        clock.carried + minutes.count() as Minute
    }

    /// Returns the earliest instant until now at which this time was used.
    fn instant_of(&self, clock: &Clock, time: Minute) -> Option<Minute> {
        let mut used = clock.carried;
        for minute in clock.counted_from..self.now {
            if used >= time {
                return Some(minute);
            }
            used += Minute::from(self.counts(&clock.target, minute));
        }
        (used >= time).then_some(self.now)
    }

    /// Returns the deadline: the instant at which the time was used up, or will be if the state stays the same.
    fn deadline(&self, clock: &Clock) -> Option<Minute> {
        if clock.reached.is_some() {
            return clock.reached;
        }
        if !self.runs(&clock.target, &(self.ticket.state, self.ticket.reason.clone())) {
            return None;
        }
        Some(self.deadline_from_now(clock))
    }

    /// Returns the deadline if the clock counts from now on.
    fn deadline_from_now(&self, clock: &Clock) -> Minute {
        let (mut used, mut minute) = (clock.used, self.now);
        while used < clock.time {
            used += Minute::from(self.closed(&clock.target, minute).is_none());
            minute += 1;
        }
        minute
    }

    /// Marks a clock as breached if its deadline was before this instant.
    fn miss(&mut self, index: usize, before: Minute) {
        let clock = &mut self.clocks[index];
        if let Some(deadline) = clock.reached.filter(|it| *it < before)
            && clock.breached.is_none()
        {
            (clock.breached, clock.missed) = (Some(deadline), Some(clock.time));
        }
    }

    /// Records an alert, unless an earlier target of the cycle recorded it and the deadline is not later now.
    fn alert(&mut self, index: usize, point: Point, due: Minute) {
        let deadline = self.deadline(&self.clocks[index]);
        let clock = &mut self.clocks[index];
        clock.done.insert(point);
        let repeated = clock.earlier.get(&point).is_some_and(|earlier| !is_later(deadline, *earlier));
        if repeated && self.mistake != Some(Mistake::WarningsRepeat) {
            return;
        }
        let (metric, cycle, revision) = (clock.metric, clock.cycle, clock.revision);
        // Rule 21. A breach is due after the deadline.
        let due_by = due + Minute::from(point == Point::Percent(100));
        let quiet = self.history.measured_at.is_some_and(|it| due_by <= it);
        if !quiet {
            self.alerts.push(Alert { metric, cycle, point, revision, due });
        }
    }
}

/// True if the first deadline is later than the second. No deadline is later than every deadline.
fn is_later(new: Option<Minute>, old: Option<Minute>) -> bool {
    match (new, old) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(new), Some(old)) => new > old,
    }
}

/// Returns the number of a priority, from 0.
fn rank(priority: Priority) -> usize {
    [Priority::P1, Priority::P2, Priority::P3, Priority::P4, Priority::P5]
        .iter()
        .position(|it| *it == priority)
        .unwrap()
}

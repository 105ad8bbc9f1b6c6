//! The ledger: where the time of a clock went, span by span.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::Label;
use crate::error::Result;
use crate::lifecycle::{HoldReason, StateKind};
use crate::sla::{self, AgreementSet, Clock, Measure, Metric, StateInterval};
use crate::ticket::event::{Change, Event};
use crate::ticket::intervals;
use crate::ticket::snapshot::Snapshot;

/// Where the time of a clock went: an ordered list of spans without gaps, from the clock's beginning to its end, or
/// to the present. Their lengths add up to the time on the wall, and those of the running ones to what has elapsed.
///
/// Printed with `{}` it is a table, in the time of the calendar's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ledger {
    /// The clock, as of the end of the ledger.
    pub clock: Clock,
    /// Up to when the ledger goes: the clock's end, or the instant at which it was asked for.
    pub until: DateTime<Utc>,
    /// The spans.
    pub spans: Vec<LedgerSpan>,
    /// The time zone in which it is printed: the calendar's.
    pub zone: String,
}

/// A stretch of time, and what it was for the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerSpan {
    /// Its first instant.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub to: DateTime<Utc>,
    /// What it was.
    #[serde(flatten)]
    pub what: Spent,
}

/// What a stretch of time was for a clock. Only [`Running`](Spent::Running) counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", content = "which", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Spent {
    /// It counted.
    Running,
    /// The calendar was closed, as every week.
    OffHours,
    /// The calendar was closed for this holiday.
    Holiday(String),
    /// The calendar was closed by the hours of this date alone.
    SpecialHours,
    /// The ticket was on hold, for this.
    OnHold(HoldReason),
    /// The ticket was answered, before it was reopened or closed.
    Answered,
    /// The ticket was closed, before it was reopened.
    Closed,
    /// Its target began anew later on, so that this counts no more.
    GivenUp,
    /// No agreement had a target for it.
    NoTarget,
}

impl LedgerSpan {
    /// Its length on the wall.
    pub fn wall(&self) -> TimeDelta {
        self.to - self.from
    }
}

impl Ledger {
    /// The ledger of a metric's latest cycle, up to an instant; `None` if the ticket has no such clock.
    pub(crate) fn of(
        ticket: &Snapshot,
        history: &[Event],
        metric: Metric,
        now: DateTime<Utc>,
        agreements: &AgreementSet,
    ) -> Result<Option<Ledger>> {
        let Some(clock) = ticket.clock(metric) else { return Ok(None) };
        let intervals = intervals(history);
        let until = clock.ended_at.unwrap_or(now).max(clock.from);
        let mut spans = Vec::new();
        let parts = parts(clock, history);
        let ends = parts.iter().skip(1).map(|part| part.clock.counted_from).chain([until]);
        for (part, end) in parts.iter().zip(ends) {
            let measure = Measure::of(agreements, part.clock)?;
            let end = end.min(until);
            let counted = part.clock.ended_at.map_or(end, |ended| ended.min(end));
            let from = part.clock.counted_from;
            // Where nothing had counted there was nothing to give up.
            let given_up = part.given_up && measure.elapsed(&intervals, from, counted) > TimeDelta::zero();
            for (start, end, interval) in sla::between(&intervals, from, counted) {
                fill(&mut spans, given_up, &measure, interval, start, end);
            }
            if counted < end {
                spans.push(LedgerSpan { from: counted, to: end, what: Spent::NoTarget });
            }
        }
        let calendar = Measure::of(agreements, clock)?.calendar;
        let zone = calendar.map_or("UTC", |it| it.definition().tz()).to_owned();
        Ok(Some(Ledger { clock: clock.clone(), until, spans, zone }))
    }

    /// What has elapsed: the sum of the running spans.
    pub fn elapsed(&self) -> TimeDelta {
        self.sum(|what| *what == Spent::Running)
    }

    /// What is left of the target, measured as the target is; negative if it is overdrawn.
    pub fn remaining(&self) -> TimeDelta {
        self.clock.target - self.elapsed()
    }

    /// The time on the wall from the clock's beginning on: the sum of all spans.
    pub fn wall(&self) -> TimeDelta {
        self.sum(|_| true)
    }

    /// What is left on the wall until the deadline, where it is settled; negative if it has passed.
    pub fn wall_remaining(&self) -> Option<TimeDelta> {
        self.clock.due_at.map(|due| due - self.until)
    }

    fn sum(&self, of: impl Fn(&Spent) -> bool) -> TimeDelta {
        self.spans.iter().filter(|span| of(&span.what)).fold(TimeDelta::zero(), |sum, span| sum + span.wall())
    }
}

/// A part of a clock's life measured by one target.
struct ContactRole<'a> {
    clock: &'a Clock,
    given_up: bool,
}

/// The parts of a clock's life, from what its history recorded at each revision.
fn parts<'a>(clock: &'a Clock, history: &'a [Event]) -> Vec<ContactRole<'a>> {
    let recorded = history.iter().flat_map(|event| match &event.change {
        Change::Clocked { clocks } => &clocks[..],
        _ => &[],
    });
    let same = recorded.filter(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle));
    let mut parts: Vec<ContactRole<'_>> = Vec::new();
    for clock in same.chain([clock]) {
        parts.retain(|part| part.clock.counted_from < clock.counted_from);
        if clock.carried.is_zero() {
            parts.iter_mut().for_each(|part| part.given_up = true);
        }
        parts.push(ContactRole { clock, given_up: false });
    }
    parts
}

/// Adds the spans of an interval.
fn fill(
    spans: &mut Vec<LedgerSpan>,
    given_up: bool,
    measure: &Measure<'_>,
    interval: &StateInterval,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) {
    let mut add = |from, to, what| match spans.last_mut() {
        Some(last) if last.to == from && last.what == what => last.to = to,
        _ => spans.push(LedgerSpan { from, to, what }),
    };
    match (measure.calendar, &interval.reason) {
        _ if given_up => add(start, end, Spent::GivenUp),
        (Some(calendar), _) if measure.counts_in(interval) => {
            for span in calendar.spans(start, end) {
                let what = match span.label {
                    Label::Open => Spent::Running,
                    Label::OffHours => Spent::OffHours,
                    Label::Holiday(name) => Spent::Holiday(name.to_owned()),
                    Label::Exception => Spent::SpecialHours,
                };
                add(span.start, span.end, what);
            }
        }
        (None, _) if measure.counts_in(interval) => add(start, end, Spent::Running),
        (_, Some(reason)) => add(start, end, Spent::OnHold(reason.clone())),
        _ if interval.state == StateKind::Resolved => add(start, end, Spent::Answered),
        _ => add(start, end, Spent::Closed),
    }
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spent::Running => f.pad("running"),
            Spent::OffHours => f.pad("off hours"),
            Spent::Holiday(name) if name.is_empty() => f.pad("holiday"),
            Spent::Holiday(name) => f.pad(&format!("holiday ({name})")),
            Spent::SpecialHours => f.pad("special hours"),
            Spent::OnHold(reason) => f.pad(&format!("on hold ({reason})")),
            Spent::Answered => f.pad("answered"),
            Spent::Closed => f.pad("closed"),
            Spent::GivenUp => f.pad("before the restart"),
            Spent::NoTarget => f.pad("no target"),
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = &self.clock;
        let zone: chrono_tz::Tz = self.zone.parse().unwrap_or(chrono_tz::UTC);
        let local = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z").to_string();
        let length = sla::written;
        writeln!(f, "{}, {} agreement: {}", clock.metric, clock.agreement, clock.state)?;
        for span in &self.spans {
            let counted = if span.what == Spent::Running { "" } else { " (not counted)" };
            writeln!(
                f,
                "  {:<29} {:<24} {}{counted}",
                local(span.from),
                span.what.to_string(),
                length(span.wall())
            )?;
        }
        let end = if clock.ended_at.is_some() { clock.state.to_string() } else { "now".to_owned() };
        writeln!(f, "  {:<29} {end}", local(self.until))?;
        write!(
            f,
            "  {} of {} used, {} on the wall",
            length(self.elapsed()),
            length(clock.target),
            length(self.wall())
        )?;
        match clock.due_at {
            Some(due) => write!(f, "; due {}", local(due)),
            None => Ok(()),
        }
    }
}

//! The ledger of a clock: a list of time spans that explains its elapsed time.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::OpenState;
use crate::duration;
use crate::error::Result;
use crate::lifecycle::{HoldReason, StateKind};
use crate::sla::{self, AgreementSet, Clock, Measure, Metric, StateInterval};
use crate::ticket::event::{Change, Event};
use crate::ticket::intervals;
use crate::ticket::snapshot::Snapshot;

/// The time spans of a clock, each with the reason why it counts or does not count as elapsed time.
///
/// The spans are in order and without gaps. They run from the start of the clock to its end, or to the requested
/// instant if the clock is still open. The lengths of all spans add up to the wall-clock time. The lengths of the
/// running spans add up to the elapsed time. The exception is a ticket that was imported with times that run backwards:
/// an ended clock keeps the time that was known when it ended, and the spans follow the whole history.
///
/// `Display` prints a table, in the time zone of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ledger {
    /// The clock, as it is at the end of the ledger.
    pub clock: Clock,
    /// The end of the ledger: the end of the clock, or the requested instant if the clock is still open.
    pub until: DateTime<Utc>,
    /// The spans, in order and without gaps.
    pub spans: Vec<LedgerSpan>,
    /// The time zone for printing: that of the clock's calendar, or `UTC` without a calendar.
    pub zone: String,
}

/// A time span in a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LedgerSpan {
    /// The first instant of the span.
    pub from: DateTime<Utc>,
    /// The first instant after the span.
    pub to: DateTime<Utc>,
    /// The effect of the span on the clock.
    #[serde(flatten)]
    pub kind: SpanKind,
}

/// The effect of a time span on a clock. Only [`Running`](SpanKind::Running) counts as elapsed time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "which", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SpanKind {
    /// The clock was running.
    Running,
    /// The calendar was closed by its weekly hours.
    OffHours,
    /// The calendar was closed for the holiday with this name, also if special hours open a part of the day. The name
    /// may be empty. Time that the weekly hours close anyway is [`OffHours`](SpanKind::OffHours).
    Holiday(String),
    /// The calendar was closed by special hours for this date.
    SpecialHours,
    /// The ticket was on hold for this reason.
    OnHold(HoldReason),
    /// The ticket was resolved and the clock was paused until the ticket was reopened or closed.
    Resolved,
    /// The ticket was closed until it was reopened.
    Closed,
    /// The target was restarted later, so this time no longer counts. A period with a target in which no time counted
    /// is shown as it was.
    Superseded,
    /// No agreement had a target for the metric.
    NoTarget,
}

impl LedgerSpan {
    /// Returns the wall-clock length of the span.
    pub fn wall_time(&self) -> TimeDelta {
        self.to - self.from
    }
}

impl Ledger {
    /// Returns the ledger for the latest cycle of a metric, up to `now`; `None` if the ticket has no such clock.
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
        let segments = segments(clock, history);
        let ends = segments.iter().skip(1).map(|segment| segment.clock.counted_from).chain([until]);
        for (segment, end) in segments.iter().zip(ends) {
            let measure = Measure::of(agreements, segment.clock)?;
            let end = end.min(until);
            let from = segment.clock.counted_from;
            // An imported clock may end at an instant before its beginning, because times may run backwards.
            let counted = segment.clock.ended_at.map_or(end, |ended| ended.max(from).min(end));
            // A restart discards time only if some had elapsed.
            let discarded =
                segment.discarded && measure.elapsed(&intervals, from, counted) > TimeDelta::zero();
            for (start, end, interval) in sla::between(&intervals, from, counted) {
                fill(&mut spans, discarded, &measure, interval, start, end);
            }
            if counted < end {
                spans.push(LedgerSpan { from: counted, to: end, kind: SpanKind::NoTarget });
            }
        }
        let calendar = Measure::of(agreements, clock)?.calendar;
        let zone = calendar.map_or("UTC", |it| it.definition().tz()).to_owned();
        Ok(Some(Ledger { clock: clock.clone(), until, spans, zone }))
    }

    /// Returns the elapsed time: the sum of the running spans.
    pub fn elapsed(&self) -> TimeDelta {
        self.sum(|kind| *kind == SpanKind::Running)
    }

    /// Returns the remaining time of the target, in the target's time basis. The result is negative if the target is
    /// exceeded.
    pub fn remaining(&self) -> TimeDelta {
        self.clock.target - self.elapsed()
    }

    /// Returns the wall-clock time from the start of the clock to the end of the ledger: the sum of all spans.
    pub fn wall_time(&self) -> TimeDelta {
        self.sum(|_| true)
    }

    /// Returns the wall-clock time from the end of the ledger to the deadline, or `None` if the clock has no deadline.
    ///
    /// The result is negative if the deadline has passed.
    pub fn wall_time_remaining(&self) -> Option<TimeDelta> {
        self.clock.due_at.map(|due| due - self.until)
    }

    fn sum(&self, of: impl Fn(&SpanKind) -> bool) -> TimeDelta {
        self.spans
            .iter()
            .filter(|span| of(&span.kind))
            .fold(TimeDelta::zero(), |sum, span| sum + span.wall_time())
    }
}

/// A part of a clock's life with one target.
struct Segment<'a> {
    clock: &'a Clock,
    /// True if a later restart of the target discarded the elapsed time.
    discarded: bool,
}

/// Returns the segments of a clock's life, from the revisions recorded in the history.
fn segments<'a>(clock: &'a Clock, history: &'a [Event]) -> Vec<Segment<'a>> {
    let recorded = history.iter().flat_map(|event| match &event.change {
        Change::ClocksUpdated { clocks } => &clocks[..],
        _ => &[],
    });
    let same = recorded.filter(|it| (it.metric, it.cycle) == (clock.metric, clock.cycle));
    let records: Vec<&Clock> = same.chain([clock]).collect();
    // Each target follows the one that was measured when it began. Targets in between were undone.
    let mut targets = vec![clock];
    let mut target = clock;
    loop {
        let begin = |it: &&Clock| (it.counted_from, it.carried) == (target.counted_from, target.carried);
        let begun = records.iter().position(begin).unwrap_or(0);
        let before = records[..begun].iter().rev().find(|it| it.counted_from < target.counted_from);
        let Some(before) = before else { break };
        target = before;
        targets.push(before);
    }
    targets.reverse();
    let mut segments: Vec<Segment<'_>> =
        targets.into_iter().map(|clock| Segment { clock, discarded: false }).collect();
    // A restart that was undone is no longer among the segments.
    let restart = segments.iter().rposition(|segment| segment.clock.carried.is_zero()).unwrap_or(0);
    segments[..restart].iter_mut().for_each(|segment| segment.discarded = true);
    segments
}

/// Adds the spans between `start` and `end`, which lie within one state interval.
fn fill(
    spans: &mut Vec<LedgerSpan>,
    discarded: bool,
    measure: &Measure<'_>,
    interval: &StateInterval,
    start: DateTime<Utc>,
    end: DateTime<Utc>,
) {
    let mut add = |from, to, kind| match spans.last_mut() {
        Some(last) if last.to == from && last.kind == kind => last.to = to,
        _ => spans.push(LedgerSpan { from, to, kind }),
    };
    match (measure.calendar, &interval.reason) {
        _ if discarded => add(start, end, SpanKind::Superseded),
        (Some(calendar), _) if measure.counts_in(interval) => {
            for span in calendar.spans(start, end) {
                let kind = match span.state {
                    OpenState::Open => SpanKind::Running,
                    OpenState::OffHours => SpanKind::OffHours,
                    OpenState::Holiday(name) => SpanKind::Holiday(name.to_owned()),
                    OpenState::Exception => SpanKind::SpecialHours,
                };
                add(span.start, span.end, kind);
            }
        }
        (None, _) if measure.counts_in(interval) => add(start, end, SpanKind::Running),
        (_, Some(reason)) => add(start, end, SpanKind::OnHold(reason.clone())),
        _ if interval.state == StateKind::Resolved => add(start, end, SpanKind::Resolved),
        _ => add(start, end, SpanKind::Closed),
    }
}

impl fmt::Display for SpanKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpanKind::Running => f.pad("running"),
            SpanKind::OffHours => f.pad("off hours"),
            SpanKind::Holiday(name) if name.is_empty() => f.pad("holiday"),
            SpanKind::Holiday(name) => f.pad(&format!("holiday ({name})")),
            SpanKind::SpecialHours => f.pad("special hours"),
            SpanKind::OnHold(reason) => f.pad(&format!("on hold ({reason})")),
            SpanKind::Resolved => f.pad("resolved"),
            SpanKind::Closed => f.pad("closed"),
            SpanKind::Superseded => f.pad("before the restart"),
            SpanKind::NoTarget => f.pad("no target"),
        }
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = &self.clock;
        let zone: chrono_tz::Tz = self.zone.parse().unwrap_or(chrono_tz::UTC);
        let local = |at: DateTime<Utc>| at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z").to_string();
        let length = duration::in_hours;
        writeln!(f, "{}, {} agreement: {}", clock.metric, clock.agreement, clock.state)?;
        for span in &self.spans {
            let counted = if span.kind == SpanKind::Running { "" } else { " (not counted)" };
            writeln!(
                f,
                "  {:<29} {:<24} {}{counted}",
                local(span.from),
                span.kind.to_string(),
                length(span.wall_time())
            )?;
        }
        let end = if clock.ended_at.is_some() { clock.state.to_string() } else { "now".to_owned() };
        writeln!(f, "  {:<29} {end}", local(self.until))?;
        write!(
            f,
            "  {} of {} used, {} of wall-clock time",
            length(self.elapsed()),
            length(clock.target),
            length(self.wall_time())
        )?;
        match clock.due_at {
            Some(due) => write!(f, "; due {}", local(due)),
            None => Ok(()),
        }
    }
}

//! A ticket being changed: the working copy of one decision.

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::lifecycle::state::{self, State};
use crate::lifecycle::{StateKind, StepKind};
use crate::policy::Policy;
use crate::ticket::event::{Cause, Change, Event, Origin, Personal};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::{Timer, TimerKind};

/// When, by whom and under which policy a decision is made: everything it may know beside the ticket.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Who wants it.
    pub by: &'a Actor,
    /// The policy in force.
    pub policy: &'a Policy,
}

/// The outcome of a pure decision: the ticket as it will be, and the events that make it so.
///
/// Nothing has happened yet. A store writes both in one transaction, if the ticket is still at
/// [`expected`](Draft::expected).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    expected: u64,
    snapshot: Snapshot,
    events: Vec<Event>,
}

impl Draft {
    /// A draft of a ticket as it stands.
    pub(crate) fn of(snapshot: Snapshot) -> Draft {
        Draft { expected: snapshot.version, snapshot, events: Vec::new() }
    }

    /// A draft of a ticket that begins with this event.
    pub(crate) fn beginning(opening: Event) -> Result<Draft> {
        let snapshot = Snapshot::fold([&opening])?;
        Ok(Draft { expected: 0, snapshot, events: vec![opening] })
    }

    /// The version that the ticket must still have when this is written; 0 if it must not be there yet.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// The ticket as it will be.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// What will have happened.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The parts, to be written.
    pub(crate) fn into_parts(self) -> (u64, Snapshot, Vec<Event>) {
        (self.expected, self.snapshot, self.events)
    }

    /// Adds an event. Time never runs backwards within a ticket: an event is at the earliest as old as the last.
    pub(crate) fn emit(
        &mut self,
        at: DateTime<Utc>,
        by: &Actor,
        change: Change,
        personal: Personal,
    ) -> Result<()> {
        self.emit_from(at.max(self.snapshot.updated_at), by, change, personal, None)
    }

    /// Adds an event just as it happened elsewhere, whatever its time.
    pub(crate) fn emit_from(
        &mut self,
        at: DateTime<Utc>,
        by: &Actor,
        change: Change,
        personal: Personal,
        origin: Option<Origin>,
    ) -> Result<()> {
        let event = Event {
            ticket: self.snapshot.id,
            // At the end of all numbers `apply` refuses it.
            version: self.snapshot.version.saturating_add(1),
            at,
            by: by.clone(),
            change,
            personal,
            origin,
        };
        self.snapshot.apply(&event)?;
        self.events.push(event);
        Ok(())
    }

    /// Lets everything happen that the clock owes this ticket, each at the instant at which it fell due. Every
    /// decision begins with it, so that the outcome does not depend on when somebody last looked.
    pub(crate) fn fire_due(&mut self, now: DateTime<Utc>) -> Result<()> {
        while let Some(timer) = self.snapshot.timers().into_iter().find(|timer| timer.due <= now) {
            self.fire(&timer)?;
        }
        Ok(())
    }

    fn fire(&mut self, timer: &Timer) -> Result<()> {
        let (step, to): (_, State) = match timer.kind {
            TimerKind::HoldEnds => (StepKind::Resume, state::Active.into()),
            TimerKind::Silence => (StepKind::Close, state::Closed.into()),
        };
        let from = self.snapshot.state.kind();
        let moved = Change::Moved { from, to, step: Some(step), cause: Cause::Timer(timer.kind), code: None };
        self.emit(timer.due, &Actor::desk(), moved, Personal::default())
    }

    /// The present state, for checks.
    pub(crate) fn state(&self) -> StateKind {
        self.snapshot.state.kind()
    }
}

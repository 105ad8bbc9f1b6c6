//! A ticket being changed: the working copy of one decision.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::StateKind;
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::ticket::decision::clock_draft::ClockDraft;
use crate::ticket::event::{Change, Event, Origin};
use crate::ticket::kind::Link;
use crate::ticket::people::Actor;
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::Catalogue;

/// When, by whom and under which policy a decision is made: everything it may know beside the ticket.
#[derive(Debug, Clone, Copy)]
pub struct DecisionContext<'a> {
    /// The present instant.
    pub now: DateTime<Utc>,
    /// Who wants it.
    pub by: &'a Actor,
    /// The policy in force.
    pub policy: &'a Policy,
    /// Its agreements, and those to which the ticket's clocks are pinned.
    pub rules: &'a AgreementSet,
    /// The workflows in force, and the one to which the ticket is pinned.
    pub workflows: &'a Catalogue,
    /// The ticket's history up to its present version, if it was read. Few decisions need it: those that measure a clock
    /// from times before its last update. Without it they fail with [`MissingHistory`](crate::ticket::MissingHistory).
    pub history: Option<&'a [Event]>,
}

/// The outcome of a pure decision: the ticket as it will be, and the events that make it so.
///
/// Nothing has happened yet. A store writes both in one transaction, if the ticket is still at
/// [`expected`](Decision::expected).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision changes nothing until a store commits it"]
pub struct Decision {
    expected: u64,
    snapshot: Snapshot,
    events: Vec<Event>,
}

impl Decision {
    /// The version that the ticket must still have when this is written; 0 if it must not exist yet.
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// The ticket as it will be.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The new events, in order. None if nothing changes.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The expected version, the ticket and the events, to be written.
    pub(crate) fn into_parts(self) -> (u64, Snapshot, Vec<Event>) {
        (self.expected, self.snapshot, self.events)
    }
}

/// The working copy of one decision.
#[derive(Debug, Clone)]
#[must_use = "a draft is not a decision until it is finished"]
pub(crate) struct Draft {
    expected: u64,
    pub(super) snapshot: Snapshot,
    events: Vec<Event>,
    pub(super) clock_draft: ClockDraft,
    /// The links of other tickets to this one, as far as the action is about them.
    pub(super) incoming: BTreeSet<Link>,
}

impl Draft {
    /// Begins a decision on a stored ticket. Fires the timers that are due.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the moment's history does not end with this version of the ticket.
    pub(crate) fn begin(snapshot: Snapshot, context: &DecisionContext<'_>) -> Result<Draft> {
        let mut draft = Draft::replaying(snapshot, context.rules, context.history)?;
        draft.fire_due(context)?;
        Ok(draft)
    }

    /// Begins to add events of another system's history to a ticket. They are dated in the past, so no timer fires.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if its history does not end with this version of the ticket.
    pub(crate) fn replaying(
        snapshot: Snapshot,
        rules: &AgreementSet,
        history: Option<&[Event]>,
    ) -> Result<Draft> {
        let ends_with = |events: &[Event]| events.last().map(|it| (it.ticket, it.version));
        if history.is_some_and(|events| ends_with(events) != Some((snapshot.id, snapshot.version))) {
            let problem = format!("the history of the ticket {} does not end with its version", snapshot.id);
            return Err(Error::new(ErrorKind::Corrupt, problem));
        }
        let clock_draft = ClockDraft::of(&snapshot, history, rules.clone());
        Ok(Draft {
            expected: snapshot.version,
            snapshot,
            events: Vec::new(),
            clock_draft,
            incoming: BTreeSet::new(),
        })
    }

    /// A draft of a ticket that begins with this event.
    pub(super) fn beginning(opening: Event, rules: &AgreementSet) -> Result<Draft> {
        let snapshot = Snapshot::fold([&opening])?;
        let mut clock_draft = ClockDraft::beginning(rules.clone());
        clock_draft.observe(&opening, &snapshot)?;
        Ok(Draft { expected: 0, snapshot, events: vec![opening], clock_draft, incoming: BTreeSet::new() })
    }

    /// Updates the ticket's clocks, and ends the draft.
    pub(crate) fn finish(mut self) -> Result<Decision> {
        self.settle()?;
        let Draft { expected, snapshot, events, .. } = self;
        Ok(Decision { expected, snapshot, events })
    }

    /// The ticket as it will be. Its clocks are those of before, until the draft is finished.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
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
        self.clock_draft.observe(&event, &self.snapshot)?;
        self.events.push(event);
        Ok(())
    }

    /// The present state, for checks.
    pub(crate) fn state(&self) -> StateKind {
        self.snapshot.state.kind()
    }
}

//! The draft of a decision: a working copy of the ticket.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{ActionKind, StateKind};
use crate::policy::Policy;
use crate::sla::AgreementSet;
use crate::ticket::action::Action;
use crate::ticket::decision::clock_draft::ClockDraft;
use crate::ticket::decision::stored_facts::StoredFacts;
use crate::ticket::decision::ticket_write::TicketWrite;
use crate::ticket::event::{Change, Event, Origin};
use crate::ticket::import_mark::ImportClocks;
use crate::ticket::missing_history::MissingHistory;
use crate::ticket::people::Actor;
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;
use crate::workflow::WorkflowSet;

/// The inputs of a decision apart from the ticket and the action.
#[derive(Debug, Clone)]
pub struct DecisionContext<'a> {
    pub(crate) now: DateTime<Utc>,
    pub(crate) by: &'a Actor,
    pub(crate) policy: &'a Policy,
    /// The agreements that came into force since the ticket's last event, and those to which its clocks are pinned.
    pub(crate) agreements: Cow<'a, AgreementSet>,
    /// The policies of these agreements in the same order; empty if only the policy in force is needed.
    pub(crate) policies: &'a [Arc<Policy>],
    /// The workflows in force, and the one to which the ticket is pinned.
    pub(crate) workflows: Cow<'a, WorkflowSet>,
    pub(crate) history: Option<&'a [Event]>,
}

impl<'a> DecisionContext<'a> {
    /// Creates the context of a decision at an instant, by an actor and under a policy. The policy's agreements and
    /// workflows are compiled, so reuse the context for several decisions.
    ///
    /// The policy counts as in force at all times. A ticket that is pinned to another version of the agreements or of
    /// its workflow cannot be decided in this context.
    ///
    /// # Errors
    /// [`Definition`](ErrorKind::Definition) if a calendar or a workflow of the policy is faulty.
    pub fn new(now: DateTime<Utc>, by: &'a Actor, policy: &'a Policy) -> Result<DecisionContext<'a>> {
        let agreements = match policy.agreements().is_empty() {
            true => AgreementSet::new(),
            false => AgreementSet::new().with(DateTime::<Utc>::MIN_UTC, policy.compiled_agreements()?),
        };
        let (agreements, workflows) = (Cow::Owned(agreements), Cow::Owned(policy.workflow_set()?));
        Ok(DecisionContext { now, by, policy, agreements, policies: &[], workflows, history: None })
    }

    /// Returns the policy of the last of the first `reached` versions.
    pub(super) fn policy_of(&self, reached: usize) -> &Policy {
        let found = reached.checked_sub(1).and_then(|last| self.policies.get(last));
        found.map_or(self.policy, |policy| policy)
    }

    /// Adds the history of the ticket up to its current version.
    ///
    /// Only decisions that measure a clock from a time before its last update need the history. They fail without it.
    #[must_use]
    pub fn history(self, history: &'a [Event]) -> DecisionContext<'a> {
        DecisionContext { history: Some(history), ..self }
    }
}

/// The working copy of one decision.
#[derive(Debug, Clone)]
#[must_use = "a draft is not a decision until it is finished"]
pub(crate) struct Draft {
    expected: u64,
    pub(super) snapshot: Snapshot,
    pub(super) events: Vec<Event>,
    pub(super) clock_draft: ClockDraft,
    pub(super) stored: StoredFacts,
    /// True if the actor is not known, so that nothing that depends on the actor is refused.
    pub(super) anybody: bool,
    /// True if the action assigns the ticket. A hand-over in the same action then keeps the assignment.
    pub(super) assigns: bool,
    /// The part that is being performed.
    pub(super) performing: ActionKind,
    /// The version before the first event of the command; `None` before it has begun.
    begun_at: Option<u64>,
}

impl Draft {
    /// Starts a draft of a stored ticket and fires its due timers.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if the context's history does not end with this version of the ticket.
    pub(crate) fn begin(snapshot: Snapshot, context: &DecisionContext<'_>) -> Result<Draft> {
        let (agreements, history) = (&*context.agreements, context.history);
        let ends_with = |events: &[Event]| events.last().map(|it| (it.ticket, it.version));
        if history.is_some_and(|events| ends_with(events) != Some((snapshot.id, snapshot.version))) {
            let problem = format!("the history of the ticket {} does not end with its version", snapshot.id);
            return Err(Error::new(ErrorKind::Corrupt, problem));
        }
        let clock_draft = ClockDraft::of(&snapshot, history, agreements.clone());
        let mut draft = Draft::of(snapshot, clock_draft, Vec::new());
        draft.fire_due(context)?;
        // The command is taken back to the clocks after its due timers, as if a tick had fired them.
        draft.record_clocks()?;
        Ok(draft)
    }

    /// Starts a draft that is never written, to find out whether the ticket accepts an action. No timer fires, and the
    /// clocks stand still.
    pub(super) fn preview(snapshot: Snapshot, action: &Action, anybody: bool) -> Draft {
        // The links of other tickets are not in the snapshot: the desk checks them.
        let unlinked = action.parts().into_iter().filter_map(|part| match part {
            Action::Unlink(link) if !link.kind.is_own() => Some(*link),
            _ => None,
        });
        let stored = StoredFacts { incoming: unlinked.collect(), ..StoredFacts::default() };
        let still = ClockDraft::beginning(AgreementSet::new(), ImportClocks::default());
        Draft { stored, anybody, ..Draft::of(snapshot, still, Vec::new()) }
    }

    fn of(snapshot: Snapshot, clock_draft: ClockDraft, events: Vec<Event>) -> Draft {
        Draft {
            expected: snapshot.version - events.len() as u64,
            snapshot,
            events,
            clock_draft,
            stored: StoredFacts::default(),
            anybody: false,
            assigns: false,
            performing: ActionKind::Describe,
            begun_at: None,
        }
    }

    /// Marks the beginning of the command. The events so far belong to timers.
    pub(super) fn begin_command(&mut self) {
        self.begun_at.get_or_insert(self.snapshot.version);
    }

    /// Returns the events so far.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }

    /// Measures the following events under these agreements. Imported events are measured as if the agreements in force
    /// had always been in force. The clocks may still be pinned to earlier agreements, for example to a version that
    /// has just come into force in this draft.
    pub(crate) fn measured_under(mut self, agreements: &AgreementSet) -> Draft {
        let agreements = agreements.clone().pinned_to(&self.clock_draft.agreements);
        self.clock_draft.measure_under(agreements, 0);
        self
    }

    /// Measures the history of a ticket that was imported before these agreements were adopted. Does nothing for other
    /// tickets.
    ///
    /// # Errors
    /// [`MissingHistory`] if the history was not read.
    pub(super) fn measure_import(
        &mut self,
        agreements: Fingerprint,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        if !self.clock_draft.is_unmeasured(&self.snapshot) {
            return Ok(());
        }
        let stored = context.history.ok_or_else(|| MissingHistory::of(self.snapshot.id))?;
        let history = [stored, &self.events].concat();
        self.clock_draft.measure_import(&history, agreements)
    }

    /// Starts a draft of a new ticket that begins with this event.
    pub(super) fn beginning(
        mut opening: Event,
        agreements: &AgreementSet,
        import_clocks: ImportClocks,
    ) -> Result<Draft> {
        let mut clock_draft = ClockDraft::beginning(agreements.clone(), import_clocks);
        clock_draft.enter_versions_until(opening.at);
        opening.adopted = clock_draft.adopted_at(opening.at);
        let snapshot = Snapshot::fold([&opening])?;
        clock_draft.observe(&opening, &snapshot)?;
        Ok(Draft { begun_at: Some(0), ..Draft::of(snapshot, clock_draft, vec![opening]) })
    }

    /// Updates the ticket's clocks and returns the decision.
    pub(crate) fn finish(mut self) -> Result<TicketWrite> {
        self.record_clocks()?;
        let Draft { expected, snapshot, events, .. } = self;
        Ok(TicketWrite::new(expected, snapshot, events))
    }

    /// Returns the ticket after the events so far. Its clocks are not updated until the draft is finished.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Adds an event. If `at` is earlier than the last event, the new event gets the time of the last one, so that
    /// times never run backwards.
    pub(crate) fn emit(
        &mut self,
        at: DateTime<Utc>,
        by: &Actor,
        change: Change,
        personal: Personal,
    ) -> Result<()> {
        self.push(at.max(self.snapshot.updated_at), by, change, personal, None)
    }

    /// Adds an event at exactly this time, even if it is earlier than the last event. Used for imported history.
    pub(crate) fn emit_from(
        &mut self,
        at: DateTime<Utc>,
        by: &Actor,
        change: Change,
        personal: Personal,
        origin: Option<Origin>,
    ) -> Result<()> {
        self.clock_draft.enter_versions_until(at);
        self.push(at, by, change, personal, origin)
    }

    fn push(
        &mut self,
        at: DateTime<Utc>,
        by: &Actor,
        change: Change,
        personal: Personal,
        origin: Option<Origin>,
    ) -> Result<()> {
        // A link that changes although no command on this ticket has begun belongs to a command on the other ticket.
        let mirrored = self.begun_at.is_none() && matches!(change, Change::Linked(_) | Change::Unlinked(_));
        self.clock_draft.reach(at, &self.snapshot)?;
        let event = Event {
            ticket: self.snapshot.id,
            // If the version saturates, `apply` refuses the event.
            version: self.snapshot.version.saturating_add(1),
            at,
            by: by.clone(),
            change,
            personal,
            origin,
            continues: self.begun_at.is_some_and(|begun| begun < self.snapshot.version),
            mirrored,
            adopted: self.clock_draft.adopted_at(at),
        };
        self.snapshot.apply(&event)?;
        self.clock_draft.observe(&event, &self.snapshot)?;
        self.events.push(event);
        Ok(())
    }

    /// Returns the kind of the current state.
    pub(crate) fn state(&self) -> StateKind {
        self.snapshot.state.kind()
    }
}

//! The fold of events into a ticket.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Snapshot;
use crate::error::{Error, ErrorKind, Result};
use crate::lifecycle::{State, StateKind, StepKind};
use crate::sla;
use crate::ticket::event::{Cause, Change, DetailsChange, Event, Opened};
use crate::ticket::hold_end::HoldEnd;
use crate::ticket::kind::Link;
use crate::ticket::people::Who;
use crate::ticket::personal::Personal;
use crate::ticket::timer::TimerKind;

impl Snapshot {
    /// Folds a whole history into a ticket.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] unless the events belong to one ticket, begin with its opening, and are in order without
    /// gaps.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Snapshot> {
        let mut events = events.into_iter();
        let first = events.next().ok_or_else(|| corrupt("has no events"))?;
        let Change::Opened(opened) = &first.change else {
            return Err(corrupt("does not begin with its opening"));
        };
        let mut snapshot = Snapshot::opened(first, opened);
        events.try_for_each(|event| snapshot.apply(event)).map(|()| snapshot)
    }

    fn opened(event: &Event, opened: &Opened) -> Snapshot {
        let mut personal = event.personal.clone();
        personal.clear_text();
        // A message that arrived may have any subject. Its event keeps it whole.
        personal.shorten_subject();
        // The message may have been erased, so the count depends on the actor alone, which is a fact.
        let by_contact = !event.by.who.is_staff();
        let state_kind = opened.state.kind();
        Snapshot {
            id: event.ticket,
            version: event.version,
            number: opened.number.clone(),
            kind: opened.kind.clone(),
            channel: opened.channel.clone(),
            state: opened.state.clone(),
            placement: opened.placement.clone().map(Box::new),
            state_since: event.at,
            hold_end: None,
            contacts: opened.contacts.clone(),
            attributes: opened.attributes.clone(),
            category: opened.category.clone(),
            tags: opened.tags.clone(),
            fields: opened.fields.clone(),
            modifiers: opened.modifiers.clone(),
            assessment: opened.assessment.clone(),
            team: opened.team.clone(),
            line: opened.line,
            assignee: opened.assignee.clone(),
            followers: BTreeSet::new(),
            minutes_spent: 0,
            links: BTreeSet::new(),
            resolution_code: opened.resolution_code.clone(),
            opened_at: event.at,
            updated_at: event.at,
            adopted: event.adopted,
            touched_at: None,
            outbound: !by_contact,
            asked_at: None,
            first_replied_at: None,
            resolved_at: (state_kind == StateKind::Resolved).then_some(event.at),
            closed_at: (state_kind == StateKind::Closed).then_some(event.at),
            due_at: None,
            overdue_since: None,
            reopens: 0,
            handovers: 0,
            messages_received: by_contact.into(),
            replies_sent: 0,
            last_speaker: by_contact.then(|| event.by.who.clone()),
            unanswered_since: (by_contact && state_kind.is_open()).then_some(event.at),
            undone: 0,
            spam: false,
            irregular: event.origin.as_ref().map_or(0, |origin| origin.irregular.into()),
            out_of_order: false,
            unmapped_status: None,
            external: opened.external.clone(),
            imported: None,
            clocks: Vec::new(),
            personal,
        }
    }

    /// Applies the next event.
    ///
    /// # Errors
    /// [`ErrorKind::Corrupt`] if this is not the ticket's next event.
    pub fn apply(&mut self, event: &Event) -> Result<()> {
        if event.ticket != self.id || Some(event.version) != self.version.checked_add(1) {
            return Err(corrupt(format_args!("has version {} after {}", event.version, self.version)));
        }
        match &event.change {
            Change::Opened(_) => return Err(corrupt("is opened twice")),
            Change::Received(arrived) => {
                bump(&mut self.messages_received, true);
                self.last_speaker = Some(event.by.who.clone());
                if arrived.needs_reply {
                    self.unanswered_since.get_or_insert(event.at);
                    if self.outbound {
                        self.asked_at.get_or_insert(event.at);
                    }
                }
            }
            Change::SignalReceived(_) => {}
            Change::ClosingChanged { closes_at } => {
                if let State::Resolved(resolved) = &mut self.state {
                    (resolved.closes_at, resolved.closing_stopped) = (*closes_at, closes_at.is_none());
                }
            }
            Change::Replied { .. } => {
                self.last_speaker = Some(event.by.who.clone());
                self.replied(event);
            }
            Change::NoteAdded { .. } => {}
            Change::StateChanged { from, to, code, status, cause, .. } => {
                self.placement(status.as_ref())?;
                self.moved(*from, to, code.as_deref(), event);
                let corrects = *cause == Cause::NotSpam;
                bump(&mut self.undone, corrects);
                bump(&mut self.reopens, !corrects && !from.is_open() && to.kind().is_open());
                self.spam = *cause == Cause::Spam;
            }
            Change::Undone {
                before,
                resolved_at,
                closed_at,
                unanswered_since,
                reopens,
                handovers,
                first_replied_at,
                replies_sent,
                hold_end,
                minutes_spent,
                followers,
                unmapped_status,
                ..
            } => {
                self.undo(before, event);
                self.unmapped_status.clone_from(unmapped_status);
                self.unanswered_since = *unanswered_since;
                (self.resolved_at, self.closed_at) = (*resolved_at, *closed_at);
                (self.reopens, self.handovers) = (*reopens, *handovers);
                (self.first_replied_at, self.replies_sent) = (*first_replied_at, *replies_sent);
                self.hold_end = *hold_end;
                self.minutes_spent = *minutes_spent;
                self.followers.clone_from(followers);
            }
            Change::StatusChanged { to, .. } => self.placement(Some(to))?,
            Change::WorkflowMigrated { to, .. } => self.placement = to.clone().map(Box::new),
            Change::TimerExpired { timer, step, .. } => self.expire(*timer, *step),
            Change::Assigned { to } => self.assignee.clone_from(to),
            Change::HandedOver { team, line } => {
                self.team.clone_from(team);
                self.line = *line;
                bump(&mut self.handovers, true);
            }
            Change::DetailsChanged(described) => self.described(described, &event.personal),
            Change::Prioritised { modifiers, assessment } => {
                self.modifiers.clone_from(modifiers);
                self.assessment.clone_from(assessment.as_ref());
            }
            Change::Warned(_) | Change::Breached(_) => {}
            Change::PolicyRebound { .. } => {
                // The first agreements that apply to the ticket were adopted after its import.
                let is_first = self.clocks.is_empty();
                if let Some(mark) = self.imported.as_mut().filter(|mark| is_first && !mark.measured) {
                    (mark.measured, mark.quiet_until, mark.adopted) = (true, event.at, event.adopted);
                }
            }
            Change::ClocksUpdated { clocks } => {
                for clock in clocks {
                    sla::keep_latest(&mut self.clocks, clock.clone());
                }
                let counting = self.clocks.iter().filter(|it| it.running_since.is_some() && !it.is_overdue());
                self.due_at = counting.filter_map(|clock| clock.due_at).min();
                let overdue = self.clocks.iter().filter(|clock| clock.is_overdue());
                self.overdue_since = overdue.filter_map(|clock| clock.due_at).min();
            }
            Change::HoldEndSet(end) => self.hold_end = Some(*end),
            Change::Reminded => self.hold_end = self.hold_end.map(|end| HoldEnd { remind_at: None, ..end }),
            Change::TimeSpent { minutes } => {
                self.minutes_spent = self.minutes_spent.saturating_add_signed(*minutes);
            }
            Change::Followed { agent } => drop(self.followers.insert(agent.clone())),
            Change::Unfollowed { agent } => drop(self.followers.remove(agent)),
            Change::ThreadAdded => {}
            Change::Linked(link) => self.link(*link),
            Change::Unlinked(link) => drop(self.links.remove(link)),
            Change::StateRepeated => {
                if self.unmapped_status.is_none() {
                    self.stamp(event.at);
                }
            }
            Change::StatusUnmapped { status } => self.unmapped_status = Some(status.clone()),
            Change::Imported(mark) => self.imported = Some(mark.clone()),
        }
        bump(&mut self.irregular, event.origin.as_ref().is_some_and(|origin| origin.irregular));
        self.out_of_order |= event.at < self.updated_at;
        self.version = event.version;
        match event.by.who {
            // The desk's events of a command have the time of the command.
            Who::Desk if event.at == self.updated_at => {}
            Who::Desk => drop(self.touched_at.get_or_insert(self.updated_at)),
            _ => self.touched_at = None,
        }
        (self.updated_at, self.adopted) = (event.at, event.adopted);
        Ok(())
    }

    /// Counts a reply, if an agent gave it.
    fn replied(&mut self, event: &Event) {
        if matches!(event.by.who, Who::Agent(_)) {
            bump(&mut self.replies_sent, true);
            self.first_replied_at.get_or_insert(event.at);
            self.unanswered_since = None;
        }
    }

    /// Restores the ticket as it was before a command. Links and clocks have events of their own.
    fn undo(&mut self, before: &Opened, event: &Event) {
        let same = self.state.kind() == before.state.kind()
            && self.state.hold_reason() == before.state.hold_reason();
        let mut personal = event.personal.clone();
        personal.clear_text();
        self.kind.clone_from(&before.kind);
        self.channel.clone_from(&before.channel);
        self.state.clone_from(&before.state);
        self.placement = before.placement.clone().map(Box::new);
        self.state_since = if same { self.state_since } else { event.at };
        self.contacts.clone_from(&before.contacts);
        self.attributes.clone_from(&before.attributes);
        self.category.clone_from(&before.category);
        self.tags.clone_from(&before.tags);
        self.fields.clone_from(&before.fields);
        self.modifiers.clone_from(&before.modifiers);
        self.assessment.clone_from(&before.assessment);
        self.team.clone_from(&before.team);
        self.line = before.line;
        self.assignee.clone_from(&before.assignee);
        self.resolution_code.clone_from(&before.resolution_code);
        self.spam &= before.state.kind() == StateKind::Cancelled;
        self.personal = personal;
        bump(&mut self.undone, true);
    }

    fn moved(&mut self, from: StateKind, to: &State, code: Option<&str>, event: &Event) {
        let ends = matches!(to.kind(), StateKind::Resolved | StateKind::Closed);
        if from.is_open() && ends && self.first_replied_at.is_none() {
            self.replied(event);
        }
        if self.state.kind() != to.kind() || self.state.hold_reason() != to.hold_reason() {
            self.state_since = event.at;
        }
        self.state.clone_from(to);
        self.hold_end = None;
        self.unmapped_status = None;
        if matches!(to.kind(), StateKind::Resolved | StateKind::Closed) {
            self.unanswered_since = None;
        }
        if to.kind() == StateKind::Resolved {
            self.resolution_code = code.map(str::to_owned);
            self.personal.resolve(&event.personal);
        }
        self.stamp(event.at);
    }

    /// Sets the status in the ticket's workflow.
    fn placement(&mut self, status: Option<&Arc<str>>) -> Result<()> {
        match (&mut self.placement, status) {
            (Some(placement), Some(status)) => placement.status = Arc::clone(status),
            (None, None) => {}
            (Some(_), None) => return Err(corrupt("moves without a status, though it follows a workflow")),
            (None, Some(_)) => return Err(corrupt("has a status, though it follows no workflow")),
        }
        Ok(())
    }

    /// Stores a link if the ticket owns it. The links of other tickets are not stored, because there may be many.
    pub(in crate::ticket) fn link(&mut self, link: Link) {
        if link.kind.is_own() {
            self.links.insert(link);
        }
    }

    /// Removes an expired timer from the state. No step is taken.
    fn expire(&mut self, timer: TimerKind, step: StepKind) {
        match (&mut self.state, timer) {
            (State::OnHold(hold), TimerKind::HoldEnds) => (hold.until, self.hold_end) = (None, None),
            (State::Resolved(resolved), TimerKind::VerificationEnds) => {
                resolved.closes_at = None;
                // A message stopped the closing, but could not reopen the ticket.
                resolved.closing_stopped = step == StepKind::Reopen;
            }
            _ => {}
        }
    }

    fn stamp(&mut self, at: DateTime<Utc>) {
        match self.state.kind() {
            StateKind::Resolved => self.resolved_at = Some(at),
            StateKind::Closed => self.closed_at = Some(at),
            _ => {}
        }
    }

    pub(in crate::ticket) fn described(&mut self, described: &DetailsChange, personal: &Personal) {
        let DetailsChange {
            kind,
            channel,
            category,
            tags_added,
            tags_removed,
            fields,
            text_fields,
            fields_cleared,
            ..
        } = described;
        if let Some(kind) = kind {
            self.kind.clone_from(kind);
        }
        if let Some(channel) = channel {
            self.channel.clone_from(channel);
        }
        if let Some(category) = category {
            self.category.clone_from(category);
        }
        self.tags.extend(tags_added.iter().cloned());
        self.tags.retain(|tag| !tags_removed.contains(tag));
        // The set of changed fields is a fact. The former value is removed even if the new value was erased.
        if described.subject {
            self.personal.clear_subject();
        }
        for name in fields_cleared.iter().chain(fields.keys()).chain(text_fields) {
            self.fields.remove(name);
            self.personal.clear_field(name);
        }
        self.fields.extend(fields.clone());
        for id in &described.contacts_removed {
            self.contacts.remove(id);
            self.attributes.remove(id);
            self.personal.clear_person(id);
        }
        described.nameless.iter().for_each(|id| self.personal.clear_person(id));
        self.contacts.extend(described.contacts.iter().map(|(id, part)| (id.clone(), *part)));
        self.attributes.extend(described.attributes.clone());
        self.attributes.retain(|_, attributes| !attributes.is_empty());
        self.personal.describe(personal);
    }
}

/// Increments the count if `happened`. Saturates, because a corrupt row may have the maximal count.
fn bump(count: &mut u32, happened: bool) {
    *count = count.saturating_add(happened.into());
}

fn corrupt(problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the stored history of the ticket {problem}"))
}

//! Corrections: a command is taken back, and a ticket is spam or is not spam after all.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::error::Result;
use crate::id::TicketId;
use crate::language::Sentence;
use crate::lifecycle::state::{OnHold, Resolved, State};
use crate::lifecycle::{ActionKind, state};
use crate::ticket::decision::last_command::{last_command, spam};
use crate::ticket::decision::request::Destination;
use crate::ticket::decision::{DecisionContext, Draft};
use crate::ticket::event::{Cause, Change, Event, MigrationCause, Opened};
use crate::ticket::kind::Link;
use crate::ticket::missing_history::MissingHistory;
use crate::ticket::people::Who;
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;

impl Draft {
    /// Takes back the actor's own last command.
    pub(super) fn undo(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let history = self.whole_history(context)?;
        let refused = |why| Err(self.refuse(ActionKind::Undo, why, context));
        let Some(place) = last_command(&history) else { return refused(Sentence::new("why.no_command")) };
        let (before, since) = (&history[..place.start], &history[place.end..]);
        let (first, last) = (&history[place.start], &history[place.end - 1]);
        let command = &history[place];
        if let Some(why) = obstacle(command, since, &self.stored.unseen, context) {
            return refused(why);
        }
        let mut ticket = Snapshot::fold(before)?;
        arm_again(&mut ticket, first.at, self.now(context));
        self.clock_draft.remember(&ticket.clocks);
        for change in links_before(command) {
            self.set_link(change, context)?;
        }
        let undone = Change::Undone {
            versions: first.version..=last.version,
            commanded_at: first.at,
            resolved_at: ticket.resolved_at,
            closed_at: ticket.closed_at,
            unanswered_since: ticket.unanswered_since,
            reopens: ticket.reopens,
            handovers: ticket.handovers,
            first_replied_at: ticket.first_replied_at,
            replies_sent: ticket.replies_sent,
            hold_end: ticket.hold_end,
            minutes_spent: ticket.minutes_spent,
            followers: ticket.followers,
            unmapped_status: ticket.unmapped_status,
            before: Box::new(Opened {
                number: ticket.number,
                kind: ticket.kind,
                channel: ticket.channel,
                state: ticket.state,
                resolution_code: ticket.resolution_code,
                contacts: ticket.contacts,
                attributes: ticket.attributes,
                category: ticket.category,
                tags: ticket.tags,
                fields: ticket.fields,
                modifiers: ticket.modifiers,
                assessment: ticket.assessment,
                team: ticket.team,
                line: ticket.line,
                assignee: ticket.assignee,
                files: Vec::new(),
                sent_at: None,
                left_out: BTreeMap::new(),
                external: ticket.external,
                placement: ticket.placement.map(|placement| *placement),
            }),
        };
        self.change(context, undone, ticket.personal)
    }

    /// Cancels the ticket as spam.
    pub(super) fn spam(
        &mut self,
        destination: Option<Destination>,
        context: &DecisionContext<'_>,
    ) -> Result<()> {
        let Some(Destination { step, status }) = destination else { return Ok(()) };
        let (from, to, cause) = (self.state(), state::Cancelled.into(), Cause::Spam);
        let moved = Change::StateChanged { from, to, step, cause, code: None, status };
        self.change(context, moved, Personal::default())
    }

    /// Returns the ticket to the state and status that it had before it was cancelled as spam. If its kind was changed
    /// since, it then enters the workflow of the new kind.
    pub(super) fn not_spam(&mut self, context: &DecisionContext<'_>) -> Result<()> {
        let history = self.whole_history(context)?;
        let Some(place) = spam(&history) else {
            return Err(self.refuse(ActionKind::NotSpam, Sentence::new("why.not_spam"), context));
        };
        let mut before = Snapshot::fold(&history[..place])?;
        arm_again(&mut before, history[place].at, self.now(context));
        self.clock_draft.remember(&before.clocks);
        let (hold_end, former_kind) = (before.hold_end, before.kind);
        let moved = Change::StateChanged {
            from: self.state(),
            to: before.state,
            step: None,
            cause: Cause::NotSpam,
            code: None,
            status: before.placement.map(|placement| placement.status),
        };
        self.change(context, moved, Personal::default())?;
        if let Some(end) = hold_end {
            self.change(context, Change::HoldEndSet(end), Personal::default())?;
        }
        let kind = self.snapshot().kind.clone();
        if kind == former_kind { Ok(()) } else { self.follow_kind(&kind, context) }
    }

    /// Returns the history up to the current version of the draft.
    fn whole_history(&self, context: &DecisionContext<'_>) -> Result<Vec<Event>> {
        let stored = context.history.ok_or_else(|| MissingHistory::of(self.snapshot().id))?;
        Ok(stored.iter().chain(self.events()).cloned().collect())
    }
}

/// Moves the date of a hold or of a closing that passed during a mistake, so that it does not end the ticket that the
/// correction gives back: the time that was left at the beginning of the mistake begins again. A reminder moves along.
fn arm_again(ticket: &mut Snapshot, mistake: DateTime<Utc>, correction: DateTime<Utc>) {
    let (State::OnHold(OnHold { until: Some(due), .. })
    | State::Resolved(Resolved { closes_at: Some(due), .. })) = &mut ticket.state
    else {
        return;
    };
    if *due <= mistake || *due > correction {
        return;
    }
    let lost = correction - mistake;
    let postpone = |at: &mut DateTime<Utc>| *at = at.checked_add_signed(lost).unwrap_or(*at);
    postpone(due);
    if let Some(remind_at) = ticket.hold_end.as_mut().and_then(|end| end.remind_at.as_mut()) {
        postpone(remind_at);
    }
}

/// Returns the changes that give the ticket the links from before a command. Links are removed first, so that the
/// others stay within the limit.
fn links_before(command: &[Event]) -> Vec<Change> {
    let (mut unlink, mut link_again) = (BTreeSet::new(), BTreeSet::new());
    for (link, linked) in changed_links(command) {
        // A link that the command has added and removed again is as it was before.
        match linked {
            true if !link_again.remove(&link) => drop(unlink.insert(link)),
            false if !unlink.remove(&link) => drop(link_again.insert(link)),
            _ => {}
        }
    }
    unlink.into_iter().map(Change::Unlinked).chain(link_again.into_iter().map(Change::Linked)).collect()
}

/// Returns the reason why a command cannot be taken back. `since` are the events after it. The reason does not
/// reveal whether, or by whom, links with unseen tickets were changed.
fn obstacle(
    command: &[Event],
    since: &[Event],
    unseen: &BTreeSet<TicketId>,
    context: &DecisionContext<'_>,
) -> Option<Sentence> {
    let first = command.first()?;
    let is_unseen =
        |event: &Event| event.change.changed_link().is_some_and(|(link, _)| unseen.contains(&link.to));
    let is_own = first.by.who == context.by.who;
    if command.iter().all(is_unseen) || is_own && command.iter().any(is_unseen) {
        return Some(Sentence::new("why.not_now"));
    }
    if !is_own {
        return Some(naming(Sentence::new("why.acted_since"), &first.by.who));
    }
    let links: BTreeSet<Link> = changed_links(command).map(|(link, _)| link).collect();
    for event in since {
        if let Some((link, _)) = event.change.changed_link().filter(|(link, _)| links.contains(link)) {
            let why = Sentence::new("why.link_changed").name("link", "link", link.kind.as_str());
            return Some(naming(why, &event.by.who));
        }
    }
    for event in command {
        let why = match event.change {
            Change::Opened(_) => "why.opened",
            Change::Received { .. } | Change::Replied { .. } => "why.public_message",
            Change::Undone { .. } | Change::StateChanged { cause: Cause::NotSpam, .. } => "why.correction",
            Change::WorkflowMigrated { cause: MigrationCause::Migration, .. } => "why.migrated",
            _ if event.origin.is_some() => "why.imported",
            _ => continue,
        };
        return Some(Sentence::new(why));
    }
    let period = context.policy.undo_period();
    let is_late = context.now.signed_duration_since(first.at) > period;
    is_late.then(|| Sentence::new("why.too_old").duration("time", period))
}

/// Returns the links that events change, in order. True if the link was added.
fn changed_links(events: &[Event]) -> impl Iterator<Item = (Link, bool)> {
    events.iter().filter_map(|event| event.change.changed_link())
}

fn naming(sentence: Sentence, who: &Who) -> Sentence {
    match who {
        Who::Desk => sentence.name("who", "who", "desk"),
        Who::Unknown => sentence.name("who", "who", "unknown"),
        other => sentence.text("who", other),
    }
}

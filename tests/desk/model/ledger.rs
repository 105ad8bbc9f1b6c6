//! Keeps the facts from which the model knows if an action must be accepted, and what it leaves behind.

use std::collections::{BTreeMap, BTreeSet};

use firstline::policy::Standing;
use firstline::ticket::event::Cause;
use firstline::ticket::kind::Link;
use firstline::{
    Action, Actor, Change, DateTime, Event, LinkKind, Receipt, Snapshot, State, StateKind, Story, ThreadKey,
    TicketId, TimeDelta, Utc, Who,
};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::stage::Stage;

/// The last command on a ticket, if it may be undone.
#[derive(Debug, Clone)]
struct LastCommand {
    by: Who,
    at: DateTime<Utc>,
    before: Snapshot,
    links_before: Vec<Link>,
    links_after: Vec<Link>,
    threads: BTreeSet<String>,
    /// The version of its last event.
    end: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// The ticket to which each thread key leads.
    threads: BTreeMap<String, TicketId>,
    last_commands: BTreeMap<TicketId, LastCommand>,
    /// The ticket before it was cancelled as spam, and the instant of that.
    before_spam: BTreeMap<TicketId, (Snapshot, DateTime<Utc>)>,
}

/// The ticket that a correction gives back. A date of its state that passed during the mistake gets the time that was
/// left.
fn armed_again(before: &Snapshot, mistake: DateTime<Utc>, now: DateTime<Utc>) -> Snapshot {
    let mut ticket = before.clone();
    let due = match &mut ticket.state {
        State::OnHold(hold) => hold.until.as_mut(),
        State::Resolved(resolved) => resolved.closes_at.as_mut(),
        _ => None,
    };
    if let Some(due) = due.filter(|due| mistake < **due && **due <= now) {
        *due += now - mistake;
        ticket
            .hold_end
            .iter_mut()
            .filter_map(|end| end.remind_at.as_mut())
            .for_each(|it| *it += now - mistake);
    }
    ticket
}

/// The facts that an undoing restores.
fn restored(ticket: &Snapshot) -> Snapshot {
    let mut facts = ticket.clone();
    (facts.version, facts.updated_at, facts.touched_at) = (0, ticket.opened_at, None);
    (facts.undone, facts.state_since, facts.adopted) = (0, ticket.opened_at, None);
    facts
}

fn is_agent(actor: &Actor) -> bool {
    matches!(actor.who, Who::Agent(_))
}

impl Ledger {
    /// Returns the actor of the last command that may be undone.
    pub(crate) fn last_actor(&self, ticket: TicketId) -> Option<Actor> {
        self.last_commands.get(&ticket).map(|last| Actor::from(last.by.clone()))
    }

    /// Returns true if the action must be accepted, and false if it must be refused; `None` if the model does not know.
    /// No timer is due.
    pub(crate) fn accepts(
        &self,
        stage: &Stage,
        ticket: &Snapshot,
        action: &Action,
        by: &Actor,
    ) -> Option<bool> {
        let in_work = matches!(ticket.state.kind(), StateKind::New | StateKind::Active | StateKind::OnHold);
        let accepted = match action {
            Action::TimeSpent { minutes } => {
                *minutes != 0 && ticket.minutes_spent.checked_add_signed(*minutes).is_some()
            }
            Action::Follow(_) | Action::Unfollow(_) => true,
            Action::Take => {
                let to = ticket.assignee.as_ref().map(|agent| Who::Agent(agent.clone()));
                !ticket.state.kind().is_final() && to.is_none_or(|to| to == by.who)
            }
            Action::Spam => in_work,
            Action::NotSpam => ticket.spam,
            Action::Thread(key) => self.threads.get(key.as_str()).is_none_or(|it| *it == ticket.id),
            Action::Link(link) if link.to == ticket.id => false,
            // The model does not know if a chain of parts becomes a cycle.
            Action::Link(Link { kind: LinkKind::ParentOf | LinkKind::ChildOf, .. }) => return None,
            Action::Link(_) => true,
            Action::Unlink(link) => stage.links(ticket.id).contains(link),
            Action::Undo => return self.may_undo(stage, ticket, by),
            _ => return None,
        };
        Some(accepted && is_agent(by))
    }

    fn may_undo(&self, stage: &Stage, ticket: &Snapshot, by: &Actor) -> Option<bool> {
        let Some(last) = self.last_commands.get(&ticket.id).filter(|last| last.by == by.who) else {
            return Some(false);
        };
        let changed = |link: &Link| last.links_before.contains(link) != last.links_after.contains(link);
        let in_the_way = |event: &Event| match event.change {
            Change::Linked(link) | Change::Unlinked(link) if event.mirrored => changed(&link),
            _ => true,
        };
        if stage.history(ticket.id).iter().any(|event| event.version > last.end && in_the_way(event)) {
            return Some(false);
        }
        // A chain of parts may have become a cycle without the removed link.
        let is_removed_part =
            |link: &&Link| matches!(link.kind, LinkKind::ParentOf | LinkKind::ChildOf) && changed(link);
        if last.links_before.iter().any(|link| is_removed_part(&link)) {
            return None;
        }
        let standing = ticket.standing(&by.who).is_none_or(|it| it != Standing::Outsider);
        Some(standing && stage.now() - last.at <= TimeDelta::days(1))
    }

    /// Records a ticket that was opened or that has received a message.
    pub(crate) fn received(&mut self, thread: &str, receipt: &Receipt, sender: &str, stage: &Stage) {
        let id = receipt.ticket.id();
        self.last_commands.remove(&id);
        match self.threads.get(thread) {
            None => drop(self.threads.insert(thread.to_owned(), id)),
            Some(earlier) => {
                let is_requester = stage.ticket(*earlier).requester().is_some_and(|it| it.as_str() == sender);
                let follows = stage.links(id).iter().any(|link| link.kind == LinkKind::FollowUpOf);
                if receipt.opened() && is_requester && follows {
                    self.threads.insert(thread.to_owned(), id);
                }
            }
        }
    }

    pub(crate) fn opened(&mut self, ticket: TicketId, thread: Option<&str>) {
        self.threads.extend(thread.map(|thread| (thread.to_owned(), ticket)));
    }

    /// Checks the effect of an accepted action, and records it.
    pub(crate) fn acted(
        &mut self,
        stages: &[Stage],
        links_before: Vec<Link>,
        (action, by): (&Action, &Actor),
        receipt: &Receipt,
    ) -> Result<(), TestCaseError> {
        let stage = &stages[0];
        let after = receipt.ticket.snapshot();
        let links_after = stage.links(after.id);
        let events: Vec<&Event> =
            receipt.events.iter().skip_while(|event| event.by.who == Who::Desk).collect();
        let fired = receipt.events.len() - events.len();
        let begun = after.version - events.len() as u64;
        let before = Snapshot::fold(stage.history(after.id).iter().take_while(|it| it.version <= begun))
            .map_err(|error| TestCaseError::fail(error.to_string()))?;
        match action {
            Action::TimeSpent { minutes } => {
                prop_assert_eq!(Some(after.minutes_spent), before.minutes_spent.checked_add_signed(*minutes));
            }
            Action::Follow(agent) => prop_assert!(after.followers.contains(agent)),
            Action::Unfollow(agent) => prop_assert!(!after.followers.contains(agent)),
            Action::Take => {
                prop_assert_eq!(
                    after.assignee.as_ref().map(|it| Who::Agent(it.clone())),
                    Some(by.who.clone())
                );
            }
            Action::Link(link) => prop_assert!(links_after.contains(link)),
            Action::Unlink(link) => prop_assert!(!links_after.contains(link)),
            Action::Spam => {
                prop_assert!(after.spam && after.state.kind() == StateKind::Cancelled);
            }
            Action::NotSpam => {
                let earlier = self.before_spam.get(&after.id);
                let earlier = earlier.map(|(ticket, at)| armed_again(ticket, *at, stage.now()).state);
                prop_assert_eq!(Some(&after.state), earlier.as_ref());
                prop_assert!(!after.spam);
            }
            Action::Undo => {
                let last = self.last_commands.remove(&after.id);
                let last = last.ok_or_else(|| TestCaseError::fail("there was nothing to undo"))?;
                // A timer of the restored ticket that is due by now fires in the same command.
                let before = armed_again(&last.before, last.at, stage.now());
                let fires = before.timers().iter().any(|timer| timer.due <= stage.now());
                let mut expected = restored(if fires { after } else { &before });
                // Tickets at the other ends may have changed their links to this one since.
                expected.links = after.links.clone();
                let history = stage.history(after.id);
                prop_assert_eq!(restored(after), expected, "{}", Story::of(&history));
                let changed =
                    |link: &&Link| last.links_before.contains(link) != last.links_after.contains(link);
                let mut expected: BTreeSet<Link> =
                    links_before.iter().filter(|it| !changed(it)).copied().collect();
                expected.extend(last.links_before.iter().filter(changed));
                prop_assert_eq!(links_after.iter().copied().collect::<BTreeSet<_>>(), expected);
                for thread in &last.threads {
                    if self.threads.get(thread) == Some(&after.id) {
                        self.threads.remove(thread);
                    }
                }
                self.check_threads(stages, last.threads.iter())?;
            }
            _ => {}
        }
        if events.is_empty() {
            if fired > 0 {
                self.last_commands.remove(&after.id);
            }
            return Ok(());
        }
        if let Some(Event { change: Change::StateChanged { cause: Cause::Spam, .. }, at, .. }) = events
            .iter()
            .find(|event| matches!(event.change, Change::StateChanged { cause: Cause::Spam, .. }))
        {
            let part = |part: &&Action| matches!(part, Action::Spam);
            if action.parts().first().is_some_and(part) {
                self.before_spam.insert(after.id, (before.clone(), *at));
            }
        }
        let mut threads = BTreeSet::new();
        for part in action.parts() {
            if let Action::Thread(key) = part
                && self.threads.insert(key.as_str().to_owned(), after.id).is_none()
            {
                threads.insert(key.as_str().to_owned());
            }
        }
        self.check_threads(stages, threads.iter())?;
        let is_final = |event: &&Event| {
            let is_message = matches!(event.change, Change::Received(_) | Change::Replied { .. });
            let is_correction = matches!(
                event.change,
                Change::Undone { .. } | Change::StateChanged { cause: Cause::NotSpam, .. }
            );
            is_message || is_correction
        };
        if events.iter().any(is_final) {
            self.last_commands.remove(&after.id);
            return Ok(());
        }
        let (by, at, end) = (by.who.clone(), events[0].at, after.version);
        let last = LastCommand { by, at, before, links_before, links_after, threads, end };
        self.last_commands.insert(after.id, last);
        Ok(())
    }

    /// Checks that every store finds the ticket of these keys.
    fn check_threads<'k>(
        &self,
        stages: &[Stage],
        keys: impl Iterator<Item = &'k String>,
    ) -> Result<(), TestCaseError> {
        for key in keys {
            for stage in stages {
                let found = stage.desk.ticket(ThreadKey::from(key.as_str())).ok().map(|ticket| ticket.id());
                prop_assert_eq!(found.as_ref(), self.threads.get(key), "{}: the thread {}", stage.name, key);
            }
        }
        Ok(())
    }

    /// Checks every thread key.
    pub(crate) fn finish(&self, stages: &[Stage]) -> Result<(), TestCaseError> {
        self.check_threads(stages, self.threads.keys())
    }
}

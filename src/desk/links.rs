//! Links between tickets: changing both ends of a link, and reading the links of a ticket.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::context::CommandContext;
use crate::condition::Condition;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::language::Sentence;
use crate::lifecycle::ActionKind;
use crate::operation::{Interrupt, Loaded, Needs, Operation, OperationLabel};
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Mode, Read, RecordWrite, kinds};
use crate::ticket::access::Access;
use crate::ticket::action::Action;
use crate::ticket::decision::last_command::last_command;
use crate::ticket::decision::permissions::may;
use crate::ticket::decision::stored_facts::StoredFacts;
use crate::ticket::decision::{DecisionContext, Draft, TicketWrite};
use crate::ticket::event::Change;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::snapshot::Snapshot;

/// The maximum number of ancestors of a ticket: its parents, their parents, and so on.
const MAX_ANCESTORS: usize = 32;

/// The links of the ticket that a command changes.
pub(super) struct Links<'a> {
    pub(super) ticket: TicketId,
    pub(super) context: &'a CommandContext,
    /// The access of the actor. A ticket that the actor does not see is treated as missing.
    pub(super) access: &'a Access,
    pub(super) loaded: &'a Loaded,
}

impl Links<'_> {
    /// Returns what the store knows of the links in the action: which links from other tickets exist, and which links
    /// and tickets the actor does not see. Other tickets are read only if the actor may link tickets.
    pub(super) fn of_action(
        &self,
        ticket: &Snapshot,
        action: &Action,
        DecisionContext { by, policy, .. }: &DecisionContext<'_>,
    ) -> Result<StoredFacts, Interrupt> {
        let mut facts = StoredFacts::default();
        if may(ActionKind::Link, by, ticket, policy).is_some() {
            return Ok(facts);
        }
        let sees_all = *self.access.tickets() == Condition::ALWAYS;
        if !sees_all && action.parts().into_iter().any(|part| matches!(part, Action::Undo)) {
            let history = self.loaded.history(ticket.id, 0, usize::MAX)?;
            let start = last_command(history).map_or(history.len(), |place| place.start);
            let changed = history[start..].iter().filter_map(|event| event.change.changed_link());
            let mut others: BTreeSet<TicketId> = changed.map(|(link, _)| link.to).collect();
            let seen = self.context.seen_of(others.iter().copied(), self.access, self.loaded)?;
            others.retain(|other| !seen.contains(other));
            facts.unseen = others;
        }
        let links = action.parts().into_iter().filter_map(|part| match part {
            Action::Link(link) | Action::Unlink(link) if !(link.kind.is_own() && sees_all) => Some(*link),
            _ => None,
        });
        let links: BTreeSet<Link> = links.collect();
        self.loaded.need(links.iter().map(|link| Read::Ticket(link.to)))?;
        for link in links {
            let other = self.other(link)?;
            let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
            if link.kind.is_own() {
                facts.hidden.extend(other.is_none().then_some(link));
            } else if other.is_some_and(|other| other.links.contains(&inverse)) {
                facts.incoming.insert(link);
            }
        }
        // The links are internal: an unlinking by an actor who sees only the public part must not reveal which exist.
        facts.without_links = !self.access.sees_internal(ticket);
        Ok(facts)
    }

    /// Returns the ticket at the other end of a link; `None` if it is missing or the actor does not see it.
    fn other(&self, link: Link) -> Result<Option<&Snapshot>, Interrupt> {
        Ok(self.loaded.ticket(link.to)?.filter(|other| self.access.sees(other)))
    }

    /// Applies the changed links of a decision to the tickets at their other ends. Returns the decisions for these
    /// tickets and the records of the links.
    pub(super) fn mirror_all(
        &self,
        decision: &TicketWrite,
        decision_context: &DecisionContext<'_>,
    ) -> Result<(Vec<TicketWrite>, Vec<RecordWrite>), Interrupt> {
        let loaded = self.loaded;
        let changed: Vec<(Link, bool)> =
            decision.events.iter().filter_map(|event| event.change.changed_link()).collect();
        loaded.need(changed.iter().map(|(link, _)| Read::Ticket(link.to)))?;
        let (mut others, mut needs) = (BTreeMap::new(), Needs::default());
        for (link, linked) in &changed {
            needs.keep(self.mirror(*link, *linked, &mut others, decision, decision_context))?;
        }
        needs.answered(loaded)?;
        // Checked after all links are applied, because several links of this action may form a cycle together.
        let is_new_parent_link = |(link, linked): &(Link, bool)| {
            *linked && matches!(link.kind, LinkKind::ChildOf | LinkKind::ParentOf)
        };
        if changed.iter().any(is_new_parent_link) {
            self.check_no_cycle(decision, &others, decision_context)?;
        }
        // If the action adds and removes the same link, only the last change is recorded.
        let last: BTreeMap<Link, bool> = changed.into_iter().collect();
        let records = last.into_iter().map(|(link, linked)| kinds::set_link(self.ticket, link, linked));
        let decisions = others.into_values().map(Draft::finish).collect::<Result<_>>()?;
        Ok((decisions, records.collect()))
    }

    /// Applies a changed link to the ticket at its other end.
    fn mirror(
        &self,
        link: Link,
        linked: bool,
        others: &mut BTreeMap<TicketId, Draft>,
        decision: &TicketWrite,
        own_context: &DecisionContext<'_>,
    ) -> Result<(), Interrupt> {
        let unknown = || Error::not_found(format_args!("ticket {}", link.to));
        let other = self.other(link)?.ok_or_else(unknown)?;
        let policy_context = self.context.policy_context_for(other, self.loaded)?;
        let decision_context = &policy_context.decision(own_context.now, own_context.by);
        let mirror = match others.entry(link.to) {
            Entry::Occupied(draft) => draft.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Draft::begin(other.clone(), decision_context)?),
        };
        let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
        let change = if linked { Change::Linked(inverse) } else { Change::Unlinked(inverse) };
        let changed = mirror.set_link(change, decision_context);
        Ok(changed.map_err(|error| match error.is_invalid() && !self.access.sees_internal(other) {
            // The other ticket's links are internal.
            true if error.missing_history().is_none() => {
                decision.snapshot.refuse(ActionKind::Link, Sentence::new("why.not_now"), own_context)
            }
            _ => error.within(format_args!("ticket {}", other.number)),
        })?)
    }

    /// Refuses parent links that would form a cycle. Every link of the action has this ticket at one end, so any new
    /// cycle includes this ticket. Checking the ancestors of this ticket is therefore enough.
    fn check_no_cycle(
        &self,
        decision: &TicketWrite,
        others: &BTreeMap<TicketId, Draft>,
        decision_context: &DecisionContext<'_>,
    ) -> Result<(), Interrupt> {
        fn parents(ticket: &Snapshot) -> impl Iterator<Item = TicketId> {
            ticket.links.iter().filter(|link| link.kind == LinkKind::ChildOf).map(|link| link.to)
        }
        let mut ancestors = BTreeSet::new();
        let mut level: Vec<TicketId> = parents(&decision.snapshot).collect();
        while !level.is_empty() {
            ancestors.extend(level.iter().copied());
            if ancestors.contains(&self.ticket) || ancestors.len() > MAX_ANCESTORS {
                let why = Sentence::new("why.link_cycle").text("max", MAX_ANCESTORS);
                let refused = decision.snapshot.refuse(ActionKind::Link, why, decision_context);
                return Err(Interrupt::Fail(refused));
            }
            self.loaded.need(level.iter().map(|id| Read::Ticket(*id)))?;
            let mut next = Vec::new();
            for id in level {
                let ticket = match others.get(&id) {
                    Some(drafted) => Some(drafted.snapshot()),
                    None => self.loaded.ticket(id)?,
                };
                next.extend(ticket.into_iter().flat_map(parents).filter(|id| !ancestors.contains(id)));
            }
            level = next;
        }
        Ok(())
    }
}

/// Reads the links of a ticket: first its own links, then the links from other tickets.
#[derive(Debug)]
pub(super) struct ReadLinks {
    pub(super) ticket: TicketId,
    pub(super) after: Option<Link>,
    pub(super) context: CommandContext,
}

impl ReadLinks {
    /// Returns the links after a link, at most `limit` of them.
    fn page(&self, after: Option<Link>, limit: usize, loaded: &Loaded) -> Result<Vec<Link>, Interrupt> {
        let incoming = after.filter(|after| !after.kind.is_own());
        let range = kinds::incoming_links(self.ticket, incoming, limit);
        loaded.need([Read::Ticket(self.ticket), Read::Records(range.clone())])?;
        let unknown = || Error::not_found(format_args!("ticket {}", self.ticket));
        let ticket = loaded.ticket(self.ticket)?.ok_or_else(unknown)?;
        let own = ticket.links.iter().copied();
        let mut links: Vec<Link> = match (after, incoming) {
            (_, Some(_)) => Vec::new(),
            (after, None) => own.filter(|link| after.is_none_or(|after| *link > after)).collect(),
        };
        for record in loaded.records(&range)? {
            links.push(kinds::incoming_link(record)?);
        }
        links.truncate(limit);
        Ok(links)
    }

    /// Returns the links to tickets that the reader sees. Reads on until the page is full, each time twice as many
    /// links, because the number of rounds is limited.
    fn seen(&self, access: &Access, loaded: &Loaded) -> Result<Vec<Link>, Interrupt> {
        if !access.sees_internal(self.context.visible(self.ticket, access, loaded)?) {
            return Ok(Vec::new());
        }
        let (mut seen, mut after, mut limit) = (Vec::new(), self.after, MAX_PAGE);
        loop {
            let links = self.page(after, limit, loaded)?;
            let visible = self.context.seen_of(links.iter().map(|link| link.to), access, loaded)?;
            seen.extend(links.iter().filter(|link| visible.contains(&link.to)));
            let last = links.last().filter(|_| links.len() == limit && seen.len() < MAX_PAGE);
            let Some(last) = last else { break };
            (after, limit) = (Some(*last), limit.saturating_mul(2));
        }
        seen.truncate(MAX_PAGE);
        Ok(seen)
    }
}

impl Operation for ReadLinks {
    type Out = Vec<Link>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("links", self.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Link>), Interrupt> {
        let access = self.context.access(loaded)?;
        let links = match access.is_whole() {
            true => self.page(self.after, MAX_PAGE, loaded)?,
            false => self.seen(&access, loaded)?,
        };
        Ok((Commit::default(), links))
    }
}

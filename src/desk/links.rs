//! Links between tickets: changing both ends of a link, and reading the links of a ticket.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::context::CommandContext;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::language::Sentence;
use crate::lifecycle::{ActionKind, Rejection, RejectionReason};
use crate::limits;
use crate::operation::{Interrupt, Loaded, Needs, Operation, OperationLabel};
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Mode, Read, RecordWrite, kinds};
use crate::ticket::access::Access;
use crate::ticket::action::Action;
use crate::ticket::decision::permissions::may;
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
    pub(super) loaded: &'a Loaded,
}

impl Links<'_> {
    /// Decides an action. Returns the decision for the ticket, the decisions for the tickets at the other ends of
    /// changed links, and the records of these links.
    pub(super) fn decide(
        &self,
        ticket: &Snapshot,
        action: &Action,
        decision_context: &DecisionContext<'_>,
    ) -> Result<(TicketWrite, Vec<TicketWrite>, Vec<RecordWrite>), Interrupt> {
        self.check_visible(ticket, action, decision_context)?;
        let incoming = self.incoming(ticket, action, decision_context)?;
        let decision = ticket.decide_with(action, incoming, decision_context)?;
        let (others, records) = self.mirror_all(&decision, decision_context)?;
        Ok((decision, others, records))
    }

    /// Refuses the links to tickets that the actor may not see, as if there were no such tickets.
    fn check_visible(
        &self,
        ticket: &Snapshot,
        action: &Action,
        DecisionContext { by, policy, .. }: &DecisionContext<'_>,
    ) -> Result<(), Interrupt> {
        if !by.who.is_staff() || Access::of(by, policy).is_whole() {
            return Ok(());
        }
        let parts = action.parts();
        limits::count("parts of an action", parts.len())?;
        let named = parts.iter().filter_map(|part| match part {
            Action::Link(link) | Action::Unlink(link) => Some(link.to),
            _ => None,
        });
        self.loaded.need(named.map(Read::Ticket))?;
        for part in parts {
            let (Action::Link(link) | Action::Unlink(link)) = part else { continue };
            let Some(other) = self.loaded.ticket(link.to)? else { continue };
            let Err(unseen) = other.check_visible(by, policy) else { continue };
            let refusal: Error = match part {
                Action::Unlink(link) => {
                    let why = RejectionReason::Other(link.is_missing());
                    Rejection::new(ticket.state.kind(), ActionKind::Link, why).into()
                }
                _ => unseen,
            };
            return Err(refusal.into());
        }
        Ok(())
    }

    /// Returns the existing links from other tickets that the action names. Other tickets are read only if the number
    /// of parts is within the limit and the actor may link tickets.
    fn incoming(
        &self,
        ticket: &Snapshot,
        action: &Action,
        DecisionContext { by, policy, .. }: &DecisionContext<'_>,
    ) -> Result<BTreeSet<Link>, Interrupt> {
        let parts = action.parts();
        limits::count("parts of an action", parts.len())?;
        if may(ActionKind::Link, by, ticket, policy).is_some() {
            return Ok(BTreeSet::new());
        }
        let named = parts.iter().filter_map(|part| match part {
            Action::Link(link) | Action::Unlink(link) if !link.kind.is_own() => Some(*link),
            _ => None,
        });
        let mut links: BTreeSet<Link> = named.collect();
        self.loaded.need(links.iter().map(|link| Read::Ticket(link.to)))?;
        let others = links.iter().map(|link| self.loaded.ticket(link.to)).collect::<Result<Vec<_>, _>>()?;
        let mut others = others.into_iter();
        links.retain(|link| {
            let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
            others.next().flatten().is_some_and(|other| other.links.contains(&inverse))
        });
        Ok(links)
    }

    /// Applies the changed links of a decision to the tickets at their other ends. Returns the decisions for these
    /// tickets and the records of the links.
    fn mirror_all(
        &self,
        decision: &TicketWrite,
        decision_context: &DecisionContext<'_>,
    ) -> Result<(Vec<TicketWrite>, Vec<RecordWrite>), Interrupt> {
        let loaded = self.loaded;
        let mut changed = Vec::new();
        for event in &decision.events {
            match &event.change {
                Change::Linked(link) => changed.push((*link, true)),
                Change::Unlinked(link) => changed.push((*link, false)),
                _ => {}
            }
        }
        loaded.need(changed.iter().map(|(link, _)| Read::Ticket(link.to)))?;
        let (mut others, mut needs) = (BTreeMap::new(), Needs::default());
        for (link, linked) in &changed {
            needs.keep(self.mirror(*link, *linked, &mut others, decision_context))?;
        }
        needs.answered(loaded)?;
        // Checked after all links are applied, because several links of this action may form a cycle together.
        let is_new_parent_link = |(link, linked): &(Link, bool)| {
            *linked && matches!(link.kind, LinkKind::ChildOf | LinkKind::ParentOf)
        };
        if changed.iter().any(is_new_parent_link) {
            self.check_no_cycle(decision, &others)?;
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
        decision_context: &DecisionContext<'_>,
    ) -> Result<(), Interrupt> {
        let unknown = || Error::not_found(format_args!("ticket {}", link.to));
        let other = self.loaded.ticket(link.to)?.ok_or_else(unknown)?;
        let policy_context = self.context.policy_context_for(other, self.loaded)?;
        let decision_context = &policy_context.decision(decision_context.now, decision_context.by);
        let mirror = match others.entry(link.to) {
            Entry::Occupied(draft) => draft.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(Draft::begin(other.clone(), decision_context)?),
        };
        let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
        let change = if linked { Change::Linked(inverse) } else { Change::Unlinked(inverse) };
        let changed = mirror.set_link(change, decision_context);
        Ok(changed.map_err(|error| error.within(format_args!("ticket {}", other.number)))?)
    }

    /// Refuses parent links that would form a cycle. Every link of the action has this ticket at one end, so any new
    /// cycle includes this ticket. Checking the ancestors of this ticket is therefore enough.
    fn check_no_cycle(
        &self,
        decision: &TicketWrite,
        others: &BTreeMap<TicketId, Draft>,
    ) -> Result<(), Interrupt> {
        fn parents(ticket: &Snapshot) -> impl Iterator<Item = TicketId> {
            ticket.links.iter().filter(|link| link.kind == LinkKind::ChildOf).map(|link| link.to)
        }
        let mut ancestors = BTreeSet::new();
        let mut level: Vec<TicketId> = parents(&decision.snapshot).collect();
        while !level.is_empty() {
            ancestors.extend(level.iter().copied());
            if ancestors.contains(&self.ticket) || ancestors.len() > MAX_ANCESTORS {
                let state = decision.snapshot.state.kind();
                let why = Sentence::new("why.link_cycle").text("max", MAX_ANCESTORS);
                return Err(Interrupt::Fail(
                    Rejection::new(state, ActionKind::Link, RejectionReason::Other(why)).into(),
                ));
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
    /// Returns the links after a link, at most a page of them.
    fn page(&self, after: Option<Link>, loaded: &Loaded) -> Result<Vec<Link>, Interrupt> {
        let incoming = after.filter(|after| !after.kind.is_own());
        let range = kinds::incoming_links(self.ticket, incoming, MAX_PAGE);
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
        links.truncate(MAX_PAGE);
        Ok(links)
    }

    /// Returns the links to tickets that the reader sees. Reads on until the page is full.
    fn seen(&self, access: &Access, loaded: &Loaded) -> Result<Vec<Link>, Interrupt> {
        if !access.sees_internal(self.context.visible(self.ticket, access, loaded)?) {
            return Ok(Vec::new());
        }
        let (mut seen, mut after) = (Vec::new(), self.after);
        loop {
            let links = self.page(after, loaded)?;
            let visible = self.context.seen_of(links.iter().map(|link| link.to), access, loaded)?;
            seen.extend(links.iter().filter(|link| visible.contains(&link.to)));
            let last = links.last().filter(|_| links.len() == MAX_PAGE && seen.len() < MAX_PAGE);
            let Some(last) = last else { break };
            after = Some(*last);
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
            true => self.page(self.after, loaded)?,
            false => self.seen(&access, loaded)?,
        };
        Ok((Commit::default(), links))
    }
}

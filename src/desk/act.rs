//! Doing something to a ticket: any action, or one typed step.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use super::by::By;
use super::frame::Frame;
use super::receipt::{Receipt, Repeatable};
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Seen};
use crate::id::TicketId;
use crate::lifecycle::state::KnownState;
use crate::lifecycle::{Reason, Rejection, Verb};
use crate::store::{Commit, Read};
use crate::ticket::action::Action;
use crate::ticket::conflict::Conflict;
use crate::ticket::draft::{Draft, Moment};
use crate::ticket::event::Change;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::{Step, Ticket};

/// How many parents are looked up before a chain of parts is called too long.
const MAX_ANCESTORS: usize = 32;

/// Does something to a ticket.
#[derive(Debug)]
pub(super) struct Act {
    ticket: TicketId,
    action: Action,
    by: By,
    frame: Frame,
    repeatable: Repeatable,
}

impl Act {
    pub(super) fn new(ticket: TicketId, action: Action, by: By, frame: Frame) -> Act {
        // By its parts, because writing a deeply nested action would take a deep stack.
        let repeatable = Repeatable::new(by.key.clone(), &("act", ticket, action.parts(), &by.actor.who));
        Act { ticket, action, by, frame, repeatable }
    }

    /// What the links in this draft mean for the tickets at their other ends.
    fn mirrored(&self, draft: &Draft, seen: &Seen, moment: &Moment<'_>) -> Result<Vec<Draft>, Halt> {
        let mut others: BTreeMap<TicketId, Draft> = BTreeMap::new();
        for event in draft.events() {
            let (link, linked) = match &event.change {
                Change::Linked(link) => (*link, true),
                Change::Unlinked(link) => (*link, false),
                _ => continue,
            };
            let other =
                seen.ticket(link.to)?.ok_or_else(|| Error::not_found(format_args!("ticket {}", link.to)))?;
            let rules = self.frame.rules_for(other, seen)?;
            let mirror = others.entry(link.to).or_insert_with(|| Draft::of(other.clone(), &rules));
            mirror.fire_due(moment)?;
            let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
            mirror
                .mirror(if linked { Change::Linked(inverse) } else { Change::Unlinked(inverse) }, moment)?;
            mirror.settle()?;
        }
        // Only now, because a circle may close by several links of this action.
        draft.snapshot().links.iter().try_for_each(|link| self.no_circle(*link, draft, &others, seen))?;
        Ok(others.into_values().collect())
    }

    /// Refuses a link of this action by which a ticket would become a part of itself.
    fn no_circle(
        &self,
        link: Link,
        draft: &Draft,
        others: &BTreeMap<TicketId, Draft>,
        seen: &Seen,
    ) -> Result<(), Halt> {
        // A ticket at the other end that is not drafted was linked before.
        if !others.contains_key(&link.to) {
            return Ok(());
        }
        let (child, mut above) = match link.kind {
            LinkKind::ChildOf => (self.ticket, vec![link.to]),
            LinkKind::ParentOf => (link.to, vec![self.ticket]),
            _ => return Ok(()),
        };
        let drafted = |id| if id == self.ticket { Some(draft) } else { others.get(&id) };
        let mut looked_at = 0;
        while let Some(id) = above.pop() {
            looked_at += 1;
            if id == child || looked_at > MAX_ANCESTORS {
                let state = draft.snapshot().state.kind();
                let why = "a ticket would become a part of itself, or the chain of parts is too long";
                return Err(Halt::Stop(
                    Rejection::new(state, Verb::Link, Reason::Because(why.to_owned())).into(),
                ));
            }
            let ticket = match drafted(id) {
                Some(draft) => Some(draft.snapshot()),
                None => seen.ticket(id)?,
            };
            if let Some(ticket) = ticket {
                let parents = ticket.links.iter().filter(|link| link.kind == LinkKind::ChildOf);
                above.extend(parents.map(|link| link.to));
            }
        }
        Ok(())
    }
}

impl Flow for Act {
    type Out = Receipt;

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.by.key.clone().map(Read::Receipt));
        reads.push(Read::InForce(DefinitionKind::Policy, self.frame.now));
        reads.push(Read::Ticket(self.ticket));
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Receipt), Halt> {
        if let Some(receipt) = self.repeatable.first_result(seen)? {
            return Ok((Commit::default(), receipt));
        }
        let ticket = seen
            .ticket(self.ticket)?
            .ok_or_else(|| Error::not_found(format_args!("ticket {}", self.ticket)))?;
        if let Some(expected) = self.by.expected.filter(|expected| *expected != ticket.version) {
            let conflict = Conflict::new(ticket.id, expected, ticket.version, ticket.state.clone());
            return Err(Halt::Stop(conflict.into()));
        }
        let policy = self.frame.policy(seen)?;
        let rules = self.frame.rules_for(ticket, seen)?;
        let moment = Moment { now: self.frame.now, by: &self.by.actor, policy: &policy, rules: &rules };
        let draft = ticket.decide(&self.action, &moment)?;
        let mut drafts = self.mirrored(&draft, seen, &moment)?;
        drafts.insert(0, draft.clone());
        let mut commit = Commit::of(drafts);
        self.repeatable.keep(&mut commit, &draft, self.frame.now, self.frame.keep_receipts)?;
        Ok((commit, Receipt::of(&draft)))
    }
}

/// Takes one typed step.
#[derive(Debug)]
pub(super) struct Take<To> {
    act: Act,
    to: PhantomData<To>,
}

impl<To> Take<To> {
    pub(super) fn new(step: Step<To>, by: By, frame: Frame) -> Take<To> {
        let by = by.expecting(step.expected);
        Take { act: Act::new(step.ticket, step.action, by, frame), to: PhantomData }
    }
}

impl<To: KnownState> Flow for Take<To> {
    type Out = Ticket<To>;

    fn needs(&self, reads: &mut Vec<Read>) {
        self.act.needs(reads);
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Ticket<To>), Halt> {
        let (commit, receipt) = self.act.decide(seen)?;
        let ticket = Ticket::try_from_untyped(receipt.ticket).map_err(|ticket| {
            Error::invalid("step", format_args!("left the ticket {} instead of {}", ticket.state(), To::KIND))
        })?;
        Ok((commit, ticket))
    }
}

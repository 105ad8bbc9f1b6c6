//! Doing something to a ticket: any action, or one typed step.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use super::by::By;
use super::frame::Frame;
use super::receipt::{Receipt, Repeatable};
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Label, Needs, Outcome, Seen};
use crate::id::TicketId;
use crate::lifecycle::state::KnownState;
use crate::lifecycle::{Reason, Rejection, Verb};
use crate::store::kinds::ADOPTION;
use crate::store::{Commit, Read};
use crate::ticket::action::Action;
use crate::ticket::conflict::Conflict;
use crate::ticket::decision::{Decision, Draft, Moment};
use crate::ticket::event::Change;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::{Step, Ticket};

/// How many tickets may stand above one, as that of which it is a part.
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

    /// What the links in this decision mean for the tickets at their other ends.
    fn mirrored(&self, decision: &Decision, seen: &Seen, moment: &Moment<'_>) -> Result<Vec<Decision>, Halt> {
        let mut changed = Vec::new();
        for event in decision.events() {
            match &event.change {
                Change::Linked(link) => changed.push((*link, true)),
                Change::Unlinked(link) => changed.push((*link, false)),
                _ => {}
            }
        }
        seen.need(changed.iter().map(|(link, _)| Read::Ticket(link.to)))?;
        let (mut others, mut needs) = (BTreeMap::new(), Needs::default());
        for (link, linked) in &changed {
            needs.keep(self.mirror(*link, *linked, &mut others, seen, moment))?;
        }
        needs.answered(seen)?;
        // Only now, because a circle may close by several links of this action.
        let parts = |(link, linked): &(Link, bool)| {
            *linked && matches!(link.kind, LinkKind::ChildOf | LinkKind::ParentOf)
        };
        if changed.iter().any(parts) {
            self.no_circle(decision, &others, seen)?;
        }
        Ok(others.into_values().map(Draft::finish).collect::<Result<_>>()?)
    }

    /// Puts on the ticket at the other end of a link what the link means for it.
    fn mirror(
        &self,
        link: Link,
        linked: bool,
        others: &mut BTreeMap<TicketId, Draft>,
        seen: &Seen,
        moment: &Moment<'_>,
    ) -> Result<(), Halt> {
        let other =
            seen.ticket(link.to)?.ok_or_else(|| Error::not_found(format_args!("ticket {}", link.to)))?;
        let terms = self.frame.terms_for(other, seen)?;
        let moment = &terms.moment(moment.now, moment.by);
        let mirror = match others.entry(link.to) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Draft::begin(other.clone(), moment)?),
        };
        let inverse = Link { kind: link.kind.inverse(), to: self.ticket };
        mirror.mirror(if linked { Change::Linked(inverse) } else { Change::Unlinked(inverse) }, moment)?;
        Ok(())
    }

    /// Refuses links by which a ticket would become a part of itself. Each of them has this ticket at one end, so
    /// that a circle which they close leads through it: only those above this ticket need to be looked at.
    fn no_circle(
        &self,
        decision: &Decision,
        others: &BTreeMap<TicketId, Draft>,
        seen: &Seen,
    ) -> Result<(), Halt> {
        fn parents(ticket: &Snapshot) -> impl Iterator<Item = TicketId> {
            ticket.links.iter().filter(|link| link.kind == LinkKind::ChildOf).map(|link| link.to)
        }
        let mut above = BTreeSet::new();
        let mut level: Vec<TicketId> = parents(decision.snapshot()).collect();
        while !level.is_empty() {
            above.extend(level.iter().copied());
            if above.contains(&self.ticket) || above.len() > MAX_ANCESTORS {
                let state = decision.snapshot().state.kind();
                let why = "a ticket would become a part of itself, or the chain of parts is too long";
                return Err(Halt::Stop(
                    Rejection::new(state, Verb::Link, Reason::Because(why.to_owned())).into(),
                ));
            }
            seen.need(level.iter().map(|id| Read::Ticket(*id)))?;
            let mut next = Vec::new();
            for id in level {
                let ticket = match others.get(&id) {
                    Some(drafted) => Some(drafted.snapshot()),
                    None => seen.ticket(id)?,
                };
                next.extend(ticket.into_iter().flat_map(parents).filter(|id| !above.contains(id)));
            }
            level = next;
        }
        Ok(())
    }
}

impl Flow for Act {
    type Out = Receipt;

    fn label(&self) -> Label {
        Label::of("act", self.ticket)
    }

    fn outcome(receipt: &Receipt) -> Outcome {
        Outcome::of(receipt.ticket.id(), receipt.replayed)
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.frame));
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.push(Read::Ticket(self.ticket));
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Receipt), Halt> {
        if let Some(receipt) = self.repeatable.first_result(seen, &self.frame)? {
            return Ok((Commit::default(), receipt));
        }
        let ticket = seen
            .ticket(self.ticket)?
            .ok_or_else(|| Error::not_found(format_args!("ticket {}", self.ticket)))?;
        if let Some(expected) = self.by.expected.filter(|expected| *expected != ticket.version) {
            let conflict = Conflict::new(ticket.id, expected, ticket.version, ticket.state.clone());
            return Err(Halt::Stop(conflict.into()));
        }
        let terms = self.frame.terms_for(ticket, seen)?;
        let moment = terms.moment(self.frame.now, &self.by.actor);
        let decision = ticket.decide(&self.action, &moment)?;
        let mut decisions = self.mirrored(&decision, seen, &moment)?;
        let receipt = Receipt::of(&decision, &terms.workflows)?;
        decisions.insert(0, decision);
        let mut commit = Commit::of(decisions);
        self.repeatable.keep(&mut commit, &receipt, seen, &self.frame)?;
        Ok((commit, receipt))
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

    fn label(&self) -> Label {
        Label::of("commit", self.act.ticket)
    }

    fn outcome(ticket: &Ticket<To>) -> Outcome {
        Outcome::of(ticket.id(), ticket.replayed())
    }

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

//! Doing something to a ticket: any action, or one typed step.

use std::marker::PhantomData;

use super::by::By;
use super::frame::Frame;
use super::links::Links;
use super::receipt::{Receipt, Repeatable};
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Label, Outcome, Seen};
use crate::id::TicketId;
use crate::lifecycle::state::KnownState;
use crate::store::kinds::ADOPTION;
use crate::store::{Commit, Read};
use crate::ticket::action::Action;
use crate::ticket::conflict::Conflict;
use crate::ticket::{Step, Ticket};

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
        let links = Links { ticket: self.ticket, frame: &self.frame, seen };
        let (decision, mut decisions, records) = links.decide(ticket, &self.action, &moment)?;
        let receipt = Receipt::of(&decision, &terms.workflows)?;
        decisions.insert(0, decision);
        let mut commit = Commit::of(decisions);
        commit.extend(records);
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

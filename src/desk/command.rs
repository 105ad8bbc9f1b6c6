//! A command on a ticket. Performing and trying an action share its decision.

use super::context::{CommandContext, PolicyContext};
use super::links::Links;
use super::threads::{self, Threads};
use crate::error::Error;
use crate::id::TicketId;
use crate::limits;
use crate::operation::{Interrupt, Loaded};
use crate::store::RecordWrite;
use crate::ticket::access::Access;
use crate::ticket::action::Action;
use crate::ticket::decision::TicketWrite;
use crate::ticket::decision::stored_facts::StoredFacts;
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;

/// An action of an actor on a ticket that they see.
#[derive(Debug)]
pub(super) struct Command<'l> {
    action: &'l Action,
    by: &'l Actor,
    context: &'l CommandContext,
    loaded: &'l Loaded,
    pub(super) ticket: &'l Snapshot,
    pub(super) access: Access,
    /// False for a contact who does not see the ticket. What they may do follows from the table of standings.
    is_shown: bool,
    policy_context: PolicyContext<'l>,
}

/// A decided command.
#[derive(Debug)]
pub(super) struct DecidedCommand<'l> {
    pub(super) decision: TicketWrite,
    /// The decisions for the tickets at the other ends of changed links.
    pub(super) others: Vec<TicketWrite>,
    /// The records of changed links and thread keys.
    pub(super) records: Vec<RecordWrite>,
    pub(super) policy_context: PolicyContext<'l>,
}

impl<'l> Command<'l> {
    /// Reads the ticket and its policy.
    pub(super) fn on(
        ticket: TicketId,
        action: &'l Action,
        by: &'l Actor,
        context: &'l CommandContext,
        loaded: &'l Loaded,
    ) -> Result<Command<'l>, Interrupt> {
        // These errors are the same for every ticket, whether the actor sees it or not. Every part may need reads, so
        // the number of parts is checked before the first.
        by.check()?;
        limits::count("parts of an action", action.parts().len())?;
        let ticket = loaded.ticket(ticket)?.ok_or_else(|| unknown(ticket))?;
        let policy_context = context.policy_context_for(ticket, loaded)?;
        let access = Access::of_commands(by, &policy_context.policy);
        access.check(ticket)?;
        let is_shown = Access::shows(ticket, by, &policy_context.policy);
        Ok(Command { action, by, context, loaded, ticket, access, is_shown, policy_context })
    }

    /// Returns the same error for a ticket that the actor does not see as for one that does not exist.
    pub(super) fn shown(&self) -> Result<(), Error> {
        if self.is_shown { Ok(()) } else { Err(unknown(self.ticket.id)) }
    }

    /// Decides the action.
    pub(super) fn decide(self) -> Result<DecidedCommand<'l>, Interrupt> {
        let Command { action, by, context, loaded, ticket, access, is_shown, mut policy_context } = self;
        context.pin_for_correction(ticket, action, &mut policy_context, loaded)?;
        let decision_context = policy_context.decision(context.now, by);
        let attempt = || {
            let links = Links { ticket: ticket.id, context, access: &access, loaded };
            let facts = links.of_action(ticket, action, &decision_context)?;
            let threads = Threads::of_action(context, ticket, action, &decision_context, loaded)?;
            let stored = StoredFacts { threads: threads.new.clone(), ..facts };
            let decision = ticket.decide_with(action, stored, &decision_context)?;
            let (others, mut records) = links.mirror_all(&decision, &decision_context)?;
            records.extend(threads.add_to(ticket.id)?);
            records.extend(threads::released(&decision, loaded)?);
            Ok((decision, others, records))
        };
        // An actor learns from a refusal only what they see: nothing, the public part, or all of the ticket.
        let (decision, others, records) = attempt().map_err(|interrupt| match interrupt {
            Interrupt::Fail(error) if error.is_storage() => Interrupt::Fail(error),
            Interrupt::Fail(_) if !is_shown => Interrupt::Fail(unknown(ticket.id)),
            Interrupt::Fail(error) if !access.sees_internal(ticket) => {
                Interrupt::Fail(ticket.public_refusal(error, action, &decision_context))
            }
            other => other,
        })?;
        Ok(DecidedCommand { decision, others, records, policy_context })
    }
}

fn unknown(ticket: TicketId) -> Error {
    Error::not_found(format_args!("ticket {ticket}"))
}

//! The operation that opens a ticket.

use super::context::CommandContext;
use super::receipt::{Receipt, Repeatable};
use super::threads::taken;
use crate::definition::{DefinitionKind, Fingerprint};
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::kinds::{self, ADOPTION, THREAD};
use crate::store::{Commit, Read};
use crate::ticket::Ticket;
use crate::ticket::opening::NewTicket;

/// Opens a ticket.
#[derive(Debug)]
pub(super) struct Open {
    request: NewTicket,
    id: TicketId,
    context: CommandContext,
    repeatable: Repeatable,
}

impl Open {
    pub(super) fn new(mut request: NewTicket, id: TicketId, context: CommandContext) -> Open {
        request.normalize();
        request.threads.sort();
        request.threads.dedup();
        let asked = || Fingerprint::of_json(&("open", request.asked()));
        let repeatable = Repeatable::new("open", None, &request.actor().who, request.key.clone(), asked);
        Open { request, id, context, repeatable }
    }

    fn open(&self, loaded: &Loaded) -> Result<(Commit, Receipt), Interrupt> {
        let mut threads = Vec::new();
        for thread in &self.request.threads {
            thread.check()?;
            let key = self.context.lookup.thread(thread);
            if loaded.record(THREAD, key.as_str())?.is_some() {
                return Err(taken(thread).into());
            }
            threads.push(kinds::point_to(THREAD, key, None, self.id));
        }
        let policy_context = self.context.policy_context(loaded)?;
        let draft = self.request.draft(
            self.id,
            loaded.next_number(0)?,
            self.context.now,
            &policy_context.policy,
            &policy_context.agreements,
            &policy_context.workflows,
        )?;
        let decision = draft.finish()?;
        let receipt = Receipt::of(&decision, &policy_context)?;
        let mut commit = Commit::of([decision]);
        commit.extend(threads);
        self.repeatable.add_receipt(&mut commit, &receipt, loaded, &self.context)?;
        Ok((commit, receipt))
    }
}

impl Operation for Open {
    type Out = Ticket<state::New>;

    fn label(&self) -> OperationLabel {
        // The label has no id: if the request is replayed or refused, the candidate id is never used.
        OperationLabel::new("open_ticket")
    }

    fn ticket_of(ticket: &Ticket<state::New>) -> Option<TicketId> {
        Some(ticket.id())
    }

    fn is_replayed(ticket: &Ticket<state::New>) -> bool {
        ticket.replayed()
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.context));
        let threads = self.request.threads.iter().map(|thread| self.context.lookup.thread(thread));
        reads.extend(threads.map(|key| Read::record(THREAD, key)));
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.push(Read::NextNumber { place: 0 });
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let (commit, receipt) = match self.repeatable.first_result(loaded, &self.context)? {
            Some(receipt) => (Commit::default(), receipt),
            None => self.open(loaded)?,
        };
        let ticket = Ticket::try_from_untyped(receipt.ticket).map_err(|ticket| {
            Error::invalid("opening", format_args!("left the ticket {} instead of new", ticket.state()))
        })?;
        Ok((commit, ticket))
    }
}

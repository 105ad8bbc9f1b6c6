//! The operations that open a ticket or receive a message.

use super::context::{CommandContext, PolicyContext};
use super::receipt::{Receipt, Repeatable};
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::id::TicketId;
use crate::lifecycle::state;
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel, Outcome};
use crate::store::kinds::{self, ADOPTION, THREAD};
use crate::store::{Commit, Read};
use crate::ticket::Ticket;
use crate::ticket::action::Action;
use crate::ticket::decision::Draft;
use crate::ticket::event::Change;
use crate::ticket::kind::{Link, LinkKind};
use crate::ticket::opening::NewTicket;

/// Opens a ticket.
#[derive(Debug)]
pub(super) struct Open(Receive);

impl Open {
    pub(super) fn new(request: NewTicket, id: TicketId, context: CommandContext) -> Open {
        Open(Receive::new("open", request, id, context))
    }
}

impl Operation for Open {
    type Out = Ticket<state::New>;

    fn label(&self) -> OperationLabel {
        // The label has no id: if the request is replayed or refused, the candidate id is never used.
        OperationLabel::new("open_ticket")
    }

    fn outcome(ticket: &Ticket<state::New>) -> Outcome {
        Outcome::of(ticket.id(), ticket.replayed())
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.0.needs(reads);
        reads.push(Read::NextNumber { place: 0 });
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let Receive { request, repeatable, .. } = &self.0;
        let (commit, receipt) = match repeatable.first_result(loaded, &self.0.context)? {
            Some(receipt) => (Commit::default(), receipt),
            None => {
                if let Some(thread) = &request.thread
                    && let Some(record) = loaded.record(THREAD, self.0.context.lookup.thread(thread))?
                {
                    let ticket = kinds::ticket_of(THREAD, record)?;
                    return Err(Error::invalid(
                        "thread",
                        format_args!("{thread} already belongs to ticket {ticket}"),
                    )
                    .allowing(
                        "`receive`, which continues that ticket or opens a follow-up, or another thread",
                    )
                    .into());
                }
                self.0.open(loaded, None)?
            }
        };
        let ticket = Ticket::try_from_untyped(receipt.ticket).map_err(|ticket| {
            Error::invalid("opening", format_args!("left the ticket {} instead of new", ticket.state()))
        })?;
        Ok((commit, ticket))
    }
}

/// Receives a message: adds it to the ticket of its thread, or opens a new ticket.
#[derive(Debug)]
pub(super) struct Receive {
    request: NewTicket,
    id: TicketId,
    context: CommandContext,
    repeatable: Repeatable,
}

impl Receive {
    pub(super) fn new(verb: &str, mut request: NewTicket, id: TicketId, context: CommandContext) -> Receive {
        request.normalize();
        let repeatable = Repeatable::new(request.key.clone(), &(verb, &request));
        Receive { request, id, context, repeatable }
    }

    /// Opens the ticket, as a follow-up if `finished` is given.
    fn open(&self, loaded: &Loaded, finished: Option<Draft>) -> Result<(Commit, Receipt), Interrupt> {
        let now = self.context.now;
        let policy_context = self.context.policy_context(loaded)?;
        let PolicyContext { policy, agreements, workflows, .. } = &policy_context;
        let inherited =
            finished.as_ref().map(|finished| self.request.following_up(finished.snapshot(), policy));
        let request = inherited.as_ref().unwrap_or(&self.request);
        let mut draft = request.draft(self.id, loaded.next_number(0)?, now, policy, agreements, workflows)?;
        let by = self.request.actor();
        let decision_context = policy_context.decision(now, &by);
        let (mut decisions, mut links) = (Vec::new(), Vec::new());
        if let Some(mut finished) = finished {
            let link = Link { kind: LinkKind::FollowUpOf, to: finished.snapshot().id };
            draft.set_link(Change::Linked(link), &decision_context)?;
            let inverse = Link { kind: link.kind.inverse(), to: self.id };
            finished.set_link(Change::Linked(inverse), &decision_context)?;
            decisions.push(finished.finish()?);
            links.push(kinds::set_link(self.id, link, true));
        }
        let opened = draft.finish()?;
        let receipt = Receipt::of(&opened, &policy_context)?;
        decisions.insert(0, opened);
        let mut commit = Commit::of(decisions);
        commit.extend(links);
        if let Some(thread) = &self.request.thread {
            let key = self.context.lookup.thread(thread);
            let before = loaded.record(THREAD, key.as_str())?;
            commit.push(kinds::point_to(THREAD, key, before, self.id));
        }
        self.repeatable.add_receipt(&mut commit, &receipt, loaded, &self.context)?;
        Ok((commit, receipt))
    }
}

impl Operation for Receive {
    type Out = Receipt;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("receive")
    }

    fn outcome(receipt: &Receipt) -> Outcome {
        Outcome::of(receipt.ticket.id(), receipt.replayed)
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.context));
        let thread = self.request.thread.as_ref().map(|thread| self.context.lookup.thread(thread));
        reads.extend(thread.map(|key| Read::record(THREAD, key)));
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Receipt), Interrupt> {
        if let Some(receipt) = self.repeatable.first_result(loaded, &self.context)? {
            return Ok((Commit::default(), receipt));
        }
        let Some(thread) = &self.request.thread else { return self.open(loaded, None) };
        thread.check()?;
        let Some(record) = loaded.record(THREAD, self.context.lookup.thread(thread))? else {
            return self.open(loaded, None);
        };
        let id = kinds::ticket_of(THREAD, record)?;
        let ticket = loaded.ticket(id)?.ok_or_else(|| Error::not_found(format_args!("ticket {id}")))?;
        let policy_context = self.context.policy_context_for(ticket, loaded)?;
        let by = self.request.author();
        let decision_context = policy_context.decision(self.context.now, &by);
        by.check()?;
        let mut draft = Draft::begin(ticket.clone(), &decision_context)?;
        if draft.snapshot().state.kind().is_final() {
            return self.open(loaded, Some(draft));
        }
        let message = self.request.message.clone().ok_or_else(|| {
            Error::invalid("message", "has no text").allowing("`saying` with the text of the message")
        })?;
        draft.act(&Action::Reply(message), &decision_context)?;
        if let Some(contact) = self.request.requester() {
            draft.update_contact(contact, &decision_context)?;
        }
        let decision = draft.finish()?;
        let receipt = Receipt::of(&decision, &policy_context)?;
        let mut commit = Commit::of([decision]);
        self.repeatable.add_receipt(&mut commit, &receipt, loaded, &self.context)?;
        Ok((commit, receipt))
    }
}

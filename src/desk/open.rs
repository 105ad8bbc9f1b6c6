//! Opening a ticket, and taking in a message that may open one.

use super::frame::{Frame, Terms};
use super::receipt::{Receipt, Repeatable};
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Label, Outcome, Seen};
use crate::id::TicketId;
use crate::lifecycle::state;
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
    pub(super) fn new(request: NewTicket, id: TicketId, frame: Frame) -> Open {
        Open(Receive::new("open", request, id, frame))
    }
}

impl Flow for Open {
    type Out = Ticket<state::New>;

    fn label(&self) -> Label {
        // Without the id: it is that of a candidate, and a repetition or a refusal leaves none of it.
        Label::new("open_ticket")
    }

    fn outcome(ticket: &Ticket<state::New>) -> Outcome {
        Outcome::of(ticket.id(), ticket.replayed())
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        self.0.needs(reads);
        reads.push(Read::NextNumber { place: 0 });
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Self::Out), Halt> {
        let Receive { request, repeatable, .. } = &self.0;
        let (commit, receipt) = match repeatable.first_result(seen, &self.0.frame)? {
            Some(receipt) => (Commit::default(), receipt),
            None => {
                if let Some(thread) = &request.thread
                    && let Some(record) = seen.record(THREAD, self.0.frame.lookup.thread(thread))?
                {
                    let ticket = kinds::ticket_of(THREAD, record)?;
                    return Err(Error::invalid("thread", format_args!("{thread} leads to ticket {ticket}"))
                        .allowing(
                            "`receive`, which goes on with that ticket or follows it up, or another thread",
                        )
                        .into());
                }
                self.0.opening(seen, None)?
            }
        };
        let ticket = Ticket::try_from_untyped(receipt.ticket).map_err(|ticket| {
            Error::invalid("opening", format_args!("left the ticket {}", ticket.state()))
        })?;
        Ok((commit, ticket))
    }
}

/// Takes in a message: to the ticket of its thread, else as a new ticket.
#[derive(Debug)]
pub(super) struct Receive {
    request: NewTicket,
    id: TicketId,
    frame: Frame,
    repeatable: Repeatable,
}

impl Receive {
    pub(super) fn new(verb: &str, request: NewTicket, id: TicketId, frame: Frame) -> Receive {
        let repeatable = Repeatable::new(request.key.clone(), &(verb, &request));
        Receive { request, id, frame, repeatable }
    }

    /// Opens the ticket, if need be as the follow-up of a finished one.
    fn opening(&self, seen: &Seen, finished: Option<Draft>) -> Result<(Commit, Receipt), Halt> {
        let now = self.frame.now;
        let terms = self.frame.terms(seen)?;
        let Terms { policy, rules, workflows, .. } = &terms;
        let inherited =
            finished.as_ref().map(|finished| self.request.following_up(finished.snapshot(), policy));
        let request = inherited.as_ref().unwrap_or(&self.request);
        let mut draft = request.draft(self.id, seen.next_number(0)?, now, policy, rules, workflows)?;
        let by = self.request.actor();
        let moment = terms.moment(now, &by);
        let (mut decisions, mut links) = (Vec::new(), Vec::new());
        if let Some(mut finished) = finished {
            let link = Link { kind: LinkKind::FollowUpOf, to: finished.snapshot().id };
            draft.set_link(Change::Linked(link), &moment)?;
            let inverse = Link { kind: link.kind.inverse(), to: self.id };
            finished.set_link(Change::Linked(inverse), &moment)?;
            decisions.push(finished.finish()?);
            links.push(kinds::set_link(self.id, link, true));
        }
        let opened = draft.finish()?;
        let receipt = Receipt::of(&opened, workflows)?;
        decisions.insert(0, opened);
        let mut commit = Commit::of(decisions);
        commit.extend(links);
        if let Some(thread) = &self.request.thread {
            let key = self.frame.lookup.thread(thread);
            let before = seen.record(THREAD, key.as_str())?;
            commit.push(kinds::led(THREAD, key, before, self.id));
        }
        self.repeatable.keep(&mut commit, &receipt, seen, &self.frame)?;
        Ok((commit, receipt))
    }
}

impl Flow for Receive {
    type Out = Receipt;

    fn label(&self) -> Label {
        Label::new("receive")
    }

    fn outcome(receipt: &Receipt) -> Outcome {
        Outcome::of(receipt.ticket.id(), receipt.replayed)
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.extend(self.repeatable.read(&self.frame));
        let thread = self.request.thread.as_ref().map(|thread| self.frame.lookup.thread(thread));
        reads.extend(thread.map(|key| Read::record(THREAD, key)));
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, Receipt), Halt> {
        if let Some(receipt) = self.repeatable.first_result(seen, &self.frame)? {
            return Ok((Commit::default(), receipt));
        }
        let Some(thread) = &self.request.thread else { return self.opening(seen, None) };
        thread.check()?;
        let Some(record) = seen.record(THREAD, self.frame.lookup.thread(thread))? else {
            return self.opening(seen, None);
        };
        let id = kinds::ticket_of(THREAD, record)?;
        let ticket = seen.ticket(id)?.ok_or_else(|| Error::not_found(format_args!("ticket {id}")))?;
        let terms = self.frame.terms_for(ticket, seen)?;
        let by = self.request.speaker();
        let moment = terms.moment(self.frame.now, &by);
        by.check()?;
        let mut draft = Draft::begin(ticket.clone(), &moment)?;
        if draft.snapshot().state.kind().is_final() {
            return self.opening(seen, Some(draft));
        }
        let message = self.request.message.clone().ok_or_else(|| {
            Error::invalid("message", "has no words").allowing("`saying` with the words of the message")
        })?;
        draft.act(&Action::Reply(message), &moment)?;
        if let Some(contact) = self.request.requester() {
            draft.acquaint(contact, &moment)?;
        }
        let decision = draft.finish()?;
        let receipt = Receipt::of(&decision, &terms.workflows)?;
        let mut commit = Commit::of([decision]);
        self.repeatable.keep(&mut commit, &receipt, seen, &self.frame)?;
        Ok((commit, receipt))
    }
}

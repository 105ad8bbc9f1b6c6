//! The steps of a sweep: list a page of due tickets, and fire the due timers of one ticket.

use chrono::{DateTime, Utc};

use crate::definition::DefinitionKind;
use crate::desk::context::CommandContext;
use crate::error::{Error, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::kinds::ADOPTION;
use crate::store::{Commit, DueTicket, DueTimer, Mode, Read};
use crate::ticket::decision::Draft;
use crate::ticket::people::Actor;

/// A ticket and the desk it belongs to.
pub(super) type DeskTicket = (DeskId, TicketId);

/// The start of a page of due timers.
#[derive(Debug, Clone)]
pub(in crate::desk) enum Listing {
    /// The timers of one desk, after this timer.
    Here(DeskId, Option<DueTimer>),
    /// The timers of all desks, after this one.
    Everywhere(Option<DueTicket>),
}

/// Lists the tickets with due timers. Takes no locks.
#[derive(Debug)]
pub(super) struct ListDue {
    pub(super) listing: Listing,
    pub(super) until: DateTime<Utc>,
    pub(super) limit: usize,
}

/// A page of tickets with due timers.
#[derive(Debug)]
pub(super) struct DuePage {
    pub(super) tickets: Vec<DeskTicket>,
    /// The start of the next page; `None` if this is the last.
    pub(super) next: Option<Listing>,
}

impl Operation for ListDue {
    type Out = DuePage;

    fn label(&self) -> OperationLabel {
        match self.listing {
            Listing::Here(..) => OperationLabel::new("list_due").quiet(),
            Listing::Everywhere(_) => OperationLabel::new("list_all_due").quiet().everywhere(),
        }
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, DuePage), Interrupt> {
        let (until, limit) = (self.until, self.limit);
        let (tickets, next): (Vec<DeskTicket>, _) = match &self.listing {
            Listing::Here(desk, after) => {
                let due = loaded.due(until, after.as_ref(), limit)?;
                let tickets = due.iter().map(|it| (desk.clone(), it.ticket)).collect();
                (tickets, due.last().map(|it| Listing::Here(desk.clone(), Some(it.clone()))))
            }
            Listing::Everywhere(after) => {
                let due_tickets = loaded.due_tickets(until, after.as_ref(), limit)?;
                let tickets = due_tickets.iter().map(|it| (it.desk.clone(), it.ticket)).collect();
                (tickets, due_tickets.last().map(|it| Listing::Everywhere(Some(it.clone()))))
            }
        };
        let next = next.filter(|_| tickets.len() >= limit);
        Ok((Commit::default(), DuePage { tickets, next }))
    }
}

/// Fires the due timers of a ticket and returns their number: 0 if another worker has fired them already.
#[derive(Debug)]
pub(super) struct FireDue {
    pub(super) ticket: TicketId,
    pub(super) context: CommandContext,
}

impl Operation for FireDue {
    type Out = usize;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("tick", self.ticket)
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.push(Read::Ticket(self.ticket));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, usize), Interrupt> {
        let unknown = || Error::not_found(format_args!("ticket {}", self.ticket));
        let ticket = loaded.ticket(self.ticket)?.ok_or_else(unknown)?;
        let (policy_context, desk) = (self.context.policy_context_for(ticket, loaded)?, Actor::desk());
        let decision =
            Draft::begin(ticket.clone(), &policy_context.decision(self.context.now, &desk))?.finish()?;
        let fired = decision.events().iter().filter(|event| event.change.is_by_timer()).count();
        Ok((Commit::of([decision]), fired))
    }
}

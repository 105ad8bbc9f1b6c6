//! The steps of a sweep: a page of due timers is listed, the due timers of one ticket fire.

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

/// A ticket and its desk.
pub(super) type Place = (DeskId, TicketId);

/// Where a page of due timers begins.
#[derive(Debug, Clone)]
pub(in crate::desk) enum Listing {
    /// At this desk, after this timer.
    Here(DeskId, Option<DueTimer>),
    /// At any desk, after this place.
    Everywhere(Option<DueTicket>),
}

/// Lists the tickets with due timers. Locks nothing.
#[derive(Debug)]
pub(super) struct ListDue {
    pub(super) listing: Listing,
    pub(super) until: DateTime<Utc>,
    pub(super) limit: usize,
}

/// A page of tickets with due timers.
#[derive(Debug)]
pub(super) struct DuePage {
    pub(super) places: Vec<Place>,
    /// Where the next page begins, if there may be one.
    pub(super) next: Option<Listing>,
}

impl Operation for ListDue {
    type Out = DuePage;

    fn label(&self) -> OperationLabel {
        match self.listing {
            Listing::Here(..) => OperationLabel::new("list_due").quiet(),
            Listing::Everywhere(_) => OperationLabel::new("list_owed").quiet().everywhere(),
        }
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, DuePage), Interrupt> {
        let (until, limit) = (self.until, self.limit);
        let (places, next): (Vec<Place>, _) = match &self.listing {
            Listing::Here(desk, after) => {
                let due = loaded.due(until, after.as_ref(), limit)?;
                let places = due.iter().map(|it| (desk.clone(), it.ticket)).collect();
                (places, due.last().map(|it| Listing::Here(desk.clone(), Some(it.clone()))))
            }
            Listing::Everywhere(after) => {
                let due_tickets = loaded.due_tickets(until, after.as_ref(), limit)?;
                let places = due_tickets.iter().map(|it| (it.desk.clone(), it.ticket)).collect();
                (places, due_tickets.last().map(|it| Listing::Everywhere(Some(it.clone()))))
            }
        };
        let next = next.filter(|_| places.len() >= limit);
        Ok((Commit::default(), DuePage { places, next }))
    }
}

/// Fires the due timers of a ticket, and counts them. If another worker was faster, none is due.
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

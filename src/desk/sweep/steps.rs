//! The steps of a sweep: list a page of due tickets, and fire the due timers of one ticket. Before that, find the
//! tickets whose clocks migrate to changed agreements.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::definition::DefinitionKind;
use crate::desk::context::CommandContext;
use crate::error::{Error, Result};
use crate::id::{DeskId, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::kinds::{ADOPTION, MIGRATION};
use crate::store::{
    Commit, Cursor, DueTicket, DueTimer, Expected, Mode, Query, Read, RecordRange, RecordWrite,
};
use crate::ticket::decision::{ClockDraft, Draft};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;

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
            Listing::Everywhere(_) => OperationLabel::new("list_due_tickets").quiet().everywhere(),
        }
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, DuePage), Interrupt> {
        let (until, limit) = (self.until, self.limit);
        let (tickets, next): (Vec<DeskTicket>, _) = match &self.listing {
            Listing::Here(desk, after) => {
                let due = loaded.due_timers(until, after.as_ref(), limit)?;
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

/// Returns the context with the policy that was in force just before the tick. A policy that is adopted at the instant
/// of a tick takes effect after the tick, so that the order of the two does not matter. It has taken effect before if a
/// command has applied it at this instant.
fn before(context: &CommandContext, ticket: &Snapshot) -> CommandContext {
    if ticket.known_since() == context.now && ticket.known_agreements().is_some() {
        return context.clone();
    }
    CommandContext { now: just_before(context.now).unwrap_or(context.now), ..context.clone() }
}

/// Returns the instant before this one; `None` for the first instant.
fn just_before(instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
    instant.checked_sub_signed(TimeDelta::microseconds(1))
}

/// Lists the due migrations of clocks. Takes no locks.
#[derive(Debug)]
pub(super) struct ListMigrations {
    pub(super) listing: Listing,
    pub(super) until: DateTime<Utc>,
    pub(super) limit: usize,
}

impl Operation for ListMigrations {
    /// The desk and the key of each record.
    type Out = Vec<(DeskId, String)>;

    fn label(&self) -> OperationLabel {
        match self.listing {
            Listing::Here(..) => OperationLabel::new("list_migrations").quiet(),
            Listing::Everywhere(_) => OperationLabel::new("list_all_migrations").quiet().everywhere(),
        }
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let (until, limit) = (self.until, self.limit);
        let found = match &self.listing {
            Listing::Here(desk, _) => {
                let records = loaded.records(&RecordRange::by_key(MIGRATION).limit(limit))?;
                let due = records.iter().filter(|record| record.content.due.is_some_and(|due| due < until));
                due.map(|record| (desk.clone(), record.key.clone())).collect()
            }
            Listing::Everywhere(_) => {
                // Nothing is due before the first instant.
                let Some(until) = just_before(until) else { return Ok((Commit::default(), Vec::new())) };
                let due = Read::DueRecords { kind: MIGRATION, until, after: None, limit };
                loaded.due_records(&due)?.iter().map(|it| (it.desk.clone(), it.key.clone())).collect()
            }
        };
        Ok((Commit::default(), found))
    }
}

/// Finds the tickets on a page whose clocks have to migrate. Takes no locks.
#[derive(Debug)]
pub(super) struct FindMigrating {
    pub(super) query: Query,
    pub(super) context: CommandContext,
}

impl Operation for FindMigrating {
    /// The tickets, and the place of the next page.
    type Out = (Vec<TicketId>, Option<Cursor>);

    fn label(&self) -> OperationLabel {
        OperationLabel::new("find_migrating").quiet()
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let tickets = loaded.find(&self.query)?;
        let may_migrate = |ticket: &&Arc<Snapshot>| {
            let open = ticket.clocks.iter().any(|it| it.state.is_open());
            open || (ticket.clocks.is_empty() && ticket.imported.is_some())
        };
        let with_clocks = || tickets.iter().filter(may_migrate);
        self.context.need_for(with_clocks().map(|it| &**it), loaded)?;
        let mut migrating = Vec::new();
        for ticket in with_clocks() {
            let agreements = before(&self.context, ticket).policy_context_for(ticket, loaded)?.agreements;
            if ClockDraft::of(ticket, None, agreements).will_migrate(ticket)? {
                migrating.push(ticket.id);
            }
        }
        let full = tickets.len() == self.query.page_size();
        let next = tickets.last().filter(|_| full).map(|last| self.query.cursor_of(last));
        Ok((Commit::default(), (migrating, next)))
    }
}

/// Records that all clocks have migrated.
#[derive(Debug)]
pub(super) struct EndMigration {
    pub(super) key: String,
}

impl Operation for EndMigration {
    type Out = ();

    fn label(&self) -> OperationLabel {
        OperationLabel::new("end_migration").quiet()
    }

    fn decide(&self, _: &Loaded) -> Result<(Commit, ()), Interrupt> {
        let mut commit = Commit::new();
        commit.push(RecordWrite::delete(MIGRATION, self.key.clone(), Expected::Any));
        Ok((commit, ()))
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
        let (policy_context, desk) =
            (before(&self.context, ticket).policy_context_for(ticket, loaded)?, Actor::desk());
        let decision =
            Draft::begin(ticket.clone(), &policy_context.decision(self.context.now, &desk))?.finish()?;
        let fired = decision.events.iter().filter(|event| event.change.is_by_timer()).count();
        Ok((Commit::of([decision]), fired))
    }
}

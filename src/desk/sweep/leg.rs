//! One leg of a sweep: a page of what is due, or what one ticket is owed.

use chrono::{DateTime, Utc};

use crate::definition::DefinitionKind;
use crate::desk::frame::Frame;
use crate::error::{Error, Result};
use crate::flow::{Flow, Halt, Label, Seen};
use crate::id::{DeskId, TicketId};
use crate::store::{Commit, DueTimer, Mode, Owed, Read};
use crate::ticket::decision::Draft;
use crate::ticket::people::Actor;

/// A ticket, and the desk whose it is.
pub(super) type Place = (DeskId, TicketId);

/// Where a page of what is due begins.
#[derive(Debug, Clone)]
pub(in crate::desk) enum Listing {
    /// At this desk, after this timer.
    Here(DeskId, Option<DueTimer>),
    /// At any desk, after this place.
    Everywhere(Option<Owed>),
}

#[derive(Debug)]
pub(in crate::desk) enum Leg {
    /// Lists what is due, claiming nothing.
    List { listing: Listing, until: DateTime<Utc>, limit: usize },
    /// Lets happen what a ticket is owed. If another worker was faster, nothing is.
    Fire { ticket: TicketId, frame: Frame },
}

#[derive(Debug)]
pub(in crate::desk) enum LegOut {
    /// Whose timers are due, and where the next page begins if there may be one.
    Listed(Vec<Place>, Option<Listing>),
    Fired(usize),
}

impl Flow for Leg {
    type Out = LegOut;

    fn label(&self) -> Label {
        match self {
            Leg::List { listing: Listing::Here(..), .. } => Label::new("list_due").quiet(),
            Leg::List { listing: Listing::Everywhere(_), .. } => Label::new("list_owed").quiet().everywhere(),
            Leg::Fire { ticket, .. } => Label::of("tick", *ticket),
        }
    }

    fn mode(&self) -> Mode {
        match self {
            Leg::List { .. } => Mode::Read,
            Leg::Fire { .. } => Mode::Write,
        }
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        if let Leg::Fire { ticket, frame } = self {
            reads.push(Read::InForce(DefinitionKind::Policy, frame.now));
            reads.push(Read::Ticket(*ticket));
        }
    }

    fn decide(&self, seen: &Seen) -> Result<(Commit, LegOut), Halt> {
        match self {
            Leg::List { listing, until, limit } => {
                let (places, next) = listed(listing, *until, *limit, seen)?;
                let next = next.filter(|_| places.len() >= *limit);
                Ok((Commit::default(), LegOut::Listed(places, next)))
            }
            Leg::Fire { ticket, frame } => {
                let Some(snapshot) = seen.ticket(*ticket)? else {
                    return Err(Error::not_found(format_args!("ticket {ticket}")).into());
                };
                let (terms, desk) = (frame.terms_for(snapshot, seen)?, Actor::desk());
                let decision = Draft::begin(snapshot.clone(), &terms.moment(frame.now, &desk))?.finish()?;
                let fired = decision.events().iter().filter(|event| event.change.is_by_timer()).count();
                Ok((Commit::of([decision]), LegOut::Fired(fired)))
            }
        }
    }
}

/// A page, and the place after it.
fn listed(
    listing: &Listing,
    until: DateTime<Utc>,
    limit: usize,
    seen: &Seen,
) -> Result<(Vec<Place>, Option<Listing>), Halt> {
    Ok(match listing {
        Listing::Here(desk, after) => {
            let due = seen.due(until, after.as_ref(), limit)?;
            let places = due.iter().map(|it| (desk.clone(), it.ticket)).collect();
            (places, due.last().map(|it| Listing::Here(desk.clone(), Some(it.clone()))))
        }
        Listing::Everywhere(after) => {
            let owed = seen.owed(until, after.as_ref(), limit)?;
            let places = owed.iter().map(|it| (it.desk.clone(), it.ticket)).collect();
            (places, owed.last().map(|it| Listing::Everywhere(Some(it.clone()))))
        }
    })
}

//! The handle for what is on record: histories, and taking over those of another system.

use super::Desk;
use super::look::History;
use crate::flow::Engine;
use crate::id::TicketId;
use crate::ticket::event::Event;

/// What is on record at a desk. Made by [`Desk::records`].
#[derive(Debug)]
pub struct Records<'a, E>(pub(super) &'a Desk<E>);

impl<'a, E: Engine> Records<'a, E> {
    /// The whole history of a ticket: who, when, what, why.
    ///
    /// ```
    /// # use firstline::{Actor, Action, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// desk.act(ticket.id(), Action::start(), Actor::agent("anna"))?;
    /// for event in desk.records().history(ticket.id())? {
    ///     println!("{} {}: {:?}", event.at, event.by.who, event.change);
    /// }
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), or a storage error.
    pub fn history(&self, ticket: TicketId) -> E::Reply<'a, Vec<Event>> {
        self.0.engine.run(&self.0.settings.desk, History { ticket })
    }
}

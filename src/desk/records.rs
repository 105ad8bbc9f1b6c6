//! The handle for histories, links, and imports from another system.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::Desk;
use super::import::{self, Import, Imported};
use super::links::ReadLinks;
use super::queries::History;
use crate::id::TicketId;
use crate::import::ImportedTicket;
use crate::operation::Engine;
use crate::ticket::event::Event;
use crate::ticket::kind::Link;

/// The records of a desk: histories, links and imports. Returned by [`Desk::records`].
#[derive(Debug)]
pub struct Records<'a, E>(pub(super) &'a Desk<E>);

impl<E: Engine> Desk<E> {
    /// Returns the handle for histories, links, and imports from other systems.
    pub fn records(&self) -> Records<'_, E> {
        Records(self)
    }
}

impl<'a, E: Engine> Records<'a, E> {
    /// Returns the whole history of a ticket: every event with its time, actor and change.
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
        let history = History { ticket, after: 0, limit: None, context: self.0.context() };
        self.0.engine.run(&self.0.settings.desk, history)
    }

    /// Returns a page of the history of a ticket: at most `limit` events after a version, in order. To read the next
    /// page, pass the version of the last event. The page after the last one is empty.
    ///
    /// ```
    /// # use firstline::{Actor, Action, Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// desk.act(ticket.id(), Action::start(), Actor::agent("anna"))?;
    /// let (mut after, mut read) = (0, 0);
    /// loop {
    ///     let page = desk.records().history_page(ticket.id(), after, 1)?;
    ///     let Some(last) = page.last() else { break };
    ///     (after, read) = (last.version, read + page.len());
    /// }
    /// assert_eq!(read, 2);
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), [invalid](crate::Error::is_invalid) if the limit is not from 1 to
    /// [`MAX_PAGE`](crate::store::query::MAX_PAGE), or a storage error.
    pub fn history_page(&self, ticket: TicketId, after: u64, limit: usize) -> E::Reply<'a, Vec<Event>> {
        let history = History { ticket, after, limit: Some(limit), context: self.0.context() };
        self.0.engine.run(&self.0.settings.desk, history)
    }

    /// Returns the links of a ticket, at most 1,000: first its own links, then the links of other tickets to it. Within
    /// a kind they are ordered by the id of the other ticket. To read the next page, pass the last link of this page.
    ///
    /// ```
    /// # use firstline::ticket::kind::Link;
    /// # use firstline::{Action, Actor, Desk, LinkKind, NewTicket};
    /// # let desk = Desk::memory();
    /// let problem = desk.open_ticket(NewTicket::new("Payments fail"))?.id();
    /// let incident = desk.open_ticket(NewTicket::new("Card declined"))?.id();
    /// desk.act(incident, Action::link(LinkKind::CausedBy, problem), Actor::agent("anna"))?;
    ///
    /// let links = desk.records().links(problem, None)?;
    /// assert_eq!(links, [Link { kind: LinkKind::CauseOf, to: incident }]);
    /// assert!(desk.records().links(problem, links.last().copied())?.is_empty());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), or a storage error.
    pub fn links(&self, ticket: TicketId, after: Option<Link>) -> E::Reply<'a, Vec<Link>> {
        let links = ReadLinks { ticket, after, context: self.0.context() };
        self.0.engine.run(&self.0.settings.desk, links)
    }

    /// Imports tickets of another system with their original history; see [`import`](crate::import). Each transaction
    /// imports 200 tickets.
    ///
    /// An import is quiet: no clock warns of, reacts to or reports a breach of a deadline that passed before it.
    /// [`ImportedTicket::clocks`] chooses the clocks.
    ///
    /// The import may be repeated with the same tickets or with longer histories, and after an error. Versions that
    /// were imported before are unchanged, and only new ones are added. A ticket that was changed at this desk since
    /// its last import is not continued.
    ///
    /// ```
    /// use firstline::{Actor, Desk, ExternalRef, ImportedTicket, ImportedVersion, state};
    ///
    /// # let at = |text: &str| text.parse().unwrap();
    /// # let desk = Desk::memory();
    /// let anna = Actor::agent("anna");
    /// let ticket = ImportedTicket::new("old-desk", "4711")
    ///     .version(ImportedVersion::new(at("2016-02-29T01:16:00Z"), &anna).subject("No sound").team("audio"))
    ///     .version(ImportedVersion::new(at("2016-03-05T12:00:00Z"), &anna).status(state::Closed));
    ///
    /// let imported = desk.records().import([ticket.clone()])?;
    /// assert_eq!((imported.opened, imported.refused.len()), (1, 0));
    /// assert_eq!(desk.records().import([ticket])?.unchanged, 1);
    ///
    /// let found = desk.ticket(ExternalRef { source: "old-desk".into(), id: "4711".into() })?;
    /// assert_eq!(found.opened_at.to_rfc3339(), "2016-02-29T01:16:00+00:00");
    /// assert_eq!(found.irregular, 1); // the lifecycle has no step from new to closed
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [storage](crate::Error::is_storage), which stops the import. Transactions that were committed before the error
    /// are kept.
    ///
    /// A ticket that cannot be imported is listed in [`Imported::refused`]:
    /// - a version breaks a rule or the desk's policy, or is dated in the future;
    /// - its history does not start with the history that was imported before;
    /// - it has new versions, but the ticket was changed at this desk since its last import.
    pub fn import<I>(&self, tickets: I) -> E::Reply<'a, Imported>
    where
        I: IntoIterator<Item = ImportedTicket>,
        I::IntoIter: Send + 'static,
    {
        self.import_in_batches(import::BATCH, tickets)
    }

    /// Imports tickets as [`import`](Records::import) does, with this number of tickets per transaction. Larger batches
    /// are faster; smaller batches let others write in between.
    ///
    /// # Errors
    /// The errors of [`import`](Records::import).
    pub fn import_in_batches<I>(&self, batch: NonZeroUsize, tickets: I) -> E::Reply<'a, Imported>
    where
        I: IntoIterator<Item = ImportedTicket>,
        I::IntoIter: Send + 'static,
    {
        let Desk { engine, settings, .. } = self.0;
        let job = Import {
            tickets: tickets.into_iter(),
            batch,
            context: self.0.context(),
            ids: Arc::clone(&settings.ids),
            imported: Imported::default(),
        };
        engine.run_job(&settings.desk, job)
    }
}

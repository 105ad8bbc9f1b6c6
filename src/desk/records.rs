//! The handle for what is on record: histories, and taking over those of another system.

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

/// What is on record at a desk. Made by [`Desk::records`].
#[derive(Debug)]
pub struct Records<'a, E>(pub(super) &'a Desk<E>);

impl<E: Engine> Desk<E> {
    /// What is on record: histories, and imports from other systems.
    pub fn records(&self) -> Records<'_, E> {
        Records(self)
    }
}

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

    /// The links of a ticket, at most 1,000: first its own, then those of other tickets that lead to it, each kind by the age of the
    /// tickets. The next page begins after the last link of this one.
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
        self.0.engine.run(&self.0.settings.desk, ReadLinks { ticket, after })
    }

    /// Takes in tickets of another system with their history, as it happened: see [`import`](crate::import). 200
    /// tickets at a time are one transaction.
    ///
    /// It may be called again with the same tickets, with longer histories, or after it stopped: what was taken
    /// in stays as it is, and only what is new is added. A ticket that was worked on here since is not continued.
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
    /// assert_eq!(found.irregular, 1); // The lifecycle has no step from new to closed.
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// A storage error, which stops the import; the transactions before it stay. A ticket that cannot be taken in
    /// is in [`Imported::refused`]:
    /// - a version breaks a stated rule or the desk's policy, or is dated in the future;
    /// - its history does not begin with the one that was imported before;
    /// - it would go on, but was worked on here since.
    pub fn import<I>(&self, tickets: I) -> E::Reply<'a, Imported>
    where
        I: IntoIterator<Item = ImportedTicket>,
        I::IntoIter: Send + 'static,
    {
        self.import_in_batches(import::BATCH, tickets)
    }

    /// The same with so many tickets in one transaction: more are faster, fewer let others write in between.
    ///
    /// # Errors
    /// As [`import`](Records::import).
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
        engine.work(&settings.desk, job)
    }
}

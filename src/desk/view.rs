//! The handle for what one person or program may read.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;

use super::Desk;
use super::context::CommandContext;
use super::links::ReadLinks;
use super::process_map;
use super::queries::{Count, Find, History, LookUp, Page, TicketRef};
use super::reports::{DueSoon, Explain, FindDueSoon};
use crate::id::TicketId;
use crate::operation::Engine;
use crate::reports::Ledger;
use crate::sla::Metric;
use crate::store::{GroupBy, Query};
use crate::ticket::Ticket;
use crate::ticket::event::Event;
use crate::ticket::kind::Link;
use crate::ticket::people::Actor;
use crate::workflow::{ProcessMap, Workflow};

/// The desk as one reader may see it. Returned by [`Desk::view`].
///
/// The [rules of visibility](crate::policy::VisibilityRule) in the policy say which tickets a reader sees. Without rules,
/// agents and programs see everything, and a contact sees the public part of the tickets on which they have a role.
///
/// - A ticket that the reader does not see is not found, with the same error as for a ticket that does not exist.
///   The limit is a condition inside each query, so pages are full and counts are exact. Links to tickets that the
///   reader does not see are left out.
/// - Readers who do not see the internal part of a ticket see its [public part](crate::Snapshot::public), the
///   [public form](Event::public) of its events, and neither links nor clocks. They do not find it by its name in
///   another system or by a thread. Their rejections name no statuses, guards, fields and agents.
/// - A query that uses an internal fact finds only tickets whose internal part the reader sees, because its answer would
///   otherwise reveal hidden facts: order and filters, the fields of its condition, and the groups of a count. A reader
///   who sees no internal part at all gets an error instead.
///
/// Commands apply the same rules: an agent or a program cannot act on a ticket that they do not see. What a contact may
/// write follows from the table of [standings](crate::policy::standing) alone. An outsider with proof can therefore write
/// to a ticket that they cannot read.
///
/// The [`Receipt`](crate::Receipt) of a command is for the application and has the whole ticket. To show the ticket to the
/// actor, read it here.
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket, Query};
///
/// let desk = Desk::memory();
/// let id = desk.open_ticket(NewTicket::new("No sound").from("boris"))?.id();
/// desk.act(id, Action::note("He calls every day.").and(Action::tag("impatient")), Actor::agent("anna"))?;
///
/// let of_boris = desk.view(Actor::contact("boris"));
/// assert_eq!(of_boris.find(Query::newest())?.tickets.len(), 1);
/// assert!(of_boris.ticket(id)?.tags.is_empty());
/// assert_eq!(of_boris.history(id)?.len(), 1); // the note is internal
///
/// let of_eve = desk.view(Actor::contact("eve"));
/// assert!(of_eve.ticket(id).unwrap_err().is_not_found());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug)]
pub struct View<'a, E> {
    desk: &'a Desk<E>,
    reader: Arc<Actor>,
}

impl<E: Engine> Desk<E> {
    /// Returns the handle for what this actor may read. The program authenticates the actor, and gives the attributes that
    /// the [rules of visibility](crate::policy::VisibilityRule) compare.
    ///
    /// The other reads of the desk are for the application itself and show everything.
    pub fn view(&self, reader: impl Into<Actor>) -> View<'_, E> {
        let mut reader = reader.into();
        reader.normalize();
        View { desk: self, reader: Arc::new(reader) }
    }
}

impl<'a, E: Engine> View<'a, E> {
    fn context(&self) -> CommandContext {
        CommandContext { reader: Some(Arc::clone(&self.reader)), ..self.desk.context() }
    }

    /// Reads a ticket, as [`Desk::ticket`] does.
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), [invalid](crate::Error::is_invalid) if the id of the reader is malformed,
    /// [storage](crate::Error::is_storage).
    pub fn ticket(&self, ticket: impl Into<TicketRef>) -> E::Reply<'a, Ticket> {
        self.desk.engine.run(&self.desk.settings.desk, LookUp(ticket.into(), self.context()))
    }

    /// Finds tickets, as [`Desk::find`] does.
    ///
    /// # Errors
    /// The errors of [`Desk::find`], and [invalid](crate::Error::is_invalid) if the query uses internal facts and the
    /// reader sees the internal part of no ticket.
    pub fn find(&self, query: Query) -> E::Reply<'a, Page> {
        self.desk.engine.run(&self.desk.settings.desk, Find { query, context: self.context() })
    }

    /// Counts tickets by groups, as [`Desk::count`] does.
    ///
    /// # Errors
    /// The errors of [`find`](View::find).
    pub fn count<const N: usize>(
        &self,
        query: Query,
        groups: [GroupBy; N],
    ) -> E::Reply<'a, [BTreeMap<String, u64>; N]> {
        self.desk.engine.run(&self.desk.settings.desk, Count { query, groups, context: self.context() })
    }

    /// Returns the history of a ticket, as [`Records::history`](crate::desk::Records::history) does. Versions of events
    /// that the reader does not see are absent.
    ///
    /// # Errors
    /// The errors of [`ticket`](View::ticket).
    pub fn history(&self, ticket: TicketId) -> E::Reply<'a, Vec<Event>> {
        let history = History { ticket, after: 0, limit: None, context: self.context() };
        self.desk.engine.run(&self.desk.settings.desk, history)
    }

    /// Returns a page of the history of a ticket, as [`Records::history_page`](crate::desk::Records::history_page) does.
    /// The limit counts the events that the reader sees.
    ///
    /// # Errors
    /// The errors of [`ticket`](View::ticket), and [invalid](crate::Error::is_invalid) if the limit is out of range.
    pub fn history_page(&self, ticket: TicketId, after: u64, limit: usize) -> E::Reply<'a, Vec<Event>> {
        let history = History { ticket, after, limit: Some(limit), context: self.context() };
        self.desk.engine.run(&self.desk.settings.desk, history)
    }

    /// Returns the links of a ticket, as [`Records::links`](crate::desk::Records::links) does.
    ///
    /// # Errors
    /// The errors of [`ticket`](View::ticket).
    pub fn links(&self, ticket: TicketId, after: Option<Link>) -> E::Reply<'a, Vec<Link>> {
        let links = ReadLinks { ticket, after, context: self.context() };
        self.desk.engine.run(&self.desk.settings.desk, links)
    }

    /// Explains a clock of a ticket, as [`Reports::explain`](crate::desk::Reports::explain) does.
    ///
    /// # Errors
    /// The errors of [`Reports::explain`](crate::desk::Reports::explain). A reader who does not see the internal part of
    /// the ticket finds no clock.
    pub fn explain(&self, ticket: TicketId, metric: Metric) -> E::Reply<'a, Ledger> {
        let explain = Explain { ticket, metric, context: self.context() };
        self.desk.engine.run(&self.desk.settings.desk, explain)
    }

    /// Returns the running clocks with at most this much time left, as
    /// [`Reports::due_soon`](crate::desk::Reports::due_soon) does, of the tickets whose internal part the reader sees.
    ///
    /// # Errors
    /// [invalid](crate::Error::is_invalid) if the id of the reader is malformed, [storage](crate::Error::is_storage).
    pub fn due_soon(&self, within: TimeDelta) -> E::Reply<'a, Vec<DueSoon>> {
        self.desk.engine.run_job(&self.desk.settings.desk, FindDueSoon::new(within, self.context()))
    }

    /// Counts the tickets in each status of a workflow and the transitions between its statuses, as
    /// [`Reports::process_map`](crate::desk::Reports::process_map) does, of the tickets whose internal part the reader
    /// sees.
    ///
    /// # Errors
    /// [invalid](crate::Error::is_invalid) if the id of the reader is malformed, [storage](crate::Error::is_storage).
    pub fn process_map(&self, workflow: &Workflow) -> E::Reply<'a, ProcessMap> {
        let count = process_map::Count::of(workflow, self.context());
        self.desk.engine.run_job(&self.desk.settings.desk, count)
    }
}

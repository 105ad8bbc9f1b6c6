//! Reads for one reader: what they may see is a condition inside every query.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::CommandContext;
use crate::condition::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::id::TicketId;
use crate::operation::{Interrupt, Loaded};
use crate::policy::PUBLIC;
use crate::store::{GroupBy, Order, Query, Read};
use crate::ticket::Ticket;
use crate::ticket::access::Access;
use crate::ticket::event::{Change, Event};
use crate::ticket::snapshot::Snapshot;

impl CommandContext {
    /// Returns the access of the reader under the policy in force. A read without a reader sees everything.
    pub(super) fn access(&self, loaded: &Loaded) -> Result<Access, Interrupt> {
        let Some(reader) = &self.reader else { return Ok(Access::WHOLE) };
        reader.check()?;
        Ok(Access::of(reader, &*self.policy(loaded)?))
    }

    /// Returns a ticket that the reader sees.
    ///
    /// # Errors
    /// The same [not found](Error::is_not_found) for a ticket that they do not see as for one that does not exist.
    pub(super) fn visible<'l>(
        &self,
        ticket: TicketId,
        access: &Access,
        loaded: &'l Loaded,
    ) -> Result<&'l Snapshot, Interrupt> {
        let found = loaded.ticket(ticket)?.filter(|found| access.sees(found));
        Ok(found.ok_or_else(|| Error::not_found(format_args!("ticket {ticket}")))?)
    }

    /// Checks a query and its groups, and limits the query to the tickets that the reader sees. `None` if there are
    /// none.
    ///
    /// A query that uses an internal fact finds only tickets whose internal part the reader sees. Otherwise its answer
    /// would reveal hidden facts.
    pub(super) fn limited(
        &self,
        query: Query,
        groups: &[GroupBy],
        access: &Access,
        loaded: &Loaded,
    ) -> Result<Option<Query>, Interrupt> {
        let is_public_only = access.internal().is_never();
        if !query.has_no_condition() {
            let policy = self.policy(loaded)?;
            query.condition().check(&match is_public_only {
                true => policy.known_to_the_public(),
                false => policy.known_to_queries(),
            })?;
        }
        if access.is_whole() {
            return Ok(Some(query));
        }
        let internal = internal_part(&query, groups);
        if let (true, Some(part)) = (is_public_only, &internal) {
            let problem = format!("uses {part}, which this reader does not see");
            let allowed = format!(
                "orders newest and oldest; filters by state, requester and contact; groups state, priority and \
                 channel; fields {}",
                PUBLIC.join(", ")
            );
            return Err(Error::invalid("query", problem).allowing(allowed).into());
        }
        if let Some(own) = access.only_own() {
            match query.selected_contact() {
                // Stores have an index for this filter.
                None => return Ok(Some(query.contact(own))),
                Some((wanted, _)) if wanted == own => return Ok(Some(query)),
                Some(_) => {}
            }
        }
        let seen = if internal.is_none() { access.tickets() } else { access.internal() };
        if let Some(team) = seen.only_text("team") {
            // Stores have an index for this filter too.
            return Ok(match query.selected_team() {
                None => Some(query.team(team)),
                Some(selected) => (selected.as_str() == team).then_some(query),
            });
        }
        Ok((!seen.is_never()).then(|| query.matching(seen.clone())))
    }

    /// Returns handles for tickets as the reader sees them.
    pub(super) fn shown(
        &self,
        tickets: impl IntoIterator<Item = Arc<Snapshot>>,
        access: &Access,
        loaded: &Loaded,
    ) -> Result<Vec<Ticket>, Interrupt> {
        let handles = self.handles(tickets, loaded)?;
        if access.is_whole() {
            return Ok(handles);
        }
        let sees_internal: Vec<bool> = handles.iter().map(|it| access.sees_internal(it.snapshot())).collect();
        let whole = handles.iter().zip(&sees_internal).filter(|(_, whole)| **whole);
        let linked = whole.flat_map(|(it, _)| it.links.iter().map(|link| link.to));
        let seen = self.seen_of(linked, access, loaded)?;
        let show = |(ticket, whole): (Ticket, bool)| match whole {
            true => ticket.with_links(|to| seen.contains(&to)),
            false => ticket.public(),
        };
        Ok(handles.into_iter().zip(sees_internal).map(show).collect())
    }

    /// Returns the handle for one ticket as the reader sees it.
    pub(super) fn shown_one(
        &self,
        ticket: Arc<Snapshot>,
        access: &Access,
        loaded: &Loaded,
    ) -> Result<Ticket, Interrupt> {
        let shown = self.shown([ticket], access, loaded)?.into_iter().next();
        Ok(shown.ok_or_else(|| Error::new(ErrorKind::Storage, "a ticket has no handle"))?)
    }

    /// Returns the events that the reader sees, each as they see it. `whole` if they see the internal part of the
    /// ticket.
    pub(super) fn seen_events(
        &self,
        events: &[Event],
        whole: bool,
        access: &Access,
        loaded: &Loaded,
    ) -> Result<Vec<Event>, Interrupt> {
        if !whole {
            let undone = events.iter().find(|event| matches!(event.change, Change::Undone { .. }));
            // The undone command may be on an earlier page.
            let history = match undone {
                Some(event) => loaded.history(event.ticket, 0, usize::MAX)?,
                None => events,
            };
            return Ok(events.iter().filter_map(|event| event.public_in(history)).collect());
        }
        let linked = |event: &Event| event.change.changed_link().map(|(link, _)| link.to);
        let seen = self.seen_of(events.iter().filter_map(linked), access, loaded)?;
        let is_seen = |event: &&Event| linked(event).is_none_or(|to| seen.contains(&to));
        Ok(events.iter().filter(is_seen).cloned().collect())
    }

    /// Returns those of the tickets that the reader sees.
    pub(super) fn seen_of(
        &self,
        tickets: impl IntoIterator<Item = TicketId>,
        access: &Access,
        loaded: &Loaded,
    ) -> Result<BTreeSet<TicketId>, Interrupt> {
        let mut tickets: BTreeSet<TicketId> = tickets.into_iter().collect();
        if *access.tickets() == Condition::ALWAYS {
            return Ok(tickets);
        }
        loaded.need(tickets.iter().map(|id| Read::Ticket(*id)))?;
        let mut sees = BTreeMap::new();
        for id in &tickets {
            sees.insert(*id, loaded.ticket(*id)?.is_some_and(|ticket| access.sees(ticket)));
        }
        tickets.retain(|id| sees.get(id) == Some(&true));
        Ok(tickets)
    }
}

/// Returns the first part of a query that depends on an internal fact, in words.
fn internal_part(query: &Query, groups: &[GroupBy]) -> Option<String> {
    let filters = [
        (query.order() == Order::Inbox, "the order of the inbox"),
        (query.selected_team().is_some(), "the team"),
        (query.selected_assignee().is_some() || query.unassigned_only(), "the assigned agent"),
    ];
    if let Some((_, words)) = filters.into_iter().find(|(used, _)| *used) {
        return Some(words.to_owned());
    }
    if let Some(field) = query.condition().fields().into_iter().find(|field| !PUBLIC.contains(field)) {
        return Some(format!("the field {field}"));
    }
    let is_internal = |by: &&GroupBy| match by {
        GroupBy::State | GroupBy::Priority | GroupBy::Channel => false,
        GroupBy::Status | GroupBy::Team | GroupBy::Assignee | GroupBy::Due => true,
    };
    groups.iter().find(is_internal).map(|by| format!("the groups by {by:?}").to_lowercase())
}

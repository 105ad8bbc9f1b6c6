//! What databases keep of a ticket and of an event: JSON, in two parts, and the columns by which a ticket is found.
//!
//! The personal part stands apart, by owner, so that one person's pieces can be sealed and erased while the facts and
//! the pieces of others stay as they are.

mod recent;
mod shared;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::to_json;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::store::query::InboxPlace;
use crate::ticket::event::{Change, Event, Origin};
use crate::ticket::people::Actor;
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;

pub(crate) use recent::Recent;
pub(crate) use shared::Shared;

/// What a ticket's row has beside its JSON and its state: everything by which it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) place: Place,
    pub(crate) requester: Option<ContactId>,
    /// Whether it has timers, which have rows of their own.
    pub(crate) waits: bool,
}

/// Where a ticket stands in the inboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) open: bool,
    pub(crate) inbox: InboxPlace,
    pub(crate) team: Option<TeamId>,
    pub(crate) assignee: Option<AgentId>,
}

impl Columns {
    pub(crate) fn of(ticket: &Snapshot) -> Columns {
        Columns {
            place: Place {
                open: ticket.state.kind().is_open(),
                inbox: InboxPlace::of(ticket),
                team: ticket.team.clone(),
                assignee: ticket.assignee.clone(),
            },
            requester: ticket.requester().cloned(),
            waits: !ticket.timers().is_empty(),
        }
    }
}

/// A ticket's facts and its personal part, each as JSON, and the ticket.
fn ticket_to_json(mut ticket: Snapshot) -> Result<(String, Option<String>, Snapshot)> {
    // A part that is empty is not written.
    let personal = std::mem::take(&mut ticket.personal);
    let (facts, json) = (to_json(&ticket)?, personal_to_json(&personal)?);
    ticket.personal = personal;
    Ok((facts, json, ticket))
}

/// A ticket from its facts and its personal part.
fn ticket_from_json(facts: &str, personal: Option<&str>) -> Result<Snapshot> {
    let mut ticket: Snapshot = from_json(facts)?;
    ticket.personal = personal_from_json(personal)?;
    Ok(ticket)
}

/// The facts of an event that have no column.
#[derive(Serialize)]
struct FactsToWrite<'a> {
    by: &'a Actor,
    change: &'a Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<Origin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactsRead {
    by: Actor,
    change: Change,
    #[serde(default)]
    origin: Option<Origin>,
}

/// An event's facts and its personal part, each as JSON.
pub(crate) fn event_to_json(event: &Event) -> Result<(String, Option<String>)> {
    let facts = FactsToWrite { by: &event.by, change: &event.change, origin: event.origin };
    Ok((to_json(&facts)?, personal_to_json(&event.personal)?))
}

/// An event from its columns, its facts and its personal part.
pub(crate) fn event_from_json(
    ticket: TicketId,
    version: u64,
    at: DateTime<Utc>,
    facts: &str,
    personal: Option<&str>,
) -> Result<Event> {
    let FactsRead { by, change, origin } = from_json(facts)?;
    Ok(Event { ticket, version, at, by, change, personal: personal_from_json(personal)?, origin })
}

fn personal_to_json(personal: &Personal) -> Result<Option<String>> {
    if personal.is_empty() { Ok(None) } else { to_json(personal).map(Some) }
}

fn personal_from_json(json: Option<&str>) -> Result<Personal> {
    json.map_or(Ok(Personal::default()), from_json)
}

fn from_json<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T> {
    serde_json::from_str(json).map_err(corrupt)
}

/// An instant from a column of microseconds.
pub(crate) fn instant(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| corrupt(format!("the instant {micros} is no instant")))
}

/// A count or version from a column.
pub(crate) fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(corrupt)
}

/// A count or version as databases keep it. Versions count events one by one, so none comes near the end of `i64`;
/// a limit beyond it means no limit.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is stored is not what was written.
pub(crate) fn corrupt(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Corrupt, "the database holds a row that cannot be read").caused_by(cause)
}

//! The stored form of tickets and events: two JSON texts, and the columns used to find a ticket.
//!
//! The facts and the personal part are separate texts. The personal part is grouped by person, so that one person's
//! data can be encrypted or erased without changing the facts or the data of other people.

mod indexes;
mod recent;
mod shared;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::definition::{Fingerprint, to_json};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::store::InboxPlace;
use crate::ticket::event::{Change, Event, Origin};
use crate::ticket::people::{Actor, ContactRole};
use crate::ticket::personal::Personal;
use crate::ticket::snapshot::Snapshot;

pub(crate) use indexes::verify_indexes;
pub(crate) use recent::Recent;
pub(crate) use shared::Shared;

/// The columns of a ticket's row that searches use, except the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) place: Place,
    pub(crate) requester: Option<ContactId>,
    /// The contacts in other roles, which have rows of their own.
    pub(crate) others: BTreeSet<ContactId>,
    /// True if the ticket has timers. Timers have rows of their own.
    pub(crate) has_timers: bool,
}

/// The position of a ticket in the inboxes of its desk, team and assignee.
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
            others: other_contacts(ticket),
            has_timers: !ticket.timers().is_empty(),
        }
    }
}

/// Returns the contacts of a ticket except the requester.
pub(crate) fn other_contacts(ticket: &Snapshot) -> BTreeSet<ContactId> {
    let others = ticket.contacts.iter().filter(|(_, role)| **role != ContactRole::Requester);
    others.map(|(id, _)| id.clone()).collect()
}

/// Returns a ticket's facts and its personal part as JSON, and the unchanged ticket.
fn ticket_to_json(mut ticket: Snapshot) -> Result<(String, Option<String>, Snapshot)> {
    // Without its personal part, the ticket is serialized as facts only: an empty part is skipped.
    let personal = std::mem::take(&mut ticket.personal);
    let (facts, json) = (to_json(&ticket)?, personal_to_json(&personal)?);
    ticket.personal = personal;
    Ok((facts, json, ticket))
}

/// Parses a ticket from its facts and its personal part.
fn ticket_from_json(facts: &str, personal: Option<&str>) -> Result<Snapshot> {
    let mut ticket: Snapshot = from_json(facts)?;
    ticket.personal = personal_from_json(personal)?;
    Ok(ticket)
}

/// The facts of an event that have no column of their own.
#[derive(Serialize)]
struct FactsToWrite<'a> {
    by: &'a Actor,
    change: &'a Change,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<&'a Origin>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continues: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mirrored: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    adopted: Option<Fingerprint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactsRead {
    by: Actor,
    change: Change,
    #[serde(default)]
    origin: Option<Origin>,
    #[serde(default)]
    continues: bool,
    #[serde(default)]
    mirrored: bool,
    #[serde(default)]
    adopted: Option<Fingerprint>,
}

/// Returns an event's facts and its personal part as JSON.
pub(crate) fn event_to_json(event: &Event) -> Result<(String, Option<String>)> {
    let Event { by, change, origin, continues, mirrored, adopted, .. } = event;
    let (origin, continues, mirrored, adopted) = (origin.as_ref(), *continues, *mirrored, *adopted);
    let facts = FactsToWrite { by, change, origin, continues, mirrored, adopted };
    Ok((to_json(&facts)?, personal_to_json(&event.personal)?))
}

/// Builds an event from its columns, its facts and its personal part.
pub(crate) fn event_from_json(
    ticket: TicketId,
    version: u64,
    at: DateTime<Utc>,
    facts: &str,
    personal: Option<&str>,
) -> Result<Event> {
    let FactsRead { by, change, origin, continues, mirrored, adopted } = from_json(facts)?;
    let personal = personal_from_json(personal)?;
    Ok(Event { ticket, version, at, by, change, personal, origin, continues, mirrored, adopted })
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

/// Converts a column to an instant. The column holds microseconds since 1970 in UTC.
pub(crate) fn instant(micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| corrupt(format!("{micros} microseconds are outside the range of instants")))
}

/// Converts a column to a count or version.
pub(crate) fn unsigned(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(corrupt)
}

/// Converts a count, version or limit to a column or parameter. Values above `i64::MAX` become `i64::MAX`. Versions
/// count single events and never get that large, and a limit of that size is the same as no limit.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A [`Corrupt`](ErrorKind::Corrupt) error: a stored row is not in a form that this crate writes.
pub(crate) fn corrupt(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Corrupt, "the database holds a row that cannot be read").caused_by(cause)
}

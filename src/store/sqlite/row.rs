//! Between rows and values.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::fault;
use crate::definition::{Fingerprint, to_json};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AgentId, ContactId, TeamId, TicketId};
use crate::store::query::InboxPlace;
use crate::ticket::event::{Change, Event, Origin, Personal};
use crate::ticket::people::Actor;
use crate::ticket::snapshot::Snapshot;

/// What a ticket's row has beside its JSON and its state: everything by which it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) place: Place,
    pub(super) requester: Option<ContactId>,
    /// Whether it has timers, which have rows of their own.
    pub(super) waits: bool,
}

/// Where a ticket stands in the inboxes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) open: bool,
    pub(super) inbox: InboxPlace,
    pub(super) team: Option<TeamId>,
    pub(super) assignee: Option<AgentId>,
}

impl Columns {
    pub(super) fn of(ticket: &Snapshot) -> Columns {
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

/// A ticket's facts and its personal part, each as JSON.
pub(super) fn ticket_to_json(mut ticket: Snapshot) -> Result<(String, Option<String>)> {
    let personal = std::mem::take(&mut ticket.personal);
    Ok((to_json(&ticket)?, personal_to_json(&personal)?))
}

/// A ticket from the columns `facts` and `personal`, in this order.
pub(super) fn ticket_from(row: &Row<'_>) -> Result<Snapshot> {
    let mut ticket: Snapshot = from_json(text(row, 0)?)?;
    ticket.personal = personal_from(row, 1)?;
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
pub(super) fn event_to_json(event: &Event) -> Result<(String, Option<String>)> {
    let facts = FactsToWrite { by: &event.by, change: &event.change, origin: event.origin };
    Ok((to_json(&facts)?, personal_to_json(&event.personal)?))
}

/// An event from the columns `version`, `at`, `facts` and `personal`, in this order.
pub(super) fn event_from(ticket: TicketId, row: &Row<'_>) -> Result<Event> {
    let FactsRead { by, change, origin } = from_json(text(row, 2)?)?;
    Ok(Event {
        ticket,
        version: unsigned(row, 0)?,
        at: instant(row, 1)?,
        by,
        change,
        personal: personal_from(row, 3)?,
        origin,
    })
}

fn personal_to_json(personal: &Personal) -> Result<Option<String>> {
    if personal.is_empty() { Ok(None) } else { to_json(personal).map(Some) }
}

fn personal_from(row: &Row<'_>, column: usize) -> Result<Personal> {
    match row.get_ref(column).map_err(fault)?.as_str_or_null().map_err(corrupt)? {
        Some(json) => from_json(json),
        None => Ok(Personal::default()),
    }
}

fn from_json<'de, T: Deserialize<'de>>(json: &'de str) -> Result<T> {
    serde_json::from_str(json).map_err(corrupt)
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    row.get_ref(column).map_err(fault)?.as_str().map_err(corrupt)
}

pub(super) fn instant(row: &Row<'_>, column: usize) -> Result<DateTime<Utc>> {
    let micros: i64 = row.get(column).map_err(fault)?;
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| corrupt(format!("the instant {micros} is no instant")))
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column).map_err(fault)?;
    u64::try_from(number).map_err(corrupt)
}

pub(super) fn ticket_id(row: &Row<'_>, column: usize) -> Result<TicketId> {
    let bytes = row.get_ref(column).map_err(fault)?.as_blob().map_err(corrupt)?;
    Uuid::from_slice(bytes).map(TicketId::from).map_err(corrupt)
}

pub(super) fn fingerprint(row: &Row<'_>, column: usize) -> Result<Fingerprint> {
    let bytes = row.get_ref(column).map_err(fault)?.as_blob().map_err(corrupt)?;
    bytes.try_into().map(Fingerprint::from_bytes).map_err(corrupt)
}

/// A count or version as SQLite keeps it. Versions count events one by one, so none comes near the end of `i64`;
/// a limit beyond it means no limit.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// What is stored is not what was written.
pub(super) fn corrupt(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Corrupt, "the database holds a row that cannot be read").caused_by(cause)
}

//! Conversion of rows to values.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rusqlite::Row;
use uuid::Uuid;

use super::fault;
use crate::codec::{self, Recent};
use crate::error::Result;
use crate::id::TicketId;
use crate::ticket::event::Event;
use crate::ticket::snapshot::Snapshot;

pub(super) use crate::codec::{Columns, Place, corrupt, event_to_json, other_contacts, signed};

/// Reads a ticket from the columns `id`, `facts` and `personal`, in this order.
pub(super) fn ticket_from(row: &Row<'_>, recent: &Recent) -> Result<Arc<Snapshot>> {
    recent.ticket(ticket_id(row, 0)?, text(row, 1)?, text_or_null(row, 2)?)
}

/// Reads an event from the columns `version`, `at`, `facts` and `personal`, in this order.
pub(super) fn event_from(ticket: TicketId, row: &Row<'_>) -> Result<Event> {
    codec::event_from_json(ticket, unsigned(row, 0)?, instant(row, 1)?, text(row, 2)?, text_or_null(row, 3)?)
}

fn text<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a str> {
    row.get_ref(column).map_err(fault)?.as_str().map_err(corrupt)
}

fn text_or_null<'a>(row: &'a Row<'_>, column: usize) -> Result<Option<&'a str>> {
    row.get_ref(column).map_err(fault)?.as_str_or_null().map_err(corrupt)
}

pub(super) fn instant(row: &Row<'_>, column: usize) -> Result<DateTime<Utc>> {
    codec::instant(row.get(column).map_err(fault)?)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    codec::unsigned(row.get(column).map_err(fault)?)
}

pub(super) fn ticket_id(row: &Row<'_>, column: usize) -> Result<TicketId> {
    let bytes = row.get_ref(column).map_err(fault)?.as_blob().map_err(corrupt)?;
    Uuid::from_slice(bytes).map(TicketId::from).map_err(corrupt)
}

//! Converts rows to answers.

use std::sync::Arc;

use super::driver::Columns;
use crate::codec::{self, Recent};
use crate::error::Result;
use crate::id::TicketId;
use crate::store::read::{Answer, DueTicket, DueTimer, Read};
use crate::store::{Claimed, Content, DueRecord, Index, Record};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::{Timer, TimerKind};

/// Returns the answer of a single read from its rows. Tickets, searches and next numbers are read elsewhere.
pub(super) fn answer<R: Columns>(read: &Read, rows: &[R]) -> Result<Answer> {
    let first = rows.first();
    Ok(match read {
        Read::Record { .. } => Answer::Record(first.map(|row| record(row).map(Box::new)).transpose()?),
        Read::Records(_) => Answer::Records(rows.iter().map(record).collect::<Result<_>>()?),
        Read::CountRecords { .. } => {
            let count = |row: &R| Ok((row.text(0)?.to_owned(), row.unsigned(1)?));
            Answer::Counts(rows.iter().map(count).collect::<Result<_>>()?)
        }
        Read::DueRecords { .. } => Answer::DueRecords(rows.iter().map(due_record).collect::<Result<_>>()?),
        Read::History { ticket, .. } => {
            let event = |row: &R| {
                let at = codec::instant(row.integer(1)?)?;
                codec::event_from_json(*ticket, row.unsigned(0)?, at, row.text(2)?, row.text_or_null(3)?)
            };
            Answer::Events(rows.iter().map(event).collect::<Result<_>>()?)
        }
        Read::DueTimers { .. } => Answer::DueTimers(rows.iter().map(due_timer).collect::<Result<_>>()?),
        Read::DueTickets { .. } => Answer::DueTickets(rows.iter().map(due_tickets).collect::<Result<_>>()?),
        // The remaining reads look up the ticket of a number.
        _ => Answer::TicketId(first.map(|row| row.ticket(0)).transpose()?),
    })
}

/// Reads a ticket from the columns `id`, `facts` and `personal`, in this order.
pub(super) fn ticket_from<R: Columns>(row: &R, recent: &Recent) -> Result<Arc<Snapshot>> {
    recent.ticket(row.ticket(0)?, row.text(1)?, row.text_or_null(2)?)
}

/// Columns converted to the types of the domain.
pub(super) trait Meanings: Columns {
    fn ticket(&self, column: usize) -> Result<TicketId> {
        self.id(column).map(TicketId::from)
    }

    fn unsigned(&self, column: usize) -> Result<u64> {
        self.integer(column).and_then(codec::unsigned)
    }
}

impl<R: Columns> Meanings for R {}

/// Reads a record from the columns `key`, `version`, `facts`, `personal`, `i1`, `i2`, `i3`, `due` and `tries`. A
/// missing `personal` arrives as an empty value, a missing `due` as `i64::MIN`, missing `tries` as 0.
pub(super) fn record<R: Columns>(row: &R) -> Result<Record> {
    let mut content = Content::new(row.bytes(2)?).personal(row.bytes(3)?);
    for (index, column) in Index::ALL.into_iter().zip(4..) {
        if let Some(value) = row.text_or_null(column)? {
            content = content.indexed(index, value);
        }
    }
    content.due = match row.integer(7)? {
        i64::MIN => None,
        due => Some(codec::instant(due)?),
    };
    content.tries = row.integer(8)?.try_into().map_err(codec::corrupt)?;
    Ok(Record { key: row.text(0)?.to_owned(), version: row.unsigned(1)?, content })
}

/// Reads a claimed record: the columns of a record, then the desk.
pub(super) fn claimed<R: Columns>(row: &R) -> Result<Claimed> {
    Ok(Claimed { desk: row.text(9)?.into(), record: record(row)? })
}

fn due_record<R: Columns>(row: &R) -> Result<DueRecord> {
    Ok(DueRecord {
        due: codec::instant(row.integer(0)?)?,
        desk: row.text(1)?.into(),
        key: row.text(2)?.to_owned(),
    })
}

fn due_timer<R: Columns>(row: &R) -> Result<DueTimer> {
    let kind = row.text(1)?;
    let kind = TimerKind::named(kind).ok_or_else(|| codec::corrupt(format!("unknown timer {kind:?}")))?;
    let timer = Timer { due: codec::instant(row.integer(0)?)?, kind, subject: row.text(2)?.to_owned() };
    Ok(DueTimer { timer, ticket: row.ticket(3)? })
}

fn due_tickets<R: Columns>(row: &R) -> Result<DueTicket> {
    Ok(DueTicket { due: codec::instant(row.integer(0)?)?, desk: row.text(1)?.into(), ticket: row.ticket(2)? })
}

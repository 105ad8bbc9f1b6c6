//! Between rows and answers.

use std::sync::Arc;

use super::driver::Columns;
use crate::codec::{self, Recent};
use crate::definition::{Adoption, DefinitionKind, Fingerprint};
use crate::error::Result;
use crate::id::TicketId;
use crate::store::commit::KeptReceipt;
use crate::store::read::{Answer, DueTimer, Owed, Read};
use crate::ticket::snapshot::Snapshot;
use crate::ticket::timer::{Timer, TimerKind};

/// What the rows of a read by itself answer.
pub(super) fn answer<R: Columns>(read: &Read, rows: &[R]) -> Result<Answer> {
    let first = rows.first();
    Ok(match read {
        Read::Receipt(key) => {
            let receipt = |row: &R| -> Result<_> {
                Ok(Box::new(KeptReceipt {
                    key: key.clone(),
                    request: row.fingerprint(0)?,
                    ticket: row.ticket(1)?,
                    before: row.unsigned(2)?,
                    after: row.unsigned(3)?,
                    expires: codec::instant(row.integer(4)?)?,
                }))
            };
            Answer::Receipt(first.map(receipt).transpose()?)
        }
        Read::InForce(kind, _) | Read::Newest(kind) => {
            Answer::Adoption(first.map(|row| adoption(*kind, row)).transpose()?)
        }
        Read::Definition(_) => {
            Answer::Definition(first.map(|row| row.text(0).map(str::to_owned)).transpose()?)
        }
        Read::History { ticket, .. } => {
            let event = |row: &R| {
                let at = codec::instant(row.integer(1)?)?;
                codec::event_from_json(*ticket, row.unsigned(0)?, at, row.text(2)?, row.text_or_null(3)?)
            };
            Answer::Events(rows.iter().map(event).collect::<Result<_>>()?)
        }
        Read::Due { .. } => Answer::Due(rows.iter().map(due_timer).collect::<Result<_>>()?),
        Read::Owed { .. } => Answer::Owed(rows.iter().map(owed).collect::<Result<_>>()?),
        // Threads, external references, numbers.
        _ => Answer::Id(first.map(|row| row.ticket(0)).transpose()?),
    })
}

/// A ticket from the columns `id`, `facts` and `personal`, in this order.
pub(super) fn ticket_from<R: Columns>(row: &R, recent: &Recent) -> Result<Arc<Snapshot>> {
    recent.ticket(row.ticket(0)?, row.text(1)?, row.text_or_null(2)?)
}

/// The columns by what they mean.
pub(super) trait Meanings: Columns {
    fn ticket(&self, column: usize) -> Result<TicketId> {
        self.id(column).map(TicketId::from)
    }

    fn unsigned(&self, column: usize) -> Result<u64> {
        self.integer(column).and_then(codec::unsigned)
    }

    fn fingerprint(&self, column: usize) -> Result<Fingerprint> {
        self.bytes(column)?.try_into().map(Fingerprint::from_bytes).map_err(codec::corrupt)
    }
}

impl<R: Columns> Meanings for R {}

fn adoption<R: Columns>(kind: DefinitionKind, row: &R) -> Result<Adoption> {
    Ok(Adoption {
        kind,
        version: row.unsigned(0)?,
        from: codec::instant(row.integer(1)?)?,
        hash: row.fingerprint(2)?,
    })
}

fn due_timer<R: Columns>(row: &R) -> Result<DueTimer> {
    let kind = row.text(1)?;
    let kind = TimerKind::named(kind).ok_or_else(|| codec::corrupt(format!("unknown timer {kind:?}")))?;
    let timer = Timer { due: codec::instant(row.integer(0)?)?, kind, subject: row.text(2)?.to_owned() };
    Ok(DueTimer { timer, ticket: row.ticket(3)? })
}

fn owed<R: Columns>(row: &R) -> Result<Owed> {
    Ok(Owed { due: codec::instant(row.integer(0)?)?, desk: row.text(1)?.into(), ticket: row.ticket(2)? })
}

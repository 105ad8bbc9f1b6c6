//! What a command did; and how a repeated command finds its first result again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::frame::Frame;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::flow::{Halt, Seen};
use crate::id::RequestKey;
use crate::store::{Commit, KeptReceipt};
use crate::ticket::Ticket;
use crate::ticket::decision::Decision;
use crate::ticket::event::{Change, Event};
use crate::ticket::snapshot::Snapshot;
use crate::workflow::Catalogue;

/// What a command did.
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// let click = Actor::agent("anna").once("click-1");
/// let receipt = desk.act(ticket.id(), Action::start(), click.clone())?;
/// assert_eq!((receipt.ticket.version, receipt.events.len(), receipt.replayed), (2, 1, false));
///
/// let again = desk.act(ticket.id(), Action::start(), click)?;
/// assert!(again.replayed && again.ticket == receipt.ticket && again.events == receipt.events);
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// The ticket right after the command.
    pub ticket: Ticket,
    /// What happened, in order: first what the clock owed the ticket by then (a wait that ended, a target that was missed),
    /// if nobody had noticed it yet, and then what the command did.
    pub events: Vec<Event>,
    /// The command was a repetition: this is the first one's result, and nothing happened now.
    pub replayed: bool,
}

impl Receipt {
    /// Whether the command opened the ticket.
    pub fn opened(&self) -> bool {
        matches!(self.events.first(), Some(Event { change: Change::Opened(_), .. }))
    }

    pub(super) fn of(decision: &Decision, workflows: &Catalogue) -> Result<Receipt> {
        let ticket = Ticket::new(decision.snapshot().clone(), workflows)?;
        Ok(Receipt { ticket, events: decision.events().to_vec(), replayed: false })
    }
}

/// A request that may come again, if it has a key.
#[derive(Debug)]
pub(super) struct Repeatable {
    key: Option<RequestKey>,
    request: Result<Fingerprint>,
}

impl Repeatable {
    /// A request, known by its key and its content. Without a key the content does not matter.
    pub(super) fn new(key: Option<RequestKey>, request: &impl Serialize) -> Repeatable {
        let request = match &key {
            Some(_) => Fingerprint::of_json(request),
            None => Ok(Fingerprint::of([])),
        };
        Repeatable { key, request }
    }

    fn request(&self) -> Result<Fingerprint> {
        match &self.request {
            Ok(fingerprint) => Ok(*fingerprint),
            Err(error) => Err(Error::new(error.kind(), error.to_string())),
        }
    }

    /// The first result, if this is a repetition.
    pub(super) fn first_result(&self, seen: &Seen, frame: &Frame) -> Result<Option<Receipt>, Halt> {
        let Some(key) = &self.key else { return Ok(None) };
        key.check()?;
        let request = self.request()?;
        // One that has expired may still be there: it counts for nothing.
        let Some(kept) = seen.receipt(key)?.filter(|kept| kept.expires >= frame.now) else { return Ok(None) };
        if kept.request != request {
            let problem = format!(
                "the idempotency key {key:?} was used before, with another request",
                key = key.as_str()
            );
            return Err(Error::new(ErrorKind::KeyReused, problem)
                .allowing("the same request, or a new key")
                .into());
        }
        let events = seen.history(kept.ticket, 0, usize::try_from(kept.after).unwrap_or(usize::MAX))?;
        let snapshot = Snapshot::fold(events)?;
        let ticket = Ticket::following(frame.workflow_of(&snapshot, seen)?, snapshot.into()).repeated();
        let events = events.iter().filter(|event| event.version > kept.before).cloned().collect();
        Ok(Some(Receipt { ticket, events, replayed: true }))
    }

    /// Adds to the commit what a repetition will need.
    pub(super) fn keep(
        &self,
        commit: &mut Commit,
        receipt: &Receipt,
        now: DateTime<Utc>,
        keep_for: TimeDelta,
    ) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let request = self.request()?;
        // Now and then is enough, and the decision stays the same when it is made again: chance is in the request.
        if request.as_bytes()[0] < 8 {
            commit.forget_receipts_before = Some(now);
        }
        commit.receipt = Some(KeptReceipt {
            key: key.clone(),
            request,
            ticket: receipt.ticket.id,
            before: receipt.ticket.version - receipt.events.len() as u64,
            after: receipt.ticket.version,
            expires: now.checked_add_signed(keep_for).unwrap_or(DateTime::<Utc>::MAX_UTC),
        });
        Ok(())
    }
}

//! What a command did; and how a repeated command finds its first result again.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::context::CommandContext;
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::id::RequestKey;
use crate::operation::{Interrupt, Loaded};
use crate::store::kinds::{KeptReceipt, RECEIPT, RequestMark};
use crate::store::{Commit, Expected, Read, RecordWrite};
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

    /// The stored form of the request's fingerprint.
    fn request(&self, context: &CommandContext) -> Result<Fingerprint> {
        match &self.request {
            Ok(fingerprint) => Ok(context.lookup.fingerprint(RECEIPT, *fingerprint)),
            Err(error) => Err(Error::new(error.kind(), error.to_string())),
        }
    }

    /// The read of what is kept under its key.
    pub(super) fn read(&self, context: &CommandContext) -> Option<Read> {
        Some(Read::record(RECEIPT, context.lookup.receipt(self.key.as_ref()?)))
    }

    /// The first result, if this is a repetition.
    pub(super) fn first_result(
        &self,
        loaded: &Loaded,
        context: &CommandContext,
    ) -> Result<Option<Receipt>, Interrupt> {
        let Some(key) = &self.key else { return Ok(None) };
        key.check()?;
        let request = self.request(context)?;
        // One that has expired may still be there: it counts for nothing.
        let record = loaded.record(RECEIPT, context.lookup.receipt(key))?;
        let kept = record.map(KeptReceipt::read).transpose()?;
        let Some(kept) = kept.filter(|kept| kept.expires >= context.now) else { return Ok(None) };
        if kept.request != RequestMark::from(request) {
            let problem = format!(
                "the idempotency key {key:?} was used before, with another request",
                key = key.as_str()
            );
            return Err(Error::new(ErrorKind::KeyReused, problem)
                .allowing("the same request, or a new key")
                .into());
        }
        let events = loaded.history(kept.ticket, 0, usize::try_from(kept.after).unwrap_or(usize::MAX))?;
        let snapshot = Snapshot::fold(events)?;
        let ticket = Ticket::following(context.workflow_of(&snapshot, loaded)?, snapshot.into()).repeated();
        let events = events.iter().filter(|event| event.version > kept.before).cloned().collect();
        Ok(Some(Receipt { ticket, events, replayed: true }))
    }

    /// Adds to the commit what a repetition will need.
    pub(super) fn keep(
        &self,
        commit: &mut Commit,
        receipt: &Receipt,
        loaded: &Loaded,
        context: &CommandContext,
    ) -> Result<(), Interrupt> {
        let Some(key) = &self.key else { return Ok(()) };
        let (request, key) = (self.request(context)?, context.lookup.receipt(key));
        // Now and then is enough, and the decision stays the same when it is made again: chance is in the request.
        if request.as_bytes()[0] < CLEANS_UP {
            let expired = loaded.records(&KeptReceipt::expired(context.now, EXPIRED))?;
            let others = expired.iter().filter(|record| record.key != key);
            // The list locks nothing: a receipt that was renewed since then has another version and stays.
            commit.extend(others.map(|it| {
                RecordWrite::delete(RECEIPT, it.key.as_str(), Expected::VersionOrSkip(it.version))
            }));
        }
        let expires = context.now.checked_add_signed(context.keep_receipts);
        let kept = KeptReceipt {
            request: request.into(),
            ticket: receipt.ticket.id,
            before: receipt.ticket.version - receipt.events.len() as u64,
            after: receipt.ticket.version,
            expires: expires.unwrap_or(DateTime::<Utc>::MAX_UTC),
        };
        // An expired receipt may be cleaned up by another command meanwhile, which does not hold its key.
        let before = loaded.record(RECEIPT, key.as_str())?;
        let expected = before.map_or(Expected::Absent, |_| Expected::Any);
        commit.push(RecordWrite::put(RECEIPT, key, expected, kept.content()));
        Ok(())
    }
}

/// Of 256 commands with a key so many delete expired receipts.
const CLEANS_UP: u8 = 8;

/// How many expired receipts are deleted at once.
const EXPIRED: usize = 100;

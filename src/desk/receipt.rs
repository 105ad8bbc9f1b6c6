//! The result of a command, and the replay of that result for a repeated command.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::context::{CommandContext, PolicyContext};
use crate::definition::Fingerprint;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{IdempotencyKey, TicketId};
use crate::operation::{Interrupt, Loaded};
use crate::store::kinds::{KeptReceipt, RECEIPT, RequestMark};
use crate::store::{Commit, Expected, Read, RecordWrite};
use crate::ticket::Ticket;
use crate::ticket::decision::TicketWrite;
use crate::ticket::event::{Change, Event};
use crate::ticket::kind::LinkKind;
use crate::ticket::snapshot::Snapshot;

/// The result of a command.
///
/// ```
/// use firstline::{Action, Actor, Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let ticket = desk.open_ticket(NewTicket::new("No sound"))?;
/// let click = Actor::agent("anna").idempotency_key("click-1");
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
    /// The ticket immediately after the command.
    pub ticket: Ticket,
    /// The events in order: first the events of due timers that had not fired yet, such as the end of a hold or a
    /// missed target, then the events of the command.
    pub events: Vec<Event>,
    /// True if the command was repeated: this is the result of the first call, and nothing was written now.
    pub replayed: bool,
}

impl Receipt {
    /// Returns the outcome of a received message; `None` if the command brought no message.
    pub fn arrival(&self) -> Option<Arrival> {
        let linked = |kind| {
            let is_linked = |event: &Event| matches!(event.change, Change::Linked(link) if link.kind == kind);
            self.events.iter().any(is_linked)
        };
        if self.opened() {
            return Some(match () {
                () if linked(LinkKind::FollowUpOf) => Arrival::FollowUp,
                () if linked(LinkKind::Mentions) => Arrival::OwnTicket,
                () => Arrival::Opened,
            });
        }
        self.events.iter().find_map(|event| match &event.change {
            Change::Received(arrived) if arrived.from_outside => Some(Arrival::AttachedFromOutside),
            Change::Received(_) => Some(Arrival::Attached),
            Change::SignalReceived(_) => Some(Arrival::Signal),
            _ => None,
        })
    }

    /// True if the command opened the ticket.
    pub fn opened(&self) -> bool {
        matches!(self.events.first(), Some(Event { change: Change::Opened(_), .. }))
    }

    pub(super) fn of(decision: &TicketWrite, policy_context: &PolicyContext<'_>) -> Result<Receipt> {
        let ticket = policy_context.handle(decision.snapshot.clone().into())?;
        Ok(Receipt { ticket, events: decision.events.to_vec(), replayed: false })
    }
}

/// The outcome of a received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Arrival {
    /// It opened a ticket.
    Opened,
    /// It opened a follow-up of a finished ticket.
    FollowUp,
    /// It belongs to a ticket in which its sender has no part, so it opened a ticket of their own.
    OwnTicket,
    /// It was added to a ticket.
    Attached,
    /// It was added to a ticket and marked: its sender has no part in it, but proved to have seen the conversation.
    AttachedFromOutside,
    /// A machine wrote it, so it was kept on a ticket without any effect.
    Signal,
}

/// A request that can be repeated if it has an idempotency key.
#[derive(Debug)]
pub(super) struct Repeatable {
    key: Option<IdempotencyKey>,
    request: Result<Fingerprint>,
}

impl Repeatable {
    /// Creates a value from the key of a request and the fingerprint of what was asked. The caller's own digest, with
    /// the verb, the ticket and the person, replaces that fingerprint. Without a key there is no fingerprint.
    pub(super) fn new(
        verb: &str,
        ticket: Option<TicketId>,
        by: &impl Serialize,
        key: Option<IdempotencyKey>,
        asked: impl FnOnce() -> Result<Fingerprint>,
    ) -> Repeatable {
        let request = match key.as_ref().map(IdempotencyKey::digest) {
            Some(Some(digest)) => Fingerprint::of_json(&("digest", verb, ticket, by, digest)),
            Some(None) => asked(),
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

    /// Returns the read of the receipt that is stored for the key.
    pub(super) fn read(&self, context: &CommandContext) -> Option<Read> {
        Some(Read::record(RECEIPT, context.lookup.receipt(self.key.as_ref()?)))
    }

    /// Returns the result of the first call if this call is a repetition.
    pub(super) fn first_result(
        &self,
        loaded: &Loaded,
        context: &CommandContext,
    ) -> Result<Option<Receipt>, Interrupt> {
        let Some(key) = &self.key else { return Ok(None) };
        key.check()?;
        let request = self.request(context)?;
        // An expired receipt may still be stored and is ignored.
        let record = loaded.record(RECEIPT, context.lookup.receipt(key))?;
        let kept = record.map(KeptReceipt::read).transpose()?;
        let Some(kept) = kept.filter(|kept| kept.expires >= context.now) else { return Ok(None) };
        if kept.request != RequestMark::from(request) {
            let problem = format!(
                "the idempotency key {key:?} was already used for another request",
                key = key.as_str()
            );
            return Err(Error::new(ErrorKind::KeyReused, problem)
                .allowing("the same request, or a new key")
                .into());
        }
        let count = |versions: u64| usize::try_from(versions).unwrap_or(usize::MAX);
        let added = count(kept.after.saturating_sub(kept.before));
        // A retry usually follows at once. If the ticket has not changed since, its row is the first result.
        loaded.need([
            Read::Ticket(kept.ticket),
            Read::History { ticket: kept.ticket, after: kept.before, limit: added },
        ])?;
        let unknown = || Error::not_found(format_args!("ticket {}", kept.ticket));
        let current = loaded.ticket(kept.ticket)?.ok_or_else(unknown)?;
        let snapshot = match current.version == kept.after {
            true => current.clone(),
            false => Snapshot::fold(loaded.history(kept.ticket, 0, count(kept.after))?)?,
        };
        let ticket = context.handle(snapshot.into(), loaded)?.repeated();
        let events = loaded.history(kept.ticket, kept.before, added)?.to_vec();
        Ok(Some(Receipt { ticket, events, replayed: true }))
    }

    /// Adds the receipt to the commit, for a later repetition.
    pub(super) fn add_receipt(
        &self,
        commit: &mut Commit,
        receipt: &Receipt,
        loaded: &Loaded,
        context: &CommandContext,
    ) -> Result<(), Interrupt> {
        let Some(key) = &self.key else { return Ok(()) };
        let (request, key) = (self.request(context)?, context.lookup.receipt(key));
        // An occasional cleanup is enough. The hash of the key selects the commands that clean up, so that a retry
        // makes the same choice. The hash of the request would not do: a bot may repeat a few requests with new keys.
        if Fingerprint::of(&key).as_bytes()[0] < CLEANUP_SHARE {
            let expired = loaded.records(&KeptReceipt::expired(context.now, CLEANUP_LIMIT))?;
            let others = expired.iter().filter(|record| record.key != key);
            // Listing takes no locks, so a receipt may be renewed in the meantime. It then has another version and is
            // kept.
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
        // Another command may delete an expired receipt in the meantime, because cleanup does not lock the key.
        let before = loaded.record(RECEIPT, key.as_str())?;
        let expected = before.map_or(Expected::Absent, |_| Expected::Any);
        commit.push(RecordWrite::put(RECEIPT, key, expected, kept.content()));
        Ok(())
    }
}

/// The share of commands with a key that delete expired receipts, in 256ths.
const CLEANUP_SHARE: u8 = 8;

/// The number of expired receipts that one command deletes.
const CLEANUP_LIMIT: usize = 100;

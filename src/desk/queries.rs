//! The operations that read a ticket, find tickets, and read a history.

use std::collections::BTreeMap;

use super::context::CommandContext;
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::id::{ThreadKey, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel};
use crate::store::kinds::{self, ADOPTION, EXTERNAL_NAME, THREAD};
use crate::store::query::MAX_PAGE;
use crate::store::{Commit, Cursor, GroupBy, Mode, Query, Read};
use crate::text;
use crate::ticket::Ticket;
use crate::ticket::access::Access;
use crate::ticket::event::{Event, ExternalRef};
use crate::ticket::kind::TicketNumber;
use crate::ticket::snapshot::Snapshot;

/// A reference to a ticket: its id, its running number, its name in another system, or the key of a thread.
///
/// ```
/// use firstline::{Desk, NewTicket};
///
/// let desk = Desk::memory();
/// let opened = desk.open_ticket(NewTicket::new("No sound"))?;
/// assert_eq!(desk.ticket("T-1")?.id(), opened.id());
/// assert_eq!(desk.ticket(opened.id())?.subject(), "No sound");
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketRef {
    /// The id.
    Id(TicketId),
    /// The running number.
    Number(u64),
    /// The running number with a prefix. The prefix must be the one of the ticket, or the one of the policy in force.
    Prefixed(TicketNumber),
    /// The name in another system.
    External(ExternalRef),
    /// The key of a thread.
    Thread(ThreadKey),
    /// A text that is neither an id nor a number. No ticket has this reference.
    Unknown(String),
}

impl From<TicketId> for TicketRef {
    fn from(id: TicketId) -> TicketRef {
        TicketRef::Id(id)
    }
}

impl From<ExternalRef> for TicketRef {
    fn from(name: ExternalRef) -> TicketRef {
        TicketRef::External(name)
    }
}

impl From<ThreadKey> for TicketRef {
    fn from(thread: ThreadKey) -> TicketRef {
        TicketRef::Thread(thread)
    }
}

impl From<u64> for TicketRef {
    fn from(number: u64) -> TicketRef {
        TicketRef::Number(number)
    }
}

/// Parses a UUID, or a running number with or without a prefix. The whole text must be one of these.
impl From<&str> for TicketRef {
    fn from(text: &str) -> TicketRef {
        if let Ok(id) = text.parse() {
            return TicketRef::Id(id);
        }
        // A prefix may contain hyphens and digits, so the number is the part after the last hyphen.
        let (prefix, digits) = match text.rsplit_once('-') {
            Some((prefix, digits)) => (Some(prefix), digits),
            None => (None, text),
        };
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        match (prefix, digits.parse().ok().filter(|_| plain)) {
            (None, Some(value)) => TicketRef::Number(value),
            (Some(prefix), Some(value)) if !prefix.is_empty() => {
                TicketRef::Prefixed(TicketNumber { prefix: prefix.into(), value })
            }
            _ => TicketRef::Unknown(text.to_owned()),
        }
    }
}

impl From<&String> for TicketRef {
    fn from(text: &String) -> TicketRef {
        TicketRef::from(text.as_str())
    }
}

/// Reads one ticket.
#[derive(Debug)]
pub(super) struct LookUp(pub(super) TicketRef, pub(super) CommandContext);

impl Operation for LookUp {
    type Out = Ticket;

    fn label(&self) -> OperationLabel {
        match &self.0 {
            TicketRef::Id(id) => OperationLabel::of("ticket", *id),
            _ => OperationLabel::new("ticket"),
        }
    }

    fn ticket_of(ticket: &Ticket) -> Option<TicketId> {
        Some(ticket.id())
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        reads.extend(match &self.0 {
            TicketRef::Id(id) => Some(Read::Ticket(*id)),
            TicketRef::Number(number) => Some(Read::TicketByNumber(*number)),
            TicketRef::Prefixed(number) => Some(Read::TicketByNumber(number.value)),
            _ => None,
        });
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Ticket), Interrupt> {
        let (id, name_in_error) = match &self.0 {
            TicketRef::Id(id) => (Some(*id), id.to_string()),
            TicketRef::Number(number) => (loaded.ticket_by_number(*number)?, number.to_string()),
            TicketRef::Prefixed(number) => {
                (loaded.ticket_by_number(number.value)?, text::excerpt(&number.to_string()))
            }
            TicketRef::External(name) => {
                let record = loaded.record(EXTERNAL_NAME, self.1.lookup.external(name))?;
                let id = record.map(|record| kinds::ticket_of(EXTERNAL_NAME, record)).transpose()?;
                (id, format!("{} of {}", text::excerpt(&name.id), text::excerpt(&name.source)))
            }
            TicketRef::Thread(thread) => {
                let record = loaded.record(THREAD, self.1.lookup.thread(thread))?;
                let id = record.map(|record| kinds::ticket_of(THREAD, record)).transpose()?;
                (id, format!("of the thread {}", text::excerpt(thread.as_str())))
            }
            TicketRef::Unknown(text) => (None, format!("{:?}", text::excerpt(text))),
        };
        let ticket = match id {
            Some(id) => loaded.ticket(id)?,
            None => None,
        };
        let not_found = || Error::not_found(format_args!("ticket {name_in_error}"));
        let access = self.1.access(loaded)?;
        let is_visible = |ticket: &Snapshot| match &self.0 {
            // These names are internal, so finding a ticket would reveal one.
            TicketRef::External(_) | TicketRef::Thread(_) => access.sees_internal(ticket),
            _ => access.sees(ticket),
        };
        let ticket = ticket.filter(|ticket| is_visible(ticket)).ok_or_else(not_found)?;
        if let TicketRef::Prefixed(number) = &self.0
            && !is_same_prefix(&number.prefix, &ticket.number.prefix)
            && !is_same_prefix(&number.prefix, self.1.policy(loaded)?.number_prefix())
        {
            return Err(not_found().into());
        }
        Ok((Commit::default(), self.1.shown_one(ticket.clone().into(), &access, loaded)?))
    }
}

/// True if the prefixes are equal, apart from the case of their letters.
fn is_same_prefix(a: &str, b: &str) -> bool {
    a == b || text::folded(a) == text::folded(b)
}

/// A page of tickets, and a cursor to the next page.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The tickets, in the query's order.
    pub tickets: Vec<Ticket>,
    /// The start of the next page, to pass to [`Query::after`]; `None` if this is the last page.
    pub next: Option<Cursor>,
}

/// Finds tickets.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) query: Query,
    pub(super) context: CommandContext,
}

impl Operation for Find {
    type Out = Page;

    fn label(&self) -> OperationLabel {
        OperationLabel::new("find")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Page), Interrupt> {
        let query = self.query.clone().at(self.context.now);
        query.check()?;
        let access = self.context.access(loaded)?;
        let limited = self.context.limited(query, &[], &access, loaded)?;
        let Some(query) = &limited.filter(|query| !query.matches_nothing()) else {
            return Ok((Commit::default(), Page { tickets: Vec::new(), next: None }));
        };
        let found = loaded.find(&query.clone().one_more())?;
        let shown = &found[..found.len().min(query.page_size())];
        let next = if found.len() > shown.len() { shown.last().map(|it| query.cursor_of(it)) } else { None };
        let tickets = self.context.shown(shown.iter().cloned(), &access, loaded)?;
        Ok((Commit::default(), Page { tickets, next }))
    }
}

/// Counts the tickets of a query by groups.
#[derive(Debug)]
pub(super) struct Count<const N: usize> {
    pub(super) query: Query,
    pub(super) groups: [GroupBy; N],
    pub(super) context: CommandContext,
}

impl<const N: usize> Operation for Count<N> {
    type Out = [BTreeMap<String, u64>; N];

    fn label(&self) -> OperationLabel {
        OperationLabel::new("count")
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Self::Out), Interrupt> {
        let query = self.query.clone().at(self.context.now).after(None);
        query.check()?;
        let access = self.context.access(loaded)?;
        let mut counts = [const { BTreeMap::new() }; N];
        let limited = self.context.limited(query, &self.groups, &access, loaded)?;
        let Some(query) = limited.filter(|query| !query.matches_nothing()) else {
            return Ok((Commit::default(), counts));
        };
        loaded.need(self.groups.map(|by| Read::Count { query: query.clone(), by }))?;
        for (counts, by) in counts.iter_mut().zip(self.groups) {
            counts.clone_from(loaded.count(&query, by)?);
        }
        Ok((Commit::default(), counts))
    }
}

/// Reads the history of a ticket, or a page of it.
#[derive(Debug)]
pub(super) struct History {
    pub(super) ticket: TicketId,
    pub(super) after: u64,
    /// `None` for the whole history.
    pub(super) limit: Option<usize>,
    pub(super) context: CommandContext,
}

/// The minimum number of events that are read at once, to find those that a reader sees.
const SEARCHED: usize = 100;

impl Operation for History {
    type Out = Vec<Event>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("history", self.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Event>), Interrupt> {
        if let Some(limit) = self.limit.filter(|limit| !(1..=MAX_PAGE).contains(limit)) {
            let problem = format_args!("{limit} is out of range");
            return Err(Error::invalid("limit", problem).allowing(format!("1 to {MAX_PAGE}")).into());
        }
        let access = self.context.access(loaded)?;
        if !access.is_whole() {
            return Ok((Commit::default(), self.seen(&access, loaded)?));
        }
        let events = loaded.history(self.ticket, self.after, self.limit.unwrap_or(usize::MAX))?;
        if events.is_empty() && (self.after == 0 || loaded.ticket(self.ticket)?.is_none()) {
            return Err(Error::not_found(format_args!("ticket {}", self.ticket)).into());
        }
        Ok((Commit::default(), events.to_vec()))
    }
}

impl History {
    /// Returns the events that the reader sees. Reads on until the page is full, so that only the page after the last
    /// one is empty. Reads twice as many events each time, because the number of rounds is limited.
    fn seen(&self, access: &Access, loaded: &Loaded) -> Result<Vec<Event>, Interrupt> {
        let ticket = self.context.visible(self.ticket, access, loaded)?;
        let whole = access.sees_internal(ticket);
        let limit = self.limit.unwrap_or(usize::MAX);
        let (mut seen, mut after, mut searched) = (Vec::new(), self.after, limit.max(SEARCHED));
        loop {
            let events = loaded.history(self.ticket, after, searched)?;
            seen.extend(self.context.seen_events(events, whole, access, loaded)?);
            let last = events.last().filter(|_| events.len() == searched && seen.len() < limit);
            let Some(last) = last else { break };
            (after, searched) = (last.version, searched.saturating_mul(2));
        }
        seen.truncate(limit);
        Ok(seen)
    }
}

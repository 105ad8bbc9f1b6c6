//! The operations that read a ticket, find tickets, and read a history.

use super::context::CommandContext;
use crate::condition::Condition;
use crate::definition::DefinitionKind;
use crate::error::{Error, Result};
use crate::id::{ThreadKey, TicketId};
use crate::operation::{Interrupt, Loaded, Operation, OperationLabel, Outcome};
use crate::store::kinds::{self, ADOPTION, EXTERNAL_NAME, THREAD};
use crate::store::{Commit, Cursor, Mode, Query, Read};
use crate::ticket::Ticket;
use crate::ticket::event::{Event, ExternalRef};

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

/// Parses a UUID, or a running number with or without a prefix. Any prefix is accepted, because the policy may have had
/// another prefix earlier.
impl From<&str> for TicketRef {
    fn from(text: &str) -> TicketRef {
        if let Ok(id) = text.parse() {
            return TicketRef::Id(id);
        }
        // A prefix may contain hyphens and digits, so the number is the part after the last hyphen.
        match text.rsplit('-').next().unwrap_or(text).parse() {
            Ok(number) => TicketRef::Number(number),
            Err(_) => TicketRef::Unknown(text.to_owned()),
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

    fn outcome(ticket: &Ticket) -> Outcome {
        Outcome::of(ticket.id(), false)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn needs(&self, reads: &mut Vec<Read>) {
        reads.push(Read::shared_record(ADOPTION, DefinitionKind::Policy.as_str()));
        if let TicketRef::Id(id) = self.0 {
            reads.push(Read::Ticket(id));
        }
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Ticket), Interrupt> {
        let (id, name_in_error) = match &self.0 {
            TicketRef::Id(id) => (Some(*id), id.to_string()),
            TicketRef::Number(number) => (loaded.number(*number)?, number.to_string()),
            TicketRef::External(name) => {
                let record = loaded.record(EXTERNAL_NAME, self.1.lookup.external(name))?;
                let id = record.map(|record| kinds::ticket_of(EXTERNAL_NAME, record)).transpose()?;
                (id, format!("{} of {}", name.id, name.source))
            }
            TicketRef::Thread(thread) => {
                let record = loaded.record(THREAD, self.1.lookup.thread(thread))?;
                let id = record.map(|record| kinds::ticket_of(THREAD, record)).transpose()?;
                (id, format!("of the thread {thread}"))
            }
            TicketRef::Unknown(text) => (None, format!("{text:?}")),
        };
        let ticket = match id {
            Some(id) => loaded.ticket(id)?,
            None => None,
        };
        let ticket = ticket.ok_or_else(|| Error::not_found(format_args!("ticket {name_in_error}")))?;
        Ok((Commit::default(), self.1.handle(ticket.clone().into(), loaded)?))
    }
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
        let query = &self.query;
        query.check()?;
        if *query.condition() != Condition::ALWAYS {
            query.condition().check(&self.context.policy(loaded)?.known_to_queries())?;
        }
        let found = loaded.find(&query.clone().one_more())?;
        let shown = &found[..found.len().min(query.page_size())];
        let next = if found.len() > shown.len() { shown.last().map(|it| query.place(it)) } else { None };
        let tickets = self.context.handles(shown.iter().cloned(), loaded)?;
        Ok((Commit::default(), Page { tickets, next }))
    }
}

/// Reads the history of a ticket.
#[derive(Debug)]
pub(super) struct History {
    pub(super) ticket: TicketId,
}

impl Operation for History {
    type Out = Vec<Event>;

    fn label(&self) -> OperationLabel {
        OperationLabel::of("history", self.ticket)
    }

    fn mode(&self) -> Mode {
        Mode::Read
    }

    fn decide(&self, loaded: &Loaded) -> Result<(Commit, Vec<Event>), Interrupt> {
        let events = loaded.history(self.ticket, 0, usize::MAX)?;
        if events.is_empty() {
            return Err(Error::not_found(format_args!("ticket {}", self.ticket)).into());
        }
        Ok((Commit::default(), events.to_vec()))
    }
}

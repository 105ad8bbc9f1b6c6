//! The desk, the entry point of the crate.

mod act;
mod attempt;
mod command;
mod command_options;
mod context;
mod definitions;
mod import;
mod links;
mod lookup;
mod migrate;
mod open;
mod process_map;
mod queries;
mod reading;
mod receipt;
mod receive;
mod records;
mod reports;
mod setup;
mod sweep;
mod threads;
mod view;
mod worker;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::{DeskId, IdSource, RandomIds, TicketId};
use crate::lifecycle::state::{KnownState, New};
use crate::operation::Engine;
use crate::policy::Policy;
use crate::store::{GroupBy, Query};
use crate::ticket::action::Action;
use crate::ticket::inbound::InboundMessage;
use crate::ticket::opening::NewTicket;
use crate::ticket::{Step, Ticket};
use crate::time::{SystemClock, TimeSource, to_micros};

pub use command_options::CommandOptions;
pub use import::Imported;
pub use migrate::{BlockedTicket, BlockedTickets, MAX_LISTED, Migrated, MigrationCounts, MigrationPreview};
pub use queries::{Page, TicketRef};
pub use receipt::{Arrival, Receipt};
pub use records::Records;
pub use reports::{DueSoon, Reports};
pub use setup::Setup;
pub use sweep::{FailedTicket, TickReport};
pub use view::View;
pub use worker::Worker;

/// The default number of due timers that a sweep lists at once: 200.
const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// A support desk on top of a storage engine. Applications work with this type.
///
/// A desk has eight methods for tickets, and handles for other subjects, such as [`setup`](Desk::setup). Its reads are
/// for the application and show everything; [`view`](Desk::view) reads for one person. Each of the
/// eight methods runs in one transaction and takes effect completely or not at all, except [`tick`](Desk::tick), which
/// runs one transaction per ticket. Blocking engines, such as memory and SQLite, return a `Result`. Async engines
/// return a future of a `Result`.
///
/// ```
/// use firstline::{Action, Actor, Channel, Desk, NewTicket};
///
/// let desk = Desk::memory(); // `Desk::open("support.db")?` keeps it in a file
/// let anna = Actor::agent("anna");
/// let request = NewTicket::new("Card declined at checkout").from("customer-77").channel(Channel::Chat);
/// let ticket = desk.open_ticket(request)?;
/// let answer = Action::reply("Your bank asks for 3-D Secure; here is how.").and(Action::resolve("answered"));
/// let receipt = desk.act(ticket.id(), answer, &anna)?;
/// assert_eq!(receipt.ticket.state().to_string(), "resolved");
/// # Ok::<(), firstline::Error>(())
/// ```
///
/// A desk is cheap to clone. Cloning a desk clones its engine, and clones of the engines in this crate share their
/// data.
#[derive(Debug, Clone)]
pub struct Desk<E> {
    engine: E,
    settings: Settings,
    definitions: Arc<definitions::Definitions>,
}

/// The id of a desk, its sources of time and ids, and its storage options.
///
/// ```
/// use firstline::desk::Settings;
/// use firstline::memory::Memory;
/// use firstline::time::ManualTime;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
/// let desk = Memory::new().desk(Settings::new("acme").time(time.clone()));
/// # Ok(())
/// # }
/// ```
///
/// A desk id converts into settings with all defaults: `Memory::new().desk("acme")`.
#[derive(Debug, Clone)]
#[must_use]
pub struct Settings {
    desk: DeskId,
    time: Arc<dyn TimeSource>,
    ids: Arc<dyn IdSource>,
    keep_receipts: TimeDelta,
    lookup: lookup::Lookup,
    default: Arc<Policy>,
}

impl Settings {
    /// Returns the default settings for a desk with this id: the system clock, random ids, receipts kept for 30 days,
    /// and no lookup key.
    pub fn new(desk: impl Into<DeskId>) -> Settings {
        Settings {
            desk: desk.into(),
            time: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            keep_receipts: TimeDelta::days(30),
            lookup: lookup::Lookup::default(),
            default: Arc::new(Policy::default()),
        }
    }

    /// Sets the source of time.
    pub fn time(mut self, time: impl TimeSource + 'static) -> Settings {
        self.time = Arc::new(time);
        self
    }

    /// Sets the source of ids.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Settings {
        self.ids = Arc::new(ids);
        self
    }

    /// Sets how long the receipt of a command with an idempotency key is kept. Default: 30 days.
    pub fn keep_receipts(mut self, keep_for: TimeDelta) -> Settings {
        self.keep_receipts = keep_for;
        self
    }

    /// Stores thread keys, idempotency keys and external names as HMAC-SHA-256 under this key instead of in plain text.
    /// A reader of the database then cannot learn a phone number from a chat id. The fingerprints of repeatable
    /// requests and of imported histories are stored in the same way.
    ///
    /// An imported ticket and its first event also contain the external name itself, in plain text.
    ///
    /// Generate the key at random and store it outside the database. Every program that uses the desk must have the
    /// same key from the first ticket on, because names stored under another key or in plain text are not found.
    ///
    /// ```
    /// use firstline::InboundMessage;
    /// use firstline::desk::Settings;
    /// use firstline::memory::Memory;
    ///
    /// let desk = Memory::new().desk(Settings::new("acme").lookup_key([7; 32])); // 32 random bytes
    /// let message = || InboundMessage::new("Hello?").from("boris").thread("+44 20 7946 0958");
    /// assert!(desk.receive(message())?.opened());
    /// assert!(!desk.receive(message())?.opened());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn lookup_key(mut self, key: [u8; 32]) -> Settings {
        self.lookup = lookup::Lookup::keyed(key);
        self
    }
}

impl<T: Into<DeskId>> From<T> for Settings {
    fn from(desk: T) -> Settings {
        Settings::new(desk)
    }
}

impl<E> Desk<E> {
    /// Creates a desk over an engine. Any [`Store`](crate::store::Store) is an engine. The engines of this crate also
    /// have a `desk` method.
    ///
    /// ```
    /// use firstline::memory::Memory;
    /// use firstline::{Desk, NewTicket};
    ///
    /// let desk = Desk::over(Memory::new(), "acme"); // your store here
    /// desk.open_ticket(NewTicket::new("No sound"))?;
    /// # Ok::<(), firstline::Error>(())
    /// ```
    pub fn over(engine: E, settings: impl Into<Settings>) -> Desk<E> {
        Desk { engine, settings: settings.into(), definitions: Arc::default() }
    }

    /// Returns the same desk over another engine, such as a transaction of the application.
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn with_engine<F>(&self, engine: F) -> Desk<F> {
        Desk { engine, settings: self.settings.clone(), definitions: Arc::clone(&self.definitions) }
    }

    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) fn engine(&self) -> &E {
        &self.engine
    }

    fn context(&self) -> context::CommandContext {
        self.context_at(self.settings.time.now())
    }

    fn context_at(&self, now: DateTime<Utc>) -> context::CommandContext {
        context::CommandContext {
            desk: self.settings.desk.clone(),
            now: to_micros(now),
            keep_receipts: self.settings.keep_receipts,
            lookup: self.settings.lookup,
            definitions: Arc::clone(&self.definitions),
            default: Arc::clone(&self.settings.default),
            reader: None,
        }
    }

    fn new_id(&self, context: &context::CommandContext) -> TicketId {
        self.settings.ids.new_id(context.now).into()
    }
}

impl<E: Engine> Desk<E> {
    /// Opens a ticket.
    ///
    /// If the request has an idempotency key ([`NewTicket::idempotency_key`]), a repeated call opens no second ticket.
    /// It returns the ticket as the first call returned it, new and at its first version, even if the ticket has
    /// changed since. [`Ticket::replayed`] distinguishes the two calls, for example to answer 201 or 200.
    /// [`Desk::ticket`] reads the current ticket.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let request = NewTicket::new("No sound").from("boris").idempotency_key("form-4711");
    /// let ticket = desk.open_ticket(request.clone())?;
    /// assert_eq!(ticket.number.to_string(), "T-1");
    ///
    /// let again = desk.open_ticket(request)?;
    /// assert!(!ticket.replayed() && again.replayed() && again == ticket);
    ///
    /// let error = desk.open_ticket(NewTicket::new("")).unwrap_err();
    /// assert_eq!(error.to_string(), "subject is empty; allowed: 1 to 500 characters");
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [invalid](crate::Error::is_invalid): the request breaks a rule or the desk's policy, its thread already
    ///   belongs to another ticket, or its key was used for another request;
    /// - [storage](crate::Error::is_storage).
    pub fn open_ticket(&self, request: NewTicket) -> E::Reply<'_, Ticket<New>> {
        let context = self.context();
        let id = self.new_id(&context);
        self.engine.run(&self.settings.desk, open::Open::new(request, id, context))
    }

    /// Receives a message: adds it to the ticket of its [threads](InboundMessage::thread), or opens a ticket.
    /// [`Receipt::arrival`] tells what was done.
    ///
    /// The effect of a message depends on the [standing](crate::policy::Standing) of its sender. The policy has a table
    /// of [standings](crate::policy::standing); by default
    ///
    /// - a message of a contact ends a wait for the customer; that of the requester or an affected contact reopens a
    ///   resolved ticket; that of a contact in copy keeps a resolved ticket from closing by silence;
    /// - after the end, a message of a contact opens a linked follow-up, which keeps the data of the finished ticket if
    ///   its requester wrote;
    /// - a stranger who [proves](InboundMessage::with_proof) that they saw the conversation is added to it and marked,
    ///   without any effect; another stranger gets a ticket of their own with a link;
    /// - a [machine's](InboundMessage::written_by) message has no effect: it is kept on the ticket as a signal.
    ///
    /// Every part of the message is used, as the table of [`InboundMessage`] says, and no oddity of a mail is refused.
    /// `from` must be true: let the channel authenticate the sender.
    ///
    /// ```
    /// # use firstline::{Desk, InboundMessage};
    /// # use firstline::desk::Arrival;
    /// # let desk = Desk::memory();
    /// let first = InboundMessage::new("I hear nothing.").from("boris").thread("chat-9");
    /// let second = InboundMessage::new("Not even the bell.").from("boris").thread("chat-9");
    /// assert_eq!(desk.receive(first)?.arrival(), Some(Arrival::Opened));
    /// assert_eq!(desk.receive(second)?.arrival(), Some(Arrival::Attached));
    ///
    /// let stranger = InboundMessage::new("Pay to this account.").from("mallory").thread("chat-9");
    /// assert_eq!(desk.receive(stranger)?.arrival(), Some(Arrival::OwnTicket));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [invalid](crate::Error::is_invalid): the channel, an attribute or the description of the ticket to be opened
    ///   breaks a rule or the desk's policy, a person has more than [200](crate::limits::MAX_ITEMS) attributes in all,
    ///   or the idempotency key or the key of a file is malformed. See the odd messages of [`InboundMessage`];
    /// - [`KeyReused`](crate::ErrorKind::KeyReused): the idempotency key was used for another message;
    /// - [storage](crate::Error::is_storage).
    pub fn receive(&self, message: InboundMessage) -> E::Reply<'_, Receipt> {
        let context = self.context();
        let id = self.new_id(&context);
        self.engine.run(&self.settings.desk, receive::Receive::new(message, id, context))
    }

    /// Performs an action on a ticket. The parts of an [`Action`] take effect together or not at all.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, HoldReason, NewTicket};
    /// # let desk = Desk::memory();
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let ask = Action::reply("Which browser is it?").and(Action::hold(HoldReason::Customer));
    /// let receipt = desk.act(ticket.id(), ask, Actor::agent("anna"))?;
    /// assert_eq!(receipt.events.len(), 2);
    ///
    /// // The requester may answer, which ends the wait, but may not resolve the ticket.
    /// let boris = Actor::contact("boris");
    /// assert_eq!(desk.act(ticket.id(), Action::reply("Firefox."), &boris)?.ticket.state().to_string(), "active");
    /// let error = desk.act(ticket.id(), Action::resolve("never mind"), &boris).unwrap_err();
    /// assert!(error.is_rejected() && error.to_string().starts_with("resolve is for agents and programs"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [rejected](crate::Error::is_rejected): the current state does not permit the action, or the actor may not
    ///   perform it;
    /// - [not found](crate::Error::is_not_found): there is no such ticket, or the actor does not see it. A contact who
    ///   does not see the ticket gets this error instead of every rejection and conflict;
    /// - [conflict](crate::Error::is_conflict): somebody has edited the ticket since the version in
    ///   [`CommandOptions::expected_version`];
    /// - [invalid](crate::Error::is_invalid), [storage](crate::Error::is_storage).
    pub fn act(
        &self,
        ticket: TicketId,
        action: Action,
        by: impl Into<CommandOptions>,
    ) -> E::Reply<'_, Receipt> {
        let operation = act::Act::new("act", ticket, action, by.into(), self.context());
        self.engine.run(&self.settings.desk, operation)
    }

    /// Commits one typed step and returns the ticket in its new state.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket, Ticket, state};
    /// # let desk = Desk::memory();
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// # let id = ticket.id();
    /// let ticket: Ticket<state::Active> = desk.commit(ticket.start(), Actor::agent("anna"))?;
    ///
    /// desk.act(id, Action::tag("audio"), Actor::agent("ben"))?; // changes the ticket first
    /// let error = desk.commit(ticket.resolve("unmuted"), Actor::agent("anna")).unwrap_err();
    /// assert!(error.is_conflict());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`act`](Desk::act). If somebody has edited the ticket since the handle was read, the error is a
    /// [conflict](crate::Error::is_conflict).
    pub fn commit<To: KnownState>(
        &self,
        step: Step<To>,
        by: impl Into<CommandOptions>,
    ) -> E::Reply<'_, Ticket<To>> {
        let operation = act::CommitStep::new(step, by.into(), self.context());
        self.engine.run(&self.settings.desk, operation)
    }

    /// Reads a ticket by its id, its number (`"T-1042"` or `1042`) or its external reference. The prefix must be the
    /// one with which the ticket was opened, or the one of the policy in force; upper and lower case are equal.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// # desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let ticket = desk.ticket("T-1")?;
    /// println!("{} {} is {}; {}", ticket.number, ticket.subject(), ticket.state(), ticket.permitted());
    /// assert!(desk.ticket("T-2").unwrap_err().is_not_found());
    /// assert!(desk.ticket("SHOP-1").unwrap_err().is_not_found());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), [storage](crate::Error::is_storage).
    pub fn ticket(&self, ticket: impl Into<TicketRef>) -> E::Reply<'_, Ticket> {
        self.engine.run(&self.settings.desk, queries::LookUp(ticket.into(), self.context()))
    }

    /// Finds tickets, one page at a time.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket, Query};
    /// # let desk = Desk::memory();
    /// # for n in 0..3 { desk.open_ticket(NewTicket::new(format!("Question {n}")))?; }
    /// let mut next = None;
    /// loop {
    ///     let page = desk.find(Query::inbox().limit(2).after(next))?;
    ///     for ticket in &page.tickets {
    ///         println!("{} {} {}", ticket.number, ticket.priority(), ticket.subject());
    ///     }
    ///     next = page.next;
    ///     if next.is_none() { break }
    /// }
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [invalid](crate::Error::is_invalid): the limit is out of range, the cursor belongs to another query, or the
    ///   condition names an unknown field;
    /// - [storage](crate::Error::is_storage).
    pub fn find(&self, query: Query) -> E::Reply<'_, Page> {
        self.engine.run(&self.settings.desk, queries::Find { query, context: self.context() })
    }

    /// Counts tickets by groups, in one read. Each group has a map from its keys to the numbers of tickets. The limit
    /// and the cursor of the query are ignored.
    ///
    /// ```
    /// # use firstline::{Desk, GroupBy, Line, NewTicket, Query};
    /// # let desk = Desk::memory();
    /// desk.open_ticket(NewTicket::new("No sound").team("audio", Line::First))?;
    /// desk.open_ticket(NewTicket::new("No light"))?;
    /// let [states, teams] = desk.count(Query::inbox(), [GroupBy::State, GroupBy::Team])?;
    /// assert_eq!((states["new"], teams["audio"], teams[""]), (2, 1, 1));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`find`](Desk::find).
    pub fn count<const N: usize>(
        &self,
        query: Query,
        groups: [GroupBy; N],
    ) -> E::Reply<'_, [BTreeMap<String, u64>; N]> {
        let context = self.context();
        self.engine.run(&self.settings.desk, queries::Count { query, groups, context })
    }

    /// Fires the timers that are due at `now`: ends holds, closes resolved tickets at the end of their verification
    /// period, and records warnings and breaches of [targets](crate::sla).
    ///
    /// Each timer fires once, even if several workers tick. Its event has the due time of the timer, even if the tick
    /// is late.
    ///
    /// ```
    /// # use firstline::desk::Settings;
    /// # use firstline::memory::Memory;
    /// # use firstline::time::{ManualTime, TimeDelta};
    /// # use firstline::{Action, Actor, NewTicket};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let time = ManualTime::at("2026-01-05T09:00:00Z".parse()?);
    /// let desk = Memory::new().desk(Settings::new("acme").time(time));
    /// let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// desk.act(ticket.id(), Action::resolve("unmuted"), Actor::agent("anna"))?;
    ///
    /// // The ticket closes after five days of silence. The tick is a month late, but the event is dated correctly.
    /// let report = desk.tick("2026-02-05T09:00:00Z".parse()?)?;
    /// assert_eq!((report.fired, report.failed.len()), (1, 0));
    /// assert!(report.stopped.is_none());
    /// let closed_at = desk.ticket(ticket.id())?.closed_at;
    /// assert_eq!(closed_at, Some("2026-01-10T09:00:00Z".parse()?));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The [`TickReport`] contains the number of fired timers, the tickets that failed, and an error if the store seems
    /// to be busy or unavailable. The tick ends after two tickets in a row fail with a store error. The next tick
    /// retries the tickets that remain due. [`Worker::tick`] does the same for all desks, and describes the details.
    ///
    /// # Errors
    /// [invalid](crate::Error::is_invalid) if the desk id is malformed. Store errors are reported in the result.
    pub fn tick(&self, now: DateTime<Utc>) -> E::Reply<'_, TickReport> {
        let listing = sweep::Listing::Here(self.settings.desk.clone(), None);
        let sweep = sweep::Sweep::new(self.context_at(now), listing, PAGE.get());
        self.engine.run_job(&self.settings.desk, sweep)
    }
}

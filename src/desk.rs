//! The desk: the one way in.

mod act;
mod by;
mod context;
mod definitions;
mod import;
mod links;
mod lookup;
mod migrate;
mod open;
mod process_map;
mod queries;
mod receipt;
mod records;
mod reports;
mod setup;
mod sweep;
mod worker;

use std::num::NonZeroUsize;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::id::{DeskId, IdSource, RandomIds, TicketId};
use crate::lifecycle::state::{KnownState, New};
use crate::operation::Engine;
use crate::policy::Policy;
use crate::store::Query;
use crate::ticket::action::Action;
use crate::ticket::opening::NewTicket;
use crate::ticket::{Step, Ticket};
use crate::time::{SystemTime, TimeSource, to_micros};

pub use by::By;
pub use import::Imported;
pub use migrate::{Crossings, MAX_NAMED, Migrated, MigrationPreview, Obstacle, Obstacles};
pub use queries::{Page, TicketRef};
pub use receipt::Receipt;
pub use records::Records;
pub use reports::{DueSoon, Reports};
pub use setup::Setup;
pub use sweep::{FailedTicket, TickReport};
pub use worker::Worker;

/// How many due tickets a sweep lists at once, if not said.
const PAGE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(199);

/// One support desk over some engine: the one noun that an application holds.
///
/// It has seven verbs and a few handles by subject. Every verb is one transaction: it happens whole or not at all.
/// What a verb returns depends on the engine: over memory and SQLite, which block, a `Result` at once; over an
/// engine that awaits, a future of one.
///
/// ```
/// use firstline::{Action, Actor, Channel, Desk, NewTicket};
///
/// let desk = Desk::memory(); // `Desk::open("support.db")?` keeps it in a file
/// let anna = Actor::agent("anna");
/// let ticket = desk.open_ticket(NewTicket::new("Card declined at checkout").from("customer-77").via(Channel::Chat))?;
/// let answer = Action::reply("Your bank asks for 3-D Secure; here is how.").and(Action::resolve("answered"));
/// let receipt = desk.act(ticket.id(), answer, &anna)?;
/// assert_eq!(receipt.ticket.state().to_string(), "resolved");
/// # Ok::<(), firstline::Error>(())
/// ```
///
/// A desk is cheap to clone; clones share the engine.
#[derive(Debug, Clone)]
pub struct Desk<E> {
    engine: E,
    settings: Settings,
    definitions: Arc<definitions::Definitions>,
}

/// What a desk is called, and where it gets time and ids from.
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
/// Where the desk's id alone is to be said, it will do: `Memory::new().desk("acme")`.
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
    /// A desk of this id, with the machine's clock, random ids, and receipts kept for 30 days.
    pub fn new(desk: impl Into<DeskId>) -> Settings {
        Settings {
            desk: desk.into(),
            time: Arc::new(SystemTime),
            ids: Arc::new(RandomIds),
            keep_receipts: TimeDelta::days(30),
            lookup: lookup::Lookup::default(),
            default: Arc::new(Policy::default()),
        }
    }

    /// Another source of time.
    pub fn time(mut self, time: impl TimeSource + 'static) -> Settings {
        self.time = Arc::new(time);
        self
    }

    /// Another source of ids.
    pub fn ids(mut self, ids: impl IdSource + 'static) -> Settings {
        self.ids = Arc::new(ids);
        self
    }

    /// How long the receipt of a command with an idempotency key is kept.
    pub fn keep_receipts(mut self, keep_for: TimeDelta) -> Settings {
        self.keep_receipts = keep_for;
        self
    }

    /// Stores the keys of threads, receipts and external names as HMAC-SHA-256 under this key instead of in plain text, so that
    /// nobody who reads the database learns a phone number from a chat's id. The fingerprints of repeatable requests and of
    /// imported histories are stored in the same way.
    ///
    /// An imported ticket and its first event also have the external name itself, in plain text.
    ///
    /// Draw it at random and keep it outside the database. Every program that works at the desk has the same one, from the first
    /// ticket on: what was stored in another form is not found.
    ///
    /// ```
    /// use firstline::NewTicket;
    /// use firstline::desk::Settings;
    /// use firstline::memory::Memory;
    ///
    /// let desk = Memory::new().desk(Settings::new("acme").lookup_key([7; 32])); // 32 random bytes
    /// let message = || NewTicket::new("No sound").from("boris").thread("+44 20 7946 0958").saying("Hello?");
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
    /// A desk over an engine: any [`Store`](crate::store::Store) is one. Those of this crate offer it as their `desk`
    /// method.
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

    /// The same desk over another engine: inside a transaction of the host's.
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
            now: to_micros(now),
            keep_receipts: self.settings.keep_receipts,
            lookup: self.settings.lookup,
            definitions: Arc::clone(&self.definitions),
            default: Arc::clone(&self.settings.default),
        }
    }

    fn new_id(&self, context: &context::CommandContext) -> TicketId {
        self.settings.ids.new_id(context.now).into()
    }
}

impl<E: Engine> Desk<E> {
    /// Opens a ticket.
    ///
    /// With an idempotency key ([`NewTicket::once`]) a repetition opens nothing and returns the ticket as the first call
    /// returned it: new, at that version, however far it has gone since. [`Ticket::replayed`] tells one from the other
    /// (201 from 200, say), and [`Desk::ticket`] has the ticket as it is now.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let request = NewTicket::new("No sound").from("boris").once("form-4711");
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
    /// - [invalid](crate::Error::is_invalid): the request breaks a rule or the desk's policy, its thread leads to
    ///   another ticket, or its key was used for another request;
    /// - [storage](crate::Error::is_storage).
    pub fn open_ticket(&self, request: NewTicket) -> E::Reply<'_, Ticket<New>> {
        let context = self.context();
        let id = self.new_id(&context);
        self.engine.run(&self.settings.desk, open::Open::new(request, id, context))
    }

    /// Takes in a message: it goes to the ticket of its [thread](NewTicket::thread), or opens one. A requester's
    /// message ends a wait for the customer and undoes a resolution; after the end it opens a linked follow-up.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// let first = NewTicket::new("No sound").from("boris").thread("chat-9").saying("I hear nothing.");
    /// let second = NewTicket::new("No sound").from("boris").thread("chat-9").saying("Not even the bell.");
    /// assert!(desk.receive(first)?.opened());
    /// assert!(!desk.receive(second)?.opened());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`open_ticket`](Desk::open_ticket), and [invalid](crate::Error::is_invalid) if a message for an open
    /// ticket has no words.
    pub fn receive(&self, message: NewTicket) -> E::Reply<'_, Receipt> {
        let context = self.context();
        let id = self.new_id(&context);
        self.engine.run(&self.settings.desk, open::Receive::new("receive", message, id, context))
    }

    /// Does something to a ticket: an [`Action`] may carry several things, all or nothing.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, HoldReason, NewTicket};
    /// # let desk = Desk::memory();
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let ask = Action::reply("Which browser is it?").and(Action::hold(HoldReason::Customer));
    /// let receipt = desk.act(ticket.id(), ask, Actor::agent("anna"))?;
    /// assert_eq!(receipt.events.len(), 2);
    ///
    /// // Whoever asked may answer, which ends the wait; to close the ticket is not theirs.
    /// let boris = Actor::contact("boris");
    /// assert_eq!(desk.act(ticket.id(), Action::reply("Firefox."), &boris)?.ticket.state().to_string(), "active");
    /// let error = desk.act(ticket.id(), Action::resolve("never mind"), &boris).unwrap_err();
    /// assert!(error.is_rejected() && error.to_string().starts_with("resolve is for agents and programs"));
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [rejected](crate::Error::is_rejected): the lifecycle forbids it now, or it is not the actor's to do;
    /// - [conflict](crate::Error::is_conflict): the ticket no longer has the version in [`By::expecting`];
    /// - [invalid](crate::Error::is_invalid), [not found](crate::Error::is_not_found),
    ///   [storage](crate::Error::is_storage).
    pub fn act(&self, ticket: TicketId, action: Action, by: impl Into<By>) -> E::Reply<'_, Receipt> {
        let operation = act::Act::new(ticket, action, by.into(), self.context());
        self.engine.run(&self.settings.desk, operation)
    }

    /// Takes one typed step, and returns the ticket in its new state.
    ///
    /// ```
    /// # use firstline::{Action, Actor, Desk, NewTicket, Ticket, state};
    /// # let desk = Desk::memory();
    /// # let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// # let id = ticket.id();
    /// let ticket: Ticket<state::Active> = desk.commit(ticket.start(), Actor::agent("anna"))?;
    ///
    /// desk.act(id, Action::tag("audio"), Actor::agent("ben"))?; // ben is faster
    /// let error = desk.commit(ticket.resolve("unmuted"), Actor::agent("anna")).unwrap_err();
    /// assert!(error.is_conflict());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`act`](Desk::act). It is a [conflict](crate::Error::is_conflict) if anything happened to the ticket since
    /// the handle was made.
    pub fn commit<To: KnownState>(&self, step: Step<To>, by: impl Into<By>) -> E::Reply<'_, Ticket<To>> {
        let operation = act::Take::new(step, by.into(), self.context());
        self.engine.run(&self.settings.desk, operation)
    }

    /// Reads a ticket, by its id, its number (`"T-1042"`) or what another system calls it.
    ///
    /// ```
    /// # use firstline::{Desk, NewTicket};
    /// # let desk = Desk::memory();
    /// # desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
    /// let ticket = desk.ticket("T-1")?;
    /// println!("{} {} is {}; {}", ticket.number, ticket.subject(), ticket.state(), ticket.permitted());
    /// assert!(desk.ticket("T-2").unwrap_err().is_not_found());
    /// # Ok::<(), firstline::Error>(())
    /// ```
    ///
    /// # Errors
    /// [not found](crate::Error::is_not_found), [storage](crate::Error::is_storage).
    pub fn ticket(&self, ticket: impl Into<TicketRef>) -> E::Reply<'_, Ticket> {
        self.engine.run(&self.settings.desk, queries::LookUp(ticket.into(), self.context()))
    }

    /// Finds tickets, a page at a time.
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
    /// [invalid](crate::Error::is_invalid) for a limit out of range, a foreign cursor or a condition on what no
    /// ticket has; [storage](crate::Error::is_storage).
    pub fn find(&self, query: Query) -> E::Reply<'_, Page> {
        self.engine.run(&self.settings.desk, queries::Find { query, context: self.context() })
    }

    /// Lets everything happen that the clock owes at `now`: holds that end, silence that closes, warnings and breaches
    /// of [targets](crate::sla). Each happens once, dated at the instant at which it fell due, however late the tick
    /// comes and however many workers tick.
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
    /// // Five days of silence close it. This tick comes a month late; the ticket was closed in time all the same.
    /// let report = desk.tick("2026-02-05T09:00:00Z".parse()?)?;
    /// assert_eq!((report.fired, report.failed.len()), (1, 0));
    /// assert!(report.stopped.is_none());
    /// let closed_at = desk.ticket(ticket.id())?.closed_at;
    /// assert_eq!(closed_at, Some("2026-01-10T09:00:00Z".parse()?));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// What failed, whether the rest was put aside, and what points to a store that is busy or gone, is in [`TickReport`] beside
    /// what was done: the next tick goes on. Two tickets in a row that cannot be had end it; [`Worker::drain`], which
    /// does the same for all desks, says more.
    ///
    /// # Errors
    /// [invalid](crate::Error::is_invalid) if the desk's id is none. None that a store gives.
    pub fn tick(&self, now: DateTime<Utc>) -> E::Reply<'_, TickReport> {
        let listing = sweep::Listing::Here(self.settings.desk.clone(), None);
        let sweep = sweep::Sweep::new(self.context_at(now), listing, PAGE.get());
        self.engine.work(&self.settings.desk, sweep)
    }
}

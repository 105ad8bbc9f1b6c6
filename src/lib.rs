//! A support desk as a library: every request registered once, answered where possible, handed on where not,
//! verified, closed, and never lost.
//!
//! You add it to a product that already has users, screens and a database. [`Desk`] is the one noun you hold. It has
//! seven verbs; each is one transaction:
//!
//! ```
//! use firstline::{Action, Actor, Channel, Desk, NewTicket};
//!
//! let desk = Desk::memory(); // `Desk::open("support.db")?` keeps it in a file
//! let anna = Actor::agent("anna");
//!
//! // A request comes in, once, however often the browser sends it.
//! let request = NewTicket::new("Card declined at checkout").from("customer-77").via(Channel::Chat).once("form-4711");
//! let ticket = desk.open_ticket(request)?;
//!
//! // An answer goes out. Verbs are data: the reply and the resolution happen together or not at all.
//! let answer = Action::reply("Your bank asks for 3-D Secure; here is how.").and(Action::resolve("answered"));
//! desk.act(ticket.id(), answer, &anna)?;
//!
//! // A refusal says why, and what is accepted instead.
//! let ticket = desk.ticket("T-1")?;
//! let no = ticket.why_not(&Action::start()).map(|no| no.to_string());
//! assert_eq!(no.as_deref(), Some("start is not accepted while resolved; accepted here: confirm, close, reopen"));
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! The compiler knows the state too, where you want it to. To `confirm` a `Ticket<state::Active>` does not compile, and
//! the message lists the steps that it accepts:
//!
//! ```
//! # use firstline::{Actor, Desk, NewTicket};
//! use firstline::{AnyTicket, Ticket, state};
//! # let desk = Desk::memory();
//! # let (anna, boris) = (Actor::agent("anna"), Actor::contact("boris"));
//! let ticket: Ticket<state::New> = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
//! let ticket: Ticket<state::Active> = desk.commit(ticket.start(), &anna)?;
//! let ticket: Ticket<state::Resolved> = desk.commit(ticket.resolve("The headset was muted."), &anna)?;
//!
//! // From the store, known at run time; typed when you ask.
//! match desk.ticket(ticket.id())?.into_typed() {
//!     AnyTicket::Resolved(ticket) => drop(desk.commit(ticket.confirm(), &boris)?),
//!     other => println!("{}", other.permitted()),
//! }
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # The types to know
//!
//! | | |
//! |---|---|
//! | [`Desk`] | one support desk: `open_ticket`, `receive`, `act`, `commit`, `ticket`, `find`, `tick` |
//! | [`NewTicket`], [`Contact`], [`Channel`], [`Kind`] | a request, and who asks for what by which way |
//! | [`Action`], [`Actor`], [`By`] | what somebody wants done, who, and under which conditions it counts |
//! | [`Ticket`], [`AnyTicket`], [`State`], [`state`] | a ticket at one version; its state at run time and at compile time |
//! | [`Snapshot`], [`Event`], [`Change`] | the ticket as a fold, and the history of which it is one |
//! | [`Receipt`], [`Page`], [`Query`] | what a command did; tickets, a page at a time |
//! | [`Policy`], [`Matrix`], [`Modifier`], [`Condition`] | how a desk decides: versioned data, checked when it is built |
//! | [`Workflow`](workflow::Workflow), [`WorkflowDefinition`] | a company's own statuses over the states: data, checked as a graph |
//! | [`Calendar`] | when we work, and how much of that lies between two instants |
//! | [`Agreement`](sla::Agreement), [`Target`](sla::Target), [`Metric`](sla::Metric) | what was promised, to whom, and in which time |
//! | [`Clock`](sla::Clock), [`Ledger`](reports::Ledger) | how much of it is used up, and where the time went |
//! | [`Error`], [`Rejection`], [`Conflict`] | one error; *what now?* by predicates, the facts by type |
//!
//! # How it is built
//!
//! In floors, each of which uses only those below it:
//!
//! ```text
//!  3  adapters         sqlite · postgres · memory · conformance · yours
//!  2  desk and ports   desk · operation · store
//!  1  domain, pure     ticket · lifecycle · workflow · policy · priority · condition · calendar · sla · import · reports
//!  0  vocabulary       id · error · time · value
//! ```
//!
//! - **One table.** States, steps and what accepts what are declared once, in [`lifecycle`]. The typed steps, the
//!   run-time check and the [diagram](lifecycle::diagram) follow from it.
//! - **Decisions are pure.** [`Snapshot::decide`] takes a ticket, an action and a moment and gives events or a refusal:
//!   no clock, no randomness, nothing read or written. Time and new ids are arguments, so that you can test with a
//!   [`ManualTime`](time::ManualTime) and replay what happened.
//! - **A command is a value.** A [`Operation`](flow::Operation) says what it wants to read, decides, and says what is to be
//!   written; the engine does both in one transaction. The same flows serve engines that await, whose calls give
//!   futures instead of results: PostgreSQL, SQLite with a thread that writes, or one of yours.
//! - **The row is the fold of the events**, always ([`Snapshot::fold`]), and facts are kept apart from the words and
//!   names of people, each of which has an owner ([`Personal`](ticket::personal::Personal)). [`Story`] tells a history
//!   in sentences.
//! - **People are yours.** Ids of contacts, agents and teams are opaque. What a policy must know of them (VIP, company)
//!   comes with the command as attributes and is kept in the event.
//!
//! # What is supported, and what is not
//!
//! There are the lifecycle, workflows of your own statuses over it, priorities with reasons, lines and hand-over, threads of messages, custom fields, search
//! by condition, holds that end and silence that closes, calendars of business time, service level agreements with
//! clocks, warnings and breaches, an account of where the time went, optimistic versions, idempotency keys, several
//! desks in one database, the host's own transaction, stores of your own, and the import of another system's
//! tickets with their history.
//!
//! There are not, in this version: e-mail, outbox and webhooks (a warning
//! is an event in the history, and nothing is sent), routing and automation rules beyond the reactions of a target,
//! figures over many tickets, full-text search, merging of tickets, and the command that erases a person's words. There are no screens and no user accounts, and
//! there will be none.
//!
//! # Cookbook
//!
//! - Keep it in a file, beside your own tables: `Desk::open`, [`store`].
//! - Let a handler be called twice: [`NewTicket::once`], [`Actor::once`].
//! - Let two agents have one form open: [`Actor::expecting`], [`Conflict`].
//! - Write an order and its ticket together, or neither: `Desk::within`.
//! - Take in chat and mail: [`Desk::receive`], [`NewTicket::thread`].
//! - Hold until Monday, close after silence: [`Action::hold_until`], [`Policy::verification`], [`Desk::tick`]; at all
//!   desks at once: [`Worker`].
//! - Declare fields, a prefix, a matrix: [`Policy`], [`desk::Setup::adopt`].
//! - Bring steps of your own: [`workflow`], [`Policy::workflow`].
//! - Count working hours: [`Calendar::add`], [`Calendar::between`].
//! - Promise an answer in time: [`sla`]. Write agreements and calendars in a file: [`policy`].
//! - Say where the time went, and what is in danger: [`desk::Reports`].
//! - Take over another system's tickets: [`import`].
//! - Ask for an inbox: [`Query`]. Read a history: [`desk::Records::history`].
//! - Bring a store: [`store`], [`Desk::over`]; check it: `conformance`.
//!
//! The README shows most of these with code, and the examples are programs of one idea each; begin with
//! `cargo run --example quickstart`.
//!
//! # Features
//!
//! - **`sqlite`** (default): the SQLite store, `Desk::open` and `Desk::within`.
//! - **`postgres`**: the PostgreSQL store, `Desk::connect` and `Desk::within`, awaited.
//! - **`bundled`** (default): compiles SQLite from source instead of linking the system's.
//! - **`tokio`**: SQLite for asynchronous programs, `Sqlite::awaited`: one thread that writes, shared commits.
//! - **`conformance`**: what a store of yours must do, as checks to put it to: `conformance`.
//! - **`tracing`**: a span for every command, with desk, verb, ticket and outcome; their names: [`flow::watch`].
//! - **`metrics`**: counters of commands, conflicts and retries, and the time spent in the store; likewise.
//! - **`tzif`**: time zones from TZif data, the system's or the host's.
//! - **`toml`**: workflows from TOML text, with the place of every fault.
//! - **`ics`**: holidays from iCalendar files.
//!
//! Without any the crate has no C code, and keeps tickets in memory or in a store of yours.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod calendar;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod codec;
pub mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod definition;
pub mod desk;
pub mod error;
pub mod id;
pub mod import;
pub mod lifecycle;
pub mod limits;
mod line;
pub mod memory;
mod open_set;
pub mod operation;
pub mod policy;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod priority;
pub mod reports;
pub mod sla;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
mod suggest;
pub mod ticket;
pub mod time;
pub mod value;
pub mod workflow;
#[cfg(feature = "tzif")]
pub mod zoneinfo;

pub use calendar::Calendar;
pub use condition::{Condition, Facts};
pub use desk::{By, Desk, Page, Receipt, TicketRef, Worker};
pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, RequestKey, TeamId, ThreadKey, TicketId};
pub use import::{ImportedTicket, ImportedVersion};
pub use lifecycle::{
    HoldReason, Permitted, Reason, Rejection, State, StateKind, StepKind, Verb, state, step,
};
pub use line::Line;
pub use policy::Policy;
pub use priority::{Assessment, Impact, Matrix, MatrixDefinition, Modifier, Priority, Urgency};
pub use reports::Story;
pub use store::{Cursor, Order, Query};
pub use ticket::action::Action;
pub use ticket::conflict::Conflict;
pub use ticket::event::{Change, Event, ExternalRef};
pub use ticket::kind::{Channel, Kind, LinkKind, TicketNumber};
pub use ticket::message::Message;
pub use ticket::opening::NewTicket;
pub use ticket::people::{Actor, Contact, ContactRole, Who};
pub use ticket::snapshot::Snapshot;
pub use ticket::{AnyTicket, Step, Ticket};
pub use time::{DateTime, TimeDelta, Utc};
pub use value::{Attributes, Value};
pub use workflow::WorkflowDefinition;

/// The README's code, as tests.
#[cfg(all(doctest, feature = "sqlite"))]
#[doc = include_str!("../README.md")]
struct Readme;

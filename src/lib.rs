//! A support desk as a library, for a product that has its own users, screens and database.
//!
//! firstline registers each request once, decides which steps a ticket accepts, counts working hours against service
//! level agreements, and keeps a complete history. Each command is one transaction, which may be your own.
//!
//! ```
//! use firstline::{Action, Actor, Channel, Desk, NewTicket};
//!
//! let desk = Desk::memory(); // `Desk::open("support.db")?` keeps it in a file
//! let anna = Actor::agent("anna");
//!
//! // The browser may send the form twice: the key makes it one ticket.
//! let request = NewTicket::new("Card declined at checkout").from("customer-77").channel(Channel::Chat);
//! let ticket = desk.open_ticket(request.idempotency_key("form-4711"))?;
//!
//! // The reply and the resolution happen together or not at all.
//! let answer = Action::reply("Your bank asks for 3-D Secure; here is how.").and(Action::resolve("answered"));
//! desk.act(ticket.id(), answer, &anna)?;
//!
//! // A refusal gives the reason and lists the accepted steps.
//! let ticket = desk.ticket("T-1")?;
//! let no = ticket.why_not(&Action::start()).map(|no| no.to_string());
//! assert_eq!(no.as_deref(), Some("start is not accepted while resolved; accepted here: confirm, close, reopen"));
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! The compiler can check the state too. `confirm` on a `Ticket<state::Active>` does not compile, and the message lists
//! the steps that compile:
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
//! // A ticket from the store has its state at run time. `into_typed` brings the type back.
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
//! | [`Desk`] | one support desk: `open_ticket`, `receive`, `act`, `commit`, `ticket`, `find`, `count`, `tick` |
//! | [`NewTicket`], [`Contact`], [`Channel`], [`Kind`] | a request, its contacts, its channel and its kind |
//! | [`Action`], [`Actor`] | a requested change and its actor |
//! | [`CommandOptions`] | the actor of a command, with an idempotency key and an expected version |
//! | [`Ticket`], [`AnyTicket`], [`State`], [`state`] | a ticket at one version; its state at run time and at compile time |
//! | [`Snapshot`], [`Event`], [`Change`] | the ticket's current data, and the events from which it is computed |
//! | [`Receipt`], [`Page`], [`Query`] | the result of a command; a page of tickets; a search for tickets |
//! | [`View`](desk::View), [`VisibilityRule`](policy::VisibilityRule) | the desk as one reader may see it; a rule of who sees what |
//! | [`Policy`], [`Matrix`], [`Modifier`], [`Condition`] | a desk's definitions: versioned data, checked when built |
//! | [`WorkflowDefinition`], [`Workflow`](workflow::Workflow) | your own statuses and transitions, as data and compiled |
//! | [`Calendar`] | opening hours, and the open time between two instants |
//! | [`Agreement`](sla::Agreement), [`Target`](sla::Target), [`Metric`](sla::Metric) | a service level agreement and its targets |
//! | [`Clock`](sla::Clock), [`Ledger`](reports::Ledger) | the elapsed time of a target, and the time spans that explain it |
//! | [`Story`], [`Language`](language::Language) | a history in sentences; the words of a language |
//! | [`Worker`] | fires the timers of all desks of a database |
//! | [`Error`], [`Rejection`], [`Conflict`] | the error type; the details of a refusal and of a version conflict |
//!
//! # How it is built
//!
//! Each layer uses only itself and the layers below it:
//!
//! ```text
//!  3  adapters         sqlite · postgres · memory · conformance · yours
//!  2  desk and ports   desk · operation · store
//!  1  domain, pure     ticket · lifecycle · workflow · policy · priority · condition · calendar · sla · import · reports
//!  0  vocabulary       id · error · time · value · language
//! ```
//!
//! - **One table** in [`lifecycle`] declares the states and steps. The typed steps, the run-time check and the
//!   [diagram](lifecycle::diagram) are generated from it.
//! - **Decisions are pure.** [`Snapshot::decide`] takes an action and a context and returns events or a refusal. It
//!   reads no clock and does no I/O.
//! - **A command is a value**, an [`Operation`](operation::Operation). Blocking and asynchronous engines run the same
//!   operations.
//! - **A ticket's row is the fold of its events** ([`Snapshot::fold`]). Facts are kept apart from personal data, and
//!   each piece of [personal data](ticket::personal) has an owner.
//! - **People are yours.** Ids of contacts, agents and teams are opaque. The command carries the attributes of a person
//!   that a policy needs (VIP, company).
//!
//! The [guide to the architecture](guide::architecture) gives the reasons and the costs.
//!
//! # What works, and what is missing
//!
//! This version has the lifecycle, workflows, priorities, lines and hand-over, message threads, custom fields, search
//! by condition, rules of who may read what, holds with an end, automatic closing, business time, service level agreements with clocks, warnings
//! and breaches, a ledger for each clock, optimistic locking by version, idempotency keys, several desks in one
//! database, your own transaction, your own store, and imports with history.
//!
//! It has no e-mail, outbox or webhooks (a warning is an event in the history; nothing is sent), no routing, no
//! automation rules beyond the reactions of an SLA target, no statistics over many tickets, no full-text search, no
//! merging of tickets, and no command that erases a person's data. Screens and user accounts are not planned.
//!
//! # Next steps
//!
//! - Begin with `cargo run --example quickstart`, and change its script.
//! - The [cookbook](guide::cookbook) has short recipes.
//! - [Storage](guide::storage) compares the stores, and [production](guide::production) lists the decisions before you
//!   go live.
//! - [From the first ticket to a desk that learns](guide::first_ticket) is for the people who run support.
//!
//! # Features
//!
//! - **`sqlite`** (default): the SQLite store, `Desk::open` and `Desk::within`.
//! - **`bundled`** (default): compiles SQLite from source instead of linking the system's.
//! - **`tokio`**: SQLite for asynchronous programs, `Sqlite::into_async`: one writer thread, shared commits.
//! - **`postgres`**: the PostgreSQL store, asynchronous: `Desk::connect` and `Desk::within`.
//! - **`conformance`**: the test suite for a store of your own.
//! - **`tracing`**: one span for each command, with desk, verb, ticket and outcome: see [`operation::watch`].
//! - **`metrics`**: counters of commands, conflicts and retries, and the time spent in the store.
//! - **`tzif`**: time zones from TZif data, the system's or your own.
//! - **`toml`**: policies and workflows from TOML, with the line and column of each error.
//! - **`ics`**: holidays from iCalendar files.
//!
//! Without default features the crate contains no C code, and keeps tickets in memory or in a store of your own.

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod calendar;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod codec;
pub mod condition;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod decimal;
pub mod definition;
pub mod desk;
pub mod diagnostic;
mod duration;
pub mod error;
pub mod guide;
pub mod id;
pub mod import;
mod kind;
pub mod language;
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
#[cfg(all(test, feature = "sqlite"))]
mod registry;
pub mod reports;
pub mod sla;
mod source;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod store;
mod suggest;
mod text;
pub mod ticket;
pub mod time;
pub mod value;
pub mod workflow;
#[cfg(feature = "tzif")]
mod zoneinfo;

pub use calendar::Calendar;
pub use condition::{Condition, Facts};
pub use decimal::Decimal;
pub use desk::{CommandOptions, Desk, Page, Receipt, TicketRef, Worker};
pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, IdempotencyKey, TeamId, ThreadKey, TicketId};
pub use import::{ImportedTicket, ImportedVersion};
pub use lifecycle::{
    ActionKind, HoldReason, Permitted, Rejection, RejectionReason, State, StateKind, StepKind, state, step,
};
pub use line::Line;
pub use policy::Policy;
pub use priority::{Assessment, Impact, Matrix, MatrixDefinition, Modifier, Priority, Urgency};
pub use reports::Story;
pub use store::{Cursor, GroupBy, Order, Query};
pub use ticket::action::Action;
pub use ticket::conflict::Conflict;
pub use ticket::event::{Change, Event, ExternalRef};
pub use ticket::inbound::InboundMessage;
pub use ticket::kind::{Channel, Kind, LinkKind, TicketNumber};
pub use ticket::message::Message;
pub use ticket::opening::NewTicket;
pub use ticket::people::{Actor, Contact, ContactRole, Machine, Who};
pub use ticket::snapshot::Snapshot;
pub use ticket::{AnyTicket, Step, Ticket};
pub use time::{DateTime, TimeDelta, Utc};
pub use value::{Attributes, Value};
pub use workflow::WorkflowDefinition;

/// The README's code, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

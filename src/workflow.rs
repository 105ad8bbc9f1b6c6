//! Workflows as data: a company's own statuses over the closed states.
//!
//! The [lifecycle](crate::lifecycle) has six states, on which clocks, reports and the typed API depend. A workflow
//! refines them: it names statuses ("Awaiting parcel", "Fraud check"), each of which belongs to one state, and says
//! which ways lead from one to another, by which action, for whom, under which conditions, and what must be filled in
//! first. It is data: written in code, in JSON or in TOML, checked as a whole when it is built, versioned, and pinned
//! to the tickets that began under it.
//!
//! ```
//! use firstline::workflow::Workflow;
//! use firstline::{Action, Actor, Desk, Kind, NewTicket, Policy};
//!
//! let returns = Workflow::from_json(r#"{
//!     "name": "returns",
//!     "kinds": ["return"],
//!     "statuses": [
//!         {"name": "Requested", "state": "new"},
//!         {"name": "Awaiting parcel", "state": "on_hold", "reason": "customer"},
//!         {"name": "Inspection", "state": "active", "leave": "category"},
//!         {"name": "Refunded", "state": "resolved"},
//!         {"name": "Done", "state": "closed"},
//!         {"name": "Withdrawn", "state": "cancelled"}
//!     ],
//!     "transitions": [
//!         {"from": "Requested", "action": "hold", "to": "Awaiting parcel"},
//!         {"from": "Awaiting parcel", "action": "resume", "to": "Inspection"},
//!         {"from": "Inspection", "action": "resolve", "to": "Refunded"},
//!         {"from": "Refunded", "action": "reopen", "to": "Inspection"},
//!         {"from": "Refunded", "action": "confirm", "to": "Done"},
//!         {"from": "Refunded", "action": "close", "to": "Done"},
//!         {"from": ["Requested", "Awaiting parcel"], "action": "cancel", "to": "Withdrawn", "reason": true}
//!     ]
//! }"#)?;
//!
//! let desk = Desk::memory();
//! desk.setup().adopt(&Policy::new().workflow(&returns))?;
//! let ticket = desk.open_ticket(NewTicket::new("The lamp flickers").from("boris").kind(Kind::from("return")))?;
//! assert_eq!(ticket.status(), "Requested");
//!
//! let anna = Actor::agent("anna");
//! let receipt = desk.act(ticket.id(), Action::hold("customer"), &anna)?;
//! assert_eq!(receipt.ticket.status(), "Awaiting parcel");
//! assert_eq!(receipt.ticket.state().to_string(), "on hold (customer)");
//!
//! desk.act(ticket.id(), Action::resume(), &anna)?;
//! let no = desk.ticket(ticket.id())?.why_not(&Action::resolve("money back")).unwrap();
//! assert_eq!(
//!     no.to_string(),
//!     "resolve to \"Refunded\" needs category to be filled; accepted here: resolve",
//! );
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # The written form
//!
//! The same keys in JSON and TOML. Lists of one may be written as that one: `from = "Requested"`.
//!
//! | where | keys |
//! |---|---|
//! | at the top | `name`; `version`, 1 if left out; `kinds`, none for all that no other workflow claims; `guards`, `statuses`, `transitions`, `rules` |
//! | `guards` | a name of yours, and a [condition](crate::condition) on the [ticket](crate::ticket::facts) or on the actor: `actor` is who acts, `actor.is` what they are, `actor.NAME` an attribute of theirs |
//! | each of `statuses` | `name` and `state` (`new`, `active`, `on_hold`, `resolved`, `closed`, `cancelled`); `default`, `reason`, `enter`, `leave`: see [`Status`] |
//! | each of `transitions` | `from`, `action` (a step, or `move` within one state) and `to`; `when`, `may`, `reason`: see [`Transition`] and [`Performer`] |
//! | each of `rules` | `every_way_to` and `passes`: a status, or a state as `state:resolved` |
//!
//! All guards in `when` must hold, and anybody named in `may` will do. Where one of two guards is enough, write two
//! transitions, or one guard with `any`. Custom fields are called `field.NAME` everywhere.
//!
//! The reason of a hold is an open set: one that is not `customer`, `third_party`, `problem` or `scheduled` is one of
//! your own, so a misspelt one is another reason: that is no fault, and warned of.
//!
//! # Which way an action takes
//!
//! An action that names a status ([`Action::into_status`](crate::Action::into_status)) takes the way that leads there.
//! One that names none takes the first way whose guards hold and which the actor may take, in this order: the ways with
//! guards, as they are written; the way to the state's [default](Status::default) status; the others. A hold looks
//! first at statuses that wait for [its reason](Status::reason), then at those that wait for anything.
//!
//! # What happens by itself
//!
//! - A requester's message resumes or reopens a ticket where the requester has such a way; no field is demanded for it.
//! - A hold with a date ends where there is a way on, whoever may take it; no field is demanded for it.
//! - Silence closes a resolved ticket where `automation` may close it and its obligations are met.
//!
//! Where there is no such way the ticket stays as it is, with the message. A timer that fell due, and a silence that was
//! broken, are over, and the history says why ([`Change::TimerExpired`](crate::Change::TimerExpired)). The validator warns of each.
//!
//! # Versions
//!
//! A ticket stays on the version under which it began. A [`Migration`] says how live tickets go over to another one.

mod build;
mod catalogue;
mod check;
mod compiled;
pub mod definition;
pub mod diagnostic;
pub mod migration;
mod picture;
mod placement;
pub mod preset;
mod process_map;
mod read;
mod source;
mod table;
pub mod transition;

pub use catalogue::Catalogue;
pub use check::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
pub use compiled::Workflow;
pub use definition::{MustPass, Status, StatusSelector, WorkflowDefinition};
pub use diagnostic::{Diagnostic, DiagnosticKind, Diagnostics, Place};
pub use migration::Migration;
pub use picture::Picture;
pub use placement::{Placement, WorkflowRef};
pub use preset::SIMPLE;
pub use process_map::ProcessMap;
pub use table::StatusId;
pub(crate) use table::{Answers, Edge};
pub use transition::{Performer, Transition, Trigger};

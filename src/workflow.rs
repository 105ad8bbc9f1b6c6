//! Workflows as data: a company's own statuses on top of the fixed lifecycle states.
//!
//! The [lifecycle](crate::lifecycle) has six states. Clocks, reports and the typed API depend on those states only. A
//! workflow refines them: it defines statuses ("Awaiting parcel", "Fraud check"), each of which belongs to one state,
//! and the transitions between statuses. A transition names the action that takes it, its guards, and who may take it;
//! a status names the fields that must be filled in first.
//!
//! A workflow is data. It is written in code, JSON or TOML, checked as a whole when it is built, and versioned. A
//! ticket stays on the version under which it was opened.
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
//! assert_eq!(no.to_string(), "resolve to \"Refunded\" needs category to be filled");
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # The written form
//!
//! JSON and TOML use the same keys. A list with one item may be written as that item: `from = "Requested"`.
//!
//! | level | keys |
//! |---|---|
//! | top | `name`; `version` (default 1); `kinds` (default: every kind that no other workflow claims); `guards`, `statuses`, `transitions`, `rules` |
//! | `guards` | a name of your own, and a [condition](crate::condition) on the [ticket](crate::ticket::facts) or on the actor: `actor` is the actor's id, `actor.is` the kind of actor, `actor.NAME` an attribute of the actor |
//! | each of `statuses` | `name` and `state` (`new`, `active`, `on_hold`, `resolved`, `closed`, `cancelled`); `default`, `reason`, `enter`, `leave`: see [`Status`] |
//! | each of `transitions` | `from`, `action` (a step, or `move` within one state) and `to`; `when`, `may`, `reason`: see [`Transition`] and [`Performer`] |
//! | each of `rules` | `every_path_to` and `must_pass`: a status, or a state as `state:resolved` |
//!
//! All guards in `when` must hold. Any one of the performers in `may` may take the transition. If one of two guards is
//! enough, write two transitions, or one guard with `any`. Custom fields are called `field.NAME` everywhere.
//!
//! Hold reasons are an open set. A reason other than `customer`, `third_party`, `problem` or `scheduled` is your own. A
//! misspelt reason is therefore legal, but the validator warns about one that resembles a built-in reason.
//!
//! # How a transition is chosen
//!
//! An action that names a status ([`Action::with_status`](crate::Action::with_status)) takes a transition to that
//! status. An action that names none takes the first transition that the actor may take and for which all guards hold.
//! Guarded transitions are tried first, in the order of the definition; then the transition to the state's
//! [default](Status::default) status; then the others. A hold first tries statuses with [its reason](Status::reason),
//! then statuses without a reason.
//!
//! # Automatic transitions
//!
//! - A contact's message resumes or reopens a ticket if the policy's [standings](crate::policy::standing) say so and
//!   this contact may take such a transition. Required fields are not checked.
//! - A hold with a date ends if there is a transition out of the hold, regardless of `may`. Required fields are not
//!   checked.
//! - The end of the verification period closes a resolved ticket if `automation` may close it and the required fields
//!   are filled.
//!
//! If there is no such transition, the message is recorded and the status stays the same. An expired timer does not
//! fire again, and a message still ends the verification period. The history records the reason
//! ([`Change::TimerExpired`](crate::Change::TimerExpired)). The validator warns about each of these gaps.
//!
//! # Versions
//!
//! A ticket stays on the version under which it was opened. A [`Migration`] moves live tickets to another version.

mod build;
mod check;
mod compiled;
pub mod definition;
pub mod migration;
mod picture;
mod placement;
pub mod preset;
mod process_map;
mod read;
mod table;
pub mod transition;
mod workflow_set;

pub use crate::diagnostic::{Diagnostic, DiagnosticKind, Position};
pub use check::{MAX_GUARDS, MAX_RULES, MAX_STATUSES, MAX_TRANSITIONS};
pub use compiled::Workflow;
pub use definition::{MustPass, Status, StatusSelector, WorkflowDefinition};
pub use migration::Migration;
pub use picture::Picture;
pub use placement::{Placement, WorkflowRef};
pub use preset::SIMPLE;
pub use process_map::ProcessMap;
pub use table::StatusId;
pub(crate) use table::{Answers, Edge};
pub use transition::{Performer, Transition, Trigger};
pub(crate) use workflow_set::WorkflowSet;

//! Service level agreements, and the clocks that measure them.
//!
//! An [`Agreement`] is part of a desk's [`Policy`](crate::Policy), together with its calendars. It selects tickets by a
//! condition and sets a [`Target`] for each [`Metric`]. A ticket has a [`Clock`] for each target.
//!
//! A clock is computed from the ticket's history and pinned to the version of the agreements under which it began.
//! Replaying the history gives the same clock, and a later change of a calendar does not change it. A clock is
//! evaluated at the instant of each event. If a reply comes after the deadline, the breach is recorded even if no tick
//! ran in between.
//!
//! ```
//! use firstline::calendar::WORKDAYS;
//! use firstline::sla::{Agreement, Metric, Target};
//! use firstline::{Calendar, Desk, NewTicket, Policy, TimeDelta};
//!
//! let office = Calendar::builder("Europe/Berlin").hours(WORKDAYS, "09:00-17:00").build()?;
//! let standard = Agreement::new("standard", 1)
//!     .target(Target::new(Metric::FirstReply).within(TimeDelta::hours(1)).business("office"))
//!     .target(Target::new(Metric::Resolution).within(TimeDelta::hours(16)).business("office"));
//! let policy = Policy::new().calendar("office", office.definition()).agreement(standard);
//!
//! let desk = Desk::memory();
//! desk.setup().adopt(&policy)?;
//! let ticket = desk.open_ticket(NewTicket::new("No sound").from("boris"))?;
//! for clock in &ticket.clocks {
//!     println!("{clock}"); // first reply: running, 0s of 1h used before …, due …
//! }
//! # assert_eq!(ticket.clocks.len(), 2);
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # Rules
//! - A target is met at the deadline or before it. If the time is used up exactly when the calendar closes, the
//!   deadline is the closing time, unless the calendar has [`AtClosing::NextOpening`].
//! - Deadlines before the instant of an event are applied before the event. Events at the same instant are applied in
//!   the order of the history.
//! - A ticket that was opened before an agreement applied to it gets its clocks when its description or priority
//!   changes, or when it is assigned, handed over or reopened.
//! - An agreement determines how its clocks behave when the ticket is reopened ([`OnReopen`]), when the target changes
//!   ([`OnPriorityChange`]) and when the agreements change ([`OnPolicyChange`]).
//! - Warnings and breaches are events. Each occurs at most once per cycle and revision of the target and triggers the
//!   [reactions](Reaction) of the target. They are recorded by the next [tick](crate::Desk::tick) or before the next
//!   command on the ticket, and are dated when they were due.
//! - [`Reports::explain`](crate::desk::Reports::explain) explains the time of a clock,
//!   [`due_soon`](crate::desk::Reports::due_soon) lists deadlines that are near, and
//!   [`what_if`](crate::desk::Reports::what_if) computes the clocks after an action.
//!
//! [`AtClosing::NextOpening`]: crate::calendar::AtClosing::NextOpening

mod agreement;
mod agreement_set;
mod agreements;
mod clock;
mod interval;
mod machine;
mod measure;
mod metric;
mod target;

pub use agreement::{Agreement, OnPolicyChange, OnPriorityChange, OnReopen};
pub use agreement_set::{AgreementSet, CompiledAgreements};
pub use clock::{Alert, Clock, NextAlert};
pub use interval::StateInterval;
pub use machine::{ClockState, ClockStep, dot, mermaid};
pub use metric::Metric;
pub use target::{Reaction, Target, TimeBasis};

pub(crate) use agreement::{Surroundings, faults};
pub(crate) use agreements::Agreements;
pub(crate) use clock::keep_latest;
pub(crate) use interval::between;
pub(crate) use measure::{Measure, Present, Reached};

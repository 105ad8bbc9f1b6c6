//! Agreements and clocks: what was promised, and how much of it is used up.
//!
//! An [`Agreement`] stands in a desk's [`Policy`](crate::Policy), beside the calendars that it counts by. It says for
//! which tickets it holds, and how long each [`Metric`] may take. A ticket then carries a [`Clock`] for each target.
//!
//! A clock is a fold over the ticket's history, pinned to the version of the agreements under which it began: replaying
//! the history gives the same clock, and a calendar edited later rewrites nothing. It is judged at the instant of
//! each event, so that a breach which a late reply repaired is on record however seldom anybody looked.
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
//! # What happens when
//! - Met means at the deadline or before it. Where the time is used up just when the calendar closes, that is the
//!   deadline, unless the calendar says [at the next opening](crate::calendar::AtClosing::NextOpening).
//! - Before an event counts, everything is passed that fell due before its instant; events of one instant count in
//!   the order of the history.
//! - A ticket that was opened before there was an agreement for it gets its clocks when what it is about changes next,
//!   or when it is assigned, handed over or reopened.
//! - On reopening, on a change of priority and on a change of the agreements an agreement says what becomes of its
//!   clocks: [`OnReopen`], [`OnPriorityChange`], [`OnPolicyChange`].
//! - Warnings and breaches are events, each once for a cycle and a revision of the target, with the
//!   [reactions](Reaction) that the target declares. They happen when the host lets the desk
//!   [tick](crate::Desk::tick), or before the next command on the ticket, and are dated when they were due.
//! - Where the time of a clock went is told by [`Reports::explain`](crate::desk::Reports::explain), what is due soon
//!   by [`due_soon`](crate::desk::Reports::due_soon), and what would become of the clocks by
//!   [`what_if`](crate::desk::Reports::what_if).

mod agreement;
mod agreement_set;
mod agreements;
mod clock;
mod duration;
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

pub(crate) use agreement::faults;
pub(crate) use agreements::Agreements;
pub(crate) use clock::keep_latest;
pub(crate) use duration::written;
pub(crate) use interval::between;
pub(crate) use measure::{Measure, Present, Reached};

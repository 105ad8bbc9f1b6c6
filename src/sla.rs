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
//! These rules determine every clock. A clock depends on the history of the ticket and on the adopted policies alone.
//! It does not depend on the times at which [`tick`](crate::Desk::tick) ran.
//!
//! ## Choosing a target
//! 1. The agreement of a ticket is the one with the lowest position whose condition holds. It is chosen at the opening.
//!    It is chosen again after a change of the description or the priority, an assignment, a hand-over and a reopening.
//! 2. The agreement has at most one target for each [`Metric`] at the ticket's priority. A ticket has at most one open
//!    clock for each metric. A later clock of the same metric is another cycle.
//! 3. A target that begins is taken from the version of the agreements that is in force at that instant. The clock is
//!    pinned to that version.
//! 4. When the agreement is chosen again, an open clock is kept if its own version still gives the ticket the same
//!    agreement and the same target time. Otherwise the clock gets the target of the version in force now; without such
//!    a target, it is cancelled. If only the name of the agreement or the version differs, the clock is renamed and
//!    measured as before. If the time differs, the target is *revised* as the [`OnPriorityChange`] of the new agreement
//!    says. A deadline in a field is always measured from the start of the clock.
//! 5. When the agreement is chosen again, the missing clocks start. A clock that was cancelled for lack of a target
//!    continues if it has one again; handling starts another cycle instead. A metric starts only if the versions of all
//!    open clocks have a target for it. If no clock is open, the clock that ended last decides instead, unless its
//!    agreement has [`OnPolicyChange::Migrate`]. Clocks that ended with the ticket do not start again here; rule 18
//!    applies to them. On a resolved ticket, no clock starts here.
//!
//! ## Start and end
//! 6. The metrics start and end as in the table. *Answer* means a public reply by an agent, or a resolution by an
//!    agent. A reply by an automation or by the desk is no answer. Every open clock is cancelled when the ticket is
//!    cancelled.
//!
//!    | metric | starts | ends |
//!    |---|---|---|
//!    | first reply | at the opening by a contact (a) | at the first answer (b) |
//!    | next reply | at a message of the requester (c) | at the next answer (b) |
//!    | periodic update | at each public reply by an agent on an open ticket | at the next public reply by an agent (d) |
//!    | resolution, requester wait, agent work | at the opening | when the ticket is resolved or closed |
//!    | closure | at the opening | when the ticket is closed |
//!    | assignment | at the opening without an agent | at the first assignment to an agent, or a resolution by an agent (b) |
//!    | acceptance | at the opening | when the ticket leaves the state new |
//!    | handling by a line | at the opening, or at the hand-over to the line | at the hand-over to another line (e) |
//!
//!    - a: if nobody or somebody other than a contact opened the ticket, at the first message of the requester. No
//!      first reply starts after the first answer.
//!    - b: cancelled if somebody other than an agent resolves or closes the ticket.
//!    - c: only after the first answer, and only if no first reply and no next reply is open.
//!    - d: cancelled when the ticket is resolved or closed.
//!    - e: it also ends when the ticket is resolved or closed.
//! 7. If a ticket gets its first agreement after the opening, the clocks that start at the opening start at the instant
//!    of the change, or at the opening with [`OnPriorityChange::FromOpening`]. A first reply then starts at the opening
//!    if a contact opened the ticket, otherwise at the first message of the requester. Handling starts at the instant
//!    of the change. Assignment starts only if the ticket has no agent, and acceptance only if the ticket is new.
//!
//! ## Counting
//! 8. Time counts while the ticket is new or active. While it is on hold, time counts unless the target pauses for the
//!    reason of the hold. By default a target pauses for [`HoldReason::Customer`](crate::HoldReason::Customer); a first
//!    reply pauses for no reason. Requester wait always pauses on hold for the customer, and agent work always pauses
//!    on hold. While the ticket is resolved or closed, time counts for closure only. While it is cancelled, no time
//!    counts.
//! 9. With a calendar, only its open time counts. A target with its [deadline in a field](Target::due_in_field) counts
//!    wall time in every state but cancelled; its target time is the time from the start of the clock to the deadline.
//!    If the date is before the start, the deadline is the start.
//! 10. The deadline is the earliest instant at which the counted time reaches the target time. If the time is used up
//!     exactly when the calendar closes, the deadline is the closing time, unless the calendar has
//!     [`DueAtClosing::NextOpening`]. A paused clock has no deadline, unless the deadline is in the past.
//! 11. A target is met at the deadline or before it. It is breached after the deadline.
//!
//! ## Warnings and breaches
//! 12. A warning is due when a percentage of the target time is used up, or when a [certain time](Target::warn_before)
//!     of it is left. A breach is due after the deadline and is dated at the deadline. Each is an event with the date
//!     at which it was due. An event cannot be dated before the event that precedes it; its alert then contains the
//!     instant at which it was due.
//! 13. If a target begins, is revised or continues after a reopening or a correction, and has passed several
//!     percentages already, only the highest is recorded. 100 percent counts as passed after the deadline. A warning by
//!     time left has the place of the percentage that is used up then.
//! 14. No percentage is recorded twice in a cycle, unless the target was revised and the deadline is now later than the
//!     deadline for which it was recorded. An alert that was passed while the deadline was not later is not recorded
//!     afterwards. The same holds for the warnings by time left. If the target of a paused clock is revised, its
//!     deadline so far is the one that it would have if it continued at that instant.
//! 15. A recorded breach stays. If the target is revised later, the clock remains breached and [`Clock::missed_target`]
//!     returns the target that was missed. In an imported history nothing is recorded before the import: a revised
//!     target replaces the earlier one there, with its breach. A clock that was breached ends as missed, and otherwise
//!     as met.
//! 16. Warnings and breaches trigger the [reactions](Reaction) of the target, as long as the ticket is open. A modifier
//!     is assessed with the priority matrix in force at the instant of the alert. A reaction does not hand a ticket
//!     over if four reactions in a row have handed it over and nobody has acted on it in between; the alert says so.
//!
//! ## Order
//! 17. What is due is applied before the next event of the ticket. Within one instant the order is: warnings; the steps
//!     of timers, such as the end of a hold; adopted policies; breaches. A timer acts under the definitions in force at
//!     that point. Commands at the same instant are applied in the order of their versions, after everything that is
//!     due. A tick applies the policies adopted before its instant; a command applies those adopted at its instant as
//!     well. A policy that was replaced at the instant of its adoption was never in force.
//!
//! ## Reopening
//! 18. [`OnReopen`] applies to clocks that ended because the ticket was resolved, closed or cancelled. A first reply
//!     that was cancelled continues if there was no answer, and an assignment if the ticket has no agent. A next reply
//!     and an acceptance do not continue. Handling continues for the current line. A periodic update starts again at
//!     the reopening, unless its agreement has [`OnReopen::Freeze`]. Then the agreement is chosen again.
//!
//! ## Changed agreements
//! 19. With [`OnPolicyChange::Pin`] a clock keeps its version. With [`OnPolicyChange::Migrate`] every version that
//!     comes into force is applied to the open clock at the instant from which it is in force, even if a later version
//!     follows before the next tick. The clock is measured from its start under the new version. Clocks for targets
//!     that the new version adds start by rule 7. The setting is that of the agreement to which the clock was pinned
//!     before. At one instant, due timers come first; an adoption, a command and an import have the order in which they
//!     happened; breaches come last.
//!
//! ## Imported tickets
//! 20. The history of an imported ticket is measured under the agreements in force at the import, as if they had always
//!     been in force. If no agreement applied at the import, the history is measured when the first one is adopted. A
//!     ticket that is closed or cancelled by then, or that a timer closes until then, is not measured.
//!     [`ImportClocks`](crate::import::ImportClocks) lets the clocks start at a later instant, or never.
//! 21. Warnings and breaches that were due before the import, or before that first adoption, are recorded in the clock.
//!     They are no events and trigger no reactions.
//! 22. A version that repeats the state of the ticket starts, ends and moves no clock. A version that is dated before
//!     its predecessor replaces the states from its date on. A version that is dated before the opening counts as at
//!     the opening.
//!
//! ## Corrections
//! 23. [`Action::undo`](crate::Action::undo) and [`Action::not_spam`](crate::Action::not_spam) give each clock the
//!     target and the start that it had before the command. The time in between counts by rule 8, according to the
//!     states that the ticket really had. A clock that the command started is cancelled. If an earlier cycle takes its
//!     place, its number is not used again. A target that is given back counts as another revision. A breach that was
//!     recorded in the meantime stays in the history, and a clock that is open again remains breached.
//!
//! [`Reports::explain`](crate::desk::Reports::explain) explains the time of a clock,
//! [`due_soon`](crate::desk::Reports::due_soon) lists deadlines that are near, and
//! [`what_if`](crate::desk::Reports::what_if) computes the clocks after an action.
//!
//! [`DueAtClosing::NextOpening`]: crate::calendar::DueAtClosing::NextOpening

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
pub(crate) use agreement_set::{AgreementSet, CompiledAgreements};
pub use clock::{Alert, Clock, NextAlert};
pub use interval::StateInterval;
pub(crate) use machine::ClockStep;
pub use machine::{ClockState, dot, mermaid};
pub use metric::Metric;
pub use target::{Reaction, Target};

pub(crate) use agreement::{Surroundings, faults};
pub(crate) use agreements::Agreements;
pub(crate) use clock::keep_latest;
pub(crate) use interval::between;
pub(crate) use measure::{Measure, Present, Reached};

//! Pure decisions: the effect of an action on a ticket.
//!
//! The input is a ticket, an action and a [`DecisionContext`]; the output is a [`TicketWrite`] or an error. Decisions
//! read no system clock, draw no random numbers and do no I/O.
//!
//! Every decision starts as a draft. A command on a stored ticket fires the due timers first; opening or importing a
//! ticket fires none. Finishing the draft updates the ticket's clocks and returns a [`TicketWrite`]. Only a
//! `TicketWrite` can be written, so no draft is written with outdated clocks.

mod clock_draft;
pub(crate) mod clocks;
mod decide;
mod describe;
mod draft;
mod due;
pub(crate) mod last_command;
pub(crate) mod migrate;
mod open;
pub(crate) mod permissions;
mod receive;
pub(crate) mod request;
mod steps;
pub(crate) mod stored_facts;
mod ticket_write;
mod transfer;
mod undo;

pub(crate) use clock_draft::ClockDraft;
pub use clocks::replay;
pub use draft::DecisionContext;
pub(crate) use draft::Draft;
pub use ticket_write::TicketWrite;

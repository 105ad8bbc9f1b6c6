//! Pure decisions: the effect of an action on a ticket.
//!
//! The input is a ticket, an action and a [`DecisionContext`]; the output is a [`Decision`] or an error. Decisions read
//! no system clock, draw no random numbers and do no I/O.
//!
//! Every decision starts as a draft. A command on a stored ticket first fires the due timers; an opening and an imported
//! history fire none. Finishing a draft updates the ticket's clocks. Only a finished draft becomes a [`Decision`], and
//! only a decision can be written.

mod clock_draft;
pub(crate) mod clocks;
mod decide;
mod describe;
mod draft;
mod due;
pub(crate) mod migrate;
mod open;
pub(crate) mod permissions;
pub(crate) mod request;
mod steps;

pub use clocks::replay;
pub(crate) use draft::Draft;
pub use draft::{Decision, DecisionContext};

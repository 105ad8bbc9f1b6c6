//! What an action does to a ticket: pure decisions.
//!
//! A ticket, a request and a [`DecisionContext`] go in; a [`Decision`] comes out, or a refusal. Nothing here reads a clock, draws a
//! random number or does I/O.
//!
//! Every decision is made in a draft. A command on a stored ticket first fires the timers that are due; an opening and an
//! imported history fire none. Finishing a draft updates the ticket's clocks. Only a finished draft is a [`Decision`], and only a decision can be written.

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

//! What an action does to a ticket: pure decisions.
//!
//! A ticket, a request and a [`Moment`] go in; a [`Draft`] with the new events comes out, or a refusal. Nothing here
//! reads a clock, draws a random number or does I/O.

pub(crate) mod clocks;
mod decide;
mod describe;
pub(crate) mod draft;
mod due;
pub(crate) mod migrate;
mod open;
pub(crate) mod permissions;
pub(crate) mod route;
mod steps;

pub use clocks::replay;
pub use draft::{Draft, Moment};

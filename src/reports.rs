//! What histories say: where the time of a clock went, the story of a ticket in sentences, and the ways that tickets
//! take through a workflow.

mod ledger;
mod story;
mod trace;

pub use ledger::{Ledger, LedgerSpan, Spent};
pub use story::Story;

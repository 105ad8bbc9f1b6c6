//! Reports computed from ticket histories: the ledger of a clock, the story of a ticket in sentences, and the
//! transitions that tickets take through a workflow.

mod ledger;
mod story;
mod trace;

pub use ledger::{Ledger, LedgerSpan, SpanKind};
pub use story::Story;

//! Workflows as data: a company's own statuses over the closed states.

pub mod definition;
pub mod finding;
mod read;
mod source;

pub use definition::{PassRule, Spot, Status, Taker, Transition, Via, WorkflowDefinition};
pub use finding::{Finding, FindingKind, Findings, Place};

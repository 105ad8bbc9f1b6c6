//! firstline

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod calendar;
pub mod error;
pub mod id;
pub mod time;
pub mod value;
#[cfg(feature = "tzif")]
pub mod zoneinfo;

pub use calendar::Calendar;
pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, RequestKey, TeamId, ThreadKey, TicketId};
pub use value::{Attributes, Value};

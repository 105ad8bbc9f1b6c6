//! firstline

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod error;
pub mod id;
pub mod time;
pub mod value;

pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, RequestKey, TeamId, ThreadKey, TicketId};
pub use value::{Attributes, Value};

//! firstline

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod condition;
pub mod error;
pub mod id;
pub mod priority;
mod spelling;
pub mod time;
pub mod value;

pub use condition::{Condition, Facts};
pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, RequestKey, TeamId, ThreadKey, TicketId};
pub use priority::{Assessment, Impact, Matrix, MatrixDefinition, Modifier, Priority, Urgency};
pub use value::{Attributes, Value};

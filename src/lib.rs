//! firstline

#![forbid(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod calendar;
pub mod condition;
pub mod definition;
pub mod desk;
pub mod error;
pub mod flow;
pub mod id;
pub mod lifecycle;
mod open_set;
pub mod policy;
pub mod priority;
pub mod sla;
mod spelling;
pub mod store;
pub mod ticket;
pub mod time;
pub mod value;
#[cfg(feature = "tzif")]
pub mod zoneinfo;

pub use calendar::Calendar;
pub use condition::{Condition, Facts};
pub use desk::{By, Desk, Page, Receipt, TicketRef};
pub use error::{Error, ErrorKind, Result};
pub use id::{AgentId, ContactId, DeskId, RequestKey, TeamId, ThreadKey, TicketId};
pub use lifecycle::{
    HoldReason, Permitted, Reason, Rejection, State, StateKind, StepKind, Verb, state, step,
};
pub use policy::Policy;
pub use priority::{Assessment, Impact, Matrix, MatrixDefinition, Modifier, Priority, Urgency};
pub use store::{Cursor, Order, Query};
pub use ticket::action::Action;
pub use ticket::conflict::Conflict;
pub use ticket::event::{Change, Event};
pub use ticket::kind::{Channel, Kind, LinkKind, TicketNumber};
pub use ticket::message::Message;
pub use ticket::opening::NewTicket;
pub use ticket::people::{Actor, Contact, Line, Part, Who};
pub use ticket::snapshot::Snapshot;
pub use ticket::{AnyTicket, Step, Ticket};
pub use time::{DateTime, TimeDelta, Utc};
pub use value::{Attributes, Value};

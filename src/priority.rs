//! Priority: a matrix of impact and urgency, named modifiers, and the reasons for the result.
//!
//! How bad is it ([`Impact`]) and how soon must it be solved ([`Urgency`])? A [`Matrix`] answers each pair with a
//! [`Priority`]. Named [`Modifier`]s then raise or lower it: the customer is a VIP, the press is watching. The
//! result is an [`Assessment`], which is kept with the ticket and can say how it came about.
//!
//! ```
//! use std::collections::BTreeSet;
//! use firstline::priority::{Effect, Impact, Inputs, Matrix, Modifier, Priority, Urgency};
//! use firstline::{Attributes, Condition, Value};
//!
//! let vip = Condition::field("contact.vip").is(true);
//! let matrix = Matrix::itil()
//!     .to_definition()
//!     .modifier(Modifier::new("VIP customer", Effect::Raise(1)).when(vip))
//!     .build()?;
//!
//! let facts = Attributes::from([("contact.vip".to_owned(), Value::from(true))]);
//! let assessment = matrix.assess(&Inputs {
//!     impact: Some(Impact::MEDIUM),
//!     urgency: Some(Urgency::MEDIUM),
//!     facts: &facts,
//!     ..Inputs::default()
//! })?;
//!
//! assert_eq!(assessment.priority(), Priority::P2);
//! assert_eq!(
//!     assessment.to_string(),
//!     r#"P2: impact medium x urgency medium gives P3; "VIP customer" raises it by 1 to P2"#,
//! );
//! # Ok::<(), firstline::Error>(())
//! ```
//!
//! # Written down
//!
//! A matrix is data, in JSON, TOML or any other format of serde. It must be complete: every pair has a cell,
//! every name is declared, and the impact and urgency of a ticket that gives none are stated.
//!
//! ```
//! # let text = r#"
//! impacts    = ["high", "low"]              # the gravest first
//! urgencies  = ["today", "this week"]       # the most urgent first
//! priorities = ["critical", "normal", "low"]
//! default_impact  = "low"
//! default_urgency = "this week"
//!
//! [cells]                                   # impact = { urgency = priority, … }
//! high = { today = "critical", "this week" = "normal" }
//! low  = { today = "normal",   "this week" = "low" }
//!
//! [[modifiers]]
//! name = "VIP customer"
//! effect = { raise = 1 }
//! when = { field = "contact.vip", is = true }
//!
//! [[modifiers]]                             # without `when`: only where it is named on the ticket
//! name = "reputational damage"
//! effect = { at_least = 1 }
//! # "#;
//! # let matrix: firstline::Matrix = toml::from_str(text).unwrap();
//! # assert_eq!(matrix.modifiers().len(), 2);
//! ```
//!
//! # Source
//!
//! The method, and the cells of [`Matrix::itil`], are those of ITIL incident management as ServiceNow delivers
//! them: impact and urgency from 1 (high) to 3 (low), priority from 1 (critical) to 5 (planning).

mod assessment;
mod build;
mod definition;
mod level;
mod matrix;
mod modifier;
mod scale;

pub use assessment::{Assessment, AssessmentStep, Graded};
pub use definition::{Cell, MatrixDefinition};
pub use level::{Impact, MAX_RANK, Priority, Urgency};
pub use matrix::{Inputs, Matrix};
pub use modifier::{Effect, Modifier};

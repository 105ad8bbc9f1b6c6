//! Priority: an impact and urgency matrix with named modifiers.
//!
//! A [`Matrix`] maps each pair of [`Impact`] (how bad the issue is) and [`Urgency`] (how soon it must be solved) to a
//! [`Priority`]. Named [`Modifier`]s then raise or lower the priority, for example because the customer is a VIP. The
//! result is an [`Assessment`], which is stored with the ticket and explains how the priority was computed.
//!
//! ```
//! use std::collections::BTreeSet;
//! use firstline::priority::{Effect, Impact, AssessmentInputs, Matrix, Modifier, Priority, Urgency};
//! use firstline::{Attributes, Condition, Value};
//!
//! let vip = Condition::field("contact.vip").is(true);
//! let matrix = Matrix::itil()
//!     .to_definition()
//!     .modifier(Modifier::new("VIP customer", Effect::Raise(1)).when(vip))
//!     .build()?;
//!
//! let facts = Attributes::from([("contact.vip".to_owned(), Value::from(true))]);
//! let assessment = matrix.assess(&AssessmentInputs {
//!     impact: Some(Impact::MEDIUM),
//!     urgency: Some(Urgency::MEDIUM),
//!     facts: &facts,
//!     ..AssessmentInputs::default()
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
//! # Serialized form
//!
//! A matrix can be written in JSON, TOML or any other self-describing serde format. It must be complete: every pair has
//! a cell, every name is declared, and both defaults are given. The defaults apply to tickets without an impact or
//! urgency.
//!
//! ```
//! # let text = r#"
//! impacts    = ["high", "low"]              # most severe first
//! urgencies  = ["today", "this week"]       # most urgent first
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
//! [[modifiers]]                             # without `when`: only if named on the ticket
//! name = "reputational damage"
//! effect = { at_least = 1 }
//! # "#;
//! # let matrix: firstline::Matrix = toml::from_str(text).unwrap();
//! # assert_eq!(matrix.modifiers().len(), 2);
//! ```
//!
//! # Source
//!
//! The method and the cells of [`Matrix::itil`] follow ITIL incident management, with ServiceNow's default values:
//! impact and urgency from 1 (high) to 3 (low), priority from 1 (critical) to 5 (planning).

mod assessment;
mod build;
mod definition;
mod level;
mod matrix;
mod modifier;
mod scale;

pub use assessment::{Assessment, AssessmentStep};
pub use definition::MatrixDefinition;
pub use level::{Impact, MAX_RANK, Priority, Urgency};
pub use matrix::{AssessmentInputs, Matrix};
pub use modifier::{Effect, Modifier};

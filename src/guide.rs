//! Guides to the crate. Their examples are compiled and run as tests.
//!
//! - [`cookbook`]: short recipes, from a web handler to an SLA ledger.
//! - [`storage`]: SQLite, PostgreSQL, your own transaction, a store of your own.
//! - [`production`]: the worker, errors, backups, upgrades, metrics, personal data.
//! - [`architecture`]: how the crate is built, why, and what it costs.
//! - [`first_ticket`]: from the first ticket to a desk that learns, for the people who run support.

#[doc = include_str!("guide/cookbook.md")]
pub mod cookbook {}

#[doc = include_str!("guide/storage.md")]
pub mod storage {}

#[doc = include_str!("guide/production.md")]
pub mod production {}

#[doc = include_str!("guide/architecture.md")]
pub mod architecture {}

#[doc = include_str!("guide/first_ticket.md")]
pub mod first_ticket {}

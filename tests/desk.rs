//! The desk in scenarios, over every store: given, when, then.

#[path = "desk/clock.rs"]
mod clock;
#[path = "desk/counts.rs"]
mod counts;
#[path = "desk/idempotency.rs"]
mod idempotency;
#[path = "desk/links.rs"]
mod links;
#[path = "desk/numbers.rs"]
mod numbers;
#[path = "desk/owners.rs"]
mod owners;
#[path = "desk/paging.rs"]
mod paging;
#[path = "desk/personal.rs"]
mod personal;
#[path = "desk/policy_parts.rs"]
mod policy_parts;
#[path = "desk/priority.rs"]
mod priority;
#[path = "desk/receive.rs"]
mod receive;
#[path = "desk/setup.rs"]
mod setup;
#[path = "common/stage.rs"]
mod stage;
#[path = "desk/tenants.rs"]
mod tenants;
#[path = "desk/versions.rs"]
mod versions;

//! Migrations of live tickets to another version of their workflow: nothing is lost, and no ticket is migrated in
//! part.

#[cfg(feature = "sqlite")]
#[path = "migration/concurrent.rs"]
mod concurrent;
#[path = "migration/faults.rs"]
mod faults;
#[path = "migration/properties.rs"]
mod properties;
#[path = "migration/scenarios.rs"]
mod scenarios;
use crate::soak;
use crate::stage;
#[path = "migration/world.rs"]
mod world;

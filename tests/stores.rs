//! The port and the stores in this crate.

#[path = "stores/async_claims.rs"]
mod async_claims;
#[path = "stores/async_sqlite.rs"]
mod async_sqlite;
#[path = "stores/async_stores.rs"]
mod async_stores;
#[path = "stores/bounded_row.rs"]
mod bounded_row;
#[path = "stores/broken_stores.rs"]
mod broken_stores;
#[cfg(feature = "sqlite")]
#[path = "common/gate.rs"]
mod gate;
#[path = "common/pending_once.rs"]
mod pending_once;
#[path = "stores/reading_meanwhile.rs"]
mod reading_meanwhile;
#[path = "stores/record_kind.rs"]
mod record_kind;
#[cfg(feature = "postgres")]
#[path = "common/postgres.rs"]
mod server;
#[path = "common/clocks.rs"]
mod sla;
#[path = "stores/sqlite.rs"]
mod sqlite;
#[path = "stores/sqlite_moved.rs"]
mod sqlite_moved;
#[path = "stores/sqlite_sharing.rs"]
mod sqlite_sharing;
#[path = "stores/sqlite_within.rs"]
mod sqlite_within;

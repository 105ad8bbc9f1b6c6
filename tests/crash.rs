//! Crashes: killed programs, power failures, I/O faults.
#![cfg(feature = "sqlite")]

#[cfg(feature = "tokio")]
#[path = "common/gate.rs"]
mod gate;
#[path = "crash/io_faults.rs"]
mod io_faults;
#[path = "crash/killed.rs"]
mod killed;
#[path = "crash/power_cut.rs"]
mod power_cut;
#[path = "common/script.rs"]
mod script;
#[path = "common/soak.rs"]
mod soak;
#[path = "common/vfs.rs"]
mod vfs;

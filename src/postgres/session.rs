//! The sessions behind the connections of a pool.
//!
//! Between the store and the server there may be a connection pooler. In its transaction mode, a pooler gives each
//! transaction any of its server sessions. A prepared statement has a name in one session, so on another session the
//! same name may be another statement. The store therefore prepares statements only if each connection has a session of
//! its own.
//!
//! A setting with a random value shows this. The store sends the setting when it connects. Poolers do not pass it on,
//! or pass on the setting of another connection. Each transaction with prepared statements verifies the setting first.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::tx_control::TxControl;
use crate::store::Mode;

/// The setting that identifies the sessions of a store.
const SETTING: &str = "firstline.session";

/// Read-only transactions see one state of the database and wait for no writer.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// Writing transactions see the current state of the rows that they have locked.
const WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// The sessions of a store.
#[derive(Debug, Clone)]
pub(super) struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    token: String,
    /// True if a connection pooler shares the sessions.
    shared: AtomicBool,
    prepared: Controls,
    unprepared: Controls,
}

/// The statements around a transaction.
#[derive(Debug)]
struct Controls {
    read: TxControl,
    write: TxControl,
}

impl Controls {
    fn new(first: &str) -> Controls {
        let control = |begin, leave| TxControl {
            begin: Some(Cow::Owned(format!("{begin}; {first}"))),
            commit: "COMMIT",
            leave: Some(leave),
            own: true,
        };
        Controls { read: control(READ, "COMMIT"), write: control(WRITE, "ROLLBACK") }
    }
}

impl Sessions {
    pub(super) fn new(acquire_timeout: Duration) -> Sessions {
        // Each `RandomState` has new random keys: a cheap source of random bits without a dependency.
        let random = || RandomState::new().build_hasher().finish();
        let token = format!("{:016x}{:016x}", random(), random());
        // Fails with a division by zero on a session of another connection.
        let verify =
            format!("SELECT 1 / (current_setting('{SETTING}', true) IS NOT DISTINCT FROM '{token}')::int");
        let limit = format!("SET LOCAL lock_timeout = '{}ms'", acquire_timeout.as_millis());
        Sessions(Arc::new(Inner {
            token,
            shared: AtomicBool::new(false),
            prepared: Controls::new(&verify),
            unprepared: Controls::new(&limit),
        }))
    }

    /// The setting as an option for the connection's start.
    pub(super) fn option(&self) -> String {
        format!("-c {SETTING}={}", self.0.token)
    }

    /// The statement that returns the setting of the current session.
    pub(super) fn query() -> String {
        format!("SELECT coalesce(current_setting('{SETTING}', true), '')")
    }

    /// True if the setting is the one of this store.
    pub(super) fn is_own(&self, setting: &str) -> bool {
        setting == self.0.token
    }

    /// True if a connection pooler shares the sessions, so that statements must not be prepared.
    pub(super) fn are_shared(&self) -> bool {
        self.0.shared.load(Ordering::Relaxed)
    }

    pub(super) fn set_shared(&self) {
        self.0.shared.store(true, Ordering::Relaxed);
    }

    /// The statements around a transaction, on sessions that are shared or not.
    pub(super) fn control(&self, mode: Mode, are_shared: bool) -> &TxControl {
        let controls = if are_shared { &self.0.unprepared } else { &self.0.prepared };
        match mode {
            Mode::Read => &controls.read,
            Mode::Write => &controls.write,
        }
    }
}

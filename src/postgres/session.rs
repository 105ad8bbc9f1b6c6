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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::random::random_bits;
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
        let token = format!("{:016x}{:016x}", random_bits(), random_bits());
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

#[cfg(test)]
mod tests {
    use super::super::{PostgresOptions, test_server};
    use crate::{Action, Actor, NewTicket};

    /// A pooler that appears under a running store gives it sessions with another setting, or none.
    #[test]
    fn a_session_of_another_connection_is_noticed_and_its_statements_are_not_used() {
        let Some(url) = test_server::url() else { return };
        let schema = format!("firstline_test_{}_session", std::process::id());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = PostgresOptions::new().schema(&schema).connections(1).connect(&url).await.unwrap();
            let desk = store.desk("acme");
            let id = desk.open_ticket(NewTicket::new("No sound")).await.unwrap().id();
            assert!(!store.0.sessions.are_shared());
            let other = "SET firstline.session = 'of another connection'; DEALLOCATE ALL";
            store.0.pool.get().await.unwrap().batch_execute(other).await.unwrap();
            let receipt = desk.act(id, Action::start(), Actor::agent("anna")).await.unwrap();
            assert_eq!(receipt.ticket.version, 2, "the command took effect once");
            assert!(store.0.sessions.are_shared());
            let dropped = format!("DROP SCHEMA {schema} CASCADE");
            store.0.pool.get().await.unwrap().batch_execute(&dropped).await.unwrap();
        });
    }
}

//! Maps PostgreSQL's errors to the crate's errors.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};

use super::random::random_bits;
use crate::error::{Error, ErrorKind};

/// A failed statement.
#[derive(Debug)]
pub(super) struct Fault {
    /// The five characters of the SQLSTATE, if the server sent an error.
    state: Option<String>,
    /// True if the connection is broken.
    gone: bool,
    cause: Box<dyn StdError + Send + Sync>,
}

/// An error of `tokio-postgres` with the server's message, which the library shows only in the source.
///
/// An error that the server sent is not kept as the source: its details and its position in the statement may contain
/// keys and personal data, and its `Debug` output shows them.
#[derive(Debug)]
struct PgError {
    words: String,
    /// The SQLSTATE, if the server sent the error.
    code: Option<String>,
    /// True if the TLS handshake failed because one side rejected the other's certificate or parameters.
    tls_refused: bool,
    cause: Option<tokio_postgres::Error>,
}

/// The longest message of a server that is kept, in characters.
const LONGEST_MESSAGE: usize = 500;

impl fmt::Display for PgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for PgError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        if let Some(sent) = error.as_db_error() {
            let (code, message) = (sent.code().code().to_owned(), shortened(sent.message()));
            let words = format!("{}: {message} (SQLSTATE {code})", sent.severity());
            let cause = PgError { words, code: Some(code.clone()), tls_refused: false, cause: None };
            return Fault { state: Some(code), gone: false, cause: cause.into() };
        }
        let mut words = error.to_string();
        // The library has no API to recognize this error, only its message.
        let tls = words == "error performing TLS handshake";
        let mut broken = error.is_closed();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(part) = cause {
            // A refused certificate is reported as invalid input.
            let refused = |it: &io::Error| tls && it.kind() == io::ErrorKind::InvalidData;
            broken |= part.downcast_ref::<io::Error>().is_some_and(|it| !refused(it));
            let text = part.to_string();
            if !words.ends_with(&text) {
                words = format!("{words}: {text}");
            }
            cause = part.source();
        }
        let cause = PgError { words, code: None, tls_refused: tls && !broken, cause: Some(error) };
        Fault { gone: broken, state: None, cause: cause.into() }
    }
}

/// The first characters of a message.
fn shortened(message: &str) -> Cow<'_, str> {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]).into(),
        None => message.into(),
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Fault {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => Fault {
                state: Some("53300".to_owned()), // The SQLSTATE that the server sends if it has no free connection.
                gone: false,
                cause: error.into(),
            },
            PoolError::Timeout(_) => Fault { state: None, gone: true, cause: error.into() },
            other => Fault { state: None, gone: false, cause: other.into() },
        }
    }
}

/// No answer arrived within this time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Silent(Duration);

/// A connection pooler has given the transaction a session in which the store's statements are not prepared.
#[derive(Debug, thiserror::Error)]
#[error("a connection pooler gave the transaction the session of another connection")]
struct OtherSession;

impl Fault {
    /// Creates the fault of an answer that did not arrive in time. The connection counts as broken.
    pub(super) fn silent(limit: Duration) -> Fault {
        Fault { state: None, gone: true, cause: Silent(limit).into() }
    }

    pub(super) fn new(state: Option<String>, gone: bool, cause: Box<dyn StdError + Send + Sync>) -> Fault {
        Fault { state, gone, cause }
    }

    fn is(&self, states: &[&str]) -> bool {
        self.state.as_deref().is_some_and(|state| states.contains(&state))
    }

    /// True if the commit statement found an unexpected row, or did not find an expected one.
    pub(super) fn is_mismatch(&self) -> bool {
        self.is(&["23505", "22P02"])
    }

    /// Turns a mismatch into a serialization failure: the row in conflict is newer than the snapshot of the
    /// transaction.
    pub(super) fn into_serialization_failure(self) -> Fault {
        Fault { state: Some("40001".to_owned()), ..self }
    }

    /// True if the verification of the session failed: see [`super::session`].
    pub(super) fn is_failed_verification(&self) -> bool {
        self.is(&["22012"])
    }

    /// True if a connection pooler refuses settings in the `options` of a new connection.
    pub(super) fn is_refused_option(&self) -> bool {
        self.is(&["08P01"]) && self.cause.to_string().contains("unsupported startup parameter")
    }

    /// Creates the fault of a transaction on the session of another connection.
    pub(super) fn other_session() -> Fault {
        Fault { state: None, gone: false, cause: OtherSession.into() }
    }

    /// Returns the cause, with the server's message.
    pub(super) fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        self.cause
    }

    /// True if acquiring a lock failed (55P03, 40P01).
    pub(super) fn is_lock_failure(&self) -> bool {
        self.is(&["55P03", "40P01"])
    }

    /// True if the server sent no error code.
    pub(super) fn has_no_answer(&self) -> bool {
        self.state.is_none()
    }

    /// True if the server refuses the statement itself, for example because a table is missing or a type differs.
    pub(super) fn is_statement_error(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.starts_with("42") && state != "42501")
    }

    /// True if the outcome of a `COMMIT` is unknown. A server that is shutting down may interrupt the answer to a
    /// commit that is already on disk.
    pub(super) fn commit_is_uncertain(&self) -> bool {
        match &self.state {
            None => true,
            Some(state) => state.starts_with("57P") || state.starts_with("08"),
        }
    }

    /// True if the message is one of pgbouncer's about a state that passes.
    fn is_pooler_at_work(&self) -> bool {
        const PASSING: [&str; 6] = [
            "query_wait_timeout",
            "no more connections allowed",
            "shutting down",
            "server conn crashed",
            "server login has been failing",
            "client_idle_timeout",
        ];
        let words = self.cause.to_string();
        // After a failed login of its own, pgbouncer repeats the server's reason.
        PASSING.iter().any(|passing| words.contains(passing)) && !words.contains("authentication")
    }

    /// Returns the error for a command that has written nothing.
    pub(super) fn into_error(self) -> Error {
        if self.cause.downcast_ref().is_some_and(|PgError { tls_refused, .. }| *tls_refused) {
            let message = format!("the TLS handshake with the database server failed: {}", self.cause);
            return Error::new(ErrorKind::Storage, message).caused_by(self.cause);
        }
        // The code of a protocol violation. pgbouncer uses it for all its own errors.
        if self.is(&["08P01"]) && !self.is_pooler_at_work() {
            let message =
                format!("the database server or the connection pooler refuses this: {}", self.cause);
            return Error::new(ErrorKind::Storage, message).caused_by(self.cause);
        }
        let (kind, message) = match self.state.as_deref() {
            Some("40001" | "40P01") => {
                (ErrorKind::Busy, "another transaction changed the same rows at the same time")
            }
            Some("55P03") => (
                ErrorKind::Busy,
                "another transaction has held the same ticket, thread or key for too long, or the desk's next running \
                 number; an opening in a long transaction blocks all other openings of the desk",
            ),
            Some("57014") => (
                ErrorKind::Busy,
                "the statement was cancelled, or exceeded the `statement_timeout` of the server, the role or \
                 the URL; nothing was written",
            ),
            Some("53300") => (ErrorKind::Busy, "all connections to the database are in use"),
            Some("08P01") => {
                (ErrorKind::Busy, "the connection pooler has no connection, or is shutting down or starting")
            }
            Some(state) if state.starts_with("57P") || state.starts_with("08") => {
                (ErrorKind::Busy, "the database server is shutting down or starting")
            }
            None if self.cause.is::<OtherSession>() => (
                ErrorKind::Busy,
                "the transaction could not use its prepared statements; nothing was written",
            ),
            None if self.cause.is::<Silent>() => {
                (ErrorKind::Busy, "the database server does not answer; nothing was written")
            }
            None if self.gone => {
                (ErrorKind::Busy, "the database server cannot be reached; nothing was written")
            }
            Some("53200") => (
                ErrorKind::Storage,
                "the database server is out of memory or locks (import in smaller \
                 batches, or raise its `max_locks_per_transaction`)",
            ),
            Some("53100") => (ErrorKind::Storage, "the database server's disk is full; nothing was written"),
            Some("25006") => (ErrorKind::Storage, "the database is read-only or a standby"),
            Some("25P02") => (
                ErrorKind::Storage,
                "the transaction has already failed: roll it back completely, or to a savepoint before the failure",
            ),
            Some("42501") => {
                (ErrorKind::Storage, "the database user has no permission for firstline's tables")
            }
            Some("42P01" | "3F000" | "42703") => (
                ErrorKind::Schema,
                "firstline's tables are missing or have the wrong columns (create them with \
                 `PostgresOptions::connect`, or with the statements of `PostgresOptions::migrations_sql_from`)",
            ),
            Some("28P01" | "28000") => (ErrorKind::Storage, "the database server refuses the login"),
            Some("3D000") => (ErrorKind::Storage, "the database does not exist on the server"),
            _ => (ErrorKind::Storage, "the database reported an error"),
        };
        Error::new(kind, message).caused_by(self.cause)
    }

    /// Returns the error for a command that sent its `COMMIT` and received no answer.
    pub(super) fn into_unknown(self) -> Error {
        let message = "the connection broke during the commit: the command was written completely or not at all, and it is \
                       unknown which";
        Error::new(ErrorKind::Unknown, message).caused_by(self.cause)
    }

    /// Returns the error for a claim that was sent and received no answer.
    pub(super) fn into_unknown_claim(self) -> Error {
        let message = "the connection broke during a claim: it is unknown whether records were claimed; claimed records can be \
                       claimed again when the lease ends";
        Error::new(ErrorKind::Unknown, message).caused_by(self.cause)
    }

    /// Returns the error inside the host's transaction. A broken connection ends that transaction too.
    pub(super) fn into_error_within(self) -> Error {
        if !self.gone {
            return self.into_error();
        }
        let message = "the connection of the host's transaction broke, so the transaction is lost";
        Error::new(ErrorKind::Storage, message).caused_by(self.cause)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        fault.into_error()
    }
}

/// Returns the number of retries for a command that failed with this error.
fn max_retries(error: &Error, acquire_timeout: Duration) -> u32 {
    let mut cause = error.source();
    while let Some(error) = cause {
        let timed_out = matches!(error.downcast_ref(), Some(PoolError::Timeout(_)));
        let code = error.downcast_ref::<PgError>().and_then(|error| error.code.as_deref());
        if timed_out || matches!(code, Some("55P03" | "57014")) {
            return 0; // The wait has already used up its limit.
        }
        if error.is::<Silent>() {
            return 1; // Perhaps only that connection was dead.
        }
        cause = error.source();
    }
    // Retry for about the acquire timeout. Most of that time is spent waiting for a restarting server.
    u32::try_from(acquire_timeout.as_micros() / u128::from(LONGEST)).unwrap_or(u32::MAX).saturating_add(8)
}

/// The longest pause between two attempts, in microseconds.
const LONGEST: u64 = 250_000;

/// Waits before a retry, longer each time and with jitter. Returns `false` if the command must not be retried.
pub(super) async fn wait(tries: u32, error: &Error, acquire_timeout: Duration) -> bool {
    if tries >= max_retries(error, acquire_timeout) {
        return false;
    }
    let longest = (1_000_u64 << tries.min(8)).min(LONGEST);
    tokio::time::sleep(Duration::from_micros(longest / 2 + random_bits() % longest)).await;
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// pgbouncer has one code for all its errors, so only its words show which of them pass.
    #[test]
    fn errors_of_a_pooler_are_busy_only_if_they_pass() {
        let kind =
            |words: &str| Fault::new(Some("08P01".to_owned()), false, words.into()).into_error().kind();
        for words in [
            "FATAL: query_wait_timeout",
            "FATAL: no more connections allowed (max_client_conn)",
            "FATAL: the database system is shutting down",
            "FATAL: server login has been failing, try again later (server_login_retry)",
        ] {
            assert_eq!(kind(words), ErrorKind::Busy, "{words}");
        }
        for words in [
            "FATAL: no such database: shop",
            "FATAL: server login has been failing, cached error: password authentication failed for user \"shop\"",
            "FATAL: unsupported startup parameter: options",
        ] {
            assert_eq!(kind(words), ErrorKind::Storage, "{words}");
        }
    }
}

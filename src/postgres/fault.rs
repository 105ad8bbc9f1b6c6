//! What PostgreSQL complains of, and what it means to the caller.

use std::error::Error as StdError;
use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::time::Duration;

use deadpool_postgres::{PoolError, TimeoutType};

use crate::error::{Error, ErrorKind};

/// A failed statement.
#[derive(Debug)]
pub(super) struct Fault {
    /// The five letters of SQLSTATE, if the server said something.
    state: Option<String>,
    /// The connection is gone.
    gone: bool,
    cause: Box<dyn StdError + Send + Sync>,
}

/// An error of `tokio-postgres` in the words of the server, which it leaves to its own source.
#[derive(Debug)]
struct Said {
    words: String,
    /// The two did not come to terms about TLS: what one of them presents, the other does not accept.
    unsafe_line: bool,
    cause: tokio_postgres::Error,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl StdError for Said {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.cause)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Fault {
        let state = error.code().map(|code| code.code().to_owned());
        let mut words = error.to_string();
        // By its words, because the library has no other way to ask.
        let tls = words == "error performing TLS handshake";
        let mut broken = error.is_closed();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
        while let Some(part) = cause {
            // A certificate that is not accepted comes as an input that is not valid.
            let refused = |it: &io::Error| tls && it.kind() == io::ErrorKind::InvalidData;
            broken |= part.downcast_ref::<io::Error>().is_some_and(|it| !refused(it));
            let text = part.to_string();
            if !words.ends_with(&text) {
                words = format!("{words}: {text}");
            }
            cause = part.source();
        }
        if let Some(said) = error.as_db_error() {
            // Without its details, which may be what somebody has written.
            words = format!("{}: {} (SQLSTATE {})", said.severity(), said.message(), said.code().code());
        }
        let gone = state.is_none() && broken;
        Fault { gone, state, cause: Said { words, unsafe_line: tls && !broken, cause: error }.into() }
    }
}

impl From<PoolError> for Fault {
    fn from(error: PoolError) -> Fault {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => Fault {
                state: Some("53300".to_owned()), // The pool says what the server would have said.
                gone: false,
                cause: error.into(),
            },
            PoolError::Timeout(_) => Fault { state: None, gone: true, cause: error.into() },
            other => Fault { state: None, gone: false, cause: other.into() },
        }
    }
}

/// The server said nothing for so long.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct Silent(Duration);

impl Fault {
    /// No answer came in time. The connection is as good as gone.
    pub(super) fn silent(limit: Duration) -> Fault {
        Fault { state: None, gone: true, cause: Silent(limit).into() }
    }

    pub(super) fn new(state: Option<String>, gone: bool, cause: Box<dyn StdError + Send + Sync>) -> Fault {
        Fault { state, gone, cause }
    }

    fn is(&self, states: &[&str]) -> bool {
        self.state.as_deref().is_some_and(|state| states.contains(&state))
    }

    /// The commit statement found a row that it did not expect, or not the one that it did.
    pub(super) fn is_mismatch(&self) -> bool {
        self.is(&["23505", "22P02"])
    }

    /// A row is there already that the transaction cannot see, because it sees what was there when it began.
    pub(super) fn of_what_is_not_seen(self) -> Fault {
        Fault { state: Some("40001".to_owned()), ..self }
    }

    /// The cause, in the server's words.
    pub(super) fn into_cause(self) -> Box<dyn StdError + Send + Sync> {
        self.cause
    }

    /// A lock could not be had, which nothing but taking one fails with.
    pub(super) fn is_about_a_lock(&self) -> bool {
        self.is(&["55P03", "40P01"])
    }

    /// The server said nothing at all.
    pub(super) fn is_unheard(&self) -> bool {
        self.state.is_none()
    }

    /// The server refuses the statement itself: what it names is not there, or of another type.
    pub(super) fn is_about_the_statement(&self) -> bool {
        self.state.as_deref().is_some_and(|state| state.starts_with("42") && state != "42501")
    }

    /// The server, if there still is one, did not say what became of the `COMMIT`. One that is shut down may
    /// interrupt the answer to a commit that is already on its disk.
    pub(super) fn leaves_open(&self) -> bool {
        match &self.state {
            None => true,
            Some(state) => state.starts_with("57P") || state.starts_with("08"),
        }
    }

    /// The error for a command that has written nothing.
    pub(super) fn into_error(self) -> Error {
        if self.cause.downcast_ref().is_some_and(|Said { unsafe_line, .. }| *unsafe_line) {
            let message = format!("there is no agreement with the database server about TLS: {}", self.cause);
            return Error::new(ErrorKind::Storage, message).caused_by(self.cause);
        }
        let (kind, message) = match self.state.as_deref() {
            Some("40001" | "40P01") => {
                (ErrorKind::Busy, "another transaction changed the same rows at the same time")
            }
            Some("55P03") => (
                ErrorKind::Busy,
                "another transaction holds the same ticket, thread or key for too long, or the desk's next running \
                 number: an opening in a long transaction keeps all others waiting",
            ),
            Some("57014") => (
                ErrorKind::Busy,
                "the statement was cancelled, or took longer than the `statement_timeout` of the server, the role or \
                 the URL allows; nothing was written",
            ),
            Some("53300") => (ErrorKind::Busy, "all connections to the database are in use"),
            Some(state) if state.starts_with("57P") || state.starts_with("08") => {
                (ErrorKind::Busy, "the database server is shutting down, or starting")
            }
            None if self.cause.is::<Silent>() => {
                (ErrorKind::Busy, "the database server does not answer; nothing was written")
            }
            None if self.gone => {
                (ErrorKind::Busy, "the database server cannot be reached; nothing was written")
            }
            Some("53200") => (
                ErrorKind::Storage,
                "the database server is out of memory, or of locks for so many tickets at once (import in smaller \
                 batches, or raise its `max_locks_per_transaction`)",
            ),
            Some("53100") => (ErrorKind::Storage, "the database server's disk is full; nothing was written"),
            Some("25006") => {
                (ErrorKind::Storage, "the database cannot be written to: it is read-only, or a standby")
            }
            Some("25P02") => (
                ErrorKind::Storage,
                "the transaction has failed before: roll it back, or to a savepoint from before the failure",
            ),
            Some("42501") => (ErrorKind::Storage, "the database user may not use firstline's tables"),
            Some("42P01" | "3F000" | "42703") => (
                ErrorKind::Schema,
                "firstline's tables are not in the database, or not as they should be (they are made by \
                 `Options::connect`, or by the statements of `Options::migrations_sql_from`)",
            ),
            Some("28P01" | "28000") => (ErrorKind::Storage, "the database server refuses the log-in"),
            Some("3D000") => (ErrorKind::Storage, "the database server has no such database"),
            _ => (ErrorKind::Storage, "the database failed"),
        };
        Error::new(kind, message).caused_by(self.cause)
    }

    /// The error for a command whose `COMMIT` was sent, and nothing heard of it.
    pub(super) fn into_unknown(self) -> Error {
        let message = "the connection broke while the command was being committed: it is not known whether it was \
                       written, whole, or not at all";
        Error::new(ErrorKind::Unknown, message).caused_by(self.cause)
    }

    /// The error for a claim that was sent, and of which no answer was received.
    pub(super) fn into_unknown_claim(self) -> Error {
        let message = "the connection broke during a claim: it is not known whether records were claimed; those that were come \
                       back when the lease ends";
        Error::new(ErrorKind::Unknown, message).caused_by(self.cause)
    }

    /// The error inside the host's transaction, which is gone if its connection is.
    pub(super) fn into_error_within(self) -> Error {
        if !self.gone {
            return self.into_error();
        }
        let message = "the connection of the host's transaction broke, and the transaction with it";
        Error::new(ErrorKind::Storage, message).caused_by(self.cause)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        fault.into_error()
    }
}

/// How often a command is tried again that failed with this error.
fn most_tries(error: &Error, acquire_timeout: Duration) -> u32 {
    let mut cause = error.source();
    while let Some(error) = cause {
        let timed_out = matches!(error.downcast_ref(), Some(PoolError::Timeout(_)));
        let code = error.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
        if timed_out || code.is_some_and(|code| matches!(code.code(), "55P03" | "57014")) {
            return 0; // What somebody has waited for in vain is not over soon.
        }
        if error.is::<Silent>() {
            return 1; // Perhaps only that connection was dead; a new one will tell.
        }
        cause = error.source();
    }
    // For about as long as the acquire_timeout lasts, the most of which waits for a server that starts anew.
    u32::try_from(acquire_timeout.as_micros() / u128::from(LONGEST)).unwrap_or(u32::MAX).saturating_add(8)
}

/// How long is waited between two attempts at most, in microseconds.
const LONGEST: u64 = 250_000;

/// Waits before a command is tried again: a little longer each time, and never as long as somebody else. `false` if it
/// shall not be.
pub(super) async fn wait(tries: u32, error: &Error, acquire_timeout: Duration) -> bool {
    if tries >= most_tries(error, acquire_timeout) {
        return false;
    }
    // Each `RandomState` is keyed anew: a cheap source of random bits without a dependency.
    let random = RandomState::new().build_hasher().finish();
    let longest = (1_000_u64 << tries.min(8)).min(LONGEST);
    tokio::time::sleep(Duration::from_micros(longest / 2 + random % longest)).await;
    true
}

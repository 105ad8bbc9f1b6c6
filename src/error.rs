//! The one error of the crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// A result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, as a closed question: match on it, or ask [`Error`]'s predicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An input breaks a stated rule: an empty subject, an undeclared field, an overlong text.
    Invalid,
    /// A definition (priority matrix, calendar, workflow, policy) is faulty and was refused when built.
    Definition,
    /// The lifecycle or a policy refuses the action; see [`Error::rejection`].
    Rejected,
    /// No such ticket (or definition) at this desk.
    NotFound,
    /// Somebody else was faster: the expected version is stale; see [`Error::conflict`].
    Conflict,
    /// The idempotency key was used before, with another request.
    KeyReused,
    /// Others used the store for longer than a command waits (the `acquire_timeout` of the store's options, at first ten seconds),
    /// or it was briefly unreachable. Nothing was written; the same call may be made again.
    Busy,
    /// The store failed: disk full, I/O error, no permission. Nothing was half-written. If the disk fills or fails while
    /// SQLite commits, it is [`Unknown`](ErrorKind::Unknown).
    Storage,
    /// The connection broke, or the disk failed or became full, while the command was being committed, and the store could
    /// not find out since. It was written whole or not at all: make the same call again with the same idempotency key, or
    /// look. With SQLite, looking proves nothing before something else was written: until then the command is not to be
    /// seen, and may be there after all programs on the database were killed.
    Unknown,
    /// The database's schema is not one this version may touch: newer, or not ours. It was left untouched.
    Schema,
    /// What the store holds cannot be read: a foreign file, or stored bytes that are not what was written.
    Corrupt,
}

/// The error of every fallible call in this crate.
///
/// It answers *what now?* by predicates, carries its facts, and keeps the cause in its
/// [source](StdError::source) chain. It is one pointer wide.
///
/// ```
/// use firstline::{Error, ErrorKind};
///
/// let error = Error::invalid("subject", "is empty").allowing("1 to 500 characters");
/// assert_eq!(error.kind(), ErrorKind::Invalid);
/// assert!(error.is_invalid() && !error.is_storage());
/// assert_eq!(error.to_string(), "subject is empty; allowed: 1 to 500 characters");
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    allowed: Option<Cow<'static, str>>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of this kind with a message. Stores of other crates make theirs with it.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Box::new(Inner { kind, message: message.into(), allowed: None, source: None }))
    }

    /// An input that breaks a rule: what it is, and what is wrong with it.
    pub fn invalid(what: &str, problem: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Invalid, format!("{what} {problem}"))
    }

    /// A faulty definition: which one, and what is wrong with it.
    pub fn definition(what: &str, problem: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Definition, format!("{what}: {problem}"))
    }

    /// Something that this desk does not have.
    pub fn not_found(what: impl fmt::Display) -> Error {
        Error::new(ErrorKind::NotFound, format!("{what} is not known at this desk"))
    }

    /// A failure of the store, with its cause.
    pub fn storage(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error::new(ErrorKind::Storage, message).caused_by(source)
    }

    /// A read or write that this store does not know: it is older than the version of this crate that asks.
    pub fn unsupported(what: impl fmt::Debug) -> Error {
        let mut what = format!("{what:?}");
        if let Some(end) = what.find(['(', ' ', '{']) {
            what.truncate(end); // The variant's name alone: what follows may name people.
        }
        Error::new(ErrorKind::Storage, format!("this store does not support {what}"))
            .allowing("a version of the store that was made for this version of firstline")
    }

    /// The same error, saying what would have been allowed.
    #[must_use]
    pub fn allowing(mut self, allowed: impl Into<Cow<'static, str>>) -> Error {
        self.0.allowed = Some(allowed.into());
        self
    }

    /// The same error with its cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// The same error, saying in which part of the input it lies. Errors that are their facts stay as they are.
    pub(crate) fn within(mut self, part: impl fmt::Display) -> Error {
        if !self.0.message.is_empty() {
            self.0.message = format!("{part}: {}", self.0.message).into();
        }
        self
    }

    /// An error whose message and facts are those of `facts`, found again by [`Error::facts`].
    pub(crate) fn of(kind: ErrorKind, facts: impl StdError + Send + Sync + 'static) -> Error {
        Error::new(kind, "").caused_by(facts)
    }

    /// The typed facts inside, if they are of this type.
    pub(crate) fn facts<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What would have been allowed, where that can be said in a line.
    pub fn allowed(&self) -> Option<&str> {
        self.0.allowed.as_deref()
    }

    /// The input or a definition must be mended; trying again will not help.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Invalid | ErrorKind::Definition | ErrorKind::KeyReused)
    }

    /// The lifecycle or a policy refuses the action in the ticket's present state.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == ErrorKind::Rejected
    }

    /// The desk has no such ticket.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Somebody was faster: load the ticket again and decide anew.
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict
    }

    /// The store failed (including [`is_retryable`](Error::is_retryable) failures); nothing was half-written.
    pub fn is_storage(&self) -> bool {
        use ErrorKind::{Busy, Corrupt, Schema, Storage, Unknown};
        matches!(self.0.kind, Busy | Storage | Unknown | Schema | Corrupt)
    }

    /// The same call may succeed a moment later.
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Busy
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.0.message, &self.0.source) {
            // The facts are the message: see `Error::of`.
            ("", Some(facts)) => write!(f, "{facts}")?,
            (message, _) => f.write_str(message)?,
        }
        match &self.0.allowed {
            Some(allowed) => write!(f, "; allowed: {allowed}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.to_string());
        if let Some(source) = self.source() {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source: &(dyn StdError + 'static) = self.0.source.as_deref()?;
        // Facts that are the message itself are not repeated as their own cause.
        if self.0.message.is_empty() { source.source() } else { Some(source) }
    }
}

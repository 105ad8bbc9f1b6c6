//! The error type of the crate.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::text;

/// A result with the crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`]. Match on it, or use the predicates of [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An input breaks a documented rule: an empty subject, an undeclared field, a text that is too long.
    Invalid,
    /// A definition (priority matrix, calendar, workflow, policy) is faulty. It was rejected when it was built.
    Definition,
    /// The lifecycle, the workflow or the actor's permissions do not allow the action; see [`Error::rejection`].
    Rejected,
    /// The desk has no such ticket or definition.
    NotFound,
    /// The expected version is stale because of a concurrent change; see [`Error::conflict`].
    Conflict,
    /// The idempotency key was already used with a different request.
    KeyReused,
    /// The store was in use for longer than `acquire_timeout` in the store's options (default: ten seconds), or was
    /// briefly unreachable. Nothing was written. The call can be repeated.
    Busy,
    /// The store failed: disk full, I/O error, no permission. Nothing was partially written. If the disk fails or
    /// becomes full during a commit in SQLite, the kind is [`Unknown`](ErrorKind::Unknown) instead.
    Storage,
    /// The outcome of a commit is unknown: the connection broke during the commit, or the disk failed or became full,
    /// and the store could not determine the outcome afterwards. The command was written completely or not at all.
    /// Repeat the call with the same idempotency key, or read the data to find out.
    ///
    /// With SQLite, reading is conclusive only after a later write has succeeded. Until then the command is not
    /// visible, but it may appear once all programs that use the database have been killed.
    Unknown,
    /// The database schema is newer than this version of the crate, or was not created by it. The database was not
    /// changed.
    Schema,
    /// Stored data cannot be read: the file is not a firstline database, or its content was altered.
    Corrupt,
}

/// The error type of every fallible function in this crate.
///
/// Its predicates, such as [`is_retryable`](Error::is_retryable), show what the caller can do. The
/// [source](StdError::source) chain contains the cause. An error has the size of one pointer.
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
    /// Creates an error with a kind and a message, for stores in other crates.
    ///
    /// The message of an error about an input is one line: line breaks and changes of direction are escaped, and the
    /// middle of a message of more than 1,000 characters is left out. The input may come from anybody, and errors end
    /// up in logs. Messages of the other kinds are kept unchanged.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        let message = about_input(kind, message.into());
        Error(Box::new(Inner { kind, message, allowed: None, source: None }))
    }

    /// Creates an [`Invalid`](ErrorKind::Invalid) error. The message is `what`, the name of the input, followed by the
    /// problem.
    pub fn invalid(what: &str, problem: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Invalid, format!("{what} {problem}"))
    }

    /// Creates a [`Definition`](ErrorKind::Definition) error. The message is `what`, the name of the definition,
    /// followed by a colon and the problem.
    pub fn definition(what: &str, problem: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Definition, format!("{what}: {problem}"))
    }

    /// Creates a [`NotFound`](ErrorKind::NotFound) error for something that the desk does not have.
    pub fn not_found(what: impl fmt::Display) -> Error {
        Error::new(ErrorKind::NotFound, format!("{what} is not known at this desk"))
    }

    /// Creates a [`Storage`](ErrorKind::Storage) error with its cause.
    pub fn storage(
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Error {
        Error::new(ErrorKind::Storage, message).caused_by(source)
    }

    /// Creates a [`Storage`](ErrorKind::Storage) error for a read or write that a store does not support, because the
    /// store is older than this version of the crate.
    pub fn unsupported(what: impl fmt::Debug) -> Error {
        let mut what = format!("{what:?}");
        if let Some(end) = what.find(['(', ' ', '{']) {
            what.truncate(end); // Keep only the variant's name: its data may contain personal data.
        }
        Error::new(ErrorKind::Storage, format!("this store does not support {what}"))
            .allowing("a version of the store built for this version of firstline")
    }

    /// Adds a description of the allowed input to the message.
    #[must_use]
    pub fn allowing(mut self, allowed: impl Into<Cow<'static, str>>) -> Error {
        self.0.allowed = Some(about_input(self.0.kind, allowed.into()));
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(source.into());
        self
    }

    /// Prefixes the message with the faulty part of the input. Errors created by [`Error::of`] are unchanged.
    pub(crate) fn within(mut self, part: impl fmt::Display) -> Error {
        if !self.0.message.is_empty() {
            self.0.message = about_input(self.0.kind, format!("{part}: {}", self.0.message).into());
        }
        self
    }

    /// Creates an error whose message comes from typed facts. [`Error::facts`] returns the facts.
    pub(crate) fn of(kind: ErrorKind, facts: impl StdError + Send + Sync + 'static) -> Error {
        Error::new(kind, "").caused_by(facts)
    }

    /// Returns the typed facts if they have type `T`.
    pub(crate) fn facts<T: StdError + 'static>(&self) -> Option<&T> {
        self.0.source.as_ref()?.downcast_ref()
    }

    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the description of the allowed input, if there is one.
    pub fn allowed(&self) -> Option<&str> {
        self.0.allowed.as_deref()
    }

    /// Returns true if the input or a definition must be corrected. Repeating the call does not help.
    pub fn is_invalid(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Invalid | ErrorKind::Definition | ErrorKind::KeyReused)
    }

    /// Returns true if the lifecycle, the workflow or the actor's permissions do not allow the action now.
    pub fn is_rejected(&self) -> bool {
        self.0.kind == ErrorKind::Rejected
    }

    /// Returns true if the desk has no such ticket or definition.
    pub fn is_not_found(&self) -> bool {
        self.0.kind == ErrorKind::NotFound
    }

    /// Returns true if there was a concurrent change. Load the ticket again and decide based on its new state.
    pub fn is_conflict(&self) -> bool {
        self.0.kind == ErrorKind::Conflict
    }

    /// Returns true if the store failed, including [`is_retryable`](Error::is_retryable) failures. Nothing was
    /// partially written.
    pub fn is_storage(&self) -> bool {
        use ErrorKind::{Busy, Corrupt, Schema, Storage, Unknown};
        matches!(self.0.kind, Busy | Storage | Unknown | Schema | Corrupt)
    }

    /// Returns true if the same call may succeed a moment later. Nothing was written.
    pub fn is_retryable(&self) -> bool {
        self.0.kind == ErrorKind::Busy
    }
}

/// Returns a message on one line if it may contain a text from outside.
fn about_input(kind: ErrorKind, message: Cow<'static, str>) -> Cow<'static, str> {
    match kind {
        ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::KeyReused => {
            match text::shown(&message) {
                Cow::Borrowed(_) => message,
                Cow::Owned(shown) => shown.into(),
            }
        }
        _ => message,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&*self.0.message, &self.0.source) {
            // An error created by `Error::of`.
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
        // Facts that provide the message are not also reported as the cause.
        if self.0.message.is_empty() { source.source() } else { Some(source) }
    }
}

//! The failure of a check.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;

/// The difference between the expected and the actual behaviour of a store.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckFailure {
    /// The value or call that was checked.
    pub what: String,
    /// The expected value or outcome.
    pub wanted: String,
    /// The actual value or outcome.
    pub found: String,
    /// The error, if a call failed that should have succeeded.
    pub error: Option<Error>,
}

/// The number of characters after which a text in a failure is truncated.
const MOST: usize = 400;

impl CheckFailure {
    pub(super) fn new(
        what: impl fmt::Display,
        wanted: impl fmt::Display,
        found: impl fmt::Display,
    ) -> CheckFailure {
        let [what, wanted, found] = [what.to_string(), wanted.to_string(), found.to_string()].map(shortened);
        CheckFailure { what, wanted, found, error: None }
    }

    pub(super) fn panicked(panic: &(dyn Any + Send)) -> CheckFailure {
        let words = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        CheckFailure::new("the store", "no panic", format_args!("a panic: {words}"))
    }

    /// Prefixes the failure with its place.
    pub(super) fn at(mut self, place: impl fmt::Display) -> CheckFailure {
        self.what = shortened(format!("{place}: {}", self.what));
        self
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

impl From<Error> for CheckFailure {
    fn from(error: Error) -> CheckFailure {
        let found = CheckFailure::new("a call", "success", &error);
        CheckFailure { error: Some(error), ..found }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckFailure { what, wanted, found, .. } = self;
        write!(f, "{what}: expected {wanted}, found {found}")
    }
}

impl StdError for CheckFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.as_ref().map(|error| error as _)
    }
}

/// The result of a check or of a part of one.
pub(super) type Checked<T = ()> = Result<T, CheckFailure>;

/// Fails unless both values are equal.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: impl fmt::Display, found: T, wanted: T) -> Checked {
    if found == wanted {
        return Ok(());
    }
    let (found, wanted) = (format!("{found:?}"), format!("{wanted:?}"));
    let alike = found.chars().zip(wanted.chars()).take_while(|(left, right)| left == right).count();
    Err(CheckFailure::new(what, around(&wanted, alike), around(&found, alike)))
}

/// An excerpt of a long text around the character at `at`, where it differs from the other text.
fn around(text: &str, at: usize) -> String {
    const SEEN: usize = 160;
    let length = text.chars().count();
    let begin = if length > SEEN { at.saturating_sub(SEEN / 4) } else { 0 };
    let [before, after] = [begin > 0, begin + SEEN < length].map(|cut| if cut { "..." } else { "" });
    let seen: String = text.chars().skip(begin).take(SEEN).collect();
    format!("{before}{seen}{after}")
}

/// Fails unless the condition holds.
pub(super) fn holds(what: impl fmt::Display, wanted: &str, it_does: bool) -> Checked {
    if it_does { Ok(()) } else { Err(CheckFailure::new(what, wanted, "something else")) }
}

/// Fails unless the call was refused. Returns its error.
pub(super) fn refused<T: fmt::Debug>(what: impl fmt::Display, result: Result<T, Error>) -> Checked<Error> {
    match result {
        Ok(done) => Err(CheckFailure::new(what, "an error", format_args!("success: {done:?}"))),
        Err(error) => Ok(error),
    }
}

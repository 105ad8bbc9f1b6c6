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
    pub subject: String,
    /// The expected value or outcome.
    pub expected: String,
    /// The actual value or outcome.
    pub actual: String,
    /// The error, if a call failed that should have succeeded.
    pub error: Option<Error>,
}

/// The number of characters after which a text in a failure is truncated.
const MOST: usize = 400;

impl CheckFailure {
    pub(super) fn new(
        subject: impl fmt::Display,
        expected: impl fmt::Display,
        actual: impl fmt::Display,
    ) -> CheckFailure {
        let [subject, expected, actual] =
            [subject.to_string(), expected.to_string(), actual.to_string()].map(shortened);
        CheckFailure { subject, expected, actual, error: None }
    }

    pub(super) fn panicked(panic: &(dyn Any + Send)) -> CheckFailure {
        let words = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        CheckFailure::new("the store", "no panic", format_args!("a panic: {words}"))
    }

    /// Prefixes the failure with its place.
    pub(super) fn at(mut self, place: impl fmt::Display) -> CheckFailure {
        self.subject = shortened(format!("{place}: {}", self.subject));
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
        let actual = CheckFailure::new("a call", "success", &error);
        CheckFailure { error: Some(error), ..actual }
    }
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CheckFailure { subject, expected, actual, .. } = self;
        write!(f, "{subject}: expected {expected}, found {actual}")
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
pub(super) fn same<T: PartialEq + fmt::Debug>(subject: impl fmt::Display, actual: T, expected: T) -> Checked {
    if actual == expected {
        return Ok(());
    }
    let (actual, expected) = (format!("{actual:?}"), format!("{expected:?}"));
    let alike = actual.chars().zip(expected.chars()).take_while(|(left, right)| left == right).count();
    Err(CheckFailure::new(subject, around(&expected, alike), around(&actual, alike)))
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
pub(super) fn holds(subject: impl fmt::Display, expected: &str, it_does: bool) -> Checked {
    if it_does { Ok(()) } else { Err(CheckFailure::new(subject, expected, "something else")) }
}

/// Fails unless the call was refused. Returns its error.
pub(super) fn refused<T: fmt::Debug>(subject: impl fmt::Display, result: Result<T, Error>) -> Checked<Error> {
    match result {
        Ok(done) => Err(CheckFailure::new(subject, "an error", format_args!("success: {done:?}"))),
        Err(error) => Ok(error),
    }
}

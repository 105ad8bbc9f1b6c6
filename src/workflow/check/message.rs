//! Messages that several checks share.

use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::suggest;

/// The maximum number of names in a message.
const MAX_NAMES: usize = 50;
/// After this many diagnostics, an unknown name is reported without a suggestion and without the list of known names.
/// Both cost time and space in proportion to the number of names.
const MAX_DETAILED: usize = 50;

/// Formats names as a list, for messages.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let listed: Vec<String> = names.by_ref().take(MAX_NAMES).map(|it| format!("{it:?}")).collect();
    match (listed.is_empty(), names.count()) {
        (true, _) => "none".to_owned(),
        (false, 0) => listed.join(", "),
        (false, more) => format!("{} and {more} more", listed.join(", ")),
    }
}

/// The message for an unknown name, with the nearest known name and the list of all known names.
pub(super) fn unknown<'a, Names: Iterator<Item = &'a str>>(
    (noun, plural): (&str, &str),
    name: &str,
    known: impl Fn() -> Names,
    found: &[Diagnostic],
) -> String {
    if found.len() >= MAX_DETAILED {
        return format!("the {noun} {name:?} is not known");
    }
    format!("the {noun} {name:?} {}; {plural}: {}", suggest::unknown(name, known()), listed(known()))
}

/// Reports a diagnostic that names another part between the halves of its message.
pub(super) fn report_two(
    found: &mut Vec<Diagnostic>,
    kind: DiagnosticKind,
    path: String,
    halves: [String; 2],
    other: String,
) {
    found.push(Diagnostic::about_two(kind, path, halves, other));
}

pub(super) fn report(
    found: &mut Vec<Diagnostic>,
    kind: DiagnosticKind,
    path: impl Into<String>,
    message: impl Into<String>,
) {
    found.push(Diagnostic::new(kind, path, message));
}

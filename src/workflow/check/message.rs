//! The words of the findings that several checks have in common.

use crate::suggest;
use crate::workflow::diagnostic::{Diagnostic, DiagnosticKind};

/// How many names a message lists.
const LISTED: usize = 50;
/// After how many findings an unknown name is told alone: to suggest another and to list them all takes time and room
/// for every name that there is.
const TOLD_IN_FULL: usize = 50;

/// Names in a list, for messages.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let listed: Vec<String> = names.by_ref().take(LISTED).map(|it| format!("{it:?}")).collect();
    match (listed.is_empty(), names.count()) {
        (true, _) => "none".to_owned(),
        (false, 0) => listed.join(", "),
        (false, more) => format!("{} and {more} more", listed.join(", ")),
    }
}

/// That nothing is called so: with what was probably meant, and with all that there is.
pub(super) fn unknown<'a, Names: Iterator<Item = &'a str>>(
    (what, several): (&str, &str),
    name: &str,
    known: impl Fn() -> Names,
    found: &[Diagnostic],
) -> String {
    if found.len() >= TOLD_IN_FULL {
        return format!("the {what} {name:?} is not known");
    }
    format!("the {what} {name:?} {}; {several}: {}", suggest::unknown(name, known()), listed(known()))
}

pub(super) fn find(
    found: &mut Vec<Diagnostic>,
    kind: DiagnosticKind,
    path: impl Into<String>,
    message: impl Into<String>,
) {
    found.push(Diagnostic::new(kind, path, message));
}

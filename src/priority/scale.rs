//! A scale: the names of its levels, in order of rank.

use std::collections::BTreeSet;

use super::level::MAX_RANK;
use crate::diagnostic::{Diagnostic, DiagnosticKind};
use crate::error::{Error, ErrorKind, Result};
use crate::suggest;
use crate::text;

/// The maximum length of a level or modifier name, in characters.
const MAX_NAME: usize = 60;

/// The names of the levels, rank 1 first. A valid scale has 1 to [`MAX_RANK`] different names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scale {
    /// The kind of level, for messages: `impact`, `urgency` or `priority`.
    noun: &'static str,
    names: Vec<String>,
}

impl Scale {
    /// Creates a scale without checking it; [`Scale::faults`] does.
    pub(super) fn new(noun: &'static str, names: Vec<String>) -> Scale {
        Scale { noun, names }
    }

    /// Adds the faults of the scale, which is the list with this key, to `faults`.
    pub(super) fn faults(&self, key: &str, faults: &mut Vec<Diagnostic>) {
        let Scale { noun, names } = self;
        if names.is_empty() {
            let message = format!("there is no {noun}; at least one is needed");
            faults.push(Diagnostic::new(DiagnosticKind::Incomplete, key, message));
        }
        if self.is_too_long() {
            let message =
                format!("the scale of {noun} has {} levels; at most {MAX_RANK} are allowed", names.len());
            faults.push(Diagnostic::new(DiagnosticKind::LimitExceeded, key, message));
        }
        name_faults(noun, names, |place| format!("{key}[{place}]"), faults);
    }

    /// Returns the key of the scale in the written form.
    pub(super) fn key(&self) -> &'static str {
        match self.noun {
            "impact" => "impacts",
            "urgency" => "urgencies",
            _ => "priorities",
        }
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.names.len() > usize::from(MAX_RANK)
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the index of the name, counted from 0.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Returns a message such as `impact "hgih" is not known (did you mean "high"?)`.
    pub(super) fn unknown(&self, name: &str) -> String {
        format!("{} {name:?} {}", self.noun, suggest::unknown(name, self.names.iter().map(String::as_str)))
    }

    /// Returns the index of the name, or an error that lists all names.
    pub(super) fn find(&self, name: &str) -> Result<usize> {
        self.index(name)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, self.unknown(name)).allowing(self.names.join(", ")))
    }

    /// Returns the index of this rank; for a rank beyond the scale, the index of its lowest level.
    pub(super) fn index_within(&self, rank: u8) -> usize {
        usize::from(rank).clamp(1, self.names.len()) - 1
    }

    /// Returns the name at this rank, or an error that lists all ranks.
    pub(super) fn name(&self, rank: u8) -> Result<&str> {
        match self.names.get(usize::from(rank).wrapping_sub(1)) {
            Some(name) => Ok(name),
            None => {
                let levels = self.names.iter().zip(1..).map(|(name, rank)| format!("{rank} ({name})"));
                let problem = format_args!("{rank} is not in the matrix").to_string();
                Err(Error::invalid(self.noun, problem).allowing(levels.collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

/// Adds a fault for each name that is blank, too long or repeated, or has blanks at the ends or invisible characters.
/// `path` returns the path of a name.
pub(super) fn name_faults<N: AsRef<str>>(
    noun: &str,
    names: &[N],
    path: impl Fn(usize) -> String,
    faults: &mut Vec<Diagnostic>,
) {
    let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for (index, name) in names.iter().map(AsRef::as_ref).enumerate() {
        let problem = if name.trim().is_empty() {
            Some(format!("{noun} number {} has no name", index + 1))
        } else if text::normal(name) != name || name.chars().any(char::is_control) {
            Some(format!("{noun} {name:?} has blanks at the ends, or invisible or control characters"))
        } else if name.chars().count() > MAX_NAME {
            Some(format!("{noun} {name:?} is longer than {MAX_NAME} characters"))
        } else {
            None
        };
        faults.extend(problem.map(|problem| Diagnostic::new(DiagnosticKind::BadName, path(index), problem)));
        if !seen.insert(name) && repeated.insert(name) {
            let problem = format!("{noun} {name:?} is declared twice");
            faults.push(Diagnostic::new(DiagnosticKind::Duplicate, path(index), problem));
        }
    }
}

//! A scale: the names of its levels, the first being rank 1.

use std::collections::BTreeSet;

use super::level::MAX_RANK;
use crate::error::{Error, ErrorKind, Result};
use crate::suggest;

/// The longest name of a level or modifier, in characters.
const MAX_NAME: usize = 60;

/// Between 1 and [`MAX_RANK`] different names; what they stand for is a word for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scale {
    what: &'static str,
    names: Vec<String>,
}

impl Scale {
    /// A scale of names already checked with [`Scale::faults`].
    pub(super) fn new(what: &'static str, names: Vec<String>) -> Scale {
        Scale { what, names }
    }

    /// What is wrong with these names.
    pub(super) fn faults(&self, faults: &mut Vec<String>) {
        let Scale { what, names } = self;
        if names.is_empty() {
            faults.push(format!("there is no {what}; one at least is needed"));
        }
        if self.is_too_long() {
            faults.push(format!(
                "the scale of {what} has {} levels; {MAX_RANK} at most are allowed",
                names.len()
            ));
        }
        name_faults(what, names.iter().map(String::as_str), faults);
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

    /// The place of this name, from 0.
    pub(super) fn index(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// `impact "hgih" is not known (did you mean "high"?)`
    pub(super) fn unknown(&self, name: &str) -> String {
        format!("{} {name:?} {}", self.what, suggest::unknown(name, self.names.iter().map(String::as_str)))
    }

    /// The place of the name that somebody gave, or a refusal that says what there is.
    pub(super) fn find(&self, name: &str) -> Result<usize> {
        self.index(name)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, self.unknown(name)).allowing(self.names.join(", ")))
    }

    /// The name of this rank, or a refusal that says which there are.
    pub(super) fn name(&self, rank: u8) -> Result<&str> {
        match self.names.get(usize::from(rank).wrapping_sub(1)) {
            Some(name) => Ok(name),
            None => {
                let levels = self.names.iter().zip(1..).map(|(name, rank)| format!("{rank} ({name})"));
                let problem = format_args!("{rank} is not in the matrix").to_string();
                Err(Error::invalid(self.what, problem).allowing(levels.collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

/// What is wrong with these names: blank, overlong, with blanks around, or given twice.
pub(super) fn name_faults<'a>(what: &str, names: impl Iterator<Item = &'a str>, faults: &mut Vec<String>) {
    let (mut seen, mut again) = (BTreeSet::new(), BTreeSet::new());
    for (index, name) in names.enumerate() {
        if name.trim().is_empty() {
            faults.push(format!("number {} of {what} has no name", index + 1));
        } else if name.trim() != name || name.chars().any(char::is_control) {
            faults.push(format!("{what} {name:?} has blanks around it, or control characters"));
        } else if name.chars().count() > MAX_NAME {
            faults.push(format!("{what} {name:?} is longer than {MAX_NAME} characters"));
        }
        if !seen.insert(name) && again.insert(name) {
            faults.push(format!("{what} {name:?} is declared twice"));
        }
    }
}

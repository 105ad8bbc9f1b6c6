//! The lines of support.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The line of support on which a team stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// Answers first.
    #[default]
    First,
    /// Knows more.
    Second,
    /// Knows most: developers, engineers.
    Third,
    /// Outside the company: a supplier.
    External,
}

impl Line {
    /// The name as it is written: `first`, `second`, `third`, `external`.
    pub const fn name(self) -> &'static str {
        match self {
            Line::First => "first",
            Line::Second => "second",
            Line::Third => "third",
            Line::External => "external",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Line::First => "1st line",
            Line::Second => "2nd line",
            Line::Third => "3rd line",
            Line::External => "external",
        })
    }
}

//! Support lines.

use serde::{Deserialize, Serialize};

use crate::language::words_by_name;

/// The support line of a team.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first line, which receives new requests.
    #[default]
    First,
    /// The second line, with more expertise than the first.
    Second,
    /// The third line: developers and engineers.
    Third,
    /// A supplier outside the company.
    External,
}

impl Line {
    /// All lines, first to last.
    pub const ALL: [Line; 4] = [Line::First, Line::Second, Line::Third, Line::External];

    /// Returns the serialized name: `first`, `second`, `third` or `external`.
    pub const fn name(self) -> &'static str {
        match self {
            Line::First => "first",
            Line::Second => "second",
            Line::Third => "third",
            Line::External => "external",
        }
    }
}

words_by_name!(Line, "line", |line| line.name());

//! The levels of impact, urgency and priority: numbers from 1, the highest level.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest rank that a scale can have. Ranks start at 1.
pub const MAX_RANK: u8 = 9;

/// Declares a level type: a rank from 1 to [`MAX_RANK`], serialized as a number.
macro_rules! level {
    ($(#[$doc:meta])* $name:ident, $what:literal, $more:ident, $shown:literal, $($constant:ident = $rank:literal),+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u8", into = "u8")]
        pub struct $name(u8);

        impl $name {
            $(
                #[doc = concat!("Rank ", $rank, ".")]
                pub const $constant: $name = $name($rank);
            )+

            /// Creates the level with this rank. Rank 1 is the highest.
            ///
            /// # Errors
            ///
            /// [Invalid](crate::ErrorKind::Invalid) if the rank is 0 or greater than [`MAX_RANK`]. A matrix with a
            /// smaller scale rejects the level when it is used with that matrix.
            pub fn new(rank: u8) -> Result<$name> {
                match rank {
                    1..=MAX_RANK => Ok($name(rank)),
                    _ => Err(Error::invalid($what, format_args!("{rank} is out of range"))
                        .allowing("1 to 9, where 1 is the highest")),
                }
            }

            /// Returns the rank, starting at 1.
            pub const fn rank(self) -> u8 {
                self.0
            }

            /// Returns true if this level is higher than the other, which means that its rank is smaller.
            pub const fn $more(self, other: $name) -> bool {
                self.0 < other.0
            }

            /// Returns the level at this index of a scale, counted from 0. The rank is limited to [`MAX_RANK`].
            pub(super) fn at(index: usize) -> $name {
                $name(u8::try_from(index).map_or(MAX_RANK, |index| index.saturating_add(1).min(MAX_RANK)))
            }
        }

        impl TryFrom<u8> for $name {
            type Error = Error;

            fn try_from(rank: u8) -> Result<$name> {
                $name::new(rank)
            }
        }

        impl From<$name> for u8 {
            fn from(level: $name) -> u8 {
                level.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($shown, "{}"), self.0)
            }
        }
    };
}

level! {
    /// The severity of an issue: the number of people or the amount of business affected. 1 is the most severe.
    ///
    /// Levels are ordered by rank, so the most severe is the smallest and sorts first.
    ///
    /// ```
    /// use firstline::Impact;
    ///
    /// assert!(Impact::HIGH < Impact::LOW && Impact::HIGH.is_more_severe_than(Impact::LOW));
    /// assert_eq!(Impact::HIGH.to_string(), "impact 1");
    /// assert!(Impact::new(0).is_err());
    /// ```
    Impact, "impact", is_more_severe_than, "impact ", HIGH = 1, MEDIUM = 2, LOW = 3
}
level! {
    /// The urgency of an issue: the time within which it must be solved. 1 is the most urgent.
    ///
    /// Levels are ordered by rank, so the most urgent is the smallest and sorts first.
    Urgency, "urgency", is_more_urgent_than, "urgency ", HIGH = 1, MEDIUM = 2, LOW = 3
}
level! {
    /// The priority of a ticket. P1 is handled before P2.
    ///
    /// Levels are ordered by rank, so the most urgent is the smallest and sorts first.
    /// [`is_more_urgent_than`](Priority::is_more_urgent_than) makes a comparison easier to read.
    ///
    /// ```
    /// use firstline::Priority;
    ///
    /// assert!(Priority::P1 < Priority::P2 && Priority::P1.is_more_urgent_than(Priority::P2));
    /// assert_eq!(Priority::P2.to_string(), "P2");
    /// assert_eq!(serde_json::to_string(&Priority::P2).unwrap(), "2");
    /// ```
    Priority, "priority", is_more_urgent_than, "P", P1 = 1, P2 = 2, P3 = 3, P4 = 4, P5 = 5
}

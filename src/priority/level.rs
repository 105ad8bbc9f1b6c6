//! The three scales' levels: small numbers, 1 being the gravest.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest scale: ranks run from 1 to 9 at most.
pub const MAX_RANK: u8 = 9;

/// Declares a level: a rank from 1 to [`MAX_RANK`], written as a plain number.
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

            /// The level of this rank; 1 comes first.
            ///
            /// # Errors
            ///
            /// [Invalid](crate::ErrorKind::Invalid) when the rank is 0 or beyond [`MAX_RANK`]. Whether a matrix
            /// has such a level is asked when it is used.
            pub fn new(rank: u8) -> Result<$name> {
                match rank {
                    1..=MAX_RANK => Ok($name(rank)),
                    _ => Err(Error::invalid($what, format_args!("{rank} is not on any scale"))
                        .allowing("1 to 9, 1 comes first")),
                }
            }

            /// The rank, from 1.
            pub const fn rank(self) -> u8 {
                self.0
            }

            /// Whether this comes before the other: its rank is smaller.
            pub const fn $more(self, other: $name) -> bool {
                self.0 < other.0
            }

            /// The level at this place of a scale, counted from 0. A scale has at most [`MAX_RANK`] places.
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
    /// How bad it is: how many people or how much business are affected. 1 is the gravest.
    ///
    /// The order is that of the ranks, so the gravest is the smallest and sorts first.
    ///
    /// ```
    /// use firstline::Impact;
    ///
    /// assert!(Impact::HIGH < Impact::LOW && Impact::HIGH.is_graver_than(Impact::LOW));
    /// assert_eq!(Impact::HIGH.to_string(), "impact 1");
    /// assert!(Impact::new(0).is_err());
    /// ```
    Impact, "impact", is_graver_than, "impact ", HIGH = 1, MEDIUM = 2, LOW = 3
}
level! {
    /// How soon it must be solved. 1 is the most urgent.
    ///
    /// The order is that of the ranks, so the most urgent is the smallest and sorts first.
    Urgency, "urgency", is_more_urgent_than, "urgency ", HIGH = 1, MEDIUM = 2, LOW = 3
}
level! {
    /// What comes first: P1 before P2.
    ///
    /// The order is that of the ranks, so the most urgent is the smallest and sorts first; who wants to say it
    /// in words has [`is_more_urgent_than`](Priority::is_more_urgent_than).
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

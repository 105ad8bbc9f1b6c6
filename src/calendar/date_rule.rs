//! Date rules and holidays.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// A single date (`2026-12-25`) or the same day of every year (`12-25`).
///
/// `02-29` matches in leap years only. Years range from 1 to 9999.
///
/// ```
/// use firstline::calendar::DateRule;
///
/// assert!(matches!("2026-04-06".parse()?, DateRule::On(_)));
/// assert_eq!("12-25".parse::<DateRule>()?, DateRule::Every { month: 12, day: 25 });
/// assert!("02-30".parse::<DateRule>().is_err());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum DateRule {
    /// A single date.
    On(NaiveDate),
    /// The same day of every year.
    Every {
        /// The month, from 1 to 12.
        month: u8,
        /// The day of the month, from 1 to 31.
        day: u8,
    },
}

impl FromStr for DateRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<DateRule, Error> {
        let invalid = || {
            Error::definition("date", format!("{text:?} is not a date"))
                .allowing("2026-12-25, or 12-25 for every year")
        };
        let shape: Vec<usize> = text.split('-').map(str::len).collect();
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return Err(invalid());
        }
        match shape[..] {
            [4, 2, 2] => match text.parse::<NaiveDate>() {
                Ok(date) if !text.starts_with("0000") => Ok(DateRule::On(date)),
                _ => Err(invalid()),
            },
            // 2000 is a leap year, so it has every day that any year has.
            [2, 2] => {
                match (format!("2000-{text}").parse::<NaiveDate>(), text[..2].parse(), text[3..].parse()) {
                    (Ok(_), Ok(month), Ok(day)) => Ok(DateRule::Every { month, day }),
                    _ => Err(invalid()),
                }
            }
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for DateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DateRule::On(date) => write!(f, "{date}"),
            DateRule::Every { month, day } => write!(f, "{month:02}-{day:02}"),
        }
    }
}

impl TryFrom<String> for DateRule {
    type Error = Error;

    fn try_from(text: String) -> Result<DateRule, Error> {
        text.parse()
    }
}

impl From<DateRule> for String {
    fn from(rule: DateRule) -> String {
        rule.to_string()
    }
}

/// A day on which no shift opens, with an optional name.
///
/// In JSON and TOML, a holiday is a date (`"12-25"`) or a named date (`{"date": "12-25", "name": "Christmas Day"}`).
///
/// ```
/// use firstline::calendar::Holiday;
///
/// let holidays: Vec<Holiday> = serde_json::from_str(r#"["2026-04-06", {"date": "12-25", "name": "Christmas"}]"#)?;
/// assert_eq!(holidays[1].name(), "Christmas");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Holiday {
    on: DateRule,
    name: String,
}

impl Holiday {
    /// Creates a holiday. The name may be empty.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if an annual rule names a day that no year has, or if a date's year
    /// is outside 1 to 9999.
    pub fn new(on: DateRule, name: impl Into<String>) -> Result<Holiday, Error> {
        // The public fields of `DateRule` can hold invalid values. Formatting and parsing the rule checks them.
        let on = on.to_string().parse()?;
        Ok(Holiday { on, name: name.into() })
    }

    /// Creates a holiday from a rule that has already been checked.
    pub(super) fn on_checked(on: DateRule, name: &str) -> Holiday {
        Holiday { on, name: name.to_owned() }
    }

    /// Returns the date rule of the holiday.
    pub fn on(&self) -> DateRule {
        self.on
    }

    /// Returns the name. It is empty if the holiday has none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The serialized form of a holiday with a name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename = "holiday")]
struct Named {
    date: DateRule,
    name: String,
}

impl Serialize for Holiday {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.name.as_str() {
            "" => self.on.serialize(to),
            name => Named { date: self.on, name: name.to_owned() }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Holiday {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Holiday, D::Error> {
        struct DateOrNamed;

        impl<'de> Visitor<'de> for DateOrNamed {
            type Value = Holiday;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date such as \"12-25\", or { date = \"12-25\", name = \"Christmas Day\" }")
            }

            fn visit_str<E: serde::de::Error>(self, date: &str) -> Result<Holiday, E> {
                let on = date.parse().map_err(E::custom)?;
                Ok(Holiday { on, name: String::new() })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Holiday, A::Error> {
                let Named { date, name } = Named::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Holiday { on: date, name })
            }
        }

        from.deserialize_any(DateOrNamed)
    }
}

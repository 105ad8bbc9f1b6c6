//! Date rules and holidays.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

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

    fn from_str(text: &str) -> Result<DateRule> {
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

    fn try_from(text: String) -> Result<DateRule> {
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "HolidayRepr", into = "HolidayRepr")]
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
    pub fn new(on: DateRule, name: impl Into<String>) -> Result<Holiday> {
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

/// The serialized form of a holiday: a plain date if it has no name.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a date, or {\"date\": ..., \"name\": ...}")]
enum HolidayRepr {
    Date(String),
    NamedHoliday(NamedHoliday),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedHoliday {
    date: String,
    name: String,
}

impl TryFrom<HolidayRepr> for Holiday {
    type Error = Error;

    fn try_from(repr: HolidayRepr) -> Result<Holiday> {
        let (date, name) = match repr {
            HolidayRepr::Date(date) => (date, String::new()),
            HolidayRepr::NamedHoliday(NamedHoliday { date, name }) => (date, name),
        };
        Ok(Holiday { on: date.parse()?, name })
    }
}

impl From<Holiday> for HolidayRepr {
    fn from(holiday: Holiday) -> HolidayRepr {
        let date = holiday.on.to_string();
        if holiday.name.is_empty() {
            HolidayRepr::Date(date)
        } else {
            HolidayRepr::NamedHoliday(NamedHoliday { date, name: holiday.name })
        }
    }
}

//! Occasions: a date, or the same day of every year.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// One date (`2026-12-25`), or the same day of every year (`12-25`).
///
/// `02-29` is an occasion of leap years. Years go from 1 to 9999.
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
    /// On this date.
    On(NaiveDate),
    /// Every year on this day of this month, the first being 1.
    Every {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
}

impl FromStr for DateRule {
    type Err = Error;

    fn from_str(text: &str) -> Result<DateRule> {
        let refused = || {
            Error::definition("date", format!("{text:?} is no date"))
                .allowing("2026-12-25, or 12-25 for every year")
        };
        let shape: Vec<usize> = text.split('-').map(str::len).collect();
        if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return Err(refused());
        }
        match shape[..] {
            [4, 2, 2] => match text.parse::<NaiveDate>() {
                Ok(date) if !text.starts_with("0000") => Ok(DateRule::On(date)),
                _ => Err(refused()),
            },
            // The year 2000 had every day that any year has.
            [2, 2] => {
                match (format!("2000-{text}").parse::<NaiveDate>(), text[..2].parse(), text[3..].parse()) {
                    (Ok(_), Ok(month), Ok(day)) => Ok(DateRule::Every { month, day }),
                    _ => Err(refused()),
                }
            }
            _ => Err(refused()),
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
    fn from(occasion: DateRule) -> String {
        occasion.to_string()
    }
}

/// A day on which nothing opens, with its name if it has one.
///
/// In JSON and TOML it is a date alone, or `{"date": "12-25", "name": "Christmas Day"}`.
///
/// ```
/// use firstline::calendar::Holiday;
///
/// let holidays: Vec<Holiday> = serde_json::from_str(r#"["2026-04-06", {"date": "12-25", "name": "Christmas"}]"#)?;
/// assert_eq!(holidays[1].name(), "Christmas");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Holiday {
    on: DateRule,
    name: String,
}

impl Holiday {
    /// A holiday with a name, which may be empty.
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if an annual occasion is not a day of the calendar, or the
    /// date's year is outside 1 to 9999.
    pub fn new(on: DateRule, name: impl Into<String>) -> Result<Holiday> {
        // An occasion built in code is held to the same rules as a written one.
        let on = on.to_string().parse()?;
        Ok(Holiday { on, name: name.into() })
    }

    /// A holiday on an occasion that has been checked.
    pub(super) fn on_checked(on: DateRule, name: &str) -> Holiday {
        Holiday { on, name: name.to_owned() }
    }

    /// When it is.
    pub fn on(&self) -> DateRule {
        self.on
    }

    /// Its name, or an empty text.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// How a holiday is written: its date alone where it has no name.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a date, or {\"date\": ..., \"name\": ...}")]
enum Written {
    Date(String),
    Named(Named),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    date: String,
    name: String,
}

impl TryFrom<Written> for Holiday {
    type Error = Error;

    fn try_from(written: Written) -> Result<Holiday> {
        let (date, name) = match written {
            Written::Date(date) => (date, String::new()),
            Written::Named(Named { date, name }) => (date, name),
        };
        Ok(Holiday { on: date.parse()?, name })
    }
}

impl From<Holiday> for Written {
    fn from(holiday: Holiday) -> Written {
        let date = holiday.on.to_string();
        if holiday.name.is_empty() {
            Written::Date(date)
        } else {
            Written::Named(Named { date, name: holiday.name })
        }
    }
}

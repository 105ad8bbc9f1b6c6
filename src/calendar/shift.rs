//! Shifts: intervals of wall-clock time that open on a date.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Minutes in a day.
pub(super) const DAY: u16 = 24 * 60;

/// An open interval between two wall-clock times: `09:00-17:00`.
///
/// The opening minute is included, the closing minute is not. If the closing time is before the opening time, the shift
/// crosses midnight and ends on the next date. A shift belongs to the date on which it opens. `00:00-24:00` is the
/// whole day. In JSON and TOML, a shift is a pair: `["22:00", "06:00"]`.
///
/// ```
/// use firstline::calendar::Shift;
///
/// let night: Shift = "22:00-06:00".parse()?;
/// assert_eq!(night.minutes(), 8 * 60);
/// assert!("09:00-09:00".parse::<Shift>().is_err());
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct Shift {
    /// The opening time in minutes after midnight, from 0 to 1439.
    open: u16,
    /// The closing time in minutes after the same midnight. Greater than `open`, by at most a day.
    close: u16,
}

impl Shift {
    /// Creates a shift from `open` (`"00:00"` to `"23:59"`) to `close` (`"00:00"` to `"24:00"`).
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if a time is not `HH:MM` or is out of range, or if both are the
    /// same.
    pub fn new(open: &str, close: &str) -> Result<Shift> {
        let (from, to) = (clock_time(open)?, clock_time(close)?);
        if from == DAY {
            return Err(
                Error::definition("hours", "a shift cannot open at 24:00").allowing("00:00 of the next day")
            );
        }
        if from == to {
            return Err(Error::definition("hours", format!("a shift opens and closes at {open}"))
                .allowing("00:00-24:00 for the whole day, or no shift on a closed day"));
        }
        // Closing at 00:00 and closing at 24:00 give the same shift.
        let close = if to > from { to } else { to + DAY };
        Ok(Shift { open: from, close })
    }

    /// The shift `00:00-24:00`.
    pub(super) const WHOLE_DAY: Shift = Shift { open: 0, close: DAY };

    /// Returns the length in minutes, on a day without a clock change.
    pub fn minutes(self) -> u16 {
        self.close - self.open
    }

    /// Returns true if the shift ends after midnight, on the date after the one on which it opens.
    pub fn crosses_midnight(self) -> bool {
        self.close > DAY
    }

    /// Returns the opening and closing times in seconds after the local midnight of the shift's date.
    pub(super) fn seconds(self) -> (i64, i64) {
        (i64::from(self.open) * 60, i64::from(self.close) * 60)
    }
}

/// Parses text such as `"09:00-12:30, 13:30-17:00"` into shifts, in order and without overlaps.
pub(super) fn parse_hours(text: &str) -> Result<Vec<Shift>> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect::<Result<_>>()
        .map(union)
}

/// Sorts shifts and joins those that touch or overlap, so that equivalent hours compare equal.
///
/// Only shifts that open on the same date are joined. A shift that crosses midnight is not joined with a shift of the
/// next date, because a holiday can remove one and keep the other.
pub(super) fn union(mut shifts: Vec<Shift>) -> Vec<Shift> {
    shifts.sort_unstable();
    let mut joined: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match joined.last_mut() {
            // Two shifts stay separate if their union is too long to be written as one shift.
            Some(last)
                if shift.open <= last.close && last.close.max(shift.close) - last.open <= longest(last) =>
            {
                last.close = last.close.max(shift.close);
            }
            _ => joined.push(shift),
        }
    }
    joined
}

/// Returns the length in minutes of the longest shift that can be written with this opening time.
fn longest(shift: &Shift) -> u16 {
    if shift.open == 0 { DAY } else { DAY - 1 }
}

/// Returns the shifts with a break removed.
pub(super) fn without(shifts: &[Shift], pause: Shift) -> Result<Vec<Shift>> {
    let inside = |shift: &Shift| shift.open <= pause.open && pause.close <= shift.close;
    if pause.crosses_midnight() || !shifts.iter().any(inside) {
        return Err(Error::definition("break", format!("{pause} is not inside a shift of its day"))
            .allowing(
                "breaks inside a shift and before midnight; write a night shift with a break as two shifts",
            ));
    }
    let mut remaining = Vec::with_capacity(shifts.len() + 1);
    for &shift in shifts {
        if !inside(&shift) {
            remaining.push(shift);
            continue;
        }
        if shift.open < pause.open {
            remaining.push(Shift { open: shift.open, close: pause.open });
        }
        match pause.close {
            close if close == shift.close => {}
            // The rest of a night shift would open at 24:00, which belongs to the next date.
            DAY => {
                return Err(Error::definition("break", format!("{pause} ends at midnight inside {shift}"))
                    .allowing(
                        "breaks that end before midnight; write a night shift with a break as two shifts",
                    ));
            }
            close => remaining.push(Shift { open: close, close: shift.close }),
        }
    }
    Ok(remaining)
}

fn clock_time(text: &str) -> Result<u16> {
    let digits = |part: &str| match part.as_bytes() {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(u16::from(a - b'0') * 10 + u16::from(b - b'0')),
        _ => None,
    };
    let minutes = text.split_once(':').and_then(|(hours, minutes)| Some((digits(hours)?, digits(minutes)?)));
    match minutes {
        Some((hours @ 0..=23, minutes @ 0..=59)) => Ok(hours * 60 + minutes),
        Some((24, 0)) => Ok(DAY),
        _ => Err(Error::definition("hours", format!("{text:?} is not a time of day"))
            .allowing("00:00 to 24:00 as HH:MM")),
    }
}

fn format_minutes(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = (*self).into();
        write!(f, "{open}-{close}")
    }
}

impl FromStr for Shift {
    type Err = Error;

    fn from_str(text: &str) -> Result<Shift> {
        match text.split_once('-') {
            Some((open, close)) => Shift::new(open.trim(), close.trim()),
            None => {
                Err(Error::definition("hours", format!("{text:?} is not a shift")).allowing("09:00-17:00"))
            }
        }
    }
}

impl TryFrom<(String, String)> for Shift {
    type Error = Error;

    fn try_from((open, close): (String, String)) -> Result<Shift> {
        Shift::new(&open, &close)
    }
}

impl From<Shift> for (String, String) {
    fn from(shift: Shift) -> (String, String) {
        let close = if shift.crosses_midnight() { shift.close - DAY } else { shift.close };
        (format_minutes(shift.open), format_minutes(close))
    }
}

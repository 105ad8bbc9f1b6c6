//! Shifts: stretches of wall-clock time that open on a date.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

/// Open from one wall-clock time to another: `09:00-17:00`.
///
/// The opening minute is in, the closing minute is out. A shift that closes at or before its opening time
/// crosses midnight and ends on the next date; it belongs to the date on which it opens. `00:00-24:00` is the
/// whole day. Written as a pair in JSON and TOML: `["22:00", "06:00"]`.
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
    /// 0 to 1439.
    open: u16,
    /// Minutes after the date's midnight at which it closes: more than `open`, and less than a day after it.
    close: u16,
}

impl Shift {
    /// The shift from `open` (`"00:00"` to `"23:59"`) to `close` (`"00:00"` to `"24:00"`).
    ///
    /// # Errors
    /// [`Definition`](crate::ErrorKind::Definition) if a time is not `HH:MM`, or if both are the same.
    pub fn new(open: &str, close: &str) -> Result<Shift> {
        let (from, to) = (clock_time(open)?, clock_time(close)?);
        if from == DAY {
            return Err(
                Error::definition("hours", "a shift cannot open at 24:00").allowing("00:00 of the next day")
            );
        }
        if from == to {
            return Err(Error::definition("hours", format!("a shift opens and closes at {open}"))
                .allowing("00:00-24:00 for the whole day, or no shift where it is closed"));
        }
        // An end at midnight is one shift, whichever way it was written.
        let close = if to > from { to } else { to + DAY };
        Ok(Shift { open: from, close })
    }

    /// A whole day.
    pub(super) const WHOLE_DAY: Shift = Shift { open: 0, close: DAY };

    /// How long it is on a day without a clock change, in minutes.
    pub fn minutes(self) -> u16 {
        self.close - self.open
    }

    /// It ends after midnight, on the date after the one on which it opens.
    pub fn crosses_midnight(self) -> bool {
        self.close > DAY
    }

    /// Opening and closing in seconds after the local midnight of the date to which the shift belongs.
    pub(super) fn seconds(self) -> (i64, i64) {
        (i64::from(self.open) * 60, i64::from(self.close) * 60)
    }
}

/// The shifts of a text such as `"09:00-12:30, 13:30-17:00"`, in order and without overlaps.
pub(super) fn parse_hours(text: &str) -> Result<Vec<Shift>> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::parse)
        .collect::<Result<_>>()
        .map(union)
}

/// The same open minutes as sorted shifts that neither touch nor overlap, so that hours which mean the same are equal.
///
/// Shifts that cross midnight are joined with those of their own date alone: the next date's are another list,
/// because a holiday takes away one list and leaves the other.
pub(super) fn union(mut shifts: Vec<Shift>) -> Vec<Shift> {
    shifts.sort_unstable();
    let mut joined: Vec<Shift> = Vec::with_capacity(shifts.len());
    for shift in shifts {
        match joined.last_mut() {
            // A join as long as a day or longer has no written form as one shift; it stays two.
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

/// The longest that a shift with this opening can be in its written form.
fn longest(shift: &Shift) -> u16 {
    if shift.open == 0 { DAY } else { DAY - 1 }
}

/// What is left of the shifts outside a break.
pub(super) fn without(shifts: &[Shift], pause: Shift) -> Result<Vec<Shift>> {
    let inside = |shift: &Shift| shift.open <= pause.open && pause.close <= shift.close;
    if pause.crosses_midnight() || !shifts.iter().any(inside) {
        return Err(Error::definition("break", format!("{pause} lies in no shift of its day")).allowing(
            "breaks inside a shift and before midnight; write a night shift with a break as two shifts",
        ));
    }
    let mut left = Vec::with_capacity(shifts.len() + 1);
    for &shift in shifts {
        if !inside(&shift) {
            left.push(shift);
            continue;
        }
        if shift.open < pause.open {
            left.push(Shift { open: shift.open, close: pause.open });
        }
        match pause.close {
            close if close == shift.close => {}
            // The rest of a night shift would open at 24:00, which is the next date.
            DAY => {
                return Err(Error::definition("break", format!("{pause} ends at midnight inside {shift}"))
                    .allowing("a night shift with a break, written as two shifts"));
            }
            close => left.push(Shift { open: close, close: shift.close }),
        }
    }
    Ok(left)
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
        _ => Err(Error::definition("hours", format!("{text:?} is no time of day"))
            .allowing("00:00 to 24:00 as HH:MM")),
    }
}

fn text_of(minutes: u16) -> String {
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
            None => Err(Error::definition("hours", format!("{text:?} is no shift")).allowing("09:00-17:00")),
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
        (text_of(shift.open), text_of(close))
    }
}

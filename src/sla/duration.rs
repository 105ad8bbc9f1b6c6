//! Lengths of targets as text: `4h`, `30m`, `4h 30m`, `90s`.
//!
//! Days and longer units are refused: a day of business time has no length of its own, and a reader who takes
//! `2d` for 48 hours and one who takes it for two working days would both be sure of themselves.

use chrono::TimeDelta;

use crate::error::{Error, Result};

/// The longest target.
const MAX_HOURS: i64 = 10 * 366 * 24;

/// Hours, minutes and seconds in words: `4h 30m`.
pub(crate) fn written(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    let units = [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<_> = units.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// Reads such a text.
pub(super) fn read(text: &str) -> Result<TimeDelta> {
    let refuse = |problem: String| {
        Error::invalid("time", format_args!("{text:?} {problem}"))
            .allowing("hours, minutes and seconds in this order, such as \"4h\", \"4h 30m\" or \"90s\"")
    };
    let (mut seconds, mut last) = (0_i64, i64::MAX);
    for part in text.split_ascii_whitespace() {
        let Some((digits, unit)) = part.char_indices().next_back().map(|(at, unit)| (&part[..at], unit))
        else {
            continue;
        };
        let unit = match unit {
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            'd' | 'w' => {
                return Err(refuse("counts days, which in business time have no fixed length".to_owned()));
            }
            _ => return Err(refuse(format!("has no unit at {part:?}"))),
        };
        if unit >= last {
            return Err(refuse("has its units out of order".to_owned()));
        }
        last = unit;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse::<i64>().ok().filter(|number| plain && *number <= MAX_HOURS * 3_600);
        let Some(number) = number else { return Err(refuse(format!("has no number at {part:?}"))) };
        seconds += number * unit;
    }
    if last == i64::MAX {
        return Err(refuse("is empty".to_owned()));
    }
    let time = TimeDelta::try_seconds(seconds).ok_or_else(|| refuse("is too long".to_owned()))?;
    check(time).map(|()| time)
}

/// Refuses what is no target.
pub(super) fn check(time: TimeDelta) -> Result<()> {
    if time.subsec_nanos() != 0 || !(TimeDelta::seconds(1)..=TimeDelta::hours(MAX_HOURS)).contains(&time) {
        return Err(Error::invalid("time", format_args!("{time} is no target"))
            .allowing("whole seconds, from one second to ten years"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        for (text, seconds) in
            [("4h", 14_400), ("4h 30m", 16_200), ("90s", 90), ("62h", 223_200), ("1h 1s", 3_601)]
        {
            assert_eq!(read(text).unwrap(), TimeDelta::seconds(seconds), "{text}");
            assert_eq!(read(&written(TimeDelta::seconds(seconds))).unwrap(), TimeDelta::seconds(seconds));
        }
        assert_eq!(written(TimeDelta::seconds(90)), "1m 30s");
        let wrong = [
            "",
            "4",
            "h",
            "2d",
            "1w",
            "30m 4h",
            "4h 4h",
            "-4h",
            "+4h",
            "4.5h",
            "0h",
            "4 h",
            "99999999999999999999h",
            "９h",
        ];
        for text in wrong {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("2d").unwrap_err().to_string().contains("no fixed length"));
    }
}

//! The text format of target durations: `4h`, `30m`, `4h 30m`, `90s`.
//!
//! Days and longer units are refused as ambiguous: `2d` could mean 48 hours or two working days, and a working day has
//! no fixed length.

use chrono::TimeDelta;

use crate::error::{Error, Result};

/// The longest target in hours, about ten years.
const MAX_HOURS: i64 = 10 * 366 * 24;

/// Formats a duration as hours, minutes and seconds: `4h 30m`.
pub(crate) fn written(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    let units = [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<_> = units.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// Parses a duration.
pub(super) fn parse(text: &str) -> Result<TimeDelta> {
    let invalid = |problem: String| {
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
                return Err(invalid(
                    "uses days or weeks, which have no fixed length in business time".to_owned(),
                ));
            }
            _ => return Err(invalid(format!("has no unit at {part:?}"))),
        };
        if unit >= last {
            return Err(invalid("has units that are repeated or out of order".to_owned()));
        }
        last = unit;
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse::<i64>().ok().filter(|number| plain && *number <= MAX_HOURS * 3_600);
        let Some(number) = number else { return Err(invalid(format!("has no number at {part:?}"))) };
        seconds += number * unit;
    }
    if last == i64::MAX {
        return Err(invalid("is empty".to_owned()));
    }
    let time = TimeDelta::try_seconds(seconds).ok_or_else(|| invalid("is too long".to_owned()))?;
    check(time).map(|()| time)
}

/// Checks that a duration is valid for a target.
pub(super) fn check(time: TimeDelta) -> Result<()> {
    if time.subsec_nanos() != 0 || !(TimeDelta::seconds(1)..=TimeDelta::hours(MAX_HOURS)).contains(&time) {
        return Err(Error::invalid("time", format_args!("{time} is not a valid target"))
            .allowing("whole seconds, from one second to ten years"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatted_durations_parse_and_invalid_ones_fail() {
        for (text, seconds) in
            [("4h", 14_400), ("4h 30m", 16_200), ("90s", 90), ("62h", 223_200), ("1h 1s", 3_601)]
        {
            assert_eq!(parse(text).unwrap(), TimeDelta::seconds(seconds), "{text}");
            assert_eq!(parse(&written(TimeDelta::seconds(seconds))).unwrap(), TimeDelta::seconds(seconds));
        }
        assert_eq!(written(TimeDelta::seconds(90)), "1m 30s");
        let invalid = [
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
        for text in invalid {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("2d").unwrap_err().to_string().contains("no fixed length"));
    }
}

//! The written form of durations: `8h`, `1h 30m`, `90s`, `5 days`.

use std::fmt;

use chrono::TimeDelta;
use serde::Serializer;
use serde::de::{Deserializer, Visitor};

use crate::error::{Error, Result};

/// The longest duration, about ten years.
pub(crate) const MAX: TimeDelta = TimeDelta::days(3_660);

/// The units with their names and seconds, longest first.
const UNITS: [(&[&str], i64); 5] = [
    (&["w", "week", "weeks"], 7 * DAY),
    (&["d", "day", "days"], DAY),
    (&["h", "hour", "hours"], 3_600),
    (&["m", "min", "minute", "minutes"], 60),
    (&["s", "second", "seconds"], 1),
];

/// Seconds of a day of 24 hours.
const DAY: i64 = 86_400;

/// The forms, for messages.
pub(crate) const FORMS: &str = "a time such as \"8h\", \"1h 30m\", \"90s\" or \"5 days\"";

/// Formats whole seconds as hours, minutes and seconds: `4h 30m`.
pub(crate) fn in_hours(time: TimeDelta) -> String {
    let seconds = time.num_seconds();
    let units = [(seconds / 3_600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let parts: Vec<_> = units.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// Formats whole seconds as days if they are whole days, and otherwise as hours, minutes and seconds.
pub(crate) fn in_days(time: TimeDelta) -> String {
    match (time.num_seconds() / DAY, time.num_seconds() % DAY) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) if days > 0 => format!("{days} days"),
        _ => in_hours(time),
    }
}

/// Parses a duration from one second to ten years. A day has 24 hours.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the text has another form, repeats a unit or has units out of
/// order.
pub(crate) fn parse(text: &str) -> Result<TimeDelta> {
    let invalid = |problem: String| {
        Error::invalid("time", format_args!("{text:?} {problem}")).allowing(
            "weeks, days, hours, minutes and seconds in this order, such as \"8h\", \"1h 30m\" or \"5 days\"",
        )
    };
    let (mut seconds, mut last, mut rest) = (0_i64, i64::MAX, text.trim_matches(' '));
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let after = after.trim_start_matches(' ');
        let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
        let (unit, after) = after.split_at(letters);
        let number = match number.parse::<i64>() {
            Ok(number) => number,
            Err(_) if number.is_empty() => return Err(invalid(format!("has no number at {rest:?}"))),
            Err(_) => return Err(invalid("is longer than ten years".to_owned())),
        };
        let Some((_, unit)) = UNITS.iter().find(|(names, _)| names.contains(&unit)) else {
            return Err(invalid(format!("has no unit at {rest:?}")));
        };
        if *unit >= last {
            return Err(invalid("has units that are repeated or out of order".to_owned()));
        }
        last = *unit;
        let more = number.checked_mul(*unit).and_then(|more| seconds.checked_add(more));
        seconds = more.ok_or_else(|| invalid("is longer than ten years".to_owned()))?;
        rest = after.trim_start_matches(' ');
    }
    let time =
        TimeDelta::try_seconds(seconds).ok_or_else(|| invalid("is longer than ten years".to_owned()))?;
    check(time).map(|()| time).map_err(|_| invalid("is not between one second and ten years".to_owned()))
}

/// True if a text that was parsed uses days or weeks.
pub(crate) fn has_days(text: &str) -> bool {
    let mut words = text.split(|it: char| !it.is_alphabetic());
    words.any(|word| UNITS[..2].iter().any(|(names, _)| names.contains(&word)))
}

/// Checks that a duration can be written.
///
/// # Errors
/// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if the duration is not whole seconds, from one second to ten
/// years.
pub(crate) fn check(time: TimeDelta) -> Result<()> {
    if time.subsec_nanos() != 0 || !(TimeDelta::seconds(1)..=MAX).contains(&time) {
        return Err(Error::invalid("time", format_args!("{time} is out of range"))
            .allowing("whole seconds, from one second to ten years"));
    }
    Ok(())
}

/// An optional duration for serde: `5 days`, or `never`.
pub(crate) mod or_never {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &Option<TimeDelta>, to: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => to.serialize_str(&in_days(*time)),
            None => to.serialize_str("never"),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TimeDelta>, D::Error> {
        struct OrNever;

        impl Visitor<'_> for OrNever {
            type Value = Option<TimeDelta>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{FORMS}, or \"never\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<TimeDelta>, E> {
                match text {
                    "never" => Ok(None),
                    time => parse(time).map(Some).map_err(E::custom),
                }
            }
        }

        from.deserialize_any(OrNever)
    }
}

/// A duration for serde: `1 day`, or `never` for zero.
pub(crate) mod zero_is_never {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &TimeDelta, to: S) -> Result<S::Ok, S::Error> {
        or_never::serialize(&Some(*time).filter(|time| !time.is_zero()), to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TimeDelta, D::Error> {
        or_never::deserialize(from).map(Option::unwrap_or_default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatted_durations_parse_and_invalid_ones_fail() {
        for (text, seconds) in [
            ("4h", 14_400),
            ("4h 30m", 16_200),
            ("4h30m", 16_200),
            ("90s", 90),
            ("62h", 223_200),
            ("1h 1s", 3_601),
            ("5 days", 5 * DAY),
            ("1 day 2 hours", DAY + 7_200),
            ("1d 30min", DAY + 1_800),
            ("2 weeks", 14 * DAY),
        ] {
            let time = TimeDelta::seconds(seconds);
            assert_eq!(parse(text).unwrap(), time, "{text}");
            assert_eq!(parse(&in_hours(time)).unwrap(), time, "{text}");
            assert_eq!(parse(&in_days(time)).unwrap(), time, "{text}");
        }
        assert_eq!(in_hours(TimeDelta::seconds(90)), "1m 30s");
        assert_eq!(in_days(TimeDelta::days(1)), "1 day");
        assert_eq!(in_days(TimeDelta::hours(36)), "36h");
        let invalid = [
            "",
            " ",
            "4",
            "h",
            "30m 4h",
            "4h 4h",
            "-4h",
            "+4h",
            "4.5h",
            "0h",
            "9h x",
            "４h",
            "99999999999999999999h",
            "9223372036854775807w",
            "4 H",
            "4h,30m",
            "never",
            "1\u{a0}h",
            "600 weeks 1s",
        ];
        for text in invalid {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(has_days("1h 2 days") && has_days("2d") && !has_days("4h 30m"));
    }
}

//! Instants relative to the current time: `7d ago`, `now`, `2h from now`.

use chrono::TimeDelta;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The units of an offset, the longest first.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The greatest distance from the current time: 100 years.
const MAX_SECONDS: i64 = 36_525 * 86_400;

/// The distance from the current time, in whole seconds. Negative: in the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Offset(TimeDelta);

impl Offset {
    /// Creates an offset. It is cut to whole seconds, and to 100 years.
    pub(super) fn new(offset: TimeDelta) -> Offset {
        Offset(TimeDelta::seconds(offset.num_seconds().clamp(-MAX_SECONDS, MAX_SECONDS)))
    }

    pub(super) fn time(self) -> TimeDelta {
        self.0
    }

    fn parse(text: &str) -> Option<Offset> {
        let text = text.trim();
        if text == "now" {
            return Some(Offset(TimeDelta::zero()));
        }
        let past = text.strip_suffix("ago").map(|length| (length, -1));
        let (length, sign) = past.or_else(|| text.strip_suffix("from now").map(|length| (length, 1)))?;
        let (mut seconds, mut last) = (0_i64, i64::MAX);
        for part in length.split_ascii_whitespace() {
            let (unit, size) = UNITS.into_iter().find(|(unit, _)| part.ends_with(*unit))?;
            let digits = part.strip_suffix(unit).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()))?;
            if size >= last {
                return None;
            }
            last = size;
            seconds = seconds.checked_add(digits.parse::<i64>().ok()?.checked_mul(size)?)?;
        }
        ((1..=MAX_SECONDS).contains(&seconds)).then(|| Offset(TimeDelta::seconds(sign * seconds)))
    }
}

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut left = self.0.num_seconds().abs();
        for (unit, size) in UNITS {
            if left >= size {
                write!(f, "{}{unit} ", left / size)?;
                left %= size;
            }
        }
        f.write_str(match self.0.num_seconds() {
            0 => "now",
            1.. => "from now",
            _ => "ago",
        })
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Offset {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Offset, D::Error> {
        let text = String::deserialize(from)?;
        Offset::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} cannot be read; allowed: \"7d ago\", \"1d 12h ago\", \"now\", \"2h from now\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_offsets_are_read_again_and_others_are_refused() {
        for (text, seconds) in [
            ("7d ago", -604_800),
            ("1d 12h ago", -129_600),
            ("now", 0),
            ("2h from now", 7_200),
            ("90s from now", 90),
        ] {
            let offset = Offset::parse(text).unwrap();
            assert_eq!(offset, Offset(TimeDelta::seconds(seconds)), "{text}");
            assert_eq!(Offset::parse(&offset.to_string()), Some(offset), "{text}");
        }
        for text in [
            "",
            "7d",
            "ago",
            "0d ago",
            "-7d ago",
            "7 d ago",
            "7x ago",
            "1h 1d ago",
            "1d 1d ago",
            "now ago",
            "99999999999d ago",
            "７d ago",
        ] {
            assert_eq!(Offset::parse(text), None, "{text}");
        }
        assert_eq!(Offset::new(TimeDelta::MAX).to_string(), "36525d from now");
    }
}

//! Instants in JSON: RFC 3339, as everywhere in the crate, read and written without chrono's general parser.
//!
//! What stores keep has up to a dozen instants a ticket, which were a quarter of the time in which it is read. The
//! common form (a year of four digits, UTC as `Z`, whole seconds, milliseconds or microseconds) is handled here;
//! everything else is chrono's, so that the same texts are read and written as with chrono alone.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};
use serde::de::{self, Visitor};
use serde::{Deserializer, Serialize, Serializer};

const LONGEST: &[u8; 27] = b"0000-00-00T00:00:00.000000Z";

pub(crate) fn serialize<S: Serializer>(at: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
    let mut room = *LONGEST;
    match write(at, &mut room) {
        Some(text) => to.serialize_str(text),
        None => at.serialize(to),
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
    from.deserialize_str(Instant)
}

/// The same where there may be none.
pub(crate) mod optional {
    use super::{DateTime, Deserializer, Serializer, Utc};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Present(#[serde(with = "super")] DateTime<Utc>);

    // serde hands over a reference to the field.
    #[allow(clippy::ref_option)]
    pub(crate) fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, to: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, to),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        Ok(Option::<Present>::deserialize(from)?.map(|Present(at)| at))
    }
}

struct Instant;

impl Visitor<'_> for Instant {
    type Value = DateTime<Utc>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 formatted date and time string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
        read(text).map_or_else(|| text.parse().map_err(E::custom), Ok)
    }
}

/// The text of an instant of the common form.
fn write<'r>(at: &DateTime<Utc>, room: &'r mut [u8; 27]) -> Option<&'r str> {
    let (year, nanos) = (u32::try_from(at.year()).ok()?, at.nanosecond());
    // A leap second has more than a second's nanoseconds.
    if year > 9999 || nanos >= 1_000_000_000 || nanos % 1_000 != 0 {
        return None;
    }
    let micros = nanos / 1_000;
    let parts = [year, at.month(), at.day(), at.hour(), at.minute(), at.second(), micros];
    for ((begin, end), mut number) in PLACES.into_iter().zip(parts) {
        for digit in room[begin..end].iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    let end = match micros {
        0 => 19,
        whole if whole % 1_000 == 0 => 23,
        _ => 26,
    };
    room[end] = b'Z';
    std::str::from_utf8(&room[..=end]).ok()
}

/// Where year, month, day, hour, minute, second and microsecond stand.
const PLACES: [(usize, usize); 7] = [(0, 4), (5, 7), (8, 10), (11, 13), (14, 16), (17, 19), (20, 26)];

/// The instant of a text of the common form.
fn read(text: &str) -> Option<DateTime<Utc>> {
    let (seconds, rest) = text.as_bytes().split_at_checked(19)?;
    if [4, 7, 10, 13, 16].map(|place| seconds[place]) != *b"--T::" {
        return None;
    }
    let nanos = match rest {
        [b'Z'] => 0,
        [b'.', fraction @ .., b'Z'] if fraction.len() == 6 => number(fraction)? * 1_000,
        [b'.', fraction @ .., b'Z'] if fraction.len() == 3 => number(fraction)? * 1_000_000,
        _ => return None,
    };
    let part = |place: usize| number(&seconds[PLACES[place].0..PLACES[place].1]);
    let day = NaiveDate::from_ymd_opt(part(0)?.cast_signed(), part(1)?, part(2)?)?;
    Some(day.and_hms_nano_opt(part(3)?, part(4)?, part(5)?, nanos)?.and_utc())
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Serialize, Deserialize)]
    struct Ours(#[serde(with = "super")] DateTime<Utc>);

    fn instants() -> impl Strategy<Value = DateTime<Utc>> {
        let common = (-62_200_000_000_i64..253_500_000_000, 0_u32..1_000_000)
            .prop_map(|(seconds, micros)| (seconds, micros * 1_000));
        let any = (
            DateTime::<Utc>::MIN_UTC.timestamp()..DateTime::<Utc>::MAX_UTC.timestamp(),
            0..1_999_999_999_u32,
        );
        let nanos = prop_oneof![Just(0_u32), Just(120_000_000), Just(1_000), Just(1), Just(1_000_000_000)];
        let round = (-62_200_000_000_i64..253_500_000_000, nanos);
        prop_oneof![common, any, round].prop_map(|(seconds, nanos)| {
            let leap = nanos >= 1_000_000_000;
            let seconds = if leap { seconds.div_euclid(60) * 60 + 59 } else { seconds };
            DateTime::from_timestamp(seconds, nanos).unwrap_or_default()
        })
    }

    proptest! {
        #[test]
        fn instants_are_written_and_read_as_chrono_does(at in instants()) {
            let theirs = serde_json::to_string(&at).unwrap();
            prop_assert_eq!(&serde_json::to_string(&Ours(at)).unwrap(), &theirs);
            prop_assert_eq!(serde_json::from_str::<Ours>(&theirs).unwrap().0, at);
        }

        /// A byte of a good text changed, or one more or less.
        #[test]
        fn odd_texts_are_read_or_refused_as_chrono_does(at in instants(), place in 0_usize..30, odd in "[0-9 :.Z+tTz-]{0,2}") {
            let good = at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true);
            let place = place.min(good.len() - 1);
            let text = format!("{}{odd}{}", &good[..place], &good[place + 1..]);
            let text = serde_json::to_string(&text).unwrap();
            let theirs = serde_json::from_str::<DateTime<Utc>>(&text).ok();
            prop_assert_eq!(serde_json::from_str::<Ours>(&text).ok().map(|it| it.0), theirs);
        }
    }

    #[test]
    fn what_stores_keep_takes_the_short_way() {
        for text in ["2026-01-05T09:00:00Z", "2026-01-05T09:00:00.120Z", "2026-01-05T09:00:00.000001Z"] {
            let at = read(text).unwrap();
            assert_eq!(write(&at, &mut LONGEST.clone()), Some(text));
        }
        for odd in [
            "2026-01-05T23:59:60Z",
            "2026-01-05 09:00:00Z",
            "2026-02-30T09:00:00Z",
            "",
            "2026-01-05T09:00:00+01:00",
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}

//! An exact decimal number.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::text;

/// The maximum number of digits of a [`Decimal`], before and after the point together.
pub const MAX_DIGITS: u8 = 18;

/// The digits that a binary fraction always keeps.
const FLOAT_DIGITS: usize = 15;

/// An exact decimal number with at most 18 digits, such as an amount of money.
///
/// Zeros at the end of the fraction do not count: `10.10` equals `10.1`, and both are printed as `10.1`.
///
/// In JSON and TOML, a decimal is written as a text, `"1234.50"`. It is read from a text or a number. Parsers turn
/// numbers into binary fractions with about 17 digits and drop the others, so a number that still has more than 15
/// digits is refused. Write such a number as a text.
///
/// ```
/// use firstline::Decimal;
///
/// let price: Decimal = "1234.50".parse()?;
/// assert_eq!(price, Decimal::new(123_450, 2)?);
/// assert_eq!((price.to_string(), format!("{price:.2}")), ("1234.5".to_owned(), "1234.50".to_owned()));
/// assert!(price > Decimal::from(1234_i32) && price < "1234.51".parse()?);
///
/// for refused in ["", "NaN", "1e3", "1.", ".5", "1,5", "1234567890.123456789"] {
///     assert!(refused.parse::<Decimal>().is_err(), "{refused}");
/// }
/// # Ok::<(), firstline::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Decimal {
    /// The digits without the point. They end with 0 only if there is no fraction.
    digits: i64,
    /// The number of digits after the point.
    fraction: u8,
}

impl Decimal {
    /// Creates a decimal from its digits and the number of them that follow the point: `new(1050, 2)` is 10.5.
    ///
    /// # Errors
    /// [Invalid](Error::is_invalid) if the number has more than 18 digits, or if more than 18 of them follow the point.
    pub fn new(digits: i64, fraction: u8) -> Result<Decimal> {
        let (mut digits, mut fraction) = (digits, fraction);
        while fraction > 0 && digits % 10 == 0 {
            (digits, fraction) = (digits / 10, fraction - 1);
        }
        if digits.unsigned_abs() >= 10_u64.pow(MAX_DIGITS.into()) || fraction > MAX_DIGITS {
            return Err(too_long());
        }
        Ok(Decimal { digits, fraction })
    }

    /// Returns the number of digits after the point, without zeros at the end.
    pub fn fraction_digits(self) -> u8 {
        self.fraction
    }

    /// Compares with an integer, which may have more digits than a decimal.
    pub(crate) fn cmp_integer(self, whole: i64) -> Ordering {
        let scale = 10_i128.pow(self.fraction.into());
        i128::from(self.digits).cmp(&(i128::from(whole) * scale))
    }

    /// Returns the decimals directly before and after this one with [`MAX_DIGITS`] digits.
    pub(crate) fn neighbours(self) -> [Option<Decimal>; 2] {
        let Decimal { mut digits, mut fraction } = self;
        let limit = 10_i64.pow(u32::from(MAX_DIGITS) - 1);
        while fraction < MAX_DIGITS && digits.abs() < limit {
            (digits, fraction) = (digits * 10, fraction + 1);
        }
        [digits - 1, digits + 1].map(|digits| Decimal::new(digits, fraction).ok())
    }
}

fn too_long() -> Error {
    Error::invalid("decimal", "has too many digits").allowing(format!("at most {MAX_DIGITS} digits"))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        // Below 10^18 with at most 18 more digits: far below the limit of 128 bits.
        let fraction = self.fraction.max(other.fraction);
        let scaled = |it: &Decimal| i128::from(it.digits) * 10_i128.pow(u32::from(fraction - it.fraction));
        scaled(self).cmp(&scaled(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Prints the shortest form: `10.1`, `-0.05`, `3`. A precision adds zeros: `format!("{:.2}", price)` is `10.10`. It never
/// removes digits.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = usize::from(self.fraction) + 1;
        let digits = format!("{:0width$}", self.digits.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.fraction));
        let fraction = format!("{fraction:0<width$}", width = f.precision().unwrap_or(0));
        let point = if fraction.is_empty() { "" } else { "." };
        f.pad_integral(self.digits >= 0, "", &format!("{whole}{point}{fraction}"))
    }
}

/// Reads digits with an optional sign and fraction: `10`, `-0.50`. There is no exponent and no separator of thousands.
impl FromStr for Decimal {
    type Err = Error;

    fn from_str(text: &str) -> Result<Decimal> {
        let malformed = || {
            Error::invalid("decimal", format_args!("{:?} is not a decimal number", text::excerpt(text)))
                .allowing("digits with an optional sign and a point, such as -1234.50")
        };
        let (negative, unsigned) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let (whole, fraction) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(malformed()),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit()) {
            return Err(malformed());
        }
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        if whole.len() + fraction.len() > usize::from(MAX_DIGITS) {
            return Err(too_long());
        }
        let digits = format!("0{whole}{fraction}").parse::<i64>().map_err(|_| malformed())?;
        let fraction = u8::try_from(fraction.len()).map_err(|_| too_long())?;
        Decimal::new(if negative { -digits } else { digits }, fraction)
    }
}

impl TryFrom<i64> for Decimal {
    type Error = Error;

    fn try_from(whole: i64) -> Result<Decimal> {
        Decimal::new(whole, 0)
    }
}

impl From<i32> for Decimal {
    fn from(whole: i32) -> Decimal {
        Decimal { digits: whole.into(), fraction: 0 }
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Decimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number such as \"1234.50\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, whole: i64) -> Result<Decimal, E> {
                Decimal::try_from(whole).map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, whole: u64) -> Result<Decimal, E> {
                let whole = i64::try_from(whole);
                self.visit_i64(whole.map_err(|_| E::custom(too_long()))?)
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Decimal, E> {
                of_float(number)
            }
        }

        from.deserialize_any(Written)
    }
}

/// Returns the decimal that a parser has turned into a binary fraction.
pub(crate) fn of_float<E: de::Error>(number: f64) -> Result<Decimal, E> {
    // The shortest decimal with this binary fraction. With at most 15 digits, it is the one that was written.
    let shortest = number.to_string();
    let digits = shortest.trim_start_matches(['-', '0', '.']).bytes().filter(u8::is_ascii_digit).count();
    if !number.is_finite() || digits > FLOAT_DIGITS {
        return Err(E::custom(format_args!(
            "a decimal is written as a number with at most {FLOAT_DIGITS} digits, or as a text: \
             {{\"decimal\": \"1234.50\"}}"
        )));
    }
    shortest.parse().map_err(E::custom)
}

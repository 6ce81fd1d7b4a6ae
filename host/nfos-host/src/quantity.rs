//! Quantities as an operator writes them, on the command line or in the configuration file.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserializer;
use serde::de::{self, Visitor};

/// A time span greater than 0: `10` and `10s` are seconds, and `ns`, `us`, `ms`, `m`, `h` do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// A number of bytes greater than 0: `65536`, `64K`, `64M`, `2G`; the letters are powers of 1,024.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) u64);

const SPAN_UNITS: [(&str, u64); 7] = [
    ("", 1_000_000_000),
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

const BYTE_UNITS: [(&str, u64); 11] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("k", 1 << 10),
    ("T", 1 << 40),
    ("TiB", 1 << 40),
];

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ns = scaled(text, &SPAN_UNITS)
            .ok_or("write a time greater than 0 like 10, 10s, 500ms, 20us or 5m")?;
        Ok(Self(Duration::from_nanos(ns)))
    }
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        scaled(text, &BYTE_UNITS)
            .map(Self)
            .ok_or_else(|| "write a size greater than 0 like 65536, 64K, 64M or 2G".to_owned())
    }
}

/// `digits[.digits]unit` as a whole number of the smallest unit; what is smaller than that is cut
/// off. None if it is not written so, is 0, or does not fit 63 bits.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = *units.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let (value, part) = (whole.parse::<u64>().ok()?, fraction.parse::<u64>().ok()?);
    let below_one = u128::from(part) * u128::from(factor) / 10_u128.pow(fraction.len() as u32);
    let value = value.checked_mul(factor)?.checked_add(u64::try_from(below_one).ok()?)?;
    (1..=i64::MAX as u64).contains(&value).then_some(value)
}

/// For `#[serde(deserialize_with)]`: a value that may be written as a number or as a string, read
/// as the command line would read it.
pub(crate) fn written<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    deserializer.deserialize_any(Written(PhantomData)).map(Some)
}

struct Written<T>(PhantomData<T>);

impl<T: FromStr<Err = String>> Visitor<'_> for Written<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string as on the command line")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<T, E> {
        self.visit_str(&value.to_string())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(|right| E::custom(format!("{text:?}: {right}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ns(text: &str) -> Option<u64> {
        text.parse::<Span>().ok().map(|span| span.0.as_nanos() as u64)
    }

    #[test]
    fn spans_are_read_with_and_without_a_unit() {
        assert_eq!(ns("10"), Some(10_000_000_000));
        assert_eq!(ns("10s"), Some(10_000_000_000));
        assert_eq!(ns("500ms"), Some(500_000_000));
        assert_eq!(ns("500 ms"), Some(500_000_000));
        assert_eq!(ns("1.5"), Some(1_500_000_000));
        assert_eq!(ns("0.25us"), Some(250));
        assert_eq!(ns("2m"), Some(120_000_000_000));
        assert_eq!(ns("1h"), Some(3_600_000_000_000));
        assert_eq!(ns("7ns"), Some(7));
    }

    #[test]
    fn what_is_not_a_span_is_refused() {
        for text in ["", "0", "0.0s", "-1", "1d", "s", ".5", "1.", "1.2.3", "1e3", "99999999999h"] {
            assert_eq!(ns(text), None, "{text:?}");
        }
        assert_eq!(ns("0.1ns"), None, "less than the smallest unit is 0");
    }

    #[test]
    fn bytes_take_powers_of_1024() {
        assert_eq!("64M".parse(), Ok(Bytes(64 << 20)));
        assert_eq!("64MiB".parse(), Ok(Bytes(64 << 20)));
        assert_eq!("1.5K".parse(), Ok(Bytes(1_536)));
        assert_eq!("123".parse(), Ok(Bytes(123)));
        assert!("64Q".parse::<Bytes>().is_err());
        assert!("0".parse::<Bytes>().is_err());
        assert!("9999999T".parse::<Bytes>().is_err());
    }
}

//! A length of time as people write it: `4.250s`, `250ms`, `1.5m`; exact to the nanosecond.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time in a schedule file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanError(String);

/// The units, longest name first where one ends with another, each in nanoseconds.
const UNITS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The most digits on either side of the point; more than a schedule's longest time or a nanosecond needs.
const DIGITS_MAX: usize = 9;

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read(text)
            .map(|ns| Self(Duration::from_nanos(ns)))
            .ok_or_else(|| SpanError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<u64> {
    let (number, unit_ns) = UNITS
        .iter()
        .find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, *ns)))?;
    let (whole, fraction) = number
        .trim_end()
        .split_once('.')
        .unwrap_or((number.trim_end(), "0"));
    let whole = digits(whole)?.checked_mul(unit_ns)?;
    let scale = 10_u64.pow(u32::try_from(fraction.len()).ok()?.min(9));
    let fraction = u128::from(digits(fraction)?) * u128::from(unit_ns);
    if !fraction.is_multiple_of(u128::from(scale)) {
        return None;
    }
    whole.checked_add(u64::try_from(fraction / u128::from(scale)).ok()?)
}

fn digits(text: &str) -> Option<u64> {
    let well_formed =
        (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if well_formed { text.parse().ok() } else { None }
}

impl fmt::Display for Span {
    /// Seconds with three digits after the point, or as many more as it takes to be exact.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:09}", self.0.subsec_nanos());
        let (first, more) = fraction.split_at(3);
        write!(f, "{}.{first}{}s", self.0.as_secs(), more.trim_end_matches('0'))
    }
}

impl fmt::Display for SpanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is not a time; a time is a number and its unit, such as \"4.250s\" or \"250ms\"",
            self.0
        )
    }
}

impl std::error::Error for SpanError {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::Span;

    #[test]
    fn a_time_is_read_in_the_units_people_use() {
        let check =
            |text: &str, ns: u64| assert_eq!(text.parse(), Ok(Span(Duration::from_nanos(ns))), "{text}");
        check("4.250s", 4_250_000_000);
        check("250ms", 250_000_000);
        check("0s", 0);
        check("1.5m", 90_000_000_000);
        check("2 h", 7_200_000_000_000);
        check("1.5us", 1_500);
        check("7ns", 7);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "4",
            "s",
            "4.s",
            ".5s",
            "-1s",
            "1e3s",
            "4.2501 s s",
            "0.5ns",
            "99999999999h",
            "4 sec",
            "999999999h",
        ] {
            assert!(text.parse::<Span>().is_err(), "{text:?} was accepted");
        }
        assert_eq!(
            "soon".parse::<Span>().unwrap_err().to_string(),
            "\"soon\" is not a time; a time is a number and its unit, such as \"4.250s\" or \"250ms\""
        );
    }

    proptest! {
        #[test]
        fn a_time_is_read_back_exactly(seconds in 0_u32..604_800, ns in 0_u32..1_000_000_000) {
            let span = Span(Duration::new(u64::from(seconds), ns));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = text.parse::<Span>();
        }
    }
}

//! Lengths of time as people write them: `30s`, `1.5s`, `250ms`, `10m`.

use std::time::Duration;

/// The longest time anybody may ask for.
const DAYS_MAX: u64 = 30;

/// Reads a length of time; a number alone is seconds.
///
/// # Errors
/// A sentence that says what was expected.
pub fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => {
            return Err(format!(
                "{unit:?} is no unit of time; write ms, s, m or h, as in 30s"
            ));
        }
    };
    let number: f64 = number
        .trim()
        .parse()
        .map_err(|_| format!("{text:?} is no length of time, such as 30s or 250ms"))?;
    let seconds = number * scale;
    if !(0.0..=(DAYS_MAX * 86_400) as f64).contains(&seconds) {
        return Err(format!("{text:?} is not between 0 and {DAYS_MAX} days"));
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        for (text, ms) in [
            ("30s", 30_000),
            ("1.5s", 1_500),
            ("250ms", 250),
            ("2m", 120_000),
            ("3", 3_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "s", "-1s", "1e99h", "3 weeks", "nan"] {
            assert!(parse(text).is_err(), "{text:?} was accepted");
        }
    }
}

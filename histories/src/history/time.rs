//! When something happened, and how a sentence says so.

use serde::{Deserialize, Serialize};

/// Nanoseconds since the start of the run; in a history without times the number of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Time(pub u64);

/// What the times of a history mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Clock {
    /// Nanoseconds since the start of the run.
    Nanoseconds,
    /// Only an order.
    Ranks,
}

/// The finest division of a second that is shown, in digits.
const DIGITS_MAX: usize = 9;

impl Clock {
    /// The times as a sentence says them: `1.204 s`, with as many digits as it takes to tell them apart; `event 17` for ranks.
    #[must_use]
    pub fn show<const N: usize>(self, times: [Time; N]) -> [String; N] {
        match self {
            Self::Ranks => times.map(|time| format!("event {}", time.0)),
            Self::Nanoseconds => {
                let enough = [3, 6].into_iter().find(|&digits| {
                    times.iter().all(|a| {
                        times
                            .iter()
                            .all(|b| a == b || seconds(*a, digits) != seconds(*b, digits))
                    })
                });
                times.map(|time| format!("{} s", seconds(time, enough.unwrap_or(DIGITS_MAX))))
            }
        }
    }
}

fn seconds(time: Time, digits: usize) -> String {
    let mut text = format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000);
    text.truncate(text.len() - (DIGITS_MAX - digits));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_times_look_different() {
        let clock = Clock::Nanoseconds;
        assert_eq!(
            clock.show([Time(1_204_000_000), Time(1_310_999_999)]),
            ["1.204 s", "1.310 s"]
        );
        assert_eq!(
            clock.show([Time(1_204_000_000), Time(1_204_000_999)]),
            ["1.204000000 s", "1.204000999 s"]
        );
        assert_eq!(
            clock.show([Time(1_204_000_000), Time(1_204_010_000)]),
            ["1.204000 s", "1.204010 s"]
        );
        assert_eq!(clock.show([Time(5), Time(5)]), ["0.000 s", "0.000 s"]);
        assert_eq!(Clock::Ranks.show([Time(17)]), ["event 17"]);
    }
}

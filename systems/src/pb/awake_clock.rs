//! A clock that stands still when its owner does.
//!
//! Who was stopped for a while, or not scheduled, heard nobody meanwhile; to count that time as silence of the others would be
//! wrong. The owner reads this clock at least once per interval while it runs, so a longer gap means that it did not run.

use std::time::Duration;

use crate::time::Time;

/// A gap between two readings of more than so many intervals is a standstill.
const STANDSTILL_INTERVALS: u32 = 2;

/// Counts the time in which its owner ran.
#[derive(Debug, Clone)]
pub(crate) struct AwakeClock {
    interval: Duration,
    read_at: Option<Time>,
    awake: Time,
}

impl AwakeClock {
    /// A clock of an owner that looks at it at least once per `interval`.
    pub(crate) fn new(interval: Duration) -> Self {
        Self {
            interval,
            read_at: None,
            awake: Time::ZERO,
        }
    }

    /// Goes on to `now`. What is returned is how long the owner stood still since the last reading, if it did.
    pub(crate) fn go_on(&mut self, now: Time) -> Option<Duration> {
        let gap = now.since(self.read_at.replace(now).unwrap_or(now));
        if self.interval * STANDSTILL_INTERVALS < gap {
            return Some(gap);
        }
        self.awake = self.awake + gap;
        None
    }

    /// The time it ran for.
    pub(crate) fn time(&self) -> Time {
        self.awake
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::AwakeClock;
    use crate::time::Time;

    #[test]
    fn a_gap_is_not_counted() {
        let mut clock = AwakeClock::new(Duration::from_nanos(10));
        for now in [1000, 1010, 1030] {
            assert_eq!(clock.go_on(Time::from_nanos(now)), None);
        }
        assert_eq!(
            clock.go_on(Time::from_nanos(1051)),
            Some(Duration::from_nanos(21))
        );
        assert_eq!(clock.time(), Time::from_nanos(30));
    }
}

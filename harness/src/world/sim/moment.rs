//! Virtual time, and the clocks of nodes that go by it more or less.

use std::ops::Add;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use systems::Time;

/// Nanoseconds since a simulated world began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Moment(pub(super) u64);

/// A node's own clock: it started anywhere and runs a little too fast or too slow.
#[derive(Debug, Clone, Copy)]
pub(super) struct NodeClock {
    origin_ns: u64,
    /// How much faster than the world, in parts per million; negative when slower.
    drift_ppm: i64,
}

/// The latest moment a clock may have started at, before the world began: a machine that has been up for a month.
const ORIGIN_NS_MAX: u64 = 31 * 24 * 3600 * 1_000_000_000;

const MILLION: i64 = 1_000_000;

impl Moment {
    /// The time since `earlier`; none when that lies ahead.
    pub(super) const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }
}

impl NodeClock {
    /// A clock that runs wrong by at most `drift_ppm_max`, which is below a million.
    pub(super) fn draw(drift_ppm_max: u32, rng: &mut ChaCha8Rng) -> Self {
        let drift_ppm_max = i64::from(drift_ppm_max).min(MILLION - 1);
        Self {
            origin_ns: rng.random_range(0..ORIGIN_NS_MAX),
            drift_ppm: rng.random_range(-drift_ppm_max..=drift_ppm_max),
        }
    }

    /// What it shows at `moment`.
    pub(super) fn read(self, moment: Moment) -> Time {
        let gained = i128::from(moment.0) * i128::from(self.drift_ppm) / i128::from(MILLION);
        let shown = i128::from(moment.0) + i128::from(self.origin_ns) + gained;
        Time::from_nanos(u64::try_from(shown).unwrap_or(0))
    }

    /// How long the world takes for a `span` of this clock.
    pub(super) fn takes(self, span: Duration) -> Duration {
        let span_ns = u128::from(nanos(span));
        let rate = u128::try_from(MILLION + self.drift_ppm).expect("no clock runs backwards");
        let takes_ns = (span_ns * 1_000_000).div_ceil(rate);
        Duration::from_nanos(u64::try_from(takes_ns).unwrap_or(u64::MAX))
    }
}

/// `span` in nanoseconds; the longest there is when it is longer.
pub(super) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_shown_a_span_when_the_world_has_let_it_pass() {
        for drift_ppm in [-100_000, -37, 0, 37, 100_000] {
            let clock = NodeClock {
                origin_ns: 5,
                drift_ppm,
            };
            for span_ms in [1, 50, 333, 60_000] {
                let (begin, span) = (Moment(123_456_789), Duration::from_millis(span_ms));
                let shown = clock.read(begin + clock.takes(span)) - clock.read(begin);
                assert!(
                    shown.abs_diff(span) <= Duration::from_nanos(2),
                    "{drift_ppm}: {shown:?}"
                );
            }
        }
    }
}

//! What a simulated run happens under beside its faults: how fast the network and the disks are, how wrong the clocks, how long
//! everybody waits. All of it is kept in `test.toml`.

use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha12Rng;
use serde::{Deserialize, Serialize};

/// A state that a node may have to fetch before anybody can be answered has about so many bytes.
const STATE_BYTES: u32 = 64 << 10;

/// The conditions of a simulated run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Conditions {
    /// The nodes' time-outs, in percent of the system's own.
    pub timeouts_percent: u32,
    /// The clients' patience, in percent of its own.
    pub patience_percent: u32,
    /// The most bytes of a state transfer in one message; the system's own limit where that is less.
    pub transfer_bytes_max: u32,
    /// A message takes so long,
    pub latency_us: u64,
    /// and up to so much longer.
    pub jitter_us: u64,
    /// Of a million messages so many are stalled,
    pub stalls_ppm: u32,
    /// for up to so long.
    pub stall_us_max: u64,
    /// A record is durable after up to so long.
    pub sync_us_max: u64,
    /// Clocks are too fast or too slow by up to so many parts in a million.
    pub drift_ppm_max: u32,
    /// Of a hundred links that are cut so many deliver afterwards what was sent meanwhile, as a connection does that survives.
    pub kept_percent: u32,
    /// Of a hundred kills so many come in the middle of a step, between two of its effects.
    pub mid_step_percent: u32,
}

impl Default for Conditions {
    /// A quiet house: one machine's network and disk, good clocks, and everybody's own time-outs.
    fn default() -> Self {
        Self {
            timeouts_percent: 100,
            patience_percent: 100,
            transfer_bytes_max: 256 << 10,
            latency_us: 100,
            jitter_us: 300,
            stalls_ppm: 0,
            stall_us_max: 0,
            sync_us_max: 1_000,
            drift_ppm_max: 100,
            kept_percent: 50,
            mid_step_percent: 50,
        }
    }
}

impl Conditions {
    /// Conditions of a run's own: each drawn, most of them within what is usual, some far from it.
    pub fn draw(rng: &mut ChaCha12Rng) -> Self {
        Self {
            timeouts_percent: one_of(&[50, 100, 100, 200], rng),
            patience_percent: one_of(&[50, 100, 100, 300], rng),
            transfer_bytes_max: one_of(&[64, 1 << 10, 256 << 10, 256 << 10], rng),
            latency_us: one_of(&[50, 100, 1_000, 10_000], rng),
            jitter_us: one_of(&[50, 300, 2_000, 20_000], rng),
            stalls_ppm: one_of(&[0, 0, 100, 2_000], rng),
            stall_us_max: one_of(&[50_000, 300_000, 1_500_000], rng),
            sync_us_max: one_of(&[100, 1_000, 20_000], rng),
            drift_ppm_max: one_of(&[0, 100, 1_000, 50_000], rng),
            kept_percent: one_of(&[0, 50, 50, 100], rng),
            mid_step_percent: rng.random_range(0..=100),
        }
    }

    /// `span` of a node's own time-outs, under these conditions.
    #[must_use]
    pub fn timeout(&self, span: Duration) -> Duration {
        span * self.timeouts_percent / 100
    }

    /// How long not to answer is no longer than it takes to get over something, under these conditions, if `span` is under the usual ones.
    #[must_use]
    pub fn answers_within(&self, span: Duration) -> Duration {
        let percent = self.timeouts_percent.max(self.patience_percent).max(100);
        span * percent / 100 + self.fetching()
    }

    /// How long it takes to fetch a state, piece by piece, each asked for when the one before has come.
    fn fetching(&self) -> Duration {
        let pieces = STATE_BYTES.div_ceil(self.transfer_bytes_max.max(1));
        let there_and_back = Duration::from_micros(2 * (self.latency_us + self.jitter_us));
        there_and_back * pieces
    }

    /// `span` of a client's patience, under these conditions.
    #[must_use]
    pub fn patience(&self, span: Duration) -> Duration {
        span * self.patience_percent / 100
    }
}

fn one_of<T: Copy>(values: &[T], rng: &mut ChaCha12Rng) -> T {
    *values.choose(rng).expect("there is a value to choose")
}

//! One direction between two hosts: how long what is sent takes, and in which order it arrives.

use std::collections::BTreeMap;
use std::time::Duration;

use nemesis::Link;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Connection;
use crate::world::sim::conditions::Conditions;
use crate::world::sim::moment::Moment;

/// What would wait for longer in front of a slow line is lost, as when buffers are full.
const SLOW_LINE_WAIT_MAX: Duration = Duration::from_secs(2);

/// One direction between two hosts.
#[derive(Debug)]
pub(super) struct Line {
    rng: ChaCha8Rng,
    /// When the last message on each connection arrives.
    last: BTreeMap<Connection, Moment>,
    /// Until when a slow line is busy with what has been sent.
    busy_until: Moment,
}

/// How a message travels that is neither lost nor held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Journey {
    pub(super) delay: Duration,
    pub(super) order: Order,
    /// The same again, so much later.
    pub(super) again: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Behind those sent before it.
    Kept,
    /// Whenever it comes.
    Free,
}

impl Line {
    pub(super) fn new(seed: u64, link: Link) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream_of(link));
        Self {
            rng,
            last: BTreeMap::new(),
            busy_until: Moment::default(),
        }
    }

    pub(super) fn latency(&mut self, conditions: &Conditions) -> Duration {
        let us = conditions.latency_us + self.rng.random_range(0..=conditions.jitter_us);
        let stalled = self.rng.random_range(0..1_000_000) < conditions.stalls_ppm;
        let stall_us = if stalled {
            self.rng.random_range(0..=conditions.stall_us_max)
        } else {
            0
        };
        // The odd nanoseconds keep what has nothing to do with each other from happening at the same instant.
        Duration::from_micros(us + stall_us) + Duration::from_nanos(self.rng.random_range(0..1_000))
    }

    pub(super) fn happens(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    pub(super) fn up_to_ms(&mut self, ms_max: u64) -> Duration {
        Duration::from_micros(self.rng.random_range(0..=ms_max * 1_000))
    }

    /// Whether a slow line's buffers are full of what was sent before.
    pub(super) fn is_full(&self, now: Moment) -> bool {
        SLOW_LINE_WAIT_MAX < self.busy_until.since(now)
    }

    /// When a message of `bytes` is through a slow line, behind what was sent before it.
    pub(super) fn occupy(&mut self, now: Moment, bytes: u64, bytes_per_second: u64) -> Moment {
        let own = Duration::from_secs(bytes) / u32::try_from(bytes_per_second.max(1)).unwrap_or(u32::MAX);
        self.busy_until = self.busy_until.max(now) + own;
        self.busy_until
    }

    /// It is not slow any more: nothing waits for what was sent before.
    pub(super) const fn hasten(&mut self, now: Moment) {
        self.busy_until = now;
    }

    pub(super) fn arrival(&mut self, now: Moment, connection: Connection, journey: Journey) -> Moment {
        let at = now + journey.delay;
        match journey.order {
            Order::Free => at,
            Order::Kept => {
                let last = self.last.entry(connection).or_default();
                *last = at.max(*last + Duration::from_nanos(1));
                *last
            }
        }
    }
}

/// The number of a link's stream of chance: the FNV-1a hash of its name.
fn stream_of(link: Link) -> u64 {
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let name = [link.from.as_str(), ">", link.to.as_str()];
    name.iter()
        .flat_map(|part| part.as_bytes())
        .fold(0xcbf2_9ce4_8422_2325, hash)
}

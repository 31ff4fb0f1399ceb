//! How long a judgement may take, and how long it took.
//!
//! In the real world a clock tells. A simulated run is judged without one, by counting, so that its results depend on nothing but the
//! run: no machine is slow enough to make another judgement of it.
#![expect(
    clippy::disallowed_methods,
    reason = "a checker's time is limited and reported, and that takes a clock"
)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::test::WorldKind;

/// The longest a checker may take.
const TIME_MAX: Duration = Duration::from_secs(60);

/// How often a checker may ask whether it may go on; a checker asks some thousand times a second.
const QUESTIONS_MAX: u64 = 200_000;

/// The limit of one judgement.
#[derive(Debug)]
pub(super) enum Patience {
    /// By the clock, since then.
    Clock(Instant),
    /// By counting the questions.
    Count(AtomicU64),
}

impl Patience {
    pub(super) fn of(world: WorldKind) -> Self {
        match world {
            WorldKind::Real => Self::Clock(Instant::now()),
            WorldKind::Sim => Self::Count(AtomicU64::new(0)),
        }
    }

    /// Whether the judgement may go on.
    pub(super) fn lasts(&self) -> bool {
        match self {
            Self::Clock(begin) => begin.elapsed() < TIME_MAX,
            Self::Count(asked) => asked.fetch_add(1, Ordering::Relaxed) < QUESTIONS_MAX,
        }
    }

    /// How long it took so far, in milliseconds; no time at all where there is no clock.
    pub(super) fn ms(&self) -> f64 {
        match self {
            Self::Clock(begin) => begin.elapsed().as_secs_f64() * 1_000.0,
            Self::Count(_) => 0.0,
        }
    }
}

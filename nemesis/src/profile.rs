//! Which nemeses a run has, how often they strike and for how long; what a schedule is drawn from.

use std::fmt;
use std::time::Duration;

use crate::schedule::{Schedule, Span};

mod catalogue;
mod selection;

pub use catalogue::{Attack, Nemesis, Rhythm, TURNS, catalogue};
pub use selection::{Selection, SelectionError};

/// What a schedule is drawn from. One in hand can be drawn from: its times are within their bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    nemeses: Selection,
    interval: Duration,
    time_limit: Duration,
    detector: Duration,
}

/// What a profile cannot be made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// A time is outside its bounds.
    OutOfBounds {
        /// Which time.
        what: &'static str,
        /// How long it is.
        is: Duration,
        /// The shortest it may be.
        min: Duration,
        /// The longest it may be.
        max: Duration,
    },
    /// There would be more faults than a schedule holds.
    TooMany {
        /// How often faults would begin.
        interval: Duration,
        /// In a run of this length.
        time_limit: Duration,
    },
}

impl Profile {
    /// The interval of a run for which none is named.
    pub const INTERVAL_DEFAULT: Duration = Duration::from_secs(5);
    /// The shortest interval.
    pub const INTERVAL_MIN: Duration = Duration::from_millis(100);
    /// The shortest run with faults.
    pub const TIME_LIMIT_MIN: Duration = Duration::from_secs(1);
    /// The shortest time in which a failure detector can be thought to notice anything.
    pub const DETECTOR_MIN: Duration = Duration::from_millis(5);

    /// A profile of `nemeses` that each begin a fault every `interval` on average, in a load of length `time_limit`, against a
    /// system that takes a node for dead after it was silent for `detector`.
    ///
    /// # Errors
    /// When a time is outside its bounds; without nemeses none is.
    pub fn new(
        nemeses: Selection,
        interval: Duration,
        time_limit: Duration,
        detector: Duration,
    ) -> Result<Self, ProfileError> {
        if !nemeses.nemeses().is_empty() {
            within("the nemesis interval", interval, Self::INTERVAL_MIN)?;
            within(
                "the time limit of a run with faults",
                time_limit,
                Self::TIME_LIMIT_MIN,
            )?;
            within("the failure detector's limit", detector, Self::DETECTOR_MIN)?;
            check_count(&nemeses, interval, time_limit)?;
        }
        Ok(Self {
            nemeses,
            interval,
            time_limit,
            detector,
        })
    }

    /// Who strikes.
    #[must_use]
    pub fn nemeses(&self) -> &Selection {
        &self.nemeses
    }

    /// The mean time between the beginnings of the faults of one nemesis; shorter in runs too short for two.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The length of the load.
    #[must_use]
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// How long a node must be silent for the system to take it for dead.
    #[must_use]
    pub fn detector(&self) -> Duration {
        self.detector
    }
}

fn within(what: &'static str, is: Duration, min: Duration) -> Result<(), ProfileError> {
    let max = Schedule::UNTIL_MAX;
    if (min..=max).contains(&is) {
        Ok(())
    } else {
        Err(ProfileError::OutOfBounds { what, is, min, max })
    }
}

/// Faults of one nemesis last at least 0.3 intervals or begin 0.4 apart, less a moment, and compositions add at most two an interval.
fn check_count(nemeses: &Selection, interval: Duration, time_limit: Duration) -> Result<(), ProfileError> {
    let intervals = usize::try_from(time_limit.as_nanos() / interval.as_nanos()).unwrap_or(usize::MAX);
    let strands = nemeses.nemeses().len() * 3 + 2;
    if intervals.saturating_add(1).saturating_mul(strands) <= Schedule::EPISODES_MAX {
        Ok(())
    } else {
        Err(ProfileError::TooMany { interval, time_limit })
    }
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfBounds { what, is, min, max } => {
                write!(
                    f,
                    "{what} is {}; it must be from {} to {}",
                    Span(*is),
                    Span(*min),
                    Span(*max)
                )
            }
            Self::TooMany { interval, time_limit } => write!(
                f,
                "a nemesis interval of {} in a run of {} could mean more than {} faults",
                Span(*interval),
                Span(*time_limit),
                Schedule::EPISODES_MAX
            ),
        }
    }
}

impl std::error::Error for ProfileError {}

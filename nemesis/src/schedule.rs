//! Which faults, to whom, from when until when: drawn beforehand, kept in a file, run exactly as it stands there.
//!
//! A [`Schedule`] in hand is well formed: every id is there once, every episode ends after it begins, and every fault can
//! be done to its target in the system it was made for. Times are counted from the start of the load.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::cluster::{FaultId, Roster, Standing};
use crate::fault::Fault;
use crate::resolution::{Resolution, resolve};
use crate::target::Target;

mod draw;
mod file;
mod span;

pub use draw::DrawError;
pub use file::ScheduleError;
pub use span::{Span, SpanError};

/// One fault of a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Its number in the schedule.
    pub id: FaultId,
    /// When it begins, since the start of the load.
    pub from: Duration,
    /// When it ends, since the start of the load.
    pub until: Duration,
    /// What is done.
    pub fault: Fault,
    /// To whom.
    pub target: Target,
    /// Decides what the target leaves open, when it is resolved.
    pub seed: u64,
}

/// The faults of one run, in the order in which they begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule {
    episodes: Vec<Episode>,
}

/// An episode that cannot stand in a schedule, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeError {
    /// Which episode.
    pub id: FaultId,
    /// Where it stood among those handed in, counted from 0.
    pub index: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with an episode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Another episode has its id.
    IdTwice,
    /// It would end before it begins, or at once.
    Backwards {
        /// When it begins.
        from: Duration,
        /// When it ends.
        until: Duration,
    },
    /// It ends later than [`Schedule::UNTIL_MAX`].
    TooLate {
        /// When it ends.
        until: Duration,
    },
    /// One more episode than [`Schedule::EPISODES_MAX`].
    TooMany,
    /// A node stands twice in its target.
    NodeTwice,
    /// The fault cannot be done to this target in this system, for the reason given.
    Unfit(String),
}

impl Schedule {
    /// The most episodes a schedule holds.
    pub const EPISODES_MAX: usize = 10_000;

    /// The latest moment an episode ends.
    pub const UNTIL_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// A schedule of `episodes` for the system of `roster`; put into the order in which they begin.
    ///
    /// # Errors
    /// The first episode that cannot stand.
    pub fn new(mut episodes: Vec<Episode>, roster: &Roster) -> Result<Self, EpisodeError> {
        let mut ids = BTreeSet::new();
        for (index, episode) in episodes.iter().enumerate() {
            let fresh = ids.insert(episode.id);
            let problem = match (fresh, index < Self::EPISODES_MAX) {
                (false, _) => Some(Problem::IdTwice),
                (true, false) => Some(Problem::TooMany),
                (true, true) => episode.problem(roster),
            };
            if let Some(problem) = problem {
                return Err(EpisodeError {
                    id: episode.id,
                    index,
                    problem,
                });
            }
        }
        episodes.sort_by_key(|episode| (episode.from, episode.id));
        Ok(Self { episodes })
    }

    /// The episodes, in the order in which they begin.
    #[must_use]
    pub fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// When the last fault is over, since the start of the load; zero without faults.
    #[must_use]
    pub fn ends(&self) -> Duration {
        self.episodes
            .iter()
            .map(|episode| episode.until)
            .max()
            .unwrap_or_default()
    }
}

impl Episode {
    fn problem(&self, roster: &Roster) -> Option<Problem> {
        if self.until <= self.from {
            return Some(Problem::Backwards {
                from: self.from,
                until: self.until,
            });
        }
        if Schedule::UNTIL_MAX < self.until {
            return Some(Problem::TooLate { until: self.until });
        }
        if self.names_twice() {
            return Some(Problem::NodeTwice);
        }
        self.fault
            .fits(&self.target, roster)
            .and_then(|()| self.named_do_something(roster))
            .err()
            .map(Problem::Unfit)
    }

    fn names_twice(&self) -> bool {
        match &self.target {
            Target::Named(nodes) => nodes.iter().collect::<BTreeSet<_>>().len() < nodes.len(),
            Target::One
            | Target::Minority
            | Target::Majority
            | Target::MinorityThird
            | Target::Primaries
            | Target::All
            | Target::Services => false,
        }
    }

    /// What named nodes come to does not depend on the moment, so a fault that would come to nothing is refused at once.
    fn named_do_something(&self, roster: &Roster) -> Result<(), String> {
        let Target::Named(_) = self.target else {
            return Ok(());
        };
        match resolve(self, roster, &Standing::default()) {
            Resolution::Do { .. } => Ok(()),
            Resolution::Skipped(reason) => Err(reason),
        }
    }
}

impl fmt::Display for EpisodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault {}: {}", self.id, self.problem)
    }
}

impl std::error::Error for EpisodeError {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IdTwice => f.write_str("another fault has this id already"),
            Self::Backwards { from, until } => {
                write!(
                    f,
                    "it ends at {}, which is not after its beginning at {}",
                    Span(*until),
                    Span(*from)
                )
            }
            Self::TooLate { until } => {
                write!(
                    f,
                    "it ends at {}; {} is the latest",
                    Span(*until),
                    Span(Schedule::UNTIL_MAX)
                )
            }
            Self::TooMany => write!(
                f,
                "it is one too many; a schedule holds at most {}",
                Schedule::EPISODES_MAX
            ),
            Self::NodeTwice => f.write_str("a node stands twice in its target"),
            Self::Unfit(reason) => f.write_str(reason),
        }
    }
}

#[cfg(test)]
mod tests;

//! What a person sees while a run goes on.

pub mod line;
pub mod sweep;

use std::time::Duration;

use histories::Outcome;

/// Counts of what came of the operations so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Asked.
    pub invoked: u64,
    /// Surely done.
    pub ok: u64,
    /// Surely not done.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

/// Somebody who watches a run.
pub trait Progress {
    /// How far the run is: `phase`, the time since its start, what came of the operations, and the faults in force.
    fn tick(&mut self, phase: Phase, now: Duration, tally: Tally, faults: &[String]);
}

/// The parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Operations beside faults.
    Load,
    /// Everything is healed; the system recovers and is read.
    LastReads,
    /// The primary has been killed; the system recovers and is read again.
    AfterPrimary,
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Tally {
    /// Counts one more outcome.
    pub fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Ok(_) => self.ok += 1,
            Outcome::Fail { .. } => self.fail += 1,
            Outcome::Info { .. } => self.info += 1,
        }
    }
}

impl Progress for Unwatched {
    fn tick(&mut self, _: Phase, _: Duration, _: Tally, _: &[String]) {}
}

impl Phase {
    /// Its name on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::LastReads => "last reads",
            Self::AfterPrimary => "reads after the primary's death",
        }
    }
}

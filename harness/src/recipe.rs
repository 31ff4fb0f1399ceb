//! What simulated cases are made from, one a seed.

use std::fmt;

use nemesis::profile::ProfileError;
use nemesis::schedule::DrawError;
use nemesis::{Profile, Schedule, Selection};

use crate::adapter::System;
use crate::case::Case;
use crate::mix::{Free, mixed};
use crate::progress::Unwatched;
use crate::results::Cause;
use crate::test::Test;
use crate::trial::{Manner, Trial};

/// How often a seed draws another mix, when nothing succeeded under the faults of the one it had.
const REDRAWN_MAX: u32 = 4;

/// What cases are made from.
#[derive(Debug)]
pub struct Recipe<'a> {
    /// The system on trial.
    pub system: &'a dyn System,
    /// All that the cases have in common, and what holds where nothing is drawn.
    pub test: Test,
    /// What is done to the system.
    pub nemeses: Selection,
    /// What each seed draws for itself.
    pub free: Option<Free>,
    /// The faults of all cases, if they were given.
    pub schedule: Option<Schedule>,
}

/// A trial that was held, and of what.
#[derive(Debug)]
pub struct Held {
    /// Of what.
    pub case: Case,
    /// What it amounts to.
    pub trial: Trial,
    /// How many mixes were drawn before this one in which nothing succeeded under a fault, so that they show nothing.
    pub redrawn: u32,
}

/// Why a recipe makes no case.
#[derive(Debug)]
pub enum RecipeError {
    /// Its times do not go together.
    Profile(ProfileError),
    /// A nemesis can do nothing to the system.
    Draw(DrawError),
}

impl Recipe<'_> {
    /// The case of `seed`, after so many of its mixes were `redrawn`.
    ///
    /// # Errors
    /// When the recipe makes none.
    pub fn case(&self, seed: u64, redrawn: u32) -> Result<Case, RecipeError> {
        let test = Test {
            seed,
            ..self.test.clone()
        };
        let (test, nemeses) = match self.free {
            Some(free) => mixed(&test, free, &self.nemeses, self.system, redrawn),
            None => (test, self.nemeses.clone()),
        };
        let schedule = match &self.schedule {
            Some(schedule) => schedule.clone(),
            None => self.draw(&test, nemeses)?,
        };
        Ok(Case { test, schedule })
    }

    /// Holds the trial of `seed`. A mix in which nothing succeeded under the faults shows nothing, and the seed draws another.
    ///
    /// # Errors
    /// When the recipe makes no case.
    pub fn hold(&self, seed: u64, manner: &Manner) -> Result<Held, RecipeError> {
        let mut redrawn = 0;
        loop {
            let case = self.case(seed, redrawn)?;
            let trial = Trial::hold(&case, manner, &mut Unwatched);
            let vacuous = trial.results.cause == Some(Cause::Vacuous);
            if !vacuous || self.free.is_none() || redrawn == REDRAWN_MAX {
                return Ok(Held { case, trial, redrawn });
            }
            redrawn += 1;
        }
    }

    fn draw(&self, test: &Test, nemeses: Selection) -> Result<Schedule, RecipeError> {
        let conditions = test.conditions.unwrap_or_default();
        let detector = conditions.timeout(self.system.detector());
        let profile = Profile::new(nemeses, test.nemesis_interval(), test.time_limit(), detector)
            .map_err(RecipeError::Profile)?;
        let roster = self.system.cast(test.nodes, test.reserve);
        Schedule::draw(&profile, test.seed, &roster).map_err(RecipeError::Draw)
    }
}

impl fmt::Display for RecipeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(error) => error.fmt(f),
            Self::Draw(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RecipeError {}

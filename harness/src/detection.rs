//! How soon a flaw is caught: seeds and simulated time until the first run that shows it, and by whom.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::case::Case;
use crate::judge::ORACLES;
use crate::progress::Unwatched;
use crate::recipe::{Recipe, RecipeError};
use crate::results::{Cause, Results};
use crate::test::Test;
use crate::trial::{Manner, Trial};
use crate::world::sim::Recording;

/// Whose judgement it is when nobody answers.
pub const AVAILABILITY: &str = "availability";

/// A search for a flaw from one starting seed on.
#[derive(Debug)]
pub struct Search<'a> {
    /// What the cases are made from, at least one; the seeds take them in turn.
    pub recipes: Vec<Recipe<'a>>,
    /// The flaw that the nodes have; none for the correct system.
    pub flaw: Option<String>,
    /// So many seeds are tried.
    pub seeds_max: u64,
    /// What somebody has found already is looked for in so many seeds only until clients see it, too.
    pub client_seeds_max: u64,
}

/// What a search from one starting seed found.
#[derive(Debug, Clone, Default)]
pub struct Detection {
    /// The first run that was found to be wrong by anybody.
    pub anybody: Option<Catch>,
    /// The first run that clients could see to be wrong.
    pub clients: Option<Catch>,
    /// Seeds under which the same system without the flaw was called wrong.
    pub false_alarms: Vec<u64>,
}

/// What came of many runs.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// How many there were.
    pub runs: u64,
    /// In so many nothing could be decided: nothing succeeded under a fault, or the data was lost as the system says it may be.
    pub undecided: u64,
    /// How much time went by in all of them.
    pub simulated: Duration,
    /// The seeds under which something was called wrong.
    pub alarms: Vec<u64>,
}

/// A run in which a flaw was caught.
#[derive(Debug, Clone)]
pub struct Catch {
    /// Its seed.
    pub seed: u64,
    /// How many seeds were tried, this one included.
    pub seeds: u64,
    /// How much simulated time that took.
    pub simulated: Duration,
    /// Who found it.
    pub by: BTreeSet<String>,
}

impl Search<'_> {
    /// Tries seeds from `start` on until clients could see that something is wrong, or it has gone on for long enough. What catches the flaw must pass without it: the same case is tried without the flaw, too.
    ///
    /// # Errors
    /// When a recipe makes no case.
    pub fn from(&self, start: u64) -> Result<Detection, RecipeError> {
        let manner = Manner::keeping(Recording::Nothing);
        let (mut detection, mut simulated) = (Detection::default(), Duration::ZERO);
        for number in 0..self.seeds_max {
            if detection.anybody.is_some() && self.client_seeds_max <= number {
                break;
            }
            let seed = start + number;
            let case = self.flawed(self.case(start, number)?);
            let results = Trial::hold(&case, &manner, &mut Unwatched).results;
            simulated += simulated_time(&results);
            let by = caught_by(&results);
            if by.is_empty() {
                continue;
            }
            detection
                .false_alarms
                .extend(self.alarm_without_flaw(&case, &manner));
            let seen = by.iter().any(|judge| judge != ORACLES);
            let catch = Catch {
                seed,
                seeds: number + 1,
                simulated,
                by,
            };
            detection.anybody.get_or_insert_with(|| catch.clone());
            if seen {
                detection.clients = Some(catch);
                break;
            }
        }
        Ok(detection)
    }

    /// Tries all seeds from `start` on, whatever comes of them.
    ///
    /// # Errors
    /// When a recipe makes no case.
    pub fn all_from(&self, start: u64) -> Result<Sample, RecipeError> {
        let manner = Manner::keeping(Recording::Nothing);
        let mut sample = Sample::default();
        for number in 0..self.seeds_max {
            let case = self.flawed(self.case(start, number)?);
            let results = Trial::hold(&case, &manner, &mut Unwatched).results;
            sample.runs += 1;
            sample.undecided += u64::from(results.verdict == "unknown");
            sample.simulated += simulated_time(&results);
            if !caught_by(&results).is_empty() {
                sample.alarms.push(case.test.seed);
            }
        }
        Ok(sample)
    }

    /// The case of the `number`-th seed from `start` on. Every search has the same one there, whatever flaw it is for.
    fn case(&self, start: u64, number: u64) -> Result<Case, RecipeError> {
        let recipe = &self.recipes[(number % self.recipes.len() as u64) as usize];
        recipe.case(start + number, 0)
    }

    fn flawed(&self, case: Case) -> Case {
        let flaw = self.flaw.clone();
        Case {
            test: Test { flaw, ..case.test },
            ..case
        }
    }

    fn alarm_without_flaw(&self, case: &Case, manner: &Manner) -> Option<u64> {
        let flaw = None;
        let twin = Case {
            test: Test {
                flaw,
                ..case.test.clone()
            },
            schedule: case.schedule.clone(),
        };
        let results = Trial::hold(&twin, manner, &mut Unwatched).results;
        (!caught_by(&results).is_empty()).then_some(case.test.seed)
    }
}

fn simulated_time(results: &Results) -> Duration {
    Duration::from_secs_f64((results.durations_ms.load + results.durations_ms.recover) / 1_000.0)
}

/// Who found something wrong with the run.
fn caught_by(results: &Results) -> BTreeSet<String> {
    let wrong = results
        .checkers
        .iter()
        .filter(|checker| checker.verdict == "invalid");
    let mut by: BTreeSet<String> = wrong.map(|checker| checker.name.clone()).collect();
    if results.cause == Some(Cause::Unavailable) {
        by.insert(AVAILABILITY.to_owned());
    }
    by
}

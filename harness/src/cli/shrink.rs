//! `tribunal shrink`: the smallest case that still fails as a run did.
//!
//! In the simulated world a smaller case is tried under its own seed and a few others, because fewer clients draw other operations; what is
//! found is certain. In the real one each case is tried several times, and what is found comes with how often it failed.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::Refusal;
use super::exit_code::{INVALID, UNKNOWN};
use super::replay::find;
use super::run::run_in_lab;
use crate::case::Case;
use crate::failure::Failure;
use crate::faults::FINAL_KILL;
use crate::progress::Unwatched;
use crate::progress::line::ProgressMode;
use crate::results::Results;
use crate::screen;
use crate::shrink::{Court, End, Shrinker, Shrunk};
use crate::store::{RunFolder, Store};
use crate::test::{Test, WorldKind};
use crate::trial::{Manner, Trial};
use crate::world::sim::Recording;

/// Under so many other seeds a smaller simulated case is tried.
const OTHER_SEEDS: u64 = 12;

/// Which run.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal shrink latest")]
pub struct ShrinkArgs {
    /// A run's folder, its name in the store, or latest
    run: String,
    /// The most cases to try [default: 4000 simulated ones, 60 real ones]
    #[arg(long)]
    tries: Option<u64>,
    /// How often a case is tried in the real world before it is taken not to fail
    #[arg(long, default_value_t = 3)]
    repetitions: u64,
    /// Where runs are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
}

/// Tries simulated cases.
struct Simulated;

/// Tries cases in the lab, several times each.
struct InLab {
    store: Store,
    repetitions: u64,
}

impl Court for Simulated {
    fn convict(&mut self, case: &Case, failure: &Failure) -> io::Result<Option<(Case, Results)>> {
        for other in 0..=OTHER_SEEDS {
            let seed = case.test.seed.wrapping_add(other);
            let case = Case {
                test: Test {
                    seed,
                    ..case.test.clone()
                },
                schedule: case.schedule.clone(),
            };
            let trial = Trial::hold(&case, &Manner::keeping(Recording::Nothing), &mut Unwatched);
            if failure.is_that_of(&trial.results) {
                return Ok(Some((case, trial.results)));
            }
        }
        Ok(None)
    }
}

impl Court for InLab {
    fn convict(&mut self, case: &Case, failure: &Failure) -> io::Result<Option<(Case, Results)>> {
        for _ in 0..self.repetitions {
            let (_, results) = run_in_lab(&self.store, case, ProgressMode::None).map_err(io::Error::other)?;
            if failure.is_that_of(&results) {
                return Ok(Some((case.clone(), results)));
            }
        }
        Ok(None)
    }
}

impl ShrinkArgs {
    /// Shrinks the run and keeps the smallest case as a run of its own.
    ///
    /// # Errors
    /// When there is no such run, or it did not fail.
    pub fn execute(self) -> Result<u8, Refusal> {
        let folder = find(&self.store, &self.run)?;
        let case = Case::read(&folder).map_err(Refusal::arguments)?;
        let failure = Failure::of(&Results::read(&folder.results())?)
            .ok_or_else(|| Refusal::arguments("that run is valid: there is nothing to shrink"))?;
        screen::print(&format!("{} faults; {failure}\n", case.schedule.episodes().len()))?;
        match case.test.world {
            WorldKind::Sim => self.shrink(&case, failure, &mut Simulated, self.tries.unwrap_or(4_000)),
            WorldKind::Real => {
                let mut court = InLab {
                    store: Store::at(self.store.join("shrink")),
                    repetitions: self.repetitions,
                };
                self.shrink(&case, failure, &mut court, self.tries.unwrap_or(60))
            }
        }
    }

    fn shrink(
        &self,
        case: &Case,
        failure: Failure,
        court: &mut impl Court,
        tries_max: u64,
    ) -> Result<u8, Refusal> {
        let live = io::stderr().is_terminal();
        let watch = |smaller: &Case, tried: u64| {
            if live {
                // A progress line that cannot be written is no reason to stop.
                drop(write!(
                    io::stderr(),
                    "\r{}, {tried} cases tried   ",
                    size(smaller)
                ));
            }
        };
        let shrinker = Shrinker::new(court, failure.clone(), tries_max);
        let Some(shrunk) = shrinker.shrink(case, watch)? else {
            screen::print("it did not fail again: there is nothing to shrink\n")?;
            return Ok(UNKNOWN);
        };
        let kept = match shrunk.case.test.world {
            WorldKind::Sim => self.keep_simulated(&shrunk)?,
            WorldKind::Real => self.keep_real(&shrunk, &failure)?,
        };
        screen::print(&words(&shrunk, &kept))?;
        Ok(INVALID)
    }

    fn keep_simulated(&self, shrunk: &Shrunk) -> Result<Kept, Refusal> {
        let folder = Store::at(&self.store).create(&shrunk.case.test, Timestamp::now())?;
        shrunk.case.write(&folder)?;
        let manner = Manner::keeping(Recording::Events);
        let trial = Trial::hold(&shrunk.case, &manner, &mut Unwatched);
        trial.write(&folder)?;
        Ok(Kept {
            folder,
            results: trial.results,
            confidence: "it is the same each time".to_owned(),
        })
    }

    /// Tries the smallest case some more, to see how often it fails; the last run that did is kept, or else the last.
    fn keep_real(&self, shrunk: &Shrunk, failure: &Failure) -> Result<Kept, Refusal> {
        let store = Store::at(&self.store);
        let (mut failed, mut kept) = (0, None);
        for _ in 0..self.repetitions.max(1) {
            let run = run_in_lab(&store, &shrunk.case, ProgressMode::None)?;
            let fails = failure.is_that_of(&run.1);
            failed += u64::from(fails);
            if fails || kept.is_none() {
                kept = Some(run);
            }
        }
        let (folder, results) = kept.expect("it was tried at least once");
        let confidence = format!(
            "tried {} more, it failed {failed} of them",
            count(self.repetitions, "time")
        );
        Ok(Kept {
            folder,
            results,
            confidence,
        })
    }
}

/// The run that is left of a shrunk one.
struct Kept {
    folder: RunFolder,
    results: Results,
    /// How far it can be trusted.
    confidence: String,
}

/// The smallest case, as a person would tell it.
fn words(shrunk: &Shrunk, kept: &Kept) -> String {
    let Shrunk { case, tried, end, .. } = shrunk;
    let Kept {
        folder,
        results,
        confidence,
    } = kept;
    let test = &case.test;
    let flaw = test
        .flaw
        .as_ref()
        .map_or_else(String::new, |flaw| format!(", told to be wrong ({flaw}),"));
    let mut text = format!(
        "\nIt is enough that {} with {} replicas{flaw} is given {} by {} on {}, and that\n",
        test.system,
        test.nodes,
        count(results.ops.invoked, "operation"),
        count(test.concurrency, "client"),
        count(test.keys as u64, "key")
    );
    for fault in results.faults.iter().filter(|fault| fault.skipped.is_none()) {
        let (from, until) = (fault.begin_ns as f64 / 1e9, fault.end_ns as f64 / 1e9);
        let usual = if fault.fault == FINAL_KILL {
            " (as at the end of every run)"
        } else {
            ""
        };
        writeln!(
            text,
            "  from {from:.3} s to {until:.3} s  {} of {}: {}{usual}",
            fault.fault, fault.target, fault.resolved
        )
        .expect(TAKES);
    }
    let reason = results.reason.as_deref().unwrap_or("it is not known why");
    let end = match end {
        End::LocalMinimum => "nothing more can be left out by itself",
        End::OutOfTrials => "there was no time to try more",
    };
    writeln!(
        text,
        "\nThen: {reason}.\n\n{tried} cases tried, {end}; {confidence}."
    )
    .expect(TAKES);
    writeln!(
        text,
        "  schedule  {}\n  again     tribunal replay {}\n",
        folder.schedule().display(),
        folder.path().display()
    )
    .expect(TAKES);
    text
}

const TAKES: &str = "a string takes everything";

/// `1 client`, `2 clients`.
fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn size(case: &Case) -> String {
    format!(
        "{} faults, {} clients, {} s",
        case.schedule.episodes().len(),
        case.test.concurrency,
        case.test.time_limit_s
    )
}

//! Simulated runs, one seed after another. Only what is not valid leaves a folder behind, and the last run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Refusal;
use super::exit_code::worse;
use crate::progress::Unwatched;
use crate::progress::line::ProgressMode;
use crate::progress::sweep::{SweepLine, SweepTally};
use crate::recipe::{Held, Recipe};
use crate::results::{Cause, Results};
use crate::screen;
use crate::store::{RunFolder, Store};
use crate::test::Test;
use crate::trial::{Manner, Trial};
use crate::world::real::machine_time;
use crate::world::sim::Recording;

/// So many runs that are not valid are kept as folders; the others are only counted and named.
const KEPT_MAX: u64 = 20;

/// Simulated runs to be made.
#[derive(Debug)]
pub struct Sweep<'a> {
    /// What the cases are made from. The first has the seed of its test; each further one has the next.
    pub recipe: Recipe<'a>,
    /// How many runs.
    pub count: u64,
    /// Where runs are kept.
    pub store: Store,
    /// How progress is shown.
    pub progress: ProgressMode,
    /// How results are shown.
    pub form: Form,
}

/// How results are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Sweep<'_> {
    /// Makes the runs; the worst of their exit codes.
    ///
    /// # Errors
    /// When what was asked makes no sense, or a folder cannot be written.
    pub fn execute(&self) -> Result<u8, Refusal> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
        }
        let manner = Manner {
            recording: Recording::Nothing,
            interrupted,
        };
        let begin = machine_time();
        let mut line = SweepLine::new(self.progress, self.count);
        let (mut tally, mut worst) = (SweepTally::default(), 0);
        for number in 0..self.count {
            let seed = self.recipe.test.seed.wrapping_add(number);
            let held = self.recipe.hold(seed, &manner).map_err(Refusal::arguments)?;
            if manner.interrupted.load(Ordering::Relaxed) && self.count > 1 {
                break;
            }
            let code = held.trial.results.exit_code();
            worst = worse(worst, code);
            tally.count(&held);
            if number + 1 == self.count || (code != 0 && tally.red() <= KEPT_MAX) {
                line.clear();
                self.keep(&held)?;
            }
            line.tick(&tally, machine_time().saturating_sub(begin));
        }
        line.clear();
        if 1 < self.count && self.form == Form::Text {
            screen::print(&tally.text(machine_time().saturating_sub(begin)))?;
        }
        Ok(worst)
    }

    /// Holds the trial once more, this time with everything written down, and shows it.
    fn keep(&self, held: &Held) -> Result<(), Refusal> {
        let Held { case, trial, .. } = held;
        let again = Trial::hold(case, &Manner::keeping(Recording::Events), &mut Unwatched);
        let interrupted = trial.results.cause == Some(Cause::Interrupted);
        if again.journal != trial.journal && !interrupted {
            return Err(Refusal::harness(format!(
                "seed {} made two different runs: that is a defect of the simulation",
                case.test.seed
            )));
        }
        let folder = self.store.create(&case.test, Timestamp::now())?;
        case.write(&folder)?;
        let kept = if interrupted { trial } else { &again };
        kept.write(&folder)?;
        self.show(&case.test, &folder, &kept.results)
    }

    fn show(&self, test: &Test, folder: &RunFolder, results: &Results) -> Result<(), Refusal> {
        match self.form {
            Form::Json => screen::print(&std::fs::read_to_string(folder.results())?)?,
            Form::Text if self.count == 1 => screen::verdict(results, folder, test)?,
            Form::Text if results.exit_code() != 0 => screen::print(&red(test, folder.path(), results))?,
            Form::Text => {}
        }
        Ok(())
    }
}

/// A run of a sweep that is not valid: what it was, where it lies, and how it is run again.
fn red(test: &Test, folder: &Path, results: &Results) -> String {
    let cause = results.cause.map_or("", Cause::name);
    let seed = test.seed;
    let reason = results.reason.as_deref().unwrap_or("no reason is known");
    format!(
        "{} ({cause}) with seed {seed}, commit {}: {reason}\n  again: tribunal replay {}\n     or: {}\n",
        results.verdict.to_uppercase(),
        test.commit,
        folder.display(),
        command_of(seed, std::env::args().skip(1)),
    )
}

/// The command line at hand, for a single run of `seed`.
fn command_of(seed: u64, mut arguments: impl Iterator<Item = String>) -> String {
    let mut words = vec!["tribunal".to_owned()];
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" | "--test-count" => drop(arguments.next()),
            other if other.starts_with("--seed=") || other.starts_with("--test-count=") => {}
            _ => words.push(argument),
        }
    }
    words.push(format!("--seed {seed}"));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::command_of;

    #[test]
    fn the_command_for_one_seed_is_the_same_but_for_seed_and_count() {
        let line = "run --world sim --seed 1 --nemesis all --test-count=9 --rate 5 --test-count 10";
        let arguments = line.split(' ').map(str::to_owned);
        let expected = "tribunal run --world sim --nemesis all --rate 5 --seed 7";
        assert_eq!(command_of(7, arguments), expected);
    }
}

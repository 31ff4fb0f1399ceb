//! Simulated runs, one seed after another. Only what is not valid leaves a folder behind, and the last run.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use nemesis::{Profile, Schedule, Selection};
use signal_hook::consts::{SIGINT, SIGTERM};

use super::Refusal;
use super::exit_code::worse;
use crate::adapter::System;
use crate::mix::{Free, mixed};
use crate::progress::Unwatched;
use crate::progress::line::ProgressMode;
use crate::progress::sweep::{SweepLine, SweepTally};
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
    /// The system on trial.
    pub system: &'a dyn System,
    /// The first run; each further one has the next seed.
    pub first: Test,
    /// How many runs.
    pub count: u64,
    /// What is done to the system.
    pub nemeses: Selection,
    /// What each seed draws for itself.
    pub free: Option<Free>,
    /// The faults of all runs, if they were given.
    pub schedule: Option<Schedule>,
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
        let begin = machine_time();
        let mut line = SweepLine::new(self.progress, self.count);
        let (mut tally, mut worst) = (SweepTally::default(), 0);
        for number in 0..self.count {
            let (test, schedule) = self.prepare(number)?;
            let trial = self.hold(&test, &schedule, Recording::Nothing, &interrupted);
            if interrupted.load(Ordering::Relaxed) && self.count > 1 {
                break;
            }
            let code = trial.results.exit_code();
            worst = worse(worst, code);
            tally.count(&test, &trial.results);
            if number + 1 == self.count || (code != 0 && tally.red() <= KEPT_MAX) {
                line.clear();
                self.keep(&test, &schedule, &trial)?;
            }
            line.tick(&tally, machine_time().saturating_sub(begin));
        }
        line.clear();
        if 1 < self.count && self.form == Form::Text {
            screen::print(&tally.text(machine_time().saturating_sub(begin)))?;
        }
        Ok(worst)
    }

    /// The test and the schedule of the run with this number.
    fn prepare(&self, number: u64) -> Result<(Test, Schedule), Refusal> {
        let test = Test {
            seed: self.first.seed.wrapping_add(number),
            ..self.first.clone()
        };
        let (test, nemeses) = match self.free {
            Some(free) => mixed(&test, free, &self.nemeses, self.system),
            None => (test, self.nemeses.clone()),
        };
        let schedule = match &self.schedule {
            Some(schedule) => schedule.clone(),
            None => self.draw(&test, nemeses)?,
        };
        Ok((test, schedule))
    }

    fn draw(&self, test: &Test, nemeses: Selection) -> Result<Schedule, Refusal> {
        let conditions = test.conditions.unwrap_or_default();
        let detector = conditions.timeout(self.system.detector());
        let profile = Profile::new(nemeses, test.nemesis_interval(), test.time_limit(), detector)
            .map_err(Refusal::arguments)?;
        Schedule::draw(&profile, test.seed, &self.system.roster(test.nodes)).map_err(Refusal::arguments)
    }

    fn hold(
        &self,
        test: &Test,
        schedule: &Schedule,
        recording: Recording,
        interrupted: &Arc<AtomicBool>,
    ) -> Trial {
        let manner = Manner {
            recording,
            interrupted: Arc::clone(interrupted),
        };
        Trial::hold(test, schedule, &manner, &mut Unwatched)
    }

    /// Makes the run once more, this time with everything written down, and shows it.
    fn keep(&self, test: &Test, schedule: &Schedule, first: &Trial) -> Result<(), Refusal> {
        let again = self.hold(test, schedule, Recording::Events, &Arc::default());
        if again.journal != first.journal {
            return Err(Refusal::harness(format!(
                "seed {} made two different runs: that is a defect of the simulation",
                test.seed
            )));
        }
        let folder = self.store.create(test, Timestamp::now())?;
        folder.write_test(test)?;
        std::fs::write(folder.schedule(), schedule.to_string())?;
        again.write(&folder)?;
        self.show(test, &folder, &again.results)
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
    let reason = results.reason.as_deref().unwrap_or("no reason is known");
    format!(
        "{} ({cause}) with seed {}, commit {}: {reason}\n  again: tribunal replay {}\n",
        results.verdict.to_uppercase(),
        test.seed,
        test.commit,
        folder.display()
    )
}

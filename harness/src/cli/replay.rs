//! `tribunal replay`: a run once more, from its folder.
//!
//! A simulated run is the same again, byte for byte, or something is wrong with the simulation. A real one has the same faults and
//! the same operations, and processes of its own; how often it ends in the same way is said as a rate.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Refusal;
use super::exit_code::{HARNESS_FAILURE, worse};
use super::run::run_in_lab;
use crate::case::Case;
use crate::failure::Failure;
use crate::progress::Unwatched;
use crate::progress::line::ProgressMode;
use crate::results::Results;
use crate::screen;
use crate::store::{RunFolder, Store};
use crate::test::{COMMIT, WorldKind};
use crate::trial::{Manner, Trial};
use crate::world::sim::Recording;

/// Which run, and how often.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal replay latest --times 10")]
pub struct ReplayArgs {
    /// A run's folder, its name in the store, or latest
    run: String,
    /// How often
    #[arg(long, default_value_t = 1)]
    times: u64,
    /// Where runs are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressMode,
}

impl ReplayArgs {
    /// Runs it again; the worst exit code of the repetitions.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be repeated here.
    pub fn execute(self) -> Result<u8, Refusal> {
        if self.times == 0 {
            return Err(Refusal::arguments("--times 0: nothing would be run"));
        }
        let folder = find(&self.store, &self.run)?;
        let case = Case::read(&folder).map_err(Refusal::arguments)?;
        match case.test.world {
            WorldKind::Sim => self.simulated(&folder, &case),
            WorldKind::Real => self.real(&folder, &case),
        }
    }

    fn simulated(&self, folder: &RunFolder, case: &Case) -> Result<u8, Refusal> {
        let mut code = 0;
        for _ in 0..self.times {
            let trial = Trial::hold(case, &Manner::keeping(Recording::Events), &mut Unwatched);
            code = worse(code, trial.results.exit_code());
            if let Some(file) = trial.first_difference(folder)? {
                return other_run(&file, case, code);
            }
        }
        let results = Results::read(&folder.results())?;
        screen::verdict(&results, folder, &case.test)?;
        screen::print(&format!(
            "  replayed  {} times, each time the same, byte for byte\n\n",
            self.times
        ))?;
        Ok(code)
    }

    fn real(&self, folder: &RunFolder, case: &Case) -> Result<u8, Refusal> {
        let before = Results::read(&folder.results())?;
        let failure = Failure::of(&before);
        let (mut code, mut alike) = (0, 0);
        for _ in 0..self.times {
            let results = run_in_lab(&Store::at(&self.store), case, self.progress)?.1;
            code = worse(code, results.exit_code());
            let same = match &failure {
                Some(failure) => failure.is_that_of(&results),
                None => results.cause.is_none(),
            };
            alike += u64::from(same);
            screen::print(&format!("{}\n", ending(&results)))?;
        }
        screen::print(&format!(
            "\n  before      {}\n  reproduced  {alike} of {} times ({} %)\n\n",
            ending(&before),
            self.times,
            alike * 100 / self.times
        ))?;
        Ok(code)
    }
}

/// The run that `name` means.
///
/// # Errors
/// When there is none.
pub(super) fn find(store: &Path, name: &str) -> Result<RunFolder, Refusal> {
    Store::at(store).find(name).ok_or_else(|| {
        Refusal::arguments(format!(
            "there is no run {name:?}, neither as a folder nor in {}",
            store.display()
        ))
    })
}

/// The same case made another run. With the same program that is a defect of it.
fn other_run(file: &Path, case: &Case, code: u8) -> Result<u8, Refusal> {
    let recorded = &case.test.commit;
    let name = file.display();
    if recorded == COMMIT {
        screen::print(&format!(
            "not the same: {name} differs, though both are of commit {COMMIT}; that is a defect of the simulation\n"
        ))?;
        return Ok(HARNESS_FAILURE);
    }
    screen::print(&format!(
        "not the same: {name} differs; it was recorded by commit {recorded}, and this is {COMMIT}\n"
    ))?;
    Ok(code)
}

/// How a run ended, in a few words.
fn ending(results: &Results) -> String {
    let failure = Failure::of(results).map_or_else(String::new, |failure| format!(" ({failure})"));
    format!("{}{failure}", results.verdict)
}

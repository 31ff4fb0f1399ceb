//! `tribunal engine`: a trial inside the lab, from its folder. Not typed by people.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use histories::History;
use histories::checker::progress::Window;

use super::Refusal;
use crate::adapter;
use crate::case::Case;
use crate::dossier;
use crate::interpreter::Interpreter;
use crate::judge;
use crate::oracle::{Examination, Hindsight};
use crate::progress::line::{ProgressLine, ProgressMode};
use crate::results::Results;
use crate::store::RunFolder;
use crate::test::Test;
use crate::testimony::Testimony;
use crate::workload::load;
use crate::world::World;
use crate::world::real::{RealWorld, machine_time};

/// Which run.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// The run's folder, with test.toml and schedule.toml in it
    folder: PathBuf,
    /// When the program was started, by the machine's monotonic clock
    #[arg(long)]
    started_ns: u64,
    /// How progress is shown
    #[arg(long, value_enum)]
    progress: ProgressMode,
}

/// What the run took beside what the interpreter saw.
#[derive(Debug, Clone, Copy)]
struct Around {
    setup: Duration,
    teardown: Duration,
    /// What the machine's clock showed when the load began.
    epoch: Duration,
}

impl EngineArgs {
    /// Runs the trial, judges it, and writes the results, whatever happens.
    ///
    /// # Errors
    /// When the folder is none of a run, or the results cannot be written.
    pub fn execute(self) -> Result<u8, Refusal> {
        let folder = RunFolder::open(&self.folder);
        let test = folder.read_test()?;
        let results = match self.trial(&test, &folder) {
            Ok((testimony, around)) => judged(&test, &testimony, around, &folder),
            Err(error) => judge::not_judged(&test, &error),
        };
        results.write(&folder.results())?;
        Ok(results.exit_code())
    }

    fn trial(&self, test: &Test, folder: &RunFolder) -> io::Result<(Testimony, Around)> {
        let system =
            adapter::system(&test.system).ok_or_else(|| io::Error::other("there is no such system"))?;
        let schedule = Case::read(folder)?.schedule;
        let journal = folder.create_journal(test)?;
        let mut world = RealWorld::open(system.as_ref(), test, folder)?;
        let setup = machine_time().saturating_sub(Duration::from_nanos(self.started_ns));
        let epoch = machine_time().saturating_sub(world.now());
        let mut progress = ProgressLine::new(self.progress, test.time_limit());
        let interpreter = Interpreter::new(&mut world, journal, test.concurrency, &schedule);
        let testimony = interpreter.run(&mut load(test), test.recovery(), &mut progress)?;
        let begin = machine_time();
        drop(world);
        Ok((
            testimony,
            Around {
                setup,
                teardown: machine_time().saturating_sub(begin),
                epoch,
            },
        ))
    }
}

fn judged(test: &Test, testimony: &Testimony, around: Around, folder: &RunFolder) -> Results {
    let judged = judge::judge(
        test,
        testimony,
        &folder.journal(),
        &mut inside(test, folder, around.epoch),
    )
    .and_then(|results| {
        dossier::write(folder, &results)?;
        Ok(results)
    });
    let mut results = judged.unwrap_or_else(|error| judge::not_judged(test, &error));
    results.durations_ms.setup = around.setup.as_secs_f64() * 1_000.0;
    results.durations_ms.teardown = around.teardown.as_secs_f64() * 1_000.0;
    results
}

/// Has the nodes' event logs looked through once the run is over.
fn inside<'a>(
    test: &'a Test,
    folder: &'a RunFolder,
    epoch: Duration,
) -> impl FnMut(&History, Option<Window>) -> Option<Examination> + 'a {
    move |history, quiet| {
        let system = adapter::system(&test.system)?;
        let roster = system.cast(test.nodes, test.reserve);
        let mut examiner = system.examiner(&roster)?;
        for node in roster.everybody() {
            // A node whose log cannot be read has said nothing; what depends on it is then found to be missing.
            let log = std::fs::read(folder.events(node)).unwrap_or_default();
            for line in String::from_utf8_lossy(&log).lines() {
                examiner.read(node, line);
            }
        }
        let hindsight = Hindsight {
            history,
            began_ns: u64::try_from(epoch.as_nanos()).unwrap_or(0),
            quiet,
            traffic: None,
        };
        Some(examiner.examine(&hindsight))
    }
}

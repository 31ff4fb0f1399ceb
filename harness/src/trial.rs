//! A simulated trial: from a test and its schedule to the record and the judgement, all in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use histories::History;
use histories::journal::Journal;
use nemesis::Schedule;
use serde_json::json;
use systems::NodeId;

use crate::adapter::{self, ClientsConfig, Reads, Setting};
use crate::case::Case;
use crate::dossier;
use crate::interpreter::Interpreter;
use crate::judge;
use crate::progress::Progress;
use crate::results::Results;
use crate::store::RunFolder;
use crate::test::Test;
use crate::workload::{Workload, load};
use crate::world::sim::{Recording, SimConfig};

/// What a simulated trial amounts to. The same test and schedule amount to the same, byte for byte.
#[derive(Debug)]
pub struct Trial {
    /// The record, as `journal.jsonl` has it.
    pub journal: Vec<u8>,
    /// The judgement.
    pub results: Results,
    /// What the nodes said of themselves, as their `events.jsonl` have it; empty unless it was recorded.
    pub events: BTreeMap<NodeId, Vec<u8>>,
}

/// How a trial is held.
#[derive(Debug, Clone)]
pub struct Manner {
    /// What is kept of it.
    pub recording: Recording,
    /// Set by whoever wants it to end.
    pub interrupted: Arc<AtomicBool>,
}

impl Trial {
    /// Holds the trial of `case`. A failure of the harness is a judgement too.
    pub fn hold(case: &Case, manner: &Manner, progress: &mut dyn Progress) -> Self {
        let Case { test, schedule } = case;
        let mut trial = Self {
            journal: Vec::new(),
            results: judge::not_judged(test, &io::Error::other("nothing happened")),
            events: BTreeMap::new(),
        };
        let held = trial.run(test, schedule, manner, progress);
        if let Err(error) = held {
            trial.results = judge::not_judged(test, &error);
        }
        trial
    }

    fn run(
        &mut self,
        test: &Test,
        schedule: &Schedule,
        manner: &Manner,
        progress: &mut dyn Progress,
    ) -> io::Result<()> {
        let system =
            adapter::system(&test.system).ok_or_else(|| io::Error::other("there is no such system"))?;
        let journal = Journal::create(&mut self.journal, test.seed, &json!(test))?;
        let mut world = system.simulate(&setting(test), config(test, manner))?;
        let interpreter = Interpreter::new(&mut world, journal, test.concurrency, schedule);
        let testimony = interpreter.run(&mut load(test), test.recovery(), progress)?;
        self.events = world.event_logs()?;
        let mut inside = |history: &History, quiet| Some(world.examine(history, quiet));
        self.results = judge::judge_record(test, &testimony, &self.journal[..], &mut inside)?;
        Ok(())
    }

    /// Writes record, judgement and event logs to `folder`, which has the case already.
    ///
    /// # Errors
    /// When one of the files cannot be written.
    pub fn write(&self, folder: &RunFolder) -> io::Result<()> {
        std::fs::write(folder.journal(), &self.journal)?;
        for (node, events) in &self.events {
            std::fs::create_dir_all(folder.node(*node))?;
            std::fs::write(folder.events(*node), events)?;
        }
        dossier::write(folder, &self.results)?;
        self.results.write(&folder.results())
    }

    /// The first file of `folder` that this trial would write otherwise.
    ///
    /// # Errors
    /// When the results have no form in JSON.
    pub fn first_difference(&self, folder: &RunFolder) -> io::Result<Option<PathBuf>> {
        let results = self.results.text()?.into_bytes();
        let events = self
            .events
            .iter()
            .map(|(node, events)| (folder.events(*node), events));
        let mut files = [(folder.journal(), &self.journal), (folder.results(), &results)]
            .into_iter()
            .chain(events);
        // A file that is missing is another one, too.
        let differs = files.find(|(path, expected)| std::fs::read(path).ok().as_ref() != Some(*expected));
        Ok(differs.map(|(path, _)| path))
    }
}

impl Manner {
    /// Keeps what `recording` says, and goes on to the end.
    #[must_use]
    pub fn keeping(recording: Recording) -> Self {
        Self {
            recording,
            interrupted: Arc::default(),
        }
    }
}

fn setting(test: &Test) -> Setting {
    let reads = Workload::named(&test.workload).map_or(Reads::Scalar, Workload::reads);
    Setting {
        nodes: test.nodes,
        reserve: test.reserve,
        clients: ClientsConfig {
            concurrency: test.concurrency,
            reads,
        },
        flaw: test.flaw.clone(),
        reads: test.reads.clone(),
    }
}

fn config(test: &Test, manner: &Manner) -> SimConfig {
    SimConfig {
        seed: test.seed,
        conditions: test.conditions.unwrap_or_default(),
        recording: manner.recording,
        interrupted: Arc::clone(&manner.interrupted),
    }
}

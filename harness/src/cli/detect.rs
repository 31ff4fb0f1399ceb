//! `tribunal detect`: how soon each known way to be wrong is caught in the simulated world, as a table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use clap::Args;

use super::exit_code::{INVALID, VALID};
use super::run::refuse_unknown_reads;
use super::{Refusal, duration};
use crate::adapter::{self, System};
use crate::detection::{Catch, Detection, Sample, Search};
use crate::mix::Free;
use crate::recipe::Recipe;
use crate::screen;
use crate::test::{COMMIT, Test, VERSION, WorldKind};
use crate::workload::Workload;
use crate::world::real::machine_time;
use crate::world::sim::Conditions;
use nemesis::Selection;

/// Two starting seeds are so far apart, so that no two searches try the same one.
const START_STEP: u64 = 1_000_000;

/// What to look for, and for how long.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal detect --system pb --starts 20")]
pub struct DetectArgs {
    /// The system whose flaws are looked for
    #[arg(short, long)]
    system: String,
    /// Only this flaw
    #[arg(long)]
    flaw: Option<String>,
    /// Only groups that answer reads so [default: each seed draws its own]
    #[arg(long)]
    reads: Option<String>,
    /// From so many seeds the search is started; the table has the medians
    #[arg(long, default_value_t = 20)]
    starts: u64,
    /// The most seeds of one search
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
    /// The most seeds of one search for what clients can see, once somebody else has seen it [default: --seeds]
    #[arg(long)]
    client_seeds: Option<u64>,
    /// From each starting seed the correct system is tried with so many seeds
    #[arg(long, default_value_t = 500)]
    correct: u64,
    /// How long the load of a run lasts
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    time_limit: Duration,
}

/// A row of the table.
struct Row {
    flaw: &'static str,
    detections: Vec<Detection>,
    wall: Duration,
}

impl DetectArgs {
    /// Prints the table; 1 when a flaw was not caught by every search, or the correct system was called wrong.
    ///
    /// # Errors
    /// When there is no such system or flaw.
    pub fn execute(self) -> Result<u8, Refusal> {
        let systems = adapter::systems();
        let known: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        let system =
            adapter::system(&self.system).ok_or_else(|| Refusal::unknown("system", &self.system, &known))?;
        refuse_unknown_reads(self.reads.as_deref(), system.as_ref())?;
        let names: Vec<&'static str> = system.flaws().iter().map(|flaw| flaw.name).collect();
        let wanted: Vec<&'static str> = match self.flaw.as_deref() {
            None => names,
            Some(flaw) => match names.iter().find(|name| **name == flaw) {
                Some(name) => vec![*name],
                None => return Err(Refusal::unknown("flaw", flaw, &names)),
            },
        };
        let mut code = VALID;
        screen::print(HEAD)?;
        for flaw in wanted {
            let row = self.row(system.as_ref(), flaw)?;
            screen::print(&row.text(self.starts))?;
            if !row.is_good() {
                code = INVALID;
            }
        }
        let correct = self.correct_system(system.as_ref())?;
        screen::print(&correct.0)?;
        Ok(correct.1.max(code))
    }

    /// The correct system under the seeds and schedules from which the flaws were searched for: a line about it, and the exit code.
    fn correct_system(&self, system: &dyn System) -> Result<(String, u8), Refusal> {
        let search = self.search(system, None, self.correct);
        let begin = machine_time();
        let mut all = Sample::default();
        for start in 0..self.starts {
            let sample = search.all_from(start * START_STEP).map_err(Refusal::arguments)?;
            all.runs += sample.runs;
            all.undecided += sample.undecided;
            all.simulated += sample.simulated;
            all.alarms.extend(sample.alarms);
        }
        let wall = machine_time().saturating_sub(begin);
        let alarms = match &all.alarms[..] {
            [] => "no alarm".to_owned(),
            seeds => format!("called wrong under seeds {seeds:?}"),
        };
        let text = format!(
            "\nThe correct system, from the same {} starting seeds: {} runs of {} simulated seconds in all, {alarms}; {} decided nothing. They took {:.0} s.\n",
            self.starts,
            all.runs,
            all.simulated.as_secs(),
            all.undecided,
            wall.as_secs_f64()
        );
        Ok((text, if all.alarms.is_empty() { VALID } else { INVALID }))
    }

    fn search<'a>(&self, system: &'a dyn System, flaw: Option<&str>, seeds_max: u64) -> Search<'a> {
        Search {
            recipes: Workload::WATCHFUL
                .map(|workload| self.recipe(system, workload))
                .into(),
            flaw: flaw.map(str::to_owned),
            seeds_max,
            client_seeds_max: self.client_seeds.unwrap_or(seeds_max),
        }
    }

    fn row(&self, system: &dyn System, flaw: &'static str) -> Result<Row, Refusal> {
        let search = self.search(system, Some(flaw), self.seeds);
        let begin = machine_time();
        let starts = (0..self.starts).map(|start| search.from(start * START_STEP));
        let detections = starts.collect::<Result<_, _>>().map_err(Refusal::arguments)?;
        Ok(Row {
            flaw,
            detections,
            wall: machine_time().saturating_sub(begin),
        })
    }

    fn recipe<'a>(&self, system: &'a dyn System, workload: Workload) -> Recipe<'a> {
        let test = Test {
            system: self.system.clone(),
            workload: workload.name().to_owned(),
            nemesis: Vec::new(),
            flaw: None,
            reads: self.reads.clone(),
            world: WorldKind::Sim,
            nodes: system.claims().servers_default,
            reserve: 0,
            concurrency: 5,
            rate: 100.0,
            time_limit_s: self.time_limit.as_secs_f64(),
            nemesis_interval_s: 2.0,
            recovery_s: 10.0,
            keys: 5,
            ops_per_key: 200,
            seed: 0,
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            conditions: Some(Conditions::default()),
        };
        Recipe {
            system,
            test,
            nemeses: Selection::within(Selection::ALL, &WorldKind::Sim.families_on(system))
                .expect("all is a selection in every world"),
            free: Some(Free::ALL),
            schedule: None,
        }
    }
}

const HEAD: &str = "\
| flaw | caught | seeds, median (most) | simulated time, median | by | seen by clients | seeds, median (most) | by | wall time a search |
|---|---|---|---|---|---|---|---|---|
";

impl Row {
    /// Whether every search caught the flaw, and none called the correct system wrong.
    fn is_good(&self) -> bool {
        let good = |detection: &Detection| detection.anybody.is_some() && detection.false_alarms.is_empty();
        self.detections.iter().all(good)
    }

    fn text(&self, starts: u64) -> String {
        let anybody: Vec<&Catch> = self
            .detections
            .iter()
            .filter_map(|found| found.anybody.as_ref())
            .collect();
        let clients: Vec<&Catch> = self
            .detections
            .iter()
            .filter_map(|found| found.clients.as_ref())
            .collect();
        let mut text = format!("| `{}` | {} of {starts} |", self.flaw, anybody.len());
        let simulated = median(&anybody, |one| one.simulated.as_secs());
        write!(
            text,
            " {} | {simulated} s | {} |",
            seeds(&anybody),
            judges(&anybody)
        )
        .expect(TAKES);
        write!(
            text,
            " {} of {starts} | {} | {} |",
            clients.len(),
            seeds(&clients),
            judges(&clients)
        )
        .expect(TAKES);
        let each = self.wall.as_secs_f64() / starts.max(1) as f64;
        writeln!(text, " {each:.2} s |").expect(TAKES);
        let alarms: Vec<u64> = self
            .detections
            .iter()
            .flat_map(|found| found.false_alarms.clone())
            .collect();
        if !alarms.is_empty() {
            writeln!(text, "the correct system was called wrong under seeds {alarms:?}").expect(TAKES);
        }
        text
    }
}

const TAKES: &str = "a string takes everything";

fn seeds(catches: &[&Catch]) -> String {
    let most = catches.iter().map(|one| one.seeds).max().unwrap_or(0);
    format!("{} ({most})", median(catches, |one| one.seeds))
}

fn median(catches: &[&Catch], of: impl Fn(&Catch) -> u64) -> u64 {
    let mut values: Vec<u64> = catches.iter().map(|one| of(one)).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

/// Who caught it, and how often.
fn judges(catches: &[&Catch]) -> String {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for judge in catches.iter().flat_map(|one| one.by.iter()) {
        *counts.entry(judge).or_default() += 1;
    }
    let words: Vec<String> = counts
        .iter()
        .map(|(judge, count)| format!("{judge} {count}"))
        .collect();
    words.join(", ")
}

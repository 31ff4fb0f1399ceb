//! `tribunal run`: puts a system on trial.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use nemesis::lab::{self, EngineCommand};
use nemesis::profile::SelectionError;
use nemesis::{Episode, Family, Profile, Roster, Schedule, Selection};
use systems::reads::UnknownReads;

use super::Refusal;
use super::duration;
use super::series::{self, Series};
use super::sweep::{Form, Sweep};
use crate::adapter::{self, RESERVE, System};
use crate::case::Case;
use crate::judge;
use crate::mix::{self, Choice, Free};
use crate::progress::line::ProgressMode;
use crate::recipe::Recipe;
use crate::results::Results;
use crate::screen;
use crate::store::{RunFolder, Store};
use crate::test::{COMMIT, Test, VERSION, WorldKind};
use crate::workload::{Usual, Workload};
use crate::world::real::machine_time;
use crate::world::sim::Conditions;

/// Bounds of what may be asked for.
const NODES_MAX: usize = 50;
const CONCURRENCY_MAX: u64 = 1_000;
const RATE_MAX: f64 = 1_000_000.0;

/// What holds when nothing is said.
const KEYS_DEFAULT: usize = 5;
const OPS_PER_KEY_DEFAULT: u64 = 200;

/// What an engine ends with that SIGHUP, SIGINT or SIGTERM met before it could listen.
const ENDED_BY_SIGNAL: [u8; 3] = [129, 130, 143];

/// What to put on trial, and how.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tribunal run --system pb --workload append --nemesis partition,pause,kill --time-limit 30s"
)]
pub struct RunArgs {
    /// The system on trial (see: tribunal list systems)
    #[arg(short, long)]
    system: String,
    /// What its clients do (see: tribunal list workloads); log-low and log-high are log at the course's low and high pressure, with its number of
    /// replicas, rate and time unless other ones are given here
    #[arg(short, long)]
    workload: String,
    /// What is done to it: none, all, or names with commas between (see: tribunal list nemeses)
    #[arg(long, default_value = "none")]
    nemesis: String,
    /// Replicas [default: the system's own]
    #[arg(short, long)]
    nodes: Option<usize>,
    /// Clients at a time: a number, or a multiple of the replicas such as 2n [default: 2n]
    #[arg(short, long)]
    concurrency: Option<String>,
    /// Operations a second, all clients together [default: 500]
    #[arg(short, long)]
    rate: Option<f64>,
    /// How long the load lasts [default: 30s]
    #[arg(long, value_parser = duration::parse)]
    time_limit: Option<Duration>,
    /// The mean time between the beginnings of two faults of a family [default: 5s]
    #[arg(long, value_parser = duration::parse)]
    nemesis_interval: Option<Duration>,
    /// The source of all chance [default: drawn, and printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Objects in use at a time [default: 5]
    #[arg(long)]
    keys: Option<usize>,
    /// Operations on an object before a fresh one takes its place [default: 200]
    #[arg(long)]
    ops_per_key: Option<u64>,
    /// Where it takes place
    #[arg(long, value_enum, default_value = "real")]
    world: WorldKind,
    /// How the network is made
    #[arg(long, value_enum, default_value = "auto")]
    net: Net,
    /// In a simulated world: whether each seed draws its own mix of faults, rates, sizes and time-outs, as far as they are not given here; auto:
    /// with --nemesis all
    #[arg(long, value_enum, default_value = "auto")]
    swarm: Swarm,
    /// How many runs, each with the next seed
    #[arg(long, default_value_t = 1)]
    test_count: u64,
    /// A known way to be wrong, to see it caught (see: tribunal list flaws)
    #[arg(long)]
    flaw: Option<String>,
    /// How the system answers reads, where it offers more than one way (see: tribunal list systems); lease rests on clocks that run at nearly
    /// the same rate [default: the system's usual way; in a simulated world each seed draws its own]
    #[arg(long)]
    reads: Option<String>,
    /// Run exactly the faults of this file, such as a run's schedule.toml
    #[arg(long)]
    schedule: Option<PathBuf>,
    /// Where runs are kept
    #[arg(long, default_value = "store")]
    store: PathBuf,
    /// How long the system may take to recover after everything is healed
    #[arg(long, default_value = "10s", value_parser = duration::parse)]
    recovery: Duration,
    /// How progress is shown
    #[arg(long, value_enum, default_value = "auto")]
    progress: ProgressMode,
    /// The results as JSON on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Swarm {
    Auto,
    On,
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Net {
    /// The best this machine can do.
    Auto,
    /// Packets through a switch of our own.
    Switch,
}

impl RunArgs {
    /// Runs every test that was asked for; the worst of their exit codes.
    ///
    /// # Errors
    /// When what was asked makes no sense or cannot be done here; nothing has been started then.
    pub fn execute(self) -> Result<u8, Refusal> {
        let system = self.system()?;
        let first = self.test(system.as_ref())?;
        if self.world == WorldKind::Sim {
            return self.sweep(first, system.as_ref())?.execute();
        }
        let schedules = self.schedules(&first, system.as_ref())?;
        lab::check().map_err(Refusal::harness)?;
        let mut series = Series::default();
        for (test, schedule) in schedules {
            match self.run_one(&test, &schedule) {
                Ok(results) => {
                    series.judged(&results);
                    if series::ends(&results) {
                        break;
                    }
                }
                Err(refusal) => {
                    series.failed(test.seed);
                    // The sentence has been said; the series goes on, and its exit code tells.
                    let _ = refusal.report();
                }
            }
        }
        if 1 < self.test_count && !self.json {
            screen::print(&series.text())?;
        }
        Ok(series.code())
    }

    /// The simulated runs that were asked for.
    fn sweep<'a>(&'a self, first: Test, system: &'a dyn System) -> Result<Sweep<'a>, Refusal> {
        let given = self.given_schedule(system, first.nodes)?;
        let swarms = match self.swarm {
            Swarm::Auto => {
                given.is_none() && self.nemesis.split(',').any(|name| name.trim() == Selection::ALL)
            }
            Swarm::On => true,
            Swarm::Off => false,
        };
        let free = swarms.then(|| self.free());
        let recipe = Recipe {
            system,
            test: first,
            nemeses: self.nemeses(system)?,
            free,
            schedule: given,
        };
        Ok(Sweep {
            recipe,
            count: self.test_count,
            store: Store::at(&self.store),
            progress: self.progress(),
            form: if self.json { Form::Json } else { Form::Text },
        })
    }

    /// What is not said here, a seed may draw for itself.
    fn free(&self) -> Free {
        let unless = |given: bool| if given { Choice::Given } else { Choice::Drawn };
        let schedule_given = self.schedule.is_some();
        // A preset says how many replicas and clients there are, and how much they ask for.
        let preset = self.usual().nodes.is_some();
        Free {
            conditions: Choice::Drawn,
            nemeses: unless(schedule_given),
            nemesis_interval: unless(self.nemesis_interval.is_some()),
            nodes: unless(self.nodes.is_some() || preset || schedule_given),
            concurrency: unless(self.concurrency.is_some() || preset),
            rate: unless(self.rate.is_some() || preset),
            keys: unless(self.keys.is_some() || self.ops_per_key.is_some()),
        }
    }

    fn given_schedule(&self, system: &dyn System, nodes: usize) -> Result<Option<Schedule>, Refusal> {
        let reserve = if system.can_change_members() { RESERVE } else { 0 };
        let roster = system.cast(nodes, reserve);
        let read =
            |path| read_schedule(path, &roster).and_then(|schedule| self.refuse_unfit(schedule, system));
        self.schedule.as_deref().map(read).transpose()
    }

    /// How many nodes run that may become replicas: none, unless members are to change.
    fn reserve(&self, system: &dyn System, nodes: usize) -> Result<usize, Refusal> {
        let changes = |episode: &Episode| episode.fault.family() == Family::Membership;
        match self.given_schedule(system, nodes)? {
            Some(schedule) if schedule.episodes().iter().any(changes) => Ok(RESERVE),
            Some(_) => Ok(0),
            None => Ok(mix::reserve(&self.nemeses(system)?)),
        }
    }

    fn run_one(&self, test: &Test, schedule: &Schedule) -> Result<Results, Refusal> {
        let case = Case {
            test: test.clone(),
            schedule: schedule.clone(),
        };
        let (folder, results) = run_in_lab(&Store::at(&self.store), &case, self.progress())?;
        if self.json {
            screen::print(&std::fs::read_to_string(folder.results())?)?;
        } else {
            screen::verdict(&results, &folder, test)?;
        }
        Ok(results)
    }

    /// Nothing but results where a program reads them.
    fn progress(&self) -> ProgressMode {
        match self.progress {
            ProgressMode::Auto if self.json => ProgressMode::None,
            mode => mode,
        }
    }

    fn system(&self) -> Result<Box<dyn System>, Refusal> {
        let systems = adapter::systems();
        let known: Vec<&str> = systems.iter().map(|system| system.name()).collect();
        adapter::system(&self.system).ok_or_else(|| Refusal::unknown("system", &self.system, &known))
    }

    fn test(&self, system: &dyn System) -> Result<Test, Refusal> {
        let workloads = Workload::ALL.map(Workload::name);
        if Workload::named(&self.workload).is_none() {
            return Err(Refusal::unknown("workload", &self.workload, &workloads));
        }
        self.refuse_unknown_flaw(system)?;
        refuse_unknown_reads(self.reads.as_deref(), system)?;
        let usual = self.usual();
        let nodes = self
            .nodes
            .or(usual.nodes)
            .unwrap_or_else(|| system.claims().servers_default);
        self.refuse_impossible(nodes)?;
        Ok(Test {
            system: self.system.clone(),
            workload: self.workload.clone(),
            nemesis: self
                .nemeses(system)?
                .names()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            flaw: self.flaw.clone(),
            reads: self.reads.clone(),
            world: self.world,
            nodes,
            reserve: self.reserve(system, nodes)?,
            concurrency: self.concurrency(nodes)?,
            rate: self.rate.unwrap_or(usual.rate),
            time_limit_s: self.time_limit().as_secs_f64(),
            nemesis_interval_s: self.nemesis_interval().as_secs_f64(),
            recovery_s: self.recovery.as_secs_f64(),
            keys: self.keys.unwrap_or(KEYS_DEFAULT),
            ops_per_key: self.ops_per_key.unwrap_or(OPS_PER_KEY_DEFAULT),
            seed: self
                .seed
                .unwrap_or_else(|| u64::from(Timestamp::now().subsec_nanosecond().unsigned_abs())),
            version: VERSION.to_owned(),
            commit: COMMIT.to_owned(),
            conditions: match self.world {
                WorldKind::Real => None,
                WorldKind::Sim => Some(Conditions::default()),
            },
        })
    }

    /// What the workload is like where nothing is said here.
    fn usual(&self) -> Usual {
        let workload = Workload::named(&self.workload);
        workload.unwrap_or(Workload::Append).usual()
    }

    fn time_limit(&self) -> Duration {
        self.time_limit.unwrap_or(self.usual().time_limit)
    }

    fn nemesis_interval(&self) -> Duration {
        self.nemesis_interval.unwrap_or(Profile::INTERVAL_DEFAULT)
    }

    fn nemeses(&self, system: &dyn System) -> Result<Selection, Refusal> {
        let here = Selection::within(&self.nemesis, &self.world.families_on(system));
        here.map_err(|error| match error {
            SelectionError::NotHere(name) if Selection::within(name, self.world.families()).is_ok() => {
                Refusal::arguments(format!(
                    "nemesis {name:?} cannot be done to {}: its members do not change",
                    system.name()
                ))
            }
            other => Refusal::arguments(other),
        })
    }

    /// A schedule that was given, unless it has a fault that cannot be done to this system in this world.
    fn refuse_unfit(&self, schedule: Schedule, system: &dyn System) -> Result<Schedule, Refusal> {
        let families = self.world.families_on(system);
        let unfit = |episode: &&Episode| !families.contains(&episode.fault.family());
        match schedule.episodes().iter().find(unfit) {
            Some(Episode { id, fault, .. }) => Err(Refusal::arguments(format!(
                "fault {id} of the schedule is {fault}, which the {} world cannot do to {}",
                self.world.name(),
                system.name()
            ))),
            None => Ok(schedule),
        }
    }

    fn refuse_unknown_flaw(&self, system: &dyn System) -> Result<(), Refusal> {
        let flaws = system.flaws();
        let known: Vec<&str> = flaws.iter().map(|flaw| flaw.name).collect();
        match self.flaw.as_deref() {
            Some(flaw) if !known.contains(&flaw) => Err(Refusal::unknown("flaw", flaw, &known)),
            _ => Ok(()),
        }
    }

    fn refuse_impossible(&self, nodes: usize) -> Result<(), Refusal> {
        let complaint = if nodes == 0 || NODES_MAX < nodes {
            format!("--nodes {nodes}: a cluster here has 1 to {NODES_MAX} replicas")
        } else if let Some(rate) = self.rate.filter(|rate| !(0.0 < *rate && *rate <= RATE_MAX)) {
            format!("--rate {rate}: operations a second lie above 0 and are {RATE_MAX} at most")
        } else if self.time_limit().is_zero() {
            "--time-limit 0: a load has to last some time, such as 30s".to_owned()
        } else if self.nemesis_interval().is_zero() {
            "--nemesis-interval 0: faults need some time between them, such as 5s".to_owned()
        } else if self.keys == Some(0) || self.ops_per_key == Some(0) {
            "--keys and --ops-per-key: both are at least 1".to_owned()
        } else if self.test_count == 0 {
            "--test-count 0: nothing would be run".to_owned()
        } else {
            return Ok(());
        };
        Err(Refusal::arguments(complaint))
    }

    fn concurrency(&self, nodes: usize) -> Result<u64, Refusal> {
        let usual = format!("{}n", self.usual().clients_per_node);
        let asked = self.concurrency.as_deref().unwrap_or(&usual);
        let (number, per_node) = match asked.strip_suffix('n') {
            Some("") => ("1", nodes as u64),
            Some(number) => (number, nodes as u64),
            None => (asked, 1),
        };
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(per_node)).filter(|all| (1..=CONCURRENCY_MAX).contains(all)).ok_or_else(|| {
            Refusal::arguments(format!(
                "--concurrency {asked}: a number of clients from 1 to {CONCURRENCY_MAX}, or a multiple of the replicas such as 2n"
            ))
        })
    }

    /// Every test with its schedule: all of them drawn or read before anything starts.
    fn schedules(&self, first: &Test, system: &dyn System) -> Result<Vec<(Test, Schedule)>, Refusal> {
        let roster = system.cast(first.nodes, first.reserve);
        let given = self.given_schedule(system, first.nodes)?;
        let profile = Profile::new(
            self.nemeses(system)?,
            self.nemesis_interval(),
            self.time_limit(),
            system.detector(),
        )
        .map_err(Refusal::arguments)?;
        let draw = |number: u64| {
            let test = Test {
                seed: first.seed.wrapping_add(number),
                ..first.clone()
            };
            let schedule = match &given {
                Some(schedule) => schedule.clone(),
                None => Schedule::draw(&profile, test.seed, &roster).map_err(Refusal::arguments)?,
            };
            Ok((test, schedule))
        };
        (0..self.test_count).map(draw).collect()
    }
}

/// Refuses a way to answer reads that `system` does not offer.
pub(super) fn refuse_unknown_reads(reads: Option<&str>, system: &dyn System) -> Result<(), Refusal> {
    let offered = system.claims().reads;
    match reads {
        Some(name) if offered.iter().all(|path| path.name != name) => Err(Refusal::arguments(format!(
            "{} {}",
            system.name(),
            UnknownReads::new(name, offered.iter().copied())
        ))),
        _ => Ok(()),
    }
}

/// The schedule in the file at `path`, for the system of `roster`.
///
/// # Errors
/// When it cannot be read or is none, in one sentence.
fn read_schedule(path: &Path, roster: &Roster) -> Result<Schedule, Refusal> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Refusal::arguments(format!("failed to read the schedule {name}: {error}")))?;
    Schedule::parse(&name, &text, roster).map_err(Refusal::arguments)
}

/// Runs `case` in the lab, with a folder of its own in `store`.
///
/// # Errors
/// When it cannot be run here, or ended before it was judged.
pub(super) fn run_in_lab(
    store: &Store,
    case: &Case,
    progress: ProgressMode,
) -> Result<(RunFolder, Results), Refusal> {
    let started = machine_time();
    let folder = store.create(&case.test, Timestamp::now())?;
    case.write(&folder)?;
    let code = lab::confine(&engine(&folder, started, progress)).map_err(Refusal::harness)?;
    if !folder.results().is_file() && ENDED_BY_SIGNAL.contains(&code) {
        judge::not_judged(&case.test, &io::ErrorKind::Interrupted.into()).write(&folder.results())?;
    }
    if !folder.results().is_file() {
        return Err(unjudged(&folder, &case.test, code));
    }
    let results = Results::read(&folder.results())?;
    Ok((folder, results))
}

fn unjudged(folder: &RunFolder, test: &Test, code: u8) -> Refusal {
    Refusal::harness(format!(
        "the run ended with code {code} before it was judged; what was recorded lies in {0}, and is judged by: tribunal check {0}/journal.jsonl --model {1}",
        folder.path().display(),
        Workload::named(&test.workload).map_or("register", |workload| workload.model().name()),
    ))
}

fn engine(folder: &RunFolder, started: Duration, progress: ProgressMode) -> EngineCommand {
    let mode = progress.to_possible_value().expect("no mode is hidden");
    let args = vec![
        "engine".into(),
        folder.path().as_os_str().to_owned(),
        "--started-ns".into(),
        started.as_nanos().to_string().into(),
        "--progress".into(),
        mode.get_name().into(),
    ];
    EngineCommand {
        args,
        env: Vec::new(),
    }
}

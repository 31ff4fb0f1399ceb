//! What the harness itself costs: it generates, hands out, takes back and records operations against clients that do nothing.
//!
//! `cargo bench -p tribunal --bench overhead` prints operations a second through the real clients' thread and a real journal file,
//! for each workload. The goal is at least 20,000 a second; a run at the default rate needs 500.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::future::{Future, ready};
use std::io::BufWriter;
use std::pin::Pin;
use std::time::{Duration, Instant};

use histories::journal::Journal;
use histories::{Completion, Invocation, Outcome, Process};
use nemesis::{Cluster, Roster, Schedule};
use serde_json::json;
use systems::NodeId;
use tribunal::adapter::{Client, Clients};
use tribunal::chance::{Purpose, stream};
use tribunal::generator::Until;
use tribunal::interpreter::{Interpreter, Recovered, Recovery};
use tribunal::progress::{Phase, Progress, Tally};
use tribunal::testimony::Departure;
use tribunal::workload::{KeysConfig, Workload};
use tribunal::world::World;
use tribunal::world::real::clients::ClientThread;

const LOAD: Duration = Duration::from_secs(3);
const CONCURRENCY: u64 = 10;

/// Answers everything at once with its own argument.
struct Nothing;

struct Nobody {
    start: Instant,
    clients: ClientThread,
    cluster: Unhurt,
}

impl Clients for Nothing {
    fn open(&self, _: Process) -> Box<dyn Client> {
        Box::new(Self)
    }
}

impl Client for Nothing {
    fn invoke<'a>(&'a mut self, invocation: &'a Invocation) -> Pin<Box<dyn Future<Output = Outcome> + 'a>> {
        Box::pin(ready(Outcome::Ok(invocation.value.clone())))
    }
}

#[derive(Debug)]
struct Unhurt {
    roster: Roster,
}

impl Cluster for Unhurt {
    fn roster(&self) -> &Roster {
        &self.roster
    }

    fn standing(&mut self) -> nemesis::Standing {
        nemesis::Standing::default()
    }

    fn inject(&mut self, _: nemesis::FaultId, _: &nemesis::Action) -> std::io::Result<()> {
        Ok(())
    }

    fn verify(&mut self, _: nemesis::FaultId, _: &nemesis::Action) -> nemesis::Verification {
        nemesis::Verification::Holds
    }

    fn heal(&mut self, _: nemesis::FaultId, _: &nemesis::Action) -> std::io::Result<()> {
        Ok(())
    }
}

impl World for Nobody {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn invoke(&mut self, invocation: &Invocation) {
        self.clients.invoke(invocation.clone());
    }

    fn wait(&mut self, until: Duration) -> Vec<Completion> {
        self.clients.wait(until.saturating_sub(self.now()))
    }

    fn retire(&mut self, process: Process) {
        self.clients.retire(process);
    }

    fn cluster(&mut self) -> &mut dyn Cluster {
        &mut self.cluster
    }

    fn departures(&mut self) -> Vec<Departure> {
        Vec::new()
    }

    fn interrupted(&self) -> bool {
        false
    }

    fn excuse(&mut self) -> Option<String> {
        None
    }
}

fn main() {
    for workload in Workload::ALL {
        let recorded = record(workload).expect("a temporary journal can be written");
        println!(
            "{:<9} {:>9.0} operations a second generated, sent and recorded",
            workload.name(),
            recorded / LOAD.as_secs_f64()
        );
    }
}

/// How many operations are recorded within [`LOAD`].
fn record(workload: Workload) -> std::io::Result<f64> {
    let file = tempfile::tempfile()?;
    let journal = Journal::create(BufWriter::new(file), 1, &json!({}))?;
    let keys = KeysConfig {
        at_once: 5,
        ops_per_key: 200,
    };
    let roster = Roster {
        replicas: Vec::new(),
        reserve: Vec::new(),
        services: Vec::new(),
        clients: NodeId::replica(1),
        spares: 0,
    };
    let mut world = Nobody {
        start: Instant::now(),
        clients: ClientThread::start(Box::new(Nothing))?,
        cluster: Unhurt { roster },
    };
    let mut load = Until::new(workload.generator(keys, stream(1, Purpose::Operations)), LOAD);
    let mut counter = Counter(0);
    let interpreter = Interpreter::new(&mut world, journal, CONCURRENCY, &Schedule::default());
    let recovery = Recovery {
        within: Duration::ZERO,
        until: Recovered::Readable,
    };
    interpreter.run(&mut load, recovery, &mut counter)?;
    Ok(counter.0 as f64)
}

/// Remembers how many operations had succeeded when the load ended.
struct Counter(u64);

impl Progress for Counter {
    fn tick(&mut self, phase: Phase, _: Duration, tally: Tally, _: &[String]) {
        if phase == Phase::Load {
            self.0 = tally.ok;
        }
    }
}

//! What the harness itself costs: it generates, hands out, takes back and records operations against clients that do nothing.
//!
//! `cargo bench -p tribunal --bench overhead` prints operations a second through the real clients' thread and a real journal file,
//! for each workload. The goal is at least 20,000 a second; a run at the default rate needs 500.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fs::File;
use std::future::{Future, ready};
use std::io::BufWriter;
use std::pin::Pin;
use std::time::{Duration, Instant};

use histories::journal::Journal;
use histories::{Completion, Invocation, Outcome, Process};
use nemesis::{Agenda, Cluster};
use serde_json::json;
use tribunal::adapter::{Client, Clients};
use tribunal::chance::{Purpose, stream};
use tribunal::generator::Until;
use tribunal::interpreter::Interpreter;
use tribunal::progress::Unwatched;
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
    roster: nemesis::Roster,
}

impl Cluster for Unhurt {
    fn roster(&self) -> &nemesis::Roster {
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

    fn excuse(&mut self) -> Option<String> {
        None
    }
}

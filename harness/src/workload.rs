//! The registry of workloads: what clients do, and by which checkers their history is judged.

pub mod append;
pub mod keys;
pub mod log;
pub mod register;

use std::time::Duration;

use histories::{Checker, ExactlyOnce, Linearizable, ModelName, Process};
use rand_chacha::ChaCha12Rng;

use crate::adapter::Reads;
use crate::chance::{Purpose, stream};
use crate::generator::{Generator, Pace, Until};
use crate::interpreter::Recovered;
use crate::test::Test;

pub use keys::{Keys, KeysConfig};

/// Of so many processes one only reads. It never waits for a write, so it keeps talking to a server that others have already left:
/// that is who meets a stale read.
const READER_ONE_IN: u64 = 3;

/// Whether `process` only reads.
fn only_reads(process: Process) -> bool {
    process.0 % READER_ONE_IN == READER_ONE_IN - 1
}

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Registers: unique writes, reads, compare-and-sets that return what they saw.
    Register,
    /// Append-only lists: unique tokens, reads of the whole list.
    Append,
    /// Long unique tokens appended, as the instances of a replicated log.
    Log,
    /// The same at the course's low pressure.
    LogLow,
    /// The same at the course's high pressure.
    LogHigh,
}

/// What a run of a workload is like if nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// Replicas; none where the system has its own number.
    pub nodes: Option<usize>,
    /// Clients for each replica.
    pub clients_per_node: u64,
    /// Operations a second, all clients together.
    pub rate: f64,
    /// How long the load lasts.
    pub time_limit: Duration,
}

/// What is usual for a workload that is no preset.
const USUAL: Usual = Usual {
    nodes: None,
    clients_per_node: 2,
    rate: 500.0,
    time_limit: Duration::from_secs(30),
};

/// The course's runs: five nodes, for five seconds.
const COURSE: Usual = Usual {
    nodes: Some(5),
    time_limit: Duration::from_secs(5),
    ..USUAL
};

impl Workload {
    /// Every workload.
    pub const ALL: [Self; 5] = [
        Self::Register,
        Self::Append,
        Self::Log,
        Self::LogLow,
        Self::LogHigh,
    ];

    /// Those whose clients read all the time, and so see soon what is wrong.
    pub const WATCHFUL: [Self; 2] = [Self::Register, Self::Append];

    /// The workload called `name`, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workload| workload.name() == name)
    }

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Append => "append",
            Self::Log => "log",
            Self::LogLow => "log-low",
            Self::LogHigh => "log-high",
        }
    }

    /// What it does, in a line.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Register => {
                "unique writes, reads, and cas that returns what it saw, on registers; judged for linearizability"
            }
            Self::Append => {
                "unique tokens appended to lists that are read whole; judged for linearizability and exactly-once"
            }
            Self::Log => {
                "unique tokens of 1000 bytes appended, read at the end only; then all nodes have to have applied equally much"
            }
            Self::LogLow => "log under low pressure: 5 nodes, 100 instances a second for 5 s",
            Self::LogHigh => {
                "log under high pressure: 5 nodes, 10000 instances a second by 100 clients for 5 s"
            }
        }
    }

    /// What a run of it is like if nothing else is said.
    #[must_use]
    pub const fn usual(self) -> Usual {
        match self {
            Self::Register | Self::Append | Self::Log => USUAL,
            Self::LogLow => Usual {
                rate: 100.0,
                ..COURSE
            },
            Self::LogHigh => Usual {
                clients_per_node: 20,
                rate: 10_000.0,
                ..COURSE
            },
        }
    }

    /// What has to be seen after everything has been healed.
    #[must_use]
    pub const fn recovered(self) -> Recovered {
        match self {
            Self::Register | Self::Append => Recovered::Readable,
            Self::Log | Self::LogLow | Self::LogHigh => Recovered::Level,
        }
    }

    /// What a read string means.
    #[must_use]
    pub const fn reads(self) -> Reads {
        match self {
            Self::Register => Reads::Scalar,
            Self::Append | Self::Log | Self::LogLow | Self::LogHigh => Reads::List,
        }
    }

    /// How its objects should behave.
    #[must_use]
    pub const fn model(self) -> ModelName {
        match self {
            Self::Register => ModelName::CasRegister,
            Self::Append | Self::Log | Self::LogLow | Self::LogHigh => ModelName::Append,
        }
    }

    /// Who judges it.
    #[must_use]
    pub fn checkers(self) -> Vec<Box<dyn Checker>> {
        match self {
            Self::Register => vec![Box::new(Linearizable::new(self.model()))],
            Self::Append | Self::Log | Self::LogLow | Self::LogHigh => {
                vec![Box::new(Linearizable::new(self.model())), Box::new(ExactlyOnce)]
            }
        }
    }

    /// Its source of operations.
    #[must_use]
    pub fn generator(self, keys: KeysConfig, rng: ChaCha12Rng) -> Box<dyn Generator> {
        match self {
            Self::Register => Box::new(register::RegisterLoad::new(keys, rng)),
            Self::Append => Box::new(append::AppendLoad::new(keys, rng)),
            Self::Log | Self::LogLow | Self::LogHigh => Box::new(log::LogLoad::new(keys, rng)),
        }
    }
}

/// Where the operations of `test` come from: those of its workload, at its pace, until its time is over.
///
/// # Panics
/// When there is no such workload; a test's workload was looked up before it was written.
#[must_use]
pub fn load(test: &Test) -> impl Generator + use<> {
    let workload =
        Workload::named(&test.workload).expect("a test's workload was looked up before it was written");
    let keys = KeysConfig {
        at_once: test.keys,
        ops_per_key: test.ops_per_key,
    };
    let operations = workload.generator(keys, stream(test.seed, Purpose::Operations));
    Until::new(
        Pace::new(operations, test.rate, stream(test.seed, Purpose::Pace)),
        test.time_limit(),
    )
}

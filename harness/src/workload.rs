//! The registry of workloads: what clients do, and by which checkers their history is judged.

pub mod append;
pub mod keys;
pub mod log;
pub mod register;

use histories::{Checker, ExactlyOnce, Linearizable, ModelName, Process};
use rand_chacha::ChaCha12Rng;

use crate::adapter::Reads;
use crate::chance::{Purpose, stream};
use crate::generator::{Generator, Pace, Until};
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
}

impl Workload {
    /// Every workload.
    pub const ALL: [Self; 3] = [Self::Register, Self::Append, Self::Log];

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
                "unique tokens of 1000 bytes appended, read at the end only; --rate 100 is low pressure, 10000 is high"
            }
        }
    }

    /// What a read string means.
    #[must_use]
    pub const fn reads(self) -> Reads {
        match self {
            Self::Register => Reads::Scalar,
            Self::Append | Self::Log => Reads::List,
        }
    }

    /// How its objects should behave.
    #[must_use]
    pub const fn model(self) -> ModelName {
        match self {
            Self::Register => ModelName::CasRegister,
            Self::Append | Self::Log => ModelName::Append,
        }
    }

    /// Who judges it.
    #[must_use]
    pub fn checkers(self) -> Vec<Box<dyn Checker>> {
        match self {
            Self::Register => vec![Box::new(Linearizable::new(self.model()))],
            Self::Append | Self::Log => {
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
            Self::Log => Box::new(log::LogLoad::new(keys, rng)),
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

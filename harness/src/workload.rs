//! The registry of workloads: what clients do, and by which checkers their history is judged.

pub mod append;
pub mod keys;
pub mod register;

use rand_chacha::ChaCha12Rng;

use crate::adapter::Reads;
use crate::generator::Generator;

pub use keys::{Keys, KeysConfig};

/// A workload by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// Registers: unique writes, reads, compare-and-sets that return what they saw.
    Register,
    /// Append-only lists: unique tokens, reads of the whole list.
    Append,
}

impl Workload {
    /// Every workload.
    pub const ALL: [Self; 2] = [Self::Register, Self::Append];

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
        }
    }

    /// What it does, in a line.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Register => "unique writes, reads, and cas that returns what it saw, on registers; judged for linearizability",
            Self::Append => "unique tokens appended to lists that are read whole; judged for linearizability and exactly-once",
        }
    }

    /// What a read string means.
    #[must_use]
    pub const fn reads(self) -> Reads {
        match self {
            Self::Register => Reads::Scalar,
            Self::Append => Reads::List,
        }
    }

    /// Its source of operations.
    #[must_use]
    pub fn generator(self, keys: KeysConfig, rng: ChaCha12Rng) -> Box<dyn Generator> {
        match self {
            Self::Register => Box::new(register::RegisterLoad::new(keys, rng)),
            Self::Append => Box::new(append::AppendLoad::new(keys, rng)),
        }
    }
}

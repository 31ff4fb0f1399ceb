//! Where operations come from: drawn one at a time, on demand, from the run's seed.

pub mod pace;
pub mod until;

use std::time::Duration;

use histories::{Completion, Function, Invocation, Key, Process};
use serde_json::Value;

pub use pace::Pace;
pub use until::Until;

/// An operation that a free process may be given.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// What is asked.
    pub f: Function,
    /// Of which object.
    pub key: Key,
    /// With what argument.
    pub value: Value,
}

/// What a generator has to offer now.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This operation, for the process it was asked for.
    Op(Op),
    /// Nothing before this time since the start of the load.
    Pending(Duration),
    /// Nothing ever again.
    Done,
}

/// A source of operations that learns from what came of them.
pub trait Generator {
    /// What `process` shall do at `now` since the start of the load.
    fn next(&mut self, now: Duration, process: Process) -> Next;

    /// Hears what came of an operation it drew.
    fn learn(&mut self, invocation: &Invocation, completion: &Completion);
}

impl Op {
    /// The operation as asked by `process`.
    #[must_use]
    pub fn by(self, process: Process) -> Invocation {
        Invocation {
            process,
            f: self.f,
            key: self.key,
            value: self.value,
        }
    }
}

impl Generator for Box<dyn Generator> {
    fn next(&mut self, now: Duration, process: Process) -> Next {
        self.as_mut().next(now, process)
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        self.as_mut().learn(invocation, completion);
    }
}

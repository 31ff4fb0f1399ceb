//! Instances for a replicated log: appends of unique tokens as long as the course's instances, and no reads before the last ones. What the
//! nodes commit is compared slot by slot by their oracles; the last reads show that nothing that was answered is missing.

use std::time::Duration;

use histories::{Completion, Function, Invocation, Process};
use rand_chacha::ChaCha12Rng;
use serde_json::json;

use super::{Keys, KeysConfig};
use crate::generator::{Generator, Next, Op};

/// The length of an instance, in bytes.
const INSTANCE_BYTES: usize = 1000;

/// Draws appends of long unique tokens.
#[derive(Debug)]
pub struct LogLoad {
    keys: Keys,
    rng: ChaCha12Rng,
    appended: u64,
}

impl LogLoad {
    /// A load over `keys`, drawn from `rng`.
    #[must_use]
    pub fn new(keys: KeysConfig, rng: ChaCha12Rng) -> Self {
        Self {
            keys: Keys::new(keys),
            rng,
            appended: 0,
        }
    }
}

impl Generator for LogLoad {
    fn next(&mut self, _now: Duration, _process: Process) -> Next {
        self.appended += 1;
        let name = format!("i{}-", self.appended);
        let filling = "x".repeat(INSTANCE_BYTES.saturating_sub(name.len()));
        Next::Op(Op {
            f: Function::Append,
            key: self.keys.draw(&mut self.rng),
            value: json!(name + &filling),
        })
    }

    fn learn(&mut self, _invocation: &Invocation, _completion: &Completion) {}
}

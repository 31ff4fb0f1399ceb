//! Append-only lists: every token is unique, so that a read tells of each append whether, once, and in which order it happened.

use std::time::Duration;

use histories::{Completion, Function, Invocation, Process};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use serde_json::{Value, json};

use super::{Keys, KeysConfig, only_reads};
use crate::generator::{Generator, Next, Op};

/// Of a hundred operations of a process that does not only read, so many are reads, the others appends.
const READS_OF_100: u32 = 10;

/// Draws appends of unique tokens, and reads of the whole list.
#[derive(Debug)]
pub struct AppendLoad {
    keys: Keys,
    rng: ChaCha12Rng,
    appended: u64,
}

impl AppendLoad {
    /// A load over `keys`, drawn from `rng`.
    #[must_use]
    pub fn new(keys: KeysConfig, rng: ChaCha12Rng) -> Self {
        Self {
            keys: Keys::new(keys),
            rng,
            appended: 0,
        }
    }

    fn draw(&mut self, process: Process) -> Op {
        let key = self.keys.draw(&mut self.rng);
        if only_reads(process) || self.rng.random_range(0..100) < READS_OF_100 {
            return Op {
                f: Function::Read,
                key,
                value: Value::Null,
            };
        }
        self.appended += 1;
        Op {
            f: Function::Append,
            key,
            value: json!(format!("t{}", self.appended)),
        }
    }
}

impl Generator for AppendLoad {
    fn next(&mut self, _now: Duration, process: Process) -> Next {
        Next::Op(self.draw(process))
    }

    fn learn(&mut self, _invocation: &Invocation, _completion: &Completion) {}
}

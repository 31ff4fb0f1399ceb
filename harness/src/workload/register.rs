//! Registers: every written value is unique, so that a read names the write it saw.

use std::collections::BTreeMap;
use std::time::Duration;

use histories::{Completion, Function, Invocation, Key, Outcome, Process};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use serde_json::{Value, json};

use super::{Keys, KeysConfig, only_reads};
use crate::generator::{Generator, Next, Op};

/// Of a hundred operations of a process that does not only read, so many are reads and so many writes; the others are cas.
const READS_OF_100: u32 = 20;
const WRITES_OF_100: u32 = 45;

/// Draws reads, unique writes, and compare-and-sets from the value last seen.
#[derive(Debug)]
pub struct RegisterLoad {
    keys: Keys,
    rng: ChaCha12Rng,
    written: u64,
    seen: BTreeMap<Key, Value>,
}

impl RegisterLoad {
    /// A load over `keys`, drawn from `rng`.
    #[must_use]
    pub fn new(keys: KeysConfig, rng: ChaCha12Rng) -> Self {
        Self {
            keys: Keys::new(keys),
            rng,
            written: 0,
            seen: BTreeMap::new(),
        }
    }

    fn unique(&mut self) -> u64 {
        self.written += 1;
        self.written
    }

    fn draw(&mut self, process: Process) -> Op {
        let key = self.keys.draw(&mut self.rng);
        let die = self.rng.random_range(0..100);
        if only_reads(process) || die < READS_OF_100 {
            return Op {
                f: Function::Read,
                key,
                value: Value::Null,
            };
        }
        match self.seen.get(&key).cloned() {
            Some(old) if READS_OF_100 + WRITES_OF_100 <= die => Op {
                f: Function::Cas,
                key,
                value: json!([old, self.unique()]),
            },
            _ => Op {
                f: Function::Write,
                key,
                value: json!(self.unique()),
            },
        }
    }
}

impl Generator for RegisterLoad {
    fn next(&mut self, _now: Duration, process: Process) -> Next {
        Next::Op(self.draw(process))
    }

    fn learn(&mut self, invocation: &Invocation, completion: &Completion) {
        let value = match (&completion.outcome, invocation.f) {
            (Outcome::Ok(_), Function::Cas) => invocation.value.get(1).cloned(),
            (Outcome::Ok(value), _) => Some(value.clone()),
            (Outcome::Fail { saw, .. }, _) => saw.clone(),
            (Outcome::Info { .. }, _) => None,
        };
        if let Some(value) = value.filter(|value| !value.is_null()) {
            self.seen.insert(invocation.key.clone(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use std::collections::BTreeSet;

    #[test]
    fn no_value_is_written_twice_and_all_three_operations_occur() {
        let keys = KeysConfig {
            at_once: 2,
            ops_per_key: 50,
        };
        let mut load = RegisterLoad::new(keys, ChaCha12Rng::seed_from_u64(3));
        let (mut values, mut kinds) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..1_000 {
            let op = load.draw(Process(0));
            kinds.insert(op.f);
            let new = match op.f {
                Function::Write => op.value.as_u64(),
                Function::Cas => op.value[1].as_u64(),
                _ => None,
            };
            assert!(new.is_none_or(|new| values.insert(new)), "{op:?} repeats a value");
            let invocation = op.by(Process(0));
            let outcome = Outcome::Ok(invocation.value.clone());
            load.learn(
                &invocation,
                &Completion {
                    process: Process(0),
                    outcome,
                },
            );
        }
        assert_eq!(
            kinds,
            BTreeSet::from([Function::Read, Function::Write, Function::Cas])
        );
    }
}

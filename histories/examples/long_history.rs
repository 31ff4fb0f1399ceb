//! Writes a long history as a journal to standard output, to measure how long histories are read and judged:
//!
//! ```text
//! cargo run --release -p histories --example long_history -- 10000000 10000 > long.jsonl
//! ```
//!
//! The arguments are the number of operations, the number of keys, and optionally the model: `register` (half reads, half writes of
//! unique values) or `append` (1 of 100 is a read of the whole list). Ten clients ask a store that behaves; one operation of a thousand
//! is never answered.

use std::io::{self, BufWriter};

use fastrand::Rng;
use histories::journal::Journal;
use histories::op::{Completion, Function, Invocation, Key, Outcome, Process};
use serde_json::{Value, json};

/// Who asks, at any time.
const CLIENTS: u64 = 10;

/// What a client waits for, and the outcome once it took effect.
struct Asked {
    invocation: Invocation,
    key: usize,
    outcome: Option<Outcome>,
}

struct Store {
    rng: Rng,
    keys: Vec<Key>,
    held: Vec<Value>,
    appends: bool,
    asked: u64,
}

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut number = |or: u64| args.next().and_then(|text| text.parse().ok()).unwrap_or(or);
    let (operations, keys) = (number(10_000_000), number(10_000));
    let appends = args.next().is_some_and(|model| model == "append");
    let start = if appends { json!([]) } else { Value::Null };
    let mut store = Store {
        rng: Rng::with_seed(7),
        keys: (0..keys).map(|key| Key::from(&*format!("k{key}"))).collect(),
        held: (0..keys).map(|_| start.clone()).collect(),
        appends,
        asked: 0,
    };
    write(&mut store, operations)
}

fn write(store: &mut Store, operations: u64) -> io::Result<()> {
    let out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut journal = Journal::create(
        out,
        7,
        &json!({"operations": operations, "keys": store.keys.len()}),
    )?;
    let mut clients: Vec<(u64, Option<Asked>)> = (0..CLIENTS).map(|client| (client, None)).collect();
    let mut t = 0;
    while store.asked < operations || clients.iter().any(|(_, asked)| asked.is_some()) {
        t += store.rng.u64(1..2_000);
        let (process, asked) = &mut clients[store.rng.usize(..CLIENTS as usize)];
        match asked {
            None if store.asked < operations => {
                let next = store.ask(Process(*process));
                journal.invoke(t, &next.invocation, None)?;
                *asked = Some(next);
            }
            None => {}
            Some(waiting @ Asked { outcome: None, .. }) => store.take_effect(waiting),
            Some(Asked {
                invocation,
                outcome: Some(outcome),
                ..
            }) => {
                let (process_now, outcome) = (Process(*process), outcome.clone());
                if matches!(outcome, Outcome::Info { .. }) {
                    *process += CLIENTS;
                }
                let completion = Completion {
                    process: process_now,
                    outcome,
                };
                journal.complete(t, invocation, &completion)?;
                *asked = None;
            }
        }
    }
    journal.flush()
}

impl Store {
    fn ask(&mut self, process: Process) -> Asked {
        self.asked += 1;
        let key = self.rng.usize(..self.keys.len());
        let reads = if self.appends {
            self.rng.u32(..100) == 0
        } else {
            self.rng.bool()
        };
        let (f, value) = match (reads, self.appends) {
            (true, _) => (Function::Read, Value::Null),
            (false, true) => (Function::Append, json!(format!("t{}", self.asked))),
            (false, false) => (Function::Write, json!(self.asked)),
        };
        Asked {
            invocation: Invocation {
                process,
                f,
                key: self.keys[key].clone(),
                value,
            },
            key,
            outcome: None,
        }
    }

    fn take_effect(&mut self, asked: &mut Asked) {
        let (held, argument) = (&mut self.held[asked.key], &asked.invocation.value);
        let answer = match asked.invocation.f {
            Function::Read => held.clone(),
            Function::Append => {
                held.as_array_mut()
                    .expect("it starts as one")
                    .push(argument.clone());
                argument.clone()
            }
            _ => {
                *held = argument.clone();
                argument.clone()
            }
        };
        asked.outcome = Some(if self.rng.u32(..1_000) == 0 {
            Outcome::Info {
                error: "timeout".to_owned(),
            }
        } else {
            Outcome::Ok(answer)
        });
    }
}

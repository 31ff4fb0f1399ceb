//! Long histories of a store that behaves, but for an append that it may lose: ten clients, one operation of a thousand never answered.

use std::io::{self, Write};

use fastrand::Rng;
use histories::journal::Journal;
use histories::op::{Completion, Function, Invocation, Key, Outcome, Process};
use serde_json::{Value, json};

/// Who asks, at any time.
const CLIENTS: u64 = 10;

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Objects {
    /// Half reads, half writes of unique values.
    Registers,
    /// One of a hundred operations is a read of the whole list.
    Lists,
    /// The same, and an append in the middle is acknowledged though it was not done.
    ListsWithOneLoss,
}

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
    objects: Objects,
    asked: u64,
    operations: u64,
    /// The token that was lost, once one was.
    lost: Option<String>,
}

/// Writes the journal of so many `operations` on so many `keys` to `out`; the token that the store lost, if it lost one.
pub(crate) fn write(
    out: impl Write,
    objects: Objects,
    operations: u64,
    keys: usize,
) -> io::Result<Option<String>> {
    let start = match objects {
        Objects::Registers => Value::Null,
        Objects::Lists | Objects::ListsWithOneLoss => json!([]),
    };
    let mut store = Store {
        rng: Rng::with_seed(7),
        keys: (0..keys).map(|key| Key::from(&*format!("k{key}"))).collect(),
        held: vec![start; keys],
        objects,
        asked: 0,
        operations,
        lost: None,
    };
    let mut journal = Journal::create(out, 7, &json!({"operations": operations, "keys": keys}))?;
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
                let completion = Completion {
                    process: Process(*process),
                    outcome: outcome.clone(),
                };
                if matches!(outcome, Outcome::Info { .. }) {
                    *process += CLIENTS;
                }
                journal.complete(t, invocation, &completion)?;
                *asked = None;
            }
        }
    }
    journal.flush()?;
    Ok(store.lost)
}

impl Store {
    fn ask(&mut self, process: Process) -> Asked {
        self.asked += 1;
        let key = self.rng.usize(..self.keys.len());
        let (f, value) = match self.objects {
            Objects::Registers if self.rng.bool() => (Function::Read, Value::Null),
            Objects::Registers => (Function::Write, json!(self.asked)),
            Objects::Lists | Objects::ListsWithOneLoss if self.rng.u32(..100) == 0 => {
                (Function::Read, Value::Null)
            }
            Objects::Lists | Objects::ListsWithOneLoss => {
                (Function::Append, json!(format!("t{}", self.asked)))
            }
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
        let argument = &asked.invocation.value;
        let is_known = self.rng.u32(..1_000) > 0;
        let answer = match asked.invocation.f {
            Function::Read => self.held[asked.key].clone(),
            Function::Append if is_known && self.is_to_be_lost() => {
                self.lost = argument.as_str().map(str::to_owned);
                argument.clone()
            }
            Function::Append => {
                let list = self.held[asked.key].as_array_mut();
                list.expect("it starts as one").push(argument.clone());
                argument.clone()
            }
            _ => {
                self.held[asked.key] = argument.clone();
                argument.clone()
            }
        };
        asked.outcome = Some(if is_known {
            Outcome::Ok(answer)
        } else {
            Outcome::Info {
                error: "timeout".to_owned(),
            }
        });
    }

    fn is_to_be_lost(&self) -> bool {
        let is_due = self.objects == Objects::ListsWithOneLoss && self.operations <= self.asked * 2;
        is_due && self.lost.is_none()
    }
}

/// The same shape with a hundred thousand operations is what docs/checker.md measures.
#[test]
fn of_a_hot_list_the_append_that_was_lost_is_named() {
    use histories::{AnomalyKind, Checker, ExactlyOnce, History, Limits, Linearizable, ModelName, Verdict};

    const OPERATIONS: u64 = 10_000;
    let judged = |objects, checker: &dyn Checker| {
        let mut journal = Vec::new();
        let lost = write(&mut journal, objects, OPERATIONS, 1).expect("memory takes everything");
        let history = History::parse(&journal[..], "journal")
            .expect("it is well formed")
            .history;
        let pending = history
            .operations()
            .iter()
            .filter(|one| one.is_indeterminate())
            .count();
        assert!(0 < pending, "some are never answered");
        (checker.check(&history, &Limits::patient()).verdict, lost, history)
    };
    let registers = Linearizable::new(ModelName::Register);
    assert_eq!(judged(Objects::Registers, &registers).0, Verdict::Valid);
    for checker in [
        &Linearizable::new(ModelName::Append) as &dyn Checker,
        &ExactlyOnce,
    ] {
        assert_eq!(
            judged(Objects::Lists, checker).0,
            Verdict::Valid,
            "{}",
            checker.name()
        );
        let (verdict, lost, history) = judged(Objects::ListsWithOneLoss, checker);
        let lost = lost.expect("one was lost");
        let Verdict::Invalid(anomalies) = verdict else {
            panic!("{}: {verdict:?}", checker.name())
        };
        let told = &anomalies[0];
        let begin = format!("append {lost} was acknowledged at ");
        assert!(told.sentence.starts_with(&begin), "{}", told.sentence);
        assert_eq!(told.kind, AnomalyKind::LostAppend);
        let named = history
            .operations()
            .iter()
            .find(|one| told.ops.contains(&one.index) && one.f == Function::Append);
        let named = named.expect("the append is named");
        assert_eq!(history.values().json(named.value), json!(lost));
    }
}

//! The histories that are measured: of objects that behave, some with a lie near the end, some with operations that never completed.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use histories::format::{Format, read_file};
use histories::history::{Builder, Time};
use histories::{Function, History, ModelName, Outcome};
use serde_json::{Value, json};

/// Histories of one sort.
pub struct Family {
    pub name: String,
    pub model: ModelName,
    make: Make,
}

enum Make {
    Drawn(Shape),
    /// Files of Porcupine's tests.
    Files(Vec<PathBuf>),
}

/// How a history is drawn.
#[derive(Clone, Copy)]
pub struct Shape {
    ask: Ask,
    clients: usize,
    operations: u64,
    keys: u64,
    /// How many operations never complete.
    pending: u64,
    lie: Lie,
}

/// Whether something near the end contradicts the rest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lie {
    None,
    Late,
}

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    FewValues,
    UniqueValues,
    /// Unique values, and compare-and-sets that fail without saying what they saw.
    SilentCas,
    UniqueKv,
    /// Of so many operations one reads the list.
    Tokens(u64),
    Lock,
    Count,
    Queue,
    Members,
}

impl Family {
    /// The histories; most families have one.
    pub fn histories(&self) -> Vec<History> {
        match &self.make {
            Make::Drawn(shape) => vec![draw(*shape)],
            Make::Files(files) => files.iter().map(|file| read(file)).collect(),
        }
    }
}

fn read(file: &Path) -> History {
    read_file(file, Format::Auto)
        .expect("files of Porcupine's tests are well formed")
        .history
}

/// All of them.
pub fn all() -> Vec<Family> {
    let mut families = files();
    let mut add = |name: &str, model, ask, [clients, operations, keys, pending]: [u64; 4], lies: &[Lie]| {
        for &lie in lies {
            let ending = match (lie, lies.len()) {
                (_, 1) => "",
                (Lie::None, _) => " ok",
                (Lie::Late, _) => " bad",
            };
            let clients = clients as usize;
            let make = Make::Drawn(Shape {
                ask,
                clients,
                operations,
                keys,
                pending,
                lie,
            });
            families.push(Family {
                name: format!("{name}{ending}"),
                model,
                make,
            });
        }
    };
    use ModelName as M;
    let both = [Lie::None, Lie::Late];
    let good = [Lie::None];
    add(
        "cas-5-values c5 100k",
        M::CasRegister,
        Ask::FewValues,
        [5, 100_000, 1, 0],
        &both,
    );
    add(
        "cas-5-values c10 10k",
        M::CasRegister,
        Ask::FewValues,
        [10, 10_000, 1, 0],
        &both,
    );
    add(
        "cas-5-values c20 10k",
        M::CasRegister,
        Ask::FewValues,
        [20, 10_000, 1, 0],
        &both,
    );
    add(
        "cas-5-values c50 10k",
        M::CasRegister,
        Ask::FewValues,
        [50, 10_000, 1, 0],
        &both,
    );
    add(
        "register-unique c10 10k",
        M::Register,
        Ask::UniqueValues,
        [10, 10_000, 1, 0],
        &both,
    );
    add(
        "register-unique c50 10k",
        M::Register,
        Ask::UniqueValues,
        [50, 10_000, 1, 0],
        &both,
    );
    add(
        "cas-unique-silent c50 10k",
        M::CasRegister,
        Ask::SilentCas,
        [50, 10_000, 1, 0],
        &both,
    );
    add(
        "kv-unique 1M 1000 keys",
        M::Kv,
        Ask::UniqueKv,
        [10, 1_000_000, 1000, 0],
        &good,
    );
    add(
        "kv-unique 1M 100 keys",
        M::Kv,
        Ask::UniqueKv,
        [10, 1_000_000, 100, 0],
        &good,
    );
    add(
        "kv-unique 1M 10 keys",
        M::Kv,
        Ask::UniqueKv,
        [10, 1_000_000, 10, 0],
        &good,
    );
    add(
        "append c10 200",
        M::Append,
        Ask::Tokens(10),
        [10, 200, 1, 0],
        &both,
    );
    add(
        "append c10 1k",
        M::Append,
        Ask::Tokens(10),
        [10, 1_000, 1, 0],
        &good,
    );
    add(
        "append c10 10k",
        M::Append,
        Ask::Tokens(100),
        [10, 10_000, 1, 0],
        &good,
    );
    add(
        "append c10 100k",
        M::Append,
        Ask::Tokens(1000),
        [10, 100_000, 1, 0],
        &good,
    );
    add(
        "append c5 200 5-pending",
        M::Append,
        Ask::Tokens(10),
        [5, 200, 1, 5],
        &good,
    );
    add(
        "append c10 100k 1%-reads 100-pending",
        M::Append,
        Ask::Tokens(100),
        [10, 100_000, 1, 100],
        &both,
    );
    add(
        "cas-5-values c10 2k 200-pending",
        M::CasRegister,
        Ask::FewValues,
        [10, 2_000, 1, 200],
        &both,
    );
    add(
        "cas-5-values c10 2k 1000-pending",
        M::CasRegister,
        Ask::FewValues,
        [10, 2_000, 1, 1000],
        &both,
    );
    add("lock c20 10k", M::Lock, Ask::Lock, [20, 10_000, 1, 0], &both);
    add(
        "lock c20 10k 20-pending",
        M::Lock,
        Ask::Lock,
        [20, 10_000, 1, 20],
        &both,
    );
    add(
        "lock c20 10k 100-pending",
        M::Lock,
        Ask::Lock,
        [20, 10_000, 1, 100],
        &both,
    );
    add(
        "counter c20 10k",
        M::Counter,
        Ask::Count,
        [20, 10_000, 1, 0],
        &both,
    );
    add(
        "counter c20 10k 100-pending",
        M::Counter,
        Ask::Count,
        [20, 10_000, 1, 100],
        &both,
    );
    add("queue c10 1k", M::Queue, Ask::Queue, [10, 1_000, 1, 0], &both);
    add("queue c50 10k", M::Queue, Ask::Queue, [50, 10_000, 1, 0], &both);
    add(
        "set 100-elements c10 100k",
        M::Set,
        Ask::Members,
        [10, 100_000, 1, 0],
        &both,
    );
    families
}

/// Histories of so many `operations` on a single object, for each sort that is decided exactly, and one that is searched.
pub fn of_one_object(operations: u64) -> Vec<Family> {
    let sorts = [
        ("register", ModelName::Register, Ask::UniqueValues),
        ("cas-register", ModelName::CasRegister, Ask::FewValues),
        ("append", ModelName::Append, Ask::Tokens(operations / 100)),
        ("kv", ModelName::Kv, Ask::UniqueKv),
        ("lock", ModelName::Lock, Ask::Lock),
        ("counter", ModelName::Counter, Ask::Count),
        ("queue", ModelName::Queue, Ask::Queue),
        ("set", ModelName::Set, Ask::Members),
    ];
    let family = |(name, model, ask): (&str, _, _)| Family {
        name: format!("one {name}"),
        model,
        make: Make::Drawn(Shape {
            ask,
            clients: 10,
            operations,
            keys: 1,
            pending: 0,
            lie: Lie::None,
        }),
    };
    sorts.into_iter().map(family).collect()
}

/// Porcupine's own test data, where they are at hand.
fn files() -> Vec<Family> {
    let folder = std::env::var_os("PORCUPINE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/porcupine"),
        PathBuf::from,
    );
    let list = |sub: &str, wanted: &str| {
        let entries = std::fs::read_dir(folder.join(sub))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.path())
            .filter(|path| {
                path.file_name()
                    .is_some_and(|name| name.to_string_lossy().contains(wanted))
            })
            .collect();
        files.sort();
        files
    };
    let mut families = Vec::new();
    let mut add = |name: &str, model, files: Vec<PathBuf>| {
        if !files.is_empty() {
            families.push(Family {
                name: name.to_owned(),
                model,
                make: Make::Files(files),
            });
        }
    };
    add("etcd files", ModelName::CasRegister, list("jepsen", "etcd"));
    for name in ["c01-ok", "c01-bad", "c10-ok", "c10-bad", "c50-ok", "c50-bad"] {
        add(&format!("kv {name}"), ModelName::Kv, list("kv", name));
    }
    families
}

/// An operation that is open.
#[derive(Clone)]
struct Open {
    process: u64,
    key: u64,
    f: Function,
    argument: Value,
    /// Once it took effect.
    outcome: Option<Outcome>,
    number: u64,
}

struct World {
    shape: Shape,
    rng: Rng,
    states: Vec<Value>,
    /// What each client does next with a lock.
    holds: Vec<bool>,
    /// Whether the lie was told.
    has_lied: bool,
}

fn draw(shape: Shape) -> History {
    let mut world = World {
        shape,
        rng: Rng::with_seed(42),
        states: vec![start(shape.ask); shape.keys as usize],
        holds: vec![false; shape.clients],
        has_lied: false,
    };
    let mut builder = History::builder();
    let mut open: Vec<Option<Open>> = vec![None; shape.clients];
    let mut processes: Vec<u64> = (0..shape.clients as u64).collect();
    let (mut asked, mut time) = (0, 0);
    while asked < shape.operations || open.iter().any(Option::is_some) || world.holds.contains(&true) {
        time += 1;
        let client = world.rng.usize(0..shape.clients);
        match open[client].take() {
            None if asked < shape.operations || world.holds[client] => {
                if let Some(next) = world.ask(client, processes[client], asked) {
                    asked += 1;
                    ask(&mut builder, time, &next);
                    open[client] = Some(next);
                }
            }
            None => {}
            Some(mut live) if live.outcome.is_none() => {
                live.outcome = Some(world.take_effect(&live));
                // Only once that a lock was given back may another client take it.
                open[client] = world.is_done(&live).then_some(live.clone()).or(Some(Open {
                    outcome: None,
                    ..live
                }));
            }
            Some(live) => {
                if world.ends_unknown(&live) {
                    processes[client] += shape.clients as u64;
                    world.holds[client] = false;
                    answer(
                        &mut builder,
                        time,
                        live.process,
                        Outcome::Info {
                            error: "timeout".to_owned(),
                        },
                    );
                } else {
                    let outcome = world.told(&live);
                    answer(&mut builder, time, live.process, outcome);
                }
            }
        }
    }
    builder.finish()
}

fn ask(builder: &mut Builder, time: u64, live: &Open) {
    let key = format!("k{}", live.key);
    builder
        .ask(Time(time), live.process, live.f, &key, live.argument.clone())
        .expect("clients take turns");
}

fn answer(builder: &mut Builder, time: u64, process: u64, outcome: Outcome) {
    builder
        .answer(Time(time), process, outcome)
        .expect("clients take turns");
}

fn start(ask: Ask) -> Value {
    match ask {
        Ask::FewValues | Ask::UniqueValues | Ask::SilentCas | Ask::Lock => Value::Null,
        Ask::UniqueKv => json!(""),
        Ask::Tokens(_) | Ask::Queue | Ask::Members => json!([]),
        Ask::Count => json!(0),
    }
}

/// A value that is written once, early, and can be read late.
const OLD: u64 = 7;

impl World {
    fn ask(&mut self, client: usize, process: u64, number: u64) -> Option<Open> {
        let (f, argument) = self.question(client, process, number);
        let key = self.rng.u64(0..self.shape.keys);
        Some(Open {
            process,
            key,
            f,
            argument,
            outcome: None,
            number,
        })
    }

    fn question(&mut self, client: usize, process: u64, number: u64) -> (Function, Value) {
        let rng = &mut self.rng;
        let read = (Function::Read, Value::Null);
        match self.shape.ask {
            Ask::FewValues if number == 10 => (Function::Write, json!(OLD)),
            Ask::FewValues => match rng.u32(0..3) {
                0 => read,
                1 => (Function::Write, json!(rng.u32(0..5))),
                _ => (Function::Cas, json!([rng.u32(0..5), rng.u32(0..5)])),
            },
            Ask::UniqueValues if rng.bool() => read,
            Ask::UniqueValues => (Function::Write, json!(number + 10)),
            Ask::SilentCas => match rng.u32(0..3) {
                0 => read,
                1 => (Function::Write, json!(number + 10)),
                _ => (
                    Function::Cas,
                    json!([number.saturating_sub(rng.u64(0..20)) + 10, number + 10]),
                ),
            },
            Ask::UniqueKv if rng.bool() => (Function::Get, Value::Null),
            Ask::UniqueKv => (Function::Put, json!(format!("v{number}"))),
            Ask::Tokens(between) if number % between == between - 1 => read,
            Ask::Tokens(_) => (Function::Append, json!(number)),
            Ask::Lock => {
                self.holds[client] = !self.holds[client];
                let f = if self.holds[client] {
                    Function::Acquire
                } else {
                    Function::Release
                };
                (f, json!(format!("c{process}")))
            }
            Ask::Count if rng.u32(0..3) == 0 => read,
            Ask::Count => (Function::Inc, json!(1)),
            Ask::Queue if rng.bool() => (Function::Dequeue, Value::Null),
            Ask::Queue => (Function::Enqueue, json!(number)),
            Ask::Members => {
                let element = json!(rng.u32(0..100));
                let f = [Function::Add, Function::Remove, Function::Contains][rng.usize(0..3)];
                (f, element)
            }
        }
    }

    /// Whether it could be done; a lock that is held has to be waited for.
    fn is_done(&self, live: &Open) -> bool {
        !matches!(&live.outcome, Some(Outcome::Fail { error, .. }) if error == "wait")
    }

    fn take_effect(&mut self, live: &Open) -> Outcome {
        let state = &mut self.states[live.key as usize];
        let argument = &live.argument;
        let fail = |error: &str| Outcome::Fail {
            error: error.to_owned(),
            saw: None,
        };
        match live.f {
            Function::Read | Function::Get => return Outcome::Ok(state.clone()),
            Function::Write | Function::Put => *state = argument.clone(),
            Function::Cas if *state != argument[0] => return fail("precondition-failed"),
            Function::Cas => *state = argument[1].clone(),
            Function::Append | Function::Enqueue => list(state).push(argument.clone()),
            Function::Dequeue if list(state).is_empty() => return Outcome::Ok(Value::Null),
            Function::Dequeue if self.shape.lie == Lie::Late && !self.has_lied && list(state).len() > 20 => {
                // Not the first that came, but the last.
                self.has_lied = live.number > self.shape.operations * 3 / 4;
                let state = list(state);
                let at = if self.has_lied { state.len() - 1 } else { 0 };
                return Outcome::Ok(state.remove(at));
            }
            Function::Dequeue => return Outcome::Ok(list(state).remove(0)),
            Function::Acquire if !state.is_null() => return fail("wait"),
            Function::Acquire => *state = argument.clone(),
            Function::Release => *state = Value::Null,
            Function::Inc => *state = json!(state.as_u64().unwrap_or(0) + 1),
            Function::Contains => return Outcome::Ok(json!(list(state).contains(argument))),
            Function::Add if list(state).contains(argument) => {}
            Function::Add => list(state).push(argument.clone()),
            Function::Remove => list(state).retain(|member| member != argument),
        }
        Outcome::Ok(argument.clone())
    }

    /// Spread evenly; only what changes something, and of a lock only the taking.
    fn ends_unknown(&mut self, live: &Open) -> bool {
        let changes = !matches!(
            live.f,
            Function::Read | Function::Get | Function::Contains | Function::Dequeue | Function::Release
        );
        if self.shape.pending == 0 || !changes || live.number == 10 {
            return false;
        }
        let is_one = self.rng.u64(0..self.shape.operations) < self.shape.pending * 2;
        if is_one && live.f == Function::Acquire {
            // It will never be given back by its holder, so that it did not happen.
            self.states[live.key as usize] = Value::Null;
        }
        is_one
    }

    /// What the client is told; near the end once something else.
    fn told(&mut self, live: &Open) -> Outcome {
        let outcome = live.outcome.clone().expect("it took effect");
        let is_late = live.number > self.shape.operations * 95 / 100;
        if self.shape.lie == Lie::None || self.has_lied || !is_late {
            return outcome;
        }
        let state = &mut self.states[live.key as usize];
        let lie = match (self.shape.ask, live.f) {
            (Ask::FewValues, Function::Read) => json!(OLD),
            (Ask::UniqueValues | Ask::SilentCas, Function::Read) => match &outcome {
                Outcome::Ok(Value::Number(_)) => json!(self.shape.operations / 2 + 10),
                _ => return outcome,
            },
            // The append is acknowledged, and not there.
            (Ask::Tokens(_), Function::Append) if list(state).contains(&live.argument) => {
                list(state).retain(|token| *token != live.argument);
                live.argument.clone()
            }
            (Ask::Lock, Function::Acquire) => {
                *state = Value::Null;
                live.argument.clone()
            }
            (Ask::Count, Function::Read) => json!(state.as_u64().unwrap_or(0) - 100),
            (Ask::Members, Function::Contains) => match &outcome {
                Outcome::Ok(Value::Bool(answer)) => json!(!answer),
                _ => return outcome,
            },
            _ => return outcome,
        };
        self.has_lied = self.shape.ask != Ask::Members && self.shape.ask != Ask::UniqueValues;
        Outcome::Ok(lie)
    }
}

fn list(state: &mut Value) -> &mut Vec<Value> {
    state.as_array_mut().expect("it holds a list")
}

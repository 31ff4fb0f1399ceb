//! Random small histories: of an object that behaves, or of one that now and then answers from the past, forgets, or acts too late; with
//! operations that never complete; and then perhaps with a lie put in.

use fastrand::Rng;
use histories::ModelName;
use histories::history::{Defect, History, Time};
use histories::op::{Function, Outcome};
use serde_json::{Value, json};

/// What sort of object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Register,
    UniqueRegister,
    CasRegister,
    /// Unique values; a compare-and-set that does not match says what it saw.
    UniqueCas,
    /// Unique values; it does not always say so.
    SilentCas,
    Append,
    RepeatedAppend,
    Kv,
    /// Strings that are put once each, and got; nothing is appended.
    UniqueKv,
    /// `add`, `remove` and `contains`.
    Set,
    /// `add` of unique values, and reads of the whole.
    GrowingSet,
    /// All of these.
    MixedSet,
    /// Holders take turns with a lock of their own.
    Lock,
    /// Anybody gives back what anybody took.
    Mutex,
    /// Additions of 1.
    UnitCounter,
    Counter,
    UniqueQueue,
    Queue,
}

impl Sort {
    /// All of them.
    pub(crate) const ALL: [Self; 18] = [
        Self::Register,
        Self::UniqueRegister,
        Self::CasRegister,
        Self::UniqueCas,
        Self::SilentCas,
        Self::Append,
        Self::RepeatedAppend,
        Self::Kv,
        Self::UniqueKv,
        Self::Set,
        Self::GrowingSet,
        Self::MixedSet,
        Self::Lock,
        Self::Mutex,
        Self::UnitCounter,
        Self::Counter,
        Self::UniqueQueue,
        Self::Queue,
    ];

    /// What judges such an object.
    pub(crate) fn model(self) -> ModelName {
        match self {
            Self::Register | Self::UniqueRegister => ModelName::Register,
            Self::CasRegister | Self::UniqueCas | Self::SilentCas => ModelName::CasRegister,
            Self::Append | Self::RepeatedAppend => ModelName::Append,
            Self::Kv | Self::UniqueKv => ModelName::Kv,
            Self::Set | Self::GrowingSet | Self::MixedSet => ModelName::Set,
            Self::Lock | Self::Mutex => ModelName::Lock,
            Self::UnitCounter | Self::Counter => ModelName::Counter,
            Self::UniqueQueue | Self::Queue => ModelName::Queue,
        }
    }

    fn is_unique(self) -> bool {
        matches!(
            self,
            Self::UniqueRegister
                | Self::UniqueCas
                | Self::SilentCas
                | Self::Append
                | Self::UniqueKv
                | Self::GrowingSet
                | Self::UniqueQueue
        )
    }
}

/// How the histories are to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) sort: Sort,
    pub(crate) operations: usize,
    pub(crate) clients: u64,
    /// Where values are repeated, of so many: 1 to 3.
    pub(crate) values: usize,
    /// Of a hundred operations so many end with an unknown outcome.
    pub(crate) unknown_percent: u32,
    /// Of a hundred operations so many are done wrongly by the object.
    pub(crate) wrong_percent: u32,
    /// Of a hundred histories so many have a wrong answer put in.
    pub(crate) lies_percent: u32,
    /// Whether the history may end while operations are open.
    pub(crate) end: End,
}

/// How a history ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// When all operations have.
    Complete,
    /// At any time.
    Early,
}

/// An operation while the object is simulated.
#[derive(Debug, Clone)]
struct Live {
    process: u64,
    f: Function,
    argument: Value,
    /// The answer, once it has taken effect.
    answer: Option<Outcome>,
}

/// One event of a history.
#[derive(Debug, Clone)]
enum Edge {
    Ask(u64, Function, Value),
    Answer(u64, Outcome),
}

/// A random small history.
pub(crate) fn random(rng: &mut Rng, sort: Sort) -> History {
    let shape = shape(rng, sort);
    history(rng, shape)
}

/// The shape of a small history.
fn shape(rng: &mut Rng, sort: Sort) -> Shape {
    Shape {
        sort,
        operations: if rng.u32(0..8) == 0 {
            rng.usize(9..13)
        } else {
            rng.usize(1..6) + rng.usize(2..6)
        },
        clients: rng.u64(1..6),
        values: rng.usize(1..4),
        unknown_percent: [0, 0, 0, 30, 60][rng.usize(0..5)],
        wrong_percent: [0, 30, 60][rng.usize(0..3)],
        lies_percent: 85,
        end: if rng.u32(0..3) == 0 {
            End::Early
        } else {
            End::Complete
        },
    }
}

/// A random history.
pub(crate) fn history(rng: &mut Rng, shape: Shape) -> History {
    let mut edges = simulate(rng, shape);
    if rng.u32(0..100) < shape.lies_percent {
        let most = if matches!(
            shape.sort,
            Sort::Lock | Sort::Mutex | Sort::Queue | Sort::UniqueQueue
        ) {
            9
        } else {
            5
        };
        for _ in 0..rng.usize(1..=most) {
            lie(rng, shape, &mut edges);
        }
    }
    build(rng, &edges).expect("the simulation makes well-formed histories")
}

fn build(rng: &mut Rng, edges: &[Edge]) -> Result<History, Defect> {
    let mut builder = History::builder();
    let mut now = 0;
    for edge in edges {
        // Now and then two events at the same time.
        now += u64::from(rng.u32(0..4) > 0);
        match edge.clone() {
            Edge::Ask(process, f, argument) => builder.ask(Time(now), process, f, "k", argument)?,
            Edge::Answer(process, outcome) => builder.answer(Time(now), process, outcome)?,
        }
    }
    Ok(builder.finish())
}

fn simulate(rng: &mut Rng, shape: Shape) -> Vec<Edge> {
    let mut state = match shape.sort {
        Sort::Append | Sort::RepeatedAppend | Sort::Set | Sort::GrowingSet | Sort::MixedSet => json!([]),
        Sort::UniqueQueue | Sort::Queue => json!([]),
        Sort::Kv | Sort::UniqueKv => json!(""),
        Sort::UnitCounter | Sort::Counter => json!(0),
        _ => Value::Null,
    };
    let mut past = vec![state.clone()];
    let mut edges = Vec::new();
    let (mut open, mut lost): (Vec<Live>, Vec<Live>) = (Vec::new(), Vec::new());
    let (mut asked, mut next_process) = (0, shape.clients);
    let mut idle: Vec<u64> = (0..shape.clients).collect();
    let is_early = |rng: &mut Rng| shape.end == End::Early && rng.u32(0..8) == 0;
    while asked < shape.operations || (!open.is_empty() && !is_early(rng)) {
        match rng.u32(0..5) {
            0 | 1 if asked < shape.operations && !idle.is_empty() => {
                let process = idle.swap_remove(rng.usize(0..idle.len()));
                let (f, argument) = question(rng, shape, (asked, process), &state);
                asked += 1;
                edges.push(Edge::Ask(process, f, argument.clone()));
                open.push(Live {
                    process,
                    f,
                    argument,
                    answer: None,
                });
            }
            2 if !lost.is_empty() && rng.u32(0..4) == 0 => {
                let live = lost.swap_remove(rng.usize(0..lost.len()));
                let _ = take_effect(rng, shape.sort, &live, &mut state);
            }
            2 | 3 if !open.is_empty() => {
                let at = rng.usize(0..open.len());
                if open[at].answer.is_none() {
                    let live = open[at].clone();
                    open[at].answer = Some(if rng.u32(0..100) < shape.wrong_percent {
                        if rng.bool() {
                            lost.push(live.clone());
                        }
                        // From a state that was, or is; whatever it does is forgotten, or done again later.
                        let mut other = rng.choice(&past).expect("it began somehow").clone();
                        take_effect(rng, shape.sort, &live, &mut other)
                    } else {
                        take_effect(rng, shape.sort, &live, &mut state)
                    });
                    past.push(state.clone());
                }
            }
            4 if !open.is_empty() => {
                let at = rng.usize(0..open.len());
                if open[at].answer.is_none() && rng.u32(0..6) > 0 {
                    continue;
                }
                let live = open.swap_remove(at);
                let (process, outcome) = complete(rng, shape, live, &mut lost);
                if matches!(outcome, Outcome::Info { .. }) {
                    idle.push(next_process);
                    next_process += 1;
                } else {
                    idle.push(process);
                }
                edges.push(Edge::Answer(process, outcome));
            }
            _ => {}
        }
    }
    edges
}

fn complete(rng: &mut Rng, shape: Shape, live: Live, lost: &mut Vec<Live>) -> (u64, Outcome) {
    let process = live.process;
    let is_unknown = rng.u32(0..100) < shape.unknown_percent;
    match live.answer.clone() {
        Some(answer) if !is_unknown => (process, answer),
        None if !is_unknown && (shape.unknown_percent == 0 || rng.bool()) => (
            process,
            Outcome::Fail {
                error: "refused".to_owned(),
                saw: None,
            },
        ),
        answer => {
            if answer.is_none() {
                lost.push(live);
            }
            (
                process,
                Outcome::Info {
                    error: "timeout".to_owned(),
                },
            )
        }
    }
}

fn question(
    rng: &mut Rng,
    Shape { sort, values, .. }: Shape,
    (number, process): (usize, u64),
    state: &Value,
) -> (Function, Value) {
    let value = if sort.is_unique() {
        json!(number + 10)
    } else {
        json!(rng.usize(0..values))
    };
    let text = json!(["a", "b", "ab"][rng.usize(0..values)]);
    // Mostly what the object holds just now, so that it often matches.
    let old = if rng.u32(0..3) > 0 {
        state.clone()
    } else {
        some_value(rng, sort, number)
    };
    let (read, write) = ((Function::Read, Value::Null), (Function::Write, value.clone()));
    // Mostly in turn: an odd number of operations so far, and it is given back what was taken.
    let gives_back = if rng.u32(0..4) == 0 {
        rng.bool()
    } else {
        !state.is_null()
    };
    match (sort, rng.u32(0..4)) {
        (Sort::Lock | Sort::Mutex, _) => {
            let holder = if sort == Sort::Mutex {
                Value::Null
            } else {
                json!(format!("c{}", process % 4))
            };
            (
                if gives_back {
                    Function::Release
                } else {
                    Function::Acquire
                },
                holder,
            )
        }
        (Sort::UnitCounter | Sort::Counter, 0 | 1) => read,
        (Sort::UnitCounter, 2) => (Function::Inc, Value::Null),
        (Sort::UnitCounter, _) => (Function::Inc, json!(1)),
        (Sort::Counter, _) => (Function::Inc, json!(rng.i32(-1..3))),
        (Sort::UniqueQueue | Sort::Queue, 0 | 1) => (Function::Enqueue, json!(format!("t{value}"))),
        (Sort::UniqueQueue | Sort::Queue, _) => (Function::Dequeue, Value::Null),
        (Sort::GrowingSet, 0 | 1) => (Function::Add, value),
        (Sort::Set | Sort::MixedSet, 0) => (Function::Add, value),
        (Sort::Set | Sort::MixedSet, 1) => (Function::Remove, value),
        (Sort::Set, _) | (Sort::MixedSet, 2) => (Function::Contains, value),
        (Sort::GrowingSet | Sort::MixedSet, _) => read,
        (Sort::UniqueKv, 0 | 1) => (Function::Get, Value::Null),
        (Sort::UniqueKv, _) => (Function::Put, json!(format!("t{value}"))),
        (Sort::Kv, 0 | 1) => (Function::Get, Value::Null),
        (Sort::Kv, 2) => (Function::Put, text),
        (Sort::Kv, _) => (Function::Append, text),
        (Sort::Append | Sort::RepeatedAppend, 0 | 1) => (Function::Append, json!(format!("t{value}"))),
        (_, 0) => read,
        (_, 1) => write,
        (Sort::CasRegister | Sort::UniqueCas | Sort::SilentCas, _) => (Function::Cas, json!([old, value])),
        _ => read,
    }
}

fn some_value(rng: &mut Rng, sort: Sort, number: usize) -> Value {
    match sort {
        Sort::Append | Sort::RepeatedAppend => json!(format!("t{}", rng.usize(0..number + 1))),
        Sort::Kv => json!("ab"),
        Sort::UniqueKv | Sort::UniqueQueue => json!(format!("t{}", rng.usize(9..number + 11))),
        Sort::Queue => json!(format!("t{}", rng.usize(0..4))),
        _ if sort.is_unique() => json!(rng.usize(9..number + 11)),
        _ => json!(rng.u32(0..3)),
    }
}

fn take_effect(rng: &mut Rng, sort: Sort, live: &Live, state: &mut Value) -> Outcome {
    match live.f {
        Function::Read if state.is_array() && sort != Sort::Append && sort != Sort::RepeatedAppend => {
            let mut members = state.as_array().cloned().unwrap_or_default();
            rng.shuffle(&mut members);
            return Outcome::Ok(Value::Array(members));
        }
        Function::Read | Function::Get => return Outcome::Ok(state.clone()),
        Function::Write | Function::Put => *state = live.argument.clone(),
        Function::Acquire if state.is_null() => *state = json!([live.argument]),
        Function::Release if *state == json!([live.argument]) => *state = Value::Null,
        Function::Acquire | Function::Release => return refused(rng),
        Function::Inc => *state = json!(number(state) + live.argument.as_i64().unwrap_or(1)),
        Function::Contains => return Outcome::Ok(json!(list(state).contains(&live.argument))),
        Function::Add if list(state).contains(&live.argument) => {}
        Function::Add | Function::Enqueue => list(state).push(live.argument.clone()),
        Function::Remove => list(state).retain(|member| *member != live.argument),
        Function::Dequeue if list(state).is_empty() && rng.bool() => return refused(rng),
        Function::Dequeue if list(state).is_empty() => return Outcome::Ok(Value::Null),
        Function::Dequeue => return Outcome::Ok(list(state).remove(0)),
        Function::Append => match state {
            Value::Array(tokens) => tokens.push(live.argument.clone()),
            Value::String(text) => {
                text.push_str(live.argument.as_str().expect("strings are appended to strings"))
            }
            _ => unreachable!("only lists and strings are appended to"),
        },
        _ if *state == live.argument[0] => *state = live.argument[1].clone(),
        _ => {
            let tells = sort == Sort::UniqueCas || rng.bool();
            let saw = tells.then(|| state.clone());
            return Outcome::Fail {
                error: "precondition-failed".to_owned(),
                saw,
            };
        }
    }
    Outcome::Ok(live.argument.clone())
}

fn list(state: &mut Value) -> &mut Vec<Value> {
    state.as_array_mut().expect("it holds a list")
}

fn number(state: &Value) -> i64 {
    state.as_i64().expect("it holds a number")
}

/// It was looked at, and could not be done; or that is not said.
fn refused(rng: &mut Rng) -> Outcome {
    let error = if rng.bool() {
        "precondition-failed"
    } else {
        "refused"
    };
    Outcome::Fail {
        error: error.to_owned(),
        saw: None,
    }
}

/// Makes one answer another one.
fn lie(rng: &mut Rng, shape: Shape, edges: &mut [Edge]) {
    let answers: Vec<usize> = (0..edges.len())
        .filter(|&at| matches!(edges[at], Edge::Answer(..)))
        .collect();
    let reads: Vec<Value> = edges
        .iter()
        .filter_map(|edge| match edge {
            Edge::Answer(_, Outcome::Ok(answer)) => Some(answer.clone()),
            _ => None,
        })
        .collect();
    let Some(&at) = rng.choice(&answers) else { return };
    let Edge::Answer(process, outcome) = edges[at].clone() else {
        return;
    };
    let asked = edges[..at].iter().rev().find_map(|edge| match edge {
        Edge::Ask(asker, f, argument) if *asker == process => Some((*f, argument.clone())),
        _ => None,
    });
    let Some((f, argument)) = asked else { return };
    let changed = match (f, outcome) {
        (Function::Read | Function::Get | Function::Dequeue | Function::Contains, Outcome::Ok(answer)) => {
            Outcome::Ok(twist(rng, shape.sort, answer, &reads))
        }
        (_, Outcome::Ok(_)) => Outcome::Fail {
            error: "refused".to_owned(),
            saw: None,
        },
        (Function::Read | Function::Get | Function::Dequeue | Function::Contains, other) => other,
        (Function::Cas, Outcome::Fail { error, .. }) if error == "precondition-failed" => {
            if rng.bool() {
                Outcome::Ok(argument)
            } else {
                Outcome::Fail {
                    error,
                    saw: Some(some_value(rng, shape.sort, shape.operations)),
                }
            }
        }
        (_, Outcome::Fail { .. } | Outcome::Info { .. }) => Outcome::Ok(argument),
    };
    if !matches!((&edges[at], &changed), (Edge::Answer(_, Outcome::Info { .. }), _)) {
        edges[at] = Edge::Answer(process, changed);
    }
}

fn twist(rng: &mut Rng, sort: Sort, answer: Value, others: &[Value]) -> Value {
    match answer {
        Value::Array(mut tokens) => {
            match rng.u32(0..4) {
                0 if !tokens.is_empty() => drop(tokens.remove(rng.usize(0..tokens.len()))),
                1 if tokens.len() > 1 => {
                    let at = rng.usize(1..tokens.len());
                    tokens.swap(at - 1, at);
                }
                2 => tokens.insert(rng.usize(0..tokens.len() + 1), some_value(rng, sort, 7)),
                _ => drop(tokens.pop()),
            }
            Value::Array(tokens)
        }
        Value::Number(value) if matches!(sort, Sort::UnitCounter | Sort::Counter) => {
            json!(value.as_i64().unwrap_or(0) + [-2, -1, 1, 2][rng.usize(0..4)])
        }
        Value::Bool(answer) => json!(!answer),
        Value::String(text) if sort == Sort::Kv => json!(match rng.u32(0..3) {
            0 => format!("{text}a"),
            1 => text.chars().skip(1).collect(),
            _ => text.chars().rev().collect::<String>(),
        }),
        _ => {
            let scalars: Vec<&Value> = others.iter().filter(|value| !value.is_array()).collect();
            match rng.choice(&scalars) {
                Some(&value) if rng.u32(0..4) > 0 => value.clone(),
                _ => some_value(rng, sort, 7),
            }
        }
    }
}

//! The same histories as porcupine-rs takes them.

use std::collections::{BTreeMap, VecDeque};

use histories::history::{Ending, PRECONDITION_FAILED};
use histories::journal::Index;
use histories::values::{Datum, Values};
use histories::{Function, History, ModelName, Operation};
use porcupine_rs as porcupine;

/// One model for all sorts of objects: what is in a state follows from what is asked.
#[derive(Debug, Clone)]
pub struct Any;

/// What an object holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing was asked of it.
    New,
    Value(u32),
    Text(String),
    List(Vec<u32>),
    Queue(VecDeque<u32>),
    Members(Vec<u32>),
    Number(i64),
    Holder(Option<u32>),
}

/// What was asked, and what was answered. Of unknown outcome: no answer.
#[derive(Debug, Clone)]
pub enum Asked {
    Read(u32),
    Write(u32),
    /// `old`, `new`, whether it matched if that is known, and what it saw.
    Cas(u32, u32, Option<bool>, Option<u32>),
    ReadText(String),
    Put(String),
    AppendText(String),
    ReadList(Vec<u32>),
    Append(u32),
    Enqueue(u32),
    /// The value, null for nothing; or unknown.
    Dequeue(Option<u32>),
    Add(u32),
    Remove(u32),
    Contains(u32, bool),
    ReadMembers(Vec<u32>),
    Inc(i64),
    ReadNumber(i64),
    /// Whether it succeeded, if that is known.
    Acquire(u32, Option<bool>),
    Release(u32, Option<bool>),
}

/// An operation on one object; sets that are never read whole are parted by value.
#[derive(Debug, Clone)]
pub struct Op {
    object: (u32, u32),
    asked: Asked,
}

impl porcupine::Model for Any {
    type State = State;
    type Op = Op;
    type Metadata = ();

    fn partition_operations(history: &[porcupine::Operation<Self>]) -> Vec<Vec<porcupine::Operation<Self>>> {
        let mut objects: BTreeMap<(u32, u32), Vec<porcupine::Operation<Self>>> = BTreeMap::new();
        for operation in history {
            objects
                .entry(operation.op.object)
                .or_default()
                .push(operation.clone());
        }
        objects.into_values().collect()
    }

    fn init() -> State {
        State::New
    }

    fn step(state: &State, op: &Op) -> (bool, State) {
        match step(state, &op.asked) {
            Some(next) => (true, next),
            None => (false, state.clone()),
        }
    }
}

/// The same, with operations that may or may not have happened: a state is all that the object may hold.
#[derive(Debug, Clone)]
pub struct Loose;

/// An operation, and whether it must have happened.
#[derive(Debug, Clone)]
pub struct LooseOp {
    op: Op,
    demand: Demand,
}

#[derive(Debug, Clone, Copy)]
enum Demand {
    Must,
    May,
}

impl porcupine::Model for Loose {
    type State = Vec<State>;
    type Op = LooseOp;
    type Metadata = ();

    fn init() -> Vec<State> {
        vec![State::New]
    }

    fn partition_operations(history: &[porcupine::Operation<Self>]) -> Vec<Vec<porcupine::Operation<Self>>> {
        let mut objects: BTreeMap<(u32, u32), Vec<porcupine::Operation<Self>>> = BTreeMap::new();
        for operation in history {
            let object = operation.op.op.object;
            objects.entry(object).or_default().push(operation.clone());
        }
        objects.into_values().collect()
    }

    fn step(states: &Vec<State>, LooseOp { op, demand }: &LooseOp) -> (bool, Vec<State>) {
        let mut next = match demand {
            Demand::Must => Vec::new(),
            Demand::May => states.clone(),
        };
        for state in states.iter().filter_map(|state| step(state, &op.asked)) {
            if !next.contains(&state) {
                next.push(state);
            }
        }
        (!next.is_empty(), next)
    }
}

fn step(state: &State, asked: &Asked) -> Option<State> {
    let value = || match state {
        State::Value(value) => *value,
        _ => 0,
    };
    let text = || match state {
        State::Text(text) => text.as_str(),
        _ => "",
    };
    let list = || match state {
        State::List(list) | State::Members(list) => &list[..],
        _ => &[],
    };
    let queue = || match state {
        State::Queue(queue) => queue.clone(),
        _ => VecDeque::new(),
    };
    let number = || match state {
        State::Number(number) => *number,
        _ => 0,
    };
    let holder = || match state {
        State::Holder(holder) => *holder,
        _ => None,
    };
    let same = |holds: bool| holds.then(|| state.clone());
    match asked {
        Asked::Read(read) => same(value() == *read),
        Asked::Write(value) => Some(State::Value(*value)),
        Asked::Cas(old, new, matched, saw) => match (value() == *old, matched) {
            (true, None | Some(true)) => Some(State::Value(*new)),
            (false, Some(false)) => same(saw.is_none_or(|saw| saw == value())),
            (false, None) => same(true),
            (true, Some(false)) | (false, Some(true)) => None,
        },
        Asked::ReadText(read) => same(text() == read),
        Asked::Put(text) => Some(State::Text(text.clone())),
        Asked::AppendText(more) => Some(State::Text(format!("{}{more}", text()))),
        Asked::ReadList(read) => same(list() == &read[..]),
        Asked::Append(token) => Some(State::List(list().iter().copied().chain([*token]).collect())),
        Asked::Enqueue(value) => {
            let mut queue = queue();
            queue.push_back(*value);
            Some(State::Queue(queue))
        }
        Asked::Dequeue(answer) => {
            let mut queue = queue();
            let first = queue.pop_front().unwrap_or(0);
            answer
                .is_none_or(|answer| answer == first)
                .then_some(State::Queue(queue))
        }
        Asked::Add(value) => {
            let mut members = list().to_vec();
            if let Err(at) = members.binary_search(value) {
                members.insert(at, *value);
            }
            Some(State::Members(members))
        }
        Asked::Remove(value) => Some(State::Members(
            list().iter().copied().filter(|other| other != value).collect(),
        )),
        Asked::Contains(value, answer) => same(list().binary_search(value).is_ok() == *answer),
        Asked::ReadMembers(read) => same(list() == &read[..]),
        Asked::Inc(amount) => Some(State::Number(number() + amount)),
        Asked::ReadNumber(read) => same(number() == *read),
        Asked::Acquire(by, done) => match (holder(), done) {
            (None, None | Some(true)) => Some(State::Holder(Some(*by))),
            (Some(_), None | Some(false)) => same(true),
            (None, Some(false)) | (Some(_), Some(true)) => None,
        },
        Asked::Release(by, done) => match (holder() == Some(*by), done) {
            (true, None | Some(true)) => Some(State::Holder(None)),
            (false, None | Some(false)) => same(true),
            (true, Some(false)) | (false, Some(true)) => None,
        },
    }
}

/// The operations of `history`, without those that say nothing.
pub fn operations(history: &History, model: ModelName) -> Vec<porcupine::Operation<Any>> {
    told(history, model).map(|(_, told)| told).collect()
}

/// The same when only those that are `named` must have happened, and the others may have, between their call and their return.
pub fn loosened(history: &History, model: ModelName, named: &[Index]) -> Vec<porcupine::Operation<Loose>> {
    let loosened = told(history, model).filter_map(|(operation, told)| {
        let is_named = named.contains(&operation.index);
        let is_refusal = matches!(operation.ending, Ending::Fail { .. });
        (is_named || !is_refusal).then_some(porcupine::Operation {
            client_id: None,
            call_time: told.call_time,
            return_time: told.return_time,
            op: LooseOp {
                op: told.op,
                demand: if is_named { Demand::Must } else { Demand::May },
            },
            metadata: None,
        })
    });
    loosened.collect()
}

fn told(
    history: &History,
    model: ModelName,
) -> impl Iterator<Item = (Operation<'_>, porcupine::Operation<Any>)> {
    let parts = model == ModelName::Set
        && history
            .operations()
            .iter()
            .all(|operation| operation.f != Function::Read);
    let objects = (0..).zip(history.by_key().into_values());
    let ids = objects.flat_map(|(object, ids)| ids.into_iter().map(move |id| (object, id)));
    ids.filter_map(move |(object, id)| {
        let operation = history.operation(id);
        let asked = asked(&operation, model, history.values())?;
        let part = match operation.value {
            Datum::One(symbol) if parts => symbol.number(),
            _ => 0,
        };
        let told = porcupine::Operation {
            client_id: None,
            call_time: operation.call.0 as i64,
            return_time: operation.ret.map_or(i64::MAX, |ret| ret.0 as i64),
            op: Op {
                object: (object, part),
                asked,
            },
            metadata: None,
        };
        Some((operation, told))
    })
}

fn asked(operation: &Operation, model: ModelName, values: &Values) -> Option<Asked> {
    let answer = operation.answer().copied();
    let one = |datum: Datum<'_>| match datum {
        Datum::One(symbol) => symbol.number(),
        Datum::Many(_) => panic!("one value was expected"),
    };
    let text = |datum: Datum<'_>| match datum {
        Datum::One(symbol) => values.text(symbol).unwrap_or_default().to_owned(),
        Datum::Many(_) => panic!("a string was expected"),
    };
    let many = |datum: Datum<'_>| -> Vec<u32> {
        match datum {
            Datum::Many(symbols) => symbols.iter().map(|symbol| symbol.number()).collect(),
            Datum::One(_) => Vec::new(),
        }
    };
    let int = |datum: Datum<'_>| match datum {
        Datum::One(symbol) => values.int(symbol),
        Datum::Many(_) => None,
    };
    let refused = matches!(operation.ending, Ending::Fail { error, .. } if error == PRECONDITION_FAILED);
    if matches!(operation.ending, Ending::Fail { .. }) && !refused {
        return None;
    }
    let known = (!operation.is_indeterminate()).then_some(!refused);
    Some(match (operation.f, model) {
        (Function::Read, ModelName::Append) => Asked::ReadList(many(answer?)),
        (Function::Read, ModelName::Set) => {
            let mut members = many(answer?);
            members.sort_unstable();
            Asked::ReadMembers(members)
        }
        (Function::Read, ModelName::Counter) => Asked::ReadNumber(int(answer?)?),
        (Function::Read, _) => Asked::Read(one(answer?)),
        (Function::Get, _) => Asked::ReadText(text(answer?)),
        (Function::Write, _) => Asked::Write(one(operation.value)),
        (Function::Cas, _) => {
            let pair = many(operation.value);
            let saw = match operation.ending {
                Ending::Fail { saw, .. } => saw.map(one),
                Ending::Ok(_) | Ending::Info { .. } | Ending::Unfinished => None,
            };
            Asked::Cas(pair[0], pair[1], known, saw)
        }
        (Function::Put, _) => Asked::Put(text(operation.value)),
        (Function::Append, ModelName::Kv) => Asked::AppendText(text(operation.value)),
        (Function::Append, _) => Asked::Append(one(operation.value)),
        (Function::Enqueue, _) => Asked::Enqueue(one(operation.value)),
        (Function::Dequeue, _) if refused => Asked::Dequeue(Some(0)),
        (Function::Dequeue, _) => Asked::Dequeue(answer.map(one)),
        (Function::Add, _) => Asked::Add(one(operation.value)),
        (Function::Remove, _) => Asked::Remove(one(operation.value)),
        (Function::Contains, _) => Asked::Contains(one(operation.value), truth(answer?, values)?),
        (Function::Inc, _) => Asked::Inc(int(operation.value).unwrap_or(1)),
        (Function::Acquire, _) => Asked::Acquire(one(operation.value), known),
        (Function::Release, _) => Asked::Release(one(operation.value), known),
    })
}

/// True or false, if the answer is one of them.
fn truth(answer: Datum<'_>, values: &Values) -> Option<bool> {
    match answer {
        Datum::One(symbol) => values.get(symbol).as_bool(),
        Datum::Many(_) => None,
    }
}

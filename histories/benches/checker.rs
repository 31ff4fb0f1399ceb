//! How long it takes to write, to read and to judge histories. `cargo bench -p histories`
//!
//! The histories are those of an object that behaves: each client asks, its operation takes effect at some later event, and it hears
//! of it at a later one still.

use divan::Bencher;
use divan::counter::ItemsCount;
use fastrand::Rng;
use histories::checker::linearizable::Method;
use histories::history::{Builder, History, Time};
use histories::journal::Journal;
use histories::op::{Completion, Function, Invocation, Key, Outcome, Process};
use histories::{Checker, ExactlyOnce, Limits, Linearizable, ModelName};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// What is asked next, given how many were asked before.
type Ask = fn(&mut Rng, u64) -> (Function, Value);

/// Operations on a register of few values.
fn few_values(rng: &mut Rng, _: u64) -> (Function, Value) {
    let (old, new) = (rng.u32(0..5), rng.u32(0..5));
    match rng.u32(0..3) {
        0 => (Function::Read, Value::Null),
        1 => (Function::Write, json!(new)),
        _ => (Function::Cas, json!([old, new])),
    }
}

/// Operations on a register whose written values are unique.
fn unique_values(rng: &mut Rng, number: u64) -> (Function, Value) {
    if rng.bool() {
        (Function::Read, Value::Null)
    } else {
        (Function::Write, json!(number))
    }
}

/// Appends of unique tokens, and now and then a read of them all.
fn tokens(_: &mut Rng, number: u64) -> (Function, Value) {
    if number % 1000 == 999 {
        (Function::Read, Value::Null)
    } else {
        (Function::Append, json!(format!("t{number}")))
    }
}

/// What takes effect on a value.
fn take_effect(state: &mut Value, f: Function, argument: &Value) -> Outcome {
    match f {
        Function::Read => return Outcome::Ok(state.clone()),
        Function::Cas if *state != argument[0] => {
            return Outcome::Fail {
                error: "precondition-failed".to_owned(),
                saw: None,
            };
        }
        Function::Cas => *state = argument[1].clone(),
        Function::Append => match state {
            Value::Array(list) => list.push(argument.clone()),
            _ => *state = json!([argument]),
        },
        _ => *state = argument.clone(),
    }
    Outcome::Ok(argument.clone())
}

/// A history of `operations` by `clients`.
fn history(ask: Ask, clients: u64, operations: u64) -> History {
    simulate(ask, clients, operations).0.finish()
}

/// The same, and at the end a write and a read that does not return it.
fn late_violation(ask: Ask, clients: u64, operations: u64) -> History {
    let (mut builder, _) = simulate(ask, clients, operations);
    let end = |event| Time(operations * 1_000 + event);
    builder
        .ask(end(0), 0, Function::Write, "k", json!(1))
        .expect("all clients are idle");
    builder
        .answer(end(1), 0, Outcome::Ok(json!(1)))
        .expect("it was asked");
    builder
        .ask(end(2), 0, Function::Read, "k", Value::Null)
        .expect("all clients are idle");
    builder
        .answer(end(3), 0, Outcome::Ok(json!(2)))
        .expect("it was asked");
    builder.finish()
}

/// A history that may go on, and what the object holds in the end.
fn simulate(ask: Ask, clients: u64, operations: u64) -> (Builder, Value) {
    let mut rng = Rng::with_seed(42);
    let mut builder = History::builder();
    let mut state = Value::Null;
    // What each client waits for: the question, and the outcome once it took effect.
    let mut open: Vec<Option<(Function, Value, Option<Outcome>)>> =
        vec![None; usize::try_from(clients).unwrap_or(0)];
    let (mut asked, mut time) = (0, 0);
    while asked < operations || open.iter().any(Option::is_some) {
        time += 1;
        let client = rng.usize(0..open.len());
        let process = client as u64;
        match &mut open[client] {
            None if asked < operations => {
                let (f, argument) = ask(&mut rng, asked);
                asked += 1;
                builder
                    .ask(Time(time), process, f, "k", argument.clone())
                    .expect("clients take turns");
                open[client] = Some((f, argument, None));
            }
            None => {}
            Some((f, argument, outcome @ None)) => *outcome = Some(take_effect(&mut state, *f, argument)),
            Some((_, _, Some(outcome))) => {
                builder
                    .answer(Time(time), process, outcome.clone())
                    .expect("clients take turns");
                open[client] = None;
            }
        }
    }
    (builder, state)
}

fn judge(bencher: Bencher<'_, '_>, checker: impl Checker + Sync, history: &History) {
    let count = ItemsCount::new(history.operations().len());
    bencher
        .counter(count)
        .bench(|| checker.check(history, &Limits::patient()).verdict);
}

#[divan::bench(args = [10_000, 100_000], sample_count = 20)]
fn append_10_clients_on_one_key(bencher: Bencher<'_, '_>, operations: u64) {
    judge(
        bencher,
        Linearizable::new(ModelName::Append),
        &history(tokens, 10, operations),
    );
}

#[divan::bench(args = [10_000, 100_000], sample_count = 20)]
fn exactly_once_10_clients_on_one_key(bencher: Bencher<'_, '_>, operations: u64) {
    judge(bencher, ExactlyOnce, &history(tokens, 10, operations));
}

#[divan::bench(args = [(5, 100_000), (10, 10_000), (20, 10_000)], sample_count = 10)]
fn cas_register_by_search(bencher: Bencher<'_, '_>, (clients, operations): (u64, u64)) {
    judge(
        bencher,
        Linearizable::new(ModelName::CasRegister),
        &history(few_values, clients, operations),
    );
}

#[divan::bench(args = [(5, 100_000), (10, 10_000), (20, 10_000)], sample_count = 10)]
fn cas_register_by_search_late_violation(bencher: Bencher<'_, '_>, (clients, operations): (u64, u64)) {
    judge(
        bencher,
        Linearizable::new(ModelName::CasRegister),
        &late_violation(few_values, clients, operations),
    );
}

#[divan::bench(args = [10, 50], sample_count = 20)]
fn unique_register_10_000_operations(bencher: Bencher<'_, '_>, clients: u64) {
    judge(
        bencher,
        Linearizable::new(ModelName::Register),
        &history(unique_values, clients, 10_000),
    );
}

#[divan::bench(args = [10], sample_count = 10)]
fn unique_register_10_000_operations_by_search(bencher: Bencher<'_, '_>, clients: u64) {
    let checker = Linearizable::new(ModelName::Register).with_method(Method::Search);
    judge(bencher, checker, &history(unique_values, clients, 10_000));
}

/// Edges of writes; each operation makes two lines.
const OPERATIONS: u64 = 100_000;

fn journal() -> Vec<u8> {
    let mut journal = Vec::new();
    let mut writer = Journal::create(&mut journal, 1, &json!({})).expect("memory takes everything");
    for number in 0..OPERATIONS {
        let process = Process(number % 10);
        let value = json!(format!("t{number}"));
        let asked = Invocation {
            process,
            f: Function::Append,
            key: Key::from("k1"),
            value: value.clone(),
        };
        let heard = Completion {
            process,
            outcome: Outcome::Ok(value),
        };
        writer
            .invoke(number * 1000, &asked, Some("n1"))
            .expect("memory takes everything");
        writer
            .complete(number * 1000 + 500, &asked, &heard)
            .expect("memory takes everything");
    }
    journal
}

#[divan::bench(sample_count = 10)]
fn journal_write_lines(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(OPERATIONS * 2)).bench(journal);
}

#[divan::bench(sample_count = 10)]
fn journal_parse_lines(bencher: Bencher<'_, '_>) {
    let journal = journal();
    bencher
        .counter(ItemsCount::new(OPERATIONS * 2))
        .bench(|| History::parse(&journal[..], "bench"));
}

//! How well the limits hold: what memory a search takes that is given so much, and when it ends that is given so long.

use std::process::Command;
use std::time::{Duration, Instant};

use fastrand::Rng;
use histories::{Limits, Linearizable, Verdict};

use crate::families;
use crate::generate::{End, Shape, Sort, history};
use crate::measure::once;

/// Sorts of objects without an exact algorithm.
const SORTS: [Sort; 6] = [
    Sort::Register,
    Sort::CasRegister,
    Sort::RepeatedAppend,
    Sort::Kv,
    Sort::Counter,
    Sort::Queue,
];

const MEBIBYTES: [u64; 3] = [16, 64, 256];
const MILLISECONDS: [u64; 2] = [100, 1_000];

/// So many operations on one object are not decided within the milliseconds that are given for them.
const LONG_OPERATIONS: u64 = 1_000_000;
const LONG_MILLISECONDS: [u64; 4] = [1, 20, 100, 600_000];

/// Prints what was measured for each sort and limit, each in a process of its own.
pub fn print() {
    println!("| objects | limit | verdict | memory | time |\n|---|---|---|---|---|");
    for sort in SORTS {
        let memory = MEBIBYTES.map(|size| format!("{size}MiB"));
        let time = MILLISECONDS.map(|size| format!("{size}ms"));
        for limit in memory.iter().chain(&time) {
            let exe = std::env::current_exe().expect("a process knows its program");
            let name = format!("{sort:?}");
            let output = Command::new(exe).args(["limit", &name, limit]).output();
            let output = output.expect("the program starts");
            assert!(output.status.success(), "{name} {limit}");
            print!("{}", String::from_utf8_lossy(&output.stdout));
        }
    }
    long();
}

/// One object with very many operations, which an exact algorithm goes through: how much later than it should it ends.
pub fn long() {
    for family in families::of_one_object(LONG_OPERATIONS) {
        let history = &family.histories()[0];
        for milliseconds in LONG_MILLISECONDS {
            let timeout = Duration::from_millis(milliseconds);
            let began = Instant::now();
            let limits = Limits {
                may_go_on: &|| began.elapsed() < timeout,
                ..Limits::patient()
            };
            let report = Linearizable::new(family.model).judge(history, &limits);
            let (took, verdict) = (began.elapsed(), report.expect("the model fits").verdict);
            println!(
                "| {} | {milliseconds}ms | {} | | {:.0} ms |",
                family.name,
                verdict.name(),
                took.as_secs_f64() * 1e3
            );
        }
    }
}

/// One of them.
pub fn one(name: &str, limit: &str) {
    let sort = SORTS.into_iter().find(|sort| format!("{sort:?}") == name);
    let sort = sort.expect("one of the sorts");
    let amount = |unit| {
        limit
            .strip_suffix(unit)
            .map(|text| text.parse::<u64>().expect("a number"))
    };
    let memory_bytes_max = amount("MiB").map_or(8 << 30, |size| size << 20);
    let timeout = amount("ms").map_or(Duration::from_secs(600), Duration::from_millis);
    let shape = Shape {
        sort,
        operations: 2_000,
        clients: 100,
        values: 3,
        unknown_percent: 20,
        wrong_percent: 5,
        lies_percent: 100,
        end: End::Early,
    };
    let history = history(&mut Rng::with_seed(1), shape);
    let began = Instant::now();
    let limits = Limits {
        memory_bytes_max,
        may_go_on: &|| began.elapsed() < timeout,
        ..Limits::patient()
    };
    let mut took = Duration::ZERO;
    let measured = once(|| {
        let verdict = Linearizable::new(sort.model()).judge(&history, &limits);
        took = began.elapsed();
        match verdict.expect("the model fits").verdict {
            Verdict::Valid => "valid",
            Verdict::Invalid(_) => "invalid",
            Verdict::Unknown(_) => "unknown",
        }
    });
    println!(
        "| {name} | {limit} | {} | {:.0} MiB | {:.0} ms |",
        measured.verdict,
        measured.kilobytes as f64 / 1024.0,
        took.as_secs_f64() * 1e3
    );
}

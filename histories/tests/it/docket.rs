//! Many objects: what comes of them does not depend on who decides which, and no more are looked at than have to be.
#![expect(
    clippy::disallowed_methods,
    reason = "the checker itself starts no thread; whoever calls it may lend it some, and here they are"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use histories::checker::Report;
use histories::checker::executor::{Alone, Executor};
use histories::checker::linearizable::Extent;
use histories::history::Time;
use histories::op::{Function, Outcome};
use histories::{History, Limits, Linearizable, ModelName, Verdict};
use serde_json::json;

const KEYS: u64 = 24;

/// Every so many objects is broken, the third being the first.
const BROKEN: u64 = 5;

/// Registers of few values, so that they are searched. The fewer operations the further back: the broken ones are in between.
fn registers() -> History {
    let mut builder = History::builder();
    let mut time = 0;
    for key in 0..KEYS {
        let name = format!("k{key:02}");
        for pair in 0..(KEYS - key) * 4 {
            let is_broken = key % BROKEN == 2 && pair == 3;
            let value = if is_broken { 9 } else { pair % 2 };
            for (process, f, argument, answer) in [
                (2 * key, Function::Write, json!(pair % 2), json!(pair % 2)),
                (2 * key + 1, Function::Read, json!(null), json!(value)),
            ] {
                time += 1;
                builder
                    .ask(Time(time), process, f, &name, argument)
                    .expect("clients take turns");
                time += 1;
                builder
                    .answer(Time(time), process, Outcome::Ok(answer))
                    .expect("clients take turns");
            }
        }
    }
    builder.finish()
}

fn report(
    history: &History,
    extent: Extent,
    executor: &dyn Executor,
    may_go_on: &(dyn Fn() -> bool + Sync),
) -> Report {
    let limits = Limits {
        may_go_on,
        executor,
        ..Limits::patient()
    };
    let checker = Linearizable::new(ModelName::Register).with_extent(extent);
    checker.judge(history, &limits).expect("the model fits")
}

/// So many threads at the same time.
struct Threads(usize);

impl Executor for Threads {
    fn hands(&self) -> usize {
        self.0
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        thread::scope(|scope| {
            (0..self.0).for_each(|_| drop(scope.spawn(work)));
        });
    }
}

/// So many hands, of which the first is done before the second begins.
struct Relay(usize);

impl Executor for Relay {
    fn hands(&self) -> usize {
        self.0
    }

    fn run(&self, work: &(dyn Fn() + Sync)) {
        (0..self.0).for_each(|_| work());
    }
}

#[test]
fn many_hands_find_what_one_does_however_they_take_turns() {
    let history = registers();
    for extent in [Extent::Everything, Extent::FirstViolation] {
        let alone = report(&history, extent, &Alone, &|| true);
        assert_eq!(report(&history, extent, &Relay(4), &|| true), alone);
        for seed in 0..40 {
            let turns = AtomicUsize::new(0);
            // Some wait before they take the next object, others do not.
            let may_go_on = || {
                let turn = turns.fetch_add(1, Ordering::Relaxed) as u64;
                let waits = Rng::with_seed(seed << 32 | turn).usize(0..40);
                (0..waits).for_each(|_| thread::yield_now());
                true
            };
            let hands = 2 + seed as usize % 7;
            assert_eq!(
                report(&history, extent, &Threads(hands), &may_go_on),
                alone,
                "seed {seed}"
            );
        }
    }
}

fn keys(report: &Report) -> Vec<String> {
    let Verdict::Invalid(anomalies) = &report.verdict else {
        panic!("{:?}", report.verdict)
    };
    let key = |anomaly: &histories::Anomaly| anomaly.key.clone();
    anomalies.iter().filter_map(key).collect()
}

#[test]
fn the_first_violation_is_the_only_one_that_is_told_if_no_more_is_asked_for() {
    let history = registers();
    let everything = report(&history, Extent::Everything, &Alone, &|| true);
    assert_eq!(keys(&everything), ["k02", "k07", "k12", "k17", "k22"]);
    assert_eq!(everything.checked_keys, KEYS);
    assert_eq!(everything.certificates.len() as u64, KEYS - 5);
    let first = report(&history, Extent::FirstViolation, &Alone, &|| true);
    assert_eq!(keys(&first), ["k02"]);
    assert_eq!(first.checked_keys, 3, "those before it, and it");
    assert_eq!(first.certificates, everything.certificates[..2]);
}

#[test]
fn behind_the_first_violation_nothing_is_looked_at() {
    let mut builder = History::builder();
    let mut time = 0;
    for _ in 0..100 {
        time += 2;
        builder
            .ask(Time(time), 1, Function::Read, "a", json!(null))
            .unwrap();
        builder.answer(Time(time + 1), 1, Outcome::Ok(json!(1))).unwrap();
    }
    // No search through this one comes to an end.
    for process in 0..60 {
        let amount = json!(1_u64 << (process + 1));
        builder
            .ask(Time(time + 2), 2 + process, Function::Inc, "b", amount)
            .unwrap();
    }
    builder
        .ask(Time(time + 3), 100, Function::Read, "b", json!(null))
        .unwrap();
    builder
        .answer(Time(time + 4), 100, Outcome::Ok(json!(77_777_777)))
        .unwrap();
    let history = builder.finish();
    let looks = AtomicUsize::new(0);
    let checker = Linearizable::new(ModelName::Counter);
    let limits = Limits {
        may_go_on: &|| looks.fetch_add(1, Ordering::Relaxed) < 100,
        ..Limits::patient()
    };
    let judge = |extent| {
        checker
            .with_extent(extent)
            .judge(&history, &limits)
            .expect("the model fits")
    };
    assert_eq!(judge(Extent::FirstViolation).checked_keys, 1);
    assert!(
        looks.load(Ordering::Relaxed) <= 4,
        "{looks:?}: not one for a search"
    );
    assert_eq!(judge(Extent::Everything).checked_keys, 1);
    assert!(
        100 < looks.load(Ordering::Relaxed),
        "{looks:?}: the search never ended"
    );
}

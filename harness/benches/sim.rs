//! How fast a simulated world is: `cargo bench -p tribunal --bench sim` prints simulated seconds a second and runs a minute, judging included.
//!
//! The goal is at least 1,000 runs a minute on one core, each of 10 simulated seconds of primary/backup with 5 clients.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::time::{Duration, Instant};

use nemesis::Selection;
use tribunal::adapter;
use tribunal::mix::Free;
use tribunal::recipe::Recipe;
use tribunal::test::{Test, WorldKind};
use tribunal::trial::Manner;
use tribunal::world::sim::{Conditions, Recording};

const RUN_FOR: Duration = Duration::from_secs(5);

fn main() {
    for workload in ["append", "register"] {
        for rate in [100.0, 500.0] {
            measure(workload, rate, None);
        }
    }
    measure("append", 500.0, Some(Free::ALL));
}

fn measure(workload: &str, rate: f64, free: Option<Free>) {
    let system = adapter::system("pb").expect("primary/backup is one of ours");
    let recipe = Recipe {
        system: system.as_ref(),
        test: test(workload, rate),
        nemeses: Selection::within("all", &WorldKind::Sim.families_on(system.as_ref()))
            .expect("all is a selection"),
        free,
        schedule: None,
    };
    let manner = Manner::keeping(Recording::Nothing);
    let (begin, mut runs, mut operations, mut simulated_s) = (Instant::now(), 0_u32, 0, 0.0);
    while begin.elapsed() < RUN_FOR {
        let held = recipe
            .hold(u64::from(runs), &manner)
            .expect("the recipe is sound");
        let results = held.trial.results;
        runs += 1;
        operations += results.ops.invoked;
        simulated_s += (results.durations_ms.load + results.durations_ms.recover) / 1_000.0;
    }
    let took_s = begin.elapsed().as_secs_f64();
    println!(
        "{workload:<9} {}  {:>6.0} runs a minute  {:>6.0} simulated seconds a second  {:>8.0} operations a second",
        free.map_or_else(
            || format!("{rate:>4} ops/s, 5 clients"),
            |_| "swarm                ".to_owned()
        ),
        f64::from(runs) * 60.0 / took_s,
        simulated_s / took_s,
        operations as f64 / took_s,
    );
}

fn test(workload: &str, rate: f64) -> Test {
    Test {
        system: "pb".into(),
        workload: workload.into(),
        nemesis: Vec::new(),
        flaw: None,
        reads: None,
        world: WorldKind::Sim,
        nodes: 3,
        reserve: 0,
        concurrency: 5,
        rate,
        time_limit_s: 10.0,
        nemesis_interval_s: 5.0,
        recovery_s: 10.0,
        keys: 5,
        ops_per_key: 200,
        seed: 0,
        version: "0".into(),
        commit: "bench".into(),
        conditions: Some(Conditions::default()),
    }
}

//! What oracles find is the same whether they are told as it happens or read the nodes' event logs afterwards, as after a real run.

use histories::History;
use nemesis::Selection;
use tribunal::adapter::{self, System};
use tribunal::case::Case;
use tribunal::mix::{Choice, Free};
use tribunal::oracle::Hindsight;
use tribunal::progress::Unwatched;
use tribunal::recipe::Recipe;
use tribunal::test::{Test, WorldKind};
use tribunal::trial::{Manner, Trial};
use tribunal::world::sim::{Conditions, Recording};

/// A run that a swarm draws.
fn case(system: &dyn System, flaw: Option<&str>, seed: u64) -> Case {
    let test = Test {
        system: system.name().into(),
        workload: "append".into(),
        nemesis: Vec::new(),
        flaw: flaw.map(str::to_owned),
        reads: None,
        world: WorldKind::Sim,
        nodes: 3,
        reserve: 0,
        concurrency: 5,
        rate: 100.0,
        time_limit_s: 5.0,
        nemesis_interval_s: 1.0,
        recovery_s: 10.0,
        keys: 3,
        ops_per_key: 50,
        seed,
        version: "0".into(),
        commit: "test".into(),
        conditions: Some(Conditions::default()),
    };
    let free = Free {
        nodes: Choice::Given,
        ..Free::ALL
    };
    let recipe = Recipe {
        system,
        test,
        nemeses: Selection::within("all", &WorldKind::Sim.families_on(system)).expect("all is a selection"),
        free: Some(free),
        schedule: None,
    };
    recipe.case(seed, 0).expect("the recipe makes a case")
}

/// What is found in the event logs of a run; it must have been found as it happened, or not, as well.
fn examine(system: &str, flaw: Option<&str>, seed: u64) -> Vec<String> {
    let system = adapter::system(system).expect("it is there, and well formed");
    let case = case(system.as_ref(), flaw, seed);
    let trial = Trial::hold(&case, &Manner::keeping(Recording::Events), &mut Unwatched);
    let mut examiner = system
        .examiner(&system.cast(case.test.nodes, case.test.reserve))
        .expect("a system of ours has one");
    for (node, log) in &trial.events {
        let lines = std::str::from_utf8(log).expect("event logs are text").lines();
        lines.for_each(|line| examiner.read(*node, line));
    }
    let examination = examiner.examine(&Hindsight {
        history: &History::builder().finish(),
        began_ns: 0,
        quiet: None,
        traffic: None,
    });
    let judges = &trial.results.checkers;
    let told = judges
        .iter()
        .find(|judge| judge.name == "oracles")
        .expect("the oracles judge every run");
    assert_eq!(examination.events, told.checked_keys);
    let found: Vec<String> = examination.anomalies.iter().map(ToString::to_string).collect();
    assert_eq!(found.is_empty(), told.verdict == "valid", "{flaw:?}: {found:#?}");
    found
}

#[test]
fn nothing_is_found_in_the_logs_of_correct_systems() {
    for system in ["paxos", "vr"] {
        for seed in 1..=5 {
            let found = examine(system, None, seed);
            assert!(found.is_empty(), "{system}, seed {seed}: {found:#?}");
        }
    }
}

#[test]
fn what_is_wrong_is_found_in_the_logs() {
    for (system, flaw, kind) in [
        ("paxos", "px-quorum-two-of-five", "not-replicated"),
        ("paxos", "px-hole-skipped", "hole"),
        ("vr", "vr-quorum-counts-self-twice", "not-replicated"),
        ("vr", "vr-recovery-forgets-view", "forgotten"),
    ] {
        let found: Vec<String> = (1..=5)
            .flat_map(|seed| examine(system, Some(flaw), seed))
            .collect();
        let told = found.iter().any(|anomaly| anomaly.starts_with(kind));
        assert!(told, "{flaw}: {found:#?}");
    }
}

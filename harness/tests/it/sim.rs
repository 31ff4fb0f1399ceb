//! What the simulated world promises: a seed is a run, byte for byte, wherever it is made; and correct systems pass.

use std::path::{Path, PathBuf};
use std::process::Command;

use nemesis::{Profile, Roster, Schedule, Selection};
use tribunal::adapter::{self, System};
use tribunal::mix::{Choice, Free, mixed};
use tribunal::progress::Unwatched;
use tribunal::test::{Test, WorldKind};
use tribunal::trial::{Manner, Trial};
use tribunal::world::sim::{Conditions, Recording};

/// Everything a seed may draw.
const ALL_FREE: Free = Free {
    conditions: Choice::Drawn,
    nemeses: Choice::Drawn,
    nemesis_interval: Choice::Drawn,
    nodes: Choice::Drawn,
    concurrency: Choice::Drawn,
    rate: Choice::Drawn,
    keys: Choice::Drawn,
};

fn pb() -> Box<dyn System> {
    adapter::system("pb").expect("it is there, and well formed")
}

fn test(workload: &str, seed: u64) -> Test {
    Test {
        system: "pb".into(),
        workload: workload.into(),
        nemesis: Vec::new(),
        flaw: None,
        world: WorldKind::Sim,
        nodes: 3,
        concurrency: 5,
        rate: 100.0,
        time_limit_s: 10.0,
        nemesis_interval_s: 2.0,
        recovery_s: 10.0,
        keys: 3,
        ops_per_key: 50,
        seed,
        version: "0".into(),
        commit: "test".into(),
        conditions: Some(Conditions::default()),
    }
}

/// The swarm's test of that seed, and its schedule.
fn drawn(workload: &str, seed: u64) -> (Test, Schedule) {
    let system = pb();
    let all: Selection = "all".parse().expect("it is there, and well formed");
    let (test, nemeses) = mixed(&test(workload, seed), ALL_FREE, &all, system.as_ref());
    let detector = test
        .conditions
        .expect("it is there, and well formed")
        .timeout(system.detector());
    let profile = Profile::new(nemeses, test.nemesis_interval(), test.time_limit(), detector)
        .expect("it is there, and well formed");
    let roster: Roster = system.roster(test.nodes);
    let schedule = Schedule::draw(&profile, seed, &roster).expect("it is there, and well formed");
    (test, schedule)
}

fn hold(test: &Test, schedule: &Schedule, recording: Recording) -> Trial {
    Trial::hold(test, schedule, &Manner::keeping(recording), &mut Unwatched)
}

#[test]
fn a_seed_is_a_run_byte_for_byte() {
    for seed in 0..20 {
        let (test, schedule) = drawn("append", seed);
        let (again, schedule_again) = drawn("append", seed);
        assert_eq!(
            (&test, schedule.to_string()),
            (&again, schedule_again.to_string())
        );
        let [one, other] = [(); 2].map(|()| hold(&test, &schedule, Recording::Events));
        assert!(!one.events.is_empty());
        assert_eq!(one.journal, other.journal, "seed {seed}");
        assert_eq!(one.events, other.events, "seed {seed}");
        let text =
            |trial: &Trial| serde_json::to_string(&trial.results).expect("it is there, and well formed");
        assert_eq!(text(&one), text(&other), "seed {seed}");
    }
}

#[test]
fn what_is_recorded_beside_it_changes_nothing_in_a_run() {
    let (test, schedule) = drawn("register", 3);
    let with = hold(&test, &schedule, Recording::Events);
    let without = hold(&test, &schedule, Recording::Nothing);
    assert!(without.events.is_empty());
    assert_eq!(with.journal, without.journal);
}

#[test]
fn two_seeds_are_two_runs() {
    let [one, other] = [1, 2].map(|seed| {
        let (test, schedule) = drawn("append", seed);
        hold(&test, &schedule, Recording::Nothing).journal
    });
    assert_ne!(one, other);
}

#[test]
fn the_correct_system_is_never_called_wrong() {
    for seed in 100..160 {
        for workload in ["append", "register"] {
            let (test, schedule) = drawn(workload, seed);
            let results = hold(&test, &schedule, Recording::Nothing).results;
            assert_ne!(
                results.verdict, "invalid",
                "{workload} seed {seed}: {:?}",
                results.reason
            );
        }
    }
}

/// Runs the program itself with its store in `home`, in an environment of its own; the folder it left.
fn run_program(home: &Path, environment: &[(&str, &str)], seed: u64) -> PathBuf {
    let seed = seed.to_string();
    let arguments = [
        "run",
        "--world",
        "sim",
        "--system",
        "pb",
        "--workload",
        "append",
        "--nemesis",
        "all",
    ];
    let run = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(arguments)
        .args([
            "--time-limit",
            "5s",
            "--seed",
            &seed,
            "--progress",
            "none",
            "--store",
        ])
        .arg(home)
        .env_clear()
        .envs(environment.iter().copied())
        .current_dir(home)
        .output()
        .expect("it is there, and well formed");
    assert!(run.status.code().is_some_and(|code| code <= 2), "{run:?}");
    home.join("latest")
        .canonicalize()
        .expect("it is there, and well formed")
}

/// Every file of the folder, by its path within it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).expect("it is there, and well formed") {
            let path = entry.expect("it is there, and well formed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push((
                    path.strip_prefix(folder)
                        .expect("it is there, and well formed")
                        .to_owned(),
                    std::fs::read(&path).expect("it is there, and well formed"),
                ));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_fresh_process_in_another_environment_leaves_the_same_files() {
    let homes = [
        tempfile::tempdir().expect("it is there, and well formed"),
        tempfile::tempdir().unwrap(),
    ];
    let long = "x".repeat(10_000);
    for seed in [7, 8] {
        // Another size of the environment moves the stack, another process has other hash seeds and addresses.
        let one = run_program(homes[0].path(), &[], seed);
        let other = run_program(
            homes[1].path(),
            &[("TZ", "Asia/Tokyo"), ("LANG", "C"), ("PADDING", &long)],
            seed,
        );
        let (one, other) = (files(&one), files(&other));
        assert!(5 < one.len());
        assert_eq!(one, other, "seed {seed}");
    }
}

//! What the simulated world promises: a seed is a run, byte for byte, wherever it is made; and correct systems pass.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use histories::{Anomaly, History};
use nemesis::{Schedule, Selection};
use tribunal::adapter::{self, FlawNote, RESERVE, System};
use tribunal::case::Case;
use tribunal::mix::Free;
use tribunal::oracle::Hindsight;
use tribunal::progress::Unwatched;
use tribunal::recipe::Recipe;
use tribunal::results::Results;
use tribunal::test::{Test, WorldKind};
use tribunal::trial::{Manner, Trial};
use tribunal::workload::Workload;
use tribunal::world::sim::{Conditions, Recording};

use crate::load::Load;

fn pb() -> Box<dyn System> {
    adapter::system("pb").expect("it is there, and well formed")
}

fn test(system: &dyn System, workload: &str, seed: u64) -> Test {
    Test {
        system: system.name().to_owned(),
        workload: workload.into(),
        nemesis: Vec::new(),
        flaw: None,
        reads: None,
        world: WorldKind::Sim,
        nodes: system.claims().servers_default,
        reserve: 0,
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

/// The case of primary/backup that a swarm makes of that seed.
fn drawn(workload: &str, seed: u64) -> Case {
    drawn_of(pb().as_ref(), workload, seed)
}

fn selection(names: &str, system: &dyn System) -> Selection {
    Selection::within(names, &WorldKind::Sim.families_on(system)).expect("it is a selection")
}

/// The case that a swarm makes of that seed.
fn drawn_of(system: &dyn System, workload: &str, seed: u64) -> Case {
    let recipe = Recipe {
        system,
        test: test(system, workload, seed),
        nemeses: selection("all", system),
        free: Some(Free::ALL),
        schedule: None,
    };
    recipe.case(seed, 0).expect("the recipe makes a case")
}

fn hold(case: &Case, recording: Recording) -> Trial {
    Trial::hold(case, &Manner::keeping(recording), &mut Unwatched)
}

#[test]
fn a_seed_is_a_run_byte_for_byte() {
    for seed in 0..20 {
        let case = drawn("append", seed);
        assert_eq!(case, drawn("append", seed));
        let [one, other] = [(); 2].map(|()| hold(&case, Recording::Events));
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
    let case = drawn("register", 3);
    let with = hold(&case, Recording::Events);
    let without = hold(&case, Recording::Nothing);
    assert!(without.events.is_empty());
    assert_eq!(with.journal, without.journal);
}

#[test]
fn two_seeds_are_two_runs() {
    let [one, other] = [1, 2].map(|seed| hold(&drawn("append", seed), Recording::Nothing).journal);
    assert_ne!(one, other);
}

#[test]
fn no_mix_has_so_few_servers_that_nothing_can_take_over() {
    for system in adapter::systems() {
        let drawn = |seed| drawn_of(system.as_ref(), "append", seed).test.nodes;
        let fewest = (0..100).map(drawn).min();
        assert!(
            fewest.is_some_and(|nodes| 0 < system.claims().spares.of(nodes)),
            "{}",
            system.name()
        );
    }
}

#[test]
fn no_correct_system_is_ever_called_wrong() {
    for system in adapter::systems() {
        for seed in 100..130 {
            for workload in ["append", "register"] {
                let results = hold(&drawn_of(system.as_ref(), workload, seed), Recording::Nothing).results;
                assert_ne!(
                    results.verdict,
                    "invalid",
                    "{} {workload} seed {seed}: {:?}",
                    system.name(),
                    results.reason
                );
            }
        }
    }
}

/// Whether any replica of this group answered a read by itself.
fn reads_locally(seed: u64, reads: Option<&str>) -> bool {
    let vr = adapter::system("vr").expect("it is there, and well formed");
    let mut case = drawn_of(vr.as_ref(), "register", seed);
    case.test.reads = reads.map(str::to_owned);
    let trial = hold(&case, Recording::Events);
    assert_eq!(trial.results.verdict, "valid", "{:?}", trial.results.reason);
    let local = |log: &Vec<u8>| String::from_utf8_lossy(log).contains("read-locally");
    trial.events.values().any(local)
}

#[test]
fn a_group_answers_reads_as_it_is_told_and_as_its_seed_draws_otherwise() {
    for (seed, drawn) in [(8, false), (10, true)] {
        assert_eq!(reads_locally(seed, None), drawn, "seed {seed}");
        assert!(reads_locally(seed, Some("lease")), "seed {seed}");
        assert!(!reads_locally(seed, Some("log")), "seed {seed}");
    }
}

/// The case of `nemeses` against vr with `nodes` replicas, nothing else drawn.
fn changing(nemeses: &str, nodes: usize, seed: u64) -> Case {
    let vr = adapter::system("vr").expect("it is there, and well formed");
    let recipe = Recipe {
        system: vr.as_ref(),
        test: Test {
            nodes,
            reserve: RESERVE,
            nemesis: nemeses.split(',').map(str::to_owned).collect(),
            ..test(vr.as_ref(), "append", seed)
        },
        nemeses: selection(nemeses, vr.as_ref()),
        free: None,
        schedule: None,
    };
    recipe.case(seed, 0).expect("the recipe makes a case")
}

#[test]
fn a_group_whose_members_change_passes_and_its_changes_are_seen() {
    for (nodes, seed) in [3, 5]
        .into_iter()
        .flat_map(|nodes| (0..10).map(move |seed| (nodes, seed)))
    {
        let trial = hold(&changing("membership", nodes, seed), Recording::Events);
        let results = trial.results;
        assert_eq!(results.verdict, "valid", "seed {seed}: {:?}", results.reason);
        let changes = results.faults.iter().filter(|fault| fault.family == "membership");
        let (seen, others): (Vec<_>, Vec<_>) = changes.partition(|fault| fault.verified);
        assert!(!seen.is_empty(), "nothing changed: {others:?}");
        assert!(others.iter().all(|fault| fault.skipped.is_some()), "{others:?}");
        let began = |log: &Vec<u8>| String::from_utf8_lossy(log).contains("epoch-began");
        assert!(trial.events.values().any(began));
    }
}

#[test]
fn groups_change_under_all_other_faults_and_a_change_that_cannot_take_place_is_left_out() {
    let nemeses = "membership,partition,pause,kill,packet";
    let mut seen = 0;
    for (nodes, seed) in [3, 5]
        .into_iter()
        .flat_map(|nodes| (0..10).map(move |seed| (nodes, seed)))
    {
        let results = hold(&changing(nemeses, nodes, seed), Recording::Nothing).results;
        assert_eq!(
            results.verdict, "valid",
            "{nodes} nodes, seed {seed}: {:?}",
            results.reason
        );
        let changes = results.faults.iter().filter(|fault| fault.family == "membership");
        seen += changes.filter(|fault| fault.verified).count();
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_run_in_which_members_were_to_change_and_never_did_is_not_valid() {
    let mut case = changing("membership", 3, 1);
    // Nobody is there to join.
    case.test.reserve = 0;
    let results = hold(&case, Recording::Nothing).results;
    assert_eq!(results.verdict, "unknown", "{:?}", results.reason);
    assert_eq!(
        results.reason.as_deref(),
        Some("the members were to change, and never did")
    );
}

/// A run of a preset of the paxos log, as it is if nothing else is said, without faults.
fn pressed(workload: Workload, flaw: Option<&str>) -> Results {
    let system = adapter::system("paxos").expect("there is such a system");
    let usual = workload.usual();
    let nodes = usual.nodes.expect("a preset names the number of nodes");
    let test = Test {
        nodes,
        concurrency: usual.clients_per_node * nodes as u64,
        rate: usual.rate,
        time_limit_s: usual.time_limit.as_secs_f64(),
        keys: 5,
        ops_per_key: 200,
        flaw: flaw.map(str::to_owned),
        ..test(system.as_ref(), workload.name(), 1)
    };
    let schedule = Schedule::default();
    hold(&Case { test, schedule }, Recording::Nothing).results
}

#[test]
fn under_both_pressures_all_five_nodes_come_to_have_applied_equally_much() {
    for (workload, instances_min) in [(Workload::LogLow, 400), (Workload::LogHigh, 2_520)] {
        let results = pressed(workload, None);
        assert_ne!(results.verdict, "invalid", "{:?}", results.reason);
        assert_eq!(results.applied.len(), 5);
        let counts: BTreeSet<u64> = results.applied.values().copied().collect();
        assert_eq!(counts.len(), 1, "{:?}", results.applied);
        assert!(
            counts.first().is_some_and(|count| instances_min <= *count),
            "{counts:?}"
        );
    }
}

#[test]
fn nodes_that_lag_for_ever_are_noticed_when_they_are_waited_for() {
    let results = pressed(Workload::LogLow, Some("px-broadcast-subset"));
    assert_eq!(results.verdict, "invalid");
    let uneven = |anomaly: &Anomaly| anomaly.sentence.contains("equally much");
    assert!(results.anomalies.iter().any(uneven), "{:?}", results.anomalies);
}

/// Runs the program itself with its store in `home`, in an environment of its own; the folder it left.
fn run_program(home: &Path, environment: &[(&str, &str)], seed: u64) -> PathBuf {
    let line = format!(
        "run --world sim --system pb --workload append --nemesis all --time-limit 5s --progress none --seed {seed} --store ."
    );
    let run = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(line.split(' '))
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

/// Runs the program in `home`; its exit code and what it said.
fn program(home: &Path, line: &str) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_tribunal"))
        .args(line.split(' '))
        .current_dir(home)
        .output()
        .expect("the program can be run");
    let said = String::from_utf8(run.stdout).expect("what it says is text");
    (run.status.code(), said)
}

/// A file of `folder` as if it did not say where it lies, as the report does.
fn without_place(folder: &Path, file: Vec<u8>) -> Vec<u8> {
    let text = String::from_utf8(file).expect("all files of a run are text");
    text.replace(&folder.display().to_string(), "FOLDER").into_bytes()
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
                    without_place(
                        folder,
                        std::fs::read(&path).expect("it is there, and well formed"),
                    ),
                ));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn a_fresh_process_in_another_environment_and_under_load_leaves_the_same_files() {
    let homes = [
        tempfile::tempdir().expect("it is there, and well formed"),
        tempfile::tempdir().unwrap(),
    ];
    let long = "x".repeat(10_000);
    for seed in [7, 8] {
        // Another size of the environment moves the stack, another process has other hash seeds and addresses.
        let one = run_program(homes[0].path(), &[], seed);
        let _load = Load::of(4);
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

#[test]
fn a_run_replays_byte_for_byte_from_its_folder_and_a_changed_record_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let folder = run_program(home.path(), &[], 11);
    let replay = |folder: &Path| {
        let run = Command::new(env!("CARGO_BIN_EXE_tribunal"))
            .args(["replay", folder.to_str().unwrap(), "--times", "2"])
            .output()
            .unwrap();
        (run.status.code(), String::from_utf8(run.stdout).unwrap())
    };
    let (code, text) = replay(&folder);
    assert!(
        code.is_some_and(|code| code <= 2) && text.contains("replayed  2 times"),
        "{text}"
    );
    let journal = std::fs::read_to_string(folder.join("journal.jsonl")).unwrap();
    std::fs::write(
        folder.join("journal.jsonl"),
        journal.replacen("\"t1\"", "\"t0\"", 1),
    )
    .unwrap();
    let (code, text) = replay(&folder);
    assert_eq!(code, Some(255), "{text}");
    assert!(text.contains("not the same"), "{text}");
}

/// The most seeds that a flaw is looked for in.
const SEEDS_MAX: u64 = 2_000;

/// The first case that the flaw spoils.
fn first_caught(flaw: FlawNote) -> Case {
    let system = adapter::system(flaw.system).expect("a flaw is that of a system");
    let wrong = |case: &Case| hold(case, Recording::Nothing).results.verdict == "invalid";
    let flawed = |seed: u64| {
        let workload = ["append", "register"][usize::from(seed % 2 == 1)];
        let mut case = drawn_of(system.as_ref(), workload, seed);
        case.test.flaw = Some(flaw.name.to_owned());
        case
    };
    let caught = (0..SEEDS_MAX).map(flawed).find(wrong);
    caught.unwrap_or_else(|| panic!("{} was not caught within {SEEDS_MAX} seeds", flaw.name))
}

#[test]
fn every_flaw_is_caught_within_two_thousand_seeds_and_its_correct_twin_is_not() {
    for flaw in adapter::systems().iter().flat_map(|system| system.flaws()) {
        let mut case = first_caught(flaw);
        case.test.flaw = None;
        let results = hold(&case, Recording::Nothing).results;
        assert_ne!(
            results.verdict, "invalid",
            "{} seed {}: {:?}",
            flaw.name, case.test.seed, results.reason
        );
    }
}

#[test]
fn the_oracles_find_the_same_in_the_event_logs_afterwards() {
    for flaw in [
        None,
        Some("pb-ack-before-sync"),
        Some("pb-forward-unordered"),
        Some("vs-volatile"),
    ] {
        let mut case = drawn("append", 21);
        case.test.flaw = flaw.map(str::to_owned);
        let trial = hold(&case, Recording::Events);
        let mut examiner = pb().examiner(&pb().roster(case.test.nodes)).unwrap();
        for (node, log) in &trial.events {
            let lines = std::str::from_utf8(log).unwrap().lines();
            lines.for_each(|line| examiner.read(*node, line));
        }
        let hindsight = Hindsight {
            history: &History::builder().finish(),
            began_ns: 0,
            quiet: None,
            traffic: None,
        };
        let examination = examiner.examine(&hindsight);
        let told = trial
            .results
            .checkers
            .iter()
            .find(|checker| checker.name == "oracles")
            .unwrap();
        assert_eq!(examination.events, told.checked_keys);
        assert_eq!(
            examination.anomalies.is_empty(),
            told.verdict == "valid",
            "{flaw:?}"
        );
    }
}

/// Has the program run a case in `home` that the flaw spoils.
fn red_run(home: &Path, flaw: &str) {
    let flaws = pb().flaws();
    let note = flaws
        .iter()
        .find(|note| note.name == flaw)
        .expect("it is a flaw of pb");
    let Test { seed, workload, .. } = first_caught(*note).test;
    let line = format!(
        "run --world sim --system pb --workload {workload} --nemesis all --flaw {flaw} --time-limit 10s --progress none --seed {seed}"
    );
    assert_eq!(program(home, &line).0, Some(1));
}

#[test]
fn a_red_run_replays_byte_for_byte_from_its_folder_in_a_fresh_process() {
    let home = tempfile::tempdir().unwrap();
    red_run(home.path(), "pb-append-dedup-not-atomic");
    let folder = home.path().join("store/latest").canonicalize().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, text) = program(elsewhere.path(), &format!("replay {}", folder.display()));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("byte for byte"), "{text}");
    let events = folder.join("n1/events.jsonl");
    let changed = std::fs::read_to_string(&events)
        .unwrap()
        .replacen("primary", "backup", 1);
    std::fs::write(&events, changed).unwrap();
    let (code, text) = program(elsewhere.path(), &format!("replay {}", folder.display()));
    assert_eq!(
        code,
        Some(255),
        "what a node says of itself is compared, too: {text}"
    );
}

#[test]
fn a_failing_run_is_shrunk_to_three_faults_or_fewer_and_still_fails_as_before() {
    let home = tempfile::tempdir().unwrap();
    red_run(home.path(), "pb-handler-lock-deadlock");
    let (code, text) = program(home.path(), "shrink latest");
    assert_eq!(code, Some(1), "{text}");
    let schedule = std::fs::read_to_string(home.path().join("store/latest/schedule.toml")).unwrap();
    assert!(schedule.matches("[[fault]]").count() <= 3, "{schedule}");
    let (code, text) = program(home.path(), "replay latest");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("byte for byte"), "{text}");
}

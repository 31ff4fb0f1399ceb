//! Whole runs of the program, from the command line to the verdict.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{Ended, Place, User};
use crate::results::{expect_fields, expect_files, history, results};
use crate::runner::{Test, is_root};

pub(crate) const TESTS: &[(&str, Test)] = &[
    (
        "a_run_under_all_faults_is_valid_and_leaves_its_whole_record",
        || {
            all_faults(User::Caller);
            Ok(())
        },
    ),
    (
        "a_run_under_all_faults_is_valid_for_somebody_without_privileges",
        || {
            unprivileged();
            Ok(())
        },
    ),
    ("two_runs_at_the_same_time_do_not_disturb_each_other", || {
        side_by_side();
        Ok(())
    }),
    ("a_real_group_gets_other_members_while_it_works", || {
        other_members();
        Ok(())
    }),
    ("a_run_is_run_again_with_the_schedule_it_left", || {
        run_again();
        Ok(())
    }),
];

/// The short form of what the program is for. In so few seconds a drawn schedule may well keep everybody from being answered under any
/// fault, and such a run shows nothing: so these faults are given.
const SHORT: [&str; 8] = [
    "--nemesis",
    "partition,pause,kill",
    "--time-limit",
    "5s",
    "--schedule",
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/mild.toml"),
    "--workload",
    "append",
];

/// Checks that a run ended well, and says what it left otherwise.
fn expect_valid(ended: &Ended, folder: &Path) -> Value {
    assert_eq!(ended.code, Some(0), "{}\n{}", folder.display(), ended.said);
    let results = results(folder);
    assert_eq!(
        (&results["verdict"], &results["cause"]),
        (&Value::from("valid"), &Value::Null)
    );
    assert!(
        ended.said.contains("VALID") && !ended.said.contains("INVALID"),
        "{}",
        ended.said
    );
    results
}

fn all_faults(user: User) {
    let place = Place::new(user);
    let ended = place.run(&[&SHORT[..], &["--seed", "5"]].concat());
    if ended.code != Some(0) {
        panic!(
            "{:?}: {}\nkept in {}",
            ended.code,
            ended.said,
            place.keep().display()
        );
    }
    let folder = place.latest();
    let results = expect_valid(&ended, &folder);
    expect_fields(&results);
    expect_files(&folder, &["n1", "n2", "n3", "vs"]);
    expect_verified(&results);
    assert_eq!(results["seed"], 5);
    let count = |of: &Value| of.as_u64().expect("a number");
    assert!(500 < count(&results["ops"]["ok"]), "{}", results["ops"]);
    assert!(
        0 < count(&results["under_fault"]["append"]["ok"]),
        "{}",
        results["under_fault"]
    );
    let recorded = history(&folder).expect("a run has a journal").operations().len();
    assert_eq!(u64::try_from(recorded).ok(), results["ops"]["invoked"].as_u64());
    expect_latest(&place, &folder);
    expect_test(&folder);
    for said in ["system ", "workload ", "nemesis ", "seed 5", "record ", "next "] {
        assert!(
            ended.said.contains(said),
            "{said:?} is not on the last screen:\n{}",
            ended.said
        );
    }
}

/// Nothing else is done to the group, so every change takes place.
fn other_members() {
    let place = Place::new(User::Caller);
    let schedule = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/members.toml");
    let options = [
        "--workload",
        "append",
        "--time-limit",
        "9s",
        "--seed",
        "5",
        "--schedule",
        schedule,
    ];
    let ended = place.run_on("vr", &options);
    let folder = place.latest();
    let results = expect_valid(&ended, &folder);
    let faults = results["faults"].as_array().expect("a list");
    let changes = || faults.iter().filter(|fault| fault["family"] == "membership");
    assert_eq!(changes().count(), 3, "{faults:?}");
    for change in changes() {
        assert_eq!(change["verified"], true, "{change}");
        assert!(change["skipped"].is_null(), "{change}");
    }
    for node in ["n1", "n2", "n3", "n4", "n5"] {
        let events =
            fs::read_to_string(folder.join(node).join("events.jsonl")).expect("every node has an event log");
        assert!(events.contains("epoch-began"), "{node} never entered an epoch");
    }
}

/// Every fault that was injected was seen to hold, and all three families struck.
fn expect_verified(results: &Value) {
    let faults = results["faults"].as_array().expect("a list");
    let injected = || faults.iter().filter(|fault| fault["skipped"].is_null());
    for fault in injected() {
        assert_eq!(fault["verified"], true, "{fault}");
        assert!(fault["begin_ns"].as_u64() < fault["end_ns"].as_u64(), "{fault}");
        assert_ne!(fault["resolved"], "", "{fault}");
    }
    for family in ["partition", "pause", "kill"] {
        assert!(
            injected().any(|fault| fault["family"] == family),
            "there was no {family}: {faults:?}"
        );
    }
    // A cluster that has lost every copy by its own claim has no primary to be killed in the end.
    let last = faults.last().map(|fault| &fault["fault"]);
    assert!(
        last == Some(&Value::from("final-kill")) || results["excuse"].is_string(),
        "{results:#}"
    );
}

fn expect_latest(place: &Place, folder: &Path) {
    let named = folder.parent().expect("a run lies in the store").join("latest");
    for link in [place.store().join("latest"), named] {
        assert!(
            fs::symlink_metadata(&link).is_ok_and(|link| link.is_symlink()),
            "{}",
            link.display()
        );
        assert_eq!(link.canonicalize().ok().as_deref(), Some(folder));
    }
}

/// test.toml says what was asked for.
fn expect_test(folder: &Path) {
    let text = fs::read_to_string(folder.join("test.toml")).expect("test.toml is text");
    let test: toml::Table = text.parse().expect("test.toml is TOML");
    let text = |name: &str| test[name].as_str().map(str::to_owned);
    assert_eq!(
        (text("system"), text("workload")),
        (Some("pb".to_owned()), Some("append".to_owned()))
    );
    assert_eq!(test["nemesis"].as_array().map(Vec::len), Some(3));
    assert_eq!(
        (test["seed"].as_integer(), test["time-limit-s"].as_float()),
        (Some(5), Some(5.0))
    );
    assert_eq!(
        (test["nodes"].as_integer(), test["concurrency"].as_integer()),
        (Some(3), Some(6))
    );
}

fn unprivileged() {
    if !is_root() {
        eprintln!("\nThe tests are not run by root: every run here is one of somebody without privileges.\n");
    } else if let Some(missing) = missing_for_others() {
        eprintln!("\nNOT POSSIBLE HERE, no run as somebody without privileges: {missing}\n");
    } else {
        all_faults(User::Unprivileged);
    }
}

/// What others than root lack on this machine.
fn missing_for_others() -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS_MAY_READ_AND_WRITE: u32 = 0o006;
    match fs::metadata("/dev/net/tun") {
        Ok(device)
            if device.permissions().mode() & OTHERS_MAY_READ_AND_WRITE == OTHERS_MAY_READ_AND_WRITE =>
        {
            None
        }
        Ok(_) => Some("/dev/net/tun is closed to them; to enable it: chmod 666 /dev/net/tun".to_owned()),
        Err(error) => Some(format!("/dev/net/tun: {error}")),
    }
}

fn side_by_side() {
    let place = Place::new(User::Caller);
    let started = ["21", "22"].map(|seed| place.start(&[&SHORT[..], &["--seed", seed]].concat()));
    let ended = started.map(|run| run.end());
    let folders = place.runs();
    assert_eq!(folders.len(), 2, "{folders:?}");
    for (ended, seed) in ended.iter().zip(["-21", "-22"]) {
        let folder = folders
            .iter()
            .find(|folder| folder.to_string_lossy().ends_with(seed))
            .expect("a run has a folder");
        expect_verified(&expect_valid(ended, folder));
    }
    assert!(folders.contains(&place.latest()));
}

fn run_again() {
    let place = Place::new(User::Caller);
    let options = ["--workload", "register", "--time-limit", "2s", "--seed", "31"];
    let first = place.run(
        &[
            &options[..],
            &["--nemesis", "pause", "--nemesis-interval", "500ms"],
        ]
        .concat(),
    );
    let folder = place.latest();
    let first = expect_valid(&first, &folder);
    let schedule = folder.join("schedule.toml");
    let again = place.run(
        &[
            &options[..],
            &["--schedule", schedule.to_str().expect("a plain name")],
        ]
        .concat(),
    );
    let second = expect_valid(&again, &place.latest());
    assert_ne!(place.latest(), folder);
    let same = fs::read(place.latest().join("schedule.toml")).ok() == fs::read(&schedule).ok();
    assert!(same, "the schedule is kept as it was given");
    let what = |results: &Value| -> Vec<(Value, Value)> {
        let faults = results["faults"].as_array().expect("a list").iter();
        faults
            .filter(|fault| fault["family"] == "pause")
            .map(|fault| (fault["id"].clone(), fault["target"].clone()))
            .collect()
    };
    assert_eq!(what(&first), what(&second));
    assert!(!what(&first).is_empty());
}

//! Systems that are told to be wrong are found to be wrong, and the same runs of the correct system are not.

use std::fs;
use std::path::PathBuf;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::program::{Place, User};
use crate::results::{expect_fields, results};
use crate::runner::Test;

pub(crate) const TESTS: &[(&str, Test)] = &[
    ("a_restarted_backup_that_is_not_synchronised_is_found", || {
        found("pb-restarted-backup-not-resynced", &RESTARTED_BACKUP)
    }),
    ("a_sole_primary_that_serves_after_its_restart_is_found", || {
        found("pb-sole-primary-restart-serves", &ALL_KILLED)
    }),
    ("a_view_service_that_forgets_is_found", || {
        found("vs-volatile", &SERVICE_KILLED)
    }),
    ("a_primary_that_reads_locally_is_found", || {
        found("pb-get-local-read", &PRIMARY_CUT_OFF)
    }),
];

/// How often it may take to meet a flaw.
const SEEDS: [&str; 3] = ["1", "2", "3"];

/// How a flaw is met.
#[derive(Debug)]
struct Way {
    workload: &'static str,
    faults: Faults,
    options: &'static [&'static str],
}

/// Which faults bring it out.
#[derive(Debug)]
enum Faults {
    Drawn(&'static str),
    Given(&'static str),
}

const PRIMARY_CUT_OFF: Way = Way {
    workload: "register",
    faults: Faults::Drawn("primaries"),
    options: &["--time-limit", "5s", "--nemesis-interval", "1s"],
};

const SERVICE_KILLED: Way = Way {
    workload: "append",
    faults: Faults::Drawn("kill-service,partition"),
    options: &["--time-limit", "6s", "--nemesis-interval", "1s"],
};

const ALL_KILLED: Way = Way {
    workload: "append",
    faults: Faults::Drawn("kill-all"),
    options: &[
        "--time-limit",
        "3s",
        "--nemesis-interval",
        "1s",
        "--recovery",
        "2s",
    ],
};

/// Of two servers one is restarted twice, each time before anybody takes it for dead: the second time at the latest it is the
/// backup. Then the run's own last kill takes the primary.
const RESTARTED_BACKUP: Way = Way {
    workload: "append",
    faults: Faults::Given(
        r#"
        [[fault]]
        from = "1s"
        until = "1.15s"
        fault = "kill"
        target = ["n1"]

        [[fault]]
        from = "2.5s"
        until = "2.65s"
        fault = "kill"
        target = ["n1"]
        "#,
    ),
    options: &["--time-limit", "4s", "--nodes", "2"],
};

fn found(flaw: &str, way: &Way) -> Result<(), Failed> {
    let place = Place::new(User::Caller);
    let flaws = place.list("flaws");
    assert!(
        flaws.iter().any(|note| note["name"] == flaw),
        "{flaw} is not listed: {flaws:?}"
    );
    let Some(seed) = SEEDS.into_iter().find(|seed| is_caught(&place, flaw, way, seed)) else {
        let folder = place.keep();
        return Err(format!("{flaw} was not found with {SEEDS:?}; see {}", folder.display()).into());
    };
    let Run { folder, results, .. } = run(&place, way, seed, None);
    if results["verdict"] == "invalid" {
        drop(place.keep());
        return Err(format!(
            "the correct system, seed {seed}, {}: {results:#}",
            folder.display()
        )
        .into());
    }
    Ok(())
}

struct Run {
    code: Option<i32>,
    folder: PathBuf,
    results: Value,
}

fn run(place: &Place, way: &Way, seed: &str, flaw: Option<&str>) -> Run {
    let schedule = place.schedule();
    let faults = match way.faults {
        Faults::Drawn(nemesis) => ["--nemesis", nemesis],
        Faults::Given(text) => {
            fs::write(&schedule, text).expect("the folder can be written");
            [
                "--schedule",
                schedule.to_str().expect("a temporary folder has a plain name"),
            ]
        }
    };
    let flaw: Vec<&str> = flaw.into_iter().flat_map(|flaw| ["--flaw", flaw]).collect();
    let kind = ["--workload", way.workload, "--seed", seed];
    let ended = place.run(&[&kind[..], &faults, way.options, &flaw].concat());
    let folder = place.latest();
    let results = results(&folder);
    expect_fields(&results);
    Run {
        code: ended.code,
        folder,
        results,
    }
}

/// Whether the flaw is found; if so, it is for the right reason and the sentence tells it.
fn is_caught(place: &Place, flaw: &str, way: &Way, seed: &str) -> bool {
    let Run { code, results, .. } = run(place, way, seed, Some(flaw));
    assert_eq!(results["flaw"], flaw);
    if results["verdict"] != "invalid" || results["cause"] != "violation" {
        return false;
    }
    assert_eq!(code, Some(1));
    let anomalies = results["anomalies"].as_array().expect("a list");
    let of_clients = |anomaly: &&Value| anomaly["ops"].as_array().is_some_and(|ops| !ops.is_empty());
    // What only the oracles saw shows the flaw, but not to those it is meant for.
    let Some(anomaly) = anomalies.iter().find(of_clients) else {
        return false;
    };
    let sentence = anomaly["sentence"].as_str().expect("a sentence");
    let operation = ["read", "append", "write", "cas"]
        .iter()
        .any(|f| sentence.contains(f));
    assert!(operation, "the sentence names no operation: {anomaly}");
    assert!(
        anomaly["key"].as_str().is_some_and(|key| key.starts_with('k')),
        "no key: {anomaly}"
    );
    true
}

//! results.json and the other files of a run, as scripts depend on them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use histories::History;
use serde_json::Value;

/// The fields of results.json, and those of what it holds.
const FIELDS: [&str; 19] = [
    "format",
    "system",
    "workload",
    "nemesis",
    "world",
    "seed",
    "flaw",
    "commit",
    "verdict",
    "cause",
    "ops",
    "by_f",
    "under_fault",
    "faults",
    "recovery_ns",
    "longest_unavailable_ns",
    "checkers",
    "anomalies",
    "durations_ms",
];
const COUNTS: [&str; 4] = ["invoked", "ok", "fail", "info"];
const FAULT: [&str; 9] = [
    "id", "family", "fault", "target", "nodes", "begin_ns", "end_ns", "verified", "resolved",
];
const CHECKER: [&str; 5] = ["name", "verdict", "ms", "checked_keys", "certificate"];
const ANOMALY: [&str; 4] = ["kind", "key", "ops", "sentence"];
const DURATIONS: [&str; 5] = ["setup", "load", "recover", "check", "teardown"];

/// The results of the run in `folder`.
pub(crate) fn results(folder: &Path) -> Value {
    let path = folder.join("results.json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("results.json is JSON")
}

/// Checks that every promised field is there.
pub(crate) fn expect_fields(results: &Value) {
    has("results.json", results, &FIELDS);
    has("ops", &results["ops"], &COUNTS);
    has("durations_ms", &results["durations_ms"], &DURATIONS);
    for counts in values(&results["by_f"]) {
        has("by_f", counts, &COUNTS[1..]);
    }
    for counts in values(&results["under_fault"]) {
        has("under_fault", counts, &["ok"]);
    }
    for (name, fields) in [
        ("faults", &FAULT[..]),
        ("checkers", &CHECKER[..]),
        ("anomalies", &ANOMALY[..]),
    ] {
        for element in results[name].as_array().expect("a list") {
            has(name, element, fields);
        }
    }
    let recoveries = results["recovery_ns"].as_array().map(Vec::len);
    assert_eq!(
        recoveries,
        results["faults"].as_array().map(Vec::len),
        "a recovery for each fault"
    );
}

fn has(name: &str, value: &Value, fields: &[&str]) {
    let object = value.as_object().unwrap_or_else(|| panic!("{name} is {value}"));
    for field in fields {
        assert!(object.contains_key(*field), "{name} has no {field}: {value}");
    }
}

fn values(object: &Value) -> impl Iterator<Item = &Value> {
    object.as_object().expect("an object").values()
}

/// Checks that every file of the run in `folder` is there, those of `nodes` included.
pub(crate) fn expect_files(folder: &Path, nodes: &[&str]) {
    let files = [
        "test.toml",
        "schedule.toml",
        "journal.jsonl",
        "results.json",
        "history.edn",
    ];
    let of_node = ["stdout.log", "stderr.log", "events.jsonl", "data"];
    let of_nodes = nodes
        .iter()
        .flat_map(|node| of_node.map(|file| format!("{node}/{file}")));
    for file in files.map(str::to_owned).into_iter().chain(of_nodes) {
        assert!(folder.join(&file).exists(), "{} has no {file}", folder.display());
    }
    let left: BTreeSet<String> = fs::read_dir(folder)
        .expect("the folder is there")
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".new"))
        .collect();
    assert_eq!(left, BTreeSet::new(), "half-written files are left");
}

/// The history recorded in `folder` up to its last whole line; none when the run ended before it had a journal.
pub(crate) fn history(folder: &Path) -> Option<History> {
    let journal = File::open(folder.join("journal.jsonl")).ok()?;
    let parsed = History::parse(BufReader::new(journal), "journal.jsonl");
    Some(
        parsed
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .history,
    )
}

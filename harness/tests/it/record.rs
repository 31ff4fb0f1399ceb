//! What is written about a run is read back as it was.

use std::fs;

use jiff::Timestamp;
use tribunal::store::{RunFolder, Store};
use tribunal::test::{Test, WorldKind};

fn test() -> Test {
    Test {
        system: "pb".to_owned(),
        workload: "append".to_owned(),
        nemesis: vec!["partition".to_owned(), "kill".to_owned()],
        flaw: Some("vs-volatile".to_owned()),
        reads: Some("lease".to_owned()),
        world: WorldKind::Real,
        nodes: 5,
        reserve: 0,
        concurrency: 10,
        rate: 123.5,
        time_limit_s: 7.25,
        nemesis_interval_s: 0.5,
        recovery_s: 3.0,
        keys: 4,
        ops_per_key: 50,
        seed: u64::from(u32::MAX) + 7,
        version: "0.1.0".to_owned(),
        commit: "c0ffee".to_owned(),
        conditions: None,
    }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("there is room for temporary files");
    let store = Store::at(folder.path().join("store"));
    (folder, store)
}

#[test]
fn a_test_is_read_back_as_it_was_written() {
    let (_folder, store) = store();
    for test in [
        test(),
        Test {
            flaw: None,
            reads: None,
            nemesis: Vec::new(),
            ..test()
        },
    ] {
        let run = store
            .create(&test, Timestamp::now())
            .expect("the store can be written");
        run.write_test(&test).expect("the folder can be written");
        assert_eq!(run.read_test().expect("it was just written"), test);
    }
}

#[test]
fn a_test_with_a_field_nobody_knows_is_refused_with_its_file() {
    let (_folder, store) = store();
    let run = store
        .create(&test(), Timestamp::now())
        .expect("the store can be written");
    run.write_test(&test()).expect("the folder can be written");
    let text = fs::read_to_string(run.test()).expect("it was just written");
    fs::write(run.test(), format!("{text}\nmood = \"bad\"\n")).expect("the folder can be written");
    let sentence = run.read_test().expect_err("nobody knows a mood").to_string();
    assert!(
        sentence.contains("test.toml") && sentence.contains("mood"),
        "{sentence}"
    );
}

#[test]
fn latest_points_to_the_last_run_of_its_kind_and_of_all() {
    let (_folder, store) = store();
    let other = Test {
        workload: "register".to_owned(),
        nemesis: Vec::new(),
        ..test()
    };
    let begin = Timestamp::now();
    let later = begin + std::time::Duration::from_secs(1);
    let first = store.create(&test(), begin).expect("the store can be written");
    let second = store.create(&test(), later).expect("the store can be written");
    let third = store.create(&other, later).expect("the store can be written");
    let leads_to = |folder: &RunFolder, up: usize| {
        let home = folder
            .path()
            .ancestors()
            .nth(up)
            .expect("a run lies in the store");
        home.join("latest")
            .canonicalize()
            .expect("the link leads somewhere")
    };
    assert_ne!(first.path(), second.path());
    assert_eq!(leads_to(&first, 1), second.path());
    assert_eq!(leads_to(&third, 1), third.path());
    assert_eq!(leads_to(&first, 2), third.path());
}

#[test]
fn a_run_is_found_by_its_folder_its_name_and_as_the_latest() {
    let (_folder, store) = store();
    let run = store
        .create(&test(), Timestamp::now())
        .expect("the store can be written");
    run.write_test(&test()).expect("the folder can be written");
    let whole = run
        .path()
        .to_str()
        .expect("a temporary folder has a plain name")
        .to_owned();
    let last = run
        .path()
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a plain name");
    let name = format!("{}/{last}", test().name());
    for said in [whole.as_str(), name.as_str(), "latest"] {
        let found = store.find(said).unwrap_or_else(|| panic!("{said} was not found"));
        assert_eq!(
            found.path().canonicalize().expect("it exists"),
            run.path(),
            "{said}"
        );
    }
    assert!(store.find("earliest").is_none());
}

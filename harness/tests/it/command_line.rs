//! The command line as scripts meet it: names, refusals, exit codes. Nothing here starts a cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const BAD_ARGUMENTS: i32 = 254;
const HARNESS_FAILURE: i32 = 255;

/// A folder to call the program in, which has no store yet.
struct Desk {
    folder: TempDir,
}

/// What a call came to.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("there is room for temporary files"),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        path
    }

    fn call(&self, args: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_tribunal"))
            .args(args)
            .current_dir(self.path())
            .output();
        Said::of(&output.expect("the program can be started"))
    }

    /// Calls `tribunal run` on pb and append with these options in addition.
    fn run(&self, options: &[&str]) -> Said {
        let usual = [
            "run",
            "--system",
            "pb",
            "--workload",
            "append",
            "--progress",
            "none",
        ];
        self.call(&[&usual[..], options].concat())
    }

    fn is_empty(&self) -> bool {
        fs::read_dir(self.path())
            .expect("the folder is there")
            .next()
            .is_none()
    }
}

impl Said {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the program writes text");
        let code = output.status.code().expect("the program ends by itself");
        Self {
            code,
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// Checks that this is a refusal in one sentence that contains all of `words`.
    fn is_sentence(&self, code: i32, words: &[&str]) {
        let Self { err, out, .. } = self;
        assert_eq!(self.code, code, "{err}{out}");
        assert!(
            err.starts_with("tribunal: ") && err.lines().count() == 1,
            "not one sentence: {err:?}"
        );
        for word in words {
            assert!(err.contains(word), "{word:?} is not in {err:?}");
        }
        assert_eq!(out, "", "nothing is on standard output");
    }

    /// Checks that this is a refusal of an option by the parser, with all of `words`.
    fn is_usage(&self, words: &[&str]) {
        assert_eq!(self.code, BAD_ARGUMENTS, "{}{}", self.err, self.out);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in {:?}", self.err);
        }
    }
}

/// Checks that these options of `run` are refused in one sentence with `words`, and that nothing was written.
fn refused(options: &[&str], words: &[&str]) {
    let desk = Desk::new();
    desk.run(options).is_sentence(BAD_ARGUMENTS, words);
    assert!(desk.is_empty(), "{options:?} left something behind");
}

/// Checks that these options of `run` are refused by the parser with `words`, and that nothing was written.
fn unreadable(options: &[&str], words: &[&str]) {
    let desk = Desk::new();
    desk.run(options).is_usage(words);
    assert!(desk.is_empty(), "{options:?} left something behind");
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones_and_the_nearest() {
    let desk = Desk::new();
    let system = desk.call(&["run", "--system", "pbb", "--workload", "append"]);
    system.is_sentence(BAD_ARGUMENTS, &["\"pbb\"", "did you mean pb"]);
    let workload = desk.call(&["run", "--system", "pb", "--workload", "apend"]);
    workload.is_sentence(BAD_ARGUMENTS, &["\"apend\"", "did you mean append", "register"]);
    let nemesis = desk.run(&["--nemesis", "partition,paus"]);
    nemesis.is_sentence(
        BAD_ARGUMENTS,
        &["\"paus\"", "did you mean \"pause\"", "kill-all", "minority-third"],
    );
    let flaw = desk.run(&["--flaw", "vs-volatil"]);
    flaw.is_sentence(
        BAD_ARGUMENTS,
        &["\"vs-volatil\"", "did you mean vs-volatile", "pb-get-local-read"],
    );
    assert!(desk.is_empty());
}

#[test]
fn a_way_to_answer_reads_that_a_system_does_not_offer_is_refused_with_what_it_offers() {
    refused(&["--reads", "lease"], &["pb", "\"lease\"", "one way only"]);
    let desk = Desk::new();
    let line = "--workload register --reads quorum";
    for command in ["run --system vr", "run --world sim --system vr"] {
        let words: Vec<&str> = command.split(' ').chain(line.split(' ')).collect();
        desk.call(&words)
            .is_sentence(BAD_ARGUMENTS, &["vr", "\"quorum\"", "log or lease"]);
    }
    let detect = desk.call(&["detect", "--system", "vr", "--reads", "quorum"]);
    detect.is_sentence(BAD_ARGUMENTS, &["vr", "\"quorum\"", "log or lease"]);
    assert!(desk.is_empty());
}

#[test]
fn what_a_lease_rests_on_is_said_where_the_option_is() {
    let desk = Desk::new();
    for asked in [&["run", "--help"][..], &["list", "systems"]] {
        let said = desk.call(asked).out;
        assert!(said.contains("lease") && said.contains("clocks"), "{said}");
    }
}

#[test]
fn a_system_whose_members_do_not_change_is_not_asked_to_and_not_by_all_either() {
    let words = ["nemesis \"membership\" cannot be done to pb: its members do not change"];
    refused(&["--nemesis", "kill,membership"], &words);
    refused(&["--world", "sim", "--nemesis", "membership"], &words);
    let grow = ["nemesis \"grow\" cannot be done to pb"];
    refused(&["--nemesis", "grow"], &grow);
}

#[test]
fn what_cannot_be_is_refused_before_anything_starts() {
    refused(&["--rate", "0"], &["--rate 0"]);
    refused(&["--rate=-1"], &["--rate -1"]);
    refused(&["--rate", "NaN"], &["--rate NaN"]);
    refused(&["--nodes", "0"], &["--nodes 0"]);
    refused(&["--nodes", "51"], &["--nodes 51", "50"]);
    refused(&["--nodes", "4000000000"], &["--nodes 4000000000"]);
    refused(&["--test-count", "0"], &["--test-count 0"]);
    refused(&["--keys", "0"], &["--keys"]);
    refused(&["--ops-per-key", "0"], &["--ops-per-key"]);
    refused(&["--time-limit", "0s"], &["--time-limit 0"]);
    refused(&["--nemesis-interval", "0s"], &["--nemesis-interval 0"]);
    refused(&["--concurrency", "0"], &["--concurrency 0"]);
    refused(&["--concurrency", "0n"], &["--concurrency 0n"]);
    refused(&["--concurrency", "n2"], &["--concurrency n2", "2n"]);
    refused(
        &["--concurrency", "99999999999999999999n"],
        &["--concurrency 99999999999999999999n"],
    );
}

#[test]
fn a_nemesis_the_cluster_is_too_small_for_is_refused_before_anything_starts() {
    refused(
        &["--nodes", "2", "--nemesis", "minority-third"],
        &["minority-third", "needs 4 nodes"],
    );
    refused(
        &["--nodes", "1", "--nemesis", "bridge"],
        &["bridge", "needs 3 nodes"],
    );
    refused(&["--nemesis", "none,pause"], &["none"]);
    refused(
        &["--nemesis", "pause", "--nemesis-interval", "1ms"],
        &["interval"],
    );
    refused(&["--nemesis", "pause", "--time-limit", "10ms"], &["time limit"]);
}

#[test]
fn a_length_of_time_that_is_none_is_refused() {
    for option in ["--time-limit", "--nemesis-interval", "--recovery"] {
        unreadable(&[option, "3 weeks"], &[option, "3 weeks", "unit"]);
        unreadable(&[option, "soon"], &[option, "soon"]);
        unreadable(&[option, "1000000h"], &[option, "1000000h", "days"]);
    }
    unreadable(&["--seed=-1"], &["--seed"]);
    unreadable(&["--world", "moon"], &["moon", "real"]);
}

#[test]
fn a_command_or_option_nobody_knows_is_refused_with_what_there_is() {
    let desk = Desk::new();
    desk.call(&["runn"]).is_usage(&["runn", "run"]);
    desk.call(&["run", "--sytem", "pb"])
        .is_usage(&["--sytem", "--system"]);
    desk.call(&[]).is_usage(&["Usage", "run", "doctor"]);
    desk.call(&["list", "planets"]).is_usage(&["planets", "systems"]);
}

#[test]
fn a_schedule_that_cannot_be_read_is_refused_with_its_name() {
    refused(
        &["--schedule", "no/such/file.toml"],
        &["no/such/file.toml", "No such file"],
    );
    refused(&["--schedule", "."], &["schedule"]);
}

/// Checks that a schedule is refused with its file, the line and `words`, and that no store was made.
fn malformed(text: &str, line: usize, words: &[&str]) {
    let desk = Desk::new();
    let path = desk.write("faults.toml", text);
    let path = path.to_str().expect("a temporary folder has a plain name");
    let said = desk.run(&["--schedule", path, "--store", "store"]);
    said.is_sentence(
        BAD_ARGUMENTS,
        &[words, &[&format!("faults.toml, line {line}")]].concat(),
    );
    assert!(
        !desk.path().join("store").exists(),
        "a store was made for {text:?}"
    );
}

#[test]
fn a_malformed_schedule_is_refused_with_file_and_line() {
    let fault = |fault: &str| format!("format = 1\n\n[[fault]]\nfrom = \"1s\"\nuntil = \"2s\"\n{fault}\n");
    malformed("format = 1\nfault = [[[\n", 2, &[]);
    malformed("format = 9\n", 1, &["format 9"]);
    malformed(&fault("fault = \"earthquake\""), 3, &["earthquake"]);
    malformed(&fault("fault = \"pause\"\ntarget = [\"n9\"]"), 3, &["n9"]);
    malformed(&fault("fault = \"pause\"\nmood = \"bad\""), 7, &["mood"]);
    malformed(
        &fault("fault = \"pause\"").replace("\"2s\"", "\"1s\""),
        3,
        &["fault 1", "1"],
    );
    malformed(
        &fault("fault = \"pause\"").replace("\"2s\"", "\"2 fortnights\""),
        3,
        &["fortnights"],
    );
}

#[test]
fn a_schedule_for_more_nodes_than_there_are_is_refused() {
    let desk = Desk::new();
    let path = desk.write(
        "faults.toml",
        "[[fault]]\nfrom = \"1s\"\nuntil = \"2s\"\nfault = \"pause\"\ntarget = [\"n3\"]\n",
    );
    let path = path.to_str().expect("a temporary folder has a plain name");
    desk.run(&["--schedule", path, "--nodes", "2"])
        .is_sentence(BAD_ARGUMENTS, &["faults.toml, line 1", "n3"]);
}

#[test]
fn a_store_that_cannot_be_is_answered_in_one_sentence_that_names_it() {
    let desk = Desk::new();
    desk.write("taken", "this is a file");
    // Where no trial can be run, that is what the sentence is about.
    let words: &[&str] = if desk.call(&["doctor"]).code == 0 {
        &["taken/store"]
    } else {
        &[]
    };
    desk.run(&["--store", "taken/store"])
        .is_sentence(HARNESS_FAILURE, words);
    fs::create_dir_all(desk.path().join("stale/latest/something")).expect("the folder can be written");
    let words: &[&str] = if words.is_empty() { &[] } else { &["stale"] };
    desk.run(&["--store", "stale"])
        .is_sentence(HARNESS_FAILURE, words);
}

#[test]
fn every_list_has_both_forms_and_they_name_the_same() {
    let desk = Desk::new();
    let expected = [
        ("systems", vec!["pb"]),
        ("workloads", vec!["append", "register"]),
        (
            "nemeses",
            vec![
                "partition",
                "pause",
                "kill",
                "kill-all",
                "bridge",
                "primary-from-service",
            ],
        ),
        (
            "flaws",
            vec![
                "pb-get-local-read",
                "pb-restarted-backup-not-resynced",
                "pb-sole-primary-restart-serves",
                "vs-volatile",
            ],
        ),
    ];
    for (what, names) in expected {
        let (text, json) = (desk.call(&["list", what]), desk.call(&["list", what, "--json"]));
        assert_eq!((text.code, json.code), (0, 0), "{}{}", text.err, json.err);
        let rows: Vec<Value> = serde_json::from_str(&json.out).expect("--json gives JSON");
        let listed: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(listed.len(), rows.len(), "every row of {what} has a name");
        for name in names {
            assert!(
                listed.contains(&name),
                "{name} is not among the {what}: {listed:?}"
            );
        }
        let heads: Vec<&str> = text
            .out
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        assert_eq!(heads, listed, "{what}");
        let described = |row: &Value| row["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(
            rows.iter().all(described),
            "every row of {what} has a description"
        );
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    let desk = Desk::new();
    for command in ["run", "check", "verify", "list", "doctor"] {
        let help = desk.call(&[command, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{command}");
        let example = help
            .out
            .lines()
            .any(|line| line.contains("Example") || line.starts_with("  tribunal "));
        assert!(example, "{command} has no example:\n{}", help.out);
        assert!(
            help.out.contains(&format!("tribunal {command} ")) || command == "doctor",
            "{}",
            help.out
        );
    }
    let help = desk.call(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["run", "check", "list", "doctor"] {
        assert!(help.out.contains(command), "{command} is not in\n{}", help.out);
    }
    for hidden in ["engine", "node "] {
        assert!(
            !help.out.contains(hidden),
            "{hidden} is not typed by people:\n{}",
            help.out
        );
    }
    assert_eq!(desk.call(&["--version"]).code, 0);
}

const HISTORY: &str = r#"{"t":1,"type":"invoke","process":0,"f":"write","key":"k","value":1}
{"t":2,"type":"ok","process":0,"f":"write","key":"k","value":1}
{"t":3,"type":"invoke","process":0,"f":"read","key":"k","value":null}
{"t":4,"type":"ok","process":0,"f":"read","key":"k","value":1}
"#;

#[test]
fn a_valid_history_gets_a_certificate_that_is_verified_without_the_checker() {
    let desk = Desk::new();
    desk.write("history.jsonl", HISTORY);
    let checked = desk.call(&["check", "history.jsonl"]);
    assert_eq!((checked.code, checked.err.as_str()), (0, ""));
    assert!(
        checked
            .out
            .starts_with("VALID  history.jsonl: 2 operations on 1 keys as register"),
        "{}",
        checked.out
    );
    assert!(
        checked.out.contains("history.jsonl.certificate"),
        "{}",
        checked.out
    );
    let verified = desk.call(&["verify", "history.jsonl"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    assert!(
        verified
            .out
            .starts_with("HOLDS  history.jsonl: 2 operations on 1 keys as register"),
        "{}",
        verified.out
    );
    let text = fs::read_to_string(desk.path().join("history.jsonl.certificate")).expect("check left it");
    let other = desk.write("other", &text.replace("[0,1]", "[1,0]"));
    let doubted = desk.call(&["verify", "history.jsonl", &other.display().to_string()]);
    assert_eq!(doubted.code, 1, "{}{}", doubted.out, doubted.err);
    assert!(doubted.out.starts_with("DOES NOT HOLD"), "{}", doubted.out);
    desk.write("torn", &text[..text.len() / 2]);
    desk.call(&["verify", "history.jsonl", "torn"])
        .is_sentence(BAD_ARGUMENTS, &["torn line "]);
    desk.call(&["verify", "history.jsonl", "nowhere"])
        .is_sentence(BAD_ARGUMENTS, &["nowhere", "tribunal check"]);
}

#[test]
fn a_certificate_is_left_where_it_is_wanted() {
    let desk = Desk::new();
    desk.write("history.jsonl", HISTORY);
    assert_eq!(
        desk.call(&["check", "history.jsonl", "--certificate", "none"])
            .code,
        0
    );
    assert!(!desk.path().join("history.jsonl.certificate").exists());
    assert_eq!(
        desk.call(&["check", "history.jsonl", "--certificate", "here"])
            .code,
        0
    );
    assert!(desk.path().join("here").is_file());
    let lost = desk.call(&["check", "history.jsonl", "--certificate", "no/such/folder"]);
    assert_eq!(lost.code, 0, "the history is valid all the same");
    assert!(lost.out.contains("not left at no/such/folder"), "{}", lost.out);
    desk.write("verdicts.tsv", "history.jsonl\tok\n");
    assert_eq!(
        desk.call(&["check", "--expect", "verdicts.tsv"]).out,
        "1 of 1 histories are as expected\n"
    );
    assert!(!desk.path().join("history.jsonl.certificate").exists());
}

#[test]
fn an_invalid_history_is_drawn_in_the_terminal_and_on_a_page() {
    let desk = Desk::new();
    desk.write(
        "history.jsonl",
        &HISTORY.replace(
            "\"f\":\"read\",\"key\":\"k\",\"value\":1",
            "\"f\":\"read\",\"key\":\"k\",\"value\":null",
        ),
    );
    let checked = desk.call(&["check", "history.jsonl", "--report", "report.html"]);
    assert_eq!(checked.code, 1, "{}{}", checked.out, checked.err);
    for line in ["> 0  write 1      |", "> 0  read = null "] {
        assert!(checked.out.contains(line), "{line:?} is not in\n{}", checked.out);
    }
    assert!(
        !checked.out.contains('\x1b'),
        "colours are for terminals:\n{}",
        checked.out
    );
    let page = fs::read_to_string(desk.path().join("report.html")).expect("check wrote it");
    for part in [
        "<!doctype html>",
        "stale-read",
        "<svg ",
        "write 1",
        "read = null",
        "</html>",
    ] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    for elsewhere in ["http://", "https://", "src=", "<script"] {
        assert!(!page.contains(elsewhere), "{elsewhere} is loaded by\n{page}");
    }
}

#[test]
fn the_doctor_says_that_all_is_well_or_what_is_missing_and_how_to_enable_it() {
    let said = Desk::new().call(&["doctor"]);
    if said.code == 0 {
        assert!(said.out.contains("can run trials"), "{}", said.out);
        assert!(!said.out.contains("MISSING"), "{}", said.out);
    } else {
        assert_eq!(said.code, HARNESS_FAILURE, "{}{}", said.out, said.err);
        assert!(
            said.out.contains("MISSING") && said.out.contains("to enable it: "),
            "{}",
            said.out
        );
    }
}

#[test]
fn a_hidden_command_typed_by_hand_says_what_it_misses() {
    let desk = Desk::new();
    let no_run = desk.call(&["engine", "no/such/run", "--started-ns", "0", "--progress", "none"]);
    no_run.is_sentence(HARNESS_FAILURE, &["no/such/run"]);
    let place = ["--data", "d", "--events", "e", "--seed", "1"];
    let nowhere = desk.call(
        &[
            &["node", "pb", "--name", "n1", "--peer", "n2=10.0.0.2:7000"][..],
            &place,
        ]
        .concat(),
    );
    nowhere.is_sentence(BAD_ARGUMENTS, &["n1"]);
    desk.call(
        &[
            &["node", "pb", "--name", "n1", "--peer", "n1=nowhere"][..],
            &place,
        ]
        .concat(),
    )
    .is_usage(&["nowhere"]);
    desk.call(&["lab-init"]).is_not_played();
    assert!(desk.is_empty());
}

impl Said {
    fn is_not_played(&self) {
        assert_eq!(self.code, HARNESS_FAILURE);
        assert!(self.err.contains("cannot be played alone"), "{}", self.err);
    }
}

/// A line of an instance log.
fn instance(word: &str, data: &str, seq: u64) -> String {
    format!("{word} Instance[{data}] in seq {seq} at 1766000000000\n")
}

#[test]
fn instance_logs_are_judged_by_their_rules_the_last_position_included() {
    let desk = Desk::new();
    let both = |data: &str, seq| instance("generate", data, seq) + &instance("commit", data, seq);
    let write = |rank: u64, text: String| {
        fs::write(desk.path().join(format!("instancelog{rank}.log")), text).expect("the folder is there");
    };
    write(0, both("a", 0) + &both("b", 1));
    write(1, instance("commit", "a", 0));
    let said = desk.call(&["check", "--model", "log", "."]);
    assert_eq!(
        (said.code, said.out.matches("\npass\n").count()),
        (0, 2),
        "{}{}",
        said.out,
        said.err
    );
    assert!(
        said.out
            .contains("node 0 commits 2 times\nnode 1 commits 1 times\n"),
        "{}",
        said.out
    );

    write(1, instance("commit", "a", 0) + &both("c", 1));
    let said = desk.call(&["check", "--model", "log", "instancelog0.log", "instancelog1.log"]);
    assert_eq!(
        (said.code, said.out.contains("not pass\n  in seq 1 ")),
        (1, true),
        "{}{}",
        said.out,
        said.err
    );

    write(1, "commit something\n".to_owned());
    assert_eq!(desk.call(&["check", "--model", "log", "."]).code, 254);
}

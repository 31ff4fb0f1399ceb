//! The journal: what is written is read back, and what is wrong with it is told in one sentence with the line.

use histories::format::{self, Format};
use histories::history::{Ending, History, PRECONDITION_FAILED, Parsed, Time};
use histories::journal::{FaultEdge, Journal, Phase};
use histories::op::{Completion, Function, Invocation, Key, Outcome, Process};
use histories::values::Datum;
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use serde_json::{Value, json};

fn invocation(process: u64, f: Function, value: Value) -> Invocation {
    Invocation {
        process: Process(process),
        f,
        key: Key::from("k1"),
        value,
    }
}

fn completion(process: u64, outcome: Outcome) -> Completion {
    Completion {
        process: Process(process),
        outcome,
    }
}

/// A journal with a line of every kind.
fn journal() -> std::io::Result<String> {
    let write = invocation(0, Function::Write, json!(5));
    let cas = invocation(1, Function::Cas, json!([5, 6]));
    let silent = invocation(1, Function::Cas, json!([6, 7]));
    let read = invocation(1, Function::Read, Value::Null);
    let fault = FaultEdge {
        fault: 1,
        name: "start-partition".to_owned(),
        phase: Phase::Begin,
        value: json!({"nodes": ["n1"]}),
        verified: Some(true),
    };
    let fail = |saw| Outcome::Fail {
        error: PRECONDITION_FAILED.to_owned(),
        saw,
    };
    let mut bytes = Vec::new();
    let mut journal = Journal::create(&mut bytes, 7, &json!({"system": "pb"}))?;
    journal.invoke(1, &write, Some("n1"))?;
    journal.fault(2, &fault)?;
    journal.invoke(3, &cas, None)?;
    journal.complete(4, &cas, &completion(1, fail(Some(json!(4)))))?;
    journal.complete(
        4,
        &write,
        &completion(
            0,
            Outcome::Info {
                error: "timeout".to_owned(),
            },
        ),
    )?;
    journal.invoke(5, &silent, Some("n2"))?;
    journal.complete(6, &silent, &completion(1, fail(None)))?;
    journal.invoke(7, &read, Some("n2"))?;
    journal.complete(8, &read, &completion(1, Outcome::Ok(json!([1, "t\"2", null]))))?;
    journal.flush()?;
    Ok(String::from_utf8(bytes).expect("JSON is UTF-8"))
}

#[test]
fn the_journal_is_written_as_the_contract_says() {
    let expected = r#"{"format":1,"seed":7,"test":{"system":"pb"}}
{"i":0,"t":1,"type":"invoke","process":0,"f":"write","key":"k1","value":5,"error":null,"node":"n1"}
{"i":1,"t":2,"type":"info","process":"nemesis","f":"start-partition","fault":1,"phase":"begin","value":{"nodes":["n1"]},"verified":true}
{"i":2,"t":3,"type":"invoke","process":1,"f":"cas","key":"k1","value":[5,6],"error":null}
{"i":3,"t":4,"type":"fail","process":1,"f":"cas","key":"k1","value":[5,6],"error":"precondition-failed","saw":4}
{"i":4,"t":4,"type":"info","process":0,"f":"write","key":"k1","value":5,"error":"timeout"}
{"i":5,"t":5,"type":"invoke","process":1,"f":"cas","key":"k1","value":[6,7],"error":null,"node":"n2"}
{"i":6,"t":6,"type":"fail","process":1,"f":"cas","key":"k1","value":[6,7],"error":"precondition-failed"}
{"i":7,"t":7,"type":"invoke","process":1,"f":"read","key":"k1","value":null,"error":null,"node":"n2"}
{"i":8,"t":8,"type":"ok","process":1,"f":"read","key":"k1","value":[1,"t\"2",null],"error":null}
"#;
    assert_eq!(journal().unwrap(), expected);
}

#[test]
fn what_was_written_is_read_back() {
    let Parsed {
        history,
        warnings,
        header,
    } = History::parse(journal().unwrap().as_bytes(), "journal.jsonl").unwrap();
    assert_eq!(warnings, []);
    let header = header.unwrap();
    assert_eq!((header.seed, header.test), (Some(7), json!({"system": "pb"})));
    let nemesis: Vec<(u64, Time, String)> = history
        .nemesis()
        .map(|(index, t, nemesis)| (index.0, t, nemesis.f.clone()))
        .collect();
    assert_eq!(nemesis, [(1, Time(2), "start-partition".to_owned())]);
    let operations: Vec<_> = history.operations().iter().collect();
    let [write, cas, silent, read] = operations[..] else {
        panic!("{:?}", history.operations())
    };
    assert_eq!(
        (write.index.0, write.call, write.ret, write.completed),
        (0, Time(1), None, Some(Time(4)))
    );
    assert!(matches!(write.ending, Ending::Info { .. }));
    let Ending::Fail {
        error,
        saw: Some(Datum::One(saw)),
    } = cas.ending
    else {
        panic!("{cas:?}")
    };
    assert_eq!(
        (error, history.values().get(saw)),
        (PRECONDITION_FAILED, json!(4))
    );
    assert!(matches!(silent.ending, Ending::Fail { saw: None, .. }));
    assert_eq!(
        history.values().json(read.answer().unwrap()),
        json!([1, "t\"2", null])
    );
    assert_eq!(read.ret, Some(Time(8)));
}

/// What is said about a journal of these lines.
fn check(lines: &[&str], expected: &str) {
    let told = match History::parse(lines.join("\n").as_bytes(), "journal.jsonl") {
        Err(error) => error.to_string(),
        Ok(parsed) => {
            let warnings: Vec<String> = parsed.warnings.iter().map(ToString::to_string).collect();
            format!(
                "{} operations; {}",
                parsed.history.operations().len(),
                warnings.join("; ")
            )
        }
    };
    assert_eq!(told, expected, "{lines:#?}");
}

const ASK: &str = r#"{"t":1,"type":"invoke","process":3,"f":"write","value":5}"#;
const OK: &str = r#"{"t":2,"type":"ok","process":3,"f":"write","value":5}"#;

#[test]
fn defects_are_told_with_their_line() {
    let line =
        |text: &str, expected: &str| check(&[ASK, text, OK], &format!("journal.jsonl line 2: {expected}"));
    line(
        OK.replace("ok", "okay").as_str(),
        "unknown type `okay`; known are invoke, ok, fail, info",
    );
    line(OK.replace("\"f\"", "\"g\"").as_str(), "unknown field `g`");
    line(
        OK.replace("write", "wriite").as_str(),
        "unknown function `wriite`; known are read, write, cas, append, acquire, release, enqueue, dequeue, add, remove, \
         contains, inc, put, get",
    );
    line(
        OK.replace('3', "4").as_str(),
        "completion of process 4 without its invocation",
    );
    line(
        ASK,
        "second invocation of process 3, which still waits for its write of line 1",
    );
    line(
        OK.replace("write", "read").as_str(),
        "process 3 completes a read but invoked a write in line 1",
    );
}

#[test]
fn odd_fields_are_told_with_their_line() {
    let line = |text: &str, expected: &str| {
        check(&[ASK, text, OK], &format!("journal.jsonl line 2: {expected}"));
    };
    line(
        OK.replace("\"value\"", "\"key\":\"k\",\"value\"").as_str(),
        "process 3 completes a write of k but invoked a write in line 1",
    );
    line(OK.replace('2', "0").as_str(), "time runs backwards, from 1 to 0");
    line(
        OK.replace('2', "-2").as_str(),
        "the field `t` must be a whole number that is not negative",
    );
    line(
        OK.replace('2', "2.5").as_str(),
        "the field `t` must be a whole number that is not negative",
    );
    line(OK.replace("\"t\":2,", "").as_str(), "the field `t` is missing");
    line(
        OK.replace("\"type\":\"ok\",", "").as_str(),
        "the field `type` is missing",
    );
    line(
        OK.replace('3', "\"x\"").as_str(),
        "the field `process` must be a whole number, or \"nemesis\"",
    );
    line(
        OK.replace("\"ok\"", "7").as_str(),
        "the field `type` must be a string",
    );
    line(
        OK.replace("\"value\"", "\"key\":[1],\"value\"").as_str(),
        "the field `key` must be a string or a whole number",
    );
    line(
        OK.replace("\"t\"", "\"i\":0,\"t\"").as_str(),
        "the index 0 follows 0",
    );
    line("[1]", "a line must be a JSON object");
    line(
        "{\"t\":1",
        "not a whole JSON line: EOF while parsing an object at column 6",
    );
    line("{\"format\":1}", "a second header: two journals in one file");
    line(
        OK.replace("\"t\"", "\"format\":1,\"t\"").as_str(),
        "unknown field `format`",
    );
    line(
        r#"{"t":2,"type":"info","process":"nemesis"}"#,
        "the field `f` is missing",
    );
}

#[test]
fn an_unknown_version_is_refused() {
    check(
        &[r#"{"format":2,"seed":1}"#, ASK],
        "journal.jsonl line 1: format version 2 is not known; this program reads version 1",
    );
}

#[test]
fn a_torn_last_line_is_a_warning() {
    let torn = "1 operations; journal.jsonl line 3: the last line is torn; everything before it is used";
    check(&[ASK, OK, "{\"t\":3,\"type\""], torn);
    check(&[ASK, OK, "{\"t\":3,\"type\"", ""], torn);
    check(&[ASK, OK, "\0\0\0\0"], torn);
    check(&[ASK, OK], "1 operations; ");
    check(&[ASK, OK, "", " "], "1 operations; ");
}

#[test]
fn the_nemesis_may_say_what_it_likes() {
    let line = r#"{"t":1,"type":"info","process":"nemesis","f":"pause","colour":"red"}"#;
    check(&[ASK, line, OK], "1 operations; ");
}

#[test]
fn a_process_that_was_told_nothing_may_ask_again() {
    check(
        &[
            ASK,
            OK.replace("ok", "info").as_str(),
            ASK.replace("\"t\":1", "\"t\":3").as_str(),
        ],
        "2 operations; ",
    );
}

#[test]
fn an_empty_journal_is_an_empty_history() {
    check(&[""], "0 operations; ");
    check(&["{\"format\":1}"], "0 operations; ");
}

/// Whole journals with bytes changed, cut out and put in.
fn mangled(edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    edited(journal().expect("memory takes everything").into_bytes(), edits)
}

fn edited(mut bytes: Vec<u8>, edits: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    for (place, action, byte) in edits {
        let at = place.index(bytes.len());
        match action % 3 {
            0 => bytes[at] = *byte,
            1 => drop(bytes.remove(at)),
            _ => bytes.insert(at, *byte),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for format in Format::ALL {
            drop(format::read(&bytes[..], "bytes", format));
        }
    }

    #[test]
    fn no_mangled_file_makes_a_reader_panic(
        file in prop::sample::select(&["etcd.log", "kv.txt", "jepsen-append.edn", "append.jsonl", "register.certificate"][..]),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 1..6)
    ) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
        let bytes = edited(std::fs::read(path).expect("it is there"), &edits);
        for format in Format::ALL {
            if let Err(error) = format::read(&bytes[..], "bytes", format) {
                assert!(!error.to_string().contains('\n'), "{error}");
            }
        }
        drop(format::certificate::read(&bytes[..], "bytes"));
    }

    #[test]
    fn no_mangled_journal_makes_the_readers_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), prop::sample::select(&b"{}[]\":,0n \\\n"[..])), 1..6)
    ) {
        let bytes = mangled(&edits);
        if let Err(error) = History::parse(&bytes[..], "journal.jsonl") {
            let sentence = error.to_string();
            assert!(sentence.starts_with("journal.jsonl line "), "{sentence}");
            assert!(!sentence.contains('\n'), "{sentence}");
        }
    }
}

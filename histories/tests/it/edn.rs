//! Jepsen's form: what is written is read back, and defects are told with their line.

use histories::format::{Format, edn, read, write};
use histories::history::{History, Operation};
use histories::verify::verify;
use histories::{Checker, Limits, Linearizable, ModelName, Verdict};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

const JOURNAL: &str = r#"{"format":1,"seed":7,"test":{}}
{"i":0,"t":1,"type":"invoke","process":0,"f":"append","key":"k1","value":"t\"9","error":null,"node":"n1"}
{"i":1,"t":2,"type":"info","process":"nemesis","f":"start-partition","fault":1,"phase":"begin","value":{"cut":[["n1","n2"]]},"verified":true}
{"i":2,"t":3,"type":"ok","process":0,"f":"append","key":"k1","value":"t\"9","error":null}
{"i":3,"t":4,"type":"invoke","process":0,"f":"read","key":"k1","value":null,"error":null}
{"i":4,"t":5,"type":"ok","process":0,"f":"read","key":"k1","value":["t\"9"],"error":null}
{"i":5,"t":6,"type":"invoke","process":1,"f":"cas","key":"k2","value":[1,null],"error":null}
{"i":6,"t":7,"type":"fail","process":1,"f":"cas","key":"k2","value":[1,null],"error":"precondition-failed","saw":2.5}
{"i":7,"t":8,"type":"invoke","process":1,"f":"cas","value":[3,4],"error":null}
{"i":8,"t":9,"type":"info","process":1,"f":"cas","value":[3,4],"error":"no answer: timeout"}
"#;

const EDN: &str = r#"{:index 0, :type :invoke, :f :append, :value ["k1" "t\"9"], :process 0, :time 1, :node "n1"}
{:index 1, :type :info, :f :start-partition, :value {:cut [["n1" "n2"]]}, :process :nemesis, :time 2}
{:index 2, :type :ok, :f :append, :value ["k1" "t\"9"], :process 0, :time 3}
{:index 3, :type :invoke, :f :read, :value ["k1" nil], :process 0, :time 4}
{:index 4, :type :ok, :f :read, :value ["k1" ["t\"9"]], :process 0, :time 5}
{:index 5, :type :invoke, :f :cas, :value ["k2" [1 nil]], :process 1, :time 6}
{:index 6, :type :fail, :f :cas, :value ["k2" [1 nil]], :process 1, :time 7, :error :precondition-failed, :saw 2.5}
{:index 7, :type :invoke, :f :cas, :value [3 4], :process 1, :time 8}
{:index 8, :type :info, :f :cas, :value [3 4], :process 1, :time 9, :error "no answer: timeout"}
"#;

#[test]
fn a_journal_is_exported_as_jepsen_writes_histories() {
    let mut out = Vec::new();
    let warnings = edn::export(JOURNAL.as_bytes(), "journal.jsonl", &mut out).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(String::from_utf8(out).unwrap(), EDN);
}

/// The operations with their values as JSON, since each history numbers its values anew.
fn operations(history: &History) -> Vec<String> {
    let values = history.values();
    let show = |operation: Operation<'_>| {
        let Operation {
            index,
            process,
            f,
            key,
            value,
            call,
            ret,
            completed,
            ending,
            ..
        } = operation;
        let answer = operation.answer().map(|answer| values.json(answer));
        let ending = match ending {
            histories::history::Ending::Fail { error, saw } => {
                format!("{error} {:?}", saw.as_ref().map(|saw| values.json(saw)))
            }
            other => format!("{other:?}")
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect(),
        };
        format!(
            "{index:?} {process} {f} {key:?} {} {call:?} {ret:?} {completed:?} {answer:?} {ending}",
            values.json(value)
        )
    };
    history.operations().iter().map(show).collect()
}

#[test]
fn what_was_exported_is_read_back() {
    let ours = History::parse(JOURNAL.as_bytes(), "journal.jsonl")
        .unwrap()
        .history;
    let theirs = read(EDN.as_bytes(), "history.edn", Format::Auto).unwrap().history;
    assert_eq!(operations(&theirs), operations(&ours));
    assert_eq!(theirs.nemesis().count(), 1);
}

fn check(text: &str, expected: &str) {
    let told = match read(text.as_bytes(), "history.edn", Format::Edn) {
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
    assert_eq!(told, expected, "{text}");
}

#[test]
fn defects_are_told_with_their_line() {
    let ask = "{:type :invoke, :f :write, :value 1, :process 0}\n";
    let line = |text: &str, expected: &str| {
        check(
            &format!("{ask}{text}\n{ask}"),
            &format!("history.edn line 2: {expected}"),
        );
    };
    line(
        "{:type :okay, :f :write, :process 0}",
        "unknown type `okay`; known are invoke, ok, fail, info",
    );
    line(
        "{:type :ok, :f :write, :process 1}",
        "completion of process 1 without its invocation",
    );
    line("{:type :ok, :f :write}", "the field `process` is missing");
    line(
        "{:type :ok, :f :write, :process -1}",
        "the field `process` must be a whole number or a keyword",
    );
    line(
        "{:type :ok, :f :read, :process 0}",
        "process 0 completes a read but invoked a write in line 1",
    );
    line(
        "{:type :ok, :f :write, :process 0 :time}",
        "a map has a key without a value",
    );
    line("7", "an event must be a map");
    line(
        ask.trim(),
        "second invocation of process 0, which still waits for its write of line 1",
    );
    check(
        "{:type :invoke, :f :drain, :process 0}",
        &format!(
            "history.edn line 1: unknown function `drain`; known are {}",
            histories::Function::ALL.map(histories::Function::name).join(", ")
        ),
    );
    check(
        "{:type :invoke, :f :read, :process 0, :time 5}\n{:type :ok, :f :read, :process 0, :time 4}",
        "history.edn line 2: time runs backwards, from 5 to 4",
    );
    check(
        "{:type :invoke, :f :read, :process 0, :time 5}\n{:type :ok, :f :read, :process 0}",
        "history.edn line 2: the field `time` is missing",
    );
}

#[test]
fn a_torn_end_is_a_warning() {
    let ask = "{:type :invoke, :f :write, :value 1, :process 0}\n";
    let torn = "1 operations; history.edn line 2: the last event is torn; everything before it is used";
    check(&format!("{ask}{{:type :ok, :f :wri"), torn);
    check(&format!("{ask}{{:type :ok, :error \"no"), torn);
}

#[test]
fn an_event_may_stand_on_several_lines() {
    check(
        "{:type :invoke,\n :f :write,\n :value 1 ; one\n :process 0}\n{:type :ok, :f :write, :process 0}",
        "1 operations; ",
    );
}

#[test]
fn a_history_without_times_is_an_order() {
    let text = "{:type :invoke, :f :read, :process 0}\n{:type :ok, :f :read, :process 0}";
    let history = read(text.as_bytes(), "history.edn", Format::Auto)
        .unwrap()
        .history;
    assert_eq!(history.clock(), histories::history::Clock::Ranks);
}

/// What a history of Jepsen's comes to, as the model that knows its operations.
fn judged(text: &str) -> String {
    let history = read(text.as_bytes(), "history.edn", Format::Auto)
        .unwrap_or_else(|error| panic!("{error}\n{text}"))
        .history;
    let model = ModelName::of(&history).expect("a model knows them all");
    let report = Linearizable::new(model).check(&history, &Limits::patient());
    match report.verdict {
        Verdict::Valid => {
            verify(&history, model, &report.certificates).expect("the certificate holds");
            format!("{model}: valid, {} keys", report.checked_keys)
        }
        other => format!("{model}: {}", other.name()),
    }
}

/// An operation, asked and answered, by a process of its own.
fn op(process: u64, f: &str, asked: &str, answered: &str) -> String {
    format!(
        "{{:type :invoke, :f {f}, :value {asked}, :process {process}}}\n{{:type :ok, :f {f}, :value {answered}, :process {process}}}\n"
    )
}

#[test]
fn jepsens_histories_of_every_sort_are_judged() {
    let set = op(0, ":add", "1", "1") + &op(1, ":add", "2", "2") + &op(0, ":read", "nil", "#{1 2}");
    assert_eq!(judged(&set), "set: valid, 1 keys");
    assert_eq!(judged(&set.replace("#{1 2}", "[2]")), "set: invalid");
    let keyed = op(0, ":add", "[\"a\" 1]", "[\"a\" 1]")
        + &op(1, ":add", "[7 2]", "[7 2]")
        + &op(0, ":read", "[7 nil]", "[7 #{2}]");
    assert_eq!(judged(&keyed), "set: valid, 2 keys");
    let counter = op(0, ":add", "1", "1") + &op(1, ":add", "-3", "-3") + &op(0, ":read", "nil", "-2");
    assert_eq!(judged(&counter), "counter: valid, 1 keys");
    assert_eq!(
        judged(&counter.replace(":value -2", ":value 1")),
        "counter: invalid"
    );
    let lock =
        op(0, ":acquire", "nil", "nil") + &op(0, ":release", "nil", "nil") + &op(1, ":acquire", "nil", "nil");
    assert_eq!(judged(&lock), "lock: valid, 1 keys");
    assert_eq!(
        judged(&(lock + &op(2, ":acquire", "nil", "nil"))),
        "lock: invalid"
    );
    let queue = op(0, ":enqueue", "1", "1") + &op(0, ":enqueue", "2", "2") + &op(1, ":dequeue", "nil", "1");
    assert_eq!(judged(&queue), "queue: valid, 1 keys");
    assert_eq!(
        judged(&queue.replace(
            "nil, :process 1}\n{:type :ok, :f :dequeue, :value 1",
            "nil, :process 1}\n{:type :ok, :f :dequeue, :value 2"
        )),
        "queue: invalid"
    );
}

#[test]
fn transactions_of_one_operation_are_that_operation() {
    let list =
        op(0, ":txn", "[[:append 3 1]]", "[[:append 3 1]]") + &op(1, ":txn", "[[:r 3 nil]]", "[[:r 3 [1]]]");
    assert_eq!(judged(&list), "append: valid, 1 keys");
    assert_eq!(judged(&list.replace("[1]", "[]")), "append: invalid");
    let register = op(0, ":txn", "[[:w x 1]]", "[[:w x 1]]") + &op(1, ":txn", "[[:r x nil]]", "[[:r x 1]]");
    assert_eq!(judged(&register), "register: valid, 1 keys");
    check(
        "{:type :invoke, :f :txn, :value [[:r 3 nil] [:r 4 nil]], :process 0}",
        "history.edn line 1: a transaction of 2 operations; only those of a single one are read",
    );
}

/// The operations of the history in `text` without the numbers of their lines.
fn plain(text: &[u8], form: Format) -> Vec<String> {
    let history = read(text, "file", form)
        .unwrap_or_else(|error| panic!("{error}"))
        .history;
    let tell = |told: String| {
        told.split_once(") ")
            .map(|(_, rest)| rest.to_owned())
            .expect("the index comes first")
    };
    operations(&history).into_iter().map(tell).collect()
}

#[test]
fn a_history_is_the_same_in_every_form_that_can_hold_it() {
    let testdata = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    for (file, forms) in [
        ("cas.jsonl", &[Format::Jsonl, Format::Edn][..]),
        ("append.jsonl", &[Format::Jsonl, Format::Edn]),
        ("jepsen-append.edn", &[Format::Edn, Format::Jsonl]),
        ("jepsen-register.edn", &[Format::Edn, Format::Jsonl]),
        ("kv.txt", &[Format::Porcupine, Format::Edn, Format::Jsonl]),
        ("etcd.log", &[Format::Porcupine, Format::Edn, Format::Jsonl]),
    ] {
        let bytes = std::fs::read(testdata.join(file)).expect("it is there");
        let history = read(&bytes[..], file, Format::Auto).unwrap().history;
        let expected = plain(&bytes, Format::Auto);
        assert!(!expected.is_empty(), "{file}");
        for &form in forms {
            let mut out = Vec::new();
            write(&mut out, &history, form).expect("memory takes everything");
            assert_eq!(plain(&out, Format::Auto), expected, "{file} as {form}");
        }
    }
}

/// Jepsen's form has no other way to say that a pair is a value.
#[test]
fn an_array_without_a_key_is_not_taken_for_one_with() {
    let journal = r#"{"t":1,"type":"invoke","process":0,"f":"write","value":[1,2]}
{"t":2,"type":"invoke","process":1,"f":"cas","value":[3,[4]]}
{"t":3,"type":"invoke","process":2,"f":"cas","value":[3,4]}
{"t":4,"type":"ok","process":0,"f":"write","value":[1,2]}
"#;
    let history = History::parse(journal.as_bytes(), "journal").unwrap().history;
    let mut out = Vec::new();
    write(&mut out, &history, Format::Edn).unwrap();
    assert_eq!(plain(&out, Format::Edn), plain(journal.as_bytes(), Format::Jsonl));
    assert_eq!(String::from_utf8(out).unwrap().matches(":key nil").count(), 3);
}

#[test]
fn a_journal_behind_a_byte_order_mark_is_exported() {
    let journal = format!("\u{feff}{JOURNAL}");
    let exported = |journal: &str| {
        let mut out = Vec::new();
        edn::export(journal.as_bytes(), "journal", &mut out).unwrap();
        out
    };
    assert_eq!(exported(&journal), exported(JOURNAL));
}

#[test]
fn a_key_is_not_taken_for_what_a_compare_and_set_expects() {
    let journal = r#"{"t":1,"type":"invoke","process":0,"f":"cas","key":"k","value":"no pair"}
{"t":2,"type":"invoke","process":1,"f":"cas","key":"k","value":[3,4]}
"#;
    let history = History::parse(journal.as_bytes(), "journal").unwrap().history;
    let mut out = Vec::new();
    write(&mut out, &history, Format::Edn).unwrap();
    assert_eq!(plain(&out, Format::Edn), plain(journal.as_bytes(), Format::Jsonl));
}

#[test]
fn a_form_that_cannot_hold_a_history_says_so() {
    let history = History::parse(JOURNAL.as_bytes(), "journal.jsonl")
        .unwrap()
        .history;
    let error = write(Vec::new(), &history, Format::Porcupine).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a log of Porcupine's is about one register, or about strings"
    );
}

#[test]
fn increments_are_written_as_jepsens_counters_add() {
    let journal = r#"{"t":1,"type":"invoke","process":0,"f":"inc","key":"k","value":2}
{"t":2,"type":"ok","process":0,"f":"inc","key":"k","value":2}
"#;
    let mut out = Vec::new();
    edn::export(journal.as_bytes(), "journal.jsonl", &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(
        text.starts_with("{:index 0, :type :invoke, :f :add, :value [\"k\" 2]"),
        "{text}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_mangled_history_makes_the_reader_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), prop::sample::select(&b"{}[]()#_\":,;0n \\\n"[..])), 1..6)
    ) {
        let mut bytes = EDN.as_bytes().to_vec();
        for (place, replaces, byte) in edits {
            let at = place.index(bytes.len());
            if replaces { bytes[at] = byte } else { bytes.insert(at, byte) }
        }
        if let Err(error) = read(&bytes[..], "history.edn", Format::Edn) {
            let sentence = error.to_string();
            assert!(sentence.starts_with("history.edn line "), "{sentence}");
        }
    }
}

//! What must hold of any bytes that are read as a history.

use histories::format::{Format, edn, read, write};
use histories::history::Ending;
use histories::verify::verify;
use histories::{Checker, Function, History, Limits, Linearizable, ModelName, Operation, Verdict};

/// Longer histories are not judged: this is about readers.
const OPERATIONS_MAX: usize = 12;

/// The bytes are read, or refused in one sentence with the file's name and the line; what was read is judged, and is the same history
/// when it was written and read again.
pub fn survives(bytes: &[u8], format: Format) {
    let history = match read(bytes, "bytes", format) {
        Ok(parsed) => parsed.history,
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("bytes line "), "{sentence}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            return;
        }
    };
    for form in [Format::Jsonl, Format::Edn, Format::Porcupine] {
        comes_back(&history, form);
    }
    if format == Format::Jsonl {
        edn::export(bytes, "bytes", Vec::new()).expect("what can be read can be exported");
    }
    is_judged(&history);
}

/// Written in this form, where it can hold the history, and read again it is the same.
fn comes_back(history: &History, form: Format) {
    let mut text = Vec::new();
    if write(&mut text, history, form).is_err() {
        return;
    }
    let again = read(&text[..], "again", form)
        .unwrap_or_else(|error| panic!("{error}\n{}", String::from_utf8_lossy(&text)))
        .history;
    // A log of Porcupine's has no place for reasons, for what a compare-and-set saw, and for the name of a register; and Jepsen's counters
    // add as its sets do.
    let told = |history| operations(history, form);
    assert_eq!(told(&again), told(history), "{form}: {}", String::from_utf8_lossy(&text));
}

fn operations(history: &History, form: Format) -> Vec<String> {
    let values = history.values();
    let told = |operation: Operation<'_>| {
        let ending = match operation.ending {
            Ending::Ok(answer) => format!("ok {}", values.json(answer)),
            Ending::Fail { .. } if form == Format::Porcupine => "fail".to_owned(),
            Ending::Fail { error, saw } => format!("fail {error} {:?}", saw.map(|saw| values.json(saw))),
            Ending::Info { .. } | Ending::Unfinished => "unknown".to_owned(),
        };
        let f = match (operation.f, form) {
            (Function::Inc, Format::Edn) => Function::Add,
            (f, _) => f,
        };
        let key = operation.key.filter(|_| form != Format::Porcupine);
        format!("{} {f} {key:?} {} {ending}", operation.process, values.json(operation.value))
    };
    history.operations().iter().map(told).collect()
}

/// A short history is judged, and a certificate holds.
fn is_judged(history: &History) {
    let Some(model) = ModelName::of(history).filter(|_| history.operations().len() <= OPERATIONS_MAX) else {
        return;
    };
    let report = Linearizable::new(model).check(history, &Limits::patient());
    if report.verdict == Verdict::Valid {
        verify(history, model, &report.certificates).expect("a certificate of the checker holds");
    }
}

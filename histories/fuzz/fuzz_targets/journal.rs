//! Any bytes as a journal: it is read or refused, what was read is judged and certified, and the export can be read back.
#![no_main]

use histories::format::{Format, edn, read};
use histories::verify::verify;
use histories::{Checker, Limits, Linearizable, ModelName, Verdict};
use libfuzzer_sys::fuzz_target;

/// Longer histories are not judged: this is about readers.
const OPERATIONS_MAX: usize = 12;

fuzz_target!(|bytes: &[u8]| {
    let Ok(parsed) = read(bytes, "bytes", Format::Jsonl) else { return };
    let mut exported = Vec::new();
    edn::export(bytes, "bytes", &mut exported).expect("what can be read can be exported");
    let history = parsed.history;
    let Some(model) = ModelName::of(&history).filter(|_| history.operations().len() <= OPERATIONS_MAX) else {
        return;
    };
    let report = Linearizable::new(model).check(&history, &Limits::patient());
    if report.verdict == Verdict::Valid {
        verify(&history, model, &report.certificates).expect("a certificate of the checker holds");
    }
});

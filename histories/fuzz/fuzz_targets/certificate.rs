//! Any bytes as a certificate: it is refused, or verified against a small history without a panic; whatever holds is an order in time.
#![no_main]

use histories::format::certificate;
use histories::history::OperationId;
use histories::verify::verify;
use histories::{History, ModelName};
use libfuzzer_sys::fuzz_target;

/// Write 2 must come before the read and write 1, which it overlaps, before write 2: there is one order.
const JOURNAL: &str = r#"{"t":1,"type":"invoke","process":0,"f":"write","key":"k","value":1}
{"t":2,"type":"invoke","process":1,"f":"write","key":"k","value":2}
{"t":3,"type":"ok","process":0,"f":"write","key":"k","value":1}
{"t":4,"type":"invoke","process":0,"f":"read","key":"k","value":null}
{"t":5,"type":"ok","process":0,"f":"read","key":"k","value":2}
"#;

fuzz_target!(|bytes: &[u8]| {
    let certified = match certificate::read(bytes, "bytes") {
        Ok(certified) => certified,
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("bytes line "), "{sentence}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            return;
        }
    };
    let mut written = Vec::new();
    certificate::write(&mut written, certified.model, certified.operations, &certified.certificates)
        .expect("memory takes everything");
    assert_eq!(certificate::read(&written[..], "written").as_ref(), Ok(&certified));
    let history = History::parse(JOURNAL.as_bytes(), "journal").expect("it is well formed").history;
    if verify(&history, certified.model, &certified.certificates).is_ok() {
        assert!(matches!(certified.model, ModelName::Register | ModelName::CasRegister));
        let [certificate] = &certified.certificates[..] else { panic!("a history of one key") };
        assert_eq!(certificate.order, [0, 1, 2].map(OperationId));
    }
});

//! Any bytes as a certificate: it is refused, or verified against a small history without a panic.
#![no_main]

use histories::History;
use histories::format::certificate;
use histories::verify::verify;
use libfuzzer_sys::fuzz_target;

const JOURNAL: &str = r#"{"t":1,"type":"invoke","process":0,"f":"write","key":"k","value":1}
{"t":2,"type":"invoke","process":1,"f":"write","key":"k","value":2}
{"t":3,"type":"ok","process":0,"f":"write","key":"k","value":1}
{"t":4,"type":"invoke","process":0,"f":"read","key":"k","value":null}
{"t":5,"type":"ok","process":0,"f":"read","key":"k","value":2}
"#;

fuzz_target!(|bytes: &[u8]| {
    let history = History::parse(JOURNAL.as_bytes(), "journal").expect("it is well formed").history;
    if let Ok(certified) = certificate::read(bytes, "bytes") {
        drop(verify(&history, certified.model, &certified.certificates));
    }
});

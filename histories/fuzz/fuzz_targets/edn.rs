//! Any bytes as a history of this form: it is read, or refused in one sentence.
#![no_main]

use histories::format::{Format, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = read(bytes, "bytes", Format::Edn) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});

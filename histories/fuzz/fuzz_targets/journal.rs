//! Any bytes as a journal.
#![no_main]

use histories::format::Format;
use histories_fuzz::survives;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| survives(bytes, Format::Jsonl));

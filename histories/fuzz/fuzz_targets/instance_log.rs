//! Any bytes as the log of a node: it is read or refused in one sentence with the line, and judged beside itself and another one.
#![no_main]

use histories::instance_log::{Agreement, InstanceLog};
use libfuzzer_sys::fuzz_target;

const OTHER: &str = "generate Instance[a] in seq 1 at 5\ncommit Instance[a] in seq 1 at 9\n";

fuzz_target!(|bytes: &[u8]| {
    let log = match InstanceLog::parse(bytes) {
        Ok(log) => log,
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("line "), "{sentence}");
            assert!(!sentence.contains(char::is_control), "{sentence:?}");
            return;
        }
    };
    let other = InstanceLog::parse(OTHER.as_bytes()).expect("it is well formed");
    let agreement = Agreement::of(&[log.clone(), log.clone(), other]);
    assert!(agreement.to_string().ends_with("end -----------------------\n"));
    // A log agrees with itself.
    assert!(Agreement::of(&[log.clone(), log]).safety.is_empty());
});

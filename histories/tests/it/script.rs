//! Histories as text, an event a second: `0 append t1` asks, `0 ok` or `0 ok [t1 t2]` answers.

use histories::History;
use histories::history::{Builder, Time};
use histories::op::{Function, Outcome};
use serde_json::{Value, json};

/// The history that the script tells, all of it about the key `k1`.
pub(crate) fn history(script: &str) -> History {
    let mut builder = History::builder();
    for (second, line) in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .enumerate()
    {
        let time = Time((second as u64 + 1) * 1_000_000_000);
        event(&mut builder, time, line).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
    builder.finish()
}

fn event(builder: &mut Builder, time: Time, line: &str) -> Result<(), histories::history::Defect> {
    let (process, rest) = line.split_once(' ').expect("a line begins with a process");
    let process = process.parse().expect("a process is a number");
    let (word, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let outcome = match word {
        "ok" => Outcome::Ok(value(rest)),
        "info" => Outcome::Info {
            error: "timeout".to_owned(),
        },
        "fail" => Outcome::Fail {
            error: "no-primary".to_owned(),
            saw: None,
        },
        "differs" => {
            let saw = (!rest.is_empty()).then(|| value(rest));
            Outcome::Fail {
                error: "precondition-failed".to_owned(),
                saw,
            }
        }
        f => {
            let f = Function::named(f).expect("a known function");
            return builder.ask(time, process, f, "k1", value(rest));
        }
    };
    builder.answer(time, process, outcome)
}

fn value(text: &str) -> Value {
    match text.strip_prefix('[') {
        Some(list) => list
            .trim_end_matches(']')
            .split_whitespace()
            .map(scalar)
            .collect(),
        None => scalar(text),
    }
}

fn scalar(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }
}

//! The last screen: what was done, what was found, where it lies, and what to type next.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use crate::store::RunFolder;
use crate::test::Test;

/// How many anomalies are shown; the others are counted.
const ANOMALIES_SHOWN: usize = 5;

/// Prints `text` on standard output, without colours where it is no terminal.
///
/// # Errors
/// When standard output cannot be written; a reader that has seen enough is no error.
pub fn print(text: &str) -> io::Result<()> {
    match anstream::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints the last screen of a run from its `results`, as JSON text.
///
/// # Errors
/// When the results are no JSON or standard output cannot be written.
pub fn verdict(results: &str, folder: &RunFolder, test: &Test) -> io::Result<()> {
    let results: Value = serde_json::from_str(results)?;
    let mut text = String::new();
    head(&mut text, &results);
    what_was_done(&mut text, &results, test);
    what_was_found(&mut text, &results);
    where_and_next(&mut text, &results, folder, test);
    print(&text)
}

fn head(text: &mut String, results: &Value) {
    let verdict = results["verdict"].as_str().unwrap_or("unknown");
    let colour = match verdict {
        "valid" => AnsiColor::Green,
        "invalid" => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let cause = results["cause"]
        .as_str()
        .map_or_else(String::new, |cause| format!(" ({cause})"));
    put(
        text,
        &format!("\n{style}{}{style:#}{cause}", verdict.to_uppercase()),
    );
    if let Some(reason) = results["reason"].as_str() {
        put(text, &format!("  {reason}"));
    }
}

fn what_was_done(text: &mut String, results: &Value, test: &Test) {
    let flaw = test
        .flaw
        .as_ref()
        .map_or_else(String::new, |flaw| format!(", told to be wrong: {flaw}"));
    put(
        text,
        &format!("\n  system    {} with {} replicas{flaw}", test.system, test.nodes),
    );
    let ops = &results["ops"];
    let per_second = ops["ok"].as_f64().unwrap_or(0.0) / test.time_limit_s;
    put(
        text,
        &format!(
            "  workload  {}: {} operations by {} clients in {} s: {} ok ({per_second:.0}/s), {} fail, {} info",
            test.workload,
            ops["invoked"],
            test.concurrency,
            test.time_limit_s,
            ops["ok"],
            ops["fail"],
            ops["info"]
        ),
    );
    put(text, &format!("  nemesis   {}", faults(results)));
    let ms = |part: &str| results["durations_ms"][part].as_f64().unwrap_or(0.0);
    put(
        text,
        &format!(
            "  time      serving after {:.0} ms, judged in {:.0} ms, gone in {:.0} ms; seed {}",
            ms("setup"),
            ms("check"),
            ms("teardown"),
            test.seed
        ),
    );
}

fn faults(results: &Value) -> String {
    let faults = results["faults"].as_array().map_or(&[][..], Vec::as_slice);
    let done: Vec<&Value> = faults.iter().filter(|fault| fault["skipped"].is_null()).collect();
    if done.is_empty() {
        return "no fault".to_owned();
    }
    let verified = done.iter().filter(|fault| fault["verified"] == true).count();
    let under: u64 = results["under_fault"].as_object().map_or(0, |by_f| {
        by_f.values().filter_map(|count| count["ok"].as_u64()).sum()
    });
    let mut line = format!(
        "{} faults, {verified} verified, {under} operations succeeded under them",
        done.len()
    );
    let skipped = faults.len() - done.len();
    if 0 < skipped {
        write!(line, "; {skipped} left out, as they would exceed the claim")
            .expect("a string takes everything");
    }
    if let Some(ns) = results["longest_unavailable_ns"].as_u64() {
        write!(line, "; longest without an answer {:.2} s", ns as f64 / 1e9)
            .expect("a string takes everything");
    }
    line
}

fn what_was_found(text: &mut String, results: &Value) {
    for checker in results["checkers"].as_array().map_or(&[][..], Vec::as_slice) {
        put(
            text,
            &format!(
                "  {:<9} {}, {} keys in {:.1} ms",
                checker["name"].as_str().unwrap_or(""),
                checker["verdict"].as_str().unwrap_or(""),
                checker["checked_keys"],
                checker["ms"].as_f64().unwrap_or(0.0)
            ),
        );
    }
    if let Some(excuse) = results["excuse"].as_str() {
        put(text, &format!("  excused   {excuse}"));
    }
    let anomalies = results["anomalies"].as_array().map_or(&[][..], Vec::as_slice);
    for anomaly in anomalies.iter().take(ANOMALIES_SHOWN) {
        let kind = anomaly["kind"].as_str().unwrap_or("");
        let key = anomaly["key"]
            .as_str()
            .map_or_else(String::new, |key| format!(" on {key}"));
        put(
            text,
            &format!("\n  {kind}{key}: {}", anomaly["sentence"].as_str().unwrap_or("")),
        );
        put(text, &format!("    journal lines {}", anomaly["ops"]));
    }
    if ANOMALIES_SHOWN < anomalies.len() {
        put(
            text,
            &format!(
                "\n  and {} more in results.json",
                anomalies.len() - ANOMALIES_SHOWN
            ),
        );
    }
}

fn where_and_next(text: &mut String, results: &Value, folder: &RunFolder, test: &Test) {
    put(text, &format!("\n  record    {}", folder.path().display()));
    let next = match results["verdict"].as_str() {
        Some("valid") => format!("{} --test-count 20", test.command()),
        _ => format!("{} --schedule {}", test.command(), folder.schedule().display()),
    };
    put(text, &format!("  next      {next}\n"));
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

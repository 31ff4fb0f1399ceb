//! The last screen: what was done, what was found, where it lies, and what to type next.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use histories::Anomaly;
use histories::report::text::{Line, Tone};
use histories::report::{self, Scene};

use crate::dossier::{self, SCENES_MAX};
use crate::judge::ORACLES;
use crate::results::Results;
use crate::store::RunFolder;
use crate::test::Test;

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

/// Prints the last screen of a run.
///
/// # Errors
/// When standard output cannot be written.
pub fn verdict(results: &Results, folder: &RunFolder, test: &Test) -> io::Result<()> {
    let mut text = String::new();
    head(&mut text, results);
    what_was_done(&mut text, results, test);
    // What cannot be drawn is said all the same.
    let scenes = dossier::scenes(folder, results).unwrap_or_default();
    what_was_found(&mut text, results, &scenes);
    where_and_next(&mut text, results, folder, test);
    print(&text)
}

/// The style of a verdict by its name.
#[must_use]
pub fn verdict_style(verdict: &str) -> Style {
    let colour = match verdict {
        "valid" => AnsiColor::Green,
        "invalid" => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    Style::new().bold().fg_color(Some(colour.into()))
}

fn head(text: &mut String, results: &Results) {
    let style = verdict_style(&results.verdict);
    let cause = results
        .cause
        .map_or_else(String::new, |cause| format!(" ({})", cause.name()));
    put(
        text,
        &format!("\n{style}{}{style:#}{cause}", results.verdict.to_uppercase()),
    );
    if let Some(reason) = &results.reason {
        put(text, &format!("  {reason}"));
    }
}

fn what_was_done(text: &mut String, results: &Results, test: &Test) {
    let flaw = test
        .flaw
        .as_ref()
        .map_or_else(String::new, |flaw| format!(", told to be wrong: {flaw}"));
    let reads = test
        .reads
        .as_ref()
        .map_or_else(String::new, |reads| format!(", reads by {reads}"));
    put(
        text,
        &format!(
            "\n  system    {} with {} replicas{reads}{flaw}",
            test.system, test.nodes
        ),
    );
    put(
        text,
        &format!("  workload  {}: {}", test.workload, operations(results, test)),
    );
    put(text, &format!("  nemesis   {}", faults(results)));
    if !results.applied.is_empty() {
        put(text, &format!("  applied   {}", applied(results)));
    }
    let spans = results.durations_ms;
    let (setup, check, teardown) = (spans.setup, spans.check, spans.teardown);
    let seed = test.seed;
    put(
        text,
        &format!(
            "  time      serving after {setup:.0} ms, judged in {check:.0} ms, gone in {teardown:.0} ms; seed {seed}"
        ),
    );
}

/// How many positions of the log each node had applied in the end.
fn applied(results: &Results) -> String {
    let counts = results.applied.iter();
    let counts: Vec<String> = counts.map(|(node, count)| format!("{node} {count}")).collect();
    format!("positions of the log: {}", counts.join(", "))
}

fn operations(results: &Results, test: &Test) -> String {
    let ops = results.ops;
    let per_second = ops.ok as f64 / test.time_limit_s;
    format!(
        "{} operations by {} clients in {} s: {} ok ({per_second:.0}/s), {} fail, {} info",
        ops.invoked, test.concurrency, test.time_limit_s, ops.ok, ops.fail, ops.info
    )
}

fn faults(results: &Results) -> String {
    let done = results
        .faults
        .iter()
        .filter(|fault| fault.skipped.is_none())
        .count();
    if done == 0 {
        return "no fault".to_owned();
    }
    let verified = results.faults.iter().filter(|fault| fault.verified).count();
    let under: u64 = results.under_fault.values().map(|count| count.ok).sum();
    let longest = results.longest_unavailable_ns as f64 / 1e9;
    let left_out = match results.faults.len() - done {
        0 => String::new(),
        skipped => format!("; {skipped} left out, see results.json"),
    };
    format!(
        "{done} faults, {verified} verified, {under} operations succeeded under them{left_out}; longest without an answer {longest:.2} s"
    )
}

fn what_was_found(text: &mut String, results: &Results, scenes: &[Option<Scene>]) {
    for checker in &results.checkers {
        let unit = if checker.name == ORACLES { "events" } else { "keys" };
        let (name, verdict, keys, ms) = (&checker.name, &checker.verdict, checker.checked_keys, checker.ms);
        put(
            text,
            &format!("  checked   {name}: {verdict}, {keys} {unit} in {ms:.1} ms"),
        );
    }
    if let Some(excuse) = &results.excuse {
        put(text, &format!("  excused   {excuse}"));
    }
    for (number, anomaly) in results.anomalies.iter().take(SCENES_MAX).enumerate() {
        put(text, &format!("\n{}", evidence(anomaly)));
        if let Some(Some(scene)) = scenes.get(number) {
            text.push_str(&drawing(scene));
        }
    }
    if SCENES_MAX < results.anomalies.len() {
        let more = results.anomalies.len() - SCENES_MAX;
        put(text, &format!("\n  and {more} more in results.json"));
    }
}

/// An anomaly as a person reads it.
#[must_use]
pub fn evidence(anomaly: &Anomaly) -> String {
    let mut text = format!("  {anomaly}");
    if !anomaly.ops.is_empty() {
        let lines: Vec<String> = anomaly.ops.iter().map(|index| index.0.to_string()).collect();
        write!(text, "\n    journal lines {}", lines.join(", ")).expect("a string takes everything");
    }
    text
}

/// A scene as a person reads it; the proof stands out where there are colours.
#[must_use]
pub fn drawing(scene: &Scene) -> String {
    let mut text = String::new();
    for Line { tone, text: line } in report::text::draw(scene) {
        let style = match tone {
            Tone::Proof => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Tone::Wrong => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Around | Tone::Time => Style::new().dimmed(),
        };
        put(&mut text, &format!("    {style}{line}{style:#}"));
    }
    text
}

fn where_and_next(text: &mut String, results: &Results, folder: &RunFolder, test: &Test) {
    put(text, &format!("\n  record    {}", folder.path().display()));
    if results.verdict != "valid" && folder.report().is_file() {
        put(text, &format!("  report    {}", folder.report().display()));
    }
    let next = match results.verdict.as_str() {
        "valid" => format!("{} --test-count 20", test.command()),
        _ => format!("tribunal replay {}", folder.path().display()),
    };
    put(text, &format!("  next      {next}\n"));
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

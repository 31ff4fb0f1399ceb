//! `tribunal check`: judges recorded histories, ours or anybody's.
#![expect(
    clippy::disallowed_methods,
    reason = "a checker's time is limited and reported, and that takes a clock"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use histories::format::{Format, read_file};
use histories::history::Parsed;
use histories::{Limits, Linearizable, ModelName, Verdict};
use serde_json::{Value, json};

use super::exit_code::{INVALID, UNKNOWN, VALID, of_verdict, worse};
use super::{Refusal, duration, memory};
use crate::screen::{self, evidence, verdict_style};
use crate::store::{RunFolder, Store};

/// How many anomalies of a file are shown; the others are counted.
const ANOMALIES_SHOWN: usize = 5;

/// What to judge, and how.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal check store/latest/journal.jsonl --model append")]
pub struct CheckArgs {
    /// Files, or folders of runs
    #[arg(required_unless_present = "expect")]
    histories: Vec<PathBuf>,
    /// How the objects should behave [default: by the operations in the file]
    #[arg(long)]
    model: Option<ModelName>,
    /// The form of the files: auto, jsonl, edn or porcupine
    #[arg(long, default_value = "auto")]
    format: Format,
    /// The most memory a judgement may take, beside the history itself
    #[arg(long, default_value = "1GiB", value_parser = memory::parse)]
    memory: u64,
    /// The longest a judgement may take
    #[arg(long, default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    /// As JSON on standard output
    #[arg(long)]
    json: bool,
    /// What is expected: a file of lines PATH, tab, ok or illegal, the paths relative to it; exit code 0 when all are so
    #[arg(long)]
    expect: Option<PathBuf>,
}

/// A file that has been judged.
struct Judged {
    path: PathBuf,
    model: ModelName,
    verdict: Verdict,
    operations: usize,
    keys: u64,
    took: Duration,
    warnings: Vec<String>,
}

/// What is expected of a file.
struct Expectation {
    path: PathBuf,
    verdict: &'static str,
}

impl CheckArgs {
    /// Judges every file; the worst of the verdicts, or whether all were as expected.
    ///
    /// # Errors
    /// When a file is not a well-formed history, in one sentence with file and line; the files before it have been judged then.
    pub fn execute(self) -> Result<u8, Refusal> {
        match &self.expect {
            Some(expect) => self.compare(&read_expectations(expect)?),
            None => self.judge_all(),
        }
    }

    fn judge_all(&self) -> Result<u8, Refusal> {
        let (mut worst, mut shown) = (VALID, Vec::new());
        for path in &self.histories {
            match self.judge(path) {
                Ok(judged) => {
                    worst = worse(worst, of_verdict(judged.verdict.name()));
                    if self.json {
                        shown.push(judged.json())
                    } else {
                        screen::print(&judged.text())?
                    }
                }
                Err(refusal) => worst = worse(worst, refusal.report()),
            }
        }
        self.print_json(&shown)?;
        Ok(worst)
    }

    fn compare(&self, expectations: &[Expectation]) -> Result<u8, Refusal> {
        let (mut code, mut surprises, mut shown) = (VALID, 0, Vec::new());
        for Expectation { path, verdict } in expectations {
            let judged = self.judge(path)?;
            let found = judged.verdict.name();
            if found != *verdict {
                surprises += 1;
                code = worse(code, if found == "unknown" { UNKNOWN } else { INVALID });
                let text = format!(
                    "{}: expected {verdict}, found {found}\n{}",
                    path.display(),
                    judged.text()
                );
                if !self.json {
                    screen::print(&text)?;
                }
            }
            shown.push(judged.json());
        }
        let (all, as_expected) = (expectations.len(), expectations.len() - surprises);
        if !self.json {
            screen::print(&format!("{as_expected} of {all} histories are as expected\n"))?;
        }
        self.print_json(&shown)?;
        Ok(code)
    }

    fn print_json(&self, shown: &[Value]) -> Result<(), Refusal> {
        if self.json {
            screen::print(&format!(
                "{}\n",
                serde_json::to_string_pretty(shown).map_err(Refusal::harness)?
            ))?;
        }
        Ok(())
    }

    fn judge(&self, path: &Path) -> Result<Judged, Refusal> {
        let path = journal_of(path);
        let Parsed {
            history, warnings, ..
        } = read_file(&path, self.format).map_err(Refusal::arguments)?;
        let model = self.model.or_else(|| ModelName::of(&history)).ok_or_else(|| {
            Refusal::arguments(format!(
                "{}: no model knows all of its operations; say --model",
                path.display()
            ))
        })?;
        let begin = Instant::now();
        let may_go_on = || begin.elapsed() < self.timeout;
        let limits = Limits {
            memory_bytes_max: self.memory,
            may_go_on: &may_go_on,
        };
        let report = Linearizable::new(model)
            .judge(&history, &limits)
            .map_err(|mismatch| Refusal::arguments(format!("{}: {mismatch}", path.display())))?;
        Ok(Judged {
            path,
            model,
            verdict: report.verdict,
            operations: history.operations().len(),
            keys: report.checked_keys,
            took: begin.elapsed(),
            warnings: warnings.iter().map(ToString::to_string).collect(),
        })
    }
}

impl Judged {
    fn text(&self) -> String {
        let (name, style) = (self.verdict.name(), verdict_style(self.verdict.name()));
        let mut text = format!(
            "{style}{}{style:#}  {}: {} operations on {} keys as {}, judged in {:.1} ms\n",
            name.to_uppercase(),
            self.path.display(),
            self.operations,
            self.keys,
            self.model,
            self.took.as_secs_f64() * 1_000.0
        );
        for warning in &self.warnings {
            text.push_str(&format!("  warning: {warning}\n"));
        }
        match &self.verdict {
            Verdict::Valid => {}
            Verdict::Unknown(reason) => text.push_str(&format!("  {reason}\n")),
            Verdict::Invalid(anomalies) => {
                anomalies
                    .iter()
                    .take(ANOMALIES_SHOWN)
                    .for_each(|anomaly| text.push_str(&format!("{}\n", evidence(anomaly))));
                if ANOMALIES_SHOWN < anomalies.len() {
                    text.push_str(&format!(
                        "  and {} more; --json has all\n",
                        anomalies.len() - ANOMALIES_SHOWN
                    ));
                }
            }
        }
        text
    }

    fn json(&self) -> Value {
        let (reason, anomalies) = match &self.verdict {
            Verdict::Valid => (None, &[][..]),
            Verdict::Unknown(reason) => (Some(reason), &[][..]),
            Verdict::Invalid(anomalies) => (None, &anomalies[..]),
        };
        json!({
            "path": self.path, "model": self.model.name(), "verdict": self.verdict.name(), "reason": reason,
            "operations": self.operations, "checked_keys": self.keys, "ms": self.took.as_secs_f64() * 1_000.0,
            "anomalies": anomalies, "warnings": self.warnings,
        })
    }
}

/// The journal of the run that `path` is the folder of, or `path` itself.
fn journal_of(path: &Path) -> PathBuf {
    let run = path
        .to_str()
        .filter(|_| !path.is_file())
        .and_then(|name| Store::at("store").find(name));
    run.as_ref().map_or_else(|| path.to_owned(), RunFolder::journal)
}

fn read_expectations(file: &Path) -> Result<Vec<Expectation>, Refusal> {
    let unreadable = |error| Refusal::arguments(format!("failed to read {}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(unreadable)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let lines = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(number, line)| expectation(line, folder, file, number + 1))
        .collect()
}

fn expectation(line: &str, folder: &Path, file: &Path, number: usize) -> Result<Expectation, Refusal> {
    let (path, verdict) = line.split_once('\t').unwrap_or((line, ""));
    let verdict = match verdict.trim() {
        "ok" => "valid",
        "illegal" => "invalid",
        other => {
            let place = format!("{} line {number}", file.display());
            return Err(Refusal::arguments(format!(
                "{place}: {other:?} is neither ok nor illegal"
            )));
        }
    };
    Ok(Expectation {
        path: folder.join(path),
        verdict,
    })
}

//! `tribunal check`: judges recorded histories, ours or anybody's.
#![expect(
    clippy::disallowed_methods,
    reason = "a checker's time is limited and reported, and that takes a clock"
)]

mod deposit;
mod expectation;
mod instance_logs;
mod judged;
mod threads;
mod wanted_model;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use histories::checker::certificate::Certificate;
use histories::format::{Format, read_file};
use histories::history::Parsed;
use histories::report::Scene;
use histories::verify::verify;
use histories::{History, Limits, Linearizable, ModelName, Report, Verdict};
use serde_json::Value;

use super::exit_code::{INVALID, UNKNOWN, VALID, of_verdict, worse};
use super::{Refusal, duration, memory};
use crate::dossier::SCENES_MAX;
use crate::judge::doubtful;
use crate::screen;
use crate::store;
use deposit::Deposit;
use expectation::Expectation;
use judged::Judged;
use threads::Threads;
use wanted_model::WantedModel;

/// What to judge, and how.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tribunal check store/latest\n  \
    tribunal check history.edn --model cas-register\n  \
    tribunal check --expect VERDICTS.tsv\n  \
    tribunal check --model log instancelog0.log instancelog1.log instancelog2.log\n\n\
    A history is a file of events: who asked what of which object, when, and what came of it. It is read as our own journal (JSON \
    lines), as Jepsen's history.edn, or as a log of Porcupine's tests; docs/checker.md has the forms, and what each model means.\n\n\
    Exit codes: 0 valid, 1 invalid, 2 unknown, 254 no such file or no history; of several histories 1 comes before 254 before 2 \
    before 0. A valid history gets a certificate, which `tribunal verify` checks without the checker.")]
pub struct CheckArgs {
    /// Files, or folders of runs
    #[arg(required_unless_present = "expect")]
    histories: Vec<PathBuf>,
    /// How the objects should behave [default: by the operations in the file]
    #[arg(long)]
    model: Option<WantedModel>,
    /// The form of the files: auto, jsonl, edn or porcupine
    #[arg(long, default_value = "auto")]
    format: Format,
    /// The most memory a judgement may take, beside the history itself
    #[arg(long, default_value = "1GiB", value_parser = memory::parse)]
    memory: u64,
    /// The longest a judgement may take
    #[arg(long, default_value = "60s", value_parser = duration::parse)]
    timeout: Duration,
    /// Where the certificate of a valid history is left, or none [default: beside the history; with --expect none]
    #[arg(long, value_name = "FILE")]
    certificate: Option<Deposit>,
    /// Where to write a page that shows what was found; it stands by itself
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// As JSON on standard output
    #[arg(long)]
    json: bool,
    /// What is expected: a file of lines PATH, tab, ok or illegal, the paths relative to it; exit code 0 when all are so
    #[arg(long)]
    expect: Option<PathBuf>,
}

impl CheckArgs {
    /// Judges every file; the worst of the verdicts, or whether all were as expected.
    ///
    /// # Errors
    /// When a file is not a well-formed history, in one sentence with file and line; the files before it have been judged then.
    pub fn execute(self) -> Result<u8, Refusal> {
        if matches!(self.certificate, Some(Deposit::At(_))) && self.histories.len() != 1 {
            return Err(Refusal::arguments(
                "--certificate FILE: a file holds the certificate of one history",
            ));
        }
        if self.model == Some(WantedModel::Log) {
            return instance_logs::judge(&self.histories);
        }
        match &self.expect {
            Some(expect) => self.compare(&expectation::read(expect)?),
            None => self.judge_all(),
        }
    }

    fn model_name(&self) -> Option<ModelName> {
        match self.model {
            Some(WantedModel::Operations(model)) => Some(model),
            Some(WantedModel::Log) | None => None,
        }
    }

    fn judge_all(&self) -> Result<u8, Refusal> {
        let (mut worst, mut shown) = (VALID, Vec::new());
        let deposit = self.certificate.as_ref().unwrap_or(&Deposit::Beside);
        for path in &self.histories {
            match self.judge(path, deposit) {
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
            let judged = self.judge(path, &Deposit::None)?;
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
            if self.json {
                shown.push(judged.json());
            }
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

    fn judge(&self, path: &Path, deposit: &Deposit) -> Result<Judged, Refusal> {
        let path = store::journal_of(path);
        let begin = Instant::now();
        let Parsed {
            history, warnings, ..
        } = read_file(&path, self.format).map_err(Refusal::arguments)?;
        let read = begin.elapsed();
        let model = self
            .model_name()
            .or_else(|| ModelName::of(&history))
            .ok_or_else(|| {
                Refusal::arguments(format!(
                    "{}: no model knows all of its operations; say --model",
                    path.display()
                ))
            })?;
        let report = self.decide(&history, model, &path)?;
        let took = begin.elapsed() - read;
        let judged = Judged {
            scenes: scenes(&history, &report.verdict),
            operations: history.operations().len(),
            keys: report.checked_keys,
            model,
            read,
            took,
            verdict: report.verdict,
            certificate: None,
            warnings: warnings.iter().map(ToString::to_string).collect(),
            path,
        };
        let judged = match judged.verdict {
            Verdict::Valid => certify(judged, &history, &report.certificates, deposit),
            Verdict::Invalid(_) | Verdict::Unknown(_) => judged,
        };
        if let Some(path) = &self.report {
            let failed = |error| Refusal::harness(format!("failed to write {}: {error}", path.display()));
            std::fs::write(path, judged.page().html()).map_err(failed)?;
        }
        Ok(judged)
    }

    fn decide(&self, history: &History, model: ModelName, path: &Path) -> Result<Report, Refusal> {
        let begin = Instant::now();
        let may_go_on = || begin.elapsed() < self.timeout;
        let limits = Limits {
            memory_bytes_max: self.memory,
            may_go_on: &may_go_on,
            executor: &Threads::of_machine(),
        };
        Linearizable::new(model)
            .judge(history, &limits)
            .map_err(|mismatch| Refusal::arguments(format!("{}: {mismatch}", path.display())))
    }
}

/// The scene of each of the first findings.
fn scenes(history: &History, verdict: &Verdict) -> Vec<Option<Scene>> {
    match verdict {
        Verdict::Valid | Verdict::Unknown(_) => Vec::new(),
        Verdict::Invalid(anomalies) => {
            let first = anomalies.iter().take(SCENES_MAX);
            first.map(|anomaly| Scene::of(history, anomaly, &[])).collect()
        }
    }
}

/// The judgement `valid` with its certificates verified and left where they should be.
fn certify(mut judged: Judged, history: &History, certificates: &[Certificate], deposit: &Deposit) -> Judged {
    let begin = Instant::now();
    if let Err(doubt) = verify(history, judged.model, certificates) {
        judged.verdict = Verdict::Unknown(doubtful(&doubt));
        return judged;
    }
    let took = begin.elapsed();
    let left = deposit.leave(&judged, certificates);
    judged.certificate = Some(judged::Certified { took, left });
    judged
}

//! A file that has been judged, as a person or a program reads it.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use histories::report::Scene;
use histories::report::page::{Finding, Page};
use histories::{Anomaly, ModelName, Verdict};
use serde_json::{Value, json};

use super::deposit::Left;
use crate::screen::{drawing, evidence, verdict_style};

/// A file that has been judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) path: PathBuf,
    pub(super) model: ModelName,
    pub(super) verdict: Verdict,
    pub(super) operations: usize,
    pub(super) keys: u64,
    /// How long it took to read.
    pub(super) read: Duration,
    /// How long it took to judge.
    pub(super) took: Duration,
    /// Of a valid history.
    pub(super) certificate: Option<Certified>,
    /// Of the first findings, where operations prove them.
    pub(super) scenes: Vec<Option<Scene>>,
    pub(super) warnings: Vec<String>,
}

/// A certificate that was verified.
#[derive(Debug)]
pub(super) struct Certified {
    /// How long the verification took.
    pub(super) took: Duration,
    pub(super) left: Left,
}

impl Judged {
    /// The page about it.
    pub(super) fn page(&self) -> Page {
        let (reason, anomalies) = self.told();
        let finding = |(anomaly, scene): (&Anomaly, &Option<Scene>)| Finding {
            kind: anomaly.kind.name().to_owned(),
            sentence: anomaly.sentence.clone(),
            scene: scene.clone(),
        };
        let facts = [
            ("history", self.path.display().to_string()),
            ("operations", format!("{} on {} keys", self.operations, self.keys)),
            ("model", self.model.to_string()),
            ("judged", format!("in {:.1} ms", ms(self.took))),
        ];
        Page {
            title: self.path.display().to_string(),
            verdict: self.verdict.name().to_owned(),
            reason: reason.cloned(),
            findings: anomalies.iter().zip(&self.scenes).map(finding).collect(),
            more: anomalies.len() - self.scenes.len(),
            facts: facts.map(|(name, fact)| (name.to_owned(), fact)).into(),
        }
    }

    fn told(&self) -> (Option<&String>, &[Anomaly]) {
        match &self.verdict {
            Verdict::Valid => (None, &[]),
            Verdict::Unknown(reason) => (Some(reason), &[]),
            Verdict::Invalid(anomalies) => (None, anomalies),
        }
    }

    pub(super) fn text(&self) -> String {
        let (name, style) = (self.verdict.name(), verdict_style(self.verdict.name()));
        let mut text = format!(
            "{style}{}{style:#}  {}: {} operations on {} keys as {}, read in {:.1} ms, judged in {:.1} ms{}\n",
            name.to_uppercase(),
            self.path.display(),
            self.operations,
            self.keys,
            self.model,
            ms(self.read),
            ms(self.took),
            self.certificate
                .as_ref()
                .map_or_else(String::new, Certified::text),
        );
        for warning in &self.warnings {
            put(&mut text, &format!("  warning: {warning}"));
        }
        match &self.verdict {
            Verdict::Valid => {}
            Verdict::Unknown(reason) => put(&mut text, &format!("  {reason}")),
            Verdict::Invalid(anomalies) => {
                for (anomaly, scene) in anomalies.iter().zip(&self.scenes) {
                    put(&mut text, &evidence(anomaly));
                    text.push_str(&scene.as_ref().map(drawing).unwrap_or_default());
                }
                if self.scenes.len() < anomalies.len() {
                    let more = anomalies.len() - self.scenes.len();
                    put(&mut text, &format!("  and {more} more; --json has all"));
                }
            }
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let (reason, anomalies) = self.told();
        json!({
            "path": self.path, "model": self.model.name(), "verdict": self.verdict.name(), "reason": reason,
            "operations": self.operations, "checked_keys": self.keys, "read_ms": ms(self.read), "ms": ms(self.took),
            "certificate": self.certificate.as_ref().map(Certified::json),
            "anomalies": anomalies, "warnings": self.warnings,
        })
    }
}

impl Certified {
    fn text(&self) -> String {
        let verified = format!(", certificate verified in {:.1} ms", ms(self.took));
        match &self.left {
            Left::At(path) => format!("{verified}\n  certificate  {}", path.display()),
            Left::Nowhere => verified,
            Left::Failed(path, error) => {
                format!(
                    "{verified}\n  certificate  not left at {}: {error}",
                    path.display()
                )
            }
        }
    }

    fn json(&self) -> Value {
        let path = match &self.left {
            Left::At(path) => Some(path),
            Left::Nowhere | Left::Failed(..) => None,
        };
        json!({"verified": true, "ms": ms(self.took), "path": path})
    }
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes everything");
}

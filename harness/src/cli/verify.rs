//! `tribunal verify`: whether a certificate shows that a history is linearizable, found out without the checker.
#![expect(
    clippy::disallowed_methods,
    reason = "how long it took is reported, and that takes a clock"
)]

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use histories::format::certificate::{self, Certified};
use histories::format::{Format, read_file};
use histories::verify::verify;

use super::Refusal;
use super::exit_code::{INVALID, VALID};
use crate::screen::{self, verdict_style};
use crate::store;

/// What to verify.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal verify store/latest\n\n\
    The verifier shares nothing with the checker, not even the models: it goes along the certificate, gives each operation the \
    earliest instant left between its call and its return, and asks an object of its own for each answer.\n\n\
    Exit codes: 0 it holds, 1 it does not, 254 no such history or certificate.")]
pub struct VerifyArgs {
    /// The history: a file, or the folder of a run
    history: PathBuf,
    /// Its certificate [default: where `check` and `run` leave it]
    certificate: Option<PathBuf>,
    /// The form of the history: auto, jsonl, edn or porcupine
    #[arg(long, default_value = "auto")]
    format: Format,
}

impl VerifyArgs {
    /// Verifies it, and says so.
    ///
    /// # Errors
    /// When the history or the certificate cannot be read.
    pub fn execute(self) -> Result<u8, Refusal> {
        let journal = store::journal_of(&self.history);
        let path = self
            .certificate
            .unwrap_or_else(|| store::certificate_of(&journal));
        let name = path.display().to_string();
        let file = File::open(&path).map_err(|error| {
            Refusal::arguments(format!(
                "failed to read {name}: {error}; `tribunal check` writes it when a history is valid"
            ))
        })?;
        let history = read_file(&journal, self.format)
            .map_err(Refusal::arguments)?
            .history;
        let certified = certificate::read(BufReader::new(file), &name).map_err(Refusal::arguments)?;
        let begin = Instant::now();
        let verified = verify(&history, certified.model, &certified.certificates);
        let ms = begin.elapsed().as_secs_f64() * 1_000.0;
        let (verdict, said) = match &verified {
            Ok(()) => ("valid", said(&journal, &certified, ms)),
            Err(doubt) => ("invalid", format!("{}: {doubt}", path.display())),
        };
        let style = verdict_style(verdict);
        let word = if verified.is_ok() {
            "HOLDS"
        } else {
            "DOES NOT HOLD"
        };
        screen::print(&format!("{style}{word}{style:#}  {said}\n"))?;
        Ok(if verified.is_ok() { VALID } else { INVALID })
    }
}

fn said(journal: &Path, certified: &Certified, ms: f64) -> String {
    let Certified {
        model,
        operations,
        certificates,
    } = certified;
    format!(
        "{}: {operations} operations on {} keys as {model}, verified in {ms:.1} ms",
        journal.display(),
        certificates.len()
    )
}

//! `tribunal convert`: a history in another form.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::Args;
use histories::format::{Format, read_file, write};

use super::Refusal;
use super::exit_code::VALID;
use crate::store;

/// What to convert.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: tribunal convert history.edn --to jsonl history.jsonl\n\n\
    What was asked and answered stays as it is, in the order of time; what the nemesis did is left out."
)]
pub struct ConvertArgs {
    /// The history: a file, or the folder of a run
    history: PathBuf,
    /// Where to write it [default: standard output]
    out: Option<PathBuf>,
    /// The form it is to have: jsonl, edn or porcupine
    #[arg(long)]
    to: Format,
    /// The form it has: auto, jsonl, edn or porcupine
    #[arg(long, default_value = "auto")]
    format: Format,
}

impl ConvertArgs {
    /// Writes the history.
    ///
    /// # Errors
    /// When it cannot be read, or not written in that form.
    pub fn execute(self) -> Result<u8, Refusal> {
        let path = store::journal_of(&self.history);
        let history = read_file(&path, self.format).map_err(Refusal::arguments)?.history;
        // Before the file is made, which may be there already.
        let refused = |problem| Refusal::arguments(format!("{}: {problem}", path.display()));
        self.to.can_hold(&history).map_err(refused)?;
        let written = match &self.out {
            Some(out) => File::create(out).and_then(|out| write(out, &history, self.to)),
            None => write(io::stdout().lock(), &history, self.to),
        };
        match written {
            // A reader that has seen enough is no error.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Refusal::harness(error)),
            Ok(()) | Err(_) => Ok(VALID),
        }
    }
}

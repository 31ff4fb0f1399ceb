//! Several runs in a row: what came of each, and of all of them.

use crate::cli::exit_code::{HARNESS_FAILURE, VALID, worse};
use crate::results::{Cause, Results};

/// What came of the runs so far.
#[derive(Debug, Default)]
pub struct Series {
    valid: u64,
    /// The seeds of the others, and what came of them.
    others: Vec<(u64, String)>,
    code: u8,
}

impl Series {
    /// Counts a run that was judged.
    pub fn judged(&mut self, results: &Results) {
        let code = results.exit_code();
        let cause = results
            .cause
            .map_or_else(String::new, |cause| format!(" ({})", cause.name()));
        match code {
            VALID => self.valid += 1,
            _ => self
                .others
                .push((results.seed, format!("{}{cause}", results.verdict))),
        }
        self.code = worse(self.code, code);
    }

    /// Counts a run of `seed` that never came to be judged.
    pub fn failed(&mut self, seed: u64) {
        self.others.push((seed, "not judged (harness)".to_owned()));
        self.code = worse(self.code, HARNESS_FAILURE);
    }

    /// The worst exit code.
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// A line for all of them, and one for each that is not valid.
    #[must_use]
    pub fn text(&self) -> String {
        let all = self.valid + self.others.len() as u64;
        let mut text = format!("{all} runs: {} valid, {} not\n", self.valid, self.others.len());
        for (seed, what) in &self.others {
            text.push_str(&format!("  seed {seed}: {what}\n"));
        }
        text
    }
}

/// Whether the series should go no further after `results`.
#[must_use]
pub fn ends(results: &Results) -> bool {
    results.cause == Some(Cause::Interrupted)
}

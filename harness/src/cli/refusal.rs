//! One clear sentence on standard error, and the exit code that goes with it.

use std::fmt::{self, Display};
use std::io::{self, Write};

use super::exit_code::{BAD_ARGUMENTS, HARNESS_FAILURE};

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Refusal {
    code: u8,
    sentence: String,
}

impl Refusal {
    /// What was asked makes no sense: exit code 254.
    pub fn arguments(sentence: impl Display) -> Self {
        Self {
            code: BAD_ARGUMENTS,
            sentence: sentence.to_string(),
        }
    }

    /// What was asked could not be done: exit code 255.
    pub fn harness(sentence: impl Display) -> Self {
        Self {
            code: HARNESS_FAILURE,
            sentence: sentence.to_string(),
        }
    }

    /// `name` is none of `known`: says so, with the nearest.
    pub fn unknown(kind: &str, name: &str, known: &[&str]) -> Self {
        let nearest = known
            .iter()
            .max_by(|a, b| strsim::jaro(name, a).total_cmp(&strsim::jaro(name, b)));
        let hint = nearest.map_or_else(String::new, |nearest| format!("; did you mean {nearest}?"));
        Self::arguments(format!(
            "there is no {kind} {name:?}{hint} Known: {}.",
            known.join(", ")
        ))
    }

    /// The exit code that goes with it.
    #[must_use]
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Says it on standard error; the exit code.
    #[must_use]
    pub fn report(&self) -> u8 {
        // When standard error is gone the exit code still tells.
        drop(writeln!(io::stderr(), "tribunal: {}", self.sentence));
        self.code
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl std::error::Error for Refusal {}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::harness(error)
    }
}

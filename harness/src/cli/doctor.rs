//! `tribunal doctor`: what this machine can do, probed by doing it.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use clap::Args;
use nemesis::lab::{Outcome, Probe, examine};

use super::Refusal;
use super::exit_code::HARNESS_FAILURE;
use crate::screen::print;

/// Nothing to choose.
#[derive(Debug, Args)]
#[command(after_help = "Example: tribunal doctor")]
pub struct DoctorArgs {}

impl DoctorArgs {
    /// Probes everything and says what it found; 0 when a trial can be run.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn execute(self) -> Result<u8, Refusal> {
        let probes = examine().map_err(Refusal::harness)?;
        let missing = probes
            .iter()
            .any(|probe| probe.part.is_needed() && probe.outcome != Outcome::Works);
        print(&probes.iter().map(row).collect::<String>())?;
        print(if missing {
            "\nThis machine cannot run a trial yet: enable what is marked above.\n"
        } else {
            "\nThis machine can run trials: tribunal run --system pb --workload append --nemesis partition,pause,kill\n"
        })?;
        Ok(if missing { HARNESS_FAILURE } else { 0 })
    }
}

fn row(probe: &Probe) -> String {
    let mut text = String::new();
    let needed = probe.part.is_needed();
    let (colour, mark) = match (&probe.outcome, needed) {
        (Outcome::Works, _) => (AnsiColor::Green, "works  "),
        (Outcome::Missing(_), true) => (AnsiColor::Red, "MISSING"),
        (Outcome::Missing(_), false) => (AnsiColor::Yellow, "missing"),
        (Outcome::Untried(_), _) => (AnsiColor::Yellow, "untried"),
    };
    let style = Style::new().fg_color(Some(colour.into()));
    let need = if needed {
        ""
    } else {
        " (for faults to come; no trial needs it yet)"
    };
    writeln!(text, "{style}{mark}{style:#}  {}{need}", probe.part.name()).expect("a string takes everything");
    match &probe.outcome {
        Outcome::Works => {}
        Outcome::Untried(part) => {
            writeln!(text, "         it rests on {}", part.name()).expect("a string takes everything")
        }
        Outcome::Missing(missing) => {
            writeln!(
                text,
                "         {}\n         to enable it: {}",
                missing.why, missing.remedy
            )
            .expect("a string takes everything");
        }
    }
    text
}

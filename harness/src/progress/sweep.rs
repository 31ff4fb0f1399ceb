//! What a person sees while many simulated runs go on, and when they are over.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::line::ProgressMode;
use crate::recipe::Held;
use crate::results::Cause;

/// The time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Counts of what came of the runs so far.
#[derive(Debug, Default)]
pub struct SweepTally {
    runs: u64,
    valid: u64,
    unknown: u64,
    invalid: u64,
    causes: BTreeMap<Cause, u64>,
    first_seed: Option<u64>,
    last_seed: u64,
    first_red: Option<u64>,
    /// Mixes that showed nothing.
    redrawn: u64,
    operations: u64,
    faults: u64,
    simulated: Duration,
}

/// One line on standard error about many runs.
#[derive(Debug)]
pub struct SweepLine {
    form: Form,
    count: u64,
}

#[derive(Debug)]
enum Form {
    Live(ProgressBar),
    Plain { next: Duration },
    None,
}

impl SweepTally {
    /// Counts one more run.
    pub fn count(&mut self, held: &Held) {
        let (seed, results) = (held.case.test.seed, &held.trial.results);
        self.runs += 1;
        self.redrawn += u64::from(held.redrawn);
        match results.verdict.as_str() {
            "valid" => self.valid += 1,
            "invalid" => self.invalid += 1,
            _ => self.unknown += 1,
        }
        if let Some(cause) = results.cause {
            *self.causes.entry(cause).or_default() += 1;
            self.first_red.get_or_insert(seed);
        }
        self.first_seed.get_or_insert(seed);
        self.last_seed = seed;
        self.operations += results.ops.invoked;
        let done = results.faults.iter().filter(|fault| fault.skipped.is_none());
        self.faults += done.count() as u64;
        let ms = results.durations_ms.load + results.durations_ms.recover;
        self.simulated += Duration::from_secs_f64(ms / 1_000.0);
    }

    /// How many runs were not valid.
    #[must_use]
    pub const fn red(&self) -> u64 {
        self.unknown + self.invalid
    }

    /// The last screen of a sweep that `took` so long.
    #[must_use]
    pub fn text(&self, took: Duration) -> String {
        let verdict = match (self.invalid, self.unknown) {
            (0, 0) => "VALID",
            (0, _) => "UNKNOWN",
            _ => "INVALID",
        };
        let causes: Vec<String> = self
            .causes
            .iter()
            .map(|(cause, count)| format!("{count} {}", cause.name()))
            .collect();
        let red = self.first_red.map_or_else(String::new, |seed| {
            format!(
                "\n  red       {}; the first seed of them is {seed}",
                causes.join(", ")
            )
        });
        let redrawn = match self.redrawn {
            0 => String::new(),
            mixes => {
                format!("\n  drawn     {mixes} mixes anew, because nothing succeeded under a fault in them")
            }
        };
        let first = self.first_seed.unwrap_or(0);
        format!(
            "\n{verdict}\n\n  runs      {} with seeds {first} to {}: {} valid, {} unknown, {} invalid{red}{redrawn}\n  done      {} operations, {} faults\n  time      {:.1} s: {:.1} runs a second, {:.0} simulated seconds a second\n\n",
            self.runs,
            self.last_seed,
            self.valid,
            self.unknown,
            self.invalid,
            self.operations,
            self.faults,
            took.as_secs_f64(),
            self.per_second(took),
            self.simulated.as_secs_f64() / took.as_secs_f64(),
        )
    }

    fn per_second(&self, took: Duration) -> f64 {
        self.runs as f64 / took.as_secs_f64().max(1e-9)
    }
}

impl SweepLine {
    /// A line in `mode` about `count` runs. A single one needs none.
    ///
    /// # Panics
    /// Never: the template is a constant.
    #[must_use]
    pub fn new(mode: ProgressMode, count: u64) -> Self {
        let form = match mode {
            ProgressMode::None => Form::None,
            _ if count == 1 => Form::None,
            ProgressMode::Auto if std::io::stderr().is_terminal() => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
                let style =
                    ProgressStyle::with_template("{spinner} {msg}").expect("the template is well formed");
                Form::Live(bar.with_style(style))
            }
            ProgressMode::Auto | ProgressMode::Plain => Form::Plain { next: PLAIN_EVERY },
        };
        Self { form, count }
    }

    /// Shows how far the sweep is after `took`.
    pub fn tick(&mut self, tally: &SweepTally, took: Duration) {
        match &self.form {
            Form::None => {}
            Form::Live(bar) => {
                bar.set_message(self.text(tally, took));
                bar.tick();
            }
            Form::Plain { next } if took < *next => {}
            Form::Plain { .. } => {
                // A progress line that cannot be written is no reason to end a sweep.
                drop(writeln!(std::io::stderr(), "{}", self.text(tally, took)));
                self.form = Form::Plain {
                    next: took + PLAIN_EVERY,
                };
            }
        }
    }

    /// Takes the line off the screen, until the next tick.
    pub fn clear(&self) {
        if let Form::Live(bar) = &self.form {
            bar.set_message("");
            bar.tick();
        }
    }

    fn text(&self, tally: &SweepTally, took: Duration) -> String {
        format!(
            "{} of {} runs  {:.1} runs/s  {} valid  {} unknown  {} invalid",
            tally.runs,
            self.count,
            tally.per_second(took),
            tally.valid,
            tally.unknown,
            tally.invalid
        )
    }
}

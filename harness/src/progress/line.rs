//! One line that stays alive: time, operations a second, outcomes, faults in force.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{Phase, Progress, Tally};

/// How the progress of a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressMode {
    /// A live line on a terminal, else a plain line every few seconds.
    Auto,
    /// A plain line every few seconds.
    Plain,
    /// Nothing.
    None,
}

/// The time between two plain lines.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// The time over which the rate is taken.
const RATE_EVERY: Duration = Duration::from_secs(1);

/// A progress line on standard error.
#[derive(Debug)]
pub struct ProgressLine {
    form: Form,
    time_limit: Duration,
    rate: Rate,
}

#[derive(Debug)]
enum Form {
    Live(ProgressBar),
    Plain { next: Duration },
    None,
}

/// Successes a second, over the last second or so.
#[derive(Debug, Default)]
struct Rate {
    since: Duration,
    ok: u64,
    per_second: f64,
}

impl ProgressLine {
    /// A line in `mode` for a load of `time_limit`.
    ///
    /// # Panics
    /// Never: the template is a constant.
    #[must_use]
    pub fn new(mode: ProgressMode, time_limit: Duration) -> Self {
        let form = match mode {
            ProgressMode::None => Form::None,
            ProgressMode::Auto if std::io::stderr().is_terminal() => {
                let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
                let style =
                    ProgressStyle::with_template("{spinner} {msg}").expect("the template is well formed");
                Form::Live(bar.with_style(style))
            }
            ProgressMode::Auto | ProgressMode::Plain => Form::Plain { next: PLAIN_EVERY },
        };
        Self {
            form,
            time_limit,
            rate: Rate::default(),
        }
    }

    fn text(&self, phase: Phase, now: Duration, tally: Tally, faults: &[String]) -> String {
        let Tally { ok, fail, info, .. } = tally;
        let clock = match phase {
            Phase::Load => format!(
                "{:5.1} of {:.0} s",
                now.as_secs_f64(),
                self.time_limit.as_secs_f64()
            ),
            Phase::LastReads | Phase::AfterPrimary => {
                format!("{:5.1} s, {}", now.as_secs_f64(), phase.name())
            }
        };
        let faults = if faults.is_empty() {
            "no fault".to_owned()
        } else {
            faults.join(" + ")
        };
        format!(
            "{clock}  {:5.0} ok/s  ok {ok}  fail {fail}  info {info}  [{faults}]",
            self.rate.per_second
        )
    }
}

impl Progress for ProgressLine {
    fn tick(&mut self, phase: Phase, now: Duration, tally: Tally, faults: &[String]) {
        self.rate.note(now, tally.ok);
        match &self.form {
            Form::None => {}
            Form::Live(bar) => {
                bar.set_message(self.text(phase, now, tally, faults));
                bar.tick();
            }
            Form::Plain { next } if now < *next => {}
            Form::Plain { .. } => {
                // A progress line that cannot be written is no reason to end a run.
                drop(writeln!(
                    std::io::stderr(),
                    "{}",
                    self.text(phase, now, tally, faults)
                ));
                self.form = Form::Plain {
                    next: now + PLAIN_EVERY,
                };
            }
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Form::Live(bar) = &self.form {
            bar.finish_and_clear();
        }
    }
}

impl Rate {
    fn note(&mut self, now: Duration, ok: u64) {
        let span = now.saturating_sub(self.since);
        if RATE_EVERY <= span {
            self.per_second = ok.saturating_sub(self.ok) as f64 / span.as_secs_f64();
            (self.since, self.ok) = (now, ok);
        }
    }
}

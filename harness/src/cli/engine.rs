//! `tribunal engine`: a trial inside the lab, from its folder. Not typed by people.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use nemesis::{Agenda, Schedule};

use super::{HARNESS_FAILURE, Refusal};
use crate::adapter::{self, System};
use crate::chance::{Purpose, stream};
use crate::generator::{Pace, Until};
use crate::interpreter::Interpreter;
use crate::judge;
use crate::progress::line::{ProgressLine, ProgressMode};
use crate::store::RunFolder;
use crate::test::Test;
use crate::workload::{KeysConfig, Workload};
use crate::world::real::RealWorld;

/// Which run.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// The run's folder, with test.toml and schedule.toml in it
    folder: PathBuf,
    /// When the program was started, by the machine's monotonic clock
    #[arg(long)]
    started_ns: u64,
    /// How progress is shown
    #[arg(long, value_enum)]
    progress: ProgressMode,
}

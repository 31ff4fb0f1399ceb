//! `results.json`: the judgement of a run, in the form scripts depend on.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use histories::Anomaly;
use histories::checker::certificate::Certificate;
use serde::{Deserialize, Serialize};
use systems::NodeId;

use crate::cli::exit_code::{HARNESS_FAILURE, of_verdict};
use crate::progress::Tally;
use crate::testimony::FaultRecord;

/// The version of the form.
pub const FORMAT: u32 = 1;

/// The judgement of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    /// [`FORMAT`].
    pub format: u32,
    /// The system on trial.
    pub system: String,
    /// What its clients did.
    pub workload: String,
    /// What was done to it.
    pub nemesis: Vec<String>,
    /// Where it ran.
    pub world: String,
    /// The source of all chance.
    pub seed: u64,
    /// The deviation it was told to have.
    pub flaw: Option<String>,
    /// How it was told to answer reads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reads: Option<String>,
    /// The commit of the program.
    pub commit: String,
    /// `valid`, `unknown` or `invalid`.
    pub verdict: String,
    /// Why it is not valid.
    pub cause: Option<Cause>,
    /// The cause in one sentence.
    pub reason: Option<String>,
    /// Counts of all operations.
    pub ops: OpCounts,
    /// Counts by function.
    pub by_f: BTreeMap<String, OutcomeCounts>,
    /// Operations that succeeded while at least one fault was on, by function.
    pub under_fault: BTreeMap<String, OkCount>,
    /// The faults as they happened.
    pub faults: Vec<FaultRecord>,
    /// From the end of each fault to the first success of an operation asked after it, in the order of `faults`.
    pub recovery_ns: Vec<Option<u64>>,
    /// The longest time without a success while something was asked.
    pub longest_unavailable_ns: u64,
    /// The longest part of such a time in which so many nodes were left alone by all faults as the system needs to answer; none where it names no such number.
    #[serde(default)]
    pub longest_silence_in_touch_ns: Option<u64>,
    /// How many positions of its log each node had applied in the end, where all of them were waited for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub applied: BTreeMap<NodeId, u64>,
    /// What each checker found.
    pub checkers: Vec<CheckerResult>,
    /// What shows that the history is linearizable; in a file of its own.
    #[serde(skip)]
    pub certificates: Vec<Certificate>,
    /// The evidence.
    pub anomalies: Vec<Anomaly>,
    /// What the system need not have done, by its own claims.
    pub excuse: Option<String>,
    /// How long the parts of the run took.
    pub durations_ms: Durations,
}

/// Why a run is not valid; what weighs most comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A promise about the answers was broken.
    Violation,
    /// The system did not answer, or a node left by itself, though its claims do not allow it.
    Unavailable,
    /// Nothing was shown: no operation succeeded under fault.
    Vacuous,
    /// A fault was not seen to hold.
    UnverifiedFault,
    /// A checker gave up.
    CheckerLimit,
    /// The harness failed.
    Harness,
    /// Somebody ended the run before its time.
    Interrupted,
}

/// Counts of operations.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct OpCounts {
    /// Asked.
    pub invoked: u64,
    /// Surely done.
    pub ok: u64,
    /// Surely not done.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

/// Counts of one function's outcomes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct OutcomeCounts {
    /// Surely done.
    pub ok: u64,
    /// Surely not done.
    pub fail: u64,
    /// Unknown.
    pub info: u64,
}

/// A count of successes.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct OkCount {
    /// Surely done.
    pub ok: u64,
}

/// What a checker found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckerResult {
    /// Its name.
    pub name: String,
    /// `valid`, `unknown` or `invalid`.
    pub verdict: String,
    /// How long it took, in milliseconds.
    pub ms: f64,
    /// How many objects it judged.
    pub checked_keys: u64,
    /// Whether a certificate was verified.
    pub certificate: bool,
}

/// How long the parts of a run took, in milliseconds.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct Durations {
    /// From the start of the program to a serving cluster.
    pub setup: f64,
    /// Operations beside faults.
    pub load: f64,
    /// Everything after the load, until the last read.
    pub recover: f64,
    /// Judging.
    pub check: f64,
    /// From the last read until no node, host or packet was left.
    pub teardown: f64,
}

impl Cause {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Violation => "violation",
            Self::Unavailable => "unavailable",
            Self::Vacuous => "vacuous",
            Self::UnverifiedFault => "unverified-fault",
            Self::CheckerLimit => "checker-limit",
            Self::Harness => "harness",
            Self::Interrupted => "interrupted",
        }
    }
}

impl Results {
    /// The exit code that says so: 0 valid, 1 invalid, 2 unknown, 255 a failure of the harness.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.cause {
            Some(Cause::Harness) => HARNESS_FAILURE,
            _ => of_verdict(&self.verdict),
        }
    }

    /// Reads what [`Results::write`] wrote to `path`.
    ///
    /// # Errors
    /// When it cannot be read or is something else.
    pub fn read(path: &Path) -> io::Result<Self> {
        Ok(serde_json::from_slice(&fs::read(path)?)?)
    }

    /// Writes them to `path`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let fresh = path.with_extension("json.new");
        fs::write(&fresh, self.text()?)?;
        fs::rename(fresh, path)
    }

    /// The whole file.
    ///
    /// # Errors
    /// When a number has no form in JSON.
    pub fn text(&self) -> io::Result<String> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        Ok(text)
    }
}

impl From<Tally> for OpCounts {
    fn from(tally: Tally) -> Self {
        let Tally {
            invoked,
            ok,
            fail,
            info,
        } = tally;
        Self {
            invoked,
            ok,
            fail,
            info,
        }
    }
}

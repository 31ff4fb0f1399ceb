//! From what was recorded to the verdict: the journal is parsed, every checker of the workload judges it, and what the interpreter saw
//! beside the operations is weighed.
#![expect(clippy::disallowed_methods, reason = "a checker's time is limited and reported, and that takes a clock")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::time::{Duration, Instant};

use histories::checker::availability::{self, Recovery};
use histories::checker::progress::{self, Window, WindowSet};
use histories::checker::{Limits, MEMORY_BYTES_MAX, Report};
use histories::history::Time;
use histories::journal::Index;
use histories::{Anomaly, AnomalyKind, History, Verdict};

use crate::results::{Cause, CheckerResult, Durations, FORMAT, OkCount, OpCounts, OutcomeCounts, Results};
use crate::store::RunFolder;
use crate::test::Test;
use crate::testimony::{FaultRecord, LastReads, Testimony};
use crate::workload::Workload;

/// The longest a checker may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(60);

/// What was found, with the reason that matters most.
struct Finding {
    verdict: Verdict,
    cause: Cause,
}

//! One measurement in a process of its own: time to a verdict, and memory beside the history.
//!
//! Time is the processor's, of all threads together: it does not depend on what else the machine does. (The peer starts a thread per
//! object, so that its user may wait less than that where there are many objects and processors.)

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use histories::{Limits, Linearizable};
use porcupine_rs::CheckResult;

use crate::families::{self, Family};
use crate::peer;

/// The peer is given so long.
pub const PEER_SECONDS_MAX: u64 = 10;

/// A measurement is repeated until that much time went by, or so often.
const REPEAT_FOR: Duration = Duration::from_millis(500);
const REPEATS_MAX: usize = 9;

fn family(name: &str) -> Family {
    families::all()
        .into_iter()
        .find(|family| family.name == name)
        .expect("a family of that name")
}

/// Ours: prints verdict, microseconds, kilobytes and the number of the operations that prove it.
pub fn own(name: &str) {
    let family = family(name);
    let histories = family.histories();
    let checker = Linearizable::new(family.model);
    let mut proofs: Vec<usize> = Vec::new();
    let (verdict, took, kilobytes) = repeat(|| {
        proofs.clear();
        let mut worst = "valid";
        for history in &histories {
            let verdict = checker
                .judge(history, &Limits::patient())
                .expect("the model fits")
                .verdict;
            if let histories::Verdict::Invalid(anomalies) = &verdict {
                proofs.extend(anomalies.iter().map(|anomaly| anomaly.ops.len()));
            }
            worst = match (worst, verdict.name()) {
                ("invalid", _) | (_, "invalid") => "invalid",
                ("unknown", _) | (_, "unknown") => "unknown",
                _ => "valid",
            };
        }
        worst
    });
    proofs.sort_unstable();
    let proof = proofs.get(proofs.len() / 2).copied().unwrap_or(0);
    println!("{verdict} {} {kilobytes} {proof}", took.as_micros());
}

/// The peer: the same.
pub fn peer(name: &str) {
    let family = family(name);
    let histories: Vec<_> = family
        .histories()
        .iter()
        .map(|history| peer::operations(history, family.model))
        .collect();
    let limit = Duration::from_secs(PEER_SECONDS_MAX);
    let (verdict, took, kilobytes) = repeat(|| {
        let mut worst = "valid";
        for history in &histories {
            worst = match (worst, porcupine_rs::check_operations_timeout(history, limit)) {
                ("invalid", _) | (_, CheckResult::Illegal) => "invalid",
                ("unknown", _) | (_, CheckResult::Unknown) => "unknown",
                (worst, CheckResult::Ok) => worst,
            };
        }
        worst
    });
    println!("{verdict} {} {kilobytes} 0", took.as_micros());
}

/// The answer, the median time, and how much memory the first run took at its peak.
fn repeat(mut run: impl FnMut() -> &'static str) -> (&'static str, Duration, u64) {
    // Writing 5 there makes the kernel forget the peak so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = kilobytes("VmRSS:");
    let began = Instant::now();
    let mut took = Vec::new();
    let mut peak = 0;
    loop {
        let one = processor_time();
        let verdict = run();
        took.push(processor_time() - one);
        if took.len() == 1 {
            peak = kilobytes("VmHWM:").saturating_sub(before);
        }
        if took.len() >= REPEATS_MAX || began.elapsed() > REPEAT_FOR {
            took.sort_unstable();
            return (verdict, took[took.len() / 2], peak);
        }
    }
}

fn processor_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

fn kilobytes(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

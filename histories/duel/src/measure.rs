//! One measurement in a process of its own: time to a verdict, and memory beside the history.
//!
//! Time is the processor's, of all threads together: it does not depend on what else the machine does. (The peer starts a thread per
//! object, so that its user may wait less than that where there are many objects and processors.)

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use histories::verify::verify;
use histories::{History, Limits, Linearizable, Verdict};
use porcupine_rs::CheckResult;

use crate::families::{self, Family};
use crate::peer;

/// The peer is given so long for a history.
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

/// Ours: prints the verdict, the microseconds of the judgement, the kilobytes, the microseconds in which the certificates were verified,
/// and the number of the operations of each proof.
pub fn own(name: &str) {
    let family = family(name);
    let histories = family.histories();
    let checker = Linearizable::new(family.model);
    let judge = |history: &History| {
        checker
            .judge(history, &Limits::patient())
            .expect("the model fits")
    };
    let judged = repeat(|| worst(histories.iter().map(|history| judge(history).verdict.name())));
    let reports: Vec<_> = histories.iter().map(judge).collect();
    let verified = repeat(|| {
        for (history, report) in histories.iter().zip(&reports) {
            if report.verdict == Verdict::Valid {
                verify(history, family.model, &report.certificates).expect("a certificate holds");
            }
        }
        "valid"
    });
    print!(
        "{} {} {} {}",
        judged.verdict,
        judged.took.as_micros(),
        judged.kilobytes,
        verified.took.as_micros()
    );
    for report in &reports {
        if let Verdict::Invalid(anomalies) = &report.verdict {
            anomalies
                .iter()
                .for_each(|anomaly| print!(" {}", anomaly.ops.len()));
        }
    }
    println!();
}

fn worst(verdicts: impl Iterator<Item = &'static str>) -> &'static str {
    let rank = |verdict: &&str| {
        ["valid", "unknown", "invalid"]
            .iter()
            .position(|name| name == verdict)
    };
    verdicts.max_by_key(rank).unwrap_or("unknown")
}

/// The peer: prints the verdict, microseconds and kilobytes.
pub fn peer(name: &str) {
    let family = family(name);
    let histories: Vec<_> = family
        .histories()
        .iter()
        .map(|history| peer::operations(history, family.model))
        .collect();
    let limit = Duration::from_secs(PEER_SECONDS_MAX);
    let judge = |history: &Vec<_>| match porcupine_rs::check_operations_timeout(history, limit) {
        CheckResult::Ok => "valid",
        CheckResult::Illegal => "invalid",
        CheckResult::Unknown => "unknown",
    };
    let judged = repeat(|| worst(histories.iter().map(judge)));
    println!(
        "{} {} {}",
        judged.verdict,
        judged.took.as_micros(),
        judged.kilobytes
    );
}

/// What was measured of something.
pub struct Measured {
    pub verdict: &'static str,
    /// The processor's time; of several times the median.
    pub took: Duration,
    /// How much more memory it took at its peak; of several times the first.
    pub kilobytes: u64,
}

fn repeat(mut run: impl FnMut() -> &'static str) -> Measured {
    let began = Instant::now();
    let first = once(&mut run);
    let mut took = vec![first.took];
    while took.len() < REPEATS_MAX && began.elapsed() <= REPEAT_FOR {
        took.push(once(&mut run).took);
    }
    took.sort_unstable();
    Measured {
        took: took[took.len() / 2],
        ..first
    }
}

/// Measures it once.
pub fn once(run: impl FnOnce() -> &'static str) -> Measured {
    // Writing 5 there makes the kernel forget the peak so far.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = kilobytes("VmRSS:");
    let began = processor_time();
    let verdict = run();
    Measured {
        verdict,
        took: processor_time() - began,
        kilobytes: kilobytes("VmHWM:").saturating_sub(before),
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

//! The ways in which a case can be made smaller. Each offers cases that are, the boldest first; whether one still fails is not known here.

use std::time::Duration;

use nemesis::{Episode, Roster, Schedule};

use crate::case::Case;
use crate::test::Test;
use crate::world::sim::Conditions;

/// A way to make a case smaller.
pub(super) type Reduction = fn(&Case, &Roster) -> Vec<Case>;

/// All of them, those that take away most first.
pub(super) const REDUCTIONS: [&Reduction; 9] = [
    &(fewer_faults as Reduction),
    &(shorter_load as Reduction),
    &(fewer_clients as Reduction),
    &(fewer_keys as Reduction),
    &(fewer_operations as Reduction),
    &(usual_conditions as Reduction),
    &(shorter_faults as Reduction),
    &(later_faults as Reduction),
    &(rounder_times as Reduction),
];

/// Nothing is made shorter than this.
const LOAD_S_MIN: f64 = 0.5;
const FAULT_MIN: Duration = Duration::from_millis(20);
const RATE_MIN: f64 = 5.0;

/// Times are rounded to multiples of these, if the failure allows it.
const ROUND_MS: [u64; 3] = [1_000, 100, 10];

fn fewer_faults(case: &Case, roster: &Roster) -> Vec<Case> {
    let episodes = case.schedule.episodes();
    let mut smaller = Vec::new();
    let mut size = episodes.len();
    while 0 < size {
        let starts = (0..episodes.len()).step_by(size);
        smaller.extend(starts.filter_map(|start| {
            let without = |place: &usize| !(start..start + size).contains(place);
            let left = (0..episodes.len()).filter(without);
            with_faults(case, left.map(|place| episodes[place].clone()).collect(), roster)
        }));
        size /= 2;
    }
    smaller
}

fn shorter_load(case: &Case, roster: &Roster) -> Vec<Case> {
    let limits = [0.25, 0.5, 0.75, 0.9].map(|part| round(case.test.time_limit_s * part, 1_000.0));
    let shorter = |limit_s: f64| {
        let limit = Duration::from_secs_f64(limit_s);
        let within = case
            .schedule
            .episodes()
            .iter()
            .filter(|episode| episode.from < limit);
        let cut = |episode: &Episode| Episode {
            until: episode.until.min(limit),
            ..episode.clone()
        };
        let faults = within.map(cut).filter(|episode| episode.from < episode.until);
        let case = with_faults(case, faults.collect(), roster)?;
        Some(with_test(&case, |test| test.time_limit_s = limit_s))
    };
    let limits = limits.into_iter().filter(|limit_s| LOAD_S_MIN <= *limit_s);
    limits.filter_map(shorter).collect()
}

fn fewer_clients(case: &Case, _: &Roster) -> Vec<Case> {
    let now = case.test.concurrency;
    below([1, 2, now / 2, now - now.min(1)], now)
        .map(|concurrency| with_test(case, |test| test.concurrency = concurrency))
        .collect()
}

fn fewer_keys(case: &Case, _: &Roster) -> Vec<Case> {
    let now = case.test.keys;
    let fewer = [1, now / 2].into_iter().filter(|keys| (1..now).contains(keys));
    fewer
        .map(|keys| with_test(case, |test| test.keys = keys))
        .collect()
}

fn fewer_operations(case: &Case, _: &Roster) -> Vec<Case> {
    let rates = [0.25, 0.5, 0.75].map(|part| round(case.test.rate * part, 1.0));
    let rates = rates
        .into_iter()
        .filter(|rate| RATE_MIN <= *rate && *rate < case.test.rate);
    rates
        .map(|rate| with_test(case, |test| test.rate = rate))
        .collect()
}

fn usual_conditions(case: &Case, _: &Roster) -> Vec<Case> {
    let Some(now) = case.test.conditions else {
        return Vec::new();
    };
    let usual = Conditions::default();
    let each = [
        Conditions { ..usual },
        Conditions {
            timeouts_percent: usual.timeouts_percent,
            ..now
        },
        Conditions {
            patience_percent: usual.patience_percent,
            ..now
        },
        Conditions {
            transfer_bytes_max: usual.transfer_bytes_max,
            ..now
        },
        Conditions {
            latency_us: usual.latency_us,
            jitter_us: usual.jitter_us,
            ..now
        },
        Conditions {
            stalls_ppm: usual.stalls_ppm,
            stall_us_max: usual.stall_us_max,
            ..now
        },
        Conditions {
            sync_us_max: usual.sync_us_max,
            ..now
        },
        Conditions {
            drift_ppm_max: usual.drift_ppm_max,
            ..now
        },
        Conditions {
            kept_percent: usual.kept_percent,
            ..now
        },
        Conditions {
            mid_step_percent: usual.mid_step_percent,
            ..now
        },
    ];
    let other = each.into_iter().filter(|conditions| *conditions != now);
    other
        .map(|conditions| with_test(case, |test| test.conditions = Some(conditions)))
        .collect()
}

fn shorter_faults(case: &Case, roster: &Roster) -> Vec<Case> {
    each_fault(case, roster, |episode| {
        let length = episode.until - episode.from;
        [length / 4, length / 2, length * 3 / 4]
            .into_iter()
            .filter(|length| FAULT_MIN <= *length)
            .map(|length| Episode {
                until: episode.from + length,
                ..episode.clone()
            })
            .collect()
    })
}

fn later_faults(case: &Case, roster: &Roster) -> Vec<Case> {
    each_fault(case, roster, |episode| {
        let length = episode.until - episode.from;
        [length * 3 / 4, length / 2, length / 4]
            .into_iter()
            .filter(|gone| FAULT_MIN <= length - *gone && FAULT_MIN <= *gone)
            .map(|gone| Episode {
                from: episode.from + gone,
                ..episode.clone()
            })
            .collect()
    })
}

fn rounder_times(case: &Case, roster: &Roster) -> Vec<Case> {
    let rounded = ROUND_MS.into_iter().flat_map(|unit_ms| {
        each_fault(case, roster, |episode| {
            let rounded = Episode {
                from: up_to_round(episode.from, unit_ms),
                until: down_to_round(episode.until, unit_ms),
                ..episode.clone()
            };
            let is_rounder = rounded != *episode && is_multiple(episode, unit_ms) < 2;
            is_rounder.then_some(rounded).into_iter().collect()
        })
    });
    rounded.collect()
}

/// How many of an episode's two times are multiples of `unit_ms`.
fn is_multiple(episode: &Episode, unit_ms: u64) -> usize {
    let is = |span: Duration| span.as_nanos().is_multiple_of(u128::from(unit_ms) * 1_000_000);
    [episode.from, episode.until]
        .into_iter()
        .filter(|span| is(*span))
        .count()
}

// Rounding makes a fault shorter, too, so that no reduction undoes another.

fn up_to_round(span: Duration, unit_ms: u64) -> Duration {
    let ms = u64::try_from(span.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
    Duration::from_millis(ms.div_ceil(unit_ms).saturating_mul(unit_ms))
}

fn down_to_round(span: Duration, unit_ms: u64) -> Duration {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(ms / unit_ms * unit_ms)
}

/// The case with one fault replaced by each of what `changed` makes of it, for every fault.
fn each_fault(case: &Case, roster: &Roster, changed: impl Fn(&Episode) -> Vec<Episode>) -> Vec<Case> {
    let episodes = case.schedule.episodes();
    let replaced = |(place, episode): (usize, &Episode)| {
        let with = |new: Episode| {
            let mut faults = episodes.to_vec();
            faults[place] = new;
            with_faults(case, faults, roster)
        };
        changed(episode).into_iter().filter_map(with).collect::<Vec<_>>()
    };
    episodes.iter().enumerate().flat_map(replaced).collect()
}

fn with_faults(case: &Case, faults: Vec<Episode>, roster: &Roster) -> Option<Case> {
    let schedule = Schedule::new(faults, roster).ok()?;
    let test = case.test.clone();
    Some(Case { test, schedule })
}

fn with_test(case: &Case, change: impl FnOnce(&mut Test)) -> Case {
    let mut case = case.clone();
    change(&mut case.test);
    case
}

fn below<const N: usize>(numbers: [u64; N], now: u64) -> impl Iterator<Item = u64> {
    numbers
        .into_iter()
        .filter(move |number| (1..now).contains(number))
}

/// `number` with as many digits after the point as `parts` of one tell apart.
fn round(number: f64, parts: f64) -> f64 {
    (number * parts).round() / parts
}

//! What the random histories of a fuzz were like: whether they test anything.

use std::collections::BTreeSet;
use std::fmt;

use histories::history::{Ending, History};
use histories::values::Datum;

use crate::jury::Found;

/// How many histories were so.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    histories: u64,
    valid: u64,
    /// Of an operation nobody knows what became of it.
    pending: u64,
    /// Two events have the same time.
    tied: u64,
    /// Two operations that change something have the same argument.
    repeated: u64,
    /// An operation failed.
    failed: u64,
    /// One that failed says what it saw.
    saw: u64,
    /// How many proofs have so many operations.
    proofs: Vec<u64>,
}

impl Tally {
    /// Counts a history and what was found.
    pub(crate) fn add(&mut self, history: &History, found: &Found) {
        let operations = || history.operations().iter();
        self.histories += 1;
        self.valid += u64::from(found.is_linearizable);
        self.pending += u64::from(operations().any(|operation| operation.is_indeterminate()));
        self.tied += u64::from(is_tied(history));
        self.repeated += u64::from(is_repeated(history));
        let is_failed = |ending: &Ending<'_>| matches!(ending, Ending::Fail { .. });
        self.failed += u64::from(operations().any(|operation| is_failed(&operation.ending)));
        let is_seen = |ending: &Ending<'_>| matches!(ending, Ending::Fail { saw: Some(_), .. });
        self.saw += u64::from(operations().any(|operation| is_seen(&operation.ending)));
        for &size in &found.proofs {
            self.proofs.resize(self.proofs.len().max(size + 1), 0);
            self.proofs[size] += 1;
        }
    }

    /// Of a hundred histories so many are linearizable.
    pub(crate) fn valid_percent(&self) -> u64 {
        self.percent(self.valid)
    }

    /// How many operations the largest proof has.
    pub(crate) fn largest_proof(&self) -> usize {
        self.proofs.len().saturating_sub(1)
    }

    fn percent(&self, count: u64) -> u64 {
        count * 100 / self.histories.max(1)
    }

    /// How many operations half of the proofs have at most.
    fn median_proof(&self) -> usize {
        let half = self.proofs.iter().sum::<u64>().div_ceil(2);
        let mut sum = 0;
        let reaches_half = |count: &u64| {
            sum += count;
            half <= sum
        };
        self.proofs.iter().position(reaches_half).unwrap_or(0)
    }
}

fn is_tied(history: &History) -> bool {
    let mut times = BTreeSet::new();
    let mut edges = history
        .operations()
        .iter()
        .flat_map(|operation| [Some(operation.call), operation.completed])
        .flatten();
    !edges.all(|time| times.insert(time))
}

fn is_repeated(history: &History) -> bool {
    let mut arguments = BTreeSet::new();
    let mut changes = history
        .operations()
        .iter()
        .filter(|operation| operation.value != Datum::NULL)
        .map(|operation| (operation.f, history.values().json(operation.value).to_string()));
    !changes.all(|change| arguments.insert(change))
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |count| self.percent(count);
        write!(
            f,
            "{} histories: {} % valid, {} % with pending operations, {} % with equal times, {} % with repeated arguments, {} % with \
             failures, {} % with what a failure saw; {} proofs of {} operations in the median and {} at most",
            self.histories,
            self.valid_percent(),
            percent(self.pending),
            percent(self.tied),
            percent(self.repeated),
            percent(self.failed),
            percent(self.saw),
            self.proofs.iter().sum::<u64>(),
            self.median_proof(),
            self.largest_proof(),
        )
    }
}

//! How often terms of office begin: when nothing is wrong they do not follow each other for ever (I16).

use std::collections::BTreeMap;

use histories::{Anomaly, AnomalyKind};

use super::Hindsight;
use super::requests::bare;

/// When nothing is wrong: what is set right after the last fault, and at most so many terms a second.
const QUIET_TERMS_BESIDE_MAX: u64 = 4;
const QUIET_TERMS_PER_SECOND_MAX: u64 = 2;

/// So many terms are remembered, the latest. More of them cannot begin while all is quiet without being found.
const TERMS_KEPT_MAX: usize = 1 << 16;

/// When each term began.
#[derive(Debug)]
pub(super) struct Churn<T> {
    /// How terms are called, many of them.
    nouns: &'static str,
    /// In so many terms a node may look for somebody who leads before it comes back to where it began.
    search: u64,
    began: BTreeMap<T, u64>,
}

impl<T: Ord> Churn<T> {
    pub(super) const fn new(nouns: &'static str, search: u64) -> Self {
        Self {
            nouns,
            search,
            began: BTreeMap::new(),
        }
    }

    /// `term` begins, unless it has begun before.
    pub(super) fn begin(&mut self, t: u64, term: T) {
        self.began.entry(term).or_insert(t);
        if TERMS_KEPT_MAX < self.began.len() {
            self.began.pop_first();
        }
    }

    /// How many terms there were.
    pub(super) fn count(&self) -> u64 {
        self.began.len() as u64
    }

    /// Whether too many began while all was quiet.
    pub(super) fn conclude(&self, hindsight: &Hindsight<'_>) -> Option<Anomaly> {
        let quiet = hindsight.quiet?;
        let from = hindsight.began_ns + quiet.from.0;
        let until = hindsight.began_ns + quiet.to.0;
        let within = self.began.values().filter(|t| (from..until).contains(*t));
        let (count, seconds) = (within.count() as u64, (until - from) / 1_000_000_000);
        let most = QUIET_TERMS_BESIDE_MAX + self.search + seconds * QUIET_TERMS_PER_SECOND_MAX;
        let nouns = self.nouns;
        (most < count).then(|| {
            bare(
                AnomalyKind::ViewChurn,
                format!(
                    "{count} {nouns} followed each other within {seconds} s though everything had been healed"
                ),
            )
        })
    }
}

//! In which way a run failed, so that another can be said to fail in the same way.

use std::collections::BTreeSet;
use std::fmt;

use histories::AnomalyKind;

use crate::results::{Cause, Results};

/// The way in which a run failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why it is not valid.
    pub cause: Cause,
    /// The kinds of its evidence; when its clients saw any of it, only what they saw.
    pub kinds: BTreeSet<AnomalyKind>,
}

impl Failure {
    /// How the run with these `results` failed; none when it did not.
    #[must_use]
    pub fn of(results: &Results) -> Option<Self> {
        let all: BTreeSet<AnomalyKind> = results.anomalies.iter().map(|anomaly| anomaly.kind).collect();
        let seen: BTreeSet<AnomalyKind> = all.iter().copied().filter(|kind| !kind.is_inside()).collect();
        let kinds = if seen.is_empty() { all } else { seen };
        results.cause.map(|cause| Self { cause, kinds })
    }

    /// Whether `results` are of a failure in the same way: for the same cause, with evidence of a kind that is in both.
    #[must_use]
    pub fn is_that_of(&self, results: &Results) -> bool {
        let same = |other: Self| {
            let bare = self.kinds.is_empty() && other.kinds.is_empty();
            self.cause == other.cause && (bare || !self.kinds.is_disjoint(&other.kinds))
        };
        Self::of(results).is_some_and(same)
    }
}

impl fmt::Display for Failure {
    /// `violation: lost-append, stale-read`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.name())?;
        for (index, kind) in self.kinds.iter().enumerate() {
            write!(f, "{}{kind}", if index == 0 { ": " } else { ", " })?;
        }
        Ok(())
    }
}

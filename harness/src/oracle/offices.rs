//! Who acted in which term of office: one life of one node, and nobody else (I1).

use std::collections::BTreeMap;
use std::fmt::Display;

use histories::AnomalyKind;

use super::Findings;
use super::life::Life;

/// Who acted first in each term.
#[derive(Debug)]
pub(super) struct Offices<T> {
    /// What one does in a term, and how terms are called: `acted as primary of view`.
    deed: &'static str,
    holders: BTreeMap<T, Life>,
}

impl<T: Copy + Ord + Display> Offices<T> {
    pub(super) const fn new(deed: &'static str) -> Self {
        Self {
            deed,
            holders: BTreeMap::new(),
        }
    }

    /// `life` does what only the holder of `term` may.
    pub(super) fn act(&mut self, t: u64, term: T, life: Life, findings: &mut Findings) {
        let first = *self.holders.entry(term).or_insert(life);
        if first == life {
            return;
        }
        let whose = if first.node == life.node {
            "an earlier life"
        } else {
            "another node"
        };
        findings.add(
            AnomalyKind::TwoPrimaries,
            t,
            format!(
                "{} {} {term}, and so had {} ({whose})",
                life.node, self.deed, first.node
            ),
        );
    }
}

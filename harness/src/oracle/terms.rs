//! The terms of office that nodes have bound themselves to: nobody goes back to an earlier one, not over a restart either (I2).

use std::collections::BTreeMap;
use std::fmt::Display;

use histories::AnomalyKind;
use systems::NodeId;

use super::Findings;

/// The latest term that each node is known to go by.
#[derive(Debug)]
pub(super) struct Terms<T> {
    /// How terms are called.
    noun: &'static str,
    reached: BTreeMap<NodeId, T>,
}

impl<T: Copy + Ord + Display> Terms<T> {
    pub(super) const fn new(noun: &'static str) -> Self {
        Self {
            noun,
            reached: BTreeMap::new(),
        }
    }

    /// `node` goes by `term`, as its `deed` shows: `accepted slot 7 at`.
    pub(super) fn reach(
        &mut self,
        t: u64,
        node: NodeId,
        term: T,
        deed: impl Display,
        findings: &mut Findings,
    ) {
        let noun = self.noun;
        let reached = self.reached.entry(node).or_insert(term);
        if term < *reached {
            findings.add(
                AnomalyKind::ViewRegressed,
                t,
                format!("{node} {deed} {noun} {term} though it had gone by {noun} {reached} before"),
            );
        }
        *reached = term.max(*reached);
    }

    /// The latest term that `node` is known to go by.
    pub(super) fn reached(&self, node: NodeId) -> Option<T> {
        self.reached.get(&node).copied()
    }

    /// `node` came to life and knows of no term at all.
    pub(super) fn know_nothing(&self, t: u64, node: NodeId, findings: &mut Findings) {
        if let Some(reached) = self.reached.get(&node) {
            let noun = self.noun;
            findings.add(
                AnomalyKind::ViewRegressed,
                t,
                format!(
                    "{node} came to life without any {noun} though it had gone by {noun} {reached} before"
                ),
            );
        }
    }

    /// What `node` goes by is told anew; it kept nothing of it over its restart, and need not.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.reached.remove(&node);
    }
}

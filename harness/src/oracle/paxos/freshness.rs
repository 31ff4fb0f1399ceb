//! Reads that take no slot: what a leader tells contains everything that any leader had applied when the read came.
//!
//! A leader says that a read has come before it asks anybody to confirm it, so whoever confirms does so later. What was answered until
//! then had been applied by a leader until then.

use std::collections::BTreeMap;

use histories::AnomalyKind;
use systems::NodeId;

use crate::oracle::Findings;
use crate::oracle::log::Index;
use crate::oracle::requests::RequestId;

/// So many reads are remembered at a time, those that came last of each client; more do not wait.
const READS_KEPT_MAX: usize = 1 << 16;

/// How far leaders have come, and how far they had when each read came.
#[derive(Debug, Default)]
pub(super) struct Freshness {
    carried_out: Index,
    floors: BTreeMap<(NodeId, RequestId), Index>,
}

impl Freshness {
    /// A leader has applied a slot.
    pub(super) fn carry_out(&mut self, slot: Index) {
        self.carried_out = slot.max(self.carried_out);
    }

    /// A read has come to `node`. The same may come again, and elsewhere; the first one there counts.
    pub(super) fn ask(&mut self, node: NodeId, request: RequestId) {
        self.floors.entry((node, request)).or_insert(self.carried_out);
        if READS_KEPT_MAX < self.floors.len() {
            self.floors.pop_first();
        }
    }

    /// `node` has answered it, from what it held after a slot.
    pub(super) fn answer(
        &mut self,
        t: u64,
        node: NodeId,
        request: RequestId,
        after: Index,
        findings: &mut Findings,
    ) {
        let Some(floor) = self.floors.remove(&(node, request)) else {
            return;
        };
        if after < floor {
            let sentence = format!(
                "{node} answered a read by itself after slot {after}, and slot {floor} had been applied by a leader when the read came"
            );
            findings.add(AnomalyKind::TwoPrimaries, t, sentence);
        }
    }
}

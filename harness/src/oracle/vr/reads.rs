//! Reads that a primary answers by itself: not when a later one may have carried out more.

use std::collections::BTreeMap;
use std::ops::Bound;

use histories::AnomalyKind;
use systems::NodeId;
use systems::vr::View;

use crate::oracle::Findings;
use crate::oracle::log::Index;

/// So many views are remembered, the latest.
const VIEWS_KEPT_MAX: usize = 1 << 10;

/// How far the primary of each view has come.
#[derive(Debug, Default)]
pub(super) struct Reads {
    acted: BTreeMap<View, Acted>,
}

#[derive(Debug, Clone, Copy)]
struct Acted {
    node: NodeId,
    through: Index,
}

impl Reads {
    /// The primary of `view` has carried out a place.
    pub(super) fn carry_out(&mut self, node: NodeId, view: View, through: Index) {
        let acted = self.acted.entry(view).or_insert(Acted { node, through });
        acted.through = through.max(acted.through);
        if VIEWS_KEPT_MAX < self.acted.len() {
            self.acted.pop_first();
        }
    }

    /// The primary of `view` has answered a read by itself, from what it held after a place.
    pub(super) fn read(&self, t: u64, node: NodeId, view: View, after: Index, findings: &mut Findings) {
        let mut later = self.acted.range((Bound::Excluded(view), Bound::Unbounded));
        if let Some((later, acted)) = later.find(|(_, acted)| after < acted.through) {
            let Acted { node: other, through } = acted;
            findings.add(
                AnomalyKind::TwoPrimaries,
                t,
                format!(
                    "{node} answered a read by itself as primary of view {view} after place {after}, and {other} had carried out place {through} as primary of view {later}"
                ),
            );
        }
    }
}

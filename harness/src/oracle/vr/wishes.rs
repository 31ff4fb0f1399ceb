//! Who would rather be in a later view: nobody leaves for one that a quorum does not wish for (I16).
//!
//! A replica that says it has left for a view, or is found to be in it, wished for it, too: what it said of that may have died with it.

use std::collections::{BTreeMap, BTreeSet};

use histories::AnomalyKind;
use systems::NodeId;
use systems::vr::View;

use crate::oracle::Findings;
use crate::oracle::log::{Electorate, names};

/// The latest view that each replica wished for, or was in.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    latest: BTreeMap<NodeId, View>,
    /// The latest view that anybody has left for.
    left_for: View,
}

impl Wishes {
    /// `node` wishes for `view`, or is in it.
    pub(super) fn note(&mut self, node: NodeId, view: View) {
        let latest = self.latest.entry(node).or_default();
        *latest = view.max(*latest);
    }

    /// `node` leaves its view for `view`.
    pub(super) fn leave(
        &mut self,
        t: u64,
        node: NodeId,
        view: View,
        electorate: &Electorate,
        findings: &mut Findings,
    ) {
        let wishing = self.latest.iter().filter(|(_, latest)| view <= **latest);
        let wishing: BTreeSet<NodeId> = wishing.map(|(node, _)| *node).collect();
        // Whoever comes later follows those who have left.
        if self.left_for < view && !electorate.carries(&wishing) {
            let (count, wishing) = (electorate.members().len(), names(&wishing));
            let sentence =
                format!("{node} left for view {view} when of {count} replicas only {wishing} wished for it");
            findings.add(AnomalyKind::OutOfTurn, t, sentence);
        }
        self.left_for = view.max(self.left_for);
        self.note(node, view);
    }
}

//! Who recovers, or is not a member of its epoch: it takes part in nothing (I11).

use std::collections::{BTreeMap, BTreeSet};

use histories::AnomalyKind;
use systems::NodeId;
use systems::vr::Nonce;

use crate::oracle::Findings;
use crate::oracle::life::Life;

/// Which replicas take part in nothing.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// Who recovers, and with which attempt.
    recovering: BTreeMap<NodeId, Nonce>,
    /// Who is not a member of its epoch.
    outside: BTreeSet<NodeId>,
}

impl Stages {
    /// A life begins; whatever an earlier one was at is over.
    pub(super) fn start(&mut self, life: Life) {
        self.recovering.remove(&life.node);
        self.outside.remove(&life.node);
    }

    /// `life` is not a member of its epoch.
    pub(super) fn stand_outside(&mut self, life: Life) {
        self.outside.insert(life.node);
    }

    /// `life` is in another epoch.
    pub(super) fn enter_epoch(&mut self, life: Life) {
        self.outside.remove(&life.node);
    }

    /// `life` asks the others where they are.
    pub(super) fn recover(&mut self, life: Life, nonce: Nonce) {
        self.recovering.insert(life.node, nonce);
    }

    /// `life` knows where the others are, by the answers to an attempt.
    pub(super) fn recovered(&mut self, t: u64, life: Life, nonce: Nonce, findings: &mut Findings) {
        let attempt = self.recovering.remove(&life.node);
        if attempt != Some(nonce) || nonce.incarnation != life.incarnation {
            findings.add(
                AnomalyKind::OutOfTurn,
                t,
                format!(
                    "{} went by answers to another attempt at recovering than its last",
                    life.node
                ),
            );
        }
    }

    /// `life` does what only those do who take part.
    pub(super) fn take_part(&mut self, t: u64, life: Life, deed: &str, findings: &mut Findings) {
        if self.recovering.contains_key(&life.node) {
            findings.add(
                AnomalyKind::OutOfTurn,
                t,
                format!("{} {deed} while it recovered", life.node),
            );
        }
        if self.outside.contains(&life.node) {
            findings.add(
                AnomalyKind::OutOfTurn,
                t,
                format!("{} {deed} in an epoch of which it is not a member", life.node),
            );
        }
    }
}

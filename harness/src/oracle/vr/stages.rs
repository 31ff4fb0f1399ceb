//! Who recovers: it takes part in nothing until it knows where the others are (I11).

use std::collections::BTreeMap;

use histories::AnomalyKind;
use systems::NodeId;
use systems::vr::Nonce;

use crate::oracle::Findings;
use crate::oracle::life::Life;

/// Which replicas recover, and with which attempt.
#[derive(Debug, Default)]
pub(super) struct Stages {
    recovering: BTreeMap<NodeId, Nonce>,
}

impl Stages {
    /// A life begins; whatever an earlier one was at is over.
    pub(super) fn start(&mut self, life: Life) {
        self.recovering.remove(&life.node);
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
    }
}

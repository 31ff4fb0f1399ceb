//! The oracles of viewstamped replication.
//!
//! | | what must hold | kind when it does not |
//! |---|---|---|
//! | I1 | at most one replica carries out commands as primary of a view | `two-primaries` |
//! | I2 | the view of a replica never decreases, also over its restarts | `view-regressed` |
//! | I3, I8 | at one place of the log every replica carries out the same, with the same result | `divergent-state` |

use std::collections::BTreeMap;

use histories::{Anomaly, AnomalyKind};
use systems::group::Response;
use systems::server::EventLine;
use systems::service::Digest;
use systems::service::kv::{Answer, KeyValue};
use systems::vr::{Config, Event, Node, OpNumber, Role, View};
use systems::{ClientId, NodeId};

use super::{Findings, Hindsight, Oracle};

/// Follows the replicas of one group.
#[derive(Debug, Default)]
pub struct VrOracle {
    findings: Findings,
    primaries: BTreeMap<View, NodeId>,
    views: BTreeMap<NodeId, View>,
    carried_out: BTreeMap<OpNumber, Digest>,
}

impl VrOracle {
    /// Somebody who follows the group of `config` and has heard nothing yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let _ = config;
        Self::default()
    }

    fn see_view(&mut self, t: u64, node: NodeId, view: View) {
        let before = self.views.insert(node, view).unwrap_or(view);
        if view < before {
            let sentence = format!("{node} went from view {before} back to view {view}");
            self.findings.add(AnomalyKind::ViewRegressed, t, sentence);
        }
    }

    fn see_primary(&mut self, t: u64, node: NodeId, view: View) {
        let first = *self.primaries.entry(view).or_insert(node);
        if first != node {
            let sentence = format!("{first} and {node} both acted as primary of view {view}");
            self.findings.add(AnomalyKind::TwoPrimaries, t, sentence);
        }
    }

    fn see_result(&mut self, t: u64, node: NodeId, op: OpNumber, digest: Digest) {
        let first = *self.carried_out.entry(op).or_insert(digest);
        if first != digest {
            let sentence = format!("{node} did otherwise at place {op} of the log than another before it");
            self.findings.add(AnomalyKind::DivergentState, t, sentence);
        }
    }
}

impl Oracle<Node<KeyValue>> for VrOracle {
    fn note(&mut self, line: &EventLine<Event>) {
        let (t, node) = (line.t, line.node);
        match &line.event {
            Event::Started { view, .. } | Event::ViewEntered { view } | Event::Installed { view, .. } => {
                self.see_view(t, node, *view);
            }
            Event::Executed {
                view,
                op,
                role,
                digest,
                ..
            } => {
                if *role == Role::Primary {
                    self.see_primary(t, node, *view);
                }
                self.see_result(t, node, *op, *digest);
            }
            _ => {}
        }
    }

    fn answer(&mut self, _: NodeId, _: ClientId, _: &Response<Answer>) {}

    fn conclude(&self, hindsight: &Hindsight<'_>) -> Vec<Anomaly> {
        self.findings.anomalies(hindsight)
    }
}

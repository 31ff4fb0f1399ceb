//! What the event logs of a cluster tell about it: who leads, as far as it knows itself.
//!
//! It knows what it was told and nothing else. It cannot see a process die; that is said by whoever asks.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::paxos::ballot::Ballot;
use crate::paxos::event::Event;

/// Follows the events of all nodes of one cluster.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    leaders: BTreeMap<NodeId, Ballot>,
}

impl Observer {
    /// An observer that has been told nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of `event` at `node`. The events of one node must come in their order.
    pub fn note(&mut self, node: NodeId, event: &Event) {
        match event {
            Event::TookOver { ballot, .. } => {
                self.leaders.insert(node, *ballot);
            }
            Event::Started { .. } | Event::SteppedDown { .. } | Event::Halted => {
                self.leaders.remove(&node);
            }
            Event::Rotated { .. }
            | Event::Promised { .. }
            | Event::Reading { .. }
            | Event::Proposed { .. }
            | Event::Accepted { .. }
            | Event::Learned { .. }
            | Event::Applied { .. }
            | Event::Installed { .. }
            | Event::Compacted { .. }
            | Event::ReadAsked { .. }
            | Event::ReadAnswered { .. }
            | Event::Ignored { .. } => (),
        }
    }

    /// Every node that takes itself for the leader, having read, and at which ballot. A dead one is among them until it is started again.
    #[must_use]
    pub const fn leaders(&self) -> &BTreeMap<NodeId, Ballot> {
        &self.leaders
    }
}

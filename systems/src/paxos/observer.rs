//! What the event logs of a cluster tell about it: who leads, as far as it knows itself, and how far each node is.
//!
//! It knows what it was told and nothing else. It cannot see a process die; that is said by whoever asks.

use std::collections::BTreeMap;

use crate::node_id::NodeId;
use crate::paxos::ballot::{Ballot, Slot};
use crate::paxos::event::Event;

/// Follows the events of all nodes of one cluster.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    leaders: BTreeMap<NodeId, Ballot>,
    applied: BTreeMap<NodeId, Slot>,
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
            Event::Started { committed, .. } => {
                self.leaders.remove(&node);
                self.applied.insert(node, *committed);
            }
            Event::SteppedDown { .. } | Event::Halted => {
                self.leaders.remove(&node);
            }
            Event::Applied { slot: through, .. } | Event::Installed { through, .. } => {
                self.applied.insert(node, *through);
            }
            Event::Rotated { .. }
            | Event::Promised { .. }
            | Event::Reading { .. }
            | Event::Proposed { .. }
            | Event::Accepted { .. }
            | Event::Learned { .. }
            | Event::Compacted { .. }
            | Event::ReadAsked { .. }
            | Event::ReadAnswered { .. }
            | Event::Ignored { .. } => (),
        }
    }

    /// How far each node has applied its log, in its present life or its last one.
    #[must_use]
    pub const fn applied(&self) -> &BTreeMap<NodeId, Slot> {
        &self.applied
    }

    /// Every node that takes itself for the leader, having read, and at which ballot. A dead one is among them until it is started again.
    #[must_use]
    pub const fn leaders(&self) -> &BTreeMap<NodeId, Ballot> {
        &self.leaders
    }
}

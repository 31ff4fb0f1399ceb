//! Viewstamped replication.

use std::collections::BTreeSet;

use systems::NodeId;
use systems::group::GroupSession;
use systems::service::kv::KeyValue;
use systems::vr::{Config, Event, Observer};

use crate::world::System;

mod cluster;
mod flaws;
mod membership;
mod notes;
mod oracle;
mod packet;
mod regressions;
mod scenarios;
mod scripts;
mod search;

/// A replica of the key-value store.
pub(crate) type Node = systems::vr::Node<KeyValue>;

/// Viewstamped replication, as a world has to know it.
pub(crate) enum Vr {}

impl System for Vr {
    type Replica = Node;
    type Session = GroupSession<Node>;
    type Observer = Observer;

    fn nodes(config: &Config) -> Vec<NodeId> {
        config.members.iter().chain(&config.reserve).copied().collect()
    }

    fn observer(config: &Config) -> Observer {
        Observer::new(config.members.iter().copied())
    }

    fn note(observer: &mut Observer, node: NodeId, event: &Event) {
        observer.note(node, event);
    }

    /// What is durable is all that is needed, so anybody may die at any time.
    fn expendable(_: &Observer, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        running.clone()
    }

    /// Who is primary of which view.
    fn shown(observer: &Observer) -> String {
        let primaries = observer.primaries();
        let shown: Vec<String> = primaries
            .iter()
            .map(|(node, view)| format!("{view}({node})"))
            .collect();
        shown.join(", ")
    }
}

//! The Paxos log.

use std::collections::BTreeSet;

use systems::NodeId;
use systems::group::GroupSession;
use systems::paxos::{Config, Event, Node, Observer};

use crate::world::System;

mod basics;
mod cluster;
mod flaws;
mod instances;
mod oracle;
mod packet;
mod reads;
mod scenarios;
mod scripts;
mod search;

/// The Paxos log, as a world has to know it.
pub(crate) enum Paxos {}

impl System for Paxos {
    type Replica = Node;
    type Session = GroupSession<Node>;
    type Observer = Observer;

    fn nodes(config: &Config) -> Vec<NodeId> {
        config.members.clone()
    }

    fn observer(_: &Config) -> Observer {
        Observer::new()
    }

    fn note(observer: &mut Observer, node: NodeId, event: &Event) {
        observer.note(node, event);
    }

    /// What is durable is all that is needed, so anybody may die at any time.
    fn expendable(_: &Observer, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        running.clone()
    }

    /// Who leads at which ballot.
    fn shown(observer: &Observer) -> String {
        let leaders: Vec<String> = observer.leaders().values().map(ToString::to_string).collect();
        leaders.join(", ")
    }
}

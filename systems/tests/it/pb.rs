//! Primary/backup under a view service.

use std::collections::BTreeSet;

use systems::NodeId;
use systems::pb::{ClientSession, Config, Event, Node, Observer, View};

use crate::world::System;

mod client_session;
mod cluster;
mod findings;
mod flaws;
mod hardship;
mod office;
mod oracle;
mod packet;
mod primary_backup;
mod scripts;
mod search;
mod view_service;

/// Primary/backup, as a world has to know it.
pub(crate) enum Pb {}

impl System for Pb {
    type Replica = Node;
    type Session = ClientSession;
    type Observer = Observer;

    fn nodes(config: &Config) -> Vec<NodeId> {
        config.servers.iter().copied().chain([config.service]).collect()
    }

    fn observer(config: &Config) -> Observer {
        Observer::new(config.service)
    }

    fn note(observer: &mut Observer, node: NodeId, event: &Event) {
        observer.note(node, event);
    }

    fn expendable(observer: &Observer, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        observer.expendable(running)
    }

    /// The newest view in short, like `3(n1, n2)`.
    fn shown(observer: &Observer) -> String {
        observer.newest().map_or("none".to_owned(), View::to_string)
    }
}

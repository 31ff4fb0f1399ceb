//! A whole cluster, and clients that are patient or not.

use std::time::Duration;

use systems::group::{GroupSession, GroupSessionConfig};
use systems::paxos::{Config, Flaw};
use systems::session::{Patience, Persistence};
use systems::{ClientId, NodeId};

use super::Paxos;
use crate::world::{World, ms, n};

/// Says it again until it is answered.
pub(super) const STUBBORN: Patience = Patience {
    resend_after: Duration::from_millis(150),
    give_up_after: Duration::from_secs(600),
    persistence: Persistence::Retry,
};

/// Gives up after the first silence.
pub(super) const HASTY: Patience = Patience {
    resend_after: Duration::from_millis(250),
    give_up_after: Duration::from_secs(5),
    persistence: Persistence::GiveUp,
};

/// The usual configuration of `nodes` nodes.
pub(super) fn config(nodes: usize, flaw: Option<Flaw>) -> Config {
    let config = Config::new((1..=nodes).map(n).collect());
    Config { flaw, ..config }
}

impl World<Paxos> {
    /// `nodes` nodes, all started, one of which leads.
    pub(super) fn formed(seed: u64, config: Config) -> Self {
        let members = config.members.clone();
        let mut world = Self::of(seed, config);
        for node in members {
            world.start(node);
        }
        world.wait("somebody leads", |world| world.leader().is_some());
        world
    }

    pub(super) fn client(&mut self, patience: Patience) -> ClientId {
        let config = GroupSessionConfig::new(self.config.members.clone(), patience);
        self.add_client(GroupSession::new(config))
    }

    /// Who leads at the highest ballot of those that run.
    pub(super) fn leader(&self) -> Option<NodeId> {
        let running = self.running();
        let leaders = self
            .observer
            .leaders()
            .iter()
            .filter(|(node, _)| running.contains(node));
        leaders.max_by_key(|(_, ballot)| **ballot).map(|(node, _)| *node)
    }

    /// Whether all that run have applied the same, and as much.
    pub(super) fn agrees(&self) -> bool {
        let states = self.running().into_iter().map(|node| {
            let node = self.node(node).expect("it runs");
            (node.committed(), node.machine().digest())
        });
        let states: Vec<_> = states.collect();
        states.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Waits until all that run have applied the same.
    pub(super) fn settle(&mut self) {
        self.run(ms(200));
        self.wait("all agree", World::agrees);
    }
}

//! A whole group, and clients that are patient or not.

use std::time::Duration;

use systems::group::{GroupSession, GroupSessionConfig};
use systems::session::{Patience, Persistence};
use systems::vr::{Beginning, Config, Flaw, OpNumber, Role, View};
use systems::{ClientId, NodeId};

use super::{Node, Vr};
use crate::world::{System, World, ms, n};

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

/// Says it once and waits for long.
pub(super) const PATIENT: Patience = Patience {
    resend_after: Duration::from_secs(60),
    give_up_after: Duration::from_secs(60),
    persistence: Persistence::GiveUp,
};

/// The usual configuration of `nodes` replicas.
pub(super) fn config(nodes: usize, flaw: Option<Flaw>) -> Config {
    let config = Config::new((1..=nodes).map(n).collect());
    Config { flaw, ..config }
}

impl World<Vr> {
    /// Replicas as `config` says, all started and in the first view.
    pub(super) fn gathered(config: Config) -> Self {
        let nodes = Vr::nodes(&config);
        let mut world = Self::of(1, config);
        for node in nodes {
            world.start(node);
        }
        world.run(ms(200));
        assert!(world.observer.formed(), "{world:?}");
        world
    }

    /// A client that asks `first` first, and then the others in turn.
    pub(super) fn client_of(&mut self, first: NodeId, patience: Patience) -> ClientId {
        let mut replicas = self.config.members.clone();
        let place = replicas.iter().position(|&node| node == first).unwrap();
        replicas.rotate_left(place);
        self.add_client(GroupSession::new(GroupSessionConfig::new(replicas, patience)))
    }

    pub(super) fn client(&mut self, patience: Patience) -> ClientId {
        self.client_of(n(1), patience)
    }

    pub(super) fn replica(&self, node: NodeId) -> &Node {
        self.node(node).expect("the replica runs")
    }

    /// Whether `node` is normal in `view`.
    pub(super) fn is_in(&self, node: NodeId, view: u64) -> bool {
        self.is_in_view(node, View::in_first_epoch(view))
    }

    pub(super) fn is_in_view(&self, node: NodeId, view: View) -> bool {
        let replica = self.node(node);
        replica.is_some_and(|replica| replica.normal().is_some() && replica.view() == view)
    }

    pub(super) fn wait_in(&mut self, node: NodeId, view: u64) {
        self.wait(&format!("{node} is in view {view}"), |world| {
            world.is_in(node, view)
        });
    }

    /// The primary of the latest view of those that run.
    pub(super) fn primary(&self) -> Option<NodeId> {
        let normal = self.running().into_iter().map(|node| (node, self.replica(node)));
        let primaries = normal.filter(|(_, replica)| replica.normal() == Some(Role::Primary));
        primaries
            .max_by_key(|(_, replica)| replica.view())
            .map(|(node, _)| node)
    }

    pub(super) fn wait_for_primary(&mut self) -> NodeId {
        self.wait("there is a primary", |world| world.primary().is_some());
        self.primary().unwrap()
    }

    pub(super) fn op(&self, node: NodeId) -> OpNumber {
        self.replica(node).log().op()
    }

    /// What `node` has made of the commands it has carried out.
    pub(super) fn value_at(&self, node: NodeId, key: &str) -> Option<String> {
        self.replica(node).machine().service().get(key).map(str::to_owned)
    }

    /// How the newest epoch began that anybody who runs is in.
    pub(super) fn newest(&self) -> Option<&Beginning> {
        let running = self.running().into_iter();
        let beginnings = running.map(|node| self.replica(node).beginning());
        beginnings.max_by_key(|beginning| beginning.epoch)
    }

    /// Whether all members that run are normal in one view and have carried out the same, and everything they have, and nobody else is.
    pub(super) fn agrees(&self) -> bool {
        let Some(members) = self.newest().map(|newest| &newest.members) else {
            return false;
        };
        let is_member = |node: &NodeId| members.contains(*node);
        let (inside, outside): (Vec<NodeId>, Vec<NodeId>) = self.running().into_iter().partition(is_member);
        let is_normal = |node: NodeId| self.replica(node).normal().is_some();
        self.are_equal(&inside) && !outside.into_iter().any(is_normal)
    }

    fn are_equal(&self, nodes: &[NodeId]) -> bool {
        let states = nodes.iter().map(|&node| {
            let replica = self.replica(node);
            let (op, commit) = (replica.log().op(), replica.commit());
            let digest = replica.machine().digest();
            (replica.normal().is_some(), replica.view(), op, commit, digest)
        });
        let states: Vec<_> = states.collect();
        let settled = states
            .iter()
            .all(|(normal, _, op, commit, _)| *normal && op == commit);
        settled && states.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// Waits until all that run have carried out the same.
    pub(super) fn settle(&mut self) {
        self.run(ms(200));
        self.wait("all agree", World::<Vr>::agrees);
    }
}

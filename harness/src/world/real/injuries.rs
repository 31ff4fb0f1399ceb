//! Overlapping faults, counted: a link is cut and a node is down or stopped for as long as at least one fault wants it so.

use std::collections::{BTreeMap, BTreeSet};

use nemesis::{Action, FaultId, Link};
use systems::NodeId;

/// How a node shall be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeWish {
    /// Running.
    Up,
    /// Standing still.
    Paused,
    /// Killed.
    Down,
}

/// Which faults hurt what.
#[derive(Debug, Default)]
pub struct Injuries {
    cut: BTreeMap<Link, BTreeSet<FaultId>>,
    paused: BTreeMap<NodeId, BTreeSet<FaultId>>,
    down: BTreeMap<NodeId, BTreeSet<FaultId>>,
}

impl Injuries {
    /// Notes that fault `id` wants `action`.
    pub fn add(&mut self, id: FaultId, action: &Action) {
        match action {
            Action::Cut(links) => add(&mut self.cut, id, links),
            Action::Pause(nodes) => add(&mut self.paused, id, nodes),
            Action::Kill(nodes) => add(&mut self.down, id, nodes),
            Action::Disturb(_) => {}
        }
    }

    /// Notes that fault `id` does not want `action` any more.
    pub fn remove(&mut self, id: FaultId, action: &Action) {
        match action {
            Action::Cut(links) => remove(&mut self.cut, id, links),
            Action::Pause(nodes) => remove(&mut self.paused, id, nodes),
            Action::Kill(nodes) => remove(&mut self.down, id, nodes),
            Action::Disturb(_) => {}
        }
    }

    /// Whether any fault touches `node` now. Being cut off from `clients` does not count: it leaves the nodes to each other.
    #[must_use]
    pub fn touch(&self, node: NodeId, clients: NodeId) -> bool {
        let of_node = |link: &&Link| link.from == node || link.to == node;
        let of_clients = |link: &Link| link.from == clients || link.to == clients;
        let is_cut = self.cut.keys().filter(of_node).any(|link| !of_clients(link));
        is_cut || self.paused.contains_key(&node) || self.down.contains_key(&node)
    }

    /// Whether any fault wants `link` cut.
    #[must_use]
    pub fn is_cut(&self, link: Link) -> bool {
        self.cut.contains_key(&link)
    }

    /// How `node` shall be: down beats paused.
    #[must_use]
    pub fn wish(&self, node: NodeId) -> NodeWish {
        match (self.down.contains_key(&node), self.paused.contains_key(&node)) {
            (true, _) => NodeWish::Down,
            (false, true) => NodeWish::Paused,
            (false, false) => NodeWish::Up,
        }
    }
}

fn add<T: Copy + Ord>(hurt: &mut BTreeMap<T, BTreeSet<FaultId>>, id: FaultId, whom: &BTreeSet<T>) {
    for one in whom {
        hurt.entry(*one).or_default().insert(id);
    }
}

fn remove<T: Copy + Ord>(hurt: &mut BTreeMap<T, BTreeSet<FaultId>>, id: FaultId, whom: &BTreeSet<T>) {
    for one in whom {
        if let Some(faults) = hurt.get_mut(one) {
            faults.remove(&id);
            if faults.is_empty() {
                hurt.remove(one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_faults_hurt_is_whole_only_after_both_are_healed() {
        let node = NodeId::replica(1);
        let nodes = BTreeSet::from([node]);
        let mut injuries = Injuries::default();
        injuries.add(FaultId(1), &Action::Kill(nodes.clone()));
        injuries.add(FaultId(2), &Action::Pause(nodes.clone()));
        injuries.add(FaultId(3), &Action::Kill(nodes.clone()));
        assert_eq!(injuries.wish(node), NodeWish::Down);
        injuries.remove(FaultId(1), &Action::Kill(nodes.clone()));
        assert_eq!(injuries.wish(node), NodeWish::Down);
        injuries.remove(FaultId(3), &Action::Kill(nodes.clone()));
        assert_eq!(injuries.wish(node), NodeWish::Paused);
        injuries.remove(FaultId(2), &Action::Pause(nodes));
        assert_eq!(injuries.wish(node), NodeWish::Up);
    }
}

//! Overlapping faults, counted: a link is cut and a node is down or stopped for as long as at least one fault wants it so.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nemesis::{Action, FaultId, Link};
use systems::NodeId;

/// A node that a fault has touched is not counted on for this long afterwards: its connections may still have to be made anew.
const SOUND_AFTER: Duration = Duration::from_millis(1_500);

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
    disturbed: BTreeMap<Link, BTreeSet<FaultId>>,
    /// When a fault that touched each node was last healed.
    healed: BTreeMap<NodeId, Duration>,
}

impl Injuries {
    /// Notes that fault `id` wants `action`.
    pub fn add(&mut self, id: FaultId, action: &Action) {
        match action {
            Action::Cut(links) => add(&mut self.cut, id, links),
            Action::Pause(nodes) => add(&mut self.paused, id, nodes),
            Action::Kill(nodes) => add(&mut self.down, id, nodes),
            Action::Disturb(disturbance) => add(&mut self.disturbed, id, &disturbance.links),
            Action::Change(_) => {}
        }
    }

    /// Notes at `now` that fault `id` does not want `action` any more.
    pub fn remove(&mut self, now: Duration, id: FaultId, action: &Action) {
        self.healed
            .extend(touched(action).into_iter().map(|node| (node, now)));
        match action {
            Action::Cut(links) => remove(&mut self.cut, id, links),
            Action::Pause(nodes) => remove(&mut self.paused, id, nodes),
            Action::Kill(nodes) => remove(&mut self.down, id, nodes),
            Action::Disturb(disturbance) => remove(&mut self.disturbed, id, &disturbance.links),
            Action::Change(_) => {}
        }
    }

    /// Whether no fault touches `node` at `now`, nor has touched it of late. Being cut off from `clients` does not count: it leaves the
    /// nodes to each other.
    #[must_use]
    pub fn is_sound(&self, node: NodeId, now: Duration, clients: NodeId) -> bool {
        let between_nodes = |link: &&Link| link.from != clients && link.to != clients;
        let mut hurt = self.cut.keys().chain(self.disturbed.keys()).filter(between_nodes);
        let of_late = self
            .healed
            .get(&node)
            .is_some_and(|healed| now < *healed + SOUND_AFTER);
        let is_hurt = hurt.any(|link| link.from == node || link.to == node);
        !of_late && !is_hurt && self.wish(node) == NodeWish::Up
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

/// The nodes that `action` touches.
fn touched(action: &Action) -> BTreeSet<NodeId> {
    let ends = |links: &BTreeSet<Link>| links.iter().flat_map(|link| [link.from, link.to]).collect();
    match action {
        Action::Cut(links) => ends(links),
        Action::Disturb(disturbance) => ends(&disturbance.links),
        Action::Pause(nodes) | Action::Kill(nodes) => nodes.clone(),
        // Whoever is asked to join or to leave is not hurt by that.
        Action::Change(_) => BTreeSet::new(),
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
        injuries.remove(Duration::ZERO, FaultId(1), &Action::Kill(nodes.clone()));
        assert_eq!(injuries.wish(node), NodeWish::Down);
        injuries.remove(Duration::ZERO, FaultId(3), &Action::Kill(nodes.clone()));
        assert_eq!(injuries.wish(node), NodeWish::Paused);
        injuries.remove(Duration::ZERO, FaultId(2), &Action::Pause(nodes));
        assert_eq!(injuries.wish(node), NodeWish::Up);
    }
    #[test]
    fn a_node_is_sound_again_some_time_after_the_last_fault_that_touched_it() {
        let [n1, n2, clients] = [NodeId::replica(1), NodeId::replica(2), "clients".parse().unwrap()];
        let cut = |from, to| Action::Cut(BTreeSet::from([Link { from, to }]));
        let mut injuries = Injuries::default();
        injuries.add(FaultId(1), &cut(clients, n1));
        assert!(
            injuries.is_sound(n1, Duration::ZERO, clients),
            "it is cut off from clients only"
        );
        injuries.add(FaultId(2), &cut(n1, n2));
        assert!(
            !injuries.is_sound(n1, Duration::ZERO, clients)
                && !injuries.is_sound(n2, Duration::ZERO, clients)
        );
        let healed = Duration::from_secs(1);
        injuries.remove(healed, FaultId(2), &cut(n1, n2));
        assert!(!injuries.is_sound(n2, healed, clients));
        assert!(injuries.is_sound(n2, healed + SOUND_AFTER, clients));
    }
}

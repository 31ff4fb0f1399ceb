//! What the event logs of a cluster tell about it: who takes itself for a primary, whether it is formed, and whose loss it would
//! survive now.
//!
//! It knows what it was told and nothing else. It cannot see a process die (that is said by whoever kills it), and what it says is as
//! old as the last event it was told.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_id::NodeId;
use crate::pb::event::{Acknowledgement, Event};
use crate::pb::view::{Member, Role, View, ViewNumber};
use crate::replica::Incarnation;

/// Follows the events of all nodes of one cluster.
#[derive(Debug, Clone)]
pub struct Observer {
    service: NodeId,
    /// The life every node was last started into; none if that one is over and the next has not been heard of.
    lives: BTreeMap<NodeId, Option<Incarnation>>,
    /// The servers that go by a view in which they are primary.
    primaries: BTreeMap<NodeId, ViewNumber>,
    newest: Option<(View, Acknowledgement)>,
}

impl Observer {
    /// An observer of the cluster of the view service `service` that has been told nothing.
    #[must_use]
    pub fn new(service: NodeId) -> Self {
        Self {
            service,
            lives: BTreeMap::new(),
            primaries: BTreeMap::new(),
            newest: None,
        }
    }

    /// Takes note of `event` at `node`. The events of one node must come in their order.
    pub fn note(&mut self, node: NodeId, event: &Event) {
        match event {
            Event::Started { incarnation, .. } => {
                self.lives.insert(node, Some(*incarnation));
                self.primaries.remove(&node);
            }
            Event::ViewAnnounced { view } => self.note_view(view, Acknowledgement::Pending),
            Event::ViewRecovered {
                view,
                acknowledgement,
            } => self.note_view(view, *acknowledgement),
            Event::ViewAcknowledged { view } => self.note_acknowledgement(*view),
            Event::ViewInstalled {
                view,
                role: Role::Primary,
            } => {
                self.primaries.insert(node, view.number);
            }
            Event::ViewInstalled {
                role: Role::Backup | Role::Idle,
                ..
            }
            | Event::Unfit { .. }
            | Event::Halted => {
                self.primaries.remove(&node);
            }
            Event::StoodStill { .. }
            | Event::TookOffice { .. }
            | Event::Synchronised { .. }
            | Event::Executed { .. }
            | Event::Ignored { .. } => (),
        }
    }

    /// Takes note that `node` died, after the events of the life that ended. Started again it may not have said so yet, and must not
    /// be taken for the one that died meanwhile.
    pub fn note_death(&mut self, node: NodeId) {
        self.lives.insert(node, None);
        self.primaries.remove(&node);
    }

    /// Every server that takes itself for a primary, and of which view.
    #[must_use]
    pub fn primaries(&self) -> &BTreeMap<NodeId, ViewNumber> {
        &self.primaries
    }

    /// The newest view that was announced.
    #[must_use]
    pub fn newest(&self) -> Option<&View> {
        self.newest.as_ref().map(|(view, _)| view)
    }

    /// Whether the newest view has a backup that holds everything.
    #[must_use]
    pub fn formed(&self) -> bool {
        self.newest.as_ref().is_some_and(|(view, acknowledgement)| {
            view.backup.is_some() && *acknowledgement == Acknowledgement::Given
        })
    }

    /// The nodes of `running` any one of which may be killed without losing data: the view service, whose view is durable; a
    /// server without a part in the newest view; and a member of it if it is acknowledged and another member of it runs, in
    /// the very life it names.
    ///
    /// A node that is paused or cut off should not be counted as running: it cannot take over while it is, and may be dropped from
    /// the view at any moment.
    #[must_use]
    pub fn expendable(&self, running: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        running
            .iter()
            .copied()
            .filter(|&node| self.is_expendable(node, running))
            .collect()
    }

    /// Why the cluster will never answer again when only the nodes `running` are left, by what it claims: whoever could act on the
    /// newest view is dead, and a restarted server is another member, with nothing to serve from. None while there is hope.
    #[must_use]
    pub fn lost(&self, running: &BTreeSet<NodeId>) -> Option<String> {
        let (view, acknowledgement) = self.newest.as_ref()?;
        let lives = |member: Member| {
            let life = self.lives.get(&member.node);
            running.contains(&member.node) && life.is_none_or(|&life| life == Some(member.incarnation))
        };
        let number = view.number;
        match (*acknowledgement, lives(view.primary), view.backup) {
            (_, true, _) => None,
            (Acknowledgement::Given, false, Some(backup)) if lives(backup) => None,
            (Acknowledgement::Given, false, Some(_)) => Some(format!(
                "both members of view {number} died before another server held everything"
            )),
            (Acknowledgement::Given, false, None) => {
                Some(format!("the primary of view {number} died, and it was alone"))
            }
            (Acknowledgement::Pending, false, _) => Some(format!(
                "the primary of view {number} died before it had acknowledged that view"
            )),
        }
    }

    fn is_expendable(&self, node: NodeId, running: &BTreeSet<NodeId>) -> bool {
        if node == self.service {
            return true;
        }
        let Some((view, acknowledgement)) = &self.newest else {
            return false;
        };
        let life = |member: Member| self.lives.get(&member.node).copied();
        // Whoever has not been heard of may well be the member.
        let is_member = |member: Member| {
            member.node == node && life(member).is_none_or(|life| life == Some(member.incarnation))
        };
        let survives = |member: Member| {
            let is_the_one = life(member) == Some(Some(member.incarnation));
            member.node != node && running.contains(&member.node) && is_the_one
        };
        let covered = *acknowledgement == Acknowledgement::Given && view.members().any(survives);
        covered || !view.members().any(is_member)
    }

    fn note_view(&mut self, view: &View, acknowledgement: Acknowledgement) {
        self.newest = Some((view.clone(), acknowledgement));
    }

    fn note_acknowledgement(&mut self, number: ViewNumber) {
        if let Some((view, acknowledgement)) = &mut self.newest
            && view.number == number
        {
            *acknowledgement = Acknowledgement::Given;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(number: usize) -> Member {
        Member {
            node: NodeId::replica(number),
            incarnation: Incarnation(number as u64),
        }
    }

    fn started(number: usize) -> Event {
        let Member { node, incarnation } = member(number);
        Event::Started { node, incarnation }
    }

    #[test]
    fn a_member_that_was_killed_and_started_again_covers_nobody_even_before_it_says_so() {
        let service: NodeId = "vs".parse().unwrap();
        let mut observer = Observer::new(service);
        for number in [1, 2] {
            observer.note(NodeId::replica(number), &started(number));
        }
        let view = View {
            number: ViewNumber(2),
            primary: member(1),
            backup: Some(member(2)),
        };
        observer.note(service, &Event::ViewAnnounced { view });
        observer.note(service, &Event::ViewAcknowledged { view: ViewNumber(2) });
        let running = BTreeSet::from([1, 2].map(NodeId::replica));
        assert_eq!(observer.expendable(&running), running);
        observer.note_death(NodeId::replica(1));
        let first = BTreeSet::from([NodeId::replica(1)]);
        assert_eq!(
            observer.expendable(&running),
            first,
            "the second holds the only copy"
        );
        assert_eq!(observer.lost(&running), None);
        observer.note_death(NodeId::replica(2));
        assert!(observer.lost(&running).is_some());
    }
}

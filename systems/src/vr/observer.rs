//! What the event logs of a group tell about it: who takes itself for a primary, whether it is formed, and whose loss it would go on
//! after.
//!
//! It knows what it was told and nothing else, and what it says is as old as the last event it was told.

use std::collections::{BTreeMap, BTreeSet};

use crate::group::Epoch;
use crate::node_id::NodeId;
use crate::vr::event::Event;
use crate::vr::members::Members;
use crate::vr::message::Role;
use crate::vr::view::View;

/// Follows the events of all replicas of one group.
#[derive(Debug, Clone)]
pub struct Observer {
    /// The newest epoch that anybody has entered, and who has.
    epoch: Epoch,
    members: Members,
    entered: BTreeSet<NodeId>,
    /// In which view each replica is normal, and as what.
    normal: BTreeMap<NodeId, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    view: View,
    role: Role,
}

impl Observer {
    /// An observer of the group of `members` that has been told nothing.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            epoch: Epoch::FIRST,
            members: Members::new(members),
            entered: BTreeSet::new(),
            normal: BTreeMap::new(),
        }
    }

    /// Takes note of `event` at `node`. The events of one replica must come in their order.
    pub fn note(&mut self, node: NodeId, event: &Event) {
        match event {
            Event::Normal { view, role } => {
                let (view, role) = (*view, *role);
                self.normal.insert(node, Place { view, role });
            }
            Event::EpochBegan { view, members, .. } => self.note_epoch(node, view.epoch, members),
            Event::Started { .. }
            | Event::ViewEntered { .. }
            | Event::Transferring { .. }
            | Event::Outside { .. }
            | Event::Halted => {
                self.normal.remove(&node);
            }
            Event::Recovering { .. }
            | Event::Recovered { .. }
            | Event::Suspected { .. }
            | Event::Reported { .. }
            | Event::LogChosen { .. }
            | Event::Installed { .. }
            | Event::SnapshotInstalled { .. }
            | Event::Appended { .. }
            | Event::Prepared { .. }
            | Event::Committed { .. }
            | Event::Executed { .. }
            | Event::ReadLocally { .. }
            | Event::Checkpointed { .. }
            | Event::HandedOver { .. }
            | Event::FellSilent { .. }
            | Event::Ignored { .. } => (),
        }
    }

    fn note_epoch(&mut self, node: NodeId, epoch: Epoch, members: &[NodeId]) {
        if self.epoch < epoch
            && let Some(members) = Members::of(members.iter().copied())
        {
            (self.epoch, self.members) = (epoch, members);
            self.entered.clear();
        }
        if epoch == self.epoch {
            self.entered.insert(node);
        }
    }

    /// The members of the newest epoch that anybody has entered.
    #[must_use]
    pub const fn members(&self) -> &Members {
        &self.members
    }

    /// Whether more than half of the members have entered that epoch.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        let entered = self.entered.iter().filter(|&&node| self.members.contains(node));
        self.epoch == Epoch::FIRST || self.members.majority() <= entered.count()
    }

    /// Takes note that `node` died; what it had said of itself does not hold for its next life.
    pub fn note_death(&mut self, node: NodeId) {
        self.normal.remove(&node);
    }

    /// Every replica that takes itself for a primary, and of which view.
    #[must_use]
    pub fn primaries(&self) -> BTreeMap<NodeId, View> {
        let primaries = self
            .normal
            .iter()
            .filter(|(_, place)| place.role == Role::Primary);
        primaries.map(|(&node, place)| (node, place.view)).collect()
    }

    /// Whether some primary has enough backups to go on, in the newest view in which anybody is normal.
    #[must_use]
    pub fn formed(&self) -> bool {
        let Some(newest) = self.normal.values().map(|place| place.view).max() else {
            return false;
        };
        let members = self
            .normal
            .iter()
            .filter(|(node, _)| self.members.contains(**node));
        let in_it = || {
            members
                .clone()
                .map(|(_, place)| place)
                .filter(|place| place.view == newest)
        };
        self.members.majority() <= in_it().count() && in_it().any(|place| place.role == Role::Primary)
    }

    /// Whether the group goes on when only the replicas `running` are left.
    #[must_use]
    pub fn goes_on_with(&self, running: &BTreeSet<NodeId>) -> bool {
        let left = running.iter().filter(|&&node| self.members.contains(node));
        self.members.majority() <= left.count()
    }
}

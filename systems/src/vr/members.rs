//! Who makes up the group, and whose turn it is.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::quorum;
use crate::vr::view::View;

/// The replicas of a group, in the order of their names, which is the order in which they take turns as primary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<NodeId>", into = "Vec<NodeId>")]
pub struct Members(Vec<NodeId>);

/// A group without members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoMembers;

impl Members {
    /// The group of `nodes`, named in any order.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = NodeId>) -> Self {
        Self::of(nodes).expect("a group has a member")
    }

    /// The group of `nodes`, named in any order, if there are any.
    #[must_use]
    pub fn of(nodes: impl IntoIterator<Item = NodeId>) -> Option<Self> {
        let nodes: Vec<NodeId> = BTreeSet::from_iter(nodes).into_iter().collect();
        (!nodes.is_empty()).then_some(Self(nodes))
    }

    /// The primary of `view`, a view of the epoch whose members these are.
    #[must_use]
    pub fn primary_of(&self, view: View) -> NodeId {
        self.0[(view.number % self.0.len() as u64) as usize]
    }

    /// f: how many may be missing.
    #[must_use]
    pub const fn missing_max(&self) -> usize {
        quorum::missing_max(self.0.len())
    }

    /// How many must agree, oneself included: f + 1 of 2f + 1.
    #[must_use]
    pub const fn majority(&self) -> usize {
        quorum::majority(self.0.len())
    }

    /// How many they are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// Whether `node` is one of them.
    #[must_use]
    pub fn contains(&self, node: NodeId) -> bool {
        self.0.contains(&node)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> {
        self.0.iter().copied()
    }

    /// All but `me`.
    pub fn others(&self, me: NodeId) -> impl Iterator<Item = NodeId> {
        self.iter().filter(move |&node| node != me)
    }
}

impl TryFrom<Vec<NodeId>> for Members {
    type Error = NoMembers;

    fn try_from(nodes: Vec<NodeId>) -> Result<Self, NoMembers> {
        Self::of(nodes).ok_or(NoMembers)
    }
}

impl From<Members> for Vec<NodeId> {
    fn from(Members(nodes): Members) -> Self {
        nodes
    }
}

impl fmt::Display for NoMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a group has a member")
    }
}

impl std::error::Error for NoMembers {}

#[cfg(test)]
mod tests {
    use super::Members;
    use crate::node_id::NodeId;
    use crate::vr::view::View;

    #[test]
    fn the_primary_is_the_view_number_modulo_the_group_in_the_order_of_names() {
        let members = Members::new([3, 1, 2].map(NodeId::replica));
        let primaries = [0, 1, 2, 3].map(|view| members.primary_of(View::in_first_epoch(view)));
        assert_eq!(primaries, [1, 2, 3, 1].map(NodeId::replica));
    }
}

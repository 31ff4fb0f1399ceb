//! Who may propose, and where: rounds, ballots, slots.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;

/// One turn in the rotation of leaders, upwards from 1. Every node counts for itself and adopts larger counts of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Round(pub u64);

/// The right of one node to propose, ordered by round. A node uses each of its ballots in one life only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ballot {
    /// Its turn in the rotation.
    pub round: Round,
    /// Whose it is.
    pub node: NodeId,
}

/// A position of the log, upwards from 1. Zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Slot(pub u64);

impl Round {
    /// Before the first.
    pub const ZERO: Self = Self(0);

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whose turn it is among `members`.
    ///
    /// # Panics
    /// When there are no members; no cluster is that small.
    #[must_use]
    pub fn leader(self, members: &[NodeId]) -> NodeId {
        let count = members.len() as u64;
        let index = usize::try_from(self.0 % count).expect("less than the number of members");
        members[index]
    }
}

impl Slot {
    /// Before the first.
    pub const ZERO: Self = Self(0);

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The slot `count` further.
    #[must_use]
    pub fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    /// How many slots lie between `earlier` and this; zero when it lies behind.
    #[must_use]
    pub fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(usize::MAX)
    }

    /// The `count` slots from this one on.
    pub fn run(self, count: usize) -> impl Iterator<Item = Self> {
        (self.0..self.plus(count).0).map(Self)
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Ballot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.round, self.node)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ballot, Round, Slot};
    use crate::node_id::NodeId;

    #[test]
    fn every_member_has_its_turn() {
        let members: Vec<NodeId> = (1..=3).map(NodeId::replica).collect();
        let leaders: Vec<NodeId> = (1..=6).map(|round| Round(round).leader(&members)).collect();
        assert_eq!(leaders, [2, 3, 1, 2, 3, 1].map(NodeId::replica));
    }

    #[test]
    fn a_later_round_beats_a_larger_name() {
        let ballot = |round, node| Ballot {
            round: Round(round),
            node: NodeId::replica(node),
        };
        assert!(ballot(1, 3) < ballot(2, 1));
        assert!(ballot(2, 1) < ballot(2, 2));
    }

    #[test]
    fn a_run_of_slots_has_as_many_as_were_asked_for() {
        assert_eq!(Slot(3).run(2).collect::<Vec<_>>(), [Slot(3), Slot(4)]);
        assert_eq!(Slot(3).run(0).next(), None);
        assert_eq!(Slot(5).since(Slot(3)), 2);
        assert_eq!(Slot(3).since(Slot(5)), 0);
    }
}

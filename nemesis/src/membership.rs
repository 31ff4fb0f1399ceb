//! Changes of who belongs to the group of replicas.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use systems::NodeId;

use crate::cluster::Roster;
use crate::target::minority;

/// In which way the members change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reshape {
    /// Nodes that were held in reserve become members.
    Grow,
    /// Members leave.
    Shrink,
    /// Members leave, and as many that were held in reserve take their places.
    Replace,
}

/// Who becomes a member and who is one no more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// They become members.
    pub joins: BTreeSet<NodeId>,
    /// They leave.
    pub leaves: BTreeSet<NodeId>,
}

/// The fewest members to which a nemesis lets a group shrink: any one of them can be missing.
pub const MEMBERS_FEWEST: usize = 3;

const _: () = assert!(0 < minority(MEMBERS_FEWEST));

impl Reshape {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Grow, Self::Shrink, Self::Replace];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Grow => "grow",
            Self::Shrink => "shrink",
            Self::Replace => "replace",
        }
    }

    pub(crate) const fn about(self) -> &'static str {
        match self {
            Self::Grow => "nodes that were held in reserve become members of the group, and leave it again",
            Self::Shrink => "members leave the group, as far as it can then still lose one, and come back",
            Self::Replace => {
                "members leave the group, and nodes that were held in reserve take their places for a while"
            }
        }
    }

    /// Whether it can be done in a system of these nodes.
    ///
    /// # Errors
    /// The reason why not, for a person.
    pub(crate) fn fits(self, roster: &Roster) -> Result<(), String> {
        let replicas = roster.replicas.len();
        match self {
            Self::Grow | Self::Replace if roster.reserve.is_empty() => Err(format!(
                "membership.{} needs nodes in reserve; this system has none",
                self.name()
            )),
            Self::Shrink if replicas <= MEMBERS_FEWEST => Err(format!(
                "membership.{} needs more than {MEMBERS_FEWEST} replicas; this system has {replicas}",
                self.name()
            )),
            Self::Grow | Self::Shrink | Self::Replace => Ok(()),
        }
    }
}

impl Change {
    /// Everybody it concerns.
    #[must_use]
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        self.joins.union(&self.leaves).copied().collect()
    }

    /// Whether a group of `members` is as it wants it.
    #[must_use]
    pub fn holds_in(&self, members: &BTreeSet<NodeId>) -> bool {
        self.joins.is_subset(members) && self.leaves.is_disjoint(members)
    }

    /// The members when all of `changes` are in force together: the replicas and whoever joins, without whoever leaves. Where too few would be
    /// left, the first replicas stay all the same.
    #[must_use]
    pub fn together<'a>(changes: impl IntoIterator<Item = &'a Self>, roster: &Roster) -> BTreeSet<NodeId> {
        let replicas: BTreeSet<NodeId> = roster.replicas.iter().copied().collect();
        let (mut members, mut leaves) = (replicas.clone(), BTreeSet::<NodeId>::new());
        for change in changes {
            members.extend(&change.joins);
            leaves.extend(&change.leaves);
        }
        members.retain(|node| !leaves.contains(node));
        let fewest = MEMBERS_FEWEST.min(replicas.len());
        for node in replicas {
            if members.len() < fewest {
                members.insert(node);
            }
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systems::NodeId;

    use super::Change;
    use crate::cluster::Roster;

    fn nodes(numbers: &[usize]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId::replica).collect()
    }

    fn change(joins: &[usize], leaves: &[usize]) -> Change {
        Change {
            joins: nodes(joins),
            leaves: nodes(leaves),
        }
    }

    fn roster(replicas: usize) -> Roster {
        Roster {
            replicas: (1..=replicas).map(NodeId::replica).collect(),
            reserve: [8, 9].map(NodeId::replica).to_vec(),
            services: Vec::new(),
            clients: "clients".parse().unwrap(),
            spares: 1,
        }
    }

    #[test]
    fn changes_that_overlap_leave_nothing_behind_in_whatever_order_they_end() {
        let (grow, replace) = (change(&[8], &[]), change(&[9], &[2]));
        let roster = roster(3);
        assert_eq!(Change::together([&grow, &replace], &roster), nodes(&[1, 3, 8, 9]));
        assert_eq!(Change::together([&replace], &roster), nodes(&[1, 3, 9]));
        assert_eq!(Change::together([&grow], &roster), nodes(&[1, 2, 3, 8]));
        assert_eq!(Change::together([], &roster), nodes(&[1, 2, 3]));
    }

    #[test]
    fn a_group_never_shrinks_to_fewer_than_can_lose_one() {
        let (one, other) = (change(&[], &[1, 2]), change(&[], &[4, 5]));
        assert_eq!(Change::together([&one, &other], &roster(5)), nodes(&[1, 2, 3]));
        assert_eq!(Change::together([&change(&[], &[1])], &roster(2)), nodes(&[1, 2]));
    }

    #[test]
    fn a_change_holds_where_whoever_joins_is_and_whoever_leaves_is_not() {
        let change = change(&[8], &[1]);
        assert!(change.holds_in(&nodes(&[2, 3, 8])));
        assert!(!change.holds_in(&nodes(&[1, 2, 8])) && !change.holds_in(&nodes(&[2, 3])));
    }
}

//! How oracles speak of a replicated log, whatever its protocol calls the things in it.

use std::collections::BTreeSet;
use std::fmt;

use systems::NodeId;

/// A position of a log, upwards from 1. Zero is before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Index(pub(super) u64);

/// What a protocol calls a position of its log and a term of office.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) index: &'static str,
    pub(super) term: &'static str,
}

/// A position as a sentence names it: `slot 7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) noun: &'static str,
    pub(super) index: Index,
}

/// Those whose word counts, in the configuration that is in force.
#[derive(Debug, Clone)]
pub(super) struct Electorate {
    members: BTreeSet<NodeId>,
}

impl Index {
    pub(super) const fn next(self) -> Self {
        self.plus(1)
    }

    pub(super) const fn plus(self, count: usize) -> Self {
        Self(self.0.saturating_add(count as u64))
    }

    pub(super) const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.noun, self.index)
    }
}

impl Electorate {
    pub(super) fn new(members: impl IntoIterator<Item = NodeId>) -> Self {
        Self {
            members: members.into_iter().collect(),
        }
    }

    pub(super) const fn members(&self) -> &BTreeSet<NodeId> {
        &self.members
    }

    /// Whether `voters` are more than half of the members. Nobody counts twice, and no stranger.
    pub(super) fn carries(&self, voters: &BTreeSet<NodeId>) -> bool {
        let count = voters.intersection(&self.members).count();
        self.members.len() < count * 2
    }
}

/// Names in a sentence: `n1, n2`, or `nobody`.
pub(super) fn names<'a>(nodes: impl IntoIterator<Item = &'a NodeId>) -> String {
    let names: Vec<&str> = nodes.into_iter().map(NodeId::as_str).collect();
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        names.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use systems::NodeId;

    use super::Electorate;

    #[test]
    fn a_quorum_is_more_than_half_of_the_members_and_no_stranger_counts() {
        let carries = |members: usize, voters: &[usize]| {
            let voters: BTreeSet<NodeId> = voters.iter().map(|number| NodeId::replica(*number)).collect();
            Electorate::new((1..=members).map(NodeId::replica)).carries(&voters)
        };
        assert!(carries(3, &[1, 3]) && !carries(3, &[1]));
        assert!(carries(4, &[1, 2, 3]) && !carries(4, &[1, 2]));
        assert!(carries(5, &[1, 2, 3]) && !carries(5, &[1, 2]));
        assert!(!carries(3, &[1, 7]), "a stranger counted");
    }
}

//! Who has accepted a value.

use std::collections::BTreeSet;

use crate::node_id::NodeId;
use crate::paxos::{Config, Flaw};

/// The nodes that have accepted one value in one slot at one ballot.
#[derive(Debug, Clone, Default)]
pub(super) struct Votes {
    voters: BTreeSet<NodeId>,
    /// Votes that came again. They count for nothing, but for a flaw.
    again: usize,
}

impl Votes {
    pub(super) fn add(&mut self, voter: NodeId) {
        if !self.voters.insert(voter) {
            self.again += 1;
        }
    }

    pub(super) fn has(&self, voter: NodeId) -> bool {
        self.voters.contains(&voter)
    }

    pub(super) fn are_quorum(&self, config: &Config) -> bool {
        let unidentified = if config.has(Flaw::AckNotIdentified) {
            self.again
        } else {
            0
        };
        config.quorum() <= self.voters.len() + unidentified
    }
}

#[cfg(test)]
mod tests {
    use super::Votes;
    use crate::node_id::NodeId;
    use crate::paxos::Config;

    #[test]
    fn a_vote_that_comes_twice_counts_once() {
        let config = Config::new((1..=5).map(NodeId::replica).collect());
        let mut votes = Votes::default();
        for voter in [1, 2, 2, 2] {
            votes.add(NodeId::replica(voter));
        }
        assert!(!votes.are_quorum(&config));
        votes.add(NodeId::replica(3));
        assert!(votes.are_quorum(&config));
    }
}

//! Whose turn it is: a circular count of rounds, moved by time-outs and by larger counts of others.
//!
//! The count needs no agreement; two nodes with different counts only waste time. So that they do not waste it for ever, a node waits a
//! random half longer than it must, and twice as long after each whole turn of the circle that brought no leader.

use std::time::Duration;

use fastrand::Rng;

use crate::paxos::ballot::Round;
use crate::paxos::{Config, Flaw};

/// A node's own count.
#[derive(Debug, Clone)]
pub(super) struct Rotation {
    round: Round,
    /// Rounds since a leader was last heard of that leads, or the search for one began anew.
    fruitless: u32,
    rng: Rng,
}

/// What a node waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The first sign of life of a round's leader, who should already know that it is his turn.
    FirstSign,
    /// The next one.
    NextSign,
}

impl Rotation {
    pub(super) fn new(round: Round, seed: u64) -> Self {
        Self {
            round,
            fruitless: 0,
            rng: Rng::with_seed(seed),
        }
    }

    pub(super) const fn round(&self) -> Round {
        self.round
    }

    pub(super) fn move_to(&mut self, round: Round) {
        assert!(self.round < round, "the count of rounds only grows");
        self.round = round;
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// The search for a leader is over, or things have changed so that it begins anew.
    pub(super) const fn begin_anew(&mut self) {
        self.fruitless = 0;
    }

    /// Whether it waits for longer than at first, because whole turns of the circle brought no leader.
    pub(super) fn has_grown_patient(&self, config: &Config) -> bool {
        0 < self.turns(config)
    }

    fn turns(&self, config: &Config) -> u32 {
        self.fruitless / config.members.len() as u32
    }

    /// How long to wait.
    pub(super) fn patience(&mut self, wait: Wait, config: &Config) -> Duration {
        let base = match wait {
            Wait::FirstSign => config.patience / 2,
            Wait::NextSign => config.patience,
        };
        let turns = self.turns(config);
        let turns = if config.has(Flaw::SyncLongerThanTimeout) {
            0
        } else {
            turns
        };
        let grown = base.saturating_mul(1 << turns.min(TURNS_COUNTED_MAX));
        grown.min(config.patience_max).mul_f64(1.0 + self.rng.f64() / 2.0)
    }
}

/// Beyond so many turns the time does not grow any more, whatever its limit.
const TURNS_COUNTED_MAX: u32 = 10;

#[cfg(test)]
mod tests {
    use super::{Rotation, Wait};
    use crate::node_id::NodeId;
    use crate::paxos::{Config, Round};

    #[test]
    fn a_whole_turn_without_a_leader_makes_patience_grow_up_to_a_limit() {
        let config = Config::new((1..=3).map(NodeId::replica).collect());
        let mut rotation = Rotation::new(Round(7), 1);
        for round in 8..=100 {
            let before = rotation.patience(Wait::NextSign, &config);
            assert!(config.patience <= before && before <= config.patience_max * 3 / 2);
            rotation.move_to(Round(round));
        }
        assert!(config.patience_max <= rotation.patience(Wait::NextSign, &config));
        rotation.begin_anew();
        assert!(rotation.patience(Wait::NextSign, &config) <= config.patience * 3 / 2);
    }
}

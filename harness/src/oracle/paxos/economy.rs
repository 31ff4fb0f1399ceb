//! How many messages agreeing takes (I18).

use std::time::Duration;

use histories::{Anomaly, AnomalyKind};
use systems::paxos::{Config, Round};

use crate::oracle::Hindsight;
use crate::oracle::churn::Churn;
use crate::oracle::log::Index;
use crate::oracle::requests::bare;

/// The messages that are counted: those of agreeing and of staying in touch. How many it takes to bring a node up to date depends
/// on how far behind it is and on how much goes into one message, so those are not.
const COUNTED: [&str; 8] = [
    "Propose",
    "Ack",
    "Confirm",
    "Confirmed",
    "Beat",
    "Alive",
    "Nack",
    "Bump",
];

/// A server sends no more for each agreement: what the lab course allows its unoptimised ones.
const PER_AGREEMENT_MAX: u64 = 15;

/// Nor for each beat: it says that it leads or that it is there, and says again what was not acknowledged, to or from every other.
const PER_PEER_AND_BEAT_MAX: u64 = 2;

/// Nor for each round.
const PER_PEER_AND_ROUND_MAX: u64 = 8;

/// For starting, and for what lies over the edges.
const BESIDE_MAX: u64 = 100;

/// What a cluster may send.
#[derive(Debug)]
pub(super) struct Economy {
    servers: u64,
    beat_interval: Duration,
    /// How many reads were answered without a slot.
    reads: u64,
}

impl Economy {
    pub(super) const fn new(config: &Config) -> Self {
        Self {
            servers: config.members.len() as u64,
            beat_interval: config.beat_interval,
            reads: 0,
        }
    }

    /// A read was answered without a slot: that takes agreeing, too.
    pub(super) const fn read(&mut self) {
        self.reads += 1;
    }

    /// Whether far more was sent than is needed.
    pub(super) fn conclude(
        &self,
        hindsight: &Hindsight<'_>,
        decided: Index,
        rounds: &Churn<Round>,
    ) -> Option<Anomaly> {
        let traffic = hindsight.traffic.as_ref()?;
        let counts = COUNTED.iter().filter_map(|kind| traffic.sent.get(kind));
        let sent: u64 = counts.sum();
        let beats = (traffic.within.as_nanos() / self.beat_interval.as_nanos().max(1)) as u64 + 1;
        let peers = self.servers * self.servers.saturating_sub(1);
        let most = self.servers * (decided.0 + self.reads) * PER_AGREEMENT_MAX
            + peers * beats * PER_PEER_AND_BEAT_MAX
            + peers * rounds.count() * PER_PEER_AND_ROUND_MAX
            + BESIDE_MAX;
        (most < sent).then(|| {
            bare(
                AnomalyKind::Chatter,
                format!(
                    "{sent} messages were sent for {decided} slots and {} reads beside; {most} would have been more than enough",
                    self.reads
                ),
            )
        })
    }
}

//! What a node says of itself in its event log: enough to recompute from the logs alone what was chosen and by which quorum,
//! without believing what any node concluded.
//!
//! How the oracles use it. *Accepted* events are written after what they tell of is durable and before anybody is told. A value is
//! **chosen** in a slot as soon as a majority of distinct nodes has accepted it at one ballot; [`Event::Applied`] at any node must
//! name a value that was chosen in that slot before. *Promised* events bound which ballots a node may accept at afterwards, over its restarts.
//! Of the leader only [`Event::Proposed`] is an act (it must come from one life of one node for each ballot); the rest of what it says
//! is its own opinion.

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::paxos::ballot::{Ballot, Round, Slot};
use crate::replica::{ClientId, Incarnation};
use crate::service::client_table::RequestNumber;
use crate::service::digest::Digest;

/// One thing that happened at a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The node came to life, with what it found on disk. `promised` is never lower than any promise of an earlier life.
    Started {
        /// Its name.
        node: NodeId,
        /// This life.
        incarnation: Incarnation,
        /// The highest ballot it has promised itself to, if any.
        promised: Option<Ballot>,
        /// The log is decided and applied through this slot, as far as it knows: at most as far as an earlier life had come.
        committed: Slot,
        /// Of everything applied so far.
        digest: Digest,
    },
    /// Its count of rounds moved. Higher than before, within a life.
    Rotated {
        /// The round.
        round: Round,
        /// Whose turn that is.
        leader: NodeId,
        /// Why.
        cause: Cause,
    },
    /// Acceptor: it accepts nothing of an earlier ballot from now on, and that is durable. Higher than all before, over all lives.
    Promised {
        /// The ballot.
        ballot: Ballot,
        /// Its log is decided through this slot.
        committed: Slot,
    },
    /// Leader: it has begun to read. Each ballot is used by one life of its node.
    Reading {
        /// Its ballot.
        ballot: Ballot,
    },
    /// Leader: a quorum has answered its read; it imposes what they accepted and then leads.
    TookOver {
        /// Its ballot.
        ballot: Ballot,
        /// Whose answers it counted, itself included.
        quorum: Vec<NodeId>,
        /// Decided through this slot before it proposed anything.
        committed: Slot,
        /// Through this slot it imposes what the answers showed, or nothing where they showed nothing.
        imposed: Slot,
    },
    /// Leader: it proposes these values in consecutive slots. For one ballot and slot it is one value, however often it is said.
    Proposed {
        /// At which ballot.
        ballot: Ballot,
        /// The first slot.
        first: Slot,
        /// The digests of the values.
        values: Vec<Digest>,
    },
    /// Acceptor: it has accepted these values in consecutive slots, and that is durable. The ballot is not lower than any it promised.
    Accepted {
        /// At which ballot.
        ballot: Ballot,
        /// The first slot.
        first: Slot,
        /// The digests of the values.
        values: Vec<Digest>,
    },
    /// It was told by another node that these were chosen in consecutive slots, and that is durable. Not an acceptance.
    Learned {
        /// By whom.
        from: NodeId,
        /// The first slot.
        first: Slot,
        /// The digests of the values.
        values: Vec<Digest>,
    },
    /// The slot is decided for this node, and it has applied what stands there. The slots of a life are consecutive, but for snapshots.
    Applied {
        /// Which slot.
        slot: Slot,
        /// The digest of the value.
        value: Digest,
        /// The ballot of the entry that was applied: one at which the value was accepted somewhere, not always the one it was chosen at.
        ballot: Ballot,
        /// As what it applied it.
        role: Role,
        /// Whose command it was; none for a no-op.
        command: Option<CommandId>,
        /// What came of it; none for a no-op.
        outcome: Option<Outcome>,
        /// Of everything applied so far, this included, with the answers.
        digest: Digest,
    },
    /// Leader: a client wants to read, and what it is told must contain everything that was answered before now.
    ReadAsked {
        /// Which command.
        command: CommandId,
    },
    /// Leader: it has answered a read by itself, from what it has applied.
    ReadAnswered {
        /// Which command.
        command: CommandId,
        /// The last slot it has applied.
        after: Slot,
    },
    /// A snapshot of another node took the place of its own state.
    Installed {
        /// Whose.
        from: NodeId,
        /// The last slot that has been applied in it.
        through: Slot,
        /// Of everything applied in it.
        digest: Digest,
    },
    /// It made a snapshot durable and forgot what stood in the slots before.
    Compacted {
        /// The last slot that has been applied in the snapshot.
        through: Slot,
        /// The last slot whose value is not kept in memory any more.
        forgotten: Slot,
        /// How many slots are kept in memory now.
        kept: u64,
        /// About how many bytes they take.
        kept_bytes: u64,
    },
    /// Leader: its turn is over.
    SteppedDown {
        /// Its ballot.
        ballot: Ballot,
        /// Why.
        cause: Cause,
    },
    /// Something that came was put aside without any effect.
    Ignored {
        /// From whom.
        from: NodeId,
        /// Why.
        reason: Reason,
    },
    /// The node stopped for good without leaving; only a flaw or a disk that does not hold what it held does that.
    Halted,
}

/// Why a round began or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The leader was silent for too long.
    Timeout,
    /// Another node is in a later round.
    Larger,
    /// The leader has not heard of a quorum, or got no answers to its read, for too long.
    NoQuorum,
    /// The leader has had its turn.
    TurnOver,
}

/// As what a node applied a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// As the leader, which answers the client.
    Leader,
    /// As anybody else.
    Follower,
}

/// Which command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CommandId {
    /// Whose.
    pub client: ClientId,
    /// Which one of the client's.
    pub number: RequestNumber,
}

/// What came of a command that was applied in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It took effect (or was read) now.
    Now,
    /// It had taken effect in an earlier slot.
    Before,
    /// It came after a later one of its client and had no effect.
    Stale,
    /// Its client had been forgotten, and it had no effect.
    Expired,
}

/// Why something was put aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The sender is not of this cluster, or not the one to say such a thing.
    Stranger,
    /// It belongs to a ballot or a round that is over.
    OldBallot,
    /// The leader is heard of, so nobody else is wanted.
    LeaderHeard,
    /// The receiver is not, or not any more, at the stage it is meant for.
    OtherStage,
    /// It reaches further ahead than the receiver keeps.
    TooFarAhead,
    /// It contradicts itself, a limit, or what was said before.
    Malformed,
}

//! A replicated log: nodes take turns as leaders, read what the others accepted, impose it, and then propose and commit.
//!
//! Multi-Paxos in the terms of a log whose leaders rotate by time-outs. `docs/paxos.md` describes the protocol as a whole. What is
//! where: [`ballot`] (rounds, ballots, slots), [`message`], `consensus` (what a node promised, accepted and knows to be decided),
//! `leader` (read, impose, propose, commit), `node` (takes messages in, follows, keeps the count of rounds; `rotation`), `catch_up` (what
//! others know to be decided), [`event`] and [`Observer`] (what can be seen from outside), [`instances`] (the log without clients), [`Flaw`].
//!
//! Invariants, each kept at the place named:
//! * A node listens to no ballot below its promise, and the promise is durable before it is given (`Node::follow`, `Consensus::promise`).
//! * What was accepted is durable before it is acknowledged (`Consensus::accept`).
//! * A ballot is used by one life of one node (`Node::lead`).
//! * A leader proposes in a slot what the highest ballot of a quorum's answers shows, and something of its own only where they show
//!   nothing (`Reading::impose`).
//! * A slot is committed by its leader when a quorum of distinct nodes has accepted its value at the leader's ballot
//!   (`Proposing::commit`), by others when they hold the value of that very ballot or are told the value (`Consensus::follow`, `learn`).
//! * A read that takes no slot is answered when a quorum has confirmed the leader's ballot after the read came, and the leader has
//!   committed all that its own read covered (`leader::confirming`).
//! * Slots are applied in order; a hole is filled, never skipped (`Consensus::commit`).
//!
//! What it deliberately does not do: members are fixed, and a node that lost its disk must not come back under its name.

use std::time::Duration;

use crate::node_id::NodeId;
use crate::quorum;

pub mod ballot;
mod catch_up;
mod consensus;
pub mod event;
pub mod flaw;
pub mod instances;
mod leader;
pub mod message;
pub mod node;
pub mod observer;
pub mod reads;
mod rotation;

pub use ballot::{Ballot, Round, Slot};
pub use event::{Cause, CommandId, Event, Outcome, Reason, Role};
pub use flaw::Flaw;
pub use message::{
    Beat, BeatStage, Entry, Heartbeat, Message, Placed, Proposal, Question, Record, Timer, Value, Wanted,
};
pub use node::Node;
pub use observer::Observer;
pub use reads::Reads;

/// How long a follower waits for a sign of its leader, at least.
pub const PATIENCE: Duration = Duration::from_millis(250);
/// The longest it waits after many rounds without a leader; half as much again may be added by chance.
pub const PATIENCE_MAX: Duration = Duration::from_secs(1);
/// How often a leader says that it is there.
pub const BEAT_INTERVAL: Duration = Duration::from_millis(50);
/// How long to wait before asking a thing again, at first.
pub const RESEND_AFTER: Duration = Duration::from_millis(150);
/// The most slots that a leader has under way.
pub const WINDOW_SLOTS: usize = 1024;
/// The most bytes that a leader has under way, unless a single value has more.
pub const WINDOW_BYTES: usize = 4 << 20;
/// The most slots in one proposal.
pub const BATCH_SLOTS_MAX: usize = 256;
/// The most bytes in one proposal, unless a single value has more.
pub const BATCH_BYTES_MAX: usize = 256 << 10;
/// How far ahead of what it knows to be decided a node accepts, in slots.
pub const AHEAD_SLOTS_MAX: usize = 4096;
/// The same in bytes.
pub const AHEAD_BYTES_MAX: usize = 32 << 20;
/// The most bytes of decided values that are kept before they are replaced by a snapshot; more if the snapshot is longer.
pub const KEPT_BYTES_MAX: usize = 4 << 20;
/// The most bytes in one piece of an answer, unless a single value has more.
pub const PAGE_BYTES_MAX: usize = 256 << 10;
/// So much a node that lags asks for at first, in bytes; twice as much after each answer. A long message would lie on a slow link for long,
/// and everything else behind it.
pub const FIRST_PAGE_BYTES: usize = 4 << 10;
/// The longest piece of a snapshot sent at once, in bytes.
pub const PIECE_BYTES_MAX: usize = 256 << 10;
/// The longest piece of a snapshot in one record, in bytes.
pub const SNAPSHOT_RECORD_BYTES_MAX: usize = 4 << 20;
/// The most snapshots that a node sends at a time; who else needs one asks again.
pub const SENDING_MAX: usize = 2;
/// A snapshot is kept for a receiver for so long after its last sign.
pub const SENDING_SILENCE_MAX: Duration = Duration::from_secs(5);
/// The most operations that wait at a leader; beyond it clients are told that it is busy.
pub const QUEUE_OPS_MAX: usize = 4096;
/// The most bytes of operations that wait at a leader.
pub const QUEUE_BYTES_MAX: usize = 16 << 20;
/// The most clients whose last answer is remembered.
pub const CLIENTS_MAX: usize = 4096;

/// What every node of a cluster is configured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// All nodes, at least one, in the order of their turns; the same at every node.
    pub members: Vec<NodeId>,
    /// How long a follower waits for a sign of its leader, at least.
    pub patience: Duration,
    /// The longest it waits after many rounds without a leader.
    pub patience_max: Duration,
    /// How often a leader says that it is there; well below the patience.
    pub beat_interval: Duration,
    /// How long to wait before asking a thing again, at first.
    pub resend_after: Duration,
    /// How long one leader leads, if it is not for as long as it can.
    pub turn: Option<Turn>,
    /// The most slots that a leader has under way; at least 1.
    pub window_slots: usize,
    /// The most bytes that a leader has under way; at least 1.
    pub window_bytes: usize,
    /// How far ahead of what it knows to be decided a node accepts, in slots; at least the window.
    pub ahead_slots_max: usize,
    /// The same in bytes.
    pub ahead_bytes_max: usize,
    /// The most bytes of decided values that are kept before they are replaced by a snapshot.
    pub kept_bytes_max: usize,
    /// The most bytes in one piece of an answer; at least 1.
    pub page_bytes_max: usize,
    /// The most bytes in one piece of a snapshot; at least 1.
    pub piece_bytes_max: usize,
    /// The most operations that wait at a leader.
    pub queue_ops_max: usize,
    /// The most bytes of operations that wait at a leader.
    pub queue_bytes_max: usize,
    /// The most clients whose last answer is remembered; at least 1.
    pub clients_max: usize,
    /// How reads are answered.
    pub reads: Reads,
    /// The way in which this cluster is wrong, if it shall be.
    pub flaw: Option<Flaw>,
}

/// How long one leader leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// After this long it is the next one's turn.
    pub lasts: Duration,
    /// The most commands it proposes of its own within it.
    pub commands_max: u64,
}

impl Config {
    /// The usual times and limits, nothing wrong.
    #[must_use]
    pub fn new(members: Vec<NodeId>) -> Self {
        Self {
            members,
            patience: PATIENCE,
            patience_max: PATIENCE_MAX,
            beat_interval: BEAT_INTERVAL,
            resend_after: RESEND_AFTER,
            turn: None,
            window_slots: WINDOW_SLOTS,
            window_bytes: WINDOW_BYTES,
            ahead_slots_max: AHEAD_SLOTS_MAX,
            ahead_bytes_max: AHEAD_BYTES_MAX,
            kept_bytes_max: KEPT_BYTES_MAX,
            page_bytes_max: PAGE_BYTES_MAX,
            piece_bytes_max: PIECE_BYTES_MAX,
            queue_ops_max: QUEUE_OPS_MAX,
            queue_bytes_max: QUEUE_BYTES_MAX,
            clients_max: CLIENTS_MAX,
            reads: Reads::ThroughLog,
            flaw: None,
        }
    }

    /// How many distinct nodes decide: more than half, so that any two such sets share a node.
    #[must_use]
    pub fn quorum(&self) -> usize {
        if self.has(Flaw::QuorumTwoOfFive) {
            return (self.members.len() / 2).max(1);
        }
        quorum::majority(self.members.len())
    }

    /// For how long after a sign of a leader nobody else is listened to who wants to lead: a little less than anybody's patience.
    #[must_use]
    pub fn loyalty(&self) -> Duration {
        self.patience * 3 / 4
    }

    /// How long a leader goes on without a quorum, or without an answer to its read.
    #[must_use]
    pub fn leader_patience(&self) -> Duration {
        self.patience * 2
    }

    /// All nodes but `me`.
    pub(crate) fn others(&self, me: NodeId) -> impl Iterator<Item = NodeId> {
        self.members.iter().copied().filter(move |&member| member != me)
    }

    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }
}

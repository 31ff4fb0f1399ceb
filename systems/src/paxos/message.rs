//! What nodes say to each other, what stands in the log, and what is kept on disk.

use serde::{Deserialize, Serialize};

use crate::group::Command;
use crate::paxos::ballot::{Ballot, Round, Slot};
use crate::service::digest::Digest;
use crate::service::kv::Op;
use crate::transfer::Piece;

/// What nodes send each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Anybody to everybody: my count of rounds is here now. From the leader it says that its own turn is over.
    Bump {
        /// The count.
        round: Round,
    },
    /// A leader to everybody: promise me to accept nothing of an earlier ballot, and tell what you accepted.
    Read {
        /// The leader's ballot.
        ballot: Ballot,
        /// From which slot on, when the answer comes in pieces; the first question names slot 0.
        from: Slot,
    },
    /// The answer to a read, once the promise is durable.
    Gather {
        /// The promised ballot.
        ballot: Ballot,
        /// From which slot on this piece tells what was accepted.
        from: Slot,
        /// The sender's log is decided through this slot; what stands there can be fetched and is not listed.
        committed: Slot,
        /// What it has accepted in later slots, each with its ballot, committed or not; in order.
        entries: Vec<Placed>,
        /// Where the next piece begins; none when this was the last.
        next: Option<Slot>,
    },
    /// A leader to everybody: accept these values in consecutive slots.
    Propose(Proposal),
    /// The answer to a proposal, once what was accepted is durable.
    Ack {
        /// The ballot of the proposal.
        ballot: Ballot,
        /// The first slot.
        first: Slot,
        /// How many slots.
        count: u64,
    },
    /// A leader to everybody: I am there, and so far the log is decided.
    Beat(Heartbeat),
    /// The answer to a beat.
    Alive {
        /// The ballot of the beat.
        ballot: Ballot,
        /// Which beat.
        beat: Beat,
    },
    /// A leader to everybody: do you still go by me? So that it may answer reads that have come before.
    Confirm {
        /// The leader's ballot.
        ballot: Ballot,
        /// Which question.
        question: Question,
    },
    /// The answer to that: when it heard the question, the sender had promised nothing to anybody later.
    Confirmed {
        /// The ballot of the question.
        ballot: Ballot,
        /// Which question.
        question: Question,
    },
    /// What you said belongs to an earlier round than mine.
    Nack {
        /// The ballot that was refused.
        ballot: Ballot,
        /// The round the sender is in.
        round: Round,
    },
    /// Tell me what was decided.
    Fetch(Wanted),
    /// The answer to a fetch: this was decided.
    Chosen {
        /// The first slot.
        first: Slot,
        /// The values of consecutive slots, each with a ballot at which the sender knows it to be accepted.
        entries: Vec<Entry>,
        /// The sender's log is decided through this slot.
        committed: Slot,
    },
    /// The answer to a fetch of what is not kept any more: a piece of a snapshot instead.
    Snapshot {
        /// The last slot the snapshot has applied.
        through: Slot,
        /// The piece.
        piece: Piece,
    },
    /// So many bytes of a snapshot have come.
    SnapshotProgress {
        /// Of which snapshot.
        through: Slot,
        /// The bytes received without a gap; the sender goes on from there.
        bytes: u64,
    },
}

/// Values for consecutive slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The leader's ballot.
    pub ballot: Ballot,
    /// The first slot.
    pub first: Slot,
    /// The values.
    pub values: Vec<Value>,
    /// The leader's log is decided through this slot.
    pub committed: Slot,
}

/// A leader's sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The leader's ballot.
    pub ballot: Ballot,
    /// Whether it still reads.
    pub stage: BeatStage,
    /// Which beat of this ballot.
    pub beat: Beat,
    /// The leader's log is decided through this slot. A follower may commit what it accepted at this very ballot, and nothing else.
    pub committed: Slot,
}

/// What a node lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// What was decided from this slot on.
    pub from: Slot,
    /// In about so many bytes, and at least one value.
    pub bytes_max: u64,
    /// Of the snapshot through this slot,
    pub snapshot: Slot,
    /// so many bytes are there already.
    pub received: u64,
}

/// How far a leader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BeatStage {
    /// It reads what the others accepted.
    Reading,
    /// It proposes.
    Leading,
}

/// Counts the beats of one ballot, upwards from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Beat(pub u64);

/// Counts the questions of one ballot whether it still stands, upwards from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Question(pub u64);

/// What may stand in a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Value {
    /// Nothing: a leader's read proved that nothing else can have been chosen there.
    Noop,
    /// A client's command. A retry keeps its number, and may come to stand in a second slot.
    Command(Command<Op>),
}

/// A value and the ballot at which it was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The ballot.
    pub ballot: Ballot,
    /// The value.
    pub value: Value,
}

/// An entry and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Where.
    pub slot: Slot,
    /// What.
    pub entry: Entry,
}

/// What a node makes durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// It accepts nothing of an earlier ballot from now on.
    Promised(Ballot),
    /// It accepted these values in consecutive slots, which is a promise as well.
    Accepted {
        /// At which ballot.
        ballot: Ballot,
        /// In which slots, the first of them.
        first: Slot,
        /// The values.
        values: Vec<Value>,
        /// Its own log was decided through this slot then.
        committed: Slot,
    },
    /// It was told that these were chosen in consecutive slots.
    Learned {
        /// In which slots, the first of them.
        first: Slot,
        /// The values with the ballots that came with them.
        entries: Vec<Entry>,
    },
    /// A piece of the state after all slots through `through`; the pieces of one snapshot stand in a row.
    Snapshot {
        /// The last slot that has been applied.
        through: Slot,
        /// The piece.
        piece: Piece,
    },
}

/// The timers of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A follower: the leader should have said something by now.
    Patience,
    /// A leader: the next beat is due.
    Beat,
    /// A leader: propose what has come in meanwhile, all together, and ask on behalf of the reads among it.
    Flush,
}

impl Beat {
    /// How many beats after `earlier` this one is; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Question {
    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl Value {
    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Noop => VALUE_OVERHEAD,
            Self::Command(command) => VALUE_OVERHEAD + command.op.bytes(),
        }
    }

    /// Its digest, by which event logs name it.
    ///
    /// # Panics
    /// Never: a value is plain data.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&postcard::to_stdvec(self).expect("plain data can be encoded"))
    }
}

/// What a value takes beside its operation, in bytes.
const VALUE_OVERHEAD: usize = 64;

//! What the interpreter saw of a run beside the operations: faults, departures, and how it ended.

use std::collections::BTreeMap;
use std::time::Duration;

use histories::Key;
use nemesis::Action;
use serde::{Deserialize, Serialize};
use systems::NodeId;

/// A fault as it really happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRecord {
    /// Its number in the schedule.
    pub id: u64,
    /// Its family: `partition`, `pause`, `kill`.
    pub family: String,
    /// Its name: `one-way-in`, `pause`, ...
    pub fault: String,
    /// Whom it was meant for.
    pub target: String,
    /// Whom it hit.
    pub nodes: Vec<NodeId>,
    /// Begin, in nanoseconds since the start of the load.
    pub begin_ns: u64,
    /// End, in nanoseconds since the start of the load.
    pub end_ns: u64,
    /// Whether it was seen to hold while it was on.
    pub verified: bool,
    /// How the target was resolved.
    pub resolved: String,
    /// Why it was not injected, if it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub skipped: Option<String>,
    /// What was seen instead, if it did not hold.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seen_instead: Option<String>,
    /// What was done, if anything was; in files it stands in the journal.
    #[serde(skip)]
    pub action: Option<Action>,
}

/// A node that left though nobody killed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Which node.
    pub node: NodeId,
    /// How it ended, in words.
    pub status: String,
    /// When, since the start of the load.
    pub at: Duration,
}

/// How a reading of all objects went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LastReads {
    /// When it began, since the start of the load.
    pub begin: Duration,
    /// How long until every object had been read, or until it was given up.
    pub took: Duration,
    /// The objects nobody could read within the bound.
    pub unread: Vec<Key>,
}

/// What came of killing the primary at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PrimaryKill {
    /// It has not been thought of: the run ended before.
    #[default]
    NotReached,
    /// It was not to be killed: the others cannot do without it, as the system claims.
    Spared,
    /// Within the bound there was no primary that the system claims to be able to lose.
    NoneExpendable,
    /// It was killed, and everything was read again.
    Killed(LastReads),
}

/// What was done after the load.
#[derive(Debug, Clone, Default)]
pub struct Aftermath {
    /// The reads after everything had been healed.
    pub healed: LastReads,
    /// What came of killing the primary.
    pub primary_killed: PrimaryKill,
    /// Whether everybody came equally far, where that was waited for.
    pub level: Option<Level>,
    /// Why the system need not have answered, by its own claims.
    pub excuse: Option<String>,
}

/// How far the nodes had come when they had been waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Level {
    /// How many positions of its log each of them had applied.
    pub applied: BTreeMap<NodeId, u64>,
    /// For how long they had been waited for.
    pub waited: Duration,
}

impl Level {
    /// Whether all of them had come equally far.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let mut counts = self.applied.values();
        let first = counts.next();
        counts.all(|count| Some(count) == first)
    }
}

/// Everything the interpreter saw beside the operations.
#[derive(Debug, Clone, Default)]
pub struct Testimony {
    /// The faults in the order of their beginning.
    pub faults: Vec<FaultRecord>,
    /// The nodes that left by themselves.
    pub departures: Vec<Departure>,
    /// How it ended.
    pub aftermath: Aftermath,
    /// Whether somebody ended the run before its time.
    pub interrupted: bool,
    /// How long the load lasted.
    pub load: Duration,
    /// How long everything after the load lasted.
    pub recover: Duration,
}
